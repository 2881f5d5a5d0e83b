//! The directory's rules over the store.

use crate::{credentials, signin};
use lockstep_directory::{
    Batch, Change, Object, Outcome, TenantRules, UniqueValue, View, write_batch,
};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};
use lockstep_store::records::directory::{
    DirectoryObject, DirectoryReference, UniqueOwner, Waiting,
};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many references are removed in one go.
const SLICE: usize = 1_000;

/// What the directory holds under these ids.
///
/// # Errors
///
/// Those of the store.
pub fn objects(tx: &mut dyn Read, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, StoreError> {
    let objects: Vec<Option<DirectoryObject>> = tx.fetch(ids)?;
    Ok(objects
        .into_iter()
        .map(|object| object.map(|object| object.0))
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

/// What the directory holds under these anchors; a live object before a deleted one.
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
        let objects: Vec<DirectoryObject> = tx.list(&scan)?;
        let objects = objects.into_iter().map(|object| object.0);
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

/// The store as the directory's rules see it.
struct StoreView<'a>(&'a mut dyn Write);

impl View for StoreView<'_> {
    type Error = StoreError;

    fn objects(&mut self, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, StoreError> {
        objects(self.0, ids)
    }

    fn owners(&mut self, values: &[UniqueValue]) -> Result<Vec<Option<ObjectId>>, StoreError> {
        let owners: Vec<Option<UniqueOwner>> = self.0.fetch(values)?;
        Ok(owners
            .into_iter()
            .map(|owner| owner.map(|owner| owner.owner))
            .collect())
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

/// Carries out changes and stores what the directory looks like then.
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
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let batch = write_batch(&mut StoreView(tx), tenant, changes, now)?;
    persist(tx, batch)
}

fn persist(tx: &mut dyn Write, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
    for id in &batch.removed {
        remove_references(tx, *id)?;
    }
    tx.remove::<DirectoryObject>(&batch.removed)?;
    credentials::forget(tx, &batch.removed)?;
    signin::sessions::end_all(tx, &locked_out(&batch))?;
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
    let objects: Vec<DirectoryObject> = batch.objects.into_iter().map(DirectoryObject).collect();
    tx.store(&objects)?;
    Ok(batch.outcomes)
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
        .chain(batch.removed.iter().copied())
        .collect();
    users.sort_unstable();
    users.dedup();
    users
}

/// Removes every reference from and to an object, in slices.
fn remove_references(tx: &mut dyn Write, id: ObjectId) -> Result<(), StoreError> {
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
        }
    }
    Ok(())
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
