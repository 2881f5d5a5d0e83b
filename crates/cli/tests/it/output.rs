//! Data for people and for programs.

use crate::run_at;
use lockstep_testkit::product::Service;
use serde_json::Value;

#[test]
fn an_empty_service_lists_headings_for_people_and_nothing_for_programs() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let mut shown = String::new();
    for command in [
        &["agent", "list"][..],
        &["configuration", "list"],
        &["user", "list"],
        &["group", "list"],
        &["deleted", "list"],
        &["domain", "list"],
        &["token", "list"],
        &["audit"],
        &["log"],
    ] {
        let (status, table, words) = run_at(&folder, command);
        assert_eq!((status, words.as_str()), (0, ""), "{command:?}");
        shown.push_str(&format!("$ lockstep {}\n{table}\n", command.join(" ")));
        // Wherever the option stands behind the program's name.
        let mut before = vec!["-o", "json"];
        before.extend(command);
        let mut behind = command.to_vec();
        behind.extend(["--output", "json"]);
        let (status, json, _) = run_at(&folder, &before);
        assert_eq!(status, 0);
        assert_eq!(run_at(&folder, &behind).1, json, "{command:?}");
        if command != ["log"] {
            let value: Value = serde_json::from_str(&json).unwrap();
            assert!(value.is_array(), "{command:?}: {json}");
        }
    }
    let id = shown
        .split_whitespace()
        .find(|word| word.len() == 16 && is_hex(word));
    let shown = shown.replace(id.unwrap(), "0123456789abcdef");
    insta::assert_snapshot!("empty", shown);
}

fn is_hex(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_hexdigit())
}

#[test]
fn what_was_changed_is_in_the_audit_log() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let (status, domains, _) = run_at(&folder, &["domain", "add", "Corp.Example.com"]);
    assert_eq!(
        (status, domains.as_str()),
        (0, "local.lockstep\ncorp.example.com\n")
    );
    let (status, _, words) = run_at(&folder, &["domain", "add", "no suffix"]);
    assert_eq!(status, 2, "{words}");
    assert!(
        words.contains("expected a DNS suffix such as example.com"),
        "{words}"
    );
    let (status, _, words) = run_at(&folder, &["domain", "remove", "other.example.com"]);
    assert_eq!(status, 1);
    assert!(words.contains("DomainNotFound"), "{words}");
    let (status, _, words) = run_at(&folder, &["domain", "remove", "local.lockstep"]);
    assert_eq!(status, 1);
    assert!(words.contains("InitialDomain"), "{words}");
    assert_eq!(
        run_at(&folder, &["domain", "remove", "corp.example.com"]).0,
        0
    );

    let (_, text, _) = run_at(&folder, &["audit", "-o", "json"]);
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let activities: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["activity"].as_str())
        .collect();
    assert_eq!(activities, ["DomainRemoved", "DomainAdded"]);
    for entry in &entries {
        assert_eq!(entry["actor"], "admin-token");
        assert_eq!(entry["target"], "corp.example.com");
        assert!(entry["at"].as_str().unwrap().ends_with('Z'), "{entry}");
    }
}

#[test]
fn a_question_without_a_terminal_changes_nothing() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("corp.toml");
    std::fs::write(&file, "name = \"corp\"\ndomain = \"corp.test\"\n").unwrap();
    let (status, data, words) = run_at(&folder, &["apply", file.to_str().unwrap()]);
    assert_eq!((status, data.as_str()), (2, ""), "{words}");
    assert!(
        words.contains("nothing was changed") && words.contains("--yes"),
        "{words}"
    );
    let (_, list, _) = run_at(&folder, &["configuration", "list", "-o", "json"]);
    assert_eq!(list, "[]\n");
}
