//! The cloud directory: objects, who has which unique value, who waits for one, references.

use super::{bad_key, from_json, json_record, to_json};
use crate::{Key, Record, StoreError, Table};
use lockstep_directory::schema::Property;
use lockstep_directory::unique::Namespace;
use lockstep_directory::{Conflict, Kind, Mastery, Object, UniqueValue, Values};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{SourceAnchor, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::connector_space::{PropertyBody, property_body, property_value};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&OBJECTS, &UNIQUE, &WAITING, &REFERENCES];

static OBJECTS: Table = Table {
    name: "directory_objects",
    indexes: &["by_kind", "by_anchor"],
};
static UNIQUE: Table = Table {
    name: "directory_unique_values",
    indexes: &[],
};
static WAITING: Table = Table {
    name: "directory_waiting",
    indexes: &[],
};
static REFERENCES: Table = Table {
    name: "directory_references",
    indexes: &["by_target"],
};

/// An object of the cloud directory.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryObject(pub Object);

impl DirectoryObject {
    /// Along this index: objects of one kind, live or deleted, by id.
    pub const BY_KIND: usize = 0;
    /// Along this index: objects by anchor.
    pub const BY_ANCHOR: usize = 1;

    /// The prefix, along [`DirectoryObject::BY_KIND`], of the live or the deleted objects of a kind.
    #[must_use]
    pub fn of_kind(kind: Kind, deleted: bool) -> Key {
        Key::empty().with(kind_byte(kind)).with(u8::from(deleted))
    }

    /// The prefix, along [`DirectoryObject::BY_ANCHOR`], of the objects with an anchor.
    #[must_use]
    pub fn with_anchor(anchor: &SourceAnchor) -> Key {
        Key::empty().with(anchor.to_string().as_str())
    }
}

const fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::User => 0,
        Kind::Group => 1,
        Kind::Contact => 2,
        Kind::ServicePrincipal => 3,
    }
}

#[derive(Deserialize, Serialize)]
struct ObjectBody {
    kind: u8,
    values: BTreeMap<String, PropertyBody>,
    /// Only where it differs from `values`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<BTreeMap<String, PropertyBody>>,
    #[serde(
        with = "super::text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    configuration: Option<ConfigurationId>,
    #[serde(
        with = "super::text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    anchor: Option<SourceAnchor>,
    created: i64,
    modified: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<ConflictBody>,
}

#[derive(Deserialize, Serialize)]
struct ConflictBody {
    property: String,
    namespace: u8,
    value: String,
    #[serde(with = "super::text")]
    owner: ObjectId,
    since: i64,
}

fn bodies(values: &Values) -> BTreeMap<String, PropertyBody> {
    values
        .iter()
        .map(|(property, v)| (property.name().to_owned(), property_body(v)))
        .collect()
}

fn values(kind: Kind, bodies: BTreeMap<String, PropertyBody>) -> Result<Values, StoreError> {
    let mut values = Values::new();
    for (name, body) in bodies {
        // A property that a newer build knew, and this one does not, is left out.
        if let Ok(property) = Property::named(kind, &name) {
            values.insert(property, property_value(body)?);
        }
    }
    Ok(values)
}

impl Record for DirectoryObject {
    const TABLE: &'static Table = &OBJECTS;
    type Id = ObjectId;

    fn key_of(id: &ObjectId) -> Key {
        Key::empty().with(*id)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.0.id)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let kind = Self::of_kind(self.0.kind, self.0.deleted.is_some());
        let anchor = self
            .0
            .mastery
            .as_ref()
            .map(|mastery| Self::with_anchor(&mastery.anchor));
        vec![Some(kind), anchor]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let object = &self.0;
        let conflict = |conflict: &Conflict| ConflictBody {
            property: conflict.property.name().to_owned(),
            namespace: namespace_byte(conflict.value.namespace),
            value: conflict.value.value.clone(),
            owner: conflict.owner,
            since: conflict.since.as_millis(),
        };
        to_json(
            Self::TABLE,
            &ObjectBody {
                kind: kind_byte(object.kind),
                values: bodies(&object.values),
                wanted: (object.wanted != object.values).then(|| bodies(&object.wanted)),
                configuration: object.mastery.as_ref().map(|mastery| mastery.configuration),
                anchor: object
                    .mastery
                    .as_ref()
                    .map(|mastery| mastery.anchor.clone()),
                created: object.created.as_millis(),
                modified: object.modified.as_millis(),
                deleted: object.deleted.map(Timestamp::as_millis),
                conflicts: object.conflicts.iter().map(conflict).collect(),
            },
        )
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let id = key
            .reader()
            .guid()
            .ok_or_else(|| bad_key(Self::TABLE, key))?;
        let body: ObjectBody = from_json(Self::TABLE, body)?;
        let kind = match body.kind {
            0 => Kind::User,
            1 => Kind::Group,
            2 => Kind::Contact,
            3 => Kind::ServicePrincipal,
            _ => return Err(bad_key(Self::TABLE, key)),
        };
        let shown = values(kind, body.values)?;
        let wanted = match body.wanted {
            Some(wanted) => values(kind, wanted)?,
            None => shown.clone(),
        };
        let conflict = |conflict: ConflictBody| {
            Some(Conflict {
                property: Property::named(kind, &conflict.property).ok()?,
                value: UniqueValue {
                    namespace: namespace(conflict.namespace)?,
                    value: conflict.value,
                },
                owner: conflict.owner,
                since: Timestamp::from_millis(conflict.since),
            })
        };
        let mastery = body.configuration.zip(body.anchor);
        Ok(Self(Object {
            id: ObjectId::new(id),
            kind,
            values: shown,
            wanted,
            mastery: mastery.map(|(configuration, anchor)| Mastery {
                configuration,
                anchor,
            }),
            created: Timestamp::from_millis(body.created),
            modified: Timestamp::from_millis(body.modified),
            deleted: body.deleted.map(Timestamp::from_millis),
            conflicts: body.conflicts.into_iter().filter_map(conflict).collect(),
        }))
    }
}

