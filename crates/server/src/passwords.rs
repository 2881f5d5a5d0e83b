//! The reading of passwords: which user needs one, which were taken over, and how far it has come.
//!
//! That a user needs a password is a state, not an event: there is a row for each provisioned user
//! (`PasswordRow`), judged by [`lockstep_engine::password`] whenever something of it is reported. Who still
//! needs one when all changes have been read is asked for by itself.
//!
//! Each of [`begin`], [`accounts`], [`stamps`], [`taken`] and [`end`] is one request of an agent, carried out in one
//! transaction under a lease of this reading's own. What users sign in with is kept by [`crate::credentials`].

mod made;
mod replication;
mod settle;
mod stamps;

pub use made::taken;
pub use replication::{begin, end, order, somebody_is_new};
pub use settle::{judge_anew, tally};
pub use stamps::{accounts, moved_back, read_anew, stamps};

use lockstep_store::StoreError;
use lockstep_store::records::job::Configuration;

/// Whether passwords are to be read: in staging nobody has an account for one.
#[must_use]
pub fn enabled(configuration: &Configuration) -> bool {
    let known = crate::configuration::known(configuration);
    known.spec.password_hash_sync.enabled && !known.spec.staging
}

/// The error for a row that is not what this program writes.
fn unreadable(source: serde_json::Error) -> StoreError {
    StoreError::Abandoned {
        source: source.into(),
    }
}

#[cfg(test)]
mod tests;
