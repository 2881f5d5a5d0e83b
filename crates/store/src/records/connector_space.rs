//! The connector space of every configuration: objects, references between them, what has to be looked
//! at again, and what each object became.

use super::{bad_key, from_json, json_record, to_json};
use crate::{Key, Record, StoreError, Table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_engine::{Link, ObjectClass, Presence, RowState, StagedObject};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{
    AttributeName, Attributes, Guid, PropertyValue, Rdn, SourceAnchor, Timestamp, Value,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&OBJECTS, &REFERENCES, &DIRTY, &LINKS, &SCOPE_GROUPS];

static OBJECTS: Table = Table {
    name: "connector_space_objects",
    indexes: &["by_parent", "by_unread", "by_sid"],
};
static REFERENCES: Table = Table {
    name: "connector_space_references",
    indexes: &["by_target"],
};
static DIRTY: Table = Table {
    name: "dirty",
    indexes: &["by_sequence"],
};
static SCOPE_GROUPS: Table = Table {
    name: "scope_groups",
    indexes: &[],
};
static LINKS: Table = Table {
    name: "links",
    indexes: &["by_object"],
};

/// An object of the connector space.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// The object.
    pub object: StagedObject,
}

impl Staged {
    /// Along this index: objects by parent.
    pub const BY_PARENT: usize = 0;
    /// Along this index: objects that wait to be read by GUID.
    pub const BY_UNREAD: usize = 1;
    /// Along this index: objects by SID.
    pub const BY_SID: usize = 2;
}

/// An attribute value in a body: text where it is text, else Base64 in a list of its own.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum ValueBody {
    Text(String),
    Bytes([String; 1]),
}

#[derive(Deserialize, Serialize)]
struct StagedBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(
        with = "super::text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    parent: Option<Guid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rdn: Option<(String, String)>,
    #[serde(
        with = "super::text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    sid: Option<lockstep_model::Sid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    primary_group: Option<u32>,
    state: StateBody,
    presence: PresenceBody,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Vec<ValueBody>>,
    version: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum StateBody {
    PlaceOnly,
    Unread,
    Complete(u64),
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum PresenceBody {
    Alive(u64),
    Missing(i64),
    Deleted,
}

impl Record for Staged {
    const TABLE: &'static Table = &OBJECTS;
    type Id = (ConfigurationId, Guid);

    fn key_of(&(configuration, guid): &Self::Id) -> Key {
        Key::empty().with(configuration).with(guid)
    }

    fn key(&self) -> Key {
        Self::key_of(&(self.configuration, self.object.guid))
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let own = || Key::empty().with(self.configuration);
        let unread = self.object.state == RowState::Unread
            && matches!(self.object.presence, Presence::Alive { .. });
        vec![
            self.object.parent.map(|parent| own().with(parent)),
            unread.then(own),
            self.object
                .sid
                .as_ref()
                .map(|sid| own().with(sid.to_string().as_str())),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let object = &self.object;
        let value = |value: &Value| match value.as_str() {
            Some(text) => ValueBody::Text(text.to_owned()),
            None => ValueBody::Bytes([STANDARD.encode(value.as_bytes())]),
        };
        let values = |(name, values): (&AttributeName, &Vec<Value>)| {
            (name.as_str().to_owned(), values.iter().map(value).collect())
        };
        to_json(
            Self::TABLE,
            &StagedBody {
                class: object.class.map(|class| class.name().to_owned()),
                parent: object.parent,
                rdn: object
                    .rdn
                    .as_ref()
                    .map(|rdn| (rdn.attribute.clone(), rdn.value.clone())),
                sid: object.sid.clone(),
                primary_group: object.primary_group,
                state: match object.state {
                    RowState::PlaceOnly => StateBody::PlaceOnly,
                    RowState::Unread => StateBody::Unread,
                    RowState::Complete { read_set } => StateBody::Complete(read_set),
                },
                presence: match object.presence {
                    Presence::Alive { epoch } => PresenceBody::Alive(epoch),
                    Presence::Missing { since } => PresenceBody::Missing(since.as_millis()),
                    Presence::Deleted => PresenceBody::Deleted,
                },
                attributes: object.attributes.iter().map(values).collect(),
                version: object.version,
            },
        )
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(configuration), Some(guid)) = (parts.guid(), parts.guid()) else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: StagedBody = from_json(Self::TABLE, body)?;
        let mut attributes = Attributes::new();
        for (name, values) in body.attributes {
            let values = values.into_iter().map(value_of).collect::<Result<_, _>>()?;
            attributes.insert(AttributeName::new(&name), values);
        }
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            object: StagedObject {
                guid,
                class: body.class.as_deref().map(ObjectClass::from_name),
                parent: body.parent,
                rdn: body.rdn.map(|(attribute, value)| Rdn { attribute, value }),
                sid: body.sid,
                primary_group: body.primary_group,
                state: match body.state {
                    StateBody::PlaceOnly => RowState::PlaceOnly,
                    StateBody::Unread => RowState::Unread,
                    StateBody::Complete(read_set) => RowState::Complete { read_set },
                },
                presence: match body.presence {
                    PresenceBody::Alive(epoch) => Presence::Alive { epoch },
                    PresenceBody::Missing(since) => Presence::Missing {
                        since: Timestamp::from_millis(since),
                    },
                    PresenceBody::Deleted => Presence::Deleted,
                },
                attributes,
                version: body.version,
            },
        })
    }
}

