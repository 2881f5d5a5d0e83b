//! Upkeep of the directory: users leave the recycle bin for good after thirty days, and so long is
//! remembered what went, for those who ask what has changed.

use super::write;
use crate::retention::{self, Retention};
use crate::service::Service;
use lockstep_directory::{Change, Kind, TenantRules};
use lockstep_model::Timestamp;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::directory::{
    ChangeCounter, ChangeMark, DepartedReference, DirectoryObject, GoneObject,
};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::Duration;

/// For how long a deleted user can come back, and what went is remembered.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How often upkeep is done.
const EVERY: Duration = Duration::from_secs(3_600);
/// How many rows one transaction removes.
const SLICE: usize = 500;

/// Does upkeep of the directory and of the logs, now and every hour, until it is dropped.
pub async fn run(service: Arc<Service>, kept: Retention) {
    loop {
        let done = match once(&service).await {
            Ok(()) => retention::forget(&service, kept).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(error = &error as &dyn std::error::Error, "upkeep failed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Does upkeep once, in bounded transactions.
///
/// # Errors
///
/// Those of the store.
pub async fn once(service: &Arc<Service>) -> Result<(), StoreError> {
    let now = service.clock.now();
    let mut after = None;
    loop {
        let tenant = service.tenant_rules();
        let place = after.clone();
        after = service
            .write(move |tx| empty_bin(tx, &tenant, now, place))
            .await?;
        if after.is_none() {
            break;
        }
    }
    while service.write(move |tx| forget(tx, now)).await? {}
    Ok(())
}

/// Removes some of the users that have been in the recycle bin for long. Gives the place behind which to
/// go on.
///
/// # Errors
///
/// Those of the store.
pub fn empty_bin(
    tx: &mut dyn Write,
    tenant: &TenantRules,
    now: Timestamp,
    after: Option<(Key, Key)>,
) -> Result<Option<(Key, Key)>, StoreError> {
    let prefix = DirectoryObject::of_kind(Kind::User, true);
    let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix, SLICE);
    scan.after = after;
    let rows: Vec<DirectoryObject> = tx.list(&scan)?;
    let next = rows
        .last()
        .filter(|_| rows.len() == SLICE)
        .and_then(|last| scan.behind(last).after);
    let old = |row: &&DirectoryObject| {
        row.object
            .deleted
            .is_some_and(|deleted| deleted <= now.minus(KEPT))
    };
    let purge = |row: &DirectoryObject| Change::Purge { id: row.object.id };
    let changes: Vec<Change> = rows.iter().filter(old).map(purge).collect();
    let outcomes = write(tx, tenant, changes, now)?;
    for outcome in &outcomes {
        tracing::info!(user = %outcome.id, "left the recycle bin for good");
    }
    Ok(next)
}

/// Forgets some of what went long ago, and notes where the numbers of changes stand. Says whether there is
/// more to forget.
///
/// # Errors
///
/// Those of the store.
pub fn forget(tx: &mut dyn Write, now: Timestamp) -> Result<bool, StoreError> {
    let mut counter: ChangeCounter = tx.fetch_one(&())?.unwrap_or_default();
    let marks: Vec<ChangeMark> = tx.list(&Scan::of(Key::empty(), SLICE))?;
    let horizon = now.minus(KEPT).as_millis();
    let (old, recent): (Vec<ChangeMark>, Vec<ChangeMark>) =
        marks.into_iter().partition(|mark| mark.at <= horizon);
    if let Some(mark) = old.last()
        && mark.last > counter.forgotten
    {
        // First, in the same transaction: nobody is told of a part of what is being forgotten.
        counter.forgotten = mark.last;
        tx.store(&[counter])?;
    }
    if recent
        .last()
        .is_none_or(|mark| mark.at + DAY <= now.as_millis())
    {
        tx.store(&[ChangeMark {
            at: now.as_millis(),
            last: counter.last,
        }])?;
    }
    tx.remove::<ChangeMark>(&old.iter().map(|mark| mark.at).collect::<Vec<_>>())?;
    forget_rows(tx, counter.forgotten)
}

/// A mark a day is enough.
const DAY: i64 = 24 * 3_600 * 1_000;

fn forget_rows(tx: &mut dyn Write, forgotten: u64) -> Result<bool, StoreError> {
    let scan = Scan::along(DepartedReference::BY_CHANGE, Key::empty(), SLICE);
    let departed: Vec<DepartedReference> = tx.list(&scan)?;
    let departed = departed.iter().filter(|row| row.change <= forgotten);
    let departed: Vec<_> = departed.map(DepartedReference::id).collect();
    tx.remove::<DepartedReference>(&departed)?;
    let mut more = departed.len() == SLICE;
    for kind in [
        Kind::User,
        Kind::Group,
        Kind::Contact,
        Kind::ServicePrincipal,
    ] {
        let scan = Scan::along(GoneObject::BY_CHANGE, GoneObject::changes_of(kind), SLICE);
        let gone: Vec<GoneObject> = tx.list(&scan)?;
        let gone = gone.iter().filter(|row| row.change <= forgotten);
        let gone: Vec<ObjectId> = gone.map(|row| row.id).collect();
        tx.remove::<GoneObject>(&gone)?;
        more |= gone.len() == SLICE;
    }
    Ok(more)
}
