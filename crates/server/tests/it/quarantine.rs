//! Jobs that are slowed down, and leave quarantine by themselves.

use crate::corp::{CORP, Corp, DAY, MINUTE};
use crate::domain::HEAD;
use lockstep_model::{CycleKind, CycleState};
use serde_json::{Value, json};

const REFUSED: Option<(&str, &str)> = Some((
    "WrongCredentials",
    "dc1 refuses the account svc: wrong password",
));

fn corp() -> Corp {
    let corp = Corp::start();
    corp.ad().user("ada", HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
    corp
}

#[test]
fn a_refused_account_quarantines_at_once_and_says_why_since_when_and_what_to_do() {
    let corp = corp();
    corp.ad().failure = REFUSED;
    let cycle = corp.cycle();
    assert_eq!(cycle.state, CycleState::Failed);
    let shown = corp.show();
    assert_eq!(shown["status"], "quarantine");
    let quarantine = &shown["quarantine"];
    assert_eq!(quarantine["reason"], "WrongCredentials");
    assert_eq!(quarantine["code"], "WrongCredentials");
    assert!(
        quarantine["message"]
            .as_str()
            .unwrap()
            .contains("wrong password")
    );
    assert_eq!(quarantine["remedy"], "put it right");
    assert!(
        quarantine["request"]
            .as_str()
            .unwrap()
            .contains("dc1.corp.test")
    );
    assert!(quarantine["nextAttempt"].is_string() && quarantine["since"].is_string());
    assert_eq!(corp.users(), ["ada"]);
}

#[test]
fn the_request_that_failed_is_named_with_the_controller_that_answered_last() {
    let corp = Corp::start();
    let staff = corp.ad().ou("Staff");
    corp.ad().user("ada", staff);
    corp.apply(json!({"scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]}}));
    corp.clean_cycle();
    let request = || {
        assert_eq!(corp.cycle().state, CycleState::Failed);
        let (quarantine, last) = (corp.show()["quarantine"].clone(), corp.list("cycles"));
        assert_eq!(quarantine["request"], last[0]["error"]["request"]);
        quarantine["request"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    corp.ad().failure = REFUSED;
    assert_eq!(
        request(),
        "read changes of corp.test from a domain controller, none of which has answered yet; before, it was \
         dc1.corp.test"
    );
    corp.ad().failure = None;
    corp.ad().hide(staff, true);
    let looked_up = request();
    assert!(
        looked_up.starts_with("look up what the scope names"),
        "{looked_up}"
    );
}

#[test]
fn what_may_pass_quarantines_the_third_time() {
    let corp = corp();
    corp.ad().failure = Some(("DomainControllerUnreachable", "nobody answers"));
    for expected in ["active", "active", "quarantine"] {
        corp.cycle();
        assert_eq!(corp.show()["status"], expected);
    }
}

#[test]
fn a_cycle_that_only_could_not_see_deletions_is_no_failure_in_a_row_and_no_success() {
    let corp = corp();
    corp.ad().hides_tombstones = true;
    for _ in 0..3 {
        let cycle = corp.cycle();
        assert_eq!(cycle.state, CycleState::Failed);
        assert_eq!(cycle.error.unwrap().code, "DeletionsNotVisible");
    }
    for expected in ["active", "active", "quarantine"] {
        corp.ad().failure = Some(("DomainControllerUnreachable", "nobody answers"));
        corp.cycle();
        assert_eq!(corp.show()["status"], expected);
    }
    // It leaves quarantine as after a cycle that was clean, and runs as often as before.
    corp.ad().failure = None;
    corp.ad().user("bob", HEAD);
    let cycle = corp.cycle();
    assert_eq!((cycle.state, cycle.created), (CycleState::Failed, 1));
    assert_eq!(corp.show()["quarantine"], Value::Null);
    assert_eq!(corp.next_in_minutes(), Some(2));
    assert_eq!(corp.show()["job"]["successiveFailures"], 0);
}

#[test]
fn a_pause_in_the_middle_of_a_cycle_is_no_failure_in_a_row() {
    let corp = corp();
    corp.ad().failure = Some(("DomainControllerUnreachable", "nobody answers"));
    corp.cycle();
    corp.ad().failure = None;
    corp.paused_while_reading();
    corp.ask("POST", &format!("{CORP}/resume"), None);
    assert_eq!(corp.show()["lastCycle"]["error"]["code"], "Paused");
    corp.ad().failure = Some(("DomainControllerUnreachable", "nobody answers"));
    corp.cycle();
    assert_eq!(corp.show()["status"], "active");
}

/// 73 and 74
#[test]
fn the_interval_stretches_to_a_day_and_after_four_weeks_only_a_hand_wakes_it() {
    let corp = corp();
    corp.ad().failure = REFUSED;
    corp.cycle();
    let mut pauses = Vec::new();
    while let Some(minutes) = corp.next_in_minutes() {
        pauses.push(minutes);
        corp.wait(i64::try_from(minutes).unwrap() * MINUTE);
        corp.cycle();
    }
    assert_eq!(
        pauses[..11],
        [4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_440, 1_440]
    );
    assert!((26..=29).contains(&(pauses.iter().sum::<u64>() / 1_440)));
    let shown = corp.show();
    assert_eq!(
        (&shown["status"], &shown["quarantine"]["nextAttempt"]),
        (&json!("quarantine"), &Value::Null)
    );
    // A cycle by hand is a clean one, and everything is as before.
    corp.ad().failure = None;
    corp.clean_cycle();
    assert_eq!(
        (corp.show()["status"].clone(), corp.next_in_minutes()),
        (json!("active"), Some(2))
    );
}

/// 75
#[test]
fn putting_the_cause_right_lets_the_next_attempt_lift_it() {
    let corp = corp();
    corp.ad().failure = REFUSED;
    for _ in 0..5 {
        corp.cycle();
    }
    let since = corp.show()["quarantine"]["since"].clone();
    corp.wait(DAY);
    corp.cycle();
    assert_eq!(corp.show()["quarantine"]["since"], since);
    corp.ad().failure = None;
    corp.clean_cycle();
    assert_eq!(corp.show()["quarantine"], Value::Null);
}

#[test]
fn another_reason_is_told_with_its_own_time_and_goes_on_with_the_same_steps() {
    let corp = corp();
    corp.ad().failure = REFUSED;
    corp.cycle();
    let first = corp.show()["quarantine"]["since"].clone();
    corp.wait(10 * MINUTE);
    corp.ad().failure = Some(("AccountLocked", "dc1 says that the account is locked"));
    corp.cycle();
    let quarantine = corp.show()["quarantine"].clone();
    assert_eq!(quarantine["code"], "AccountLocked");
    assert_ne!(quarantine["since"], first);
    assert_eq!(corp.next_in_minutes(), Some(8));
}

#[test]
fn a_restart_lifts_it_and_a_new_configuration_does_not_wait() {
    let corp = corp();
    corp.ad().failure = REFUSED;
    for _ in 0..6 {
        corp.cycle();
    }
    corp.ad().failure = None;
    corp.apply(json!({"objects": {"contacts": false}}));
    assert_eq!(corp.next_in_minutes(), Some(0));
    assert_eq!(corp.show()["status"], "quarantine");
    corp.ask(
        "POST",
        &format!("{CORP}/restart"),
        Some(json!({"reset": ["escrows", "quarantine"]})),
    );
    assert_eq!(corp.show()["status"], "active");
    assert_eq!(corp.clean_cycle().kind, CycleKind::Incremental);
}

/// 72, with the service
#[test]
fn five_thousand_failing_objects_of_fewer_than_12_500_quarantine_the_job_until_they_heal() {
    let corp = Corp::start();
    corp.people(5_000, HEAD);
    let failing = json!({"user": [{"target": "jobTitle", "expression": "Error(\"no\")"}]});
    corp.apply(json!({"mapping": failing}));
    let cycle = corp.cycle();
    assert_eq!(
        (cycle.state, cycle.failed),
        (CycleState::Quarantined, 5_000)
    );
    let quarantine = corp.show()["quarantine"].clone();
    assert_eq!(quarantine["code"], "EncounteredEscrowProportionThreshold");
    let request = quarantine["request"].as_str().unwrap();
    assert!(request.starts_with("CN=person"), "{request}");
    assert!(
        request.contains(": Create with accountEnabled, "),
        "{request}"
    );
    assert!(
        request.ends_with("; jobTitle cannot be made by `Error(\"no\")`"),
        "{request}"
    );
    // Of an account that cannot see deletions besides, as much is said.
    corp.ad().hides_tombstones = true;
    assert_eq!(corp.cycle().state, CycleState::Failed);
    let quarantine = corp.show()["quarantine"].clone();
    assert_eq!(quarantine["code"], "EncounteredEscrowProportionThreshold");
    corp.ad().hides_tombstones = false;
    corp.apply(json!({}));
    let cycle = corp.clean_cycle();
    assert_eq!(
        (cycle.created, corp.show()["status"].clone()),
        (5_000, json!("active"))
    );
}
