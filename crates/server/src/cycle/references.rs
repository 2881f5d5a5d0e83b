//! References: managers, owners, members. Decided value by value, after all objects.
//!
//! A reference is in the cloud directory when AD has it and both ends are there. One more member of a
//! group of a million costs what it costs in a group of ten.

use super::{Context, clear, marks};
use crate::directory;
use crate::import::Lane;
use lockstep_engine::Presence;
use lockstep_engine::mapping::{REFERENCES, Reference};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::connector_space::{Dirty, Joined, Staged, StagedReference, Subject};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record as _, Scan, StoreError, Write, WriteRecords as _,
};

/// How many references one batch looks at.
const BATCH: usize = 2_000;

/// Works off marks of references. Returns whether there may be more.
pub(super) fn batch(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    if let Some(mark) = marks(tx, lane, &Subject::From(Guid::NIL), 0, 1)?.pop() {
        return from(tx, lane, context, mark).map(|()| true);
    }
    if let Some(mark) = marks(tx, lane, &Subject::To(Guid::NIL), 0, 1)?.pop() {
        return to(tx, lane, context, mark).map(|()| true);
    }
    let example = Subject::Reference(Guid::NIL, String::new(), Guid::NIL);
    let single = marks(tx, lane, &example, 0, BATCH)?;
    for mark in &single {
        if let Subject::Reference(source, attribute, target) = &mark.subject {
            one(tx, lane, context, *source, attribute, *target)?;
        }
    }
    clear(tx, &single)?;
    Ok(!single.is_empty())
}

/// All references of one object: what AD has is written, then what only the directory has is removed.
fn from(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    mark: Dirty,
) -> Result<(), StoreError> {
    let Subject::From(source) = mark.subject else {
        return Ok(());
    };
    let configuration = lane.configuration.id;
    let prefix = StagedReference::from(configuration, source);
    let mut scan = Scan::of(prefix, BATCH);
    scan.after = mark.position.clone().map(|key| (key.clone(), key));
    let rows: Vec<StagedReference> = tx.list(&scan)?;
    if is_deleted(tx, lane, source)? {
        let ids: Vec<_> = rows.iter().map(StagedReference::id).collect();
        tx.remove::<StagedReference>(&ids)?;
    } else if let Some(holder) = live(tx, lane, source)? {
        add_targets(tx, lane, context, holder, &rows)?;
        if rows.len() < BATCH {
            remove_strangers(tx, lane, context, source, holder)?;
        }
    }
    go_on(
        tx,
        mark,
        rows.len() == BATCH,
        rows.last().map(StagedReference::key),
    )
}

/// Goes on behind `last` with the next batch, or is done.
fn go_on(tx: &mut dyn Write, mark: Dirty, more: bool, last: Option<Key>) -> Result<(), StoreError> {
    if more {
        let now: Option<Dirty> = tx.fetch_one(&(mark.configuration, mark.subject.clone()))?;
        if now.is_some_and(|now| now.sequence == mark.sequence) {
            return tx.store(&[Dirty {
                position: last,
                ..mark
            }]);
        }
        return Ok(());
    }
    clear(tx, &[mark])
}

fn add_targets(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    holder: ObjectId,
    rows: &[StagedReference],
) -> Result<(), StoreError> {
    let ids: Vec<_> = rows
        .iter()
        .map(|row| (row.configuration, row.target))
        .collect();
    let targets: Vec<Option<Joined>> = tx.fetch(&ids)?;
    for reference in REFERENCES {
        let present = rows
            .iter()
            .zip(&targets)
            .filter(|(row, _)| row.attribute == reference.attribute);
        let objects: Vec<ObjectId> = present
            .filter_map(|(_, joined)| joined.as_ref())
            .filter(|joined| !joined.link.deleted)
            .map(|joined| joined.link.object)
            .collect();
        if objects.is_empty() {
            continue;
        }
        let added = directory::link(tx, holder, reference.property, &objects)?;
        count(lane, context, holder, added, 0);
    }
    Ok(())
}

/// Removes what the directory has and AD has not.
fn remove_strangers(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    source: Guid,
    holder: ObjectId,
) -> Result<(), StoreError> {
    for reference in REFERENCES {
        let mut after = None;
        loop {
            let targets = directory::targets(tx, holder, reference.property, after, BATCH)?;
            let Some(last) = targets.last() else { break };
            after = Some(*last);
            let mut strangers = Vec::new();
            for target in targets {
                if !in_ad(tx, lane, source, reference, target)? {
                    strangers.push(target);
                }
            }
            let removed = directory::unlink(tx, holder, reference.property, &strangers)?;
            count(lane, context, holder, 0, removed);
        }
    }
    Ok(())
}

