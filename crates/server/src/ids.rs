//! New ids.

use lockstep_model::Guid;

/// A GUID that nobody has had before.
///
/// A system whose random number generator fails gives no ids; this then falls back on nothing, because a
/// predictable id or token would be worse than a stopped service.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without randomness no id, key or token is safe"
)]
pub fn random_guid() -> Guid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system's random number generator answers");
    Guid::from_random(bytes)
}

/// A token of 256 random bits in hex.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without randomness no id, key or token is safe"
)]
pub fn random_token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system's random number generator answers");
    hex::encode(bytes)
}
