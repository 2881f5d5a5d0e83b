//! Limits on updates and on members removed from a group.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use lockstep_model::ids::ObjectId;
use lockstep_model::{CycleState, Guid, MappedKind};
use lockstep_server::job::Wake;
use lockstep_store::WriteRecords as _;
use lockstep_store::records::job::HeldVerdict;
use lockstep_store::records::safety::HeldChange;
use serde_json::{Value, json};

fn corp(limits: Value) -> (Corp, Vec<Guid>, Guid) {
    let corp = Corp::start();
    let people = corp.people(10, HEAD);
    let club = corp.ad().group("Club", &people);
    corp.apply(json!({"limits": limits}));
    corp.clean_cycle();
    (corp, people, club)
}

fn rename(corp: &Corp, people: &[Guid], name: &str) {
    let mut ad = corp.ad();
    people
        .iter()
        .for_each(|person| ad.set(*person, "displayName", name));
}

fn named(corp: &Corp, name: &str) -> usize {
    corp.all(&format!("/v1.0/users?$filter=displayName eq '{name}'"))
        .len()
}

fn members(corp: &Corp) -> usize {
    let groups = corp.all("/v1.0/groups?$select=id");
    let id = groups[0]["id"].as_str().unwrap();
    corp.all(&format!("/v1.0/groups/{id}/members")).len()
}

fn deletes(corp: &Corp, verb: &str, chosen: Value) -> Value {
    corp.ask("POST", &format!("{CORP}/deletes/{verb}"), Some(chosen))
}

#[test]
fn fewer_updates_than_the_limit_leave_and_as_many_are_all_held() {
    let (corp, people, _) = corp(json!({"updates": 5}));
    rename(&corp, &people[..4], "Four");
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, named(&corp, "Four")), (4, 4));
    rename(&corp, &people[..5], "Five");
    let cycle = corp.cycle();
    assert_eq!(
        (cycle.state, cycle.updated, cycle.held),
        (CycleState::Quarantined, 0, 5)
    );
    assert_eq!(corp.show()["quarantine"]["code"], "TooManyUpdates");
    let log = corp.log();
    assert_eq!(log.len(), 5);
    assert!(
        log.iter()
            .all(|entry| entry["code"] == "UpdateLimitReached" && entry["status"] == "Warning")
    );
    let changes = log.iter().map(|entry| &entry["modifiedProperties"][0]);
    let changed = changes.filter(|change| change["old"] == "Four" && change["new"] == "Five");
    assert_eq!(changed.count(), 4);
    // Told once; creates go on.
    corp.ad().user("eve", HEAD);
    let cycle = corp.cycle();
    assert_eq!((cycle.created, cycle.held, corp.log().len()), (1, 5, 1));
    // One put right is one less, and the others stay held.
    rename(&corp, &people[..1], "Four");
    assert_eq!(corp.cycle().held, 4);
    assert_eq!(deletes(&corp, "allow", json!({}))["count"], 4);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, named(&corp, "Five")), (4, 4));
    assert_eq!(corp.show()["status"], "active");
}

#[test]
fn an_approved_update_is_good_for_that_change_only_and_a_rejected_one_stays() {
    let (corp, people, _) = corp(json!({"updates": "30%"}));
    rename(&corp, &people[..4], "New");
    assert_eq!(corp.cycle().held, 4);
    let id = |person: usize| json!({"ids": [people[person].to_string()]});
    deletes(&corp, "reject", id(0));
    deletes(&corp, "allow", id(1));
    deletes(&corp, "allow", id(2));
    rename(&corp, &people[1..2], "Newer");
    let cycle = corp.cycle();
    assert_eq!((cycle.updated, named(&corp, "New")), (1, 1));
    // The one that changed since, and the one of which nothing was said.
    assert_eq!(cycle.held, 2);
    assert_eq!(corp.list("deletes").len(), 3);
    // Without a limit nothing waits; what was rejected is rejected all the same.
    corp.apply(json!({}));
    corp.clean_cycle();
    assert_eq!((named(&corp, "New"), named(&corp, "Newer")), (2, 1));
    let left = corp.list("deletes");
    assert_eq!((left.len(), &left[0]["verdict"]), (1, &json!("rejected")));
}

