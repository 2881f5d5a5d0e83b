//! Users and groups that the cloud owns, through `/v1.0`.

use crate::api::{Answer, Api, BASE, id, synced};
use lockstep_directory::Kind;
use serde_json::{Value, json};

fn names(values: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = values
        .iter()
        .map(|value| value["displayName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Makes a user with a value of each kind; gives the answer.
fn made(api: &Api) -> Answer {
    let body = json!({
        "@odata.type": "#microsoft.graph.user",
        "accountEnabled": true,
        "displayName": "Ada Lovelace",
        "mailNickname": "ada",
        "userPrincipalName": "ada@corp.test",
        "department": "Engines",
        "businessPhones": ["+44 1"],
        "onPremisesExtensionAttributes": {"extensionAttribute3": "x"},
        "employeeHireDate": "2026-01-31T00:00:00Z",
        "passwordProfile": {"password": "Correct horse 7", "forceChangePasswordNextSignIn": false},
    });
    let made = api.send("POST", "/v1.0/users", Some(body));
    assert_eq!(made.status, 201, "{}", made.text);
    made
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Sends a deletion that must succeed.
fn delete(api: &Api, path: &str) {
    let deleted = api.send("DELETE", path, None);
    assert_eq!(deleted.status, 204, "{path}: {}", deleted.text);
}

/// What was done lately, the last first.
fn activities(api: &Api) -> Vec<Value> {
    let audit = api.get("/api/v1/audit").json();
    let entries = audit.as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["activity"].clone())
        .collect()
}

#[test]
fn a_user_is_made_and_read() {
    let api = Api::start();
    let made = made(&api);
    let user = made.json();
    let ada = user["id"].as_str().unwrap();
    assert_eq!(made.headers["location"], format!("{BASE}/v1.0/users/{ada}"));
    assert_eq!(user["businessPhones"], json!(["+44 1"]));
    assert_eq!(
        user.get("department"),
        None,
        "it is not in Graph's default set"
    );

    let select = "id,userType,department,onPremisesExtensionAttributes,onPremisesSyncEnabled,employeeHireDate";
    let read = api
        .get(&format!("/v1.0/users/ada@corp.test?$select={select}"))
        .json();
    assert_eq!(read["id"], *ada);
    assert_eq!(read["userType"], "Member");
    assert_eq!(
        read["onPremisesExtensionAttributes"]["extensionAttribute3"],
        "x"
    );
    assert_eq!(read["onPremisesSyncEnabled"], Value::Null);
    assert_eq!(read["employeeHireDate"], "2026-01-31T00:00:00.000Z");
    assert_eq!(activities(&api)[..1], ["UserCreated"]);
}

#[test]
fn a_user_is_changed_and_the_change_is_audited() {
    let api = Api::start();
    let ada = id_of(&made(&api));
    let change =
        json!({"department": null, "jobTitle": "Countess", "userPrincipalName": "al@corp.test"});
    let changed = api.send("PATCH", &format!("/v1.0/users/{ada}"), Some(change));
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    assert_eq!(
        changed.headers.get("content-type"),
        None,
        "clients choke on an empty body with a type"
    );
    let read = api
        .get("/v1.0/users/al@corp.test?$select=department,jobTitle")
        .json();
    assert_eq!(
        (&read["department"], &read["jobTitle"]),
        (&Value::Null, &json!("Countess"))
    );
    assert_eq!(activities(&api)[..2], ["UserChanged", "UserCreated"]);
    let audit = api.get("/api/v1/audit").json();
    assert_eq!(
        audit[0]["new"],
        json!({"jobTitle": "Countess", "userPrincipalName": "al@corp.test"})
    );
}

#[test]
fn a_user_is_deleted_restored_without_a_name_that_is_taken_and_deleted_for_good() {
    let api = Api::start();
    let ada = id_of(&made(&api));
    let path = format!("/v1.0/users/{ada}");
    delete(&api, &path);
    assert_eq!(api.get(&path).status, 404);
    let bin = "/v1.0/directory/deletedItems";
    let users = api.get(&format!("{bin}/microsoft.graph.user")).values();
    assert_eq!(names(&users), ["Ada Lovelace"]);
    let one = api.get(&format!("{bin}/{ada}")).json();
    assert_eq!(one["@odata.type"], "#microsoft.graph.user");

    // The name is free; on restore it is held back, and comes when it is free again.
    let other = api.user("ada");
    let restored = api.send("POST", &format!("{bin}/{ada}/restore"), None);
    assert_eq!(restored.status, 200, "{}", restored.text);
    let select = format!("{path}?$select=userPrincipalName,onPremisesProvisioningErrors");
    let errors = api.get(&select).json();
    let error = &errors["onPremisesProvisioningErrors"][0];
    assert_eq!(error["propertyCausingError"], "UserPrincipalName");
    assert_eq!(error["value"], "ada@corp.test");
    delete(&api, &format!("/v1.0/users/{other}"));
    let read = api.get(&select).json();
    assert_eq!(read["userPrincipalName"], "ada@corp.test");

    // For good.
    delete(&api, &format!("{bin}/{other}"));
    for kind in ["graph.user", "microsoft.graph.group"] {
        let left = api.get(&format!("{bin}/{kind}")).values();
        assert_eq!(left.len(), 0, "{kind}");
    }
    let expected = [
        "UserPurged",
        "UserDeleted",
        "UserRestored",
        "UserCreated",
        "UserDeleted",
        "UserCreated",
    ];
    assert_eq!(activities(&api)[..expected.len()], expected);
}

#[test]
fn what_graph_requires_is_required_and_errors_name_the_property() {
    let api = Api::start();
    api.user("taken");
    let whole = json!({
        "accountEnabled": true,
        "displayName": "Ada",
        "mailNickname": "ada",
        "userPrincipalName": "ada@corp.test",
        "passwordProfile": {"password": "Correct horse 7"},
    });
    for name in [
        "accountEnabled",
        "displayName",
        "mailNickname",
        "userPrincipalName",
    ] {
        let mut user = whole.clone();
        user.as_object_mut().unwrap().remove(name);
        let answer = api.send("POST", "/v1.0/users", Some(user));
        assert_eq!(
            answer.error(),
            (400, "Request_BadRequest".into(), name.into())
        );
        assert!(
            answer.text.contains("A value is required"),
            "{}",
            answer.text
        );
    }
    for (name, value, expected) in [
        (
            "userPrincipalName",
            json!("ada@other.test"),
            "verified domain names",
        ),
        (
            "userPrincipalName",
            json!("taken@CORP.test"),
            "Another object with the same value",
        ),
        ("departmnt", json!("x"), "the nearest is 'department'"),
        ("department", json!(7), "expected a text"),
        ("department", json!({"a": 1}), "found an object"),
        ("businessPhones", json!(["1", "2"]), "at most 1 values"),
        ("id", json!("x"), "read-only"),
        ("onPremisesSamAccountName", json!("x"), "read-only"),
        ("roles", json!(["administrator"]), "read-only"),
        ("onPremisesImmutableId", json!("?"), "Base64"),
        ("employeeHireDate", json!("yesterday"), "a time such as"),
    ] {
        let mut user = whole.clone();
        user[name] = value;
        let answer = api.send("POST", "/v1.0/users", Some(user));
        assert_eq!(
            answer.error(),
            (400, "Request_BadRequest".into(), name.into()),
            "{}",
            answer.text
        );
        assert!(answer.text.contains(expected), "{name}: {}", answer.text);
    }
    assert_eq!(
        api.get("/v1.0/users").values().len(),
        1,
        "nothing was half made"
    );
    let answer = api.send("POST", "/v1.0/users", Some(json!([])));
    assert_eq!(answer.status, 400);
}

#[test]
fn only_administrators_write() {
    let mut api = Api::start();
    let ada = api.user("ada");
    for role in ["reader", "operator"] {
        api.with_role(role, |api| {
            assert_eq!(api.get(&format!("/v1.0/users/{ada}")).status, 200);
            for (method, path) in [
                ("POST", "/v1.0/users".to_owned()),
                ("PATCH", format!("/v1.0/users/{ada}")),
                ("DELETE", format!("/v1.0/users/{ada}")),
                (
                    "POST",
                    format!("/v1.0/directory/deletedItems/{ada}/restore"),
                ),
            ] {
                let answer = api.send(method, &path, Some(json!({"displayName": "x"})));
                assert_eq!(
                    answer.status, 403,
                    "{method} {path} as {role}: {}",
                    answer.text
                );
                assert_eq!(answer.error().1, "Authorization_RequestDenied");
            }
        });
    }
    let nobody = api.with_role("nobody", |api| api.get("/v1.0/users"));
    assert_eq!(nobody.error().1, "InvalidAuthenticationToken");
}

#[test]
fn groups_have_members_of_every_kind_and_owners() {
    let api = Api::start();
    api.configuration();
    api.sync(vec![synced(
        1,
        Kind::User,
        &[
            ("displayName", "Synced"),
            ("userPrincipalName", "s@corp.test"),
        ],
    )]);
    let (ada, group, inner) = (api.user("ada"), api.group("Pilots"), api.group("Inner"));
    for member in [&ada, &id(1).to_string(), &inner] {
        assert_eq!(api.add_member(&group, member).status, 204);
    }
    let again = api.add_member(&group, &ada);
    assert_eq!(again.status, 400);
    assert!(again.text.contains("already exist"), "{}", again.text);
    assert_eq!(api.add_member(&group, &group).status, 400, "not of itself");
    let members = api.get(&format!("/v1.0/groups/{group}/members?$count=true"));
    assert_eq!(names(&members.values()), ["Inner", "Synced", "ada"]);
    assert_eq!(members.json()["@odata.count"], 3);
    assert_eq!(
        api.get(&format!("/v1.0/groups/{group}/members/$count"))
            .text,
        "3"
    );
    let of = api.get(&format!("/v1.0/users/{ada}/memberOf")).values();
    assert_eq!(of[0]["@odata.type"], "#microsoft.graph.group");

    let path = format!("/v1.0/groups/{group}/members/{ada}/$ref");
    assert_eq!(api.send("DELETE", &path, None).status, 204);
    assert_eq!(api.send("DELETE", &path, None).status, 404);
    let owners = format!("/v1.0/groups/{group}/owners/$ref");
    let by_name = json!({"@odata.id": format!("{BASE}/v1.0/users/ada@corp.test")});
    assert_eq!(api.send("POST", &owners, Some(by_name)).status, 204);
    let wrong = json!({"@odata.id": format!("{BASE}/v1.0/directoryObjects/{inner}")});
    assert_eq!(
        api.send("POST", &owners, Some(wrong)).status,
        400,
        "a group owns nothing"
    );
    assert_eq!(
        names(&api.get(&format!("/v1.0/groups/{group}/owners")).values()),
        ["ada"]
    );

    // Who is in the recycle bin is not shown, and is a member again after a restore.
    api.add_member(&group, &ada);
    assert_eq!(
        api.send("DELETE", &format!("/v1.0/users/{ada}"), None)
            .status,
        204
    );
    assert_eq!(
        api.get(&format!("/v1.0/groups/{group}/members/$count"))
            .text,
        "2"
    );
    api.send(
        "POST",
        &format!("/v1.0/directory/deletedItems/{ada}/restore"),
        None,
    );
    assert_eq!(
        api.get(&format!("/v1.0/groups/{group}/members/$count"))
            .text,
        "3"
    );

    // A group is gone for good, with its references.
    assert_eq!(
        api.send("DELETE", &format!("/v1.0/groups/{inner}"), None)
            .status,
        204
    );
    assert_eq!(
        names(&api.get(&format!("/v1.0/groups/{group}/members")).values()),
        ["Synced", "ada"]
    );
}

#[test]
fn references_can_be_made_together_with_the_object() {
    let api = Api::start();
    let (ada, bob) = (api.user("ada"), api.user("bob"));
    let address = |id: &str| format!("{BASE}/v1.0/directoryObjects('{id}')");
    let group = json!({
        "displayName": "Both", "mailEnabled": false, "mailNickname": "both", "securityEnabled": true,
        "members@odata.bind": [address(&ada), address(&bob)],
        "owners@odata.bind": [address(&ada)],
    });
    let made = api.send("POST", "/v1.0/groups", Some(group.clone()));
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        names(&api.get(&format!("/v1.0/groups/{id}/members")).values()),
        ["ada", "bob"]
    );

    // All or nothing: with a member that is not there, there is no group either.
    let mut wrong = group;
    wrong["displayName"] = json!("Wrong");
    wrong["members@odata.bind"] = json!([address("00000000-0000-0000-0000-000000000001")]);
    assert_eq!(api.send("POST", "/v1.0/groups", Some(wrong)).status, 404);
    assert_eq!(names(&api.get("/v1.0/groups").values()), ["Both"]);

    let carl = api.user_with("carl", json!({"manager@odata.bind": address(&ada)}));
    assert_eq!(
        api.get(&format!("/v1.0/users/{carl}/manager")).json()["displayName"],
        "ada"
    );
    let path = format!("/v1.0/users/{carl}/manager/$ref");
    assert_eq!(
        api.send("PUT", &path, Some(json!({"@odata.id": address(&bob)})))
            .status,
        204
    );
    assert_eq!(
        api.get(&format!("/v1.0/users/{carl}/manager")).json()["displayName"],
        "bob"
    );
    assert_eq!(
        names(
            &api.get(&format!("/v1.0/users/{bob}/directReports"))
                .values()
        ),
        ["carl"]
    );
    assert_eq!(
        names(
            &api.get(&format!("/v1.0/users/{ada}/directReports"))
                .values()
        ),
        [""; 0]
    );
    assert_eq!(
        api.send("PUT", &path, Some(json!({"@odata.id": address(&carl)})))
            .status,
        400
    );
    assert_eq!(api.send("DELETE", &path, None).status, 204);
    assert_eq!(api.get(&format!("/v1.0/users/{carl}/manager")).status, 404);
}

#[test]
fn what_synchronisation_owns_cannot_be_changed_through_the_api() {
    let api = Api::start();
    api.configuration();
    api.sync(vec![
        synced(
            1,
            Kind::User,
            &[
                ("displayName", "Ada"),
                ("userPrincipalName", "ada@corp.test"),
            ],
        ),
        synced(2, Kind::Group, &[("displayName", "Group")]),
        synced(3, Kind::Contact, &[("displayName", "Contact")]),
    ]);
    let bob = api.user("bob");
    let address = json!({"@odata.id": format!("{BASE}/v1.0/directoryObjects/{bob}")});
    for (method, path, body) in [
        (
            "PATCH",
            format!("/v1.0/users/{}", id(1)),
            json!({"department": "x"}),
        ),
        (
            "PATCH",
            format!("/v1.0/users/{}", id(1)),
            json!({"userPrincipalName": "x@corp.test"}),
        ),
        (
            "PATCH",
            format!("/v1.0/users/{}", id(1)),
            json!({"onPremisesImmutableId": null}),
        ),
        ("DELETE", format!("/v1.0/users/{}", id(1)), Value::Null),
        (
            "PUT",
            format!("/v1.0/users/{}/manager/$ref", id(1)),
            address.clone(),
        ),
        (
            "PATCH",
            format!("/v1.0/groups/{}", id(2)),
            json!({"description": "x"}),
        ),
        ("DELETE", format!("/v1.0/groups/{}", id(2)), Value::Null),
        (
            "POST",
            format!("/v1.0/groups/{}/members/$ref", id(2)),
            address.clone(),
        ),
        (
            "POST",
            format!("/v1.0/groups/{}/owners/$ref", id(2)),
            address,
        ),
        (
            "DELETE",
            format!("/v1.0/groups/{}/members/{}/$ref", id(2), id(1)),
            Value::Null,
        ),
        ("DELETE", format!("/v1.0/contacts/{}", id(3)), Value::Null),
    ] {
        let answer = api.send(method, &path, Some(body));
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        assert!(
            answer.text.contains("mastered on-premises"),
            "{method} {path}: {}",
            answer.text
        );
    }
    // What no mapping writes is the cloud's.
    let answer = api.send(
        "PATCH",
        &format!("/v1.0/users/{}", id(1)),
        Some(json!({"ageGroup": "Adult"})),
    );
    assert_eq!(answer.status, 204, "{}", answer.text);
}

#[test]
fn an_object_whose_configuration_is_gone_belongs_to_the_cloud() {
    let api = Api::start();
    api.sync(vec![synced(
        1,
        Kind::User,
        &[
            ("displayName", "Ada"),
            ("userPrincipalName", "ada@corp.test"),
        ],
    )]);
    let path = format!("/v1.0/users/{}", id(1));
    let answer = api.send("PATCH", &path, Some(json!({"department": "x"})));
    assert_eq!(answer.status, 204, "{}", answer.text);
    let user = api
        .get(&format!("{path}?$select=department,onPremisesImmutableId"))
        .json();
    assert_eq!(user["department"], "x");
    assert_eq!(
        user["onPremisesImmutableId"], "AQEBAQEBAQEBAQEBAQEBAQ==",
        "it can be found again"
    );
}

#[test]
fn the_immutable_id_of_a_cloud_user_is_set_once_and_unique() {
    let api = Api::start();
    let (ada, bob) = (api.user("ada"), api.user("bob"));
    let anchor = json!({"onPremisesImmutableId": "MyIRAFVEd2aImaq7zN3u/w=="});
    assert_eq!(
        api.send("PATCH", &format!("/v1.0/users/{ada}"), Some(anchor.clone()))
            .status,
        204
    );
    let filter = "/v1.0/users?$filter=onPremisesImmutableId eq 'MyIRAFVEd2aImaq7zN3u/w=='";
    assert_eq!(names(&api.get(filter).values()), ["ada"]);
    let taken = api.send("PATCH", &format!("/v1.0/users/{bob}"), Some(anchor));
    assert_eq!(taken.error().2, "onPremisesImmutableId");
    let cleared = json!({"onPremisesImmutableId": null});
    assert_eq!(
        api.send("PATCH", &format!("/v1.0/users/{ada}"), Some(cleared))
            .status,
        204
    );
    assert_eq!(api.get(filter).values().len(), 0);
}

#[test]
fn a_mail_address_is_the_primary_proxy_address() {
    let api = Api::start();
    let ada = api.user_with("ada", json!({"mail": "ada@corp.test"}));
    let addresses = |api: &Api| {
        let user = api
            .get(&format!("/v1.0/users/{ada}?$select=proxyAddresses"))
            .json();
        user["proxyAddresses"].clone()
    };
    assert_eq!(addresses(&api), json!(["SMTP:ada@corp.test"]));
    let change = json!({"mail": "countess@corp.test"});
    assert_eq!(
        api.send("PATCH", &format!("/v1.0/users/{ada}"), Some(change))
            .status,
        204
    );
    assert_eq!(
        addresses(&api),
        json!(["SMTP:countess@corp.test", "smtp:ada@corp.test"])
    );
    let taken = api.send(
        "POST",
        "/v1.0/groups",
        Some(json!({
            "displayName": "g", "mailEnabled": true, "mailNickname": "g", "securityEnabled": false,
            "mail": "ADA@corp.test",
        })),
    );
    assert_eq!(taken.error().2, "proxyAddresses");
}

#[test]
fn users_leave_the_recycle_bin_for_good_after_thirty_days() {
    let api = Api::start();
    let day = 24 * 3_600 * 1_000;
    let (ada, bob) = (api.user("ada"), api.user("bob"));
    let group = api.group("g");
    api.add_member(&group, &ada);
    api.send("DELETE", &format!("/v1.0/users/{ada}"), None);
    api.service.clock.advance(day);
    api.send("DELETE", &format!("/v1.0/users/{bob}"), None);
    api.service.clock.advance(29 * day);
    api.upkeep();
    assert_eq!(
        names(
            &api.get("/v1.0/directory/deletedItems/microsoft.graph.user")
                .values()
        ),
        ["bob"]
    );
    let gone = api.send(
        "POST",
        &format!("/v1.0/directory/deletedItems/{ada}/restore"),
        None,
    );
    assert_eq!(gone.status, 404);
    let bob = api.send(
        "POST",
        &format!("/v1.0/directory/deletedItems/{bob}/restore"),
        None,
    );
    assert_eq!(bob.status, 200);
}
