//! The audit log: who changed which setting.

use crate::log::next_number;
use lockstep_model::Timestamp;
use lockstep_store::records::log::AuditEntry;
use lockstep_store::{StoreError, Write, WriteRecords as _};

/// Writes one entry, in the transaction of the change.
///
/// # Errors
///
/// Those of the store.
pub fn record(
    tx: &mut dyn Write,
    now: Timestamp,
    actor: &str,
    activity: &str,
    target: &str,
    old: Option<String>,
    new: Option<String>,
) -> Result<(), StoreError> {
    tx.store(&[AuditEntry {
        number: next_number(now.as_millis()),
        at: now.as_millis(),
        actor: actor.to_owned(),
        activity: activity.to_owned(),
        target: target.to_owned(),
        old,
        new,
    }])
}