fn value_of(body: ValueBody) -> Result<Value, StoreError> {
    match body {
        ValueBody::Text(text) => Ok(Value::new(text.into_bytes())),
        ValueBody::Bytes([base64]) => {
            STANDARD
                .decode(base64)
                .map(Value::new)
                .map_err(|source| StoreError::Row {
                    table: OBJECTS.name,
                    source: source.into(),
                })
        }
    }
}

/// A reference between two objects of a connector space: one value of `member`, `manager` or `managedBy`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StagedReference {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// Who has the attribute.
    pub source: Guid,
    /// The attribute, in lower case.
    pub attribute: String,
    /// Who is named.
    pub target: Guid,
    /// Which reading of the whole set saw it last: what a later whole reading does not see is gone.
    pub reading: u64,
}

impl StagedReference {
    /// Along this index: references by target.
    pub const BY_TARGET: usize = 0;

    /// The prefix of all references of one attribute of an object.
    #[must_use]
    pub fn of(configuration: ConfigurationId, source: Guid, attribute: &str) -> Key {
        Key::empty()
            .with(configuration)
            .with(source)
            .with(attribute)
    }

    /// The prefix of all references of an object.
    #[must_use]
    pub fn from(configuration: ConfigurationId, source: Guid) -> Key {
        Key::empty().with(configuration).with(source)
    }

    /// The prefix, along [`StagedReference::BY_TARGET`], of all references to an object.
    #[must_use]
    pub fn to(configuration: ConfigurationId, target: Guid) -> Key {
        Key::empty().with(configuration).with(target)
    }

    /// What names this reference.
    #[must_use]
    pub fn id(&self) -> <Self as Record>::Id {
        (
            self.configuration,
            self.source,
            self.attribute.clone(),
            self.target,
        )
    }
}

impl Record for StagedReference {
    const TABLE: &'static Table = &REFERENCES;
    type Id = (ConfigurationId, Guid, String, Guid);

    fn key_of((configuration, source, attribute, target): &Self::Id) -> Key {
        Self::of(*configuration, *source, attribute).with(*target)
    }

    fn key(&self) -> Key {
        Self::of(self.configuration, self.source, &self.attribute).with(self.target)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let to = Self::to(self.configuration, self.target);
        vec![Some(to.with(self.attribute.as_str()).with(self.source))]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.reading.to_string().into_bytes())
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.guid(), parts.guid(), parts.text(), parts.guid());
        let (Some(configuration), Some(source), Some(attribute), Some(target)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        let configuration = ConfigurationId::new(configuration);
        let reading = from_json(Self::TABLE, body)?;
        Ok(Self {
            configuration,
            source,
            attribute,
            target,
            reading,
        })
    }
}

/// What has to be looked at again.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// Everything below a container: expanded into marks of what lies in it, in batches.
    Subtree(Guid),
    /// One object.
    Object(Guid),
    /// Whether a group belongs to the scope by way of other groups.
    Group(Guid),
    /// Every member of a group of the scope: expanded into marks, in batches.
    Members(Guid),
    /// All references from an object.
    From(Guid),
    /// All references to an object.
    To(Guid),
    /// One reference: source, attribute, target.
    Reference(Guid, String, Guid),
}

impl Subject {
    /// Marks are worked off by kind, in this order.
    const fn kind(&self) -> u8 {
        match self {
            Self::Subtree(_) => 0,
            // Who belongs to the scope by way of groups is settled before any object is decided.
            Self::Members(_) => 1,
            Self::Group(_) => 2,
            Self::Object(_) => 3,
            Self::From(_) => 4,
            Self::To(_) => 5,
            Self::Reference(..) => 6,
        }
    }
}

