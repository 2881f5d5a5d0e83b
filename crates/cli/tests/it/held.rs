//! What is said about changes that are held.

use crate::run_at;
use crate::stand_in::StandIn;
use serde_json::{Value, json};

fn held(change: &str, verdict: &str, number: u64) -> Value {
    json!({
        "id": format!("00000000-0000-0000-0000-{number:012}"), "change": change, "dn": format!("CN=u{number}"),
        "type": "user", "reason": "it was deleted in Active Directory", "since": "2026-01-31T12:00:00Z",
        "verdict": verdict, "number": number,
    })
}

/// A command as somebody sees it who types it.
fn seen(stand_in: &StandIn, arguments: &[&str]) -> String {
    let (status, data, words) = run_at(stand_in.folder(), arguments);
    let file = arguments
        .iter()
        .find(|argument| argument.ends_with(".toml"));
    let line = arguments.join(" ");
    let line = file.map_or(line.clone(), |file| line.replace(file, "corp.toml"));
    format!("$ lockstep {line}\n{data}--- said\n{words}--- status {status}\n")
}

#[test]
fn what_has_come_while_somebody_was_asked_is_counted_and_left_alone() {
    let list = json!([
        held("delete", "held", 7),
        held("delete", "allowed", 9),
        held("delete", "held", 8)
    ]);
    let stand_in = StandIn::start(vec![
        ("GET", "/api/v1/configurations/corp/deletes", list),
        (
            "POST",
            "/api/v1/configurations/corp/deletes/allow",
            json!({"count": 2, "newer": 3}),
        ),
        (
            "POST",
            "/api/v1/configurations/corp/deletes/reject",
            json!({"count": 2, "newer": 0}),
        ),
    ]);
    let allowed = seen(&stand_in, &["deletes", "allow", "corp", "--yes"]);
    let rejected = seen(&stand_in, &["deletes", "reject", "corp", "--yes"]);
    insta::assert_snapshot!("newer", format!("{allowed}\n{rejected}"));
    // It was asked about what was listed.
    let about = |sent: &Value| sent["until"].as_u64();
    let sent: Vec<Option<u64>> = stand_in.sent().iter().map(about).collect();
    assert_eq!(sent, [Some(9), Some(9)]);
}

#[test]
fn whoever_takes_the_guard_away_is_told_how_much_of_what_it_holds_leaves() {
    let spec = |keys: Value| {
        let mut spec = json!({"name": "corp", "domain": "corp.test"});
        for (key, value) in keys.as_object().unwrap() {
            spec[key] = value.clone();
        }
        spec
    };
    let shown = |spec: Value| {
        json!({
            "id": "", "name": "corp", "domain": "corp.test", "status": "active", "servicePrincipal": "",
            "job": {"successiveFailures": 0, "exported": 0, "held": 0, "drifting": 0, "troubleshooting": ""},
            "counts": {"users": 0, "groups": 0, "contacts": 0}, "configuration": spec,
        })
    };
    let before = spec(json!({"limits": {"updates": 5, "member-removals": "30%"}}));
    let list = json!([
        held("delete", "held", 1),
        held("delete", "held", 2),
        held("delete", "rejected", 3),
        held("update", "held", 4),
        held("memberRemoval", "rejected", 5),
    ]);
    let stand_in = StandIn::start(vec![
        ("GET", "/api/v1/configurations/corp", shown(before.clone())),
        ("PUT", "/api/v1/configurations/corp", shown(before)),
        ("GET", "/api/v1/configurations/corp/deletes", list),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("corp.toml");
    let mut told = String::new();
    for rest in [
        "[accidental-deletes]\nenabled = false\n",
        "[limits]\nupdates = 5\nmember-removals = \"30%\"\n",
    ] {
        let text = format!("name = \"corp\"\ndomain = \"corp.test\"\n{rest}");
        std::fs::write(&file, &text).unwrap();
        let seen = seen(&stand_in, &["apply", file.to_str().unwrap(), "--yes"]);
        told.push_str(&format!("{text}{seen}\n"));
    }
    insta::assert_snapshot!("guard_off", told);
}
