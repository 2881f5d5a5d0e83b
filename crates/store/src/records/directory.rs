//! The cloud directory: objects, who has which unique value, who waits for one, references.

use super::bad_key;
use super::compact::{self, Id, from_body, to_body};
use crate::{Key, Layout, Record, StoreError, Table};
use lockstep_directory::schema::Property;
use lockstep_directory::unique::Namespace;
use lockstep_directory::{Conflict, Kind, Mastery, Object, UniqueValue, Values};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::borrow::Cow;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&OBJECTS, &UNIQUE, &WAITING, &REFERENCES];

static OBJECTS: Table = Table {
    name: "directory_objects",
    indexes: &["by_kind", "by_anchor"],
    layout: Layout::Arrival,
};
static UNIQUE: Table = Table {
    name: "directory_unique_values",
    indexes: &[],
    layout: Layout::Key,
};
static WAITING: Table = Table {
    name: "directory_waiting",
    indexes: &[],
    layout: Layout::Key,
};
static REFERENCES: Table = Table {
    name: "directory_references",
    indexes: &["by_target"],
    layout: Layout::Key,
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

#[derive(Decode, Encode)]
struct ObjectBody<'a> {
    #[n(0)]
    kind: u8,
    #[n(1)]
    created: i64,
    #[n(2)]
    modified: i64,
    #[n(3)]
    deleted: Option<i64>,
    #[n(4)]
    configuration: Option<Id>,
    #[b(5)]
    anchor: Option<Cow<'a, str>>,
    #[b(6)]
    values: ValuesBody<'a>,
    /// Only where it differs from `values`.
    #[b(7)]
    wanted: Option<ValuesBody<'a>>,
    #[b(8)]
    conflicts: Option<Vec<ConflictBody<'a>>>,
}

#[derive(Decode, Encode)]
struct ConflictBody<'a> {
    #[b(0)]
    property: &'a str,
    #[n(1)]
    namespace: u8,
    #[b(2)]
    value: &'a str,
    #[n(3)]
    owner: Id,
    #[n(4)]
    since: i64,
}

impl<'a> ConflictBody<'a> {
    fn new(conflict: &'a Conflict) -> Self {
        Self {
            property: conflict.property.name(),
            namespace: namespace_byte(conflict.value.namespace),
            value: &conflict.value.value,
            owner: Id(conflict.owner.guid()),
            since: conflict.since.as_millis(),
        }
    }
}

/// Values by the name of the property: on the way in as they stand in the body, because what a name means
/// depends on the kind of object.
enum ValuesBody<'a> {
    Given(&'a Values),
    Read(Vec<(&'a str, PropertyValue)>),
}

impl<C> Encode<C> for ValuesBody<'_> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let Self::Given(values) = self else {
            return Err(encode::Error::message(
                "values are written as they are given",
            ));
        };
        e.map(values.len() as u64)?;
        for (property, value) in *values {
            e.str(property.name())?;
            compact::Property(value).encode(e, c)?;
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for ValuesBody<'b> {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        let mut values = Vec::new();
        for _ in 0..d.map()?.unwrap_or_default() {
            values.push((d.str()?, compact::Property::decode(d, c)?.0));
        }
        Ok(Self::Read(values))
    }
}

impl ValuesBody<'_> {
    fn of(self, kind: Kind) -> Values {
        match self {
            Self::Given(values) => values.clone(),
            // A property that a newer build knew, and this one does not, is left out.
            Self::Read(values) => values
                .into_iter()
                .filter_map(|(name, value)| Some((Property::named(kind, name).ok()?, value)))
                .collect(),
        }
    }
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
        let conflicts = object.conflicts.iter().map(ConflictBody::new).collect();
        let mastery = object.mastery.as_ref();
        let body = ObjectBody {
            kind: kind_byte(object.kind),
            created: object.created.as_millis(),
            modified: object.modified.as_millis(),
            deleted: object.deleted.map(Timestamp::as_millis),
            configuration: mastery.map(|mastery| Id(mastery.configuration.guid())),
            anchor: mastery.map(|mastery| mastery.anchor.to_string().into()),
            values: ValuesBody::Given(&object.values),
            wanted: (object.wanted != object.values).then_some(ValuesBody::Given(&object.wanted)),
            conflicts: Some(conflicts).filter(|conflicts: &Vec<_>| !conflicts.is_empty()),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let id = key
            .reader()
            .guid()
            .ok_or_else(|| bad_key(Self::TABLE, key))?;
        let body: ObjectBody<'_> = from_body(Self::TABLE, body)?;
        let kind = match body.kind {
            0 => Kind::User,
            1 => Kind::Group,
            2 => Kind::Contact,
            3 => Kind::ServicePrincipal,
            _ => return Err(bad_key(Self::TABLE, key)),
        };
        let values = body.values.of(kind);
        let wanted = body
            .wanted
            .map_or_else(|| values.clone(), |wanted| wanted.of(kind));
        let conflict = |conflict: ConflictBody<'_>| {
            Some(Conflict {
                property: Property::named(kind, conflict.property).ok()?,
                value: UniqueValue {
                    namespace: namespace(conflict.namespace)?,
                    value: conflict.value.to_owned(),
                },
                owner: ObjectId::new(conflict.owner.0),
                since: Timestamp::from_millis(conflict.since),
            })
        };
        let conflicts = body.conflicts.unwrap_or_default();
        let anchor: Option<SourceAnchor> = match body.anchor {
            None => None,
            Some(text) => Some(text.parse().map_err(|source| StoreError::Row {
                table: Self::TABLE.name,
                source: Box::new(source),
            })?),
        };
        let mastery = body.configuration.zip(anchor);
        Ok(Self(Object {
            id: ObjectId::new(id),
            kind,
            values,
            wanted,
            mastery: mastery.map(|(configuration, anchor)| Mastery {
                configuration: ConfigurationId::new(configuration.0),
                anchor,
            }),
            created: Timestamp::from_millis(body.created),
            modified: Timestamp::from_millis(body.modified),
            deleted: body.deleted.map(Timestamp::from_millis),
            conflicts: conflicts.into_iter().filter_map(conflict).collect(),
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
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UniqueOwner {
    /// The value.
    pub value: UniqueValue,
    /// Who has it.
    pub owner: ObjectId,
}

#[derive(Decode, Encode)]
struct UniqueBody {
    #[n(0)]
    owner: Id,
}

impl Record for UniqueOwner {
    const TABLE: &'static Table = &UNIQUE;
    type Id = UniqueValue;

    fn key_of(value: &UniqueValue) -> Key {
        value_key(value)
    }

    fn key(&self) -> Key {
        value_key(&self.value)
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let body = UniqueBody {
            owner: Id(self.owner.guid()),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.byte().and_then(namespace), parts.text());
        let (Some(namespace), Some(value)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: UniqueBody = from_body(Self::TABLE, body)?;
        Ok(Self {
            value: UniqueValue { namespace, value },
            owner: ObjectId::new(body.owner.0),
        })
    }
}

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
        Ok(Vec::new())
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
        Ok(Vec::new())
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
