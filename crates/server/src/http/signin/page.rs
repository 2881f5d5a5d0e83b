//! The pages.

use super::no_store;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

/// User name and password.
#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
pub(super) struct SignIn<'a> {
    /// What the person goes on to.
    pub(super) app: &'a str,
    /// Where the form goes.
    pub(super) action: &'a str,
    /// The browser's flow.
    pub(super) flow: &'a str,
    /// The name to begin with.
    pub(super) user: &'a str,
    /// What was the matter.
    pub(super) message: Option<&'a str>,
}

/// A new password.
#[derive(Template)]
#[template(path = "sign_in/new_password.html")]
pub(super) struct NewPassword<'a> {
    pub(super) app: &'a str,
    pub(super) action: &'a str,
    pub(super) flow: &'a str,
    /// Says that the present password was typed.
    pub(super) ticket: &'a str,
    /// The user's name, for the browser's memory.
    pub(super) user: &'a str,
    /// The user has another password on premises.
    pub(super) synced: bool,
    /// The fewest characters.
    pub(super) shortest: usize,
    pub(super) message: Option<&'a str>,
}

/// Something to read.
#[derive(Template)]
#[template(path = "sign_in/notice.html")]
pub(super) struct Notice<'a> {
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

/// A question before a session ends that nobody proved to be theirs.
#[derive(Template)]
#[template(path = "sign_in/sign_out.html")]
pub(super) struct SignOut<'a> {
    pub(super) action: &'a str,
    pub(super) flow: &'a str,
}

/// A form that the browser sends on by itself, or by hand without JavaScript.
#[derive(Template)]
#[template(path = "sign_in/send.html")]
pub(super) struct Send<'a> {
    pub(super) action: &'a str,
    pub(super) fields: &'a [(&'static str, String)],
    /// [`SEND`].
    pub(super) script: &'static str,
}

/// The only script of any page.
pub(super) const SEND: &str = "document.forms[0].submit()";
/// Its SHA-256, which the pages' policy names; a test sees to it that it is.
const SEND_HASH: &str = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// A page with its headers.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, no_store(), Html(html)).into_response();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src '{SEND_HASH}'; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Gives the browser cookies along with an answer.
pub(super) fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = Option<HeaderValue>>,
) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

pub(super) async fn style() -> Response {
    let mut headers = HeaderMap::new();
    let css = HeaderValue::from_static("text/css; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, css);
    let age = HeaderValue::from_static("public, max-age=3600");
    headers.insert(header::CACHE_CONTROL, age);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    (
        headers,
        include_str!("../../../templates/sign_in/sign_in.css"),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_policy_names_the_script_that_is_there() {
        let hash = STANDARD.encode(Sha256::digest(SEND));
        assert_eq!(SEND_HASH, format!("sha256-{hash}"));
    }

    #[test]
    fn what_people_type_is_shown_as_text() {
        let page = SignIn {
            app: "<b>Wiki</b>",
            action: "/t/oauth2/v2.0/login?state=\"><script>",
            flow: "f",
            user: "\"><script>alert(1)</script>",
            message: None,
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }
}
