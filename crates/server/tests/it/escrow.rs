//! Objects that fail are set aside, tried again ever less often, and heal by themselves.

use crate::corp::{CORP, Corp, DAY, HOUR, MINUTE};
use crate::domain::HEAD;
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::{CycleKind, CycleState, Guid};
use lockstep_server::job::Wake;
use lockstep_store::records::safety::{Escrow, Obstacle};
use lockstep_store::{Key, ReadRecords as _, Scan, WriteRecords as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A mapping that fails for whoever has no department.
fn mapping() -> Value {
    json!({"user": [{
        "target": "jobTitle",
        "expression": "IIF(IsNullOrEmpty([department]), Error(\"nobody knows the department\"), [department])",
    }]})
}

fn corp() -> (Corp, Guid, Guid) {
    let corp = Corp::start();
    let (ada, bob) = {
        let mut ad = corp.ad();
        let (ada, bob) = (ad.user("ada", HEAD), ad.user("bob", HEAD));
        ad.set(bob, "department", "Stars");
        ad.group("Club", &[ada, bob]);
        (ada, bob)
    };
    corp.apply(json!({"mapping": mapping()}));
    (corp, ada, bob)
}

fn escrow(corp: &Corp, guid: Guid) -> Option<Escrow> {
    let id = corp.configuration().id;
    corp.row(move |tx| tx.fetch_one::<Escrow>(&(id, guid)))
}

fn members(corp: &Corp) -> usize {
    let groups = corp.all("/v1.0/groups?$select=id");
    let id = groups[0]["id"].as_str().unwrap();
    corp.all(&format!("/v1.0/groups/{id}/members")).len()
}

/// 69 for the job's part: one bad object is one bad object.
#[test]
fn an_object_that_fails_is_kept_with_request_answer_and_attempts_and_the_rest_goes_on() {
    let (corp, ada, _) = corp();
    let cycle = corp.cycle();
    assert_eq!((cycle.state, cycle.failed), (CycleState::Succeeded, 1));
    assert_eq!(corp.users(), ["bob"]);
    let listed = corp.list("escrows");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], ada.to_string());
    assert_eq!(listed[0]["dn"], "CN=ada,DC=corp,DC=test");
    assert_eq!(listed[0]["attempts"], 1);
    let answer = listed[0]["reason"].as_str().unwrap();
    assert!(answer.contains("nobody knows the department"), "{answer}");
    let request = &listed[0]["request"];
    assert_eq!(request["action"], "Create");
    assert_eq!(request["values"]["userPrincipalName"], "ada@corp.test");
    assert!(request["values"].get("jobTitle").is_none(), "{request}");
    let failed = request["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{request}");
    assert_eq!(failed[0]["target"], "jobTitle");
    assert_eq!(failed[0]["input"], json!({"department": null}));
    let text = |name: &str| failed[0][name].as_str().unwrap();
    assert!(text("expression").starts_with("IIF(IsNullOrEmpty([department])"));
    assert!(text("reason").contains("nobody knows the department"));
}

#[test]
fn of_an_object_that_is_there_the_request_names_it_and_what_would_change_without_what_is_redacted()
{
    let corp = Corp::start();
    let ada = corp.ad().user("ada", HEAD);
    corp.ad().set(ada, "department", "Stars");
    corp.ad().set(ada, "title", "good");
    let mapping = json!({"user": [
        {"target": "jobTitle", "expression": "IIF([title]=\"bad\", Error([department]), \"\")"},
        {"target": "city", "expression": "Redact([title])"},
    ]});
    corp.apply(json!({"mapping": mapping}));
    corp.clean_cycle();
    let id = corp.user("ada")["id"].clone();
    {
        let mut ad = corp.ad();
        ad.set(ada, "title", "bad");
        ad.set(ada, "displayName", "Ada King");
    }
    assert_eq!(corp.cycle().failed, 1);
    let listed = corp.list("escrows");
    let request = &listed[0]["request"];
    assert_eq!(
        (&request["action"], &request["object"]),
        (&json!("Update"), &id)
    );
    let changes = json!({"displayName": "Ada King", "city": "[Redact]"});
    assert_eq!(request["values"], changes, "{request}");
    let input = json!({"title": "[Redact]", "department": "Stars"});
    assert_eq!(request["failed"][0]["input"], input);
    assert!(!request.to_string().contains("\"bad\","), "{request}");
}

