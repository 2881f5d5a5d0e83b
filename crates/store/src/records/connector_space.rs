//! The connector space of every configuration: objects, references between them, what has to be looked
//! at again, and what each object became.

use super::compact::{Contents, Id, from_body, to_body};
use super::{bad_key, json_record};
use crate::{Key, Layout, Record, StoreError, Table};
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::{ObjectClass, Presence, RowState, StagedObject, Word};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, Rdn, Sid, SourceAnchor, Timestamp};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[
    &OBJECTS,
    &REFERENCES,
    &UNRESOLVED,
    &UNTOLD,
    &DIRTY,
    &LINKS,
    &SCOPE_GROUPS,
    &CLAIMS,
    &DOUBTS,
    &FOREIGN_PRINCIPALS,
];

static OBJECTS: Table = Table {
    name: "connector_space_objects",
    indexes: &["by_parent", "by_unread", "by_missing"],
    layout: Layout::Arrival,
};
static UNRESOLVED: Table = Table {
    name: "unresolved_references",
    indexes: &[],
    layout: Layout::Key,
};
static UNTOLD: Table = Table {
    name: "untold_references",
    indexes: &[],
    layout: Layout::Key,
};
static REFERENCES: Table = Table {
    name: "connector_space_references",
    indexes: &["by_target"],
    layout: Layout::Key,
};
static DIRTY: Table = Table {
    name: "dirty",
    indexes: &[],
    layout: Layout::Key,
};
static SCOPE_GROUPS: Table = Table {
    name: "scope_groups",
    indexes: &[],
    layout: Layout::Key,
};
static CLAIMS: Table = Table {
    name: "claims",
    indexes: &[],
    layout: Layout::Key,
};
static DOUBTS: Table = Table {
    name: "doubts",
    indexes: &[],
    layout: Layout::Key,
};
static FOREIGN_PRINCIPALS: Table = Table {
    name: "foreign_principals",
    indexes: &["by_sid"],
    layout: Layout::Key,
};
static LINKS: Table = Table {
    name: "links",
    indexes: &["by_object", "by_deleted"],
    layout: Layout::Key,
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
    /// Along this index: objects that a full import has not seen, those first of which nobody has said anything.
    pub const BY_MISSING: usize = 2;

    /// The prefix, along [`Staged::BY_MISSING`], of missing objects of which this has been said.
    #[must_use]
    pub fn missing(configuration: ConfigurationId, word: Option<Word>) -> Key {
        let word: u8 = match word {
            None => 0,
            Some(Word::Gone) => 1,
            Some(Word::Stays) => 2,
        };
        Key::empty().with(configuration).with(word)
    }
}

#[derive(Decode, Encode)]
struct StagedBody<'a> {
    #[n(0)]
    presence: PresenceBody,
    #[n(1)]
    state: StateBody,
    #[n(2)]
    version: u64,
    #[b(3)]
    class: Option<&'a str>,
    #[n(4)]
    parent: Option<Id>,
    #[b(5)]
    rdn: Option<(&'a str, &'a str)>,
    #[n(6)]
    sid: Option<ByteVec>,
    #[n(7)]
    primary_group: Option<u32>,
    #[b(8)]
    attributes: Contents<'a>,
    #[n(9)]
    moved_away: Option<bool>,
}

