//! The cloud directory: objects, who has which unique value, who waits for one, references, the index by
//! which objects are found, and in which order everything changed.
//!
//! Changes are numbered ([`ChangeCounter`]): every writer takes the next number, and writers are alone, so
//! whoever has seen everything up to a number misses nothing by going on behind it.

use super::compact::{self, Id, from_body, to_body};
use super::{bad_key, json_record};
use crate::key::Beginning;
use crate::{Key, Layout, Record, StoreError, Table};
use lockstep_directory::index::{Indexed, Term};
use lockstep_directory::schema::Property;
use lockstep_directory::unique::Namespace;
use lockstep_directory::{Conflict, Kind, MadeName, Mastery, Object, Role, UniqueValue, Values};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[
    &OBJECTS,
    &UNIQUE,
    &WAITING,
    &REFERENCES,
    &TERMS,
    &GONE,
    &DEPARTED,
    &COUNTER,
    &MARKS,
];

static OBJECTS: Table = Table {
    name: "directory_objects",
    indexes: &["by_kind", "by_anchor", "by_change"],
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
    indexes: &["by_target", "by_change"],
    layout: Layout::Key,
};
static TERMS: Table = Table {
    name: "directory_terms",
    indexes: &[],
    layout: Layout::Key,
};
static GONE: Table = Table {
    name: "directory_gone",
    indexes: &["by_change"],
    layout: Layout::Key,
};
static DEPARTED: Table = Table {
    name: "directory_departed",
    indexes: &["by_change"],
    layout: Layout::Key,
};
static COUNTER: Table = Table {
    name: "directory_changes",
    indexes: &[],
    layout: Layout::Key,
};
static MARKS: Table = Table {
    name: "directory_change_marks",
    indexes: &[],
    layout: Layout::Key,
};

/// The number of the last change.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChangeCounter {
    /// The number.
    pub last: u64,
    /// What went with this number or an earlier one is forgotten: whoever has not seen it has to begin anew.
    #[serde(default)]
    pub forgotten: u64,
}

json_record!(
    ChangeCounter,
    &COUNTER,
    id(),
    |()| Key::empty().with("changes"),
    |_| ()
);

/// Which change was the last at a moment, noted now and then: how old a number is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChangeMark {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The number of the last change then.
    pub last: u64,
}

json_record!(
    ChangeMark, &MARKS,
    id i64, |at| Key::empty().with(u64::try_from(*at).unwrap_or(0)), |own| own.at
);

/// An object of the cloud directory.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryObject {
    /// The object.
    pub object: Object,
    /// The number of the change that made it, or its references, what they are.
    pub change: u64,
}

impl DirectoryObject {
    /// Along this index: objects of one kind, live or deleted, by id.
    pub const BY_KIND: usize = 0;
    /// Along this index: objects by anchor.
    pub const BY_ANCHOR: usize = 1;
    /// Along this index: objects of one kind, live and deleted, in the order in which they last changed.
    pub const BY_CHANGE: usize = 2;

    /// The prefix, along [`DirectoryObject::BY_KIND`], of the live or the deleted objects of a kind.
    #[must_use]
    pub fn of_kind(kind: Kind, deleted: bool) -> Key {
        Key::empty().with(kind_byte(kind)).with(u8::from(deleted))
    }

