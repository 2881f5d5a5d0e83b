//! The provisioning log.

mod inherited;
mod steps;

use crate::configuration;
use crate::cycle::Context;
use crate::cycle::Item;
use lockstep_directory::Object;
use lockstep_engine::mapping::Mapping;
use lockstep_model::ids::CycleId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{MappedKind, PropertyValue, Timestamp, codes};
use lockstep_store::records::job::{Configuration, Cycle};
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::{Read, ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use inherited::{Because, items_of, tell_outside_of_cycles};
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

/// A change as the log may show it.
pub(crate) fn shown(
    mapping: &Mapping,
    kind: MappedKind,
    property: &'static str,
    (old, new): (Option<PropertyValue>, Option<PropertyValue>),
) -> (&'static str, Option<PropertyValue>, Option<PropertyValue>) {
    let redacted =
        |value: Option<PropertyValue>| value.map(|_| PropertyValue::Text(REDACTED.to_owned()));
    match mapping.is_redacted(kind, property) {
        true => (property, redacted(old), redacted(new)),
        false => (property, old, new),
    }
}

/// How the log calls an object: none where its configuration hides the name, or where it has none.
pub(crate) fn name_of(tx: &mut dyn Read, object: &Object) -> Result<Option<String>, StoreError> {
    let name = object.text(NAME).map(str::to_owned);
    let Some((mastery, kind)) = object.mastery.as_ref().zip(object.kind.mapped()) else {
        return Ok(name);
    };
    let row: Option<Configuration> = tx.fetch_one(&mastery.configuration)?;
    let hidden = row.is_some_and(|row| {
        let compiled = &configuration::known(&row).compiled;
        compiled.mapping.is_redacted(kind, NAME)
    });
    Ok(name.filter(|_| !hidden))
}

/// How people know an object.
const NAME: &str = "displayName";

/// How an object is called that is made or renamed.
fn new_name(item: &Item) -> Option<String> {
    let mut changes = item.changes.iter();
    let (_, _, new) = changes.find(|(property, ..)| *property == NAME)?;
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

/// What led to an entry of an object, or a comparison, that was asked for.
pub(crate) const DEMAND: &str = "demand";
/// What led to an entry of whoever got what another gave up, where that was no cycle's doing.
const DIRECTORY: &str = "directory";

/// Who or what led to an entry: what woke its cycle, if it has one.
#[must_use]
pub fn initiated_by(entry: &LogEntry, cycle: Option<&Cycle>) -> &'static str {
    match (cycle, entry.code.as_str()) {
        (Some(cycle), _) => cycle.woken_by.as_str(),
        (None, codes::VALUE_INHERITED | codes::NAME_MADE_ANEW) => DIRECTORY,
        (None, _) => DEMAND,
    }
}

/// How long it took from the beginning of its cycle, or from the request for one object, to an entry, in
/// milliseconds.
#[must_use]
pub fn duration(entry: &LogEntry, cycle: Option<&Cycle>) -> u64 {
    let of_cycle = |cycle: &Cycle| u64::try_from(entry.at - cycle.started).unwrap_or(0);
    let own = entry.took.or_else(|| cycle.map(of_cycle));
    own.unwrap_or(0)
}
