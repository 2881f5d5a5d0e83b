//! The administration API.

use sha2::{Digest as _, Sha256};

/// Under what a token is kept: whoever reads the database learns no token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
