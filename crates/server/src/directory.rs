//! The directory's rules over the store.
//!
//! * [`write()`]: changes as synchronisation makes them, conflicts held back, and `write_untold` for cycles, which tell
//!   by themselves who got what another gave up; [`write_strictly`]: as people and programs make them, a conflict refused;
//! * [`find`]: which objects fit a query; [`feed`]: what has changed since somebody looked;
//! * [`edit`]: what may be done to objects by others than synchronisation;
//! * `obstacles`: who is tried again when an object changes;
//! * [`upkeep`]: what has been in the recycle bin for long, and what was remembered for feeds.

pub mod edit;
pub mod feed;
pub mod find;
mod obstacles;
pub mod upkeep;

use crate::log::{self, Because};
use crate::{credentials, links, signin};
use lockstep_directory::unique::is_primary_of;
use lockstep_directory::{
    Batch, Change, Conflict, Inherited, Kind, Object, Outcome, Refusal, TenantRules, UniqueValue,
    View, write_batch,
};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};
use lockstep_store::records::directory::{
    ChangeCounter, DepartedReference, DirectoryObject, DirectoryReference, GoneObject, IndexEntry,
    UniqueOwner, Waiting,
};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::BTreeSet;

/// How many references are removed in one go.
const SLICE: usize = 1_000;
/// The property whose changes are numbered one by one: groups are asked for what changed in them.
const NUMBERED: &str = "members";

/// The objects with these ids.
///
/// # Errors
///
/// Those of the store.
pub fn objects(tx: &mut dyn Read, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, StoreError> {
    let rows: Vec<Option<DirectoryObject>> = tx.fetch(ids)?;
    Ok(rows
        .into_iter()
        .map(|row| row.map(|row| row.object))
        .collect())
}

/// A property of an object, as text.
///
/// # Errors
///
/// Those of the store.
pub fn text_of(
    tx: &mut dyn Read,
    id: ObjectId,
    property: &str,
) -> Result<Option<String>, StoreError> {
    let object = objects(tx, &[id])?.pop().flatten();
    Ok(object.and_then(|object| object.text(property).map(str::to_owned)))
}

/// The objects with these anchors; a live object before a deleted one.
///
/// # Errors
///
/// Those of the store.
pub fn objects_by_anchor(
    tx: &mut dyn Read,
    anchors: &[SourceAnchor],
) -> Result<Vec<Option<Object>>, StoreError> {
    let mut found = Vec::with_capacity(anchors.len());
    for anchor in anchors {
        let prefix = DirectoryObject::with_anchor(anchor);
        let scan = Scan::along(DirectoryObject::BY_ANCHOR, prefix, 10);
        let rows: Vec<DirectoryObject> = tx.list(&scan)?;
        let objects = rows.into_iter().map(|row| row.object);
        found.push(objects.min_by_key(|object| object.deleted.is_some()));
    }
    Ok(found)
}

/// Who has each of these unique values.
///
/// # Errors
///
/// Those of the store.
pub fn owners(
    tx: &mut dyn Read,
    values: &[UniqueValue],
) -> Result<Vec<Option<ObjectId>>, StoreError> {
    let owners: Vec<Option<UniqueOwner>> = tx.fetch(values)?;
    Ok(owners
        .into_iter()
        .map(|owner| owner.map(|owner| owner.owner))
        .collect())
}

/// The users with these user principal names.
///
/// # Errors
///
/// Those of the store.
pub fn users_by_name(
    tx: &mut dyn Read,
    names: &[String],
) -> Result<Vec<Option<Object>>, StoreError> {
    let value = |name: &String| UniqueValue::user_principal_name(name);
    owning_objects(tx, &names.iter().map(value).collect::<Vec<_>>())
}

/// The objects whose primary mail addresses these are. Who has one of them as a further address is not
/// found by it.
///
/// # Errors
///
/// Those of the store.
pub fn objects_by_primary_address(
    tx: &mut dyn Read,
    addresses: &[String],
) -> Result<Vec<Option<Object>>, StoreError> {
    let values: Vec<UniqueValue> = addresses
        .iter()
        .map(|address| UniqueValue::mail_address(address))
        .collect();
    let objects = owning_objects(tx, &values)?;
    let primary = |(object, value): (Option<Object>, &UniqueValue)| {
        object.filter(|object| is_primary_of(value, object))
    };
    Ok(objects.into_iter().zip(&values).map(primary).collect())
}

fn owning_objects(
    tx: &mut dyn Read,
    values: &[UniqueValue],
) -> Result<Vec<Option<Object>>, StoreError> {
    let owners = owners(tx, values)?;
    let known: Vec<ObjectId> = owners.iter().flatten().copied().collect();
    let mut objects = objects(tx, &known)?.into_iter();
    let object = |owner: Option<ObjectId>| owner.and_then(|_| objects.next().flatten());
    Ok(owners.into_iter().map(object).collect())
}

/// The store as the directory's rules see it.
struct StoreView<'a>(&'a mut dyn Write);

