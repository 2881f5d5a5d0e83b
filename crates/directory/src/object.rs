//! An object of the cloud directory.

use crate::schema::{Property, Values};
use crate::unique::UniqueValue;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};

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

/// An object of the cloud directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// Its id.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// Its properties as others see them; a property that does not occur is empty.
    pub values: Values,
    /// What it should have of the properties that must be unique, before conflicts are settled.
    pub wanted: Values,
    /// Who owns it on premises; none: it was made in the cloud.
    pub mastery: Option<Mastery>,
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
    /// The value of a property as text.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&str> {
        let property = Property::named(self.kind, property).ok()?;
        self.values.get(&property).and_then(PropertyValue::as_text)
    }
}
