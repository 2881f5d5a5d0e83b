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
    let change =
        |(property, old, new): &(String, Option<PropertyValue>, Option<PropertyValue>)| LogChange {
            property: property.clone(),
            old: old.as_ref().map(json),
            new: new.as_ref().map(json),
        };
    let entry = LogEntry {
        number: next_number(context.now.as_millis()),
        at: context.now.as_millis(),
        configuration: item.configuration,
        cycle: Some(context.cycle),
        source: item.guid,
        target: item.target,
        anchor: item.anchor.clone(),
        kind: item.kind.to_owned(),
        name: None,
        dn: item.dn.clone(),
        action: item.action.to_owned(),
        status: status.to_owned(),
        reason: item.reason.clone(),
        code: item.code.to_owned(),
        changes: item.changes.iter().map(change).collect(),
    };
    tx.store(&[entry])?;
    if let Some(items) = &mut context.report.items {
        items.push(item);
    }
    Ok(())
}

/// A property value as people read it.
pub(crate) fn json(value: &PropertyValue) -> serde_json::Value {
    match value {
        PropertyValue::Boolean(value) => (*value).into(),
        PropertyValue::Integer(value) => (*value).into(),
        PropertyValue::Text(text) => text.as_str().into(),
        PropertyValue::TextList(texts) => texts.clone().into(),
        PropertyValue::Binary(bytes) => format!("[{} bytes]", bytes.len()).into(),
        PropertyValue::Timestamp(time) => time.to_string().into(),
    }
}