/// Whether AD has the reference that the directory has.
fn in_ad(
    tx: &mut dyn Write,
    lane: &Lane,
    source: Guid,
    reference: &Reference,
    target: ObjectId,
) -> Result<bool, StoreError> {
    let configuration = lane.configuration.id;
    let by_object = Scan::along(Joined::BY_OBJECT, Key::empty().with(target), 10);
    let joined: Vec<Joined> = tx.list(&by_object)?;
    let Some(joined) = joined
        .iter()
        .find(|joined| joined.configuration == configuration)
    else {
        return Ok(false);
    };
    let id = (
        configuration,
        source,
        reference.attribute.to_owned(),
        joined.link.guid,
    );
    // One that is in the recycle bin keeps its references, to come back with them.
    Ok(tx.fetch_one::<StagedReference>(&id)?.is_some())
}

/// All references to one object.
fn to(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    mark: Dirty,
) -> Result<(), StoreError> {
    let Subject::To(target) = mark.subject else {
        return Ok(());
    };
    let prefix = StagedReference::to(lane.configuration.id, target);
    let mut scan = Scan::along(StagedReference::BY_TARGET, prefix, BATCH);
    let place = |key: Key| {
        let row = StagedReference::decode(&key, b"0").ok()?;
        Some((row.indexes().into_iter().next().flatten()?, key))
    };
    scan.after = mark.position.clone().and_then(place);
    let rows: Vec<StagedReference> = tx.list(&scan)?;
    let deleted = is_deleted(tx, lane, target)?;
    for row in &rows {
        one_of(tx, lane, context, row, !deleted)?;
    }
    if deleted {
        let ids: Vec<_> = rows.iter().map(StagedReference::id).collect();
        tx.remove::<StagedReference>(&ids)?;
    }
    go_on(
        tx,
        mark,
        rows.len() == BATCH,
        rows.last().map(StagedReference::key),
    )
}

/// One reference, as AD has it now.
fn one(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    source: Guid,
    attribute: &str,
    target: Guid,
) -> Result<(), StoreError> {
    let configuration = lane.configuration.id;
    let id = (configuration, source, attribute.to_owned(), target);
    let row: Option<StagedReference> = tx.fetch_one(&id)?;
    let wanted = row.is_some();
    let row = row.unwrap_or(StagedReference {
        configuration,
        source,
        attribute: attribute.to_owned(),
        target,
        reading: 0,
    });
    one_of(tx, lane, context, &row, wanted)
}

fn one_of(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    row: &StagedReference,
    wanted: bool,
) -> Result<(), StoreError> {
    let Some(reference) = REFERENCES.iter().find(|r| r.attribute == row.attribute) else {
        return Ok(());
    };
    let Some(holder) = live(tx, lane, row.source)? else {
        return Ok(());
    };
    let joined: Option<Joined> = tx.fetch_one(&(row.configuration, row.target))?;
    let Some(joined) = joined else { return Ok(()) };
    let target = [joined.link.object];
    if wanted {
        if !joined.link.deleted {
            let added = directory::link(tx, holder, reference.property, &target)?;
            count(lane, context, holder, added, 0);
        }
    } else {
        let removed = directory::unlink(tx, holder, reference.property, &target)?;
        count(lane, context, holder, 0, removed);
    }
    Ok(())
}

/// The directory's object for an object of AD, if it is there and not deleted.
fn live(tx: &mut dyn Read, lane: &Lane, guid: Guid) -> Result<Option<ObjectId>, StoreError> {
    let joined: Option<Joined> = tx.fetch_one(&(lane.configuration.id, guid))?;
    Ok(joined
        .filter(|joined| !joined.link.deleted)
        .map(|joined| joined.link.object))
}

fn is_deleted(tx: &mut dyn Read, lane: &Lane, guid: Guid) -> Result<bool, StoreError> {
    let row: Option<Staged> = tx.fetch_one(&(lane.configuration.id, guid))?;
    Ok(row.is_some_and(|row| row.object.presence == Presence::Deleted))
}

/// A changed reference is one update of its holder, however many there are.
fn count(lane: &Lane, context: &mut Context<'_>, holder: ObjectId, added: u64, removed: u64) {
    if added + removed == 0 {
        return;
    }
    tracing::debug!(configuration = lane.configuration.name, %holder, added, removed, "references");
    if context.report.counted.insert(holder) {
        context.report.tally.updated += 1;
        context.report.references.insert(holder, (0, 0));
    }
    if let Some(changes) = context.report.references.get_mut(&holder) {
        changes.0 += added;
        changes.1 += removed;
    }
}
