//! Configurations, their jobs, and the instructions that jobs give to agents.

use super::history::JobHistory;
use super::json_record;
use crate::{Key, Layout, Table};
use lockstep_model::ids::{AgentId, ConfigurationId, CycleId, InstructionId, ObjectId};
use lockstep_model::{AttributeName, CycleKind, CycleState, Guid, MappedKind, Sid, Wake};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[
    &CONFIGURATIONS,
    &JOBS,
    &READ_SETS,
    &INSTRUCTIONS,
    &ORDERS,
    &CYCLES,
    &HELD,
];

static CONFIGURATIONS: Table = Table {
    name: "configurations",
    indexes: &["by_name", "by_domain"],
    layout: Layout::Arrival,
};
static JOBS: Table = Table {
    name: "jobs",
    indexes: &[],
    layout: Layout::Arrival,
};
static READ_SETS: Table = Table {
    name: "read_sets",
    indexes: &[],
    layout: Layout::Arrival,
};
static INSTRUCTIONS: Table = Table {
    name: "instructions",
    indexes: &["by_domain"],
    layout: Layout::Arrival,
};
static ORDERS: Table = Table {
    name: "orders",
    indexes: &[],
    layout: Layout::Arrival,
};
static CYCLES: Table = Table {
    name: "cycles",
    indexes: &["by_configuration"],
    layout: Layout::Arrival,
};
static HELD: Table = Table {
    name: "held_deletes",
    indexes: &["by_verdict"],
    layout: Layout::Arrival,
};

/// A configuration: what the administrator wants of one domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Configuration {
    /// Its id; the name may change.
    #[serde(with = "super::text")]
    pub id: ConfigurationId,
    /// Its name, unique.
    pub name: String,
    /// DNS name of the domain, in lower case.
    pub domain: String,
    /// The configuration as it was applied, as JSON.
    pub spec: String,
    /// Grows with every change; a plan names the version it was made from.
    pub version: u64,
    /// Subtrees that take part, by GUID, with the name that the administrator wrote; `None`: the whole
    /// domain.
    pub roots: Option<Vec<ScopeRoot>>,
    /// Subtrees that are left out.
    pub excluded: Vec<ScopeRoot>,
    /// Groups that take part with their members.
    #[serde(default)]
    pub groups: Vec<ScopeRoot>,
    /// No cycle by clock or by change.
    pub paused: bool,
    /// The connector space of a plan: it is not listed, has no cycles, and goes with the plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scratch: bool,
    /// The configuration that a plan is for, if there is one already.
    #[serde(
        with = "super::text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub stands_for: Option<ConfigurationId>,
    /// It is being deleted, and this is whose its objects are from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<Heir>,
    /// The service principal that bears the domain's name.
    #[serde(with = "super::text")]
    pub service_principal: ObjectId,
}

/// Whose the objects of a configuration are that is being deleted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Heir {
    /// Nobody in particular: they can be changed in the cloud, and whoever has the anchor goes on with them.
    Nobody,
    /// The cloud, for good.
    Cloud,
    /// This configuration, as far as it has them in its scope.
    Configuration(#[serde(with = "super::text")] ConfigurationId),
}

/// A container or group that the administrator named.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScopeRoot {
    /// objectGUID.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The distinguished name when the configuration was applied.
    pub dn: String,
}

impl Configuration {
    /// Along this index: configurations by name.
    pub const BY_NAME: usize = 0;
    /// Along this index: configurations by domain.
    pub const BY_DOMAIN: usize = 1;
}

json_record!(
    Configuration, &CONFIGURATIONS,
    id ConfigurationId, |id| Key::empty().with(*id), |own| own.id,
    indexes |own| {
        let listed = |key: &str| (!own.scratch).then(|| Key::empty().with(key));
        vec![listed(&own.name), listed(&own.domain)]
    }
);

