//! Several requests in one, and the log.

use crate::api::{Api, configuration_id};
use lockstep_model::ids::CycleId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, MappedKind, PropertyValue};
use lockstep_store::WriteRecords as _;
use lockstep_store::records::log::{LogChange, LogEntry};
use serde_json::{Value, json};

fn batch(api: &Api, requests: Value) -> Vec<Value> {
    let answer = api.send(
        "POST",
        "/v1.0/$batch",
        Some(json!({ "requests": requests })),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["responses"].as_array().unwrap().clone()
}

#[test]
fn a_batch_is_carried_out_request_by_request() {
    let api = Api::start();
    let group = json!({"displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true});
    let responses = batch(
        &api,
        json!([
            {"id": "1", "method": "POST", "url": "/groups", "body": group,
             "headers": {"Content-Type": "application/json"}},
            {"id": "2", "method": "GET", "url": "/v1.0/groups?$select=displayName", "dependsOn": ["1"]},
            {"id": "3", "method": "GET", "url": "users/nobody@corp.test"},
            {"id": "4", "method": "GET", "url": "/users", "dependsOn": ["3"]},
            {"id": "5", "method": "GET", "url": "/users/$count"},
            {"id": "6", "method": "GET", "url": "/nothing"},
            {"id": "7", "method": "GET", "url": "/users?$filter=startswith(displayName,'a b')"},
        ]),
    );
    let statuses: Vec<(&str, u64)> = responses
        .iter()
        .map(|response| {
            (
                response["id"].as_str().unwrap(),
                response["status"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        statuses,
        [
            ("1", 201),
            ("2", 200),
            ("3", 404),
            ("4", 424),
            ("5", 200),
            ("6", 404),
            ("7", 200)
        ]
    );
    assert_eq!(responses[1]["body"]["value"][0]["displayName"], "g");
    assert_eq!(
        responses[2]["body"]["error"]["code"],
        "Request_ResourceNotFound"
    );
    assert_eq!(responses[4]["body"], 0, "a number is JSON");
}

#[test]
fn a_batch_that_cannot_be_read_is_refused_and_roles_hold_inside_it() {
    let mut api = Api::start();
    let get = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": "/users"});
    for (requests, expected) in [
        (
            json!((0..21).map(get).collect::<Vec<_>>()),
            "maximum value of 20",
        ),
        (json!([get(1), get(1)]), "have the id"),
        (
            json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}]),
            "does not stand before",
        ),
        (
            json!([{"id": "1", "method": "GET"}]),
            "expected each request",
        ),
    ] {
        let answer = api.send(
            "POST",
            "/v1.0/$batch",
            Some(json!({ "requests": requests })),
        );
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains(expected), "{}", answer.text);
    }
    let inner = batch(
        &api,
        json!([{"id": "1", "method": "POST", "url": "/$batch", "body": {}}]),
    );
    assert_eq!(inner[0]["status"], 400);
    let delete = json!([{"id": "1", "method": "DELETE", "url": "/users/x@corp.test",
                         "headers": {"Authorization": "Bearer administrator"}}]);
    let refused = api.with_role("reader", |api| batch(api, delete));
    assert_eq!(refused[0]["status"], 403, "a part does not choose who asks");
}

#[test]
fn the_provisioning_log_is_read_by_job_cycle_object_and_time() {
    let api = Api::start();
    api.configuration();
    let cycle = CycleId::new(Guid::from_bytes([3; 16]));
    let entry = |number: u64, status: Status, source: u8, cycle| LogEntry {
        number,
        at: i64::try_from(number).unwrap() * 1_000,
        configuration: configuration_id(),
        cycle,
        source: Guid::from_bytes([source; 16]),
        target: None,
        anchor: "AQEBAQEBAQEBAQEBAQEBAQ==".into(),
        kind: Some(MappedKind::User),
        name: None,
        dn: Some("CN=Ada".into()),
        action: Action::Create,
        status,
        reason: "it is in scope".into(),
        code: "InScope".into(),
        changes: vec![LogChange {
            property: "department".into(),
            old: None,
            new: Some(PropertyValue::Text("Engines".into())),
        }],
        took: None,
    };
    let rows = [
        entry(1, Status::Success, 1, None),
        entry(2, Status::Failure, 2, Some(cycle)),
        entry(3, Status::Success, 1, Some(cycle)),
    ];
    api.service.store.write(&mut |tx| tx.store(&rows)).unwrap();
    let numbers = |query: &str| -> Vec<String> {
        let entries = api.all(&format!("/v1.0/auditLogs/provisioning?{query}"));
        entries
            .iter()
            .map(|entry| entry["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let job = configuration_id();
    for (query, expected) in [
        (String::new(), &["3", "2", "1"][..]),
        ("$top=1".into(), &["3", "2", "1"]),
        (format!("$top=1&$filter=jobId eq '{job}'"), &["3", "2", "1"]),
        (
            format!("$filter=jobid eq '{job}' and provisioningStatusInfo/status eq 'failure'"),
            &["2"],
        ),
        (format!("$filter=cycleId eq '{cycle}'"), &["3", "2"]),
        (
            format!(
                "$filter=sourceIdentity/id eq '{}'",
                Guid::from_bytes([1; 16])
            ),
            &["3", "1"],
        ),
        (
            "$filter=activityDateTime ge 1970-01-01T00:00:02Z".into(),
            &["3", "2"],
        ),
        (
            "$filter=activityDateTime lt 1970-01-01T00:00:02Z".into(),
            &["1"],
        ),
        (
            "$filter=servicePrincipal/id eq '09090909-0909-0909-0909-090909090909'".into(),
            &["3", "2", "1"],
        ),
    ] {
        assert_eq!(numbers(&query), expected, "{query}");
    }
    let entry = &api.get("/v1.0/auditLogs/provisioning?$top=1").values()[0];
    assert_eq!(entry["provisioningAction"], "create");
    assert_eq!(entry["servicePrincipal"]["displayName"], "corp");
    assert_eq!(
        entry["modifiedProperties"][0],
        json!({"displayName": "department", "oldValue": null, "newValue": "Engines"})
    );
    let failed = &api
        .get("/v1.0/auditLogs/provisioning?$filter=status eq 'failure'")
        .values()[0];
    assert_eq!(
        failed["provisioningStatusInfo"]["errorInformation"]["errorCode"],
        "InScope"
    );
    assert_eq!(
        api.get("/v1.0/auditLogs/provisioning?$filter=job eq 'x'")
            .status,
        400
    );
    for (filter, expected) in [
        ("provisioningAction eq 'Create'", 3),
        ("provisioningAction in ('delete','stagedDelete')", 0),
        ("provisioningAction ne 'disable'", 3),
        ("startswith(provisioningAction,'cre')", 3),
        ("statusInfo/status ne 'Success'", 1),
    ] {
        assert_eq!(
            numbers(&format!("$filter={filter}")).len(),
            expected,
            "{filter}"
        );
    }
}

#[test]
fn a_word_that_the_log_does_not_have_is_refused_with_those_that_it_has() {
    let api = Api::start();
    for (path, expected) in [
        (
            "/api/v1/log?action=Created",
            "action: expected `Create`, `Update`, `Delete`, `Restore`, `StagedDelete`, `Skip` or `Other`, received \
             `Created`",
        ),
        (
            "/api/v1/log?status=",
            "status: expected `Success`, `Skipped`, `Warning` or `Failure`, received ``",
        ),
    ] {
        let answer = api.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["title"], expected, "{path}");
    }
    assert_eq!(
        api.get("/api/v1/log?action=stageddelete&status=WARNING")
            .status,
        200
    );
    for (filter, expected) in [
        (
            "provisioningAction eq 'created'",
            "$filter, character 23: expected one of 'create', 'update', 'delete', 'restore', 'stageddelete', 'skip', \
             'other', 'disable', 'unknownFutureValue', or null, found 'created'",
        ),
        (
            "provisioningStatusInfo/status in ('success','failed')",
            "$filter, character 45: expected one of 'success', 'skipped', 'warning', 'failure', \
             'unknownFutureValue', found 'failed'",
        ),
    ] {
        let answer = api.get(&format!("/v1.0/auditLogs/provisioning?$filter={filter}"));
        assert_eq!(answer.status, 400, "{filter}");
        assert_eq!(answer.json()["error"]["message"], expected, "{filter}");
    }
}
