//! Changes to the directory, in batches.
//!
//! A batch computes who is to have each unique value in the end, releases all, then claims: two users
//! who swap their names, or a name that is given up and taken in the same batch, end right whatever the
//! order. What another object has is held back, recorded on the object, and given to it in the batch in
//! which its owner lets go.

use crate::object::{Conflict, Kind, Mastery, Object};
use crate::schema::{Property, Values};
use crate::unique::{UniqueValue, claims, owned};
use crate::upn::TenantRules;
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// One change. A value of `None` clears the property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Makes an object.
    Create {
        /// Its id.
        id: ObjectId,
        /// What it is.
        kind: Kind,
        /// Who owns it on premises.
        mastery: Option<Mastery>,
        /// Its values.
        values: BTreeMap<Property, Option<PropertyValue>>,
    },
    /// Changes values.
    Update {
        /// Which object.
        id: ObjectId,
        /// What changes.
        values: BTreeMap<Property, Option<PropertyValue>>,
    },
    /// Deletes: a user goes to the recycle bin, anything else is gone.
    Delete {
        /// Which object.
        id: ObjectId,
    },
    /// Brings a user back from the recycle bin.
    Restore {
        /// Which object.
        id: ObjectId,
        /// What changes with it.
        values: BTreeMap<Property, Option<PropertyValue>>,
    },
}

impl Change {
    const fn id(&self) -> ObjectId {
        match self {
            Self::Create { id, .. }
            | Self::Update { id, .. }
            | Self::Delete { id }
            | Self::Restore { id, .. } => *id,
        }
    }
}

/// What a batch can see of the directory.
pub trait View {
    /// How looking fails.
    type Error;

    /// The objects with these ids, deleted ones included.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    fn objects(&mut self, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, Self::Error>;

    /// Who has each of these values.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    fn owners(&mut self, values: &[UniqueValue]) -> Result<Vec<Option<ObjectId>>, Self::Error>;

    /// Who waits for each of these values.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    fn waiting(&mut self, values: &[UniqueValue]) -> Result<Vec<Vec<ObjectId>>, Self::Error>;
}

/// Why a change was not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such object.
    #[error("there is no object {0}")]
    NotFound(ObjectId),
    /// There is one already.
    #[error("there is an object {0} already")]
    Exists(ObjectId),
    /// It is in the recycle bin.
    #[error("object {0} is in the recycle bin")]
    Deleted(ObjectId),
    /// It is not in the recycle bin.
    #[error("object {0} is not in the recycle bin")]
    NotDeleted(ObjectId),
}

impl Refusal {
    /// A stable name in CamelCase.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "ObjectNotFound",
            Self::Exists(_) => "ObjectExists",
            Self::Deleted(_) => "ObjectDeleted",
            Self::NotDeleted(_) => "ObjectNotDeleted",
        }
    }
}

/// What was changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Applied {
    /// Each property whose visible value is another now.
    pub changes: Vec<PropertyChange>,
}

/// One changed property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PropertyChange {
    /// The property.
    pub property: Property,
    /// Its value before.
    pub old: Option<PropertyValue>,
    /// Its value now.
    pub new: Option<PropertyValue>,
}

/// What became of one change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// Which object.
    pub id: ObjectId,
    /// What was changed, or why not.
    pub result: Result<Applied, Refusal>,
    /// Values that are held back.
    pub conflicts: Vec<Conflict>,
}

/// What the directory is to look like after a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// New states of objects.
    pub objects: Vec<Object>,
    /// Objects that are gone for good.
    pub removed: Vec<ObjectId>,
    /// Values that nobody has any more, before anything is claimed.
    pub released: Vec<UniqueValue>,
    /// Who has each value now.
    pub claimed: Vec<(UniqueValue, ObjectId)>,
    /// Who waits no more.
    pub satisfied: Vec<(UniqueValue, ObjectId)>,
    /// Who waits now.
    pub waiting: Vec<(UniqueValue, ObjectId)>,
    /// What became of each change, in order.
    pub outcomes: Vec<Outcome>,
}

/// Carries out changes.
///
/// # Errors
///
/// Those of the view.
pub fn write_batch<V: View>(
    view: &mut V,
    tenant: &TenantRules,
    changes: Vec<Change>,
    now: Timestamp,
) -> Result<Batch, V::Error> {
    let ids: Vec<ObjectId> = changes.iter().map(Change::id).collect();
    let mut desk = Desk::new(view.objects(&ids)?, now);
    let results: Vec<(ObjectId, Result<(), Refusal>)> = changes
        .into_iter()
        .map(|change| (change.id(), desk.carry_out(change)))
        .collect();
    desk.settle(view, tenant)?;
    Ok(desk.finish(results))
}