/// How far the job of a configuration has come.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Job {
    /// Whose job.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// The number of the lease under which agents read now. Whoever has an older one writes nothing.
    pub lease: u64,
    /// The instruction that has the lease.
    #[serde(with = "super::text::option", default)]
    pub instruction: Option<InstructionId>,
    /// What random values of mappings are made from, in hex. Whoever knows it can guess them.
    #[serde(default)]
    pub seed: String,
    /// When values that change as time passes were last made, in milliseconds since 1970.
    #[serde(default)]
    pub swept: i64,
    /// An object that takes part wherever it lies, while it is provisioned on demand.
    #[serde(with = "super::text::option", default)]
    pub admitted: Option<Guid>,
    /// Counts full imports.
    pub epoch: u64,
    /// How its cycles went.
    #[serde(default)]
    pub history: JobHistory,
    /// Numbers marks, and what is staged.
    pub sequence: u64,
    /// The version of what is read of each object, which is a [`ReadSet`].
    pub read_set: u64,
    /// The position.
    pub watermark: Watermark,
    /// What is known of the domain.
    pub domain: Option<DomainFacts>,
    /// Every controller that has answered, by DNS name in lower case.
    pub controllers: BTreeMap<String, Controller>,
    /// Which controller answers under the present lease, by DNS name.
    #[serde(default)]
    pub reading_from: Option<String>,
    /// The cycle that runs.
    #[serde(with = "super::text::option", default)]
    pub cycle: Option<CycleId>,
    /// The newest cycle that has ended.
    #[serde(with = "super::text::option", default)]
    pub last_cycle: Option<CycleId>,
    /// How many cycles have succeeded.
    pub succeeded: u64,
    /// How many cycles were asked for by hand.
    pub requested: u64,
    /// Up to which of these requests a cycle has answered.
    pub served: u64,
    /// Whether the agent's account could see tombstones when it last began.
    pub tombstones_visible: bool,
    /// Whether the controller that answered last leaves out of changes what the account must not read.
    #[serde(default)]
    pub hides_values: bool,
    /// The guard has tripped: deletes are held until they are allowed or rejected.
    pub guard_tripped: bool,
    /// How far the reading of passwords has come.
    #[serde(default)]
    pub passwords: PasswordReading,
    /// The job is slowed down.
    #[serde(default)]
    pub quarantine: Option<QuarantineRow>,
    /// The limit on updates has tripped: they are held until they are allowed or rejected.
    #[serde(default)]
    pub updates_tripped: bool,
    /// The limit on members removed has tripped for some group.
    #[serde(default)]
    pub removals_tripped: bool,
    /// What was planned last, while nothing is applied.
    #[serde(default)]
    pub planned: Option<PlannedRow>,
}

/// What a cycle of a configuration in staging would have done, and what it was made from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PlannedRow {
    /// The number of the newest mark then.
    pub sequence: u64,
    /// The version of the configuration.
    pub version: u64,
    /// The counts.
    pub counts: Planned,
}

/// What would be done.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Planned {
    /// Objects made.
    pub creates: u64,
    /// Objects brought back.
    pub restores: u64,
    /// Objects changed.
    pub updates: u64,
    /// Objects deleted, held ones included.
    pub deletes: u64,
}

/// Why a job is slowed down, and how far.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct QuarantineRow {
    /// The reason's stable name.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The request that failed.
    pub request: String,
    /// Since when, for this reason, in milliseconds since 1970.
    pub since: i64,
    /// Since when, for whatever reason.
    pub series_since: i64,
    /// How many cycles were tried since then and were not clean.
    pub attempts: u32,
    /// When the last of them began; 0: the next one is not to wait.
    pub last: i64,
}

/// The reading of passwords, which has a position and leases of its own; those of the reading of objects stand in the
/// [`Job`] itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PasswordReading {
    /// The number of the lease under which agents replicate now.
    pub lease: u64,
    /// The instruction that has the lease.
    #[serde(with = "super::text::option", default)]
    pub instruction: Option<InstructionId>,
    /// The position as it travels, as JSON; none: everything is to be replicated.
    #[serde(default)]
    pub watermark: Option<String>,
    /// Which controller answers, or answered last, by DNS name.
    #[serde(default)]
    pub reading_from: Option<String>,
    /// The rules by which the rows of passwords were judged last.
    #[serde(default)]
    pub judged_by: Option<PasswordRulesRow>,
    /// Passwords could not be read in the last cycle that came so far.
    #[serde(default)]
    pub failing: Option<PasswordFailure>,
}

/// Passwords cannot be read, cycle after cycle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PasswordFailure {
    /// Why, the last time.
    pub error: CycleError,
    /// When the first of these cycles began, in milliseconds since 1970.
    pub since: i64,
    /// How many cycles it were.
    pub cycles: u64,
}

/// The rules of passwords.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PasswordRulesRow {
    /// Passwords that must be changed are taken over.
    pub force_change_at_logon: bool,
    /// Whose account has expired cannot sign in.
    pub follow_account_expiry: bool,
}