    /// The prefix, along [`DirectoryObject::BY_CHANGE`], of the objects of a kind.
    #[must_use]
    pub fn changes_of(kind: Kind) -> Key {
        Key::empty().with(kind_byte(kind))
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

const fn kind(byte: u8) -> Option<Kind> {
    match byte {
        0 => Some(Kind::User),
        1 => Some(Kind::Group),
        2 => Some(Kind::Contact),
        3 => Some(Kind::ServicePrincipal),
        _ => None,
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
    /// What the object should have otherwise than `values`.
    #[b(7)]
    wanted: Option<ValuesBody<'a>>,
    #[b(8)]
    conflicts: Option<Vec<ConflictBody<'a>>>,
    #[n(9)]
    change: u64,
    /// The properties of `values` that the object should not have.
    #[b(10)]
    unwanted: Option<Vec<&'a str>>,
    #[b(11)]
    roles: Option<Vec<&'a str>>,
    #[b(12)]
    made_name: Option<MadeNameBody<'a>>,
    #[b(13)]
    kept: Option<ValuesBody<'a>>,
}

#[derive(Decode, Encode)]
struct MadeNameBody<'a> {
    #[b(0)]
    wanted: &'a str,
    #[b(1)]
    made: &'a str,
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

    fn of(&self, kind: Kind) -> Option<Conflict> {
        Some(Conflict {
            property: Property::find(kind, self.property)?,
            value: UniqueValue {
                namespace: namespace(self.namespace)?,
                value: self.value.to_owned(),
            },
            owner: ObjectId::new(self.owner.0),
            since: Timestamp::from_millis(self.since),
        })
    }
}

/// Values by the name of the property: on the way in as they stand in the body, because what a name means
/// depends on the kind of object.
enum ValuesBody<'a> {
    Given(Vec<(&'a Property, &'a PropertyValue)>),
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
        for (property, value) in values {
            e.str(property.name())?;
            compact::Property(*value).encode(e, c)?;
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
    /// Puts the values into others. A property that a newer build knew, and this one does not, is left out.
    fn put_into(self, kind: Kind, values: &mut Values) {
        if let Self::Read(read) = self {
            let known = read
                .into_iter()
                .filter_map(|(name, value)| Some((Property::known(kind, name)?, value)));
            values.extend(known);
        }
    }
}

/// None for nothing: nothing takes no room.
fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    Some(values).filter(|values| !values.is_empty())
}

impl Record for DirectoryObject {
    const TABLE: &'static Table = &OBJECTS;
    type Id = ObjectId;

