//! The form in which a password leaves Active Directory.
//!
//! `v1;PPH1_MD4,SALT,ITERATIONS,HASH;`: the NT hash, written as 32 upper-case hex digits in UTF-16LE, is
//! the password of PBKDF2-HMAC-SHA256 (RFC 8018 5.2) over a salt of ten bytes. It cannot be used in place of
//! the NT hash, and a password can be checked against it. Made on the agent, checked in the cloud.
//!
//! ```
//! use lockstep_model::credential::{Iterations, SyncedHash, nt_hash};
//! use lockstep_model::Secret;
//!
//! let password = Secret::new("Pa$$w0rd".to_owned());
//! let salt = [0x18, 0x1a, 0x30, 0x24, 0x08, 0x5f, 0xce, 0xe2, 0xf7, 0x0e];
//! let hash = SyncedHash::derive(&nt_hash(&password), salt, Iterations::FEWEST);
//! assert_eq!(
//!     hash.to_text().expose(),
//!     "v1;PPH1_MD4,181a3024085fcee2f70e,1000,\
//!      b39525c3bc72a1136fcf7c8a338e0c14313d0450d1a4c98ef0a6ddada3bc5b0a;"
//! );
//! assert!(hash.verifies(&password));
//! assert!(!hash.verifies(&Secret::new("pa$$w0rd".to_owned())));
//! ```

use crate::Secret;
use md4::{Digest as _, Md4};
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// How often the hash is stirred.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Iterations(u32);

impl Iterations {
    /// As few as the original uses.
    pub const FEWEST: Self = Self(1_000);
    /// More would let one sign-in keep a core busy for a good part of a second.
    pub const MOST: Self = Self(1_000_000);

    /// Takes a number within these bounds.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if Self::FEWEST.0 <= number && number <= Self::MOST.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A password as password hash synchronisation sends it.
#[derive(Clone)]
pub struct SyncedHash {
    salt: [u8; Self::SALT_LENGTH],
    iterations: Iterations,
    hash: Secret<[u8; HASH_LENGTH]>,
}

/// A text that is no [`SyncedHash`]. It does not show the text, which may be a secret all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SyncedHashError {
    /// It has another form.
    #[error("expected a password hash as `v1;PPH1_MD4,SALT,ITERATIONS,HASH;`")]
    Form,
    /// It is of a kind that this build cannot check.
    #[error("expected a password hash of the kind PPH1_MD4")]
    Kind,
    /// Its salt has another form.
    #[error("expected a salt of 20 lower-case hex digits in a password hash")]
    Salt,
    /// It was stirred too seldom or too often.
    #[error(
        "expected a password hash of {} to {} iterations",
        Iterations::FEWEST.0,
        Iterations::MOST.0
    )]
    Iterations,
    /// The hash itself has another form.
    #[error("expected a hash of 64 lower-case hex digits in a password hash")]
    Hash,
}

const HASH_LENGTH: usize = 32;
const VERSION: &str = "v1";
const KIND: &str = "PPH1_MD4";

impl SyncedHash {
    /// How long the salt is.
    pub const SALT_LENGTH: usize = 10;

    /// Derives it from the NT hash.
    #[must_use]
    pub fn derive(
        nt_hash: &Secret<[u8; 16]>,
        salt: [u8; Self::SALT_LENGTH],
        iterations: Iterations,
    ) -> Self {
        let mut password = [0; 64];
        for (byte, place) in nt_hash.expose().iter().zip(password.chunks_exact_mut(4)) {
            place[0] = upper_hex_digit(byte >> 4);
            place[2] = upper_hex_digit(byte & 0x0f);
        }
        let mut hash = [0; HASH_LENGTH];
        pbkdf2_hmac::<Sha256>(&password, &salt, iterations.0, &mut hash);
        password.zeroize();
        let secret = Secret::new(hash);
        hash.zeroize();
        Self {
            salt,
            iterations,
            hash: secret,
        }
    }

    /// Whether it is the hash of this password. Takes as long for a wrong one as for the right one.
    #[must_use]
    pub fn verifies(&self, password: &Secret<String>) -> bool {
        let typed = Self::derive(&nt_hash(password), self.salt, self.iterations);
        typed.hash.expose().ct_eq(self.hash.expose()).into()
    }

    /// How often it was stirred.
    #[must_use]
    pub const fn iterations(&self) -> Iterations {
        self.iterations
    }

    /// Its form on the wire and at rest (below a seal).
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        let mut text = format!(
            "{VERSION};{KIND},{},{},",
            hex::encode(self.salt),
            self.iterations.0
        );
        // In one piece: a text that grows leaves copies of itself behind.
        text.reserve_exact(HASH_LENGTH * 2 + 1);
        for byte in self.hash.expose() {
            text.push(char::from(lower_hex_digit(byte >> 4)));
            text.push(char::from(lower_hex_digit(byte & 0x0f)));
        }
        text.push(';');
        Secret::new(text)
    }
}

impl FromStr for SyncedHash {
    type Err = SyncedHashError;

    fn from_str(text: &str) -> Result<Self, SyncedHashError> {
        let body = text
            .strip_prefix(VERSION)
            .and_then(|rest| rest.strip_prefix(';'))
            .and_then(|rest| rest.strip_suffix(';'))
            .ok_or(SyncedHashError::Form)?;
        let mut fields = body.split(',');
        let mut next = || fields.next().ok_or(SyncedHashError::Form);
        let (kind, salt, iterations, hash) = (next()?, next()?, next()?, next()?);
        if fields.next().is_some() {
            return Err(SyncedHashError::Form);
        }
        if kind != KIND {
            return Err(SyncedHashError::Kind);
        }
        let canonical = !iterations.starts_with(['0', '+']);
        let iterations = iterations.parse().ok().filter(|_| canonical);
        Ok(Self {
            salt: lower_hex(salt).ok_or(SyncedHashError::Salt)?,
            iterations: iterations
                .and_then(Iterations::new)
                .ok_or(SyncedHashError::Iterations)?,
            hash: Secret::new(lower_hex(hash).ok_or(SyncedHashError::Hash)?),
        })
    }
}

impl fmt::Debug for SyncedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncedHash")
            .field("iterations", &self.iterations.0)
            .finish_non_exhaustive()
    }
}

/// The NT hash of a password: MD4 of its UTF-16LE code units ([MS-NLMP] 3.3.1, `NTOWFv1`).
#[must_use]
pub fn nt_hash(password: &Secret<String>) -> Secret<[u8; 16]> {
    let mut md4 = Md4::new();
    for unit in password.expose().encode_utf16() {
        md4.update(unit.to_le_bytes());
    }
    Secret::new(md4.finalize().into())
}

fn upper_hex_digit(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 0x0f)]
}

fn lower_hex_digit(nibble: u8) -> u8 {
    upper_hex_digit(nibble).to_ascii_lowercase()
}

/// Bytes written as lower-case hex digits, and in no other way.
fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let read = is_lower && hex::decode_to_slice(text, &mut bytes).is_ok();
    read.then_some(bytes)
}