impl View for StoreView<'_> {
    type Error = StoreError;

    fn objects(&mut self, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, StoreError> {
        objects(self.0, ids)
    }

    fn owners(&mut self, values: &[UniqueValue]) -> Result<Vec<Option<ObjectId>>, StoreError> {
        owners(self.0, values)
    }

    fn waiting(&mut self, values: &[UniqueValue]) -> Result<Vec<Vec<ObjectId>>, StoreError> {
        let mut waiting = Vec::with_capacity(values.len());
        for value in values {
            let rows: Vec<Waiting> = self.0.list(&Scan::of(Waiting::for_value(value), SLICE))?;
            waiting.push(rows.into_iter().map(|row| row.object).collect());
        }
        Ok(waiting)
    }
}

/// Carries out changes and stores what the directory looks like then. Whoever gets what another gave up is told in the
/// log.
///
/// # Errors
///
/// Those of the store.
pub fn write(
    tx: &mut dyn Write,
    tenant: &TenantRules,
    changes: Vec<Change>,
    now: Timestamp,
) -> Result<Vec<Outcome>, StoreError> {
    let (outcomes, inherited) = write_untold(tx, tenant, changes, now)?;
    log::tell_outside_of_cycles(tx, inherited, Because::GivenUp, now)?;
    Ok(outcomes)
}

/// What became of each change, and who got what others gave up.
pub(crate) type Written = (Vec<Outcome>, Vec<Inherited>);

/// The same for a cycle, which tells by itself who got what others gave up.
pub(crate) fn write_untold(
    tx: &mut dyn Write,
    tenant: &TenantRules,
    changes: Vec<Change>,
    now: Timestamp,
) -> Result<Written, StoreError> {
    if changes.is_empty() {
        return Ok(Written::default());
    }
    let made = made_by(&changes);
    let batch = write_batch(&mut StoreView(tx), tenant, changes, now)?;
    persist(tx, batch, &made, now)
}

/// The objects that these changes make: nobody can have waited for them.
fn made_by(changes: &[Change]) -> BTreeSet<ObjectId> {
    let made = changes.iter().filter_map(|change| match change {
        Change::Create { id, .. } => Some(*id),
        _ => None,
    });
    made.collect()
}

/// Why changes were not made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The directory's rules do not allow it.
    Rule(Refusal),
    /// Somebody else has a value that only one may have.
    Conflict(Conflict),
}

/// Carries out changes, all or none: what cannot be done as it was asked for is refused, and nothing is
/// changed then.
///
/// # Errors
///
/// Those of the store.
pub fn write_strictly(
    tx: &mut dyn Write,
    tenant: &TenantRules,
    changes: Vec<Change>,
    now: Timestamp,
) -> Result<Result<Vec<Outcome>, Refused>, StoreError> {
    let made = made_by(&changes);
    let batch = write_batch(&mut StoreView(tx), tenant, changes, now)?;
    let refusal = batch
        .outcomes
        .iter()
        .find_map(|outcome| outcome.result.as_ref().err());
    if let Some(refusal) = refusal {
        return Ok(Err(Refused::Rule(refusal.clone())));
    }
    if let Some(conflict) = batch.new_conflict() {
        return Ok(Err(Refused::Conflict(conflict.clone())));
    }
    let (outcomes, inherited) = persist(tx, batch, &made, now)?;
    log::tell_outside_of_cycles(tx, inherited, Because::GivenUp, now)?;
    Ok(Ok(outcomes))
}