#[derive(Decode, Encode)]
enum StateBody {
    #[n(0)]
    PlaceOnly,
    #[n(1)]
    Unread,
    #[n(2)]
    Complete(#[n(0)] u64),
}

#[derive(Decode, Encode)]
enum PresenceBody {
    #[n(0)]
    Alive(#[n(0)] u64),
    #[n(1)]
    Missing(#[n(0)] i64, #[n(1)] Option<WordBody>),
    #[n(2)]
    Deleted,
}

#[derive(Clone, Copy, Decode, Encode)]
enum WordBody {
    #[n(0)]
    Gone,
    #[n(1)]
    Stays,
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
        let object = &self.object;
        // Whoever is missing was asked for; who is deleted is asked for once more before that is acted on.
        let waits = object.state == RowState::Unread
            && !matches!(object.presence, Presence::Missing { .. });
        let is_asked_for = object.moved_away && object.presence != Presence::Deleted;
        let missing = match object.presence {
            Presence::Missing { word, .. } => Some(Self::missing(self.configuration, word)),
            Presence::Alive { .. } | Presence::Deleted => None,
        };
        vec![
            object.parent.map(|parent| own().with(parent)),
            (waits || is_asked_for).then(own),
            missing,
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let object = &self.object;
        let body = StagedBody {
            presence: match object.presence {
                Presence::Alive { epoch } => PresenceBody::Alive(epoch),
                Presence::Missing { since, word } => PresenceBody::Missing(
                    since.as_millis(),
                    word.map(|word| match word {
                        Word::Gone => WordBody::Gone,
                        Word::Stays => WordBody::Stays,
                    }),
                ),
                Presence::Deleted => PresenceBody::Deleted,
            },
            state: match object.state {
                RowState::PlaceOnly => StateBody::PlaceOnly,
                RowState::Unread => StateBody::Unread,
                RowState::Complete { read_set } => StateBody::Complete(read_set),
            },
            version: object.version,
            class: object.class.map(ObjectClass::name),
            parent: object.parent.map(Id),
            rdn: object
                .rdn
                .as_ref()
                .map(|rdn| (rdn.attribute.as_str(), rdn.value.as_str())),
            sid: object.sid.as_ref().map(|sid| sid.to_wire().into()),
            primary_group: object.primary_group,
            attributes: Contents(Cow::Borrowed(&object.attributes)),
            moved_away: object.moved_away.then_some(true),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(configuration), Some(guid)) = (parts.guid(), parts.guid()) else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: StagedBody<'_> = from_body(Self::TABLE, body)?;
        let sid = body.sid.as_ref().map(|sid| Sid::from_wire(sid));
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            object: StagedObject {
                guid,
                class: body.class.map(ObjectClass::from_name),
                parent: body.parent.map(|Id(parent)| parent),
                rdn: body.rdn.map(|(attribute, value)| Rdn {
                    attribute: attribute.to_owned(),
                    value: value.to_owned(),
                }),
                sid: sid.transpose().map_err(|source| StoreError::Row {
                    table: OBJECTS.name,
                    source: source.into(),
                })?,
                primary_group: body.primary_group,
                state: match body.state {
                    StateBody::PlaceOnly => RowState::PlaceOnly,
                    StateBody::Unread => RowState::Unread,
                    StateBody::Complete(read_set) => RowState::Complete { read_set },
                },
                presence: match body.presence {
                    PresenceBody::Alive(epoch) => Presence::Alive { epoch },
                    PresenceBody::Missing(since, word) => Presence::Missing {
                        since: Timestamp::from_millis(since),
                        word: word.map(|word| match word {
                            WordBody::Gone => Word::Gone,
                            WordBody::Stays => Word::Stays,
                        }),
                    },
                    PresenceBody::Deleted => Presence::Deleted,
                },
                moved_away: body.moved_away == Some(true),
                attributes: body.attributes.0.into_owned(),
                version: body.version,
            },
        })
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

    /// The place of the reference with this key along [`StagedReference::BY_TARGET`].
    #[must_use]
    pub fn place_of(key: Key) -> Option<(Key, Key)> {
        let mut parts = key.reader();
        let configuration = ConfigurationId::new(parts.guid()?);
        let (source, attribute, target) = (parts.guid()?, parts.text()?, parts.guid()?);
        let place = Self::to(configuration, target);
        Some((place.with(attribute.as_str()).with(source), key))
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

#[derive(Decode, Encode)]
struct ReferenceBody {
    #[n(0)]
    reading: u64,
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
        let body = ReferenceBody {
            reading: self.reading,
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.guid(), parts.guid(), parts.text(), parts.guid());
        let (Some(configuration), Some(source), Some(attribute), Some(target)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        let configuration = ConfigurationId::new(configuration);
        let body: ReferenceBody = from_body(Self::TABLE, body)?;
        Ok(Self {
            configuration,
            source,
            attribute,
            target,
            reading: body.reading,
        })
    }
}

/// A reference of a provisioned object to one that is not provisioned: the directory goes without it. The log has
/// told of it, unless there were too many at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnresolvedReference {
    /// The reference: configuration, source, attribute in lower case, target.
    pub id: (ConfigurationId, Guid, String, Guid),
    /// Since when, in milliseconds since 1970.
    pub since: i64,
}

#[derive(Decode, Encode)]
struct UnresolvedBody {
    #[n(0)]
    since: i64,
}

impl Record for UnresolvedReference {
    const TABLE: &'static Table = &UNRESOLVED;
    type Id = (ConfigurationId, Guid, String, Guid);

    fn key_of(id: &Self::Id) -> Key {
        StagedReference::key_of(id)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.id)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        Vec::new()
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let body = UnresolvedBody { since: self.since };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.guid(), parts.guid(), parts.text(), parts.guid());
        let (Some(configuration), Some(source), Some(attribute), Some(target)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: UnresolvedBody = from_body(Self::TABLE, body)?;
        Ok(Self {
            id: (
                ConfigurationId::new(configuration),
                source,
                attribute,
                target,
            ),
            since: body.since,
        })
    }
}

/// References of one object that began to lead nowhere in a cycle that still goes on. The log tells of them at its
/// end, if it is so then: whoever they lead to may be read in a later round.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UntoldReferences {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object that refers.
    #[serde(with = "super::text")]
    pub source: Guid,
    /// The attribute in lower case.
    pub attribute: String,
    /// When the first of them was found, in milliseconds since 1970: what is older was told.
    pub since: i64,
}

json_record!(
    UntoldReferences,
    &UNTOLD,
    id(ConfigurationId, Guid, String),
    |(configuration, source, attribute)| StagedReference::of(*configuration, *source, attribute),
    |own| (own.configuration, own.source, own.attribute.clone())
);

/// What has to be looked at again.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// Everything below a container: expanded into marks of what lies in it, in batches.
    Subtree(Guid),
    /// Every member of a group of the scope: expanded into marks, in batches.
    Members(Guid),
    /// Whether a group belongs to the scope by way of other groups.
    Group(Guid),
    /// One object.
    Object(Guid),
    /// All references from and to an object that was deleted.
    Gone(Guid),
    /// All references from an object.
    From(Guid),
    /// What only the directory has of the references from an object.
    Strangers(Guid),
    /// All references to an object.
    To(Guid),
    /// One reference: source, attribute, target.
    Reference(Guid, String, Guid),
}

