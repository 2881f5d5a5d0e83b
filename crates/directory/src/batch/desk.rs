//! Objects while a batch is worked on.

use super::{Applied, Batch, Change, Given, Inherited, Outcome, PropertyChange, Refusal};
use crate::index::{Term, terms};
use crate::object::{Kind, Mastery, Object};
use crate::schema::{Property, Values};
use crate::unique::{UniqueValue, owned};
use lockstep_model::Timestamp;
use lockstep_model::ids::ObjectId;
use std::collections::{BTreeMap, BTreeSet};

/// Objects while a batch is worked on.
pub(super) struct Desk {
    /// As they were; those that are new have no entry.
    pub(super) before: BTreeMap<ObjectId, Object>,
    /// As they are to be.
    pub(super) after: BTreeMap<ObjectId, Object>,
    pub(super) removed: BTreeSet<ObjectId>,
    /// In which order objects were first changed.
    pub(super) order: BTreeMap<ObjectId, usize>,
    pub(super) now: Timestamp,
}

impl Desk {
    pub(super) fn new(objects: Vec<Option<Object>>, now: Timestamp) -> Self {
        let before: BTreeMap<_, _> = objects.into_iter().flatten().map(|o| (o.id, o)).collect();
        Self {
            after: before.clone(),
            before,
            removed: BTreeSet::new(),
            order: BTreeMap::new(),
            now,
        }
    }

    pub(super) fn carry_out(&mut self, change: Change) -> Result<(), Refusal> {
        let place = self.order.len();
        self.order.entry(change.id()).or_insert(place);
        match change {
            Change::Create {
                id,
                kind,
                mastery,
                values,
            } => {
                if self.after.contains_key(&id) {
                    return Err(Refusal::Exists(id));
                }
                let mut object = Object::new(id, kind, self.now);
                object.mastery = mastery;
                set(&mut object, values);
                self.removed.remove(&id);
                self.after.insert(id, object);
            }
            Change::Update { id, values } => set(self.live(id)?, values),
            Change::Restore { id, values } => {
                let object = self.known(id)?;
                object.deleted.take().ok_or(Refusal::NotDeleted(id))?;
                set(object, values);
            }
            Change::Delete { id } => self.delete(id)?,
            Change::Purge { id } => {
                self.known(id)?.deleted.ok_or(Refusal::NotDeleted(id))?;
                self.remove(id);
            }
            Change::TakeOver {
                id,
                kind,
                mastery,
                values,
            } => self.take_over(id, kind, mastery, values)?,
            Change::Release { id, from } => {
                let object = self.known(id)?;
                let owner = object
                    .mastery
                    .take_if(|mastery| mastery.configuration == from);
                let mastery = owner.ok_or(Refusal::OtherOwner(id))?;
                object.immutable_id = Some(mastery.anchor);
                object.wanted.append(&mut object.kept);
            }
            Change::SetRoles { id, roles } => {
                let user = Some(self.live(id)?).filter(|object| object.kind == Kind::User);
                user.ok_or(Refusal::OtherKind(id))?.roles = roles;
            }
            Change::SetImmutableId { id, anchor } => self.live(id)?.immutable_id = anchor,
        }
        Ok(())
    }

    fn known(&mut self, id: ObjectId) -> Result<&mut Object, Refusal> {
        self.after.get_mut(&id).ok_or(Refusal::NotFound(id))
    }

    fn live(&mut self, id: ObjectId) -> Result<&mut Object, Refusal> {
        let object = self.known(id)?;
        match object.deleted {
            Some(_) => Err(Refusal::Deleted(id)),
            None => Ok(object),
        }
    }

    fn delete(&mut self, id: ObjectId) -> Result<(), Refusal> {
        let now = self.now;
        let object = self.live(id)?;
        if object.kind == Kind::User {
            object.deleted = Some(now);
            object.conflicts.clear();
            // Who comes back from the recycle bin comes back without power over the service.
            object.roles.clear();
        } else {
            self.remove(id);
        }
        Ok(())
    }

    fn remove(&mut self, id: ObjectId) {
        self.after.remove(&id);
        if self.before.contains_key(&id) {
            self.removed.insert(id);
        }
    }

    fn take_over(
        &mut self,
        id: ObjectId,
        kind: Kind,
        mastery: Mastery,
        values: Given,
    ) -> Result<(), Refusal> {
        let object = self.known(id)?;
        if object.kind != kind {
            return Err(Refusal::OtherKind(id));
        }
        if object.mastery.is_none() {
            // Whoever rules Active Directory would get the power of an administrator of the cloud.
            if !object.roles.is_empty() {
                return Err(Refusal::HasRole(id));
            }
            object.kept = std::mem::take(&mut object.wanted);
        }
        object.deleted = None;
        object.immutable_id = None;
        object.mastery = Some(mastery);
        let kept = std::mem::take(&mut object.kept);
        set(object, values);
        object.kept = kept;
        object
            .kept
            .retain(|property, _| !object.wanted.contains_key(property));
        Ok(())
    }

