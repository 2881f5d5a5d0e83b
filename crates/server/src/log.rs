//! The provisioning log.

use crate::cycle::Context;
use crate::cycle::Item;
use lockstep_model::PropertyValue;
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::{StoreError, Write, WriteRecords as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers entries. They begin with the time, so that they go on after a restart.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The next number, greater than every one before.
pub(crate) fn next_number(millis: i64) -> u64 {
    let by_clock = u64::try_from(millis).unwrap_or(0) << 20;
    let previous = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(by_clock.max(last + 1))
    });
    previous.map_or(by_clock, |previous| by_clock.max(previous + 1))
}

/// Writes one entry; a preview collects it as well.
///
/// # Errors
///
/// Those of the store.
pub fn record(
    tx: &mut dyn Write,
    context: &mut Context<'_>,
    status: &str,
    item: Item,
) -> Result<(), StoreError> {
    let entry = entry(context, status, item);
    tx.store(&[entry])
}

/// One entry, to be stored with others; a preview collects it as well.
pub(crate) fn entry(context: &mut Context<'_>, status: &str, item: Item) -> LogEntry {
    if let Some(items) = &mut context.report.items {
        items.push(item.clone());
    }
    let change = |(property, old, new): (&str, Option<PropertyValue>, Option<PropertyValue>)| {
        let property = property.to_owned();
        LogChange { property, old, new }
    };
    LogEntry {
        number: next_number(context.now.as_millis()),
        at: context.now.as_millis(),
        configuration: item.configuration,
        cycle: Some(context.cycle),
        source: item.guid,
        target: item.target,
        anchor: item.anchor,
        kind: item.kind.to_owned(),
        name: None,
        dn: item.dn,
        action: item.action.to_owned(),
        status: status.to_owned(),
        reason: item.reason,
        code: item.code.to_owned(),
        changes: item.changes.into_iter().map(change).collect(),
    }
}