/// The kinds of [`Subject`], in the order in which marks are worked off.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SubjectKind {
    /// [`Subject::Subtree`]
    Subtree,
    /// [`Subject::Members`]: who belongs to the scope by way of groups is settled before any object is decided.
    Members,
    /// [`Subject::Group`]
    Group,
    /// [`Subject::Object`]
    Object,
    /// [`Subject::Gone`]
    Gone,
    /// [`Subject::From`]
    From,
    /// [`Subject::Strangers`]
    Strangers,
    /// [`Subject::To`]
    To,
    /// [`Subject::Reference`]
    Reference,
}

impl Subject {
    /// Of which kind it is.
    #[must_use]
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Subtree(_) => SubjectKind::Subtree,
            Self::Members(_) => SubjectKind::Members,
            Self::Group(_) => SubjectKind::Group,
            Self::Object(_) => SubjectKind::Object,
            Self::Gone(_) => SubjectKind::Gone,
            Self::From(_) => SubjectKind::From,
            Self::Strangers(_) => SubjectKind::Strangers,
            Self::To(_) => SubjectKind::To,
            Self::Reference(..) => SubjectKind::Reference,
        }
    }

    /// The object that it is about; of a reference the one that has it.
    #[must_use]
    pub const fn guid(&self) -> Guid {
        match self {
            Self::Subtree(guid)
            | Self::Members(guid)
            | Self::Group(guid)
            | Self::Object(guid)
            | Self::Gone(guid)
            | Self::From(guid)
            | Self::Strangers(guid)
            | Self::To(guid)
            | Self::Reference(guid, ..) => *guid,
        }
    }
}

impl SubjectKind {
    const ALL: [Self; 9] = [
        Self::Subtree,
        Self::Members,
        Self::Group,
        Self::Object,
        Self::Gone,
        Self::From,
        Self::Strangers,
        Self::To,
        Self::Reference,
    ];

    const fn byte(self) -> u8 {
        match self {
            Self::Subtree => 0,
            Self::Members => 1,
            Self::Group => 2,
            Self::Object => 3,
            Self::Gone => 4,
            Self::From => 5,
            Self::Strangers => 6,
            Self::To => 7,
            Self::Reference => 8,
        }
    }

    /// The subject of this kind; none for a reference, which is more than a GUID.
    const fn of(self, guid: Guid) -> Option<Subject> {
        Some(match self {
            Self::Subtree => Subject::Subtree(guid),
            Self::Members => Subject::Members(guid),
            Self::Group => Subject::Group(guid),
            Self::Object => Subject::Object(guid),
            Self::Gone => Subject::Gone(guid),
            Self::From => Subject::From(guid),
            Self::Strangers => Subject::Strangers(guid),
            Self::To => Subject::To(guid),
            Self::Reference => return None,
        })
    }
}