/// Objects while a batch is worked on.
struct Desk {
    before: BTreeMap<ObjectId, Object>,
    after: BTreeMap<ObjectId, Object>,
    removed: BTreeSet<ObjectId>,
    now: Timestamp,
    batch: Batch,
}

impl Desk {
    fn new(objects: Vec<Option<Object>>, now: Timestamp) -> Self {
        let before: BTreeMap<_, _> = objects.into_iter().flatten().map(|o| (o.id, o)).collect();
        let after = before.clone();
        Self {
            before,
            after,
            removed: BTreeSet::new(),
            now,
            batch: Batch::default(),
        }
    }

    fn carry_out(&mut self, change: Change) -> Result<(), Refusal> {
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
                let mut object = Object {
                    id,
                    kind,
                    values: Values::new(),
                    wanted: Values::new(),
                    mastery,
                    created: self.now,
                    modified: self.now,
                    deleted: None,
                    conflicts: Vec::new(),
                };
                set(&mut object, values);
                self.after.insert(id, object);
                Ok(())
            }
            Change::Update { id, values } => {
                let object = self.after.get_mut(&id).ok_or(Refusal::NotFound(id))?;
                if object.deleted.is_some() {
                    return Err(Refusal::Deleted(id));
                }
                set(object, values);
                Ok(())
            }
            Change::Restore { id, values } => {
                let object = self.after.get_mut(&id).ok_or(Refusal::NotFound(id))?;
                object.deleted.take().ok_or(Refusal::NotDeleted(id))?;
                set(object, values);
                Ok(())
            }
            Change::Delete { id } => self.delete(id),
        }
    }

    fn delete(&mut self, id: ObjectId) -> Result<(), Refusal> {
        let object = self.after.get_mut(&id).ok_or(Refusal::NotFound(id))?;
        if object.deleted.is_some() {
            return Err(Refusal::Deleted(id));
        }
        object.conflicts.clear();
        if object.kind == Kind::User {
            object.deleted = Some(self.now);
        } else {
            self.after.remove(&id);
            self.removed.insert(id);
        }
        Ok(())
    }

    /// Decides who has each unique value: first all that change hands are released, then they are
    /// claimed, by those who had them first, then in the order of ids.
    fn settle<V: View>(&mut self, view: &mut V, tenant: &TenantRules) -> Result<(), V::Error> {
        let released: Vec<UniqueValue> = self.given_up(tenant);
        let mut waiters: BTreeSet<ObjectId> =
            view.waiting(&released)?.into_iter().flatten().collect();
        waiters.retain(|id| !self.after.contains_key(id) && !self.removed.contains(id));
        let waiters: Vec<ObjectId> = waiters.into_iter().collect();
        for object in view.objects(&waiters)?.into_iter().flatten() {
            self.before.insert(object.id, object.clone());
            self.after.insert(object.id, object);
        }
        let mut wanted: Vec<(UniqueValue, ObjectId)> = Vec::new();
        for object in self
            .after
            .values()
            .filter(|object| object.deleted.is_none())
        {
            let claims = claims(object.kind, &visible(object, tenant));
            wanted.extend(claims.into_iter().map(|(_, value)| (value, object.id)));
        }
        let values: Vec<UniqueValue> = wanted.iter().map(|(value, _)| value.clone()).collect();
        let outside = view.owners(&values)?;
        let mut owners: BTreeMap<UniqueValue, ObjectId> = BTreeMap::new();
        for ((value, id), owner) in wanted.iter().zip(outside) {
            let keeps = owner.filter(|owner| {
                !self.removed.contains(owner)
                    && (!self.after.contains_key(owner)
                        || wanted.contains(&(value.clone(), *owner)))
            });
            let owner = keeps.unwrap_or(*id);
            let held = owners.entry(value.clone()).or_insert(owner);
            if keeps.is_some() {
                *held = owner;
            }
        }
        let ids: Vec<ObjectId> = self.after.keys().copied().collect();
        for id in ids {
            self.show(id, tenant, &owners);
        }
        self.batch.released = released;
        Ok(())
    }

    /// Values that objects of this batch had and do not want any more.
    fn given_up(&self, tenant: &TenantRules) -> Vec<UniqueValue> {
        let mut values = Vec::new();
        for (id, before) in &self.before {
            let after = self.after.get(id).filter(|object| object.deleted.is_none());
            let kept: BTreeSet<UniqueValue> = after.map_or_else(BTreeSet::new, |object| {
                claims(object.kind, &visible(object, tenant))
                    .into_iter()
                    .map(|(_, v)| v)
                    .collect()
            });
            values.extend(
                owned(before)
                    .into_iter()
                    .filter(|value| !kept.contains(value)),
            );
        }
        values
    }

    /// Gives an object its visible values: what it wants, less what another has.
    fn show(
        &mut self,
        id: ObjectId,
        tenant: &TenantRules,
        owners: &BTreeMap<UniqueValue, ObjectId>,
    ) {
        let now = self.now;
        let Some(object) = self.after.get_mut(&id) else {
            return;
        };
        if object.deleted.is_some() {
            return;
        }
        let mut values = visible(object, tenant);
        let mut conflicts = Vec::new();
        for (property, value) in claims(object.kind, &values) {
            let owner = owners.get(&value).copied().unwrap_or(id);
            if owner == id {
                continue;
            }
            let since = object
                .conflicts
                .iter()
                .find(|c| c.value == value)
                .map_or(now, |c| c.since);
            hold_back(&mut values, property, &value, tenant, id);
            conflicts.push(Conflict {
                property,
                value,
                owner,
                since,
            });
        }
        object.values = values;
        object.conflicts = conflicts;
    }

    fn finish(mut self, results: Vec<(ObjectId, Result<(), Refusal>)>) -> Batch {
        let mut changes: BTreeMap<ObjectId, Vec<PropertyChange>> = BTreeMap::new();
        let mut batch = std::mem::take(&mut self.batch);
        for (id, mut object) in std::mem::take(&mut self.after) {
            let before = self.before.get(&id);
            if before == Some(&object) {
                continue;
            }
            object.modified = self.now;
            changes.insert(id, differences(before, &object));
            let had: BTreeSet<UniqueValue> =
                before.map_or_else(BTreeSet::new, |o| owned(o).into_iter().collect());
            let has: BTreeSet<UniqueValue> = owned(&object).into_iter().collect();
            batch.released.extend(had.difference(&has).cloned());
            batch
                .claimed
                .extend(has.into_iter().map(|value| (value, id)));
            let waited = before.map_or(&[][..], |before| &before.conflicts);
            batch
                .satisfied
                .extend(waited.iter().map(|conflict| (conflict.value.clone(), id)));
            batch
                .waiting
                .extend(object.conflicts.iter().map(|c| (c.value.clone(), id)));
            batch.objects.push(object);
        }
        for id in &self.removed {
            let Some(before) = self.before.get(id) else {
                continue;
            };
            batch.released.extend(owned(before));
            batch
                .satisfied
                .extend(before.conflicts.iter().map(|c| (c.value.clone(), *id)));
            batch.removed.push(*id);
        }
        batch.outcomes = results
            .into_iter()
            .map(|(id, result)| Outcome {
                id,
                result: result.map(|()| Applied {
                    changes: changes.remove(&id).unwrap_or_default(),
                }),
                conflicts: batch
                    .objects
                    .iter()
                    .find(|object| object.id == id)
                    .map_or_else(Vec::new, |object| object.conflicts.clone()),
            })
            .collect();
        batch
    }
}

