//! Credentials as an agent made them.

use super::settle::entry;
use super::stamps::{is_live_user, written};
use crate::credentials::{self, Applied, FromPremises};
use crate::import::ImportError;
use crate::lane::Lane;
use crate::sealing::Sealer;
use lockstep_api::channel::{Ack, MadeCredential};
use lockstep_directory::credential::{Origin, SyncedHash};
use lockstep_model::Timestamp;
use lockstep_model::log::Status;
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::Cycle;
use lockstep_store::records::password::{PasswordRow, PasswordStanding};
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};

/// Takes credentials over: of users who are still provisioned, and whose password is still the one that the
/// credential was made of. A greater stamp wins, nothing else.
///
/// # Errors
///
/// Those of the store.
pub fn taken(
    tx: &mut dyn Write,
    lane: &Lane,
    sealer: &Sealer,
    made: Vec<MadeCredential>,
    now: Timestamp,
) -> Result<Ack, ImportError> {
    let ids: Vec<_> = made
        .iter()
        .map(|made| (lane.configuration.id, made.guid))
        .collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let rows: Vec<Option<PasswordRow>> = tx.fetch(&ids)?;
    let mut set = 0;
    for ((made, link), row) in made.into_iter().zip(links).zip(rows) {
        let live = link.as_ref().is_some_and(is_live_user);
        let stamp = written(&made.stamp);
        let is_it = |row: &PasswordRow| {
            let known = row.premises.as_ref().and_then(|premises| premises.written);
            known == Some(stamp)
        };
        if let Some(row) = row.filter(|row| live && is_it(row)) {
            set += u64::from(take(tx, lane, sealer, row, made, now)?);
        }
    }
    count(tx, lane, set)?;
    Ok(Ack {})
}

/// Takes one over; says whether it is news to the directory.
fn take(
    tx: &mut dyn Write,
    lane: &Lane,
    sealer: &Sealer,
    mut row: PasswordRow,
    made: MadeCredential,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let hash = match (&made.credential, made.failure) {
        (Some(text), _) => text
            .0
            .expose()
            .parse::<SyncedHash>()
            .map_err(|e| e.to_string()),
        (None, failure) => Err(failure.unwrap_or_else(|| "the agent gives no reason".into())),
    };
    let hash = match hash {
        Ok(hash) => hash,
        Err(reason) => {
            let standing = PasswordStanding::Failed(reason.clone());
            if row.standing != standing {
                let failed = entry(
                    tx,
                    lane,
                    &row,
                    Status::Failure,
                    "PasswordFailed",
                    &reason,
                    now,
                )?;
                tx.store(failed.as_slice())?;
            }
            row.standing = standing;
            tx.store(&[row])?;
            return Ok(false);
        }
    };
    let temporary = row
        .premises
        .as_ref()
        .is_some_and(|premises| premises.temporary);
    let password = FromPremises {
        hash,
        origin: Origin::new(row.guid, written(&made.stamp).stamp()),
        force_change: temporary,
    };
    let applied = credentials::apply(tx, sealer, row.user, password, now)?;
    let news = matches!(applied, Applied::Set | Applied::ForceChangeSet);
    if news && !row.fresh {
        let reason = match applied {
            Applied::Set => "the password was changed in Active Directory",
            _ => "whether the password must be changed was changed in Active Directory",
        };
        let set = entry(tx, lane, &row, Status::Success, "PasswordSet", reason, now)?;
        tx.store(set.as_slice())?;
    }
    row.fresh = false;
    row.taken_as_temporary = temporary;
    row.standing = PasswordStanding::Current;
    tx.store(&[row])?;
    Ok(news)
}

/// Counts what was set in the cycle that runs.
fn count(tx: &mut dyn Write, lane: &Lane, set: u64) -> Result<(), StoreError> {
    let Some(id) = lane.job.cycle.filter(|_| set > 0) else {
        return Ok(());
    };
    let Some(mut cycle) = tx.fetch_one::<Cycle>(&id)? else {
        return Ok(());
    };
    cycle.passwords.set += set;
    tx.store(&[cycle])
}