/// Which attributes are read for a configuration, under a version. They are many, and change seldom, so they are
/// no part of the job, which every request of an agent reads and writes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReadSet {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// Grows whenever a list grows.
    pub version: u64,
    /// Attributes of wanted objects.
    pub attributes: Vec<String>,
    /// Linked attributes: they name other objects.
    pub links: Vec<String>,
    /// Attributes that decide whether an object in place takes part.
    pub decision: Vec<String>,
    /// Those that the schema of the domain lacks, in lower case: what is mapped from them is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
}

impl ReadSet {
    /// The first one, by which nothing is read.
    #[must_use]
    pub const fn new(configuration: ConfigurationId) -> Self {
        Self {
            configuration,
            version: 0,
            attributes: Vec::new(),
            links: Vec::new(),
            decision: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// Whether an attribute is one of those that decide who takes part.
    #[must_use]
    pub fn decides(&self, name: &AttributeName) -> bool {
        self.decision
            .iter()
            .any(|decides| decides.eq_ignore_ascii_case(name.as_str()))
    }
}

json_record!(
    ReadSet, &READ_SETS,
    id ConfigurationId, |id| Key::empty().with(*id), |own| own.configuration
);

/// A job's position: which cookie, of which controller, as of when.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub enum Watermark {
    /// Nothing has been read, or everything is to be read anew.
    #[default]
    Start,
    /// A full import is under way: its last page's cookie.
    Paging(Cookie),
    /// A full import has read everything; what it did not see is being asked for.
    Sweeping {
        /// The last page's.
        #[serde(flatten)]
        cookie: Cookie,
        /// The GUID up to which has been looked.
        #[serde(with = "super::text")]
        position: Guid,
    },
    /// Everything up to the cookie is in the connector space.
    Current(Cookie),
}

/// A cookie, and where it comes from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cookie {
    /// In Base64.
    #[serde(rename = "cookie")]
    pub value: String,
    /// Who gave it, by DNS name.
    pub controller: String,
    /// When, in milliseconds since 1970.
    pub issued: i64,
    /// The same by the controller's clock, as far as it tells one: the service's may have been wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_clock: Option<i64>,
}

impl Watermark {
    /// From where reading goes on; none at the start.
    #[must_use]
    pub const fn cookie(&self) -> Option<&Cookie> {
        match self {
            Self::Start => None,
            Self::Paging(cookie) | Self::Sweeping { cookie, .. } | Self::Current(cookie) => {
                Some(cookie)
            }
        }
    }
}

/// What is known of a domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DomainFacts {
    /// objectGUID of the naming context's head.
    #[serde(with = "super::text")]
    pub naming_context: Guid,
    /// objectSid of the domain.
    #[serde(with = "super::text")]
    pub sid: Sid,
    /// NetBIOS name.
    pub netbios_name: String,
    /// DNS name of the forest.
    pub forest: String,
}

/// A controller as it was last seen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Controller {
    /// Its DNS name.
    pub dns_name: String,
    /// The invocation id of its database.
    #[serde(with = "super::text")]
    pub invocation_id: Guid,
    /// Its highestCommittedUSN.
    pub highest_usn: u64,
    /// An object by which a database that was set back is noticed, and its uSNChanged there.
    #[serde(default)]
    pub canary: Option<(String, u64)>,
    /// What its clock showed when it was last read from, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
}

impl Job {
    /// The job of a configuration that has not run yet.
    #[must_use]
    pub fn new(configuration: ConfigurationId) -> Self {
        Self {
            configuration,
            lease: 0,
            instruction: None,
            seed: String::new(),
            swept: 0,
            admitted: None,
            epoch: 0,
            history: JobHistory::default(),
            sequence: 0,
            read_set: 0,
            watermark: Watermark::Start,
            domain: None,
            controllers: BTreeMap::new(),
            reading_from: None,
            cycle: None,
            last_cycle: None,
            succeeded: 0,
            requested: 0,
            served: 0,
            tombstones_visible: true,
            hides_values: false,
            guard_tripped: false,
            passwords: PasswordReading::default(),
            quarantine: None,
            updates_tripped: false,
            removals_tripped: false,
            planned: None,
        }
    }
}

json_record!(
    Job, &JOBS,
    id ConfigurationId, |id| Key::empty().with(*id), |own| own.configuration
);

