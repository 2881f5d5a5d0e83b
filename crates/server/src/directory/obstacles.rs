//! Objects that stand in the way of objects of Active Directory that failed: whoever changes one of them has these
//! tried again in the next cycle.

use lockstep_model::Timestamp;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::safety::{Escrow, Obstacle};
use lockstep_store::{
    Key, ReadRecords as _, Record as _, Scan, StoreError, Write, WriteRecords as _,
};

/// How many that wait for one object are looked at in one go.
const SLICE: usize = 1_000;

/// These objects have changed, or are gone: who waits for one of them is due.
///
/// The job is not touched: a cycle that runs holds it, and the next one marks what is due.
pub(super) fn changed(
    tx: &mut dyn Write,
    ids: impl Iterator<Item = ObjectId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // As a rule nobody waits, and a write costs one look.
    let any = tx.scan(Obstacle::TABLE, &Scan::of(Key::empty(), 1))?;
    if any.is_empty() {
        return Ok(());
    }
    for id in ids {
        loop {
            let rows: Vec<Obstacle> = tx.list(&Scan::of(Obstacle::of(id), SLICE))?;
            if rows.is_empty() {
                break;
            }
            let failed: Vec<_> = rows
                .iter()
                .map(|row| (row.configuration, row.guid))
                .collect();
            let failed: Vec<Option<Escrow>> = tx.fetch(&failed)?;
            let failed = failed.into_iter().flatten();
            let due = failed
                .filter(|row| row.obstacle == Some(id))
                .map(|row| Escrow {
                    next: Some(now.as_millis()),
                    ..row
                });
            tx.store(&due.collect::<Vec<_>>())?;
            tx.remove::<Obstacle>(&rows.iter().map(Obstacle::id).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}
