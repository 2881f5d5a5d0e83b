//! Rounds of changes: `/users/delta`, `/groups/delta`.

use crate::api::{Api, id, synced};
use lockstep_directory::{Change, Kind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One round: everything up to its delta link, which is given.
fn round(api: &Api, path: &str) -> (Vec<Value>, String) {
    let mut values = Vec::new();
    let mut link = path.to_owned();
    loop {
        let page = api.get(&link);
        values.extend(page.values());
        let body = page.json();
        if let Some(delta) = body["@odata.deltaLink"].as_str() {
            return (values, delta.to_owned());
        }
        link = body["@odata.nextLink"].as_str().expect("a link").to_owned();
    }
}

/// What a client that follows the rounds knows: names by id.
#[derive(Default)]
struct Replica {
    users: BTreeMap<String, String>,
    members: BTreeSet<(String, String)>,
}

impl Replica {
    fn take(&mut self, entries: &[Value]) {
        for entry in entries {
            let id = entry["id"].as_str().unwrap().to_owned();
            if entry.get("@removed").is_some() {
                self.users.remove(&id);
                self.members.retain(|(group, _)| *group != id);
                continue;
            }
            let name = entry["displayName"].as_str().unwrap_or_default().to_owned();
            self.users.insert(id.clone(), name);
            for member in entry["members@delta"].as_array().into_iter().flatten() {
                let pair = (id.clone(), member["id"].as_str().unwrap().to_owned());
                match member.get("@removed") {
                    Some(_) => self.members.remove(&pair),
                    None => self.members.insert(pair),
                };
            }
        }
    }
}

#[test]
fn a_first_round_shows_what_is_there_and_the_next_what_has_changed() {
    let api = Api::start();
    let (ada, bob, carl) = (api.user("ada"), api.user("bob"), api.user("carl"));
    api.send("DELETE", &format!("/v1.0/users/{carl}"), None);
    let (first, link) = round(
        &api,
        "/v1.0/users/delta?$select=displayName,department&$top=1",
    );
    let ids: BTreeSet<&str> = first
        .iter()
        .map(|user| user["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [ada.as_str(), bob.as_str()].into(),
        "who is in the bin was never there"
    );
    let (nothing, link) = round(&api, &link);
    assert_eq!(nothing, [Value::Null; 0]);

    api.send(
        "PATCH",
        &format!("/v1.0/users/{ada}"),
        Some(json!({"department": "x"})),
    );
    api.send("DELETE", &format!("/v1.0/users/{bob}"), None);
    let dora = api.user("dora");
    let (changed, link) = round(&api, &link);
    let expected = [
        json!({"displayName": "ada", "department": "x", "id": ada}),
        json!({"id": bob, "@removed": {"reason": "changed"}}),
        json!({"displayName": "dora", "department": null, "id": dora}),
    ];
    assert_eq!(changed, expected);

    api.send(
        "DELETE",
        &format!("/v1.0/directory/deletedItems/{bob}"),
        None,
    );
    api.send(
        "POST",
        &format!("/v1.0/directory/deletedItems/{carl}/restore"),
        None,
    );
    let (changed, _) = round(&api, &link);
    assert_eq!(
        changed[0],
        json!({"id": bob, "@removed": {"reason": "deleted"}})
    );
    assert_eq!(changed[1]["id"], *carl);
}

#[test]
fn every_spelling_of_delta_is_understood_and_latest_begins_now() {
    let api = Api::start();
    api.user("ada");
    for name in [
        "delta",
        "delta()",
        "microsoft.graph.delta",
        "microsoft.graph.delta()",
    ] {
        assert_eq!(
            round(&api, &format!("/v1.0/users/{name}")).0.len(),
            1,
            "{name}"
        );
    }
    let (nothing, link) = round(&api, "/v1.0/users/delta?$deltatoken=latest");
    assert!(nothing.is_empty());
    api.user("bob");
    assert_eq!(round(&api, &link).0.len(), 1);
    assert_eq!(api.get("/v1.0/users/delta?$filter=id eq 'x'").status, 400);
    assert_eq!(
        api.get("/v1.0/users/delta?$deltatoken=nonsense").status,
        400
    );
}

#[test]
fn members_that_come_and_go_are_shown_with_their_group() {
    let api = Api::start();
    let (ada, bob, group) = (api.user("ada"), api.user("bob"), api.group("g"));
    api.add_member(&group, &ada);
    let (first, link) = round(&api, "/v1.0/groups/delta");
    let member = |id: &str| json!({"@odata.type": "#microsoft.graph.user", "id": id});
    assert_eq!(first[0]["members@delta"], json!([member(&ada)]));

    api.add_member(&group, &bob);
    api.send(
        "DELETE",
        &format!("/v1.0/groups/{group}/members/{ada}/$ref"),
        None,
    );
    let (changed, link) = round(&api, &link);
    let mut gone = member(&ada);
    gone["@removed"] = json!({"reason": "deleted"});
    assert_eq!(changed[0]["members@delta"], json!([member(&bob), gone]));

    // Away and back again: a member.
    api.add_member(&group, &ada);
    api.send(
        "DELETE",
        &format!("/v1.0/groups/{group}/members/{ada}/$ref"),
        None,
    );
    api.add_member(&group, &ada);
    let (changed, link) = round(&api, &link);
    assert_eq!(changed[0]["members@delta"], json!([member(&ada)]));

    // Whoever does not want members is not shown them; a group that goes is shown as gone.
    let (without, _) = round(&api, "/v1.0/groups/delta?$select=displayName");
    assert_eq!(without[0].get("members@delta"), None);
    api.send("DELETE", &format!("/v1.0/groups/{group}"), None);
    let (changed, _) = round(&api, &link);
    assert_eq!(
        changed,
        [json!({"id": group, "@removed": {"reason": "deleted"}})]
    );
}

#[test]
fn a_large_group_is_shown_in_parts_while_it_changes() {
    let api = Api::start();
    let group = api.group("large");
    let users = |from: u16, to: u16| (from..to).map(numbered).collect::<Vec<_>>();
    api.sync(users(0, 2_500).into_iter().map(numbered_user).collect());
    let link_all = |ids: Vec<lockstep_model::ids::ObjectId>| {
        let group = group.parse().unwrap();
        api.service
            .store
            .write(&mut |tx| lockstep_server::directory::link(tx, group, "members", &ids).map(drop))
            .unwrap();
    };
    link_all(users(0, 2_400));
    let mut replica = Replica::default();
    let mut link = "/v1.0/groups/delta".to_owned();
    let mut pages = 0;
    let delta = loop {
        let page = api.get(&link);
        replica.take(&page.values());
        pages += 1;
        if pages == 1 {
            // One that was shown goes, one that was not shown yet goes, one comes.
            for n in [0, 2_399] {
                let path = format!("/v1.0/groups/{group}/members/{}/$ref", numbered(n));
                assert_eq!(api.send("DELETE", &path, None).status, 204);
            }
            link_all(users(2_450, 2_451));
        }
        let body = page.json();
        if let Some(delta) = body["@odata.deltaLink"].as_str() {
            break delta.to_owned();
        }
        link = body["@odata.nextLink"].as_str().unwrap().to_owned();
    };
    assert!(pages >= 3, "{pages} pages");
    let members = |api: &Api| -> BTreeSet<(String, String)> {
        let members = api.all(&format!("/v1.0/groups/{group}/members?$select=id&$top=999"));
        members
            .iter()
            .map(|m| (group.clone(), m["id"].as_str().unwrap().to_owned()))
            .collect()
    };
    assert_eq!(replica.members, members(&api));
    assert_eq!(replica.members.len(), 2_399);

    // One more member is one entry, whatever the size of the group.
    link_all(users(2_460, 2_461));
    let before = api.service.store.statements();
    let (changed, _) = round(&api, &delta);
    assert!(api.service.store.statements() - before < 30);
    assert_eq!(changed[0]["members@delta"].as_array().unwrap().len(), 1);
    replica.take(&changed);
    assert_eq!(replica.members, members(&api));
}

fn numbered(n: u16) -> lockstep_model::ids::ObjectId {
    let mut bytes = [1; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    lockstep_model::ids::ObjectId::new(lockstep_model::Guid::from_bytes(bytes))
}

fn numbered_user(id: lockstep_model::ids::ObjectId) -> Change {
    let name = format!("{id}@corp.test");
    match synced(0, Kind::User, &[("userPrincipalName", &name)]) {
        Change::Create { kind, values, .. } => Change::Create {
            id,
            kind,
            mastery: None,
            values,
        },
        other => other,
    }
}

#[test]
fn a_client_that_follows_the_rounds_knows_what_the_directory_knows() {
    let api = Api::start();
    let mut users: Vec<String> = (0..6).map(|n| api.user(&format!("u{n}"))).collect();
    let group = api.group("g");
    let (mut people, mut groups) = (Replica::default(), Replica::default());
    let mut links = [
        "/v1.0/users/delta?$top=2".to_owned(),
        "/v1.0/groups/delta?$top=2".to_owned(),
    ];
    // Arbitrary, and the same each time.
    let mut dice: u32 = 12_345;
    for step in 0..60 {
        dice = dice.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let choice = usize::try_from(dice >> 16).unwrap();
        let user = users[choice % users.len()].clone();
        let path = format!("/v1.0/users/{user}");
        match choice / 7 % 6 {
            0 => drop(api.send(
                "PATCH",
                &path,
                Some(json!({"displayName": format!("n{step}")})),
            )),
            1 => drop(api.send("DELETE", &path, None)),
            2 => drop(api.send(
                "POST",
                &format!("/v1.0/directory/deletedItems/{user}/restore"),
                None,
            )),
            3 => drop(api.add_member(&group, &user)),
            4 => drop(api.send(
                "DELETE",
                &format!("/v1.0/groups/{group}/members/{user}/$ref"),
                None,
            )),
            _ => users.push(api.user(&format!("s{step}"))),
        }
        if step % 4 == 0 {
            for (link, replica) in links.iter_mut().zip([&mut people, &mut groups]) {
                let (entries, next) = round(&api, link);
                replica.take(&entries);
                *link = next;
            }
            let known: BTreeMap<String, String> = api
                .all("/v1.0/users")
                .iter()
                .map(|user| {
                    let text = |name: &str| user[name].as_str().unwrap().to_owned();
                    (text("id"), text("displayName"))
                })
                .collect();
            assert_eq!(people.users, known, "step {step}");
            let live = groups
                .members
                .iter()
                .filter(|(_, member)| known.contains_key(member));
            let members: BTreeSet<String> = live.map(|(_, member)| member.clone()).collect();
            let shown = api.all(&format!("/v1.0/groups/{group}/members"));
            let shown: BTreeSet<String> = shown
                .iter()
                .map(|member| member["id"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(members, shown, "step {step}");
        }
    }
}

#[test]
fn who_was_away_too_long_begins_anew() {
    let api = Api::start();
    let day = 24 * 3_600 * 1_000;
    api.upkeep();
    let group = api.group("g");
    let (_, link) = round(&api, "/v1.0/groups/delta");
    api.send("DELETE", &format!("/v1.0/groups/{group}"), None);
    for _ in 0..29 {
        api.service.clock.advance(day);
        api.upkeep();
    }
    assert_eq!(
        round(&api, &link).0.len(),
        1,
        "what went is remembered for thirty days"
    );
    for _ in 0..3 {
        api.service.clock.advance(day);
        api.upkeep();
    }
    let answer = api.get(&link);
    assert_eq!(
        (answer.status, answer.error().1.as_str()),
        (410, "syncStateNotFound")
    );
    assert_eq!(
        answer.headers["location"],
        "https://directory.test/v1.0/groups/delta"
    );
    assert_eq!(round(&api, "/v1.0/groups/delta").0.len(), 0);
    // Of an object that is still there nothing is forgotten.
    api.sync(vec![synced(
        1,
        Kind::User,
        &[("userPrincipalName", "a@corp.test")],
    )]);
    assert_eq!(
        round(&api, "/v1.0/users/delta").0[0]["id"],
        id(1).to_string()
    );
}
