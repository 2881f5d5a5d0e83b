//! What the logs tell: what was done to whom, and who changed which setting.

use crate::corp::Corp;
use crate::domain::HEAD;
use serde_json::{Value, json};

#[test]
fn the_audit_log_tells_the_settings_of_a_configuration_before_and_after_a_change() {
    let corp = Corp::start();
    corp.apply(json!({"accidental-deletes": {"threshold": 3}}));
    corp.apply(json!({
        "accidental-deletes": {"threshold": 5},
        "limits": {"updates": "30%"},
    }));
    let audit = |activity: &str| {
        let entries = corp.ask("GET", &format!("/api/v1/audit?activity={activity}"), None);
        assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
        entries[0].clone()
    };
    let made = audit("ConfigurationCreated");
    assert_eq!(made["old"], Value::Null);
    assert_eq!(made["new"]["accidental-deletes"]["threshold"], 3);
    let changed = audit("ConfigurationChanged");
    assert_eq!(
        (&changed["target"], &changed["old"]),
        (&json!("corp"), &made["new"])
    );
    assert_eq!(changed["new"]["accidental-deletes"]["threshold"], 5);
    assert_eq!(changed["new"]["limits"]["updates"], "30%");
    assert_eq!(changed["new"]["domain"], "corp.test");
}

#[test]
fn whoever_was_disabled_is_found_in_the_log_by_the_action_disable() {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    corp.ad().set(people[2], "userAccountControl", "514");
    corp.apply(json!({}));
    corp.clean_cycle();
    let disabled = || {
        let page = corp.ask("GET", "/api/v1/log?action=disable", None);
        let entries = page["entries"].as_array().cloned().unwrap();
        let of = |entry: Value| (entry["source"].clone(), entry["action"].clone());
        entries.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(disabled(), [], "made disabled is made");
    corp.ad().set(people[0], "userAccountControl", "514");
    corp.ad().set(people[1], "displayName", "Somebody");
    assert_eq!(corp.clean_cycle().updated, 2);
    let first = (json!(people[0].to_string()), json!("Update"));
    assert_eq!(disabled(), std::slice::from_ref(&first));
    // Enabled again is something else.
    corp.ad().set(people[0], "userAccountControl", "512");
    assert_eq!(corp.clean_cycle().updated, 1);
    assert_eq!(disabled(), [first]);
}