const fn namespace_byte(namespace: Namespace) -> u8 {
    match namespace {
        Namespace::UserPrincipalName => 0,
        Namespace::ProxyAddress => 1,
    }
}

const fn namespace(byte: u8) -> Option<Namespace> {
    match byte {
        0 => Some(Namespace::UserPrincipalName),
        1 => Some(Namespace::ProxyAddress),
        _ => None,
    }
}

fn value_key(value: &UniqueValue) -> Key {
    Key::empty()
        .with(namespace_byte(value.namespace))
        .with(value.value.as_str())
}

/// Who has a unique value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UniqueOwner {
    namespace: u8,
    value: String,
    /// Who has it.
    #[serde(with = "super::text")]
    pub owner: ObjectId,
}

impl UniqueOwner {
    /// Says who has a value.
    #[must_use]
    pub fn new(value: &UniqueValue, owner: ObjectId) -> Self {
        Self {
            namespace: namespace_byte(value.namespace),
            value: value.value.clone(),
            owner,
        }
    }
}

json_record!(
    UniqueOwner, &UNIQUE,
    id UniqueValue, |value| value_key(value),
    |own| UniqueValue {
        namespace: namespace(own.namespace).unwrap_or(Namespace::ProxyAddress),
        value: own.value.clone(),
    }
);

/// Who waits for a unique value that another has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The value.
    pub value: UniqueValue,
    /// Who waits.
    pub object: ObjectId,
}

impl Waiting {
    /// The prefix of all who wait for a value.
    #[must_use]
    pub fn for_value(value: &UniqueValue) -> Key {
        value_key(value)
    }
}

impl Record for Waiting {
    const TABLE: &'static Table = &WAITING;
    type Id = (UniqueValue, ObjectId);

    fn key_of((value, object): &Self::Id) -> Key {
        value_key(value).with(*object)
    }

    fn key(&self) -> Key {
        value_key(&self.value).with(self.object)
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(b"{}".to_vec())
    }

    fn decode(key: &Key, _: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.byte().and_then(namespace), parts.text(), parts.guid());
        let (Some(namespace), Some(value), Some(object)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        Ok(Self {
            value: UniqueValue { namespace, value },
            object: ObjectId::new(object),
        })
    }
}

/// A reference between two objects of the directory.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DirectoryReference {
    /// Who has the property.
    pub source: ObjectId,
    /// `manager`, `members` or `owners`.
    pub property: String,
    /// Who is named.
    pub target: ObjectId,
}

impl DirectoryReference {
    /// Along this index: references by target.
    pub const BY_TARGET: usize = 0;

    /// The prefix of all references of one property of an object.
    #[must_use]
    pub fn of(source: ObjectId, property: &str) -> Key {
        Key::empty().with(source).with(property)
    }

    /// The prefix of all references from an object.
    #[must_use]
    pub fn from(source: ObjectId) -> Key {
        Key::empty().with(source)
    }

    /// The prefix, along [`DirectoryReference::BY_TARGET`], of all references of one property to an
    /// object.
    #[must_use]
    pub fn to(target: ObjectId, property: &str) -> Key {
        Key::empty().with(target).with(property)
    }

    /// The prefix, along [`DirectoryReference::BY_TARGET`], of all references to an object.
    #[must_use]
    pub fn to_any(target: ObjectId) -> Key {
        Key::empty().with(target)
    }

    /// What names this reference.
    #[must_use]
    pub fn id(&self) -> <Self as Record>::Id {
        (self.source, self.property.clone(), self.target)
    }
}

impl Record for DirectoryReference {
    const TABLE: &'static Table = &REFERENCES;
    type Id = (ObjectId, String, ObjectId);

    fn key_of((source, property, target): &Self::Id) -> Key {
        Self::of(*source, property).with(*target)
    }

    fn key(&self) -> Key {
        Self::of(self.source, &self.property).with(self.target)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        vec![Some(
            Self::to(self.target, &self.property).with(self.source),
        )]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(b"{}".to_vec())
    }

    fn decode(key: &Key, _: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(source), Some(property), Some(target)) =
            (parts.guid(), parts.text(), parts.guid())
        else {
            return Err(bad_key(Self::TABLE, key));
        };
        Ok(Self {
            source: ObjectId::new(source),
            property,
            target: ObjectId::new(target),
        })
    }
}