#[test]
fn a_failure_of_an_object_that_is_deleted_is_over_and_the_log_says_so() {
    let (corp, _, bob) = corp();
    corp.cycle();
    corp.ad().set(bob, "department", "");
    corp.cycle();
    assert!(escrow(&corp, bob).is_some());
    corp.ad().delete(bob);
    assert_eq!(corp.clean_cycle().deleted, 1);
    assert_eq!(escrow(&corp, bob), None);
    let log = corp.log();
    let deleted = log.iter().find(|entry| entry["action"] == "Delete");
    let reason = deleted.unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("it had failed since"), "{reason}");
}

#[test]
fn it_is_tried_in_the_next_cycle_and_then_after_6_12_and_24_hours_and_daily() {
    let (corp, ada, _) = corp();
    corp.cycle();
    let began = escrow(&corp, ada).unwrap().first;
    let mut tried = Vec::new();
    for quarter in 1..=(4 * 24 * 3) {
        corp.wait(15 * MINUTE);
        let before = escrow(&corp, ada).unwrap().attempts;
        corp.cycle();
        if escrow(&corp, ada).unwrap().attempts > before {
            tried.push((quarter + 3) / 4);
        }
    }
    assert_eq!(tried, [1, 6, 12, 24, 48, 72]);
    let last = escrow(&corp, ada).unwrap();
    assert_eq!((last.first, last.attempts), (began, 7));
    assert_eq!(last.next.map(|next| (next - began) / HOUR), Some(96));
    // Told once: it failed in the same way each time.
    assert!(corp.log().is_empty());
}

#[test]
fn after_28_days_it_waits_for_a_change() {
    let (corp, ada, _) = corp();
    corp.cycle();
    for _ in 0..30 {
        corp.wait(DAY);
        corp.cycle();
    }
    assert_eq!(escrow(&corp, ada).unwrap().next, None);
    corp.ad().set(ada, "department", "Numbers");
    assert_eq!(corp.clean_cycle().created, 1);
}

#[test]
fn a_change_has_it_tried_at_once_and_healing_is_logged_and_brings_the_references() {
    let (corp, ada, _) = corp();
    corp.cycle();
    corp.cycle();
    assert_eq!(members(&corp), 1);
    // Another failure is another failure: the ladder begins anew.
    corp.ad().set(ada, "displayName", "Ada King");
    corp.cycle();
    assert_eq!(escrow(&corp, ada).unwrap().attempts, 1);
    corp.ad().set(ada, "department", "Numbers");
    let healed = corp.clean_cycle();
    assert_eq!((healed.created, healed.failed), (1, 0));
    assert_eq!(escrow(&corp, ada), None);
    assert_eq!(members(&corp), 2);
    let log = corp.log();
    let created = log
        .iter()
        .find(|entry| entry["action"] == "Create")
        .unwrap();
    let reason = created["reason"].as_str().unwrap();
    assert!(reason.contains("it had failed since"), "{reason}");
}

#[test]
fn a_change_of_the_cause_has_everything_tried_at_once() {
    let (corp, _, _) = corp();
    corp.cycle();
    corp.apply(json!({}));
    assert_eq!(corp.clean_cycle().created, 1);
    assert!(corp.list("escrows").is_empty());
}

/// A cloud user with the name of a user of Active Directory, and a role: it is not taken over.
fn blocked() -> (Corp, Guid, String) {
    let corp = Corp::start();
    let ada = corp.ad().user("ada", HEAD);
    let body = json!({
        "accountEnabled": true,
        "displayName": "Ada of the cloud",
        "mailNickname": "ada",
        "userPrincipalName": "ada@corp.test",
        "passwordProfile": {"password": "Correct horse 7", "forceChangePasswordNextSignIn": false},
    });
    let made = corp.ask("POST", "/v1.0/users", Some(body));
    let id = made["id"].as_str().unwrap().to_owned();
    sent(&corp, "PUT", &administrator(&id), None);
    corp.apply(json!({}));
    for _ in 0..3 {
        assert_eq!(corp.cycle().created, 0);
        corp.wait(2 * MINUTE);
    }
    assert_eq!(
        escrow(&corp, ada).unwrap().code,
        "AdministratorNotTakenOver"
    );
    (corp, ada, id)
}

