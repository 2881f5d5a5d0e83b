//! Enrolment tokens.

use lockstep_api::channel::EnrollmentToken;

/// A token that was understood is written so that it is understood again.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(token) = text.parse::<EnrollmentToken>() else {
        return;
    };
    let written = token.to_text();
    assert!(
        written
            .parse::<EnrollmentToken>()
            .is_ok_and(|read| read == token),
        "a token changed on its way"
    );
}
