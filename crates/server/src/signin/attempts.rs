//! Wrong passwords, counted per user and per address.
//!
//! The arithmetic is in [`lockstep_directory::lockout`]; here are its two counters in the store. An attempt
//! is counted before the password is looked at, and taken back when it was right. A name that nobody has is
//! counted like one that somebody has: waiting tells nothing.

use crate::sealing::Sealer;
use lockstep_directory::UniqueValue;
use lockstep_directory::lockout::{Admission, Attempts, Policy};
use lockstep_model::Timestamp;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::signin::AttemptRow;
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::net::IpAddr;

/// Whose password is tried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A user's.
    User(ObjectId),
    /// That of somebody who does not exist.
    Nobody {
        /// The name that was typed.
        name: String,
    },
}

impl Subject {
    fn key(&self, sealer: &Sealer) -> String {
        match self {
            Self::User(id) => user_key(*id),
            // People type passwords into the wrong field.
            Self::Nobody { name } => {
                let folded = UniqueValue::user_principal_name(name).value;
                format!("nobody:{}", sealer.pseudonym(&folded))
            }
        }
    }
}

fn user_key(id: ObjectId) -> String {
    format!("user:{id}")
}

/// An address; of IPv6 the network that one subscriber has, who can take any address in it.
fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Counts an attempt and says when it may be decided; one that is refused is not counted.
///
/// # Errors
///
/// Those of the store.
pub fn begin(
    tx: &mut dyn Write,
    sealer: &Sealer,
    subject: &Subject,
    address: IpAddr,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let counters = [
        (subject.key(sealer), Policy::USER),
        (address_key(address), Policy::ADDRESS),
    ];
    let keys = counters.clone().map(|(key, _)| key);
    let rows: Vec<Option<AttemptRow>> = tx.fetch(&keys)?;
    let mut counted: Vec<(String, Policy, Attempts)> = counters
        .into_iter()
        .zip(rows)
        .map(|((key, policy), row)| (key, policy, row.as_ref().map(state).unwrap_or_default()))
        .collect();
    let mut at = now;
    for (_, policy, attempts) in &counted {
        match attempts.admission(policy, now) {
            Admission::At(moment) => at = at.max(moment),
            refused @ Admission::Refused { .. } => return Ok(refused),
        }
    }
    for (_, policy, attempts) in &mut counted {
        attempts.begin(policy, now, at);
    }
    let rows: Vec<AttemptRow> = counted
        .into_iter()
        .map(|(key, policy, attempts)| row(key, &policy, attempts))
        .collect();
    tx.store(&rows)?;
    Ok(Admission::At(at))
}

/// The password was right: the user's wrong ones are forgotten, the address is forgiven this attempt.
///
/// # Errors
///
/// Those of the store.
pub fn succeeded(tx: &mut dyn Write, user: ObjectId, address: IpAddr) -> Result<(), StoreError> {
    forget(tx, user)?;
    let key = address_key(address);
    let Some(known) = tx.fetch_one::<AttemptRow>(&key)? else {
        return Ok(());
    };
    let mut attempts = state(&known);
    attempts.forgive();
    match attempts.count {
        0 => tx.remove::<AttemptRow>(&[key]),
        _ => tx.store(&[row(key, &Policy::ADDRESS, attempts)]),
    }
}

/// Forgets a user's wrong passwords.
///
/// # Errors
///
/// Those of the store.
pub fn forget(tx: &mut dyn Write, user: ObjectId) -> Result<(), StoreError> {
    tx.remove::<AttemptRow>(&[user_key(user)])
}

fn state(row: &AttemptRow) -> Attempts {
    Attempts {
        count: row.count,
        last: Timestamp::from_millis(row.last),
    }
}

fn row(subject: String, policy: &Policy, attempts: Attempts) -> AttemptRow {
    AttemptRow {
        subject,
        count: attempts.count,
        last: attempts.last.as_millis(),
        ends: attempts.last.plus(policy.memory).as_millis(),
    }
}