#[test]
fn the_request_of_a_user_that_is_not_taken_over_names_whom_it_was_to_take_over_and_its_values() {
    let (corp, _, id) = blocked();
    let listed = corp.list("escrows");
    let request = &listed[0]["request"];
    assert_eq!(
        (&request["action"], &request["object"]),
        (&json!("Update"), &json!(id))
    );
    assert_eq!(request["values"]["userPrincipalName"], "ada@corp.test");
    assert!(request.get("failed").is_none(), "{request}");
}

fn administrator(id: &str) -> String {
    format!("/api/v1/roles/administrator/users/{id}")
}

fn sent(corp: &Corp, method: &str, path: &str, body: Option<Value>) {
    let answer = corp.api.send(method, path, body);
    assert!(answer.status < 300, "{path}: {}", answer.text);
}

#[test]
fn a_user_that_a_role_kept_from_being_taken_over_is_tried_when_the_role_goes() {
    let (corp, ada, id) = blocked();
    // Nothing of it has changed: it is not tried.
    let attempts = escrow(&corp, ada).unwrap().attempts;
    corp.cycle();
    assert_eq!(escrow(&corp, ada).unwrap().attempts, attempts);
    sent(&corp, "DELETE", &administrator(&id), None);
    let plan = corp.ask("POST", &format!("{CORP}/plan"), None);
    assert_eq!(plan["counts"]["updates"], 1, "{plan}");
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, cycle.failed), (1, 0));
    assert_eq!(escrow(&corp, ada), None);
    assert_eq!(corp.user("ada")["id"], *id);
}

#[test]
fn a_user_in_whose_way_a_cloud_user_stood_is_made_when_that_one_is_deleted_though_28_days_have_passed()
 {
    let (corp, ada, id) = blocked();
    for _ in 0..30 {
        corp.wait(DAY);
        corp.cycle();
    }
    assert_eq!(escrow(&corp, ada).unwrap().next, None);
    sent(&corp, "DELETE", &format!("/v1.0/users/{id}"), None);
    assert_eq!(corp.clean_cycle().created, 1);
    assert_eq!(corp.user("ada")["userPrincipalName"], "ada@corp.test");
}

#[test]
fn a_name_that_a_cloud_user_gives_up_has_who_waits_for_it_tried() {
    let (corp, ada, id) = blocked();
    let other = json!({"userPrincipalName": "admin@corp.test"});
    sent(&corp, "PATCH", &format!("/v1.0/users/{id}"), Some(other));
    assert_eq!(corp.clean_cycle().created, 1);
    assert_eq!(escrow(&corp, ada), None);
    assert_ne!(corp.user("ada")["id"], *id);
}

/// A change that leaves the cause as it was is one attempt, and the ladder goes on.
#[test]
fn whoever_stands_in_the_way_and_changes_otherwise_has_it_tried_once() {
    let (corp, ada, id) = blocked();
    let before = escrow(&corp, ada).unwrap();
    let other = json!({"department": "Clouds"});
    sent(&corp, "PATCH", &format!("/v1.0/users/{id}"), Some(other));
    corp.cycle();
    let after = escrow(&corp, ada).unwrap();
    assert_eq!(
        (after.attempts, after.first, after.next),
        (before.attempts + 1, before.first, before.next)
    );
    corp.cycle();
    assert_eq!(escrow(&corp, ada).unwrap().attempts, after.attempts);
    // It is still known who stands in the way.
    sent(&corp, "DELETE", &administrator(&id), None);
    assert_eq!(corp.clean_cycle().updated, 1);
}

/// A configuration that provisions the domain before the other one does.
fn first(corp: &Corp) -> (Value, ConfigurationId) {
    let other = json!({
        "name": "other", "domain": "corp.test", "password-hash-sync": {"enabled": false},
    });
    corp.ask("PUT", "/api/v1/configurations/other", Some(other.clone()));
    let id = corp.row(|tx| lockstep_server::configurations::by_name(tx, "other"));
    (other, id.unwrap().id)
}