#[test]
fn a_rejected_update_stays_rejected_without_a_limit_until_it_is_another_or_allowed() {
    let (corp, people, _) = corp(json!({"updates": 3}));
    rename(&corp, &people[..3], "New");
    assert_eq!(corp.cycle().held, 3);
    deletes(&corp, "reject", json!({}));
    corp.apply(json!({}));
    assert_eq!(corp.clean_cycle().updated, 0);
    // Everything is read and decided anew.
    let restart = format!("{CORP}/restart");
    corp.ask("POST", &restart, Some(json!({"reset": ["watermark"]})));
    assert_eq!((corp.clean_cycle().updated, named(&corp, "New")), (0, 0));
    // Another change of the same object is another matter, and an update of anybody else.
    rename(&corp, &people[..1], "Newer");
    rename(&corp, &people[5..6], "New");
    assert_eq!(corp.clean_cycle().updated, 2);
    assert_eq!((named(&corp, "New"), named(&corp, "Newer")), (1, 1));
    assert_eq!(corp.list("deletes").len(), 2);
    // Put right in Active Directory, nothing is left to reject.
    rename(&corp, &people[1..2], "person1");
    assert_eq!(corp.clean_cycle().updated, 0);
    assert_eq!(corp.list("deletes").len(), 1);
    assert_eq!(
        deletes(&corp, "allow", json!({"ids": [people[2].to_string()]}))["count"],
        1
    );
    assert_eq!(corp.clean_cycle().updated, 1);
    assert_eq!(named(&corp, "New"), 2);
    assert!(corp.list("deletes").is_empty());
}

#[test]
fn a_member_whose_removal_was_rejected_stays_without_a_limit_until_it_is_allowed() {
    let (corp, people, club) = corp(json!({"member-removals": 2}));
    let leaves = |people: &[Guid]| {
        corp.ad().change(club, |entry| {
            entry.members.retain(|member| !people.contains(member));
        });
    };
    leaves(&people[..2]);
    assert_eq!(corp.cycle().held, 2);
    deletes(&corp, "reject", json!({}));
    corp.apply(json!({}));
    leaves(&people[2..3]);
    corp.clean_cycle();
    assert_eq!(members(&corp), 9);
    let restart = format!("{CORP}/restart");
    corp.ask("POST", &restart, Some(json!({"reset": ["watermark"]})));
    corp.clean_cycle();
    assert_eq!(members(&corp), 9);
    let held = corp.list("deletes");
    assert_eq!(held.len(), 2);
    assert_eq!(
        deletes(&corp, "allow", json!({"ids": [held[0]["id"]]}))["count"],
        1
    );
    corp.clean_cycle();
    assert_eq!((members(&corp), corp.list("deletes").len()), (8, 1));
}

/// H6
#[test]
fn updates_that_changes_bring_one_by_one_are_counted_together() {
    let (corp, people, _) = corp(json!({"updates": 5}));
    for person in &people[..6] {
        rename(&corp, &[*person], "New");
        assert_eq!(corp.woken_by(Wake::Change).updated, 0);
    }
    assert_eq!(corp.cycle().held, 6);
}

#[test]
fn an_object_on_demand_is_updated_whatever_the_limit() {
    let (corp, people, _) = corp(json!({"updates": 1}));
    rename(&corp, &people[..1], "New");
    let wish = json!({"dn": "CN=person0,DC=corp,DC=test"});
    corp.ask("POST", &format!("{CORP}/provision"), Some(wish));
    assert_eq!(named(&corp, "New"), 1);
}