    fn key_of(id: &ObjectId) -> Key {
        Key::empty().with(*id)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.object.id)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let object = &self.object;
        vec![
            Some(Self::of_kind(object.kind, object.deleted.is_some())),
            object.anchor().map(Self::with_anchor),
            Some(Self::changes_of(object.kind).with(self.change)),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let object = &self.object;
        let conflicts = object.conflicts.iter().map(ConflictBody::new).collect();
        let configuration = object.mastery.as_ref().map(|mastery| mastery.configuration);
        let other = |(property, value): &(&Property, &PropertyValue)| {
            object.values.get(*property) != Some(*value)
        };
        let wanted = some(object.wanted.iter().filter(other).collect());
        let unwanted = object
            .values
            .keys()
            .filter(|own| !object.wanted.contains_key(*own));
        let made_name = object.made_name.as_ref().map(|name| MadeNameBody {
            wanted: &name.wanted,
            made: &name.made,
        });
        let body = ObjectBody {
            kind: kind_byte(object.kind),
            created: object.created.as_millis(),
            modified: object.modified.as_millis(),
            deleted: object.deleted.map(Timestamp::as_millis),
            configuration: configuration.map(|configuration| Id(configuration.guid())),
            anchor: object.anchor().map(|anchor| anchor.to_string().into()),
            values: ValuesBody::Given(object.values.iter().collect()),
            wanted: wanted.map(ValuesBody::Given),
            conflicts: some(conflicts),
            change: self.change,
            unwanted: some(unwanted.map(|property| property.name()).collect()),
            roles: some(object.roles.iter().map(|role| role.name()).collect()),
            made_name,
            kept: some(object.kept.iter().collect()).map(ValuesBody::Given),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let id = key
            .reader()
            .guid()
            .ok_or_else(|| bad_key(Self::TABLE, key))?;
        let body: ObjectBody<'_> = from_body(Self::TABLE, body)?;
        let kind = kind(body.kind).ok_or_else(|| bad_key(Self::TABLE, key))?;
        let mut object = Object::new(
            ObjectId::new(id),
            kind,
            Timestamp::from_millis(body.created),
        );
        body.values.put_into(kind, &mut object.values);
        object.wanted.clone_from(&object.values);
        for name in body.unwanted.into_iter().flatten() {
            if let Some(property) = Property::known(kind, name) {
                object.wanted.remove(&property);
            }
        }
        if let Some(wanted) = body.wanted {
            wanted.put_into(kind, &mut object.wanted);
        }
        if let Some(kept) = body.kept {
            kept.put_into(kind, &mut object.kept);
        }
        let anchor: Option<SourceAnchor> = match body.anchor {
            None => None,
            Some(text) => Some(text.parse().map_err(|source| StoreError::Row {
                table: Self::TABLE.name,
                source: Box::new(source),
            })?),
        };
        // An anchor without a configuration is that of an object which the cloud owns.
        match (body.configuration, anchor) {
            (Some(configuration), Some(anchor)) => {
                object.mastery = Some(Mastery {
                    configuration: ConfigurationId::new(configuration.0),
                    anchor,
                });
            }
            (_, anchor) => object.immutable_id = anchor,
        }
        let roles = body.roles.into_iter().flatten();
        object.roles = roles.filter_map(Role::named).collect();
        object.made_name = body.made_name.map(|name| MadeName {
            wanted: name.wanted.to_owned(),
            made: name.made.to_owned(),
        });
        object.modified = Timestamp::from_millis(body.modified);
        object.deleted = body.deleted.map(Timestamp::from_millis);
        let conflicts = body.conflicts.into_iter().flatten();
        object.conflicts = conflicts.filter_map(|conflict| conflict.of(kind)).collect();
        let change = body.change;
        Ok(Self { object, change })
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

impl UniqueOwner {
    /// The prefix of all values that begin so.
    #[must_use]
    pub fn beginning(value: &UniqueValue) -> Key {
        Key::empty()
            .with(namespace_byte(value.namespace))
            .with(Beginning(&value.value))
    }
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
    /// The number of the change that made it; none where nobody asks.
    pub change: Option<u64>,
}

#[derive(Decode, Encode)]
struct ReferenceBody {
    #[n(0)]
    change: u64,
}

impl DirectoryReference {
    /// Along this index: references by target.
    pub const BY_TARGET: usize = 0;
    /// Along this index: references of one property of an object, in the order in which they were made.
    pub const BY_CHANGE: usize = 1;

    /// The prefix of all references of one property of an object, in the table itself and along
    /// [`DirectoryReference::BY_CHANGE`].
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
        vec![
            Some(Self::to(self.target, &self.property).with(self.source)),
            self.change
                .map(|change| Self::of(self.source, &self.property).with(change)),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        match self.change {
            None => Ok(Vec::new()),
            Some(change) => to_body(Self::TABLE, &ReferenceBody { change }),
        }
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(source), Some(property), Some(target)) =
            (parts.guid(), parts.text(), parts.guid())
        else {
            return Err(bad_key(Self::TABLE, key));
        };
        let change = match body {
            [] => None,
            body => Some(from_body::<ReferenceBody>(Self::TABLE, body)?.change),
        };
        Ok(Self {
            source: ObjectId::new(source),
            property,
            target: ObjectId::new(target),
            change,
        })
    }
}

/// A reference that is no more, for those who have heard of it. Kept for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DepartedReference {
    /// Who had the property.
    pub source: ObjectId,
    /// Which property.
    pub property: String,
    /// The number of the change that removed it.
    pub change: u64,
    /// Who was named.
    pub target: ObjectId,
}

impl Record for DepartedReference {
    const TABLE: &'static Table = &DEPARTED;
    type Id = (ObjectId, String, u64, ObjectId);

    fn key_of((source, property, change, target): &Self::Id) -> Key {
        DirectoryReference::of(*source, property)
            .with(*change)
            .with(*target)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.id())
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        vec![Some(Key::empty().with(self.change))]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    fn decode(key: &Key, _: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(source), Some(property), Some(change), Some(target)) =
            (parts.guid(), parts.text(), parts.number(), parts.guid())
        else {
            return Err(bad_key(Self::TABLE, key));
        };
        Ok(Self {
            source: ObjectId::new(source),
            property,
            change,
            target: ObjectId::new(target),
        })
    }
}

impl DepartedReference {
    /// Along this index: all of them, in the order in which they went.
    pub const BY_CHANGE: usize = 0;