#[test]
fn of_more_than_a_hundred_who_claim_an_anchor_it_is_said_that_there_are_more() {
    let corp = Corp::start();
    corp.people(101, HEAD);
    let (_, id) = first(&corp);
    assert_eq!(corp.cycle_of(id, Wake::Clock).created, 101);
    corp.apply(json!({}));
    assert_eq!(corp.cycle().failed, 101);
    let shown = corp.show();
    assert_eq!(shown["claims"].as_array().unwrap().len(), 100);
    assert_eq!(shown["moreClaims"], true);
    let listed = corp.list("escrows");
    assert_eq!(listed.len(), 101);
    let request = &listed[0]["request"];
    assert_eq!(request["action"], "Create");
    assert!(
        request["values"]["userPrincipalName"].is_string(),
        "{request}"
    );
    let first = corp.guid_of("person0");
    corp.ad().delete(first);
    corp.cycle();
    assert_eq!(corp.show()["moreClaims"], Value::Null);
}

#[test]
fn an_object_that_another_configuration_deletes_has_who_waited_for_it_tried() {
    let corp = Corp::start();
    let ada = corp.ad().user("ada", HEAD);
    let (other, id) = first(&corp);
    assert_eq!(corp.cycle_of(id, Wake::Clock).created, 1);
    corp.apply(json!({}));
    for _ in 0..2 {
        assert_eq!(corp.cycle().failed, 1);
        corp.wait(2 * MINUTE);
    }
    assert_eq!(escrow(&corp, ada).unwrap().code, "OwnedByAnother");
    // Users are none of its business any more.
    let mut without = other;
    without["objects"] = json!({"users": false});
    corp.ask("PUT", "/api/v1/configurations/other", Some(without));
    assert_eq!(corp.cycle_of(id, Wake::Clock).deleted, 1);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.restored, cycle.failed), (1, 0));
    assert_eq!(escrow(&corp, ada), None);
}

#[test]
fn what_takes_no_part_any_more_is_no_failure_any_more() {
    let (corp, ada, _) = corp();
    corp.cycle();
    corp.ad().delete(ada);
    corp.clean_cycle();
    assert!(corp.list("escrows").is_empty());
}

#[test]
fn a_restart_that_forgets_failures_forgets_what_stood_in_their_way() {
    let (corp, ada, _) = blocked();
    let obstacles = || -> Vec<Obstacle> { corp.row(|tx| tx.list(&Scan::of(Key::empty(), 10))) };
    assert_eq!(obstacles().len(), 1);
    let reset = json!({"reset": ["escrows"]});
    sent(&corp, "POST", &format!("{CORP}/restart"), Some(reset));
    assert_eq!((escrow(&corp, ada), obstacles()), (None, Vec::new()));
}

/// 6
#[test]
fn a_restart_of_the_watermark_keeps_failures_and_one_of_failures_forgets_only_them() {
    let (corp, ada, _) = corp();
    corp.cycle();
    let restart = |what: &str| {
        corp.ask(
            "POST",
            &format!("{CORP}/restart"),
            Some(json!({"reset": [what]})),
        )
    };
    restart("watermark");
    assert_eq!(corp.cycle().kind, CycleKind::Full);
    assert_eq!(escrow(&corp, ada).unwrap().attempts, 2);
    restart("escrows");
    assert_eq!(escrow(&corp, ada), None);
    let cycle = corp.cycle();
    assert_eq!((cycle.kind, cycle.failed), (CycleKind::Incremental, 1));
    assert_eq!(escrow(&corp, ada).unwrap().attempts, 1);
}

#[test]
fn however_many_objects_fail_all_of_them_are_listed() {
    const MANY: u32 = 100_010;
    let (corp, _, _) = corp();
    let id = corp.configuration().id;
    let row = |number: u32| {
        let mut bytes = [8; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Escrow {
            configuration: id,
            guid: Guid::from_bytes(bytes),
            name: format!("CN=u{number}"),
            object: None,
            kind: None,
            request: "{}".into(),
            code: "MappingFailed".into(),
            content: String::new(),
            answer: "it failed".into(),
            cycle: CycleId::new(id.guid()),
            first: 0,
            last: 0,
            attempts: 1,
            next: None,
            obstacle: None,
        }
    };
    let rows: Vec<Escrow> = (0..MANY).map(row).collect();
    let store = &corp.api.service.store;
    store.write(&mut |tx| tx.store(&rows)).unwrap();
    let listed = corp.list("escrows");
    assert_eq!(listed.len(), rows.len());
    let names: BTreeSet<&str> = listed.iter().filter_map(|one| one["dn"].as_str()).collect();
    assert_eq!(names.len(), rows.len());
}
