//! For how long is remembered what happened: old entries of the logs and old cycles go, in bounded batches.

use crate::service::Service;
use crate::signin::trail;
use lockstep_model::Timestamp;
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::records::log::{AuditEntry, LogEntry};
use lockstep_store::{Key, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::Duration;

/// How many rows one transaction looks at.
const SLICE: usize = 1_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How long is remembered what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// Entries of the provisioning log, cycles, and who signed in.
    pub log: Duration,
    /// Who changed which setting.
    pub audit: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            log: DAY * 30,
            audit: DAY * 365,
        }
    }
}

/// Forgets what is old, in bounded transactions.
///
/// # Errors
///
/// Those of the store.
pub async fn forget(service: &Arc<Service>, kept: Retention) -> Result<(), StoreError> {
    let now = service.clock.now();
    let horizon = now.minus(kept.log);
    while service.write(move |tx| entries(tx, horizon)).await? {}
    let mut after = None;
    loop {
        let place = after.take();
        after = service.write(move |tx| audit(tx, now, kept, place)).await?;
        if after.is_none() {
            break;
        }
    }
    let ids = service.read(|tx| configurations(tx)).await?;
    for id in ids {
        while service.write(move |tx| cycles(tx, id, horizon)).await? {}
    }
    Ok(())
}

fn configurations(tx: &mut dyn lockstep_store::Read) -> Result<Vec<ConfigurationId>, StoreError> {
    let rows: Vec<Configuration> = tx.list(&Scan::of(Key::empty(), usize::MAX))?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Behind this key of a log are the entries from before a moment: the newest come first.
fn behind(horizon: Timestamp) -> Key {
    let number = crate::log::first_number(horizon.as_millis());
    Key::empty().with(u64::MAX - number)
}

/// Removes some old entries of the provisioning log. Says whether there may be more.
///
/// # Errors
///
/// Those of the store.
pub fn entries(tx: &mut dyn Write, horizon: Timestamp) -> Result<bool, StoreError> {
    let place = behind(horizon);
    let mut scan = Scan::of(Key::empty(), SLICE);
    scan.after = Some((place.clone(), place));
    let old: Vec<LogEntry> = tx.list(&scan)?;
    let numbers: Vec<u64> = old.iter().map(|entry| entry.number).collect();
    tx.remove::<LogEntry>(&numbers)?;
    Ok(old.len() == SLICE)
}

/// Removes some old entries of the audit log: sign-ins, which are many, earlier than changes of settings. Gives
/// the place behind which to go on.
///
/// # Errors
///
/// Those of the store.
pub fn audit(
    tx: &mut dyn Write,
    now: Timestamp,
    kept: Retention,
    after: Option<Key>,
) -> Result<Option<Key>, StoreError> {
    let horizon = |kept: Duration| now.minus(kept).as_millis();
    let (sign_ins, settings) = (horizon(kept.log), horizon(kept.audit));
    let first = Timestamp::from_millis(sign_ins.max(settings));
    let place = after.unwrap_or_else(|| behind(first));
    let mut scan = Scan::of(Key::empty(), SLICE);
    scan.after = Some((place.clone(), place));
    let rows: Vec<AuditEntry> = tx.list(&scan)?;
    let is_old = |row: &&AuditEntry| match row.activity.as_str() {
        trail::SIGNED_IN | trail::REFUSED => row.at <= sign_ins,
        _ => row.at <= settings,
    };
    let old: Vec<u64> = rows.iter().filter(is_old).map(|row| row.number).collect();
    tx.remove::<AuditEntry>(&old)?;
    Ok(rows.last().filter(|_| rows.len() == SLICE).map(Record::key))
}

/// Removes some old cycles of a configuration, but not those that its status shows. Says whether there may be
/// more.
///
/// # Errors
///
/// Those of the store.
pub fn cycles(
    tx: &mut dyn Write,
    id: ConfigurationId,
    horizon: Timestamp,
) -> Result<bool, StoreError> {
    let job: Option<Job> = tx.fetch_one(&id)?;
    let shown: Vec<CycleId> = job.map_or_else(Vec::new, |job| {
        let history = job.history;
        let ids = [
            job.cycle,
            job.last_cycle,
            history.last_success,
            history.last_export,
        ];
        ids.into_iter().flatten().collect()
    });
    let prefix = Key::empty().with(id);
    let started = u64::try_from(horizon.as_millis()).unwrap_or(0);
    let mut scan = Scan::along(Cycle::BY_CONFIGURATION, prefix.clone(), SLICE);
    scan.after = Some((prefix.with(u64::MAX - started), Key::empty()));
    let rows: Vec<Cycle> = tx.list(&scan)?;
    let old = rows.iter().filter(|row| !shown.contains(&row.id));
    let old: Vec<CycleId> = old.map(|row| row.id).collect();
    tx.remove::<Cycle>(&old)?;
    Ok(rows.len() == SLICE && !old.is_empty())
}
