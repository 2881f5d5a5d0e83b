//! The two cookies of sign-in: the session, and the flow, which ties a form to the browser that got it.
//!
//! A form that comes without its flow cookie, or with another one, may have been sent by somebody else's
//! page. It lets a person in to the application that asked (which checks its own `state` and `nonce`), but
//! begins no session in this browser.

use axum::http::{HeaderMap, HeaderValue, header};
use lockstep_model::Secret;
use subtle::ConstantTimeEq as _;

const SESSION: &str = "__Host-lockstep-session";
const FLOW: &str = "__Host-lockstep-flow";

/// The session that the browser says it has.
pub(super) fn session(headers: &HeaderMap) -> Option<Secret<String>> {
    find(headers, SESSION).map(Secret::new)
}

/// The flow that the browser has, or a new one.
pub(super) fn flow(headers: &HeaderMap) -> String {
    let known = find(headers, FLOW).filter(|flow| !flow.is_empty() && flow.len() <= 64);
    known.unwrap_or_else(crate::ids::random_token)
}

/// Whether the form came from the browser that got it.
pub(super) fn is_flow(headers: &HeaderMap, given: Option<&str>) -> bool {
    match (find(headers, FLOW), given) {
        (Some(cookie), Some(given)) => cookie.as_bytes().ct_eq(given.as_bytes()).into(),
        _ => false,
    }
}

/// Gives the browser a session.
pub(super) fn set_session(cookie: &Secret<String>) -> Option<HeaderValue> {
    let mut value = set(SESSION, cookie.expose())?;
    value.set_sensitive(true);
    Some(value)
}

/// Gives the browser a flow.
pub(super) fn set_flow(flow: &str) -> Option<HeaderValue> {
    set(FLOW, flow)
}

/// Takes the session away from the browser.
pub(super) fn end_session() -> HeaderValue {
    HeaderValue::from_static(
        "__Host-lockstep-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
    )
}

/// Without an age: gone when the browser is closed.
fn set(name: &str, value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"
    ))
    .ok()
}

fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE);
    lines
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_belongs_to_the_browser_whose_flow_it_carries() {
        let mut headers = HeaderMap::new();
        assert!(!is_flow(&headers, Some("")) && !is_flow(&headers, None));
        let cookie = HeaderValue::from_static("a=b; __Host-lockstep-flow=f1");
        headers.insert(header::COOKIE, cookie);
        assert_eq!(flow(&headers), "f1");
        assert!(is_flow(&headers, Some("f1")));
        assert!(!is_flow(&headers, Some("f2")) && !is_flow(&headers, None));
        assert!(session(&headers).is_none());
    }
}