/// A mark: subjects of one kind that have to be looked at again, as many as one request or batch named.
///
/// Marks are numbered and worked off in that order. Who works one off takes it away in the transaction in
/// which it reads what it then decides on; what changes later makes a mark of its own. So a mark is never
/// lost, and a subject may stand in several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dirty {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// Of which kind the subjects are.
    pub kind: SubjectKind,
    /// Its number.
    pub number: u64,
    /// What.
    pub subjects: Vec<Subject>,
    /// Where the first subject takes several batches: the key behind which to go on.
    pub position: Option<Key>,
}

impl Dirty {
    /// The prefix of the marks of a kind, which come in the order of their numbers.
    #[must_use]
    pub fn of_kind(configuration: ConfigurationId, kind: SubjectKind) -> Key {
        Key::empty().with(configuration).with(kind.byte())
    }

    /// What names this mark.
    #[must_use]
    pub const fn id(&self) -> <Self as Record>::Id {
        (self.configuration, self.kind, self.number)
    }
}

#[derive(Decode, Encode)]
struct DirtyBody<'a> {
    /// GUIDs one behind the other; of references, source and target.
    #[cbor(b(0), with = "minicbor::bytes")]
    guids: Cow<'a, [u8]>,
    #[b(1)]
    attributes: Option<Vec<&'a str>>,
    #[n(2)]
    position: Option<ByteVec>,
}

impl Record for Dirty {
    const TABLE: &'static Table = &DIRTY;
    type Id = (ConfigurationId, SubjectKind, u64);

    fn key_of(&(configuration, kind, number): &Self::Id) -> Key {
        Self::of_kind(configuration, kind).with(number)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.id())
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let mut guids = Vec::with_capacity(self.subjects.len() * 16);
        let mut attributes = Vec::new();
        for subject in &self.subjects {
            guids.extend_from_slice(subject.guid().as_bytes());
            if let Subject::Reference(_, attribute, target) = subject {
                guids.extend_from_slice(target.as_bytes());
                attributes.push(attribute.as_str());
            }
        }
        let body = DirtyBody {
            guids: Cow::Owned(guids),
            attributes: Some(attributes).filter(|attributes| !attributes.is_empty()),
            position: self
                .position
                .as_ref()
                .map(|key| key.as_bytes().to_vec().into()),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let parts = (parts.guid(), parts.byte(), parts.number());
        let (Some(configuration), Some(kind), Some(number)) = parts else {
            return Err(bad_key(Self::TABLE, key));
        };
        let kind = SubjectKind::ALL.into_iter().find(|k| k.byte() == kind);
        let kind = kind.ok_or_else(|| bad_key(Self::TABLE, key))?;
        let body: DirtyBody<'_> = from_body(Self::TABLE, body)?;
        let (guids, _) = body.guids.as_chunks::<16>();
        let guids: Vec<Guid> = guids.iter().map(|bytes| Guid::from_bytes(*bytes)).collect();
        let subjects = match kind {
            SubjectKind::Reference => {
                let ends = guids.as_chunks::<2>().0.iter();
                let names = body.attributes.unwrap_or_default();
                ends.zip(names)
                    .map(|([source, target], name)| {
                        Subject::Reference(*source, name.to_owned(), *target)
                    })
                    .collect()
            }
            kind => guids.into_iter().filter_map(|guid| kind.of(guid)).collect(),
        };
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            kind,
            number,
            subjects,
            position: body.position.map(|key| Key::from_bytes(key.into())),
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

/// An object of AD that has an anchor under which another is provisioned. It has its turn when that one lets
/// go.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claim {
    /// The anchor.
    #[serde(with = "super::text")]
    pub anchor: SourceAnchor,
    /// Whose connector space the claimant is in.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The claimant.
    #[serde(with = "super::text")]
    pub guid: Guid,
}

impl Claim {
    /// The prefix of all claims of an anchor.
    #[must_use]
    pub fn of(anchor: &SourceAnchor) -> Key {
        Key::empty().with(anchor.to_string().as_str())
    }

    /// What names this claim.
    #[must_use]
    pub fn id(&self) -> <Self as Record>::Id {
        (self.anchor.clone(), self.configuration, self.guid)
    }
}

json_record!(
    Claim,
    &CLAIMS,
    id(SourceAnchor, ConfigurationId, Guid),
    |(anchor, configuration, guid)| Claim::of(anchor).with(*configuration).with(*guid),
    |own| own.id()
);

/// An attribute that has values in the connector space and was told of without any: it may be empty, or the
/// account must not read it. Until that is known it keeps its values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Doubtful {
    /// Whose connector space.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The object.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The attribute, in lower case.
    pub attribute: String,
}

