//! What is set aside: objects that failed, changes that a limit holds, and what has to be told.

use super::job::HeldVerdict;
use super::json_record;
use crate::{Key, Layout, Table};
use lockstep_model::ids::{ConfigurationId, CycleId, ObjectId};
use lockstep_model::{Guid, MappedKind};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&ESCROWS, &OBSTACLES, &HELD_CHANGES, &NOTICES];

static ESCROWS: Table = Table {
    name: "escrows",
    indexes: &["by_due"],
    layout: Layout::Arrival,
};
static OBSTACLES: Table = Table {
    name: "obstacles",
    indexes: &[],
    layout: Layout::Key,
};
static HELD_CHANGES: Table = Table {
    name: "held_changes",
    indexes: &["by_verdict"],
    layout: Layout::Arrival,
};
static NOTICES: Table = Table {
    name: "notices",
    indexes: &["by_due"],
    layout: Layout::Arrival,
};

/// An object that failed: what was wanted, what came of it, and when it is tried again. Never a request to
/// replay: it is decided anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Escrow {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The object in the cloud directory, if there is one already.
    #[serde(with = "super::text::option", default)]
    pub object: Option<ObjectId>,
    /// How people know it.
    pub name: String,
    /// Its kind; none: it is of no kind that is provisioned, or of a class that is not known.
    #[serde(with = "super::kind")]
    pub kind: Option<MappedKind>,
    /// What was to be done, as JSON; hidden values are hidden here too.
    pub request: String,
    /// The stable name of the reason.
    pub code: String,
    /// What was known of the object in the connector space when it failed, as a digest: another one is another
    /// failure.
    pub content: String,
    /// What came of it, in words.
    pub answer: String,
    /// The cycle in which it failed last: within one it counts once.
    #[serde(with = "super::text")]
    pub cycle: CycleId,
    /// When it failed first, in milliseconds since 1970.
    pub first: i64,
    /// When it failed last.
    pub last: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again; none: when it changes, or what stands in its way.
    pub next: Option<i64>,
    /// The object of the cloud directory that stands in its way: there is an [`Obstacle`] for it.
    #[serde(with = "super::text::option", default)]
    pub obstacle: Option<ObjectId>,
}

impl Escrow {
    /// Along this index: by configuration and the time of the next attempt.
    pub const BY_DUE: usize = 0;
}

json_record!(
    Escrow,
    &ESCROWS,
    id(ConfigurationId, Guid),
    |&(configuration, guid)| Key::empty().with(configuration).with(guid),
    |own| (own.configuration, own.guid),
    indexes
        | own
        | vec![own.next.map(|next| {
            let next = u64::try_from(next).unwrap_or(0);
            Key::empty().with(own.configuration).with(next)
        })]
);

/// An object of the cloud directory that stands in the way of an object of AD that failed: when it changes, that
/// one is tried again. A row that is left behind says nothing: what an [`Escrow`] names counts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Obstacle {
    /// What stands in the way.
    #[serde(with = "super::text")]
    pub object: ObjectId,
    /// Whose connector space has the object that failed.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object that failed.
    #[serde(with = "super::text")]
    pub guid: Guid,
}

impl Obstacle {
    /// The prefix of everything in whose way an object stands.
    #[must_use]
    pub fn of(object: ObjectId) -> Key {
        Key::empty().with(object)
    }

    /// What names it.
    #[must_use]
    pub const fn id(&self) -> (ObjectId, ConfigurationId, Guid) {
        (self.object, self.configuration, self.guid)
    }
}

json_record!(
    Obstacle,
    &OBSTACLES,
    id(ObjectId, ConfigurationId, Guid),
    |&(object, configuration, guid)| Obstacle::of(object).with(configuration).with(guid),
    |own| own.id()
);

/// A change that a limit holds, or that waits until the changes of a cycle are counted: an update of an
/// object, or a member that would leave a group.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeldChange {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD; of a member's removal that of the group.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The object in the cloud directory.
    #[serde(with = "super::text")]
    pub object: ObjectId,
    /// The member that would leave; none: it is an update of the object.
    #[serde(with = "super::text::option", default)]
    pub member: Option<ObjectId>,
    /// How people know the object.
    pub name: String,
    /// How people know the member.
    #[serde(default)]
    pub member_name: String,
    /// Its kind; none: it is of no kind that is provisioned, or of a class that is not known.
    #[serde(with = "super::kind")]
    pub kind: Option<MappedKind>,
    /// What would be done, and why.
    pub reason: String,
    /// What exactly would be changed: an approval is good for that only.
    pub fingerprint: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// What the administrator said.
    pub verdict: HeldVerdict,
    /// The log says that it is held.
    #[serde(rename = "held")]
    pub told: bool,
    /// The limit was reached with it, whatever was to be changed then.
    #[serde(rename = "closed", default)]
    pub tripped: bool,
    /// Greater than that of everything that was staged in the configuration before.
    #[serde(default)]
    pub number: u64,
}

impl HeldChange {
    /// Along this index: by configuration and verdict.
    pub const BY_VERDICT: usize = 0;

    /// The prefix, along [`HeldChange::BY_VERDICT`], of the updates, or the removals of members, with this
    /// verdict.
    #[must_use]
    pub fn with(configuration: ConfigurationId, verdict: HeldVerdict, members: bool) -> Key {
        super::job::HeldDelete::with(configuration, verdict).with(u8::from(members))
    }

    /// The prefix of everything that is held of one object.
    #[must_use]
    pub fn of(configuration: ConfigurationId, object: ObjectId) -> Key {
        Key::empty().with(configuration).with(object)
    }

    /// Whether the limit was reached with it, and nobody has decided about it: what is held stays so for that long.
    #[must_use]
    pub fn keeps_closed(&self) -> bool {
        self.verdict == HeldVerdict::Open && (self.tripped || self.told)
    }

    /// What names it.
    #[must_use]
    pub const fn id(&self) -> (ConfigurationId, ObjectId, Option<ObjectId>) {
        (self.configuration, self.object, self.member)
    }
}

json_record!(
    HeldChange,
    &HELD_CHANGES,
    id(ConfigurationId, ObjectId, Option<ObjectId>),
    |&(configuration, object, member)| {
        let member = member.map_or(Guid::NIL, ObjectId::guid);
        HeldChange::of(configuration, object).with(member)
    },
    |own| own.id(),
    indexes
        | own
        | vec![Some(HeldChange::with(
            own.configuration,
            own.verdict,
            own.member.is_some()
        ))]
);

/// Something that administrators are told once, for as long as it lasts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notice {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The stable name of the reason.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// When it was last reminded of, in milliseconds since 1970; 0: never.
    #[serde(default)]
    pub reminded: i64,
    /// Where it is still to be told.
    pub open: Vec<Delivery>,
}

/// One way of telling.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Delivery {
    /// By which way.
    pub channel: Channel,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, in milliseconds since 1970.
    pub next: i64,
    /// Why it failed last.
    pub error: Option<String>,
}

/// A way of telling.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Channel {
    /// To the addresses of the configuration.
    Email,
    /// To the configuration's address on the web.
    Webhook,
}

impl Notice {
    /// Along this index: what is still to be told, by time.
    pub const BY_DUE: usize = 0;
}

json_record!(
    Notice,
    &NOTICES,
    id(ConfigurationId, String),
    |(configuration, code)| Key::empty().with(*configuration).with(code.as_str()),
    |own| (own.configuration, own.code.clone()),
    indexes | own | {
        let next = own.open.iter().map(|delivery| delivery.next).min();
        vec![next.map(|next| Key::empty().with(u64::try_from(next).unwrap_or(0)))]
    }
);
