//! Stories of requests for authorization.

use super::*;
use lockstep_model::Guid;

fn app(public: bool, redirect_uris: &[&str]) -> App {
    App {
        id: Guid::from_bytes([1; 16]),
        name: "Wiki".into(),
        redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
        secret_hash: (!public).then(String::new),
        role: None,
        sign_in_only: false,
        created: 0,
    }
}

const GOOD: &[(&str, &str)] = &[
    ("client_id", "01010101-0101-0101-0101-010101010101"),
    ("redirect_uri", "https://wiki.test/cb?x=1"),
    ("response_type", "code"),
    ("scope", "openid profile unheard-of"),
    ("state", "s t"),
    ("nonce", "n"),
    (
        "code_challenge",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    ),
    ("code_challenge_method", "S256"),
];

fn read(changes: &[(&str, Option<&str>)]) -> Result<AuthorizationRequest, Refusal> {
    let mut pairs: Vec<(&str, &str)> = GOOD.to_vec();
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.extend(value.map(|value| (*name, value)));
    }
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let app = app(false, &["https://wiki.test/cb?x=1"]);
    AuthorizationRequest::read(&Params::read(query.as_bytes()), Some(app))
}

#[test]
fn a_good_request_is_read_as_it_was_meant() {
    let request = read(&[("max_age", Some("60")), ("prompt", Some("login"))]).unwrap();
    assert_eq!(request.scopes.to_string(), "openid profile");
    assert_eq!(request.return_to.state.as_deref(), Some("s t"));
    assert_eq!(request.return_to.mode, ResponseMode::Query);
    assert_eq!(request.max_age, Some(Duration::from_secs(60)));
    assert_eq!(request.prompt, Prompt::Always);
}

#[test]
fn nothing_goes_to_an_address_that_is_not_registered() {
    for uri in [
        None,
        Some("https://evil.test/cb"),
        Some("https://wiki.test/cb"),
        Some("https://wiki.test/cb?x=1&y=2"),
        Some("https://wiki.test/cb?x=1#f"),
        Some("HTTPS://wiki.test/cb?x=1"),
        Some("https://wiki.test:443/cb?x=1"),
        Some("cb"),
    ] {
        let refused = read(&[("redirect_uri", uri)]).unwrap_err();
        assert!(matches!(refused, Refusal::Here(_)), "{uri:?}");
    }
    let unknown = AuthorizationRequest::read(&Params::read(b"client_id=x"), None);
    assert!(matches!(unknown, Err(Refusal::Here(_))));
}

#[test]
fn every_other_fault_goes_back_with_the_word_of_the_specification() {
    for (name, value, error) in [
        ("response_type", None, "invalid_request"),
        (
            "response_type",
            Some("id_token"),
            "unsupported_response_type",
        ),
        (
            "response_type",
            Some("code id_token"),
            "unsupported_response_type",
        ),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("request", Some("e30.e30."), "request_not_supported"),
        (
            "request_uri",
            Some("https://x.test"),
            "request_uri_not_supported",
        ),
        ("prompt", Some("none login"), "invalid_request"),
        ("prompt", Some("dance"), "invalid_request"),
        ("max_age", Some("-1"), "invalid_request"),
    ] {
        match read(&[(name, value)]) {
            Err(Refusal::Back(to, fault)) => {
                assert_eq!(fault.error, error, "{name} {value:?}");
                assert_eq!(to.state.as_deref(), Some("s t"));
            }
            other => panic!("{name} {value:?}: {other:?}"),
        }
    }
    let twice = Params::read(
        b"redirect_uri=https%3A%2F%2Fwiki.test%2Fcb%3Fx%3D1&response_type=code&scope=a&scope=b",
    );
    let app = app(false, &["https://wiki.test/cb?x=1"]);
    let refused = AuthorizationRequest::read(&twice, Some(app)).unwrap_err();
    assert!(matches!(refused, Refusal::Back(_, fault) if fault.description.contains("scope")));
}

#[test]
fn a_native_application_may_have_any_port_on_loopback_and_nothing_else() {
    let native = app(true, &["http://127.0.0.1/cb", "com.example.app:/cb"]);
    for (uri, known) in [
        ("http://127.0.0.1/cb", true),
        ("http://127.0.0.1:49152/cb", true),
        ("com.example.app:/cb", true),
        ("http://127.0.0.1:49152/other", false),
        ("http://127.0.0.1:49152/cb?x", false),
        ("https://127.0.0.1:49152/cb", false),
        ("http://127.0.0.1.evil.test:49152/cb", false),
        ("http://user@127.0.0.1/cb", false),
        ("http://localhost:49152/cb", false),
    ] {
        assert_eq!(registered(&native, uri).is_some(), known, "{uri}");
    }
}

#[test]
fn after_signing_out_a_browser_stays_with_the_application() {
    let app = app(false, &["https://wiki.test/cb", "com.example.app:/cb"]);
    for (uri, may) in [
        ("https://wiki.test/", true),
        ("https://wiki.test/cb", true),
        ("com.example.app:/cb", true),
        ("com.example.app:/other", false),
        ("https://evil.test/", false),
        ("http://wiki.test/", false),
        ("javascript:alert(1)", false),
    ] {
        assert_eq!(is_after_sign_out(&app, uri), may, "{uri}");
    }
}

#[test]
fn only_exact_and_safe_addresses_are_registered() {
    for (uri, public, good) in [
        ("https://wiki.test/cb", false, true),
        ("http://127.0.0.1:3000/cb", false, true),
        ("http://[::1]/cb", true, true),
        ("http://localhost:3000/cb", false, true),
        ("com.example.app:/cb", true, true),
        ("com.example.app:/cb", false, false),
        ("http://wiki.test/cb", false, false),
        ("https://*.wiki.test/cb", false, false),
        ("https://wiki.test/cb#f", false, false),
        ("https://u:p@wiki.test/cb", false, false),
        ("javascript:alert(1)", true, false),
        ("data:text/html,x", true, false),
        ("/cb", false, false),
    ] {
        assert_eq!(accept_redirect_uri(uri, public).is_ok(), good, "{uri}");
    }
}
