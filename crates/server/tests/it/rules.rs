//! What synchronisation finds in the directory: by anchor, by name, by address.

use crate::api::{Api, configuration_id, id, synced, values};
use lockstep_directory::{Change, Kind};
use lockstep_model::log::Action;
use lockstep_model::{Guid, MappedKind, SourceAnchor};
use lockstep_server::directory;
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::log::LogEntry;
use lockstep_store::{Key, ReadRecords as _, Scan, Transact as _, WriteRecords as _};
use serde_json::json;

/// Looks at the directory as a cycle does.
fn look<T>(
    api: &Api,
    look: impl FnOnce(&mut dyn lockstep_store::Read) -> Result<T, lockstep_store::StoreError>,
) -> T {
    api.service.store.reading(look).unwrap()
}

#[test]
fn a_cloud_user_is_found_by_name_and_by_its_primary_address_only() {
    let api = Api::start();
    let ada = api.user_with(
        "ada",
        json!({"proxyAddresses": ["SMTP:ada@corp.test", "smtp:countess@corp.test"]}),
    );
    let names = [
        "ADA@corp.test".to_owned(),
        "nobody@corp.test".to_owned(),
        "ada@Corp.Test".to_owned(),
    ];
    let found = look(&api, |tx| directory::users_by_name(tx, &names));
    let ids: Vec<Option<String>> = found
        .iter()
        .map(|user| user.as_ref().map(|user| user.id.to_string()))
        .collect();
    assert_eq!(ids, [Some(ada.clone()), None, Some(ada.clone())]);
    let addresses = ["Ada@corp.test".to_owned(), "countess@corp.test".to_owned()];
    let found = look(&api, |tx| {
        directory::objects_by_primary_address(tx, &addresses)
    });
    assert_eq!(found[0].as_ref().unwrap().id.to_string(), ada);
    assert_eq!(found[1], None, "a further address is none to be found by");
    // Deleted, it is found by neither.
    api.send("DELETE", &format!("/v1.0/users/{ada}"), None);
    assert_eq!(
        look(&api, |tx| directory::users_by_name(tx, &names)),
        [None, None, None]
    );
}

#[test]
fn by_anchor_a_live_object_is_found_before_a_deleted_one() {
    let api = Api::start();
    api.sync(vec![synced(
        1,
        Kind::User,
        &[("userPrincipalName", "old@corp.test")],
    )]);
    api.sync(vec![Change::Delete { id: id(1) }]);
    let anchor = SourceAnchor::from_object_guid(Guid::from_bytes([1; 16]));
    let find = |api: &Api| {
        let anchors = [anchor.clone()];
        look(api, move |tx| directory::objects_by_anchor(tx, &anchors))
            .pop()
            .flatten()
    };
    assert_eq!(find(&api).map(|object| object.id), Some(id(1)));
    // A second object with the same anchor: live ones come first.
    let second = match synced(1, Kind::User, &[("userPrincipalName", "new@corp.test")]) {
        Change::Create {
            kind,
            mastery,
            values,
            ..
        } => Change::Create {
            id: id(2),
            kind,
            mastery,
            values,
        },
        other => other,
    };
    api.sync(vec![second]);
    assert_eq!(find(&api).map(|object| object.id), Some(id(2)));
    // For people, an anchor is taken as long as somebody may come back with it.
    let ada = api.user("ada");
    let taken = json!({"onPremisesImmutableId": anchor.to_string()});
    assert_eq!(
        api.send("PATCH", &format!("/v1.0/users/{ada}"), Some(taken))
            .status,
        400
    );
}