/// An instruction to an agent, until its outcome has been taken up.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct InstructionRow {
    /// Its id.
    #[serde(with = "super::text")]
    pub id: InstructionId,
    /// DNS name of the domain.
    pub domain: String,
    /// For which configuration; none for a question of the administration.
    #[serde(with = "super::text::option", default)]
    pub configuration: Option<ConfigurationId>,
    /// The lease under which it is carried out.
    pub lease: u64,
    /// How far it has come.
    pub state: InstructionState,
    /// Which run of the agent carries it out, from its start to its end.
    #[serde(default)]
    pub run: String,
    /// When it was given, in milliseconds since 1970.
    pub given: i64,
    /// When the agent was last heard of, in milliseconds since 1970.
    pub heard: i64,
    /// The greatest number among its requests so far: requests of an instruction are counted from 1.
    #[serde(default)]
    pub heard_number: u64,
    /// Requests with smaller numbers that were still without answer when that one was made.
    #[serde(default)]
    pub heard_open: Vec<u64>,
}

/// How far an instruction has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum InstructionState {
    /// Nobody has taken it up.
    Waiting,
    /// This agent carries it out.
    Taken(#[serde(with = "super::text")] AgentId),
    /// The outcome as it travelled, as JSON.
    Finished(String),
}

impl InstructionRow {
    /// Along this index: instructions that wait, by domain.
    pub const BY_DOMAIN: usize = 0;
}

json_record!(
    InstructionRow, &INSTRUCTIONS,
    id InstructionId, |id| Key::empty().with(*id), |own| own.id,
    indexes |own| vec![
        (own.state == InstructionState::Waiting).then(|| Key::empty().with(own.domain.as_str())),
    ]
);

/// What an instruction says. Read once, by the agent who takes it, and so no part of the row that each of the
/// agent's requests reads and writes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// The instruction.
    #[serde(with = "super::text")]
    pub instruction: InstructionId,
    /// It as it travels, as JSON.
    pub body: String,
}

json_record!(
    Order, &ORDERS,
    id InstructionId, |id| Key::empty().with(*id), |own| own.instruction
);

/// One run of a job.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cycle {
    /// Its id.
    #[serde(with = "super::text")]
    pub id: CycleId,
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// Which one it is.
    #[serde(with = "super::text")]
    pub kind: CycleKind,
    /// How it stands, or how it ended.
    #[serde(with = "super::text")]
    pub state: CycleState,
    /// What woke the job.
    #[serde(with = "woken_by", default = "woken_by::unknown")]
    pub woken_by: Wake,
    /// Objects and changes that agents sent.
    pub imported: u64,
    /// References that agents said to have come or gone, in sets that are told whole those that were seen.
    #[serde(default)]
    pub imported_references: u64,
    /// Objects made.
    pub created: u64,
    /// Objects changed.
    pub updated: u64,
    /// Objects deleted.
    pub deleted: u64,
    /// Objects brought back.
    pub restored: u64,
    /// Objects looked at that were as they should be.
    pub unchanged: u64,
    /// Objects that take no part.
    pub skipped: u64,
    /// Objects that could not be provisioned.
    pub failed: u64,
    /// Deletes that the guard holds.
    pub held: u64,
    /// What became of passwords.
    #[serde(default)]
    pub passwords: PasswordTally,
    /// What would have been done, while nothing is applied.
    #[serde(default)]
    pub planned: Option<Planned>,
    /// What stopped it.
    pub error: Option<CycleError>,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// When it ended.
    pub ended: Option<i64>,
}

impl Cycle {
    /// A cycle that has done nothing yet: an incremental one, woken by the schedule, unless that is changed.
    #[must_use]
    pub fn begun(id: CycleId, configuration: ConfigurationId, started: i64) -> Self {
        Self {
            id,
            configuration,
            kind: CycleKind::Incremental,
            state: CycleState::Running,
            woken_by: Wake::Clock,
            imported: 0,
            imported_references: 0,
            created: 0,
            updated: 0,
            deleted: 0,
            restored: 0,
            unchanged: 0,
            skipped: 0,
            failed: 0,
            held: 0,
            passwords: PasswordTally::default(),
            planned: None,
            error: None,
            started,
            ended: None,
        }
    }
}

/// What woke a cycle, as its word. Cycles of before that was written down have none, or an empty one: most were woken
/// by the clock.
mod woken_by {
    pub(super) use crate::records::text::serialize;
    use lockstep_model::Wake;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    pub(super) const fn unknown() -> Wake {
        Wake::Clock
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Wake, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(d)?;
        match word.is_empty() {
            true => Ok(unknown()),
            false => word.parse().map_err(D::Error::custom),
        }
    }
}

/// What became of passwords in a cycle.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PasswordTally {
    /// Taken over in this cycle.
    pub set: u64,
    /// At its end, users whose password is still to come.
    pub waiting: u64,
    /// At its end, users whose password is not taken over.
    pub skipped: u64,
    /// At its end, users whose password could not be taken over.
    pub failed: u64,
}