    /// What names it.
    #[must_use]
    pub fn id(&self) -> <Self as Record>::Id {
        (self.source, self.property.clone(), self.change, self.target)
    }
}

/// An object that is no more, for those who have heard of it. Kept for a while.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct GoneObject {
    /// Its id.
    #[serde(with = "super::text")]
    pub id: ObjectId,
    kind: u8,
    /// The number of the change that removed it.
    pub change: u64,
}

impl GoneObject {
    /// Along this index: objects of one kind in the order in which they went.
    pub const BY_CHANGE: usize = 0;

    /// Says that an object is no more.
    #[must_use]
    pub const fn new(id: ObjectId, kind: Kind, change: u64) -> Self {
        let kind = kind_byte(kind);
        Self { id, kind, change }
    }

    /// The prefix, along [`GoneObject::BY_CHANGE`], of the objects of a kind.
    #[must_use]
    pub fn changes_of(kind: Kind) -> Key {
        DirectoryObject::changes_of(kind)
    }
}

json_record!(
    GoneObject, &GONE,
    id ObjectId, |id| Key::empty().with(*id), |own| own.id,
    indexes |own| vec![Some(Key::empty().with(own.kind).with(own.change))]
);

/// An entry of the index by which objects are found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexEntry {
    /// The kind of the object.
    pub kind: Kind,
    /// Under what it stands.
    pub term: Term,
    /// The object.
    pub object: ObjectId,
}

impl IndexEntry {
    /// The prefix of all entries with this text.
    #[must_use]
    pub fn with_text(kind: Kind, indexed: Indexed, text: &str) -> Key {
        Self::of(kind, indexed).with(text)
    }

    /// The prefix of all entries whose text begins so.
    #[must_use]
    pub fn beginning(kind: Kind, indexed: Indexed, text: &str) -> Key {
        Self::of(kind, indexed).with(Beginning(text))
    }

    fn of(kind: Kind, indexed: Indexed) -> Key {
        Key::empty()
            .with(kind_byte(kind))
            .with(indexed_byte(indexed))
    }
}

impl Record for IndexEntry {
    const TABLE: &'static Table = &TERMS;
    type Id = (Kind, Term, ObjectId);

    fn key_of((kind, term, object): &Self::Id) -> Key {
        Self::with_text(*kind, term.indexed, &term.text).with(*object)
    }

    fn key(&self) -> Key {
        Self::with_text(self.kind, self.term.indexed, &self.term.text).with(self.object)
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(Vec::new())
    }

    fn decode(key: &Key, _: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(kind), Some(indexed), Some(text), Some(object)) = (
            parts.byte().and_then(kind),
            parts.byte().and_then(indexed),
            parts.text(),
            parts.guid(),
        ) else {
            return Err(bad_key(Self::TABLE, key));
        };
        Ok(Self {
            kind,
            term: Term { indexed, text },
            object: ObjectId::new(object),
        })
    }
}

const fn indexed_byte(indexed: Indexed) -> u8 {
    match indexed {
        Indexed::DisplayName => 0,
        Indexed::FurtherWords => 1,
        Indexed::Mail => 2,
        Indexed::SamAccountName => 3,
        Indexed::EmployeeId => 4,
        Indexed::Role => 5,
        Indexed::SecurityIdentifier => 6,
    }
}

const fn indexed(byte: u8) -> Option<Indexed> {
    match byte {
        0 => Some(Indexed::DisplayName),
        1 => Some(Indexed::FurtherWords),
        2 => Some(Indexed::Mail),
        3 => Some(Indexed::SamAccountName),
        4 => Some(Indexed::EmployeeId),
        5 => Some(Indexed::Role),
        6 => Some(Indexed::SecurityIdentifier),
        _ => None,
    }
}
