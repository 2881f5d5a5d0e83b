//! What a password is checked against.
//!
//! A [`Credential`] holds a [`Verifier`] (first the [`SyncedHash`] that password hash synchronisation
//! brings, after the first good sign-in an [`Argon2Hash`] of the password) and says to which password
//! of Active Directory it belongs. Start at [`check`], which tells a right password from a wrong one,
//! and at [`Origin::supersedes`], which tells a newer password from an older one.
//!
//! Nothing here stores or seals anything, or counts attempts: see [`lockout`](crate::lockout).

mod argon2id;

pub use argon2id::{Argon2Hash, Argon2HashError};
pub use lockstep_model::credential::{Iterations, SyncedHash, SyncedHashError, nt_hash};

use lockstep_model::{Guid, Secret, Timestamp};
use std::time::Duration;

/// When and where a value of Active Directory was written last: the replication stamp of `unicodePwd`.
///
/// Ordered as domain controllers order two writes of one attribute: by version, then time, then who wrote
/// ([MS-DRSR] 5.11, `AttributeStamp`). The greater one is the newer one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Stamp {
    /// How often the attribute was written (`dwVersion`).
    pub version: u32,
    /// When, to the second (`timeChanged`).
    pub time: Timestamp,
    /// The invocation id of the domain controller that wrote it (`uuidDsaOriginating`).
    pub originating: Guid,
}

/// Which password of Active Directory a credential belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    /// `objectGUID` of the user there.
    pub object: Guid,
    /// The stamp of its `unicodePwd`.
    pub stamp: Stamp,
    /// The user has moved to another domain since, or come back from one. There writings are counted anew: of what comes
    /// after that only the time tells.
    pub before_move: bool,
}

impl Origin {
    /// The password that an object has now.
    #[must_use]
    pub const fn new(object: Guid, stamp: Stamp) -> Self {
        Self {
            object,
            stamp,
            before_move: false,
        }
    }

    /// Whether a password with this origin replaces the one with the origin `held`.
    ///
    /// Only a greater stamp does. Stamps of two objects cannot be compared: when a user of the directory
    /// gets another object on premises, as in a migration, the new object's password counts. Nor can versions be that were
    /// counted in two domains; a controller that has not heard of the move still tells of the password of before.
    #[must_use]
    pub fn supersedes(&self, held: Option<&Self>) -> bool {
        held.is_none_or(|held| match held.object == self.object {
            false => true,
            true if held.before_move => held.stamp.time < self.stamp.time,
            true => held.stamp < self.stamp,
        })
    }
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// As it came from Active Directory.
    Synced(SyncedHash),
    /// Made from a password that was typed and found right, or set in the cloud.
    Argon2id(Argon2Hash),
}

/// What the directory knows of a user's password.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The newest password of Active Directory that was taken over. It stays when the password is set
    /// in the cloud, so that only a newer one of Active Directory replaces that.
    pub origin: Option<Origin>,
    /// What the password is checked against.
    pub verifier: Verifier,
    /// The user must choose another password at the next sign-in.
    pub force_change: bool,
    /// The tenant's [`Expiry`] applies to this password.
    pub can_expire: bool,
    /// Since when this is the password.
    pub changed: Timestamp,
}

/// For how long a password set in the cloud is good.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Expiry {
    /// For good.
    #[default]
    Never,
    /// For so long; then the user chooses another at the next sign-in.
    After(Duration),
}

impl Credential {
    /// Whether the user must choose another password before anything else.
    #[must_use]
    pub fn must_change(&self, expiry: Expiry, now: Timestamp) -> bool {
        let expired = match expiry {
            Expiry::After(age) => self.can_expire && self.changed.plus(age) <= now,
            Expiry::Never => false,
        };
        self.force_change || expired
    }
}

/// What a check found.
#[derive(Debug)]
pub enum Checked {
    /// It is another password, or there is none.
    Wrong,
    /// It is the password.
    Right {
        /// A better verifier of the same password, to be kept from now on.
        upgrade: Option<Argon2Hash>,
    },
}

/// Checks a password. `salt` is fresh, for a new verifier.
///
/// The same work is done for a password from Active Directory, for one that was upgraded, and for a user
/// that does not exist: how long the answer takes tells nobody which of them it is.
#[must_use]
pub fn check(
    verifier: Option<&Verifier>,
    password: &Secret<String>,
    salt: &[u8; Argon2Hash::SALT_LENGTH],
) -> Checked {
    match verifier {
        Some(Verifier::Synced(hash)) => {
            let is_right = hash.verifies(password);
            let upgrade = Argon2Hash::of(password, salt);
            match is_right {
                true => Checked::Right {
                    upgrade: Some(upgrade),
                },
                false => Checked::Wrong,
            }
        }
        Some(Verifier::Argon2id(hash)) => {
            let _ = decoy().verifies(password);
            match hash.verifies(password) {
                true => Checked::Right { upgrade: None },
                false => Checked::Wrong,
            }
        }
        None => {
            let _ = decoy().verifies(password);
            let _ = Argon2Hash::of(password, salt);
            Checked::Wrong
        }
    }
}

/// A verifier of no password, to be as slow with.
fn decoy() -> SyncedHash {
    SyncedHash::derive(
        &Secret::new([0; 16]),
        [0; SyncedHash::SALT_LENGTH],
        Iterations::FEWEST,
    )
}

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Weakness {
    /// It has too few characters.
    #[error("the new password needs at least {} characters", Weakness::SHORTEST)]
    Short,
    /// It has too many characters.
    #[error("the new password may have at most {} characters", Weakness::LONGEST)]
    Long,
    /// It holds the user's own name.
    #[error("the new password must not contain the user name")]
    ContainsName,
    /// It is the one that was to be changed.
    #[error("the new password must not be the present one")]
    Same,
}

impl Weakness {
    /// The fewest characters of a password that is set in the cloud.
    pub const SHORTEST: usize = 8;
    /// The most characters of a password, here as in Active Directory.
    pub const LONGEST: usize = 256;
    /// Names shorter than this may occur in a password.
    const SHORTEST_NAME: usize = 4;
}

/// Looks at a password that is to be set in the cloud. Passwords of Active Directory follow the rules
/// there.
///
/// # Errors
///
/// [`Weakness`].
pub fn accept_new(password: &Secret<String>, user_principal_name: &str) -> Result<(), Weakness> {
    let length = password.expose().chars().count();
    if length < Weakness::SHORTEST {
        return Err(Weakness::Short);
    }
    if length > Weakness::LONGEST {
        return Err(Weakness::Long);
    }
    let name = user_principal_name.split('@').next().unwrap_or_default();
    let lower = Secret::new(password.expose().to_lowercase());
    let contains_name = name.chars().count() >= Weakness::SHORTEST_NAME
        && lower.expose().contains(&name.to_lowercase());
    if contains_name {
        return Err(Weakness::ContainsName);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
