//! An object of the cloud directory.

use crate::role::Role;
use crate::schema::{Property, Values};
use crate::unique::UniqueValue;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{MappedKind, PropertyValue, SourceAnchor, Timestamp};
use std::collections::BTreeSet;

/// What an object is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A person or service account; kept in the recycle bin when deleted.
    User,
    /// A group; gone for good when deleted.
    Group,
    /// A mail contact; gone for good when deleted.
    Contact,
    /// What stands for a configuration; nobody can change it.
    ServicePrincipal,
}

impl Kind {
    /// The kind that synchronisation maps to it; none: it provisions no such objects.
    #[must_use]
    pub const fn mapped(self) -> Option<MappedKind> {
        match self {
            Self::User => Some(MappedKind::User),
            Self::Group => Some(MappedKind::Group),
            Self::Contact => Some(MappedKind::Contact),
            Self::ServicePrincipal => None,
        }
    }
}

impl From<MappedKind> for Kind {
    fn from(kind: MappedKind) -> Self {
        match kind {
            MappedKind::User => Self::User,
            MappedKind::Group => Self::Group,
            MappedKind::Contact => Self::Contact,
        }
    }
}

/// Who owns an object on premises.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mastery {
    /// The configuration that provisions it.
    pub configuration: ConfigurationId,
    /// What joins it with its object in Active Directory.
    pub anchor: SourceAnchor,
}

/// A value that an object should have and another has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The property.
    pub property: Property,
    /// The value that is held back.
    pub value: UniqueValue,
    /// Who has it.
    pub owner: ObjectId,
    /// Since when it is held back.
    pub since: Timestamp,
}

/// A user principal name that the directory made, because the tenant does not own the suffix of the name
/// that the user should have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MadeName {
    /// The name that it was made for. As long as that stays, the made one does.
    pub wanted: String,
    /// The name that was made.
    pub made: String,
}

/// An object of the cloud directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// Its id.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// Its properties as others see them; a property that does not occur is empty.
    pub values: Values,
    /// Its properties as they were given, before names are made and conflicts are settled.
    pub wanted: Values,
    /// What it had when a configuration took it over and Active Directory had no value for.
    pub kept: Values,
    /// Who owns it on premises; none: the cloud does.
    pub mastery: Option<Mastery>,
    /// The anchor by which an object that the cloud owns can be found by a configuration.
    pub immutable_id: Option<SourceAnchor>,
    /// What a user may do with the service.
    pub roles: BTreeSet<Role>,
    /// The user principal name that was made for it.
    pub made_name: Option<MadeName>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Since when it is in the recycle bin.
    pub deleted: Option<Timestamp>,
    /// Values that are held back.
    pub conflicts: Vec<Conflict>,
}

impl Object {
    /// An object without values.
    #[must_use]
    pub const fn new(id: ObjectId, kind: Kind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            values: Values::new(),
            wanted: Values::new(),
            kept: Values::new(),
            mastery: None,
            immutable_id: None,
            roles: BTreeSet::new(),
            made_name: None,
            created: now,
            modified: now,
            deleted: None,
            conflicts: Vec::new(),
        }
    }

    /// What joins it, or may join it, with an object of Active Directory.
    #[must_use]
    pub fn anchor(&self) -> Option<&SourceAnchor> {
        let mastered = self.mastery.as_ref().map(|mastery| &mastery.anchor);
        mastered.or(self.immutable_id.as_ref())
    }

    /// Whether it is synchronised from Active Directory; `None`: it never was.
    #[must_use]
    pub fn sync_enabled(&self) -> Option<bool> {
        if self.mastery.is_some() {
            return Some(true);
        }
        let was = self.immutable_id.is_some() && self.text("onPremisesDomainName").is_some();
        was.then_some(false)
    }

    /// The value of a property as text.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&str> {
        let property = Property::find(self.kind, property)?;
        self.values.get(&property).and_then(PropertyValue::as_text)
    }
}