/// Takes over values into what the object should have.
fn set(object: &mut Object, values: BTreeMap<Property, Option<PropertyValue>>) {
    for (property, value) in values {
        match value {
            Some(value) => object.wanted.insert(property, value),
            None => object.wanted.remove(&property),
        };
    }
}

/// What an object would show if nobody else had any of its values.
fn visible(object: &Object, tenant: &TenantRules) -> Values {
    let mut values = object.wanted.clone();
    if object.kind != Kind::User {
        return values;
    }
    let Ok(property) = Property::named(Kind::User, "userPrincipalName") else {
        return values;
    };
    let Some(wanted) = object
        .wanted
        .get(&property)
        .and_then(PropertyValue::as_text)
    else {
        return values;
    };
    let name = tenant.user_principal_name(wanted, &values);
    values.insert(property, PropertyValue::Text(name));
    values
}

/// Takes a value away that another object has; a user gets a name of its own instead.
fn hold_back(
    values: &mut Values,
    property: Property,
    value: &UniqueValue,
    tenant: &TenantRules,
    id: ObjectId,
) {
    match values.get_mut(&property) {
        Some(PropertyValue::TextList(list)) => {
            list.retain(|address| UniqueValue::proxy_address(address) != *value);
            if list.is_empty() {
                values.remove(&property);
            }
        }
        Some(PropertyValue::Text(name)) => *name = tenant.placeholder(name, id),
        _ => {}
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

#[cfg(test)]
mod tests;
