//! An agent that has not joined, and tokens that lead nowhere.

use crate::run_in;
use lockstep_api::channel::EnrollmentToken;
use std::net::TcpListener;

#[test]
fn an_agent_that_has_not_joined_says_what_to_do_first() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    for command in ["run", "check"] {
        let (status, data, words) = run_in(&state, &[command]);
        assert_eq!((status, data.as_str()), (1, ""), "{words}");
        assert!(
            words.contains("run `lockstep-agent enroll` first"),
            "{words}"
        );
    }
}

#[test]
fn a_service_that_does_not_answer_is_named_and_the_secret_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    // Nobody listens where somebody has just listened.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let token = EnrollmentToken {
        url: format!("https://{address}"),
        secret: "a-secret-of-the-token".into(),
        ca_fingerprint: Some("ab".repeat(32)),
    };
    let (status, data, words) = run_in(&state, &["enroll", "--token", &token.to_text()]);
    assert_eq!((status, data.as_str()), (1, ""));
    assert!(words.contains(&address.to_string()), "{words}");
    assert!(!words.contains("a-secret-of-the-token"), "{words}");
    // It can be tried again as if nothing had been.
    let (status, _, words) = run_in(&state, &["run"]);
    assert_eq!(status, 1);
    assert!(
        words.contains("run `lockstep-agent enroll` first"),
        "{words}"
    );
}

#[test]
fn a_token_file_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (status, _, words) = run_in(&state, &["enroll", "--token-file", "/nonexistent/token"]);
    assert_eq!(status, 1);
    assert!(words.contains("/nonexistent/token"), "{words}");
}
