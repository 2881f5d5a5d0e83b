//! Command lines that are wrong: exit status 2, with what was expected, and nothing done.

use crate::{lockstep, run, told};
use std::fs;

#[test]
fn a_wrong_command_line_ends_with_2_and_says_what_was_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&["portal"], "unrecognized subcommand 'portal'"),
        (&["agents"], "a similar subcommand exists: 'agent'"),
        (&["serve"], "expected --data-dir DIR"),
        (
            &["serve", "--smtp-url", "smtp://x"],
            "--smtp-from <ADDRESS>",
        ),
        (&["serve", "--tls-cert", "x"], "--tls-key <FILE>"),
        (&["serve", "--listen", "8443"], "--listen <ADDRESS:PORT>"),
        (&["user", "get"], "<ID>"),
        (
            &["agent", "token", "--expires-in", "1y"],
            "expected a time such as 90s",
        ),
        (
            &["token", "create", "--role", "king"],
            "administrator, operator, reader",
        ),
        (
            &["restart", "x", "--reset", "watermrk"],
            "a similar value exists: 'watermark'",
        ),
        (&["log", "--action", "Make"], "Create, Update, Delete"),
        (
            &["log", "--status", "Bad"],
            "Success, Skipped, Warning, Failure",
        ),
        (&["log", "--since", "yesterday"], "2026-01-31T12:00:00Z"),
        (&["log", "--limit", "0"], "0 is not in 1.."),
        (&["audit", "--limit", "many"], "invalid value 'many'"),
        (&["completions", "powershell"], "bash, zsh, fish"),
        (&["agent", "list", "-o", "yaml"], "table, json"),
        (
            &["agent", "list"],
            "which service? Give --data-dir DIR, or set LOCKSTEP_URL",
        ),
        (
            &["apply", "/nonexistent/corp.toml"],
            "could not read /nonexistent/corp.toml",
        ),
    ];
    for (arguments, expected) in cases {
        let (status, data, words) = run(arguments);
        assert_eq!(status, 2, "{arguments:?}: {words}");
        assert_eq!(data, "", "{arguments:?}");
        assert!(words.contains(expected), "{arguments:?}: {words}");
    }
}

#[test]
fn options_of_the_service_are_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    let text = folder.to_str().unwrap();
    for (option, value, expected) in [
        (
            "--public-url",
            "http://x",
            "--public-url: expected https://HOST",
        ),
        (
            "--public-url",
            "sync.example.com",
            "--public-url: expected https://HOST",
        ),
        (
            "--initial-domain",
            "nonsense",
            "--initial-domain: expected a DNS suffix",
        ),
        (
            "--initial-domain",
            "x..com",
            "--initial-domain: expected a DNS suffix",
        ),
    ] {
        let (status, data, words) = run(&["serve", "--data-dir", text, option, value]);
        assert_eq!((status, data.as_str()), (2, ""), "{words}");
        assert!(words.contains(expected), "{words}");
    }
    assert!(!folder.exists());
}

#[test]
fn what_the_machine_does_not_give_ends_with_1_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    let text = folder.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, _, words) = run(&["serve", "--data-dir", text, "--listen", &address]);
    assert_eq!(status, 1, "{words}");
    assert!(
        words.contains(&format!("could not listen on {address}")),
        "{words}"
    );

    let key = dir.path().join("key.pem");
    fs::write(&key, "no key").unwrap();
    let key = key.to_str().unwrap();
    for (certificate, expected) in [("/nonexistent/x.pem", "/nonexistent/x.pem"), (key, key)] {
        let arguments = [
            "serve",
            "--data-dir",
            text,
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            certificate,
            "--tls-key",
            key,
        ];
        let (status, _, words) = run(&arguments);
        assert_eq!(status, 1, "{words}");
        assert!(words.contains(expected), "{words}");
    }
    let (status, _, words) = run(&["serve", "--data-dir", "/dev/null/data"]);
    assert_eq!(status, 1);
    assert!(words.contains("/dev/null/data"), "{words}");
}

#[test]
fn a_service_that_cannot_be_reached_or_trusted_is_told_apart() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    fs::write(ca.path(), "no certificate").unwrap();
    let ca = ca.path().to_str().unwrap();
    let set = |variables: &[(&str, &str)]| {
        let mut command = lockstep(&["agent", "list"]);
        command.envs(variables.iter().copied());
        told(&command.output().unwrap())
    };
    let url = ("LOCKSTEP_URL", "https://127.0.0.1:1");
    let token = ("LOCKSTEP_TOKEN", "x");
    let (status, _, words) = set(&[url]);
    assert_eq!(status, 2);
    assert!(
        words.contains("LOCKSTEP_TOKEN or LOCKSTEP_TOKEN_FILE"),
        "{words}"
    );
    let (status, _, words) = set(&[("LOCKSTEP_URL", "http://127.0.0.1"), token]);
    assert_eq!(status, 2);
    assert!(words.contains("https://HOST:PORT"), "{words}");
    let (status, _, words) = set(&[url, token]);
    assert_eq!(status, 1);
    assert!(
        words.contains("could not reach the service at https://127.0.0.1:1"),
        "{words}"
    );
    assert!(words.contains("remedy: "), "{words}");
    let (status, _, words) = set(&[url, token, ("LOCKSTEP_CA_FILE", ca)]);
    assert_eq!(status, 1);
    assert!(words.contains("expected certificates in PEM"), "{words}");
}

#[test]
fn a_configuration_file_is_refused_with_line_expectation_and_the_nearest_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("corp.toml");
    let file = path.to_str().unwrap();
    for (text, expected) in [
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scop]\n",
            "corp.toml:3: ",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scop]\n",
            "did you mean `scope`?",
        ),
        ("name = \"corp\"\n", "missing field `domain`"),
        (
            "name = \"corp\"\ndomain = \"nonsense\"\n",
            "corp.toml:2: domain: expected",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\npaused = 3\n",
            "corp.toml:3: ",
        ),
        ("name = \"corp\"\nname = \"corp\"\n", "duplicate key"),
        ("name = \"corp\ndomain = \"corp.test\"\n", "corp.toml:1: "),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\ninterval = \"2x\"\n",
            "corp.toml:4: schedule.interval: expected a time",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[accidental-deletes]\nthreshold = 0\n",
            "corp.toml:4: accidental-deletes.threshold: expected",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scope]\norganizational-units = []\n",
            "leave the key out for the whole domain",
        ),
    ] {
        fs::write(&path, text).unwrap();
        // The file is looked at before the service: there is none here.
        let (status, data, words) = run(&["apply", file, "--yes", "--data-dir", "/nonexistent"]);
        assert_eq!((status, data.as_str()), (2, ""), "{text}: {words}");
        assert!(words.contains(expected), "{text}: {words}");
        assert!(words.contains("remedy: "), "{text}: {words}");
    }
}