#[test]
fn a_user_that_is_taken_over_keeps_its_id_its_groups_and_what_ad_does_not_say() {
    let api = Api::start();
    api.configuration();
    let ada = api.user_with("ada", json!({"department": "Looms", "city": "London"}));
    let group = api.group("g");
    api.add_member(&group, &ada);
    let take_over = |n: u8| match synced(n, Kind::User, &[]) {
        Change::Create {
            kind,
            mastery: Some(mastery),
            ..
        } => Change::TakeOver {
            id: ada.parse().unwrap(),
            kind,
            mastery,
            values: values(
                Kind::User,
                &[
                    ("userPrincipalName", "ada@corp.test"),
                    ("department", "Engines"),
                ],
            ),
        },
        other => other,
    };
    api.sync(vec![take_over(5)]);
    let select = "department,city,onPremisesSyncEnabled,onPremisesImmutableId";
    let user = api
        .get(&format!("/v1.0/users/{ada}?$select={select}"))
        .json();
    assert_eq!(
        (&user["department"], &user["city"]),
        (&json!("Engines"), &json!("London"))
    );
    assert_eq!(user["onPremisesSyncEnabled"], true);
    assert_eq!(user["onPremisesImmutableId"], "BQUFBQUFBQUFBQUFBQUFBQ==");
    assert_eq!(
        api.get(&format!("/v1.0/users/{ada}/memberOf"))
            .values()
            .len(),
        1
    );
    let answer = api.send(
        "PATCH",
        &format!("/v1.0/users/{ada}"),
        Some(json!({"department": "x"})),
    );
    assert!(
        answer.text.contains("mastered on-premises"),
        "{}",
        answer.text
    );
}

#[test]
fn an_address_that_a_cloud_object_lets_go_comes_to_the_synchronised_user_that_waits_for_it() {
    let api = Api::start();
    let group = api.send(
        "POST",
        "/v1.0/groups",
        Some(json!({
            "displayName": "g", "mailEnabled": true, "mailNickname": "g", "securityEnabled": false,
            "mail": "a@corp.test",
        })),
    );
    let group = group.json()["id"].as_str().unwrap().to_owned();
    api.sync(vec![synced(
        1,
        Kind::User,
        &[
            ("userPrincipalName", "a@corp.test"),
            ("proxyAddresses", "SMTP:A@corp.test smtp:b@corp.test"),
        ],
    )]);
    api.configuration();
    let guid = Guid::from_bytes([1; 16]);
    let joined = LinkRow {
        configuration: configuration_id(),
        guid,
        object: id(1),
        kind: MappedKind::User,
        anchor: SourceAnchor::from_object_guid(guid),
        deleted: false,
    };
    let store = &api.service.store;
    store
        .write(&mut |tx| tx.store(std::slice::from_ref(&joined)))
        .unwrap();
    let user = |api: &Api| {
        let select = "proxyAddresses,onPremisesProvisioningErrors";
        api.get(&format!("/v1.0/users/{}?$select={select}", id(1)))
            .json()
    };
    let held = user(&api);
    assert_eq!(held["proxyAddresses"], json!(["smtp:b@corp.test"]));
    let error = &held["onPremisesProvisioningErrors"][0];
    assert_eq!(error["category"], "PropertyConflict");
    assert_eq!(error["propertyCausingError"], "ProxyAddresses");
    assert_eq!(error["value"], "SMTP:A@corp.test");
    assert_eq!(
        api.send("DELETE", &format!("/v1.0/groups/{group}"), None)
            .status,
        204
    );
    let released = user(&api);
    assert_eq!(
        released["proxyAddresses"],
        json!(["SMTP:A@corp.test", "smtp:b@corp.test"])
    );
    assert_eq!(released["onPremisesProvisioningErrors"], json!([]));
    // No cycle did it, and the log tells it all the same.
    let log: Vec<LogEntry> = look(&api, |tx| tx.list(&Scan::of(Key::empty(), 10)));
    let [entry] = &log[..] else {
        panic!("{log:?}");
    };
    assert_eq!(
        (entry.source, entry.target, entry.cycle),
        (guid, Some(id(1)), None)
    );
    assert_eq!(
        (entry.action, entry.code.as_str()),
        (Action::Update, "ValueInherited")
    );
    let told: Vec<&str> = entry
        .changes
        .iter()
        .map(|change| change.property.as_str())
        .collect();
    assert_eq!(told, ["proxyAddresses"]);
}
