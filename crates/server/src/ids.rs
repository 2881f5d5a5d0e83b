//! New ids, and digests by which something is known again.

use lockstep_model::Guid;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::fmt::Debug;

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on the ids that this thread makes follow from `seed`, so that a simulation runs the same way
/// twice. Tokens never do.
pub fn follow(seed: u64) {
    SEED.set(Some(seed));
}

/// A GUID that nobody has had before.
///
/// A system whose random number generator fails gives no ids; this then falls back on nothing, because a
/// predictable id or token would be worse than a stopped service.
#[must_use]
pub fn random_guid() -> Guid {
    if let Some(seed) = SEED.get() {
        let mut bytes = [0; 16];
        SEED.set(Some(seed.wrapping_add(1)));
        bytes[..8].copy_from_slice(&scattered(seed).to_be_bytes());
        bytes[8..].copy_from_slice(&scattered(!seed).to_be_bytes());
        return Guid::from_random(bytes);
    }
    Guid::from_random(random_bytes())
}

/// A token of 256 random bits in hex.
#[must_use]
pub fn random_token() -> String {
    hex::encode(random_bytes::<32>())
}

/// What a value is known again by, in few bytes. Another version of the program may give another digest: whoever
/// keeps one has to bear that something is taken for new.
#[must_use]
pub fn digest_of(value: &impl Debug) -> String {
    let whole = Sha256::digest(format!("{value:?}"));
    let (beginning, _) = whole.split_at(16);
    hex::encode(beginning)
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

/// Numbers that follow on each other, scattered over all numbers and never twice the same (SplitMix64).
const fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
