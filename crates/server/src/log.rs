//! The provisioning log.

mod inherited;
mod steps;

use crate::cycle::Context;
use crate::cycle::Item;
use lockstep_model::ids::CycleId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{PropertyValue, Timestamp};
use lockstep_store::records::job::Cycle;
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::{Read, ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use inherited::{inherited, inherited_outside_of_cycles};
pub use steps::{Step, steps};

/// Numbers entries. They begin with the time, so that they go on after a restart.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A property value as people read it.
pub(crate) fn readable(value: &PropertyValue) -> serde_json::Value {
    match value {
        PropertyValue::Boolean(value) => (*value).into(),
        PropertyValue::Integer(value) => (*value).into(),
        PropertyValue::Text(text) => text.as_str().into(),
        PropertyValue::TextList(texts) => texts.clone().into(),
        PropertyValue::Binary(bytes) => sized(bytes).into(),
        PropertyValue::BinaryList(values) => values.iter().map(|bytes| sized(bytes)).collect(),
        PropertyValue::Timestamp(time) => time.to_string().into(),
    }
}

/// What people read of bytes.
fn sized(bytes: &[u8]) -> String {
    format!("[{} bytes]", bytes.len())
}

/// The same as it is kept: a certificate or a picture is not kept a second time, in a log that nobody reads it in.
fn kept(value: PropertyValue) -> PropertyValue {
    match value {
        PropertyValue::Binary(bytes) => PropertyValue::Text(sized(&bytes)),
        PropertyValue::BinaryList(values) => {
            PropertyValue::TextList(values.iter().map(|bytes| sized(bytes)).collect())
        }
        other => other,
    }
}

/// The first number of a moment.
pub(crate) fn first_number(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0) << 20
}

/// The next number, greater than every one before.
pub(crate) fn next_number(millis: i64) -> u64 {
    let by_clock = first_number(millis);
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
    status: Status,
    item: Item,
) -> Result<(), StoreError> {
    let entry = entry(context, status, item);
    tx.store(&[entry])
}

/// One entry, to be stored with others; a preview collects it as well, unless it tells only that something
/// is right again.
pub(crate) fn entry(context: &mut Context<'_>, status: Status, item: Item) -> LogEntry {
    let only_healed = item.action == Action::Other && status == Status::Success;
    if let Some(items) = context.report.items.as_mut().filter(|_| !only_healed) {
        items.push(item.clone());
    }
    LogEntry {
        cycle: Some(context.cycle),
        took: took(context),
        ..outside_of_cycles(item, status, context.now)
    }
}

/// An entry that no cycle wrote.
pub(crate) fn outside_of_cycles(item: Item, status: Status, now: Timestamp) -> LogEntry {
    let change =
        |(property, old, new): (&str, Option<PropertyValue>, Option<PropertyValue>)| LogChange {
            property: property.to_owned(),
            old: old.map(kept),
            new: new.map(kept),
        };
    let name = item.name.clone().or_else(|| new_name(&item));
    LogEntry {
        number: next_number(now.as_millis()),
        at: now.as_millis(),
        configuration: item.configuration,
        cycle: None,
        source: item.guid,
        target: item.target,
        anchor: item.anchor,
        kind: item.kind,
        name,
        dn: item.dn,
        action: item.action,
        status,
        reason: item.reason,
        code: item.code.to_owned(),
        changes: item.changes.into_iter().map(change).collect(),
        took: None,
    }
}

/// How long it has taken up to now since somebody asked for it.
pub(crate) fn took(context: &Context<'_>) -> Option<u64> {
    let took = context.now.since(context.began?);
    u64::try_from(took.as_millis()).ok()
}

/// What the log shows instead of a value that it must not show.
pub(crate) const REDACTED: &str = "[Redact]";

/// How an object is called that is made or renamed.
fn new_name(item: &Item) -> Option<String> {
    let mut changes = item.changes.iter();
    let (_, _, new) = changes.find(|(property, ..)| *property == "displayName")?;
    let name = new.as_ref().and_then(PropertyValue::as_text)?;
    (name != REDACTED).then(|| name.to_owned())
}

/// The cycles in which entries were written, as far as they are still known.
///
/// # Errors
///
/// Those of the store.
pub fn cycles_of<T: Read + ?Sized>(
    tx: &mut T,
    entries: &[LogEntry],
) -> Result<BTreeMap<CycleId, Cycle>, StoreError> {
    let ids: BTreeSet<CycleId> = entries.iter().filter_map(|entry| entry.cycle).collect();
    let ids: Vec<CycleId> = ids.into_iter().collect();
    let cycles: Vec<Option<Cycle>> = tx.fetch(&ids)?;
    let known = cycles.into_iter().flatten();
    Ok(known.map(|cycle| (cycle.id, cycle)).collect())
}

/// Who or what led to an entry: what woke its cycle; `demand`: one object, or a comparison, was asked for.
#[must_use]
pub fn initiated_by(cycle: Option<&Cycle>) -> &'static str {
    cycle.map_or("demand", |cycle| cycle.woken_by.as_str())
}

/// How long it took from the beginning of its cycle, or from the request for one object, to an entry, in
/// milliseconds.
#[must_use]
pub fn duration(entry: &LogEntry, cycle: Option<&Cycle>) -> u64 {
    let of_cycle = |cycle: &Cycle| u64::try_from(entry.at - cycle.started).unwrap_or(0);
    let own = entry.took.or_else(|| cycle.map(of_cycle));
    own.unwrap_or(0)
}
