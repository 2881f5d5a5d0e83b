//! The verifier that replaces a synced hash once the password was typed: Argon2id (RFC 9106).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use lockstep_model::Secret;
use std::fmt;
use std::str::FromStr;

/// A password under Argon2id.
#[derive(Clone)]
pub struct Argon2Hash(Secret<String>);

/// A text that is no Argon2id hash. It does not show the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an Argon2id hash as `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`")]
pub struct Argon2HashError;

/// Memory in KiB, passes and lanes: the first choice for servers that OWASP's Password Storage Cheat Sheet
/// names. A check takes some hundredths of a second and 19 MiB.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);
/// Whoever can write the database must not be able to stop the service with one row.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;

impl Argon2Hash {
    /// How long the salt is.
    pub const SALT_LENGTH: usize = 16;

    /// Hashes a password with a fresh salt.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "cost, salt and output are of constant size within the bounds of Argon2; what is left is memory"
    )]
    pub fn of(password: &Secret<String>, salt: &[u8; Self::SALT_LENGTH]) -> Self {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None).expect("the cost is within bounds");
        let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(password.expose().as_bytes(), salt)
            .expect("there is memory for one hash");
        Self(Secret::new(hash.to_string()))
    }

    /// Whether it is the hash of this password. The comparison takes constant time.
    #[must_use]
    pub fn verifies(&self, password: &Secret<String>) -> bool {
        // INVARIANT: the text was parsed when this value was made.
        PasswordHash::new(self.0.expose()).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.expose().as_bytes(), &hash)
                .is_ok()
        })
    }

    /// Its form at rest (below a seal): a PHC string.
    #[must_use]
    pub const fn to_text(&self) -> &Secret<String> {
        &self.0
    }
}

impl FromStr for Argon2Hash {
    type Err = Argon2HashError;

    fn from_str(text: &str) -> Result<Self, Argon2HashError> {
        let hash = PasswordHash::new(text).map_err(|_| Argon2HashError)?;
        let params = Params::try_from(&hash).map_err(|_| Argon2HashError)?;
        let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
            && hash.hash.is_some()
            && params.m_cost() <= MOST_MEMORY_KIB
            && params.t_cost() <= MOST_PASSES;
        match is_ours {
            true => Ok(Self(Secret::new(text.to_owned()))),
            false => Err(Argon2HashError),
        }
    }
}

impl fmt::Debug for Argon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argon2Hash")
    }
}
