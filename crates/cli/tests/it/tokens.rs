//! Tokens of the API: what each role may, and which tokens are refused.

use crate::{lockstep, run_at, told};
use lockstep_testkit::product::{Service, eventually};
use serde_json::Value;
use std::path::Path;

fn with_token(service: &Service, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let ca = service.data_dir().join("tls/ca.pem");
    let mut command = lockstep(arguments);
    command
        .env("LOCKSTEP_URL", service.url())
        .env("LOCKSTEP_TOKEN", token.trim())
        .env("LOCKSTEP_CA_FILE", ca);
    told(&command.output().unwrap())
}

fn made(folder: &Path, arguments: &[&str]) -> String {
    let (status, token, words) = run_at(folder, arguments);
    assert_eq!(status, 0, "{words}");
    token.trim().to_owned()
}

#[test]
fn a_role_may_do_what_those_below_it_may() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let reader = made(&folder, &["token", "create", "--role", "reader"]);
    let operator = made(
        &folder,
        &["token", "create", "--role", "operator", "--name", "night"],
    );
    for token in [&reader, &operator] {
        assert_eq!(with_token(&service, token, &["agent", "list"]).0, 0);
        let (status, data, words) = with_token(&service, token, &["agent", "token"]);
        assert_eq!((status, data.as_str()), (1, ""));
        assert!(
            words.contains("this needs the role administrator"),
            "{words}"
        );
    }
    let (status, _, words) = with_token(&service, &reader, &["cycle", "run", "corp"]);
    assert_eq!(status, 1);
    assert!(words.contains("this needs the role operator"), "{words}");
    let (status, _, words) = with_token(&service, &operator, &["cycle", "run", "corp"]);
    assert_eq!(status, 1);
    assert!(
        words.contains("there is no configuration `corp`"),
        "{words}"
    );
}

#[test]
fn tokens_that_are_revoked_expired_or_foreign_are_refused() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let (_, text, _) = run_at(
        &folder,
        &["token", "create", "--role", "reader", "-o", "json"],
    );
    let revoked: Value = serde_json::from_str(&text).unwrap();
    let id = revoked["id"].as_str().unwrap();
    assert_eq!(revoked["role"], "reader");
    assert_eq!(run_at(&folder, &["token", "revoke", id]).0, 0);
    let expired = made(
        &folder,
        &["token", "create", "--role", "reader", "--expires-in", "1s"],
    );
    let foreign = {
        let other = Service::start().unwrap();
        made(
            &other.data_dir(),
            &["token", "create", "--role", "administrator"],
        )
    };
    eventually("the token expires", || {
        Ok(with_token(&service, &expired, &["agent", "list"])
            .2
            .contains("has expired"))
    })
    .unwrap();
    for token in [revoked["token"].as_str().unwrap(), &foreign, ""] {
        let (status, data, words) = with_token(&service, token, &["agent", "list"]);
        assert!(status == 1 || token.is_empty() && status == 2, "{words}");
        assert_eq!(data, "");
    }
    let (status, _, words) = run_at(&folder, &["token", "revoke", id]);
    assert_eq!(status, 1);
    assert!(
        words.contains("there is no token") && words.contains("token list"),
        "{words}"
    );
}