    /// What has to be stored, and what became of each change.
    pub(super) fn finish(self, results: Vec<(ObjectId, Result<(), Refusal>)>) -> Batch {
        let mut batch = Batch::default();
        let mut changes: BTreeMap<ObjectId, Vec<PropertyChange>> = BTreeMap::new();
        let mut conflicts = BTreeMap::new();
        for (id, mut object) in self.after {
            let before = self.before.get(&id);
            conflicts.insert(id, object.conflicts.clone());
            if before == Some(&object) {
                continue;
            }
            object.modified = self.now;
            changes.insert(id, differences(before, &object));
            note(&mut batch, id, before, Some(&object));
            batch.objects.push(object);
        }
        for id in self.removed {
            let Some(before) = self.before.get(&id) else {
                continue;
            };
            note(&mut batch, id, Some(before), None);
            batch.removed.push((id, before.kind));
        }
        let outcome = |(id, result): (ObjectId, Result<(), Refusal>)| Outcome {
            id,
            result: result.map(|()| Applied {
                changes: changes.remove(&id).unwrap_or_default(),
            }),
            conflicts: conflicts.get(&id).cloned().unwrap_or_default(),
        };
        batch.outcomes = results.into_iter().map(outcome).collect();
        let inherited = batch.objects.iter().filter_map(|object| {
            let changes = changes.remove(&object.id).unwrap_or_default();
            (!changes.is_empty()).then(|| Inherited {
                object: object.clone(),
                changes,
            })
        });
        batch.inherited = inherited.collect();
        batch
    }
}

/// Notes what an object gives up and takes: unique values, places in queues, entries of the index.
fn note(batch: &mut Batch, id: ObjectId, before: Option<&Object>, after: Option<&Object>) {
    let values = |object: Option<&Object>| -> BTreeSet<UniqueValue> {
        object.map_or_else(BTreeSet::new, |object| owned(object).into_iter().collect())
    };
    let (released, claimed) = differing(values(before), values(after));
    batch.released.extend(released);
    batch
        .claimed
        .extend(claimed.into_iter().map(|value| (value, id)));

    let queues = |object: Option<&Object>| -> BTreeSet<UniqueValue> {
        let conflicts = object.map_or(&[][..], |object| &object.conflicts);
        conflicts
            .iter()
            .map(|conflict| conflict.value.clone())
            .collect()
    };
    let (satisfied, waiting) = differing(queues(before), queues(after));
    batch
        .satisfied
        .extend(satisfied.into_iter().map(|value| (value, id)));
    batch
        .waiting
        .extend(waiting.into_iter().map(|value| (value, id)));

    let entries = |object: Option<&Object>| -> BTreeSet<(Kind, Term)> {
        let of = |object: &Object| {
            let terms = terms(object).into_iter();
            terms.map(|term| (object.kind, term)).collect()
        };
        object.map_or_else(BTreeSet::new, of)
    };
    let (forgotten, indexed) = differing(entries(before), entries(after));
    let row = |(kind, term): (Kind, Term)| (kind, term, id);
    batch.forgotten.extend(forgotten.into_iter().map(row));
    batch.indexed.extend(indexed.into_iter().map(row));
}

/// What is only in the old set, and what is only in the new one.
fn differing<T: Ord>(old: BTreeSet<T>, mut new: BTreeSet<T>) -> (Vec<T>, BTreeSet<T>) {
    let gone = old.into_iter().filter(|value| !new.remove(value));
    (gone.collect(), new)
}

/// Takes over values into what the object should have.
fn set(object: &mut Object, values: Given) {
    for (property, value) in values {
        object.kept.remove(&property);
        match value {
            Some(value) => object.wanted.insert(property, value),
            None => object.wanted.remove(&property),
        };
    }
}

/// Which visible values are others now.
fn differences(before: Option<&Object>, after: &Object) -> Vec<PropertyChange> {
    let empty = Values::new();
    let old = before.map_or(&empty, |object| &object.values);
    let properties: BTreeSet<&Property> = old.keys().chain(after.values.keys()).collect();
    let change = |property: &Property| PropertyChange {
        property: *property,
        old: old.get(property).cloned(),
        new: after.values.get(property).cloned(),
    };
    properties
        .into_iter()
        .map(change)
        .filter(|change| change.old != change.new)
        .collect()
}
