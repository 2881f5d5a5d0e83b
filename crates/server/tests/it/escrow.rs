//! Objects that fail are set aside, tried again ever less often, and heal by themselves.

use crate::corp::{CORP, Corp, DAY, HOUR, MINUTE};
use crate::domain::HEAD;
use lockstep_model::Guid;
use lockstep_store::ReadRecords as _;
use lockstep_store::records::safety::Escrow;
use serde_json::{Value, json};

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
    assert_eq!((cycle.state.as_str(), cycle.failed), ("succeeded", 1));
    assert_eq!(corp.users(), ["bob"]);
    let listed = corp.list("escrows");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], ada.to_string());
    assert_eq!(listed[0]["dn"], "CN=ada,DC=corp,DC=test");
    assert_eq!(listed[0]["attempts"], 1);
    let answer = listed[0]["reason"].as_str().unwrap();
    assert!(answer.contains("nobody knows the department"), "{answer}");
    assert!(listed[0]["request"].is_object(), "{}", listed[0]);
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

#[test]
fn what_takes_no_part_any_more_is_no_failure_any_more() {
    let (corp, ada, _) = corp();
    corp.cycle();
    corp.ad().delete(ada);
    corp.clean_cycle();
    assert!(corp.list("escrows").is_empty());
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
    assert_eq!(corp.cycle().kind, "full");
    assert_eq!(escrow(&corp, ada).unwrap().attempts, 2);
    restart("escrows");
    assert_eq!(escrow(&corp, ada), None);
    let cycle = corp.cycle();
    assert_eq!((cycle.kind.as_str(), cycle.failed), ("incremental", 1));
    assert_eq!(escrow(&corp, ada).unwrap().attempts, 1);
}
