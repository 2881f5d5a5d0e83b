//! Which value each property of the cloud directory gets.
//!
//! A mapping is a list of [`Entry`]s; the one that a configuration starts with is
//! [`Mapping::standard`]. [`Mapping::evaluate`] makes the values for one object.

mod defaults;
mod rule;

use crate::policy::Policy;
use crate::scope::Chain;
use crate::staged::{ObjectClass, StagedObject};
use lockstep_model::{AttributeName, PropertyValue, SourceAnchor, SourceAnchorError};
use std::collections::{BTreeMap, BTreeSet};

pub use defaults::{REFERENCES, Reference};
pub use rule::Rule;
pub(crate) use rule::has_mail_address;

/// What a mapping makes: the same kinds of value that the directory keeps.
pub type MappedValue = PropertyValue;

/// Values by property name. `None`: the property is to be empty.
pub type MappedValues = BTreeMap<String, Option<MappedValue>>;

/// The kinds of object that have mappings of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MappedKind {
    /// Users and inetOrgPersons.
    User,
    /// Groups.
    Group,
    /// Contacts.
    Contact,
}

impl MappedKind {
    /// The kind that objects of this class are mapped as.
    #[must_use]
    pub const fn of(class: ObjectClass) -> Option<Self> {
        match class {
            ObjectClass::User | ObjectClass::InetOrgPerson => Some(Self::User),
            ObjectClass::Group => Some(Self::Group),
            ObjectClass::Contact => Some(Self::Contact),
            _ => None,
        }
    }

    /// The name under which logs and plans show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Contact => "contact",
        }
    }
}

/// One property and how its value is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The property, by Graph's name where Graph has one.
    pub target: String,
    /// How its value is made.
    pub rule: Rule,
}

/// All mappings of a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mapping {
    /// Entries by kind of object.
    pub entries: BTreeMap<MappedKind, Vec<Entry>>,
}

/// Why an object has no value for a property that it must have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MappingError {
    /// ms-DS-ConsistencyGuid holds something that is no GUID.
    #[error("the source anchor cannot be made")]
    Anchor(#[from] SourceAnchorError),
    /// A user needs a name to sign in with.
    #[error("neither userPrincipalName nor sAMAccountName has a value")]
    NoUserPrincipalName,
}

impl Mapping {
    /// The mapping that every configuration starts with.
    #[must_use]
    pub fn standard() -> Self {
        let of = |kind| (kind, defaults::entries(kind));
        Self {
            entries: [
                of(MappedKind::User),
                of(MappedKind::Group),
                of(MappedKind::Contact),
            ]
            .into(),
        }
    }

    /// The attributes that have to be read, without those that name other objects.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<AttributeName> {
        let entries = self.entries.values().flatten();
        entries
            .flat_map(|entry| entry.rule.sources())
            .map(AttributeName::new)
            .collect()
    }

    /// Makes the values of one object.
    ///
    /// # Errors
    ///
    /// [`MappingError`] when a value is missing without which the object cannot be.
    pub fn evaluate(
        &self,
        kind: MappedKind,
        object: &StagedObject,
        chain: &Chain,
        policy: &Policy,
    ) -> Result<MappedValues, MappingError> {
        let entries = self.entries.get(&kind).map_or(&[][..], Vec::as_slice);
        let input = rule::Input {
            object,
            chain,
            policy,
        };
        entries
            .iter()
            .map(|entry| Ok((entry.target.clone(), entry.rule.apply(&input)?)))
            .collect()
    }
}

/// The anchor of an object: ms-DS-ConsistencyGuid when it has a value, else objectGUID.
///
/// # Errors
///
/// [`SourceAnchorError`] when ms-DS-ConsistencyGuid is no GUID.
pub fn source_anchor(object: &StagedObject) -> Result<SourceAnchor, SourceAnchorError> {
    match object.values("ms-ds-consistencyguid").first() {
        Some(value) => SourceAnchor::from_consistency_guid(value.as_bytes()),
        None => Ok(SourceAnchor::from_object_guid(object.guid)),
    }
}

#[cfg(test)]
mod tests;