/// A mark: something has to be looked at again. It is cleared only if nobody has set it anew since it
/// was read, which the sequence tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dirty {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// What.
    pub subject: Subject,
    /// When it was set: marks are numbered.
    pub sequence: u64,
    /// For what takes several batches: the key behind which to go on.
    pub position: Option<Key>,
}

impl Dirty {
    /// Along this index: marks in the order in which they are worked off.
    pub const BY_SEQUENCE: usize = 0;

    /// The prefix, along [`Dirty::BY_SEQUENCE`], of the marks of the same kind as `example`.
    #[must_use]
    pub fn of_kind(configuration: ConfigurationId, example: &Subject) -> Key {
        Key::empty().with(configuration).with(example.kind())
    }
}

#[derive(Deserialize, Serialize)]
struct DirtyBody {
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<String>,
}

impl Record for Dirty {
    const TABLE: &'static Table = &DIRTY;
    type Id = (ConfigurationId, Subject);

    fn key_of((configuration, subject): &Self::Id) -> Key {
        let key = Key::empty().with(*configuration).with(subject.kind());
        match subject {
            Subject::Subtree(guid)
            | Subject::Members(guid)
            | Subject::Group(guid)
            | Subject::Object(guid)
            | Subject::From(guid)
            | Subject::To(guid) => key.with(*guid),
            Subject::Reference(source, attribute, target) => {
                key.with(*source).with(attribute.as_str()).with(*target)
            }
        }
    }

    fn key(&self) -> Key {
        Self::key_of(&(self.configuration, self.subject.clone()))
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        vec![Some(
            Self::of_kind(self.configuration, &self.subject).with(self.sequence),
        )]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let position = self
            .position
            .as_ref()
            .map(|key| STANDARD.encode(key.as_bytes()));
        to_json(
            Self::TABLE,
            &DirtyBody {
                sequence: self.sequence,
                position,
            },
        )
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let error = || bad_key(Self::TABLE, key);
        let mut parts = key.reader();
        let configuration = parts.guid().ok_or_else(error)?;
        let kind = parts.byte().ok_or_else(error)?;
        let guid = parts.guid().ok_or_else(error)?;
        let subject = match kind {
            0 => Subject::Subtree(guid),
            1 => Subject::Members(guid),
            2 => Subject::Group(guid),
            3 => Subject::Object(guid),
            4 => Subject::From(guid),
            5 => Subject::To(guid),
            6 => {
                let attribute = parts.text().ok_or_else(error)?;
                Subject::Reference(guid, attribute, parts.guid().ok_or_else(error)?)
            }
            _ => return Err(error()),
        };
        let body: DirtyBody = from_json(Self::TABLE, body)?;
        let position = body.position.and_then(|text| STANDARD.decode(text).ok());
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            subject,
            sequence: body.sequence,
            position: position.map(Key::from_bytes),
        })
    }
}

/// A group that belongs to the scope because a group of the scope has it as a member, however deep. The
/// groups that the configuration names have no rows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NestedScopeGroup {
    /// Whose connector space.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The group.
    #[serde(with = "super::text")]
    pub group: Guid,
}

json_record!(
    NestedScopeGroup,
    &SCOPE_GROUPS,
    id(ConfigurationId, Guid),
    |&(configuration, group)| Key::empty().with(configuration).with(group),
    |own| (own.configuration, own.group)
);

/// What an object of a connector space became.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// The remembered result.
    pub link: Link,
}

impl Joined {
    /// Along this index: links by the directory's object.
    pub const BY_OBJECT: usize = 0;
}

/// A property value in a body.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PropertyBody {
    #[serde(rename = "b")]
    Boolean(bool),
    #[serde(rename = "i")]
    Integer(i64),
    #[serde(rename = "x")]
    Binary(String),
    #[serde(rename = "t")]
    Timestamp(i64),
    #[serde(untagged)]
    Text(String),
    #[serde(untagged)]
    TextList(Vec<String>),
}