#[test]
fn members_that_leave_one_group_are_held_together_at_the_limit() {
    let (corp, people, club) = corp(json!({"member-removals": 4}));
    corp.ad().change(club, |entry| {
        for one in &people[..3] {
            assert!(entry.members.remove(one));
        }
    });
    corp.clean_cycle();
    assert_eq!(members(&corp), 7);
    corp.ad().change(club, |entry| entry.members.clear());
    let cycle = corp.cycle();
    assert_eq!(
        (cycle.state, cycle.held, members(&corp)),
        (CycleState::Quarantined, 7, 7)
    );
    let log = corp.log();
    assert_eq!(
        (log.len(), &log[0]["code"]),
        (1, &json!("MemberRemovalLimitReached"))
    );
    assert_eq!(corp.show()["quarantine"]["code"], "TooManyMemberRemovals");
    let held = corp.list("deletes");
    assert_eq!(
        (held.len(), &held[0]["change"]),
        (7, &json!("memberRemoval"))
    );
    // Four come back: the list empties one by one, and the rest does not leave by itself.
    corp.ad()
        .change(club, |entry| entry.members.extend(&people[3..7]));
    let cycle = corp.cycle();
    assert_eq!((cycle.held, members(&corp)), (3, 7));
    let member = json!({"filter": "change eq 'memberRemoval' and startswith(member,'CN=person9')"});
    assert_eq!(deletes(&corp, "allow", member)["count"], 1);
    assert_eq!(corp.cycle().held, 2);
    assert_eq!(members(&corp), 6);
    deletes(&corp, "reject", json!({}));
    corp.clean_cycle();
    assert_eq!(members(&corp), 6);
}

/// A group of one configuration, whose members another configuration of the domain provisions.
fn shared(limit: Value) -> (Corp, Vec<Guid>, Guid) {
    let corp = Corp::start();
    let (east, west) = {
        let mut ad = corp.ad();
        (ad.ou("East"), ad.ou("West"))
    };
    let people = corp.people(10, west);
    let club = corp.ad().group("Club", &people);
    corp.ad().move_to(club, east);
    let other = json!({
        "name": "other", "domain": "corp.test", "password-hash-sync": {"enabled": false},
        "scope": {"organizational-units": ["OU=West,DC=corp,DC=test"]},
    });
    corp.ask("PUT", "/api/v1/configurations/other", Some(other));
    let id = corp.row(|tx| lockstep_server::configurations::by_name(tx, "other"));
    assert_eq!(corp.cycle_of(id.unwrap().id, Wake::Clock).created, 10);
    corp.apply(json!({
        "limits": {"member-removals": limit},
        "scope": {"organizational-units": ["OU=East,DC=corp,DC=test"]},
    }));
    corp.clean_cycle();
    assert_eq!(members(&corp), 10);
    (corp, people, club)
}

#[test]
fn a_member_of_another_configuration_who_is_back_before_the_clock_comes_stays() {
    let (corp, people, club) = shared(json!(4));
    corp.ad().change(club, |entry| {
        assert!(entry.members.remove(&people[0]));
    });
    corp.woken_by(Wake::Change);
    assert_eq!(members(&corp), 10);
    corp.ad()
        .change(club, |entry| entry.members.extend(&people[..1]));
    corp.woken_by(Wake::Change);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, members(&corp)), (0, 10));
    // Who stays away leaves.
    corp.ad().change(club, |entry| {
        assert!(entry.members.remove(&people[0]));
    });
    corp.clean_cycle();
    assert_eq!(members(&corp), 9);
}

#[test]
fn putting_right_what_removed_members_of_another_configuration_empties_the_list() {
    let (corp, people, club) = shared(json!(4));
    corp.ad().change(club, |entry| entry.members.clear());
    assert_eq!(corp.cycle().held, 10);
    // What was allowed is decided once more as well.
    assert_eq!(deletes(&corp, "allow", json!({}))["count"], 10);
    corp.ad()
        .change(club, |entry| entry.members.extend(&people[..7]));
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.held, members(&corp)), (0, 7));
    assert!(corp.list("deletes").is_empty());
}

#[test]
fn removals_that_the_mapping_leaves_alone_by_now_are_struck_off_the_list() {
    let (corp, _, club) = corp(json!({"member-removals": 4}));
    corp.ad().change(club, |entry| entry.members.clear());
    assert_eq!(corp.cycle().held, 10);
    assert_eq!(deletes(&corp, "allow", json!({}))["count"], 10);
    corp.apply(json!({
        "limits": {"member-removals": 4},
        "mapping": {"group": [{"target": "members", "none": true}]},
    }));
    corp.clean_cycle();
    assert_eq!(members(&corp), 10);
    assert!(corp.list("deletes").is_empty());
}