impl Doubtful {
    /// What names this doubt.
    #[must_use]
    pub fn id(&self) -> <Self as Record>::Id {
        (self.configuration, self.guid, self.attribute.clone())
    }
}

json_record!(
    Doubtful,
    &DOUBTS,
    id(ConfigurationId, Guid, String),
    |(configuration, guid, attribute)| Key::empty()
        .with(*configuration)
        .with(*guid)
        .with(attribute.as_str()),
    |own| own.id()
);

/// An object of AD that stands for a principal of another forest, whose SID it bears: so a group has members
/// from elsewhere.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ForeignPrincipal {
    /// Whose connector space.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The object that stands for it.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// Whom it stands for.
    #[serde(with = "super::text")]
    pub sid: Sid,
}

impl ForeignPrincipal {
    /// Along this index: by SID, then by configuration.
    pub const BY_SID: usize = 0;

    /// The prefix, along [`ForeignPrincipal::BY_SID`], of all that stand for a SID in a connector space.
    #[must_use]
    pub fn of(sid: &Sid, configuration: ConfigurationId) -> Key {
        Key::empty()
            .with(sid.to_string().as_str())
            .with(configuration)
    }
}

json_record!(
    ForeignPrincipal,
    &FOREIGN_PRINCIPALS,
    id(ConfigurationId, Guid),
    |&(configuration, guid)| Key::empty().with(configuration).with(guid),
    |own| (own.configuration, own.guid),
    indexes | own | vec![Some(ForeignPrincipal::of(&own.sid, own.configuration))]
);

/// What an object of a connector space became: the remembered result of matching, as it is stored.
///
/// What was last applied to it is not repeated here: it is what the directory's object wants. Both together are the
/// engine's link. What one object of AD has to do with another there, is a [`StagedReference`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkRow {
    /// Whose connector space.
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD.
    pub guid: Guid,
    /// The object in the cloud directory.
    pub object: ObjectId,
    /// As what it was provisioned.
    pub kind: MappedKind,
    /// The anchor under which it was joined. It never changes under an object.
    pub anchor: SourceAnchor,
    /// It was deleted in the cloud directory because it left the scope or AD; the row stays so that the
    /// same object comes back.
    pub deleted: bool,
}

impl LinkRow {
    /// Along this index: links by the directory's object.
    pub const BY_OBJECT: usize = 0;
    /// Along this index: links of objects that were deleted in the cloud directory, by configuration.
    pub const BY_DELETED: usize = 1;
}

#[derive(Decode, Encode)]
struct LinkBody<'a> {
    #[n(0)]
    object: Id,
    #[n(1)]
    kind: u8,
    #[n(2)]
    deleted: bool,
    /// Only where it is not that of the objectGUID.
    #[b(3)]
    anchor: Option<Cow<'a, str>>,
}

impl Record for LinkRow {
    const TABLE: &'static Table = &LINKS;
    type Id = (ConfigurationId, Guid);

    fn key_of(&(configuration, guid): &Self::Id) -> Key {
        Key::empty().with(configuration).with(guid)
    }