#[derive(Deserialize, Serialize)]
struct LinkBody {
    #[serde(with = "super::text")]
    object: ObjectId,
    #[serde(with = "super::text")]
    anchor: SourceAnchor,
    applied: BTreeMap<String, PropertyBody>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

pub(super) fn property_body(value: &PropertyValue) -> PropertyBody {
    match value {
        PropertyValue::Boolean(value) => PropertyBody::Boolean(*value),
        PropertyValue::Integer(value) => PropertyBody::Integer(*value),
        PropertyValue::Text(text) => PropertyBody::Text(text.clone()),
        PropertyValue::TextList(texts) => PropertyBody::TextList(texts.clone()),
        PropertyValue::Binary(bytes) => PropertyBody::Binary(STANDARD.encode(bytes)),
        PropertyValue::Timestamp(time) => PropertyBody::Timestamp(time.as_millis()),
    }
}

pub(super) fn property_value(body: PropertyBody) -> Result<PropertyValue, StoreError> {
    Ok(match body {
        PropertyBody::Boolean(value) => PropertyValue::Boolean(value),
        PropertyBody::Integer(value) => PropertyValue::Integer(value),
        PropertyBody::Text(text) => PropertyValue::Text(text),
        PropertyBody::TextList(texts) => PropertyValue::TextList(texts),
        PropertyBody::Binary(base64) => {
            PropertyValue::Binary(STANDARD.decode(base64).map_err(|source| StoreError::Row {
                table: LINKS.name,
                source: source.into(),
            })?)
        }
        PropertyBody::Timestamp(millis) => PropertyValue::Timestamp(Timestamp::from_millis(millis)),
    })
}

impl Record for Joined {
    const TABLE: &'static Table = &LINKS;
    type Id = (ConfigurationId, Guid);

    fn key_of(&(configuration, guid): &Self::Id) -> Key {
        Key::empty().with(configuration).with(guid)
    }

    fn key(&self) -> Key {
        Self::key_of(&(self.configuration, self.link.guid))
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        vec![Some(Key::empty().with(self.link.object))]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let applied = self.link.applied.iter();
        to_json(
            Self::TABLE,
            &LinkBody {
                object: self.link.object,
                anchor: self.link.anchor.clone(),
                applied: applied
                    .map(|(name, v)| (name.clone(), property_body(v)))
                    .collect(),
                deleted: self.link.deleted,
            },
        )
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(configuration), Some(guid)) = (parts.guid(), parts.guid()) else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: LinkBody = from_json(Self::TABLE, body)?;
        let applied = body
            .applied
            .into_iter()
            .map(|(name, v)| Ok((name, property_value(v)?)));
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            link: Link {
                guid,
                object: body.object,
                anchor: body.anchor,
                applied: applied.collect::<Result<_, StoreError>>()?,
                deleted: body.deleted,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<R: Record + std::fmt::Debug + PartialEq>(record: &R) {
        let read = R::decode(&record.key(), &record.encode().unwrap()).unwrap();
        assert_eq!(&read, record);
        assert!(record.indexes().len() <= R::TABLE.indexes.len());
    }

    #[test]
    fn rows_read_back_as_they_were_written() {
        let configuration = ConfigurationId::new(Guid::from_bytes([1; 16]));
        let guid = Guid::from_bytes([2; 16]);
        let mut object = StagedObject::new(guid, 3);
        object.rdn = Some(Rdn {
            attribute: "CN".into(),
            value: "Zoë, \"x\"".into(),
        });
        object.class = Some(ObjectClass::Group);
        object.sid = "S-1-5-21-1-2-3-4".parse().ok();
        object.state = RowState::Complete { read_set: 9 };
        object.merge(
            [(
                AttributeName::new("cn"),
                vec![Value::from("x"), Value::new(vec![0xff])],
            )]
            .into(),
            true,
        );
        round_trip(&Staged {
            configuration,
            object,
        });
        for subject in [
            Subject::Subtree(guid),
            Subject::Members(guid),
            Subject::Group(guid),
            Subject::Object(guid),
            Subject::Reference(guid, "member".into(), guid),
        ] {
            let position = Some(Key::empty().with("x"));
            round_trip(&Dirty {
                configuration,
                subject,
                sequence: 7,
                position,
            });
        }
        let attribute = "member".to_owned();
        round_trip(&StagedReference {
            configuration,
            source: guid,
            attribute,
            target: guid,
            reading: 4,
        });
        let applied = [
            ("a", PropertyValue::Boolean(true)),
            ("b", PropertyValue::Integer(-4)),
            ("c", PropertyValue::Text("x".into())),
            ("d", PropertyValue::TextList(vec!["x".into()])),
            ("e", PropertyValue::Binary(vec![1, 2])),
            ("f", PropertyValue::Timestamp(Timestamp::from_millis(5))),
        ];
        let link = Link {
            guid,
            object: ObjectId::new(guid),
            anchor: SourceAnchor::from_object_guid(guid),
            applied: applied
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v))
                .collect(),
            deleted: true,
        };
        round_trip(&Joined {
            configuration,
            link,
        });
    }
}