#[test]
fn a_wrong_filter_is_refused_with_the_nearest_field() {
    let (corp, _, _) = corp(json!({}));
    let body = Some(json!({"filter": "dnn eq 'x'"}));
    let answer = corp
        .api
        .send("POST", &format!("{CORP}/deletes/allow"), body);
    assert_eq!(answer.status, 400);
    assert!(
        answer.text.contains("`dn`") || answer.text.contains("dn"),
        "{}",
        answer.text
    );
}

#[test]
fn updates_that_were_allowed_or_rejected_count_towards_the_limit_no_more() {
    let (corp, people, _) = corp(json!({"updates": 3}));
    rename(&corp, &people[..3], "New");
    assert_eq!(corp.cycle().held, 3);
    deletes(&corp, "allow", json!({}));
    rename(&corp, &people[3..4], "Another");
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, cycle.held), (4, 0));
    rename(&corp, &people[4..7], "New");
    assert_eq!(corp.cycle().held, 3);
    deletes(&corp, "reject", json!({}));
    rename(&corp, &people[7..9], "Another");
    assert_eq!(corp.clean_cycle().updated, 2);
    assert_eq!((named(&corp, "New"), named(&corp, "Another")), (3, 3));
}

/// H6
#[test]
fn an_update_that_is_held_stays_held_when_it_becomes_another() {
    let (corp, people, _) = corp(json!({"updates": 3}));
    let name = |person: usize| format!("person{person}");
    rename(&corp, &people[..3], "New");
    assert_eq!(corp.cycle().held, 3);
    rename(&corp, &people[..1], &name(0));
    rename(&corp, &people[1..3], "Newer");
    let cycle = corp.cycle();
    assert_eq!((cycle.updated, cycle.held), (0, 2));
    assert_eq!(named(&corp, "Newer"), 0);
}

#[test]
fn members_that_leave_one_group_are_held_by_the_part_of_it_that_they_are() {
    let (corp, people, club) = corp(json!({"member-removals": "30%"}));
    let remove = |people: &[Guid]| {
        corp.ad().change(club, |entry| {
            entry.members.retain(|member| !people.contains(member));
        });
    };
    // Two of ten are less, three of the eight that are left are more.
    remove(&people[..2]);
    corp.clean_cycle();
    assert_eq!(members(&corp), 8);
    remove(&people[2..5]);
    let cycle = corp.cycle();
    assert_eq!(
        (cycle.state, cycle.held, members(&corp)),
        (CycleState::Quarantined, 3, 8)
    );
    assert_eq!(corp.show()["quarantine"]["code"], "TooManyMemberRemovals");
    // What was allowed leaves, and is not counted with what comes: one of the five that are left.
    assert_eq!(deletes(&corp, "allow", json!({}))["count"], 3);
    remove(&people[5..6]);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.held, members(&corp)), (0, 4));
}

#[test]
fn what_is_held_is_no_drift_however_much_it_is() {
    const MANY: u32 = 10_010;
    let (corp, people, _) = corp(json!({"updates": 1}));
    rename(&corp, &people[..1], "New");
    assert_eq!(corp.cycle().held, 1);
    let id = corp.configuration().id;
    // They stand before the one that is held, in the order in which they are kept.
    let guid = |number: u32| {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        Guid::from_bytes(bytes)
    };
    let row = |number| HeldChange {
        configuration: id,
        guid: guid(number),
        object: ObjectId::new(guid(number)),
        member: None,
        name: format!("CN=u{number}"),
        member_name: String::new(),
        kind: Some(MappedKind::User),
        reason: "it would change".into(),
        fingerprint: String::new(),
        since: 0,
        verdict: HeldVerdict::Rejected,
        told: true,
        tripped: true,
        number: 1,
    };
    let rows: Vec<HeldChange> = (1..=MANY).map(row).collect();
    let store = &corp.api.service.store;
    store.write(&mut |tx| tx.store(&rows)).unwrap();
    let compared = corp.ask("POST", &format!("{CORP}/reconcile"), None);
    assert_eq!(compared["drifting"], 0, "{compared}");
}
