//! From where replication goes on, and who is asked for by itself when it has come to its end.

use super::settle::entry;
use super::unreadable;
use crate::import::{ImportError, is_set_back, remember, same_domain};
use crate::lane::Lane;
use lockstep_api::channel::{
    Found, Presence, ReadCredentials, ReplicationAnswer, ReplicationBegin, ReplicationEnd,
    ReplicationOpening,
};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::log::Status;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::{Configuration, Job, Watermark};
use lockstep_store::records::password::{PasswordRow, PasswordStanding};
use lockstep_store::{Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many objects a report has at most.
const BATCH: usize = 500;
/// How many objects are asked for by themselves in one go.
const READS: usize = 200;
/// How many rows are looked at in one go for that.
const SLICE: usize = 1_000;
/// Why a user has no password whom the controller does not know, or must not show.
const NOT_SHOWN: &str = "the controller does not show the user";

/// What an agent is told to do.
#[must_use]
pub fn order(configuration: &Configuration, job: &Job) -> ReadCredentials {
    let spec = &crate::configuration::known(configuration).spec;
    let name = job
        .passwords
        .reading_from
        .as_ref()
        .or(job.reading_from.as_ref());
    let controller = name.and_then(|name| job.controllers.get(&name.to_lowercase()));
    ReadCredentials {
        controller: controller.and_then(|known| crate::job::identity(job, known)),
        canaries: crate::job::canaries(job),
        iterations: spec.password_hash_sync.iterations,
        batch: BATCH,
    }
}

/// Takes up who replicates; decides where that starts.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `ForeignDomain` when the controller holds another domain than the
/// one that was read before.
pub fn begin(
    tx: &mut dyn Write,
    mut lane: Lane,
    begin: &ReplicationBegin,
) -> Result<ReplicationOpening, ImportError> {
    let identity = &begin.controller;
    same_domain(&lane, identity)?;
    if is_set_back(&lane.job, identity, begin.canary.as_ref()) {
        tracing::warn!(
            configuration = lane.configuration.name,
            controller = identity.dns_name,
            "the controller's database was set back or replaced; everything is read anew"
        );
        lane.job.passwords.watermark = None;
        // What is remembered of the controller from here on would hide it from the reading of objects.
        lane.job.watermark = Watermark::Start;
    }
    lane.job.passwords.reading_from = Some(identity.dns_name.clone());
    remember(&mut lane, identity, |known| known);
    let from = match &lane.job.passwords.watermark {
        Some(json) => Some(serde_json::from_str(json).map_err(unreadable)?),
        None => None,
    };
    tx.store(&[lane.job])?;
    Ok(ReplicationOpening { from })
}

/// Stores the watermark, and says who is to be asked for by itself: everybody who still needs a password,
/// once under each lease.
///
/// # Errors
///
/// Those of the store.
pub fn end(
    tx: &mut dyn Write,
    mut lane: Lane,
    end: &ReplicationEnd,
    now: Timestamp,
) -> Result<ReplicationAnswer, ImportError> {
    silent(tx, &lane, &end.found, now)?;
    if let Some(watermark) = &end.watermark {
        let json = serde_json::to_string(watermark).map_err(unreadable)?;
        lane.job.passwords.watermark = Some(json);
        tx.store(std::slice::from_ref(&lane.job))?;
    }
    let lease = lane.job.passwords.lease;
    let mut read = Vec::new();
    for standing in [
        PasswordStanding::Unread,
        PasswordStanding::Wanted,
        PasswordStanding::Failed(String::new()),
    ] {
        let prefix = PasswordRow::standing_like(lane.configuration.id, &standing);
        let mut scan = Scan::along(PasswordRow::BY_STANDING, prefix, SLICE);
        loop {
            let rows: Vec<PasswordRow> = tx.list(&scan)?;
            let Some(last) = rows.last() else { break };
            scan = scan.behind(last);
            let room = READS - read.len();
            let rows = rows.into_iter().filter(|row| row.asked != lease);
            read.extend(ask(tx, rows.take(room).collect(), lease)?);
            if read.len() >= READS {
                return Ok(ReplicationAnswer { read });
            }
        }
    }
    Ok(ReplicationAnswer { read })
}

/// Whether there are users of whose password nothing was ever read.
///
/// # Errors
///
/// Those of the store.
pub fn somebody_is_new(tx: &mut dyn Read, id: ConfigurationId) -> Result<bool, StoreError> {
    let prefix = PasswordRow::standing_like(id, &PasswordStanding::Unread);
    let scan = Scan::along(PasswordRow::BY_STANDING, prefix, 1);
    Ok(!tx.list::<PasswordRow>(&scan)?.is_empty())
}

/// Notes that these are asked for. Of a user who is provisioned no more the row goes.
fn ask(tx: &mut dyn Write, rows: Vec<PasswordRow>, lease: u64) -> Result<Vec<Guid>, StoreError> {
    let ids: Vec<_> = rows
        .iter()
        .map(|row| (row.configuration, row.guid))
        .collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let mut asked = Vec::with_capacity(rows.len());
    let mut gone = Vec::new();
    for (mut row, link) in rows.into_iter().zip(links) {
        if link.is_some_and(|link| !link.deleted && link.object == row.user) {
            row.asked = lease;
            asked.push(row);
        } else {
            gone.push((row.configuration, row.guid));
        }
    }
    tx.remove::<PasswordRow>(&gone)?;
    tx.store(&asked)?;
    Ok(asked.into_iter().map(|row| row.guid).collect())
}

/// Users whom the controller does not show when they are asked for: told once, and asked for again in each cycle.
fn silent(
    tx: &mut dyn Write,
    lane: &Lane,
    found: &[Found],
    now: Timestamp,
) -> Result<(), StoreError> {
    let ids: Vec<_> = found
        .iter()
        .filter(|found| found.presence == Presence::Silent)
        .map(|found| (lane.configuration.id, found.guid))
        .collect();
    let rows: Vec<Option<PasswordRow>> = tx.fetch(&ids)?;
    let standing = PasswordStanding::Failed(NOT_SHOWN.to_owned());
    let rows = rows.into_iter().flatten();
    let mut rows: Vec<PasswordRow> = rows.filter(|row| row.standing != standing).collect();
    let mut log = Vec::new();
    for row in &mut rows {
        row.standing = standing.clone();
        let told = entry(
            tx,
            lane,
            row,
            Status::Failure,
            "PasswordNotShown",
            NOT_SHOWN,
            now,
        )?;
        log.extend(told);
    }
    tx.store(&rows)?;
    tx.store(&log)
}
