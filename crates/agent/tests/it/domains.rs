//! Domains and their secrets in the agent's directory.

use crate::run_in;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const PASSWORD: &str = "correct horse battery staple";

/// An agent's directory and a password file beside it.
fn place() -> (tempfile::TempDir, std::path::PathBuf, String) {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let password = dir.path().join("password.txt");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let password = password.to_str().unwrap().to_owned();
    (dir, state, password)
}

fn add(state: &Path, password: &str) -> (i32, String, String) {
    let add = [
        "domain",
        "add",
        "corp.test",
        "--username",
        "CORP\\svc",
        "--password-file",
        password,
    ];
    run_in(state, &add)
}

#[test]
fn a_domain_is_added_listed_changed_and_removed() {
    let (_dir, state, password) = place();
    let (status, data, words) = add(&state, &password);
    assert_eq!((status, data.as_str()), (0, ""), "{words}");
    assert!(words.contains("added"), "{words}");
    insta::assert_snapshot!(run_in(&state, &["domain", "list"]).1, @r"
    DOMAIN     USER      SECURITY  SERVERS
    corp.test  CORP\svc  sealed    by DNS
    ");
    let update = [
        "domain",
        "update",
        "corp.test",
        "--security",
        "ldaps",
        "--server",
        "dc1.corp.test",
        "--server",
        "192.0.2.1:636",
        "-o",
        "json",
    ];
    let (status, data, _) = run_in(&state, &update);
    assert_eq!(status, 0);
    let expected = json!({
        "domain": "corp.test", "username": "CORP\\svc", "credential": "password", "security": "ldaps",
        "servers": ["dc1.corp.test", "192.0.2.1:636"], "ownCa": false, "searchTimeoutSeconds": null,
    });
    assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), expected);
    let (_, data, _) = run_in(&state, &["domain", "list", "--output", "json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&data).unwrap(),
        json!([expected])
    );
    assert_eq!(run_in(&state, &["domain", "remove", "corp.test"]).0, 0);
    assert_eq!(run_in(&state, &["domain", "list", "-o", "json"]).1, "[]\n");
}

#[test]
fn the_password_is_kept_for_the_owner_alone_and_never_shown() {
    let (_dir, state, password) = place();
    let (_, data, words) = add(&state, &password);
    let (_, list, more) = run_in(&state, &["domain", "list", "-o", "json"]);
    for text in [&data, &words, &list, &more] {
        assert!(!text.contains(PASSWORD));
    }
    let mut folders = vec![state];
    let mut kept = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{}", path.display());
            kept += usize::from(fs::read_to_string(&path).unwrap().contains(PASSWORD));
        }
    }
    assert_eq!(kept, 1, "the password stands in one file");
}

#[test]
fn what_cannot_be_used_is_refused_and_nothing_is_kept() {
    let (dir, state, password) = place();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, text) = (file("empty", "\n"), file("text", "no keytab"));
    let base = ["domain", "add", "corp.test", "--username", "svc"];
    for (option, value, expected) in [
        ("--password-file", "/nonexistent", "/nonexistent"),
        ("--password-file", empty.as_str(), "received an empty file"),
        ("--keytab", text.as_str(), "is not a Kerberos keytab"),
    ] {
        let mut arguments = base.to_vec();
        arguments.extend([option, value]);
        let (status, data, words) = run_in(&state, &arguments);
        assert_eq!((status, data.as_str()), (1, ""), "{words}");
        assert!(words.contains(expected), "{words}");
    }
    let mut arguments = base.to_vec();
    arguments.extend(["--password-file", &password, "--ca-file", &text]);
    let (status, _, words) = run_in(&state, &arguments);
    assert_eq!(status, 1);
    assert!(words.contains("expected certificates in PEM"), "{words}");
    assert_eq!(run_in(&state, &["domain", "list", "-o", "json"]).1, "[]\n");

    assert_eq!(add(&state, &password).0, 0);
    let (status, _, words) = add(&state, &password);
    assert_eq!(status, 1);
    assert!(
        words.contains("has been added already") && words.contains("domain update"),
        "{words}"
    );
    let (status, _, words) = run_in(&state, &["domain", "remove", "other.test"]);
    assert_eq!(status, 1);
    assert!(words.contains("not among this agent's domains"), "{words}");
}
