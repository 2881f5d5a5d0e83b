//! Query options.

use crate::api::{Api, BASE, id, synced, values};
use lockstep_directory::{Change, Kind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn names(values: &[Value]) -> Vec<&str> {
    values
        .iter()
        .map(|value| value["displayName"].as_str().unwrap())
        .collect()
}

fn sorted(values: &[Value]) -> Vec<&str> {
    let mut names = names(values);
    names.sort_unstable();
    names
}

/// A service with some people.
fn people() -> Api {
    let api = Api::start();
    let nick = |n: usize| format!("user{n}");
    for (n, (name, department, mail)) in [
        ("Ada Lovelace", "Engines", "ada@corp.test"),
        ("Bob Adams", "Looms", "bob@corp.test"),
        ("Carl O'Hara", "Engines", "carl@corp.test"),
        ("Dora", "Looms", ""),
        ("Änne Müller-Lovett", "Engines", "aenne@corp.test"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut more = json!({"displayName": name, "department": department});
        if !mail.is_empty() {
            more["mail"] = json!(mail);
        }
        api.user_with(&nick(n), more);
    }
    api
}

#[test]
fn filters_find_what_they_say_with_and_without_an_index() {
    let api = people();
    for (filter, expected) in [
        ("displayName eq 'ada LOVELACE'", &["Ada Lovelace"][..]),
        ("department eq 'Looms'", &["Bob Adams", "Dora"]),
        ("startswith(displayName,'a')", &["Ada Lovelace"]),
        ("startswith(mail,'carl')", &["Carl O'Hara"]),
        (
            "startswith(userPrincipalName,'user0') or startswith(userPrincipalName,'user1')",
            &["Ada Lovelace", "Bob Adams"],
        ),
        (
            "mail eq 'bob@corp.test' or userPrincipalName eq 'user2@corp.test'",
            &["Bob Adams", "Carl O'Hara"],
        ),
        (
            "userPrincipalName in ('user0@corp.test','user3@corp.test','nobody@corp.test')",
            &["Ada Lovelace", "Dora"],
        ),
        (
            "proxyAddresses/any(p:p eq 'smtp:ada@corp.test')",
            &["Ada Lovelace"],
        ),
        (
            "proxyAddresses/any(p:startswith(p,'smtp:a'))",
            &["Ada Lovelace", "Änne Müller-Lovett"],
        ),
        ("displayName eq 'Carl O''Hara'", &["Carl O'Hara"]),
        ("mail eq null", &["Dora"]),
        (
            "endswith(mail,'corp.test') and not (department eq 'Looms')",
            &["Ada Lovelace", "Carl O'Hara", "Änne Müller-Lovett"],
        ),
        ("accountEnabled eq false", &[]),
        (
            "createdDateTime ge 2020-01-01T00:00:00Z and department eq 'Looms'",
            &["Bob Adams", "Dora"],
        ),
        ("id eq 'nonsense'", &[]),
    ] {
        let found = api
            .get(&format!("/v1.0/users?$filter={}", encoded(filter)))
            .values();
        assert_eq!(sorted(&found), expected, "{filter}");
        let counted = api.get(&format!(
            "/v1.0/users?$top=1&$count=true&$filter={}",
            encoded(filter)
        ));
        assert_eq!(counted.json()["@odata.count"], expected.len(), "{filter}");
        let count = api.get(&format!("/v1.0/users/$count?$filter={}", encoded(filter)));
        assert_eq!(count.text, expected.len().to_string(), "{filter}");
        let paged = api.all(&format!("/v1.0/users?$top=1&$filter={}", encoded(filter)));
        assert_eq!(sorted(&paged), expected, "{filter} in pages");
    }
    let wrong = api.get("/v1.0/users?$filter=departmnt eq 'x'");
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text.contains("$filter, character 1") && wrong.text.contains("department"),
        "{}",
        wrong.text
    );
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn a_search_finds_words_and_a_page_goes_on_where_it_ended() {
    let api = people();
    for (search, expected) in [
        ("\"displayName:lovel\"", &["Ada Lovelace"][..]),
        (
            "\"displayName:lov\"",
            &["Ada Lovelace", "Änne Müller-Lovett"],
        ),
        ("\"displayName:ad\"", &["Ada Lovelace", "Bob Adams"]),
        ("\"displayName:muller\"", &[]),
        ("\"displayName:MÜLLER änne\"", &["Änne Müller-Lovett"]),
        (
            "\"displayName:dora\" OR \"mail:bob\"",
            &["Bob Adams", "Dora"],
        ),
        ("\"displayName:a\" AND \"mail:ada\"", &["Ada Lovelace"]),
        ("\"bob\"", &["Bob Adams"]),
    ] {
        for top in [1, 100] {
            let path = format!(
                "/v1.0/users?$top={top}&$count=true&$search={}",
                encoded(search)
            );
            assert_eq!(
                api.get(&path).json()["@odata.count"],
                expected.len(),
                "{search}"
            );
            assert_eq!(sorted(&api.all(&path)), expected, "{search} by {top}");
        }
    }
    let both = format!(
        "/v1.0/users?$search={}&$filter={}",
        encoded("\"displayName:lov\""),
        encoded("startswith(mail,'ada')")
    );
    assert_eq!(names(&api.all(&both)), ["Ada Lovelace"]);
}

#[test]
fn objects_are_put_in_order() {
    let api = people();
    let by_name = [
        "Ada Lovelace",
        "Bob Adams",
        "Carl O'Hara",
        "Dora",
        "Änne Müller-Lovett",
    ];
    for top in [1, 2, 100] {
        let path = |order: &str| format!("/v1.0/users?$top={top}&$orderby={order}");
        assert_eq!(names(&api.all(&path("displayName"))), by_name);
        assert_eq!(names(&api.all(&path("userPrincipalName"))), by_name);
        let mut backwards = by_name;
        backwards.reverse();
        assert_eq!(names(&api.all(&path("displayName desc"))), backwards);
        let by_mail = [
            "Dora",
            "Ada Lovelace",
            "Änne Müller-Lovett",
            "Bob Adams",
            "Carl O'Hara",
        ];
        assert_eq!(names(&api.all(&path("mail"))), by_mail);
        let filtered = format!(
            "{}&$filter={}",
            path("displayName"),
            encoded("department eq 'Looms'")
        );
        assert_eq!(names(&api.all(&filtered)), ["Bob Adams", "Dora"]);
        let indexed = format!(
            "{}&$filter={}",
            path("displayName desc"),
            encoded("startswith(mail,'a') or startswith(mail,'b')")
        );
        assert_eq!(
            names(&api.all(&indexed)),
            ["Änne Müller-Lovett", "Bob Adams", "Ada Lovelace"]
        );
    }
    for order in [
        "displayNam",
        "displayName upwards",
        "businessPhones",
        "displayName,mail",
    ] {
        assert_eq!(
            api.get(&format!("/v1.0/users?$orderby={order}")).status,
            400,
            "{order}"
        );
    }
}

#[test]
fn pages_stay_right_while_others_write() {
    let api = Api::start();
    let ids: Vec<String> = (0..20).map(|n| api.user(&format!("user{n:02}"))).collect();
    for path in [
        "/v1.0/users?$top=4",
        "/v1.0/users?$top=4&$orderby=displayName",
    ] {
        let mut seen: Vec<String> = Vec::new();
        let mut next = Some(path.to_owned());
        let mut round = 0;
        while let Some(link) = next {
            let page = api.get(&link);
            seen.extend(
                page.values()
                    .iter()
                    .map(|user| user["id"].as_str().unwrap().to_owned()),
            );
            next = page.json()["@odata.nextLink"].as_str().map(str::to_owned);
            // Some that were shown change, somebody comes.
            for id in &seen {
                let change = json!({"department": format!("{round}")});
                assert_eq!(
                    api.send("PATCH", &format!("/v1.0/users/{id}"), Some(change))
                        .status,
                    204
                );
            }
            api.user(&format!("late{round}{}", path.len()));
            round += 1;
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "nobody is shown twice");
        assert!(
            ids.iter().all(|id| distinct.contains(id)),
            "nobody is missing"
        );
    }
}

#[test]
fn relations_are_shown_with_their_objects() {
    let api = Api::start();
    let (ada, bob) = (
        api.user("ada"),
        api.user_with("bob", json!({"department": "x"})),
    );
    let group = api.group("g");
    for n in 0..25 {
        let member = api.user(&format!("m{n}"));
        api.add_member(&group, &member);
    }
    api.add_member(&group, &bob);
    let address = json!({"@odata.id": format!("{BASE}/v1.0/users/{ada}")});
    api.send(
        "PUT",
        &format!("/v1.0/users/{bob}/manager/$ref"),
        Some(address),
    );
    let user = api
        .get(&format!(
            "/v1.0/users/{bob}?$select=department&$expand=manager($select=id),memberOf"
        ))
        .json();
    assert_eq!(
        user["manager"],
        json!({"@odata.type": "#microsoft.graph.user", "id": ada})
    );
    assert_eq!(user["memberOf"][0]["displayName"], "g");
    let without = api
        .get(&format!("/v1.0/users/{ada}?$expand=manager,directReports"))
        .json();
    assert_eq!(without.get("manager"), None);
    assert_eq!(without["directReports"][0]["id"], *bob);
    let groups = api.get("/v1.0/groups?$expand=members").values();
    assert_eq!(groups[0]["members"].as_array().unwrap().len(), 20);
    let link = groups[0]["members@odata.nextLink"].as_str().unwrap();
    assert_eq!(api.all(link).len(), 26, "the rest is at that address");
    for expand in ["managr", "manager($filter=x)", "manager($select=id"] {
        assert_eq!(
            api.get(&format!("/v1.0/users?$expand={expand}")).status,
            400,
            "{expand}"
        );
    }
}

#[test]
fn options_that_are_not_there_are_refused_by_name() {
    let api = Api::start();
    for (query, expected) in [
        ("$skip=3", "'$skip' is not supported"),
        ("$top=0", "from 1 to 999"),
        ("$count=maybe", "true or false"),
        ("$select=departmnt", "the nearest is 'department'"),
        ("$skiptoken=abc", "$skiptoken"),
        ("$search=ada", "double quotes"),
    ] {
        let answer = api.get(&format!("/v1.0/users?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text.contains(expected), "{query}: {}", answer.text);
    }
    let group = api.group("g");
    let answer = api.get(&format!(
        "/v1.0/groups/{group}/members?$orderby=displayName"
    ));
    assert!(
        answer.text.contains("not supported on this address"),
        "{}",
        answer.text
    );
    let mixed = api.get(&format!(
        "/v1.0/groups/{group}/members?$select=id,securityEnabled,department"
    ));
    assert_eq!(mixed.status, 200, "members are of several kinds");
}

#[test]
fn what_synchronisation_wrote_is_found_by_its_names() {
    let api = Api::start();
    api.sync(vec![
        synced(
            1,
            Kind::User,
            &[
                ("userPrincipalName", "ada@corp.test"),
                ("onPremisesSamAccountName", "ada"),
            ],
        ),
        synced(
            2,
            Kind::Group,
            &[
                ("displayName", "Ada"),
                ("onPremisesSamAccountName", "ada-group"),
            ],
        ),
    ]);
    let found = |path: &str| {
        let values = api.get(path).values();
        values
            .iter()
            .map(|value| value["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("/v1.0/users?$filter=onPremisesSamAccountName eq 'ADA'"),
        [id(1).to_string()]
    );
    assert_eq!(
        found("/v1.0/groups?$filter=startswith(onPremisesSamAccountName,'ada')"),
        [id(2).to_string()]
    );
    assert_eq!(
        found("/v1.0/users?$filter=onPremisesImmutableId eq 'AQEBAQEBAQEBAQEBAQEBAQ=='"),
        [id(1).to_string()]
    );
    // The index follows: another name, and none at all.
    let rename = values(Kind::User, &[("onPremisesSamAccountName", "countess")]);
    api.sync(vec![Change::Update {
        id: id(1),
        values: rename,
    }]);
    assert_eq!(
        found("/v1.0/users?$filter=onPremisesSamAccountName eq 'ada'"),
        [""; 0]
    );
    assert_eq!(
        found("/v1.0/users?$filter=onPremisesSamAccountName eq 'countess'"),
        [id(1).to_string()]
    );
    api.sync(vec![Change::Delete { id: id(1) }]);
    assert_eq!(
        found("/v1.0/users?$filter=onPremisesSamAccountName eq 'countess'"),
        [""; 0]
    );
}

#[test]
fn a_page_costs_what_the_page_costs_not_what_the_directory_does() {
    let api = Api::start();
    let user = |n: u16| {
        let name = format!("User {n:05}");
        let upn = format!("user{n}@corp.test");
        let mut change = synced(
            0,
            Kind::User,
            &[
                ("displayName", &name),
                ("userPrincipalName", &upn),
                ("onPremisesSamAccountName", &upn),
            ],
        );
        if let Change::Create { id, mastery, .. } = &mut change {
            let mut bytes = [0; 16];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            *id = lockstep_model::ids::ObjectId::new(lockstep_model::Guid::from_bytes(bytes));
            *mastery = None;
        }
        change
    };
    let cost = |path: &str| {
        let before = api.service.store.statements();
        assert_eq!(api.get(path).status, 200, "{path}");
        api.service.store.statements() - before
    };
    let paths = [
        "/v1.0/users?$top=10",
        "/v1.0/users?$top=10&$orderby=displayName",
        "/v1.0/users?$top=10&$search=\"displayName:user\"",
        "/v1.0/users?$filter=onPremisesSamAccountName eq 'user1@corp.test'",
        "/v1.0/users?$filter=userPrincipalName eq 'user1@corp.test' or mail eq 'x'",
        "/v1.0/users?$top=10&$filter=startswith(displayName,'User')",
        "/v1.0/users/delta?$top=10",
    ];
    api.sync((0..20).map(user).collect());
    let small: Vec<u64> = paths.iter().map(|path| cost(path)).collect();
    api.sync((20..3_000).map(user).collect());
    for (path, small) in paths.iter().zip(small) {
        assert!(
            cost(path) <= small + 2,
            "{path}: {} statements, with 20 users {small}",
            cost(path)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_an_answer_gives_the_same_answer(
        people in prop::collection::vec(("[ab]{1,2}( [ab]{1,2})?", prop::option::of("[ab]{1,2}@x")), 1..15),
        top in 1..5_usize,
        prefix in "[ab]{1,2}",
    ) {
        let api = Api::start();
        for (n, (name, mail)) in people.iter().enumerate() {
            let mut more = json!({"displayName": name});
            if let Some(mail) = mail {
                more["mail"] = json!(format!("{mail}{n}"));
            }
            api.user_with(&format!("u{n}"), more);
        }
        let plain = api.all("/v1.0/users?$select=id,displayName,mail&$top=999");
        let expected = |fits: &dyn Fn(&str, &str) -> bool| -> BTreeSet<String> {
            let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let fitting = plain.iter().filter(|user| fits(&text(user, "displayName"), &text(user, "mail")));
            fitting.map(|user| text(user, "id")).collect()
        };
        let found = |query: &str| -> Vec<String> {
            let users = api.all(&format!("/v1.0/users?$top={top}&{query}"));
            users.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
        };
        let word = |name: &str, _: &str| name.split(' ').any(|word| word.starts_with(&prefix));
        let begins = |name: &str, _: &str| name.starts_with(&prefix);
        let either = |name: &str, mail: &str| name.starts_with(&prefix) || mail.starts_with(&prefix);
        let search = encoded(&format!("\"displayName:{prefix}\""));
        let filter = encoded(&format!("startswith(displayName,'{prefix}')"));
        let or = encoded(&format!("startswith(displayName,'{prefix}') or startswith(mail,'{prefix}')"));
        for (query, expected) in [
            (format!("$search={search}"), expected(&word)),
            (format!("$search={search}&$orderby=displayName"), expected(&word)),
            (format!("$filter={filter}"), expected(&begins)),
            (format!("$filter={filter}&$orderby=mail desc"), expected(&begins)),
            (format!("$filter={or}"), expected(&either)),
            (format!("$filter={or}&$orderby=displayName"), expected(&either)),
        ] {
            let found = found(&query);
            let distinct: BTreeSet<String> = found.iter().cloned().collect();
            prop_assert_eq!(distinct.len(), found.len(), "somebody twice: {}", query);
            prop_assert_eq!(distinct, expected, "{}", query);
        }
    }
}