fn persist(
    tx: &mut dyn Write,
    batch: Batch,
    made: &BTreeSet<ObjectId>,
    now: Timestamp,
) -> Result<Written, StoreError> {
    if batch.objects.is_empty() && batch.removed.is_empty() {
        return Ok((batch.outcomes, batch.inherited));
    }
    let changed = batch.objects.iter().map(|object| object.id);
    let changed = changed.filter(|id| !made.contains(id));
    let gone = batch.removed.iter().map(|(id, _)| *id);
    obstacles::changed(tx, changed.chain(gone), now)?;
    let change = next_change(tx)?;
    for (id, _) in &batch.removed {
        remove_references(tx, *id, change)?;
    }
    let removed: Vec<ObjectId> = batch.removed.iter().map(|(id, _)| *id).collect();
    tx.remove::<DirectoryObject>(&removed)?;
    credentials::forget(tx, &removed)?;
    // A user is removed when the recycle bin is left; what leads to a group or contact goes with the cycle that
    // deletes it.
    let users = batch.removed.iter();
    let users = users.filter(|(_, kind)| *kind == Kind::User);
    links::forget(tx, &users.map(|(id, _)| *id).collect::<Vec<_>>())?;
    signin::sessions::end_all(tx, &locked_out(&batch))?;
    let gone = |(id, kind): (ObjectId, _)| GoneObject::new(id, kind, change);
    tx.store(&batch.removed.into_iter().map(gone).collect::<Vec<_>>())?;
    tx.remove::<UniqueOwner>(&batch.released)?;
    let claimed: Vec<UniqueOwner> = batch
        .claimed
        .into_iter()
        .map(|(value, owner)| UniqueOwner { value, owner })
        .collect();
    tx.store(&claimed)?;
    tx.remove::<Waiting>(&batch.satisfied)?;
    let waiting: Vec<Waiting> = batch
        .waiting
        .into_iter()
        .map(|(value, object)| Waiting { value, object })
        .collect();
    tx.store(&waiting)?;
    tx.remove::<IndexEntry>(&batch.forgotten)?;
    let entry = |(kind, term, object)| IndexEntry { kind, term, object };
    tx.store(&batch.indexed.into_iter().map(entry).collect::<Vec<_>>())?;
    let row = |object| DirectoryObject { object, change };
    tx.store(&batch.objects.into_iter().map(row).collect::<Vec<_>>())?;
    Ok((batch.outcomes, batch.inherited))
}

