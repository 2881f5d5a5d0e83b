//! Who gets what another gives up: nothing of them changes in AD, and nobody asked for it, so it is told apart.

use super::{entry, outside_of_cycles};
use crate::configuration;
use crate::cycle::{Context, Item, redacted};
use lockstep_directory::{Inherited, PropertyChange};
use lockstep_model::Timestamp;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::Configuration;
use lockstep_store::records::log::LogEntry;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many objects of AD one of the directory may have become of, in the course of time.
const LINKS: usize = 10;
/// How people know an object.
const NAME: &str = "displayName";

/// Tells it as a part of a cycle: each of them is an update.
pub(crate) fn inherited(
    tx: &mut dyn Read,
    context: &mut Context<'_>,
    inherited: Vec<Inherited>,
) -> Result<Vec<LogEntry>, StoreError> {
    let mut entries = Vec::new();
    for item in items(tx, inherited)? {
        let report = &mut *context.report;
        if let Some(id) = item.target {
            let again = !report.counted.insert(id) || report.referring.contains(&id);
            report.tally.updated += u64::from(!again);
            if let Some(items) = &report.items {
                report.updates.entry(id).or_insert(items.len());
            }
        }
        entries.push(entry(context, Status::Success, item));
    }
    Ok(entries)
}

/// Tells it where no cycle did it.
pub(crate) fn inherited_outside_of_cycles(
    tx: &mut dyn Write,
    inherited: Vec<Inherited>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let items = items(tx, inherited)?.into_iter();
    let entries = items.map(|item| outside_of_cycles(item, Status::Success, now));
    tx.store(&entries.collect::<Vec<_>>())
}

/// Of those that a configuration provisions: of what the cloud owns this log says nothing.
fn items(tx: &mut dyn Read, inherited: Vec<Inherited>) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    for Inherited { object, changes } in inherited {
        let Some((mastery, kind)) = object.mastery.as_ref().zip(object.kind.mapped()) else {
            continue;
        };
        let owner = mastery.configuration;
        let along = Scan::along(LinkRow::BY_OBJECT, Key::empty().with(object.id), LINKS);
        let links: Vec<LinkRow> = tx.list(&along)?;
        let Some(own) = links.iter().find(|link| link.configuration == owner) else {
            continue;
        };
        let row: Option<Configuration> = tx.fetch_one(&owner)?;
        let known = row.map(|row| configuration::known(&row));
        // Of a configuration that is not there any more nobody can tell what it would show.
        let is_shown = |property: &str| {
            let known = known.as_ref();
            known.is_some_and(|known| !known.compiled.mapping.is_redacted(kind, property))
        };
        let shown = |change: PropertyChange| {
            let name = change.property.name();
            match is_shown(name) {
                true => (name, change.old, change.new),
                false => (name, change.old.map(redacted), change.new.map(redacted)),
            }
        };
        let text = |property: &str| object.text(property).map(str::to_owned);
        items.push(Item {
            guid: own.guid,
            configuration: owner,
            target: Some(object.id),
            action: Action::Update,
            anchor: mastery.anchor.to_string(),
            kind: Some(kind),
            name: text(NAME).filter(|_| is_shown(NAME)),
            dn: text("onPremisesDistinguishedName"),
            reason: "another object had this and has given it up".to_owned(),
            code: "ValueInherited",
            changes: changes.into_iter().map(shown).collect(),
        });
    }
    Ok(items)
}
