//! What happened: provisioning log, the last decision about each object, the audit log.

use super::json_record;
use crate::{Key, Table};
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, CycleId, ObjectId};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&LOG, &DECISIONS, &AUDIT];

static LOG: Table = Table {
    name: "provisioning_log",
    indexes: &["by_configuration", "by_object", "by_cycle"],
};
static DECISIONS: Table = Table {
    name: "decisions",
    indexes: &[],
};
static AUDIT: Table = Table {
    name: "audit_log",
    indexes: &[],
};

/// One entry of the provisioning log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LogEntry {
    /// Its number; entries are listed from the newest, so the key counts down.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Which configuration.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// Which cycle; none for provisioning on demand.
    #[serde(with = "super::text::option", default)]
    pub cycle: Option<CycleId>,
    /// objectGUID of the object in AD.
    #[serde(with = "super::text")]
    pub source: Guid,
    /// The object in the cloud directory.
    #[serde(with = "super::text::option", default)]
    pub target: Option<ObjectId>,
    /// The anchor in Base64.
    pub anchor: String,
    /// `user`, `group` or `contact`.
    pub kind: String,
    /// How people know it; none for an object that stays home.
    pub name: Option<String>,
    /// Its distinguished name; none for an object that stays home.
    pub dn: Option<String>,
    /// `Create`, `Update`, `Delete`, `Restore`, `Disable`, `StagedDelete`, `Skip` or `Other`.
    pub action: String,
    /// `Success`, `Skipped`, `Warning` or `Failure`.
    pub status: String,
    /// Why, in words.
    pub reason: String,
    /// The reason's stable name.
    pub code: String,
    /// What was changed: property, old value, new value, as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<LogChange>,
}

/// One changed property.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LogChange {
    /// The property.
    pub property: String,
    /// Its value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<serde_json::Value>,
    /// Its value now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<serde_json::Value>,
}

impl LogEntry {
    /// Along this index: entries of a configuration.
    pub const BY_CONFIGURATION: usize = 0;
    /// Along this index: entries about an object of AD.
    pub const BY_OBJECT: usize = 1;
    /// Along this index: entries of a cycle.
    pub const BY_CYCLE: usize = 2;
}

json_record!(
    LogEntry, &LOG,
    id u64, |number| Key::empty().with(u64::MAX - number), |own| own.number,
    indexes |own| {
        let newest_first = u64::MAX - own.number;
        vec![
            Some(Key::empty().with(own.configuration).with(newest_first)),
            Some(Key::empty().with(own.source).with(newest_first)),
            own.cycle.map(|cycle| Key::empty().with(cycle).with(newest_first)),
        ]
    }
);

/// The last decision about an object that is not in the cloud directory, or could not be changed there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LastDecision {
    /// Which configuration.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// `Skip`, `Failure` or `Hold`.
    pub outcome: String,
    /// The reason's stable name.
    pub code: String,
    /// Why, in words.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
}

json_record!(
    LastDecision,
    &DECISIONS,
    id(ConfigurationId, Guid),
    |&(configuration, guid)| Key::empty().with(configuration).with(guid),
    |own| (own.configuration, own.guid)
);

/// One entry of the audit log: who changed which setting.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its number; entries are listed from the newest, so the key counts down.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What was done, such as `ConfigurationChanged`.
    pub activity: String,
    /// To what.
    pub target: String,
    /// The setting before, as JSON.
    pub old: Option<String>,
    /// The setting now, as JSON.
    pub new: Option<String>,
}

json_record!(
    AuditEntry, &AUDIT,
    id u64, |number| Key::empty().with(u64::MAX - number), |own| own.number
);