/// Users that cannot sign in any more: deleted, or disabled by this batch.
fn locked_out(batch: &Batch) -> Vec<ObjectId> {
    let is_disabled = |outcome: &&Outcome| {
        let mut changes = outcome.result.iter().flat_map(|applied| &applied.changes);
        changes.any(|change| {
            change.property.name() == "accountEnabled"
                && change.new == Some(PropertyValue::Boolean(false))
        })
    };
    let deleted = batch.objects.iter().filter(|o| o.deleted.is_some());
    let disabled = batch.outcomes.iter().filter(is_disabled);
    let mut users: Vec<ObjectId> = deleted
        .map(|object| object.id)
        .chain(disabled.map(|outcome| outcome.id))
        .chain(batch.removed.iter().map(|(id, _)| *id))
        .collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// Takes the next number. Writers are alone, so whoever has seen a number has seen all before it.
fn next_change(tx: &mut dyn Write) -> Result<u64, StoreError> {
    let mut counter: ChangeCounter = tx.fetch_one(&())?.unwrap_or_default();
    counter.last += 1;
    tx.store(&[counter])?;
    Ok(counter.last)
}

/// Removes every reference from and to an object, in slices.
fn remove_references(tx: &mut dyn Write, id: ObjectId, change: u64) -> Result<(), StoreError> {
    let by_target = DirectoryReference::BY_TARGET;
    for scan in [
        Scan::of(DirectoryReference::from(id), SLICE),
        Scan::along(by_target, DirectoryReference::to_any(id), SLICE),
    ] {
        loop {
            let rows: Vec<DirectoryReference> = tx.list(&scan)?;
            if rows.is_empty() {
                break;
            }
            let ids: Vec<_> = rows.iter().map(DirectoryReference::id).collect();
            tx.remove::<DirectoryReference>(&ids)?;
            // Of what the object itself held nobody is told: it is gone as a whole.
            let left = rows
                .iter()
                .filter(|row| row.source != id && row.change.is_some());
            let left: Vec<ReferenceId> = left.map(DirectoryReference::id).collect();
            note_changed(
                tx,
                left.iter().map(|(source, ..)| *source).collect(),
                change,
            )?;
            note_departed(tx, left, change)?;
        }
    }
    Ok(())
}

/// What names a reference.
pub type ReferenceId = <DirectoryReference as Record>::Id;

/// Makes references that are not there, and removes references that are.
///
/// # Errors
///
/// Those of the store.
pub fn change_references(
    tx: &mut dyn Write,
    added: &[ReferenceId],
    removed: &[ReferenceId],
) -> Result<(), StoreError> {
    let is_numbered = |(_, property, _): &ReferenceId| property == NUMBERED;
    let change = match added.iter().chain(removed).any(is_numbered) {
        true => Some(next_change(tx)?),
        false => None,
    };
    let rows: Vec<DirectoryReference> = added
        .iter()
        .map(|(source, property, target)| DirectoryReference {
            source: *source,
            property: property.clone(),
            target: *target,
            change: change.filter(|_| property == NUMBERED),
        })
        .collect();
    tx.store(&rows)?;
    tx.remove::<DirectoryReference>(removed)?;
    let Some(change) = change else {
        return Ok(());
    };
    let departed: Vec<ReferenceId> = removed
        .iter()
        .filter(|id| is_numbered(id))
        .cloned()
        .collect();
    let came = rows
        .iter()
        .filter(|row| row.change.is_some())
        .map(|row| row.source);
    let holders = came
        .chain(departed.iter().map(|(source, ..)| *source))
        .collect();
    note_departed(tx, departed, change)?;
    note_changed(tx, holders, change)
}

/// Remembers that these references are no more.
fn note_departed(
    tx: &mut dyn Write,
    references: Vec<ReferenceId>,
    change: u64,
) -> Result<(), StoreError> {
    let departed = |(source, property, target)| DepartedReference {
        source,
        property,
        change,
        target,
    };
    tx.store(&references.into_iter().map(departed).collect::<Vec<_>>())
}

/// Remembers that these objects have changed: their references are part of them.
fn note_changed(
    tx: &mut dyn Write,
    ids: BTreeSet<ObjectId>,
    change: u64,
) -> Result<(), StoreError> {
    let ids: Vec<ObjectId> = ids.into_iter().collect();
    let rows: Vec<Option<DirectoryObject>> = tx.fetch(&ids)?;
    let rows = rows
        .into_iter()
        .flatten()
        .map(|row| DirectoryObject { change, ..row });
    tx.store(&rows.collect::<Vec<_>>())
}

/// Makes references of one object; says how many there were not before.
///
/// # Errors
///
/// Those of the store.
pub fn link(
    tx: &mut dyn Write,
    source: ObjectId,
    property: &str,
    targets: &[ObjectId],
) -> Result<u64, StoreError> {
    let (ids, known) = references(tx, source, property, targets)?;
    let fresh = ids
        .into_iter()
        .zip(known)
        .filter(|(_, known)| known.is_none());
    let fresh: Vec<ReferenceId> = fresh.map(|(id, _)| id).collect();
    let count = fresh.len() as u64;
    change_references(tx, &fresh, &[])?;
    Ok(count)
}

/// Removes references of one object; says how many there were.
///
/// # Errors
///
/// Those of the store.
pub fn unlink(
    tx: &mut dyn Write,
    source: ObjectId,
    property: &str,
    targets: &[ObjectId],
) -> Result<u64, StoreError> {
    let (_, known) = references(tx, source, property, targets)?;
    let known: Vec<ReferenceId> = known.iter().flatten().map(DirectoryReference::id).collect();
    change_references(tx, &[], &known)?;
    Ok(known.len() as u64)
}

/// The ids of references, and those of them that are there.
fn references(
    tx: &mut dyn Write,
    source: ObjectId,
    property: &str,
    targets: &[ObjectId],
) -> Result<(Vec<ReferenceId>, Vec<Option<DirectoryReference>>), StoreError> {
    let ids: Vec<ReferenceId> = targets
        .iter()
        .map(|target| (source, property.to_owned(), *target))
        .collect();
    let known = tx.fetch(&ids)?;
    Ok((ids, known))
}

/// The targets of one property of an object, in order of their ids.
///
/// # Errors
///
/// Those of the store.
pub fn targets(
    tx: &mut dyn Read,
    source: ObjectId,
    property: &str,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, StoreError> {
    let mut scan = Scan::of(DirectoryReference::of(source, property), limit);
    let place = |target: ObjectId| {
        let key: Key = DirectoryReference::of(source, property).with(target);
        (key.clone(), key)
    };
    scan.after = after.map(place);
    let rows: Vec<DirectoryReference> = tx.list(&scan)?;
    Ok(rows.into_iter().map(|row| row.target).collect())
}

/// The objects that refer to an object by one property, in order of their ids.
///
/// # Errors
///
/// Those of the store.
pub fn sources(
    tx: &mut dyn Read,
    target: ObjectId,
    property: &str,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, StoreError> {
    let prefix = DirectoryReference::to(target, property);
    let mut scan = Scan::along(DirectoryReference::BY_TARGET, prefix, limit);
    let place = |source: ObjectId| {
        let place = DirectoryReference::to(target, property).with(source);
        (place, DirectoryReference::of(source, property).with(target))
    };
    scan.after = after.map(place);
    let rows: Vec<DirectoryReference> = tx.list(&scan)?;
    Ok(rows.into_iter().map(|row| row.source).collect())
}