/// What stopped a cycle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CycleError {
    /// A stable name in CamelCase.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The request that failed, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl Cycle {
    /// Along this index: cycles by configuration, the newest first.
    pub const BY_CONFIGURATION: usize = 0;
}

json_record!(
    Cycle, &CYCLES,
    id CycleId, |id| Key::empty().with(*id), |own| own.id,
    indexes |own| {
        let newest_first = u64::MAX - u64::try_from(own.started).unwrap_or(0);
        vec![Some(Key::empty().with(own.configuration).with(newest_first))]
    }
);

/// A delete that waits until those of a cycle are counted, or that the guard holds: the object and the reason, never a
/// request to replay.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeldDelete {
    /// Whose.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The object in the cloud directory.
    #[serde(with = "super::text")]
    pub object: ObjectId,
    /// How people know it.
    pub name: String,
    /// Its kind; none: it is of no kind that is provisioned, or of a class that is not known.
    #[serde(with = "super::kind")]
    pub kind: Option<MappedKind>,
    /// Why it would be deleted.
    pub reason: String,
    /// The reason's stable name: the approval is good for this decision only.
    pub code: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// What the administrator said.
    pub verdict: HeldVerdict,
    /// The log says that it is held.
    #[serde(rename = "announced")]
    pub told: bool,
    /// The guard has tripped over it, whatever was the reason then.
    #[serde(rename = "held", default)]
    pub tripped: bool,
    /// Greater than that of everything that was staged in the configuration before.
    #[serde(default)]
    pub number: u64,
}

impl HeldDelete {
    /// Whether the guard has tripped over it, and nobody has decided about it: it stays closed for that long.
    #[must_use]
    pub fn keeps_closed(&self) -> bool {
        self.verdict == HeldVerdict::Open && (self.tripped || self.told)
    }

    /// Along this index: by configuration and verdict.
    pub const BY_VERDICT: usize = 0;

    /// The prefix, along [`HeldDelete::BY_VERDICT`], of those with this verdict.
    #[must_use]
    pub fn with(configuration: ConfigurationId, verdict: HeldVerdict) -> Key {
        let verdict: u8 = match verdict {
            HeldVerdict::Open => 0,
            HeldVerdict::Allowed => 1,
            HeldVerdict::Rejected => 2,
        };
        Key::empty().with(configuration).with(verdict)
    }
}

/// What the administrator said of a held delete.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum HeldVerdict {
    /// Nothing yet.
    Open,
    /// It may leave, if it is still decided so.
    Allowed,
    /// It must not, as long as it is decided for the same reason.
    Rejected,
}

json_record!(
    HeldDelete,
    &HELD,
    id(ConfigurationId, Guid),
    |&(configuration, guid)| Key::empty().with(configuration).with(guid),
    |own| (own.configuration, own.guid),
    indexes | own | vec![Some(HeldDelete::with(own.configuration, own.verdict))]
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record as _;

    const CYCLE: &str = r#"{"id":"07070707-0707-0707-0707-070707070707","configuration":"08080808-0808-0808-0808-080808080808","kind":"full","state":"quarantined","woken_by":"hand","imported":1,"imported_references":2,"created":3,"updated":4,"deleted":5,"restored":6,"unchanged":7,"skipped":8,"failed":9,"held":10,"passwords":{"set":0,"waiting":0,"skipped":0,"failed":0},"planned":null,"error":null,"started":11,"ended":12}"#;

    fn read(row: &str) -> Result<Cycle, crate::StoreError> {
        Cycle::decode(&Key::empty(), row.as_bytes())
    }

    #[test]
    fn a_cycle_is_written_with_the_words_that_it_always_had_and_no_others_are_read() {
        for kind in CycleKind::WORDS {
            for state in CycleState::WORDS {
                for wake in Wake::WORDS {
                    let row = CYCLE.replace("full", kind);
                    let row = row.replace("quarantined", state).replace("hand", wake);
                    let written = read(&row).unwrap().encode().unwrap();
                    assert_eq!(String::from_utf8(written).unwrap(), row);
                }
            }
        }
        for word in ["full", "quarantined", "hand"] {
            assert!(read(&CYCLE.replace(word, "other")).is_err(), "{word}");
        }
    }

    #[test]
    fn a_cycle_of_before_it_was_written_down_what_woke_it_was_woken_by_the_clock() {
        let word = r#""woken_by":"hand","#;
        for before in ["", r#""woken_by":"","#] {
            let cycle = read(&CYCLE.replace(word, before)).unwrap();
            assert_eq!(cycle.woken_by, Wake::Clock);
        }
    }
}
