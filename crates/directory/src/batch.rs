//! Changes to the directory, in batches.
//!
//! A batch computes who is to have each unique value in the end, releases all, then claims: two users
//! who swap their names, or a name that is given up and taken in the same batch, end right whatever the
//! order. What another object has is held back, recorded on the object, and given to it in the batch in
//! which its owner lets go.

mod desk;
mod settle;

use crate::index::Term;
use crate::object::{Conflict, Kind, Mastery, Object};
use crate::role::Role;
use crate::schema::Property;
use crate::unique::UniqueValue;
use crate::upn::TenantRules;
use desk::Desk;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp, codes};
use std::collections::{BTreeMap, BTreeSet};

/// Values as they are given. `None` clears the property.
pub type Given = BTreeMap<Property, Option<PropertyValue>>;

/// One change.
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
        values: Given,
    },
    /// Changes values.
    Update {
        /// Which object.
        id: ObjectId,
        /// What changes.
        values: Given,
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
        values: Given,
    },
    /// Empties the recycle bin of one user, who is gone then.
    Purge {
        /// Which object.
        id: ObjectId,
    },
    /// Gives an object that is there already to a configuration, which owns it from then on. It keeps its
    /// id. Of an object that the cloud owned, what Active Directory has no value for stays; an object of a
    /// configuration is set to these values. An object in the recycle bin comes back.
    TakeOver {
        /// Which object.
        id: ObjectId,
        /// What it has to be.
        kind: Kind,
        /// Who owns it from now on.
        mastery: Mastery,
        /// The values from Active Directory.
        values: Given,
    },
    /// Takes an object from its configuration: the cloud owns it from then on. It keeps its values and its
    /// anchor, so that a configuration can find it again.
    Release {
        /// Which object.
        id: ObjectId,
        /// Who has to own it.
        from: ConfigurationId,
    },
    /// Says what a user may do with the service.
    SetRoles {
        /// Which user.
        id: ObjectId,
        /// All its roles.
        roles: BTreeSet<Role>,
    },
    /// Sets the anchor by which a configuration can find an object that the cloud owns.
    SetImmutableId {
        /// Which object.
        id: ObjectId,
        /// The anchor.
        anchor: Option<SourceAnchor>,
    },
}

impl Change {
    const fn id(&self) -> ObjectId {
        match self {
            Self::Create { id, .. }
            | Self::Update { id, .. }
            | Self::Delete { id }
            | Self::Restore { id, .. }
            | Self::Purge { id }
            | Self::TakeOver { id, .. }
            | Self::Release { id, .. }
            | Self::SetRoles { id, .. }
            | Self::SetImmutableId { id, .. } => *id,
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
    /// It is of another kind than the object that would take it over.
    #[error("object {0} is of another kind")]
    OtherKind(ObjectId),
    /// Somebody else owns it than was expected.
    #[error("object {0} is not owned by whom the change expects")]
    OtherOwner(ObjectId),
    /// Who has a role is never taken over.
    #[error(
        "object {0} has a role and is not taken over; remove its roles, or give the user in Active \
         Directory another name and address"
    )]
    HasRole(ObjectId),
}

impl Refusal {
    /// The object that is not as the change needs it.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        match self {
            Self::NotFound(id)
            | Self::Exists(id)
            | Self::Deleted(id)
            | Self::NotDeleted(id)
            | Self::OtherKind(id)
            | Self::OtherOwner(id)
            | Self::HasRole(id) => *id,
        }
    }

    /// A stable name in CamelCase.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "ObjectNotFound",
            Self::Exists(_) => "ObjectExists",
            Self::Deleted(_) => "ObjectDeleted",
            Self::NotDeleted(_) => "ObjectNotDeleted",
            Self::OtherKind(_) => codes::OBJECT_OF_OTHER_KIND,
            Self::OtherOwner(_) => codes::OBJECT_OF_OTHER_OWNER,
            Self::HasRole(_) => "ObjectHasRole",
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
    /// What was changed, or why not. When a batch changes an object twice, the first tells both.
    pub result: Result<Applied, Refusal>,
    /// Values that are held back.
    pub conflicts: Vec<Conflict>,
}

/// An object that no change was about, or whose change was refused: it has got what another gave up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inherited {
    /// The object, as it is to be.
    pub object: Object,
    /// Each property whose visible value is another now.
    pub changes: Vec<PropertyChange>,
}

/// What the directory is to look like after a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// New states of objects.
    pub objects: Vec<Object>,
    /// Objects that are gone for good.
    pub removed: Vec<(ObjectId, Kind)>,
    /// Values that their owner gives up; to be released before anything is claimed.
    pub released: Vec<UniqueValue>,
    /// Values with their new owner.
    pub claimed: Vec<(UniqueValue, ObjectId)>,
    /// Who waits no more.
    pub satisfied: Vec<(UniqueValue, ObjectId)>,
    /// Who waits now and did not before.
    pub waiting: Vec<(UniqueValue, ObjectId)>,
    /// Entries of the index that are no more.
    pub forgotten: Vec<(Kind, Term, ObjectId)>,
    /// New entries of the index.
    pub indexed: Vec<(Kind, Term, ObjectId)>,
    /// What became of each change, in order.
    pub outcomes: Vec<Outcome>,
    /// Who has got what others gave up.
    pub inherited: Vec<Inherited>,
}

impl Batch {
    /// A value that a change of this batch claims and another object has; none when all got what they
    /// asked for. What was held back before does not count.
    #[must_use]
    pub fn new_conflict(&self) -> Option<&Conflict> {
        self.outcomes.iter().find_map(|outcome| {
            let mut conflicts = outcome.conflicts.iter();
            conflicts.find(|conflict| self.waiting.contains(&(conflict.value.clone(), outcome.id)))
        })
    }
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

#[cfg(test)]
mod tests;