    fn key(&self) -> Key {
        Self::key_of(&(self.configuration, self.guid))
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let deleted = || Key::empty().with(self.configuration);
        vec![
            Some(Key::empty().with(self.object)),
            self.deleted.then(deleted),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let usual = self.anchor.guid() == Some(self.guid);
        let body = LinkBody {
            object: Id(self.object.guid()),
            kind: match self.kind {
                MappedKind::User => 0,
                MappedKind::Group => 1,
                MappedKind::Contact => 2,
            },
            deleted: self.deleted,
            anchor: (!usual).then(|| self.anchor.to_string().into()),
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let mut parts = key.reader();
        let (Some(configuration), Some(guid)) = (parts.guid(), parts.guid()) else {
            return Err(bad_key(Self::TABLE, key));
        };
        let body: LinkBody<'_> = from_body(Self::TABLE, body)?;
        let anchor = match body.anchor {
            None => SourceAnchor::from_object_guid(guid),
            Some(text) => text.parse().map_err(|source| StoreError::Row {
                table: LINKS.name,
                source: Box::new(source),
            })?,
        };
        Ok(Self {
            configuration: ConfigurationId::new(configuration),
            guid,
            object: ObjectId::new(body.object.0),
            kind: match body.kind {
                0 => MappedKind::User,
                1 => MappedKind::Group,
                2 => MappedKind::Contact,
                _ => return Err(bad_key(Self::TABLE, key)),
            },
            anchor,
            deleted: body.deleted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::{AttributeName, Value};

    fn round_trip<R: Record + std::fmt::Debug + PartialEq>(record: &R) {
        let read = R::decode(&record.key(), &record.encode().unwrap()).unwrap();
        assert_eq!(&read, record);
        assert!(record.indexes().len() <= R::TABLE.indexes.len());
    }

    #[test]
    fn what_was_said_of_a_missing_object_is_kept_and_a_row_of_before_reads_as_nothing_said() {
        #[derive(Encode)]
        enum Before {
            #[n(1)]
            Missing(#[n(0)] i64),
        }
        let mut object = StagedObject::new(Guid::from_bytes([2; 16]), 3);
        for word in [None, Some(Word::Gone), Some(Word::Stays)] {
            object.presence = Presence::Missing {
                since: Timestamp::from_millis(5),
                word,
            };
            round_trip(&Staged {
                configuration: ConfigurationId::new(Guid::from_bytes([1; 16])),
                object: object.clone(),
            });
        }
        let before = minicbor::to_vec(Before::Missing(5)).unwrap();
        let read: PresenceBody = minicbor::decode(&before).unwrap();
        assert!(matches!(read, PresenceBody::Missing(5, None)));
    }

    #[test]
    fn who_is_said_to_have_moved_away_or_is_asked_for_again_waits_until_it_is_known() {
        let guid = Guid::from_bytes([2; 16]);
        let mut row = Staged {
            configuration: ConfigurationId::new(Guid::from_bytes([1; 16])),
            object: StagedObject::new(guid, 3),
        };
        let waits = |row: &Staged| row.indexes()[Staged::BY_UNREAD].is_some();
        assert!(!waits(&row));
        row.object.moved_away = true;
        round_trip(&row);
        assert!(waits(&row));
        row.object.presence = Presence::Missing {
            since: Timestamp::from_millis(5),
            word: None,
        };
        assert!(waits(&row));
        row.object.presence = Presence::Deleted;
        round_trip(&row);
        assert!(!waits(&row));
        // Before what was read of it is acted on.
        row.object.state = RowState::Unread;
        assert!(waits(&row));
    }

    #[test]
    fn rows_of_those_who_stay_are_what_they_were_before_there_was_moving_away() {
        #[derive(Encode)]
        struct Before<'a> {
            #[n(0)]
            presence: PresenceBody,
            #[n(1)]
            state: StateBody,
            #[n(2)]
            version: u64,
            #[b(3)]
            class: Option<&'a str>,
            #[n(4)]
            parent: Option<Id>,
            #[b(5)]
            rdn: Option<(&'a str, &'a str)>,
            #[n(6)]
            sid: Option<ByteVec>,
            #[n(7)]
            primary_group: Option<u32>,
            #[b(8)]
            attributes: Contents<'a>,
        }
        let row = Staged {
            configuration: ConfigurationId::new(Guid::from_bytes([1; 16])),
            object: StagedObject::new(Guid::from_bytes([2; 16]), 3),
        };
        let before = minicbor::to_vec(Before {
            presence: PresenceBody::Alive(3),
            state: StateBody::PlaceOnly,
            version: 0,
            class: None,
            parent: None,
            rdn: None,
            sid: None,
            primary_group: None,
            attributes: Contents(Cow::Borrowed(&row.object.attributes)),
        })
        .unwrap();
        assert_eq!(row.encode().unwrap(), before);
        assert_eq!(Staged::decode(&row.key(), &before).unwrap(), row);
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
        for subjects in [
            vec![Subject::Subtree(guid)],
            vec![Subject::Object(guid), Subject::Object(Guid::NIL)],
            vec![
                Subject::Reference(guid, "member".into(), Guid::NIL),
                Subject::Reference(guid, "manager".into(), guid),
            ],
        ] {
            let position = Some(Key::empty().with("x"));
            round_trip(&Dirty {
                configuration,
                kind: subjects[0].kind(),
                number: 7,
                subjects,
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
        for anchor in [guid, Guid::NIL] {
            round_trip(&LinkRow {
                configuration,
                guid,
                object: ObjectId::new(guid),
                kind: MappedKind::Group,
                anchor: SourceAnchor::from_object_guid(anchor),
                deleted: true,
            });
        }
    }
}
