//! New ids.

use lockstep_model::Guid;

/// A GUID that nobody has had before.
///
/// A system whose random number generator fails gives no ids; this then falls back on nothing, because a
/// predictable id or token would be worse than a stopped service.
#[must_use]
pub fn random_guid() -> Guid {
    Guid::from_random(random_bytes())
}

/// A token of 256 random bits in hex.
#[must_use]
pub fn random_token() -> String {
    hex::encode(random_bytes::<32>())
}

/// Random bytes, for a salt.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without randomness no id, key or token is safe"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's random number generator answers");
    bytes
}
