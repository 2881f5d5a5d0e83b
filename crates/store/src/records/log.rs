//! What happened: provisioning log, the last decision about each object, the audit log.

use super::compact::{self, Id, from_body, to_body};
use super::{bad_field, bad_key, json_record};
use crate::{Key, Layout, Record, StoreError, Table};
use lockstep_model::ids::{ConfigurationId, CycleId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, MappedKind, PropertyValue};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&LOG, &DECISIONS, &AUDIT];

static LOG: Table = Table {
    name: "provisioning_log",
    indexes: &["by_configuration", "by_object", "by_cycle"],
    layout: Layout::Arrival,
};
static DECISIONS: Table = Table {
    name: "decisions",
    indexes: &[],
    layout: Layout::Arrival,
};
static AUDIT: Table = Table {
    name: "audit_log",
    indexes: &[],
    layout: Layout::Arrival,
};

/// One entry of the provisioning log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Its number; entries are listed from the newest, so the key counts down.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Which configuration.
    pub configuration: ConfigurationId,
    /// Which cycle; none for provisioning on demand.
    pub cycle: Option<CycleId>,
    /// objectGUID of the object in AD.
    pub source: Guid,
    /// The object in the cloud directory.
    pub target: Option<ObjectId>,
    /// The anchor in Base64.
    pub anchor: String,
    /// Its kind; none: it is of no kind that is provisioned, or of a class that is not known.
    pub kind: Option<MappedKind>,
    /// How people know it; none for an object that stays home.
    pub name: Option<String>,
    /// Its distinguished name; none for an object that stays home.
    pub dn: Option<String>,
    /// What was done to it.
    pub action: Action,
    /// How that ended.
    pub status: Status,
    /// Why, in words.
    pub reason: String,
    /// The reason's stable name.
    pub code: String,
    /// What was changed.
    pub changes: Vec<LogChange>,
    /// How many milliseconds it took, where no cycle tells when it began.
    pub took: Option<u64>,
}

/// One changed property.
#[derive(Clone, Debug, PartialEq)]
pub struct LogChange {
    /// The property.
    pub property: String,
    /// Its value before.
    pub old: Option<PropertyValue>,
    /// Its value now.
    pub new: Option<PropertyValue>,
}

#[derive(Decode, Encode)]
struct LogBody<'a> {
    #[n(0)]
    at: i64,
    #[n(1)]
    configuration: Id,
    #[n(2)]
    cycle: Option<Id>,
    #[n(3)]
    source: Id,
    #[n(4)]
    target: Option<Id>,
    #[b(5)]
    anchor: &'a str,
    #[b(6)]
    kind: &'a str,
    #[b(7)]
    name: Option<&'a str>,
    #[b(8)]
    dn: Option<&'a str>,
    #[b(9)]
    action: &'a str,
    #[b(10)]
    status: &'a str,
    #[b(11)]
    reason: &'a str,
    #[b(12)]
    code: &'a str,
    #[b(13)]
    changes: Changes<'a>,
    #[n(14)]
    took: Option<u64>,
}

/// Changes, each as an array of property, old and new value.
struct Changes<'a>(Cow<'a, [LogChange]>);

impl<C> Encode<C> for Changes<'_> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        c: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(self.0.len() as u64)?;
        for change in self.0.as_ref() {
            e.array(3)?.str(&change.property)?;
            for value in [&change.old, &change.new] {
                value.as_ref().map(compact::Property).encode(e, c)?;
            }
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Changes<'_> {
    fn decode(d: &mut Decoder<'b>, c: &mut C) -> Result<Self, decode::Error> {
        let mut changes = Vec::new();
        for _ in 0..d.array()?.unwrap_or_default() {
            d.array()?;
            let property = d.str()?.to_owned();
            let mut value = || -> Result<Option<PropertyValue>, decode::Error> {
                let value: Option<compact::Property<PropertyValue>> = Option::decode(d, c)?;
                Ok(value.map(|value| value.0))
            };
            changes.push(LogChange {
                property,
                old: value()?,
                new: value()?,
            });
        }
        Ok(Self(Cow::Owned(changes)))
    }
}

impl LogEntry {
    /// Along this index: entries of a configuration.
    pub const BY_CONFIGURATION: usize = 0;
    /// Along this index: entries about an object of AD.
    pub const BY_OBJECT: usize = 1;
    /// Along this index: entries of a cycle.
    pub const BY_CYCLE: usize = 2;
}

impl Record for LogEntry {
    const TABLE: &'static Table = &LOG;
    type Id = u64;

    fn key_of(number: &u64) -> Key {
        Key::empty().with(u64::MAX - number)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.number)
    }

    fn indexes(&self) -> Vec<Option<Key>> {
        let newest_first = u64::MAX - self.number;
        vec![
            Some(Key::empty().with(self.configuration).with(newest_first)),
            Some(Key::empty().with(self.source).with(newest_first)),
            self.cycle
                .map(|cycle| Key::empty().with(cycle).with(newest_first)),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let body = LogBody {
            at: self.at,
            configuration: Id(self.configuration.guid()),
            cycle: self.cycle.map(|cycle| Id(cycle.guid())),
            source: Id(self.source),
            target: self.target.map(|target| Id(target.guid())),
            anchor: &self.anchor,
            kind: MappedKind::word_of(self.kind),
            name: self.name.as_deref(),
            dn: self.dn.as_deref(),
            action: self.action.as_str(),
            status: self.status.as_str(),
            reason: &self.reason,
            code: &self.code,
            changes: Changes(Cow::Borrowed(&self.changes)),
            took: self.took,
        };
        to_body(Self::TABLE, &body)
    }

    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError> {
        let number = key.reader().number();
        let number = number.ok_or_else(|| bad_key(Self::TABLE, key))?;
        let body: LogBody<'_> = from_body(Self::TABLE, body)?;
        Ok(Self {
            number: u64::MAX - number,
            at: body.at,
            configuration: ConfigurationId::new(body.configuration.0),
            cycle: body.cycle.map(|cycle| CycleId::new(cycle.0)),
            source: body.source.0,
            target: body.target.map(|target| ObjectId::new(target.0)),
            anchor: body.anchor.to_owned(),
            kind: MappedKind::of_word(body.kind).map_err(bad_field(Self::TABLE, "kind"))?,
            name: body.name.map(str::to_owned),
            dn: body.dn.map(str::to_owned),
            action: body
                .action
                .parse()
                .map_err(bad_field(Self::TABLE, "action"))?,
            status: body
                .status
                .parse()
                .map_err(bad_field(Self::TABLE, "status"))?,
            reason: body.reason.to_owned(),
            code: body.code.to_owned(),
            changes: body.changes.0.into_owned(),
            took: body.took,
        })
    }
}

/// The last decision about an object that is not in the cloud directory, or could not be changed there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LastDecision {
    /// Which configuration.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID of the object in AD.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// How it ended.
    #[serde(with = "super::text")]
    pub outcome: Status,
    /// The reason's stable name.
    pub code: String,
    /// Why, in words.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// In staging: what exactly was planned.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let id = Guid::from_bytes([7; 16]);
        let mut entry = LogEntry {
            number: 12,
            at: -3,
            configuration: ConfigurationId::new(id),
            cycle: None,
            source: id,
            target: None,
            anchor: "BwcHBw==".into(),
            kind: Some(MappedKind::User),
            name: None,
            dn: Some("CN=Zoë".into()),
            action: Action::Update,
            status: Status::Success,
            reason: "it is in scope".into(),
            code: "InScope".into(),
            changes: Vec::new(),
            took: None,
        };
        for _ in 0..2 {
            let body = entry.encode().unwrap();
            assert_eq!(LogEntry::decode(&entry.key(), &body).unwrap(), entry);
            entry.cycle = Some(CycleId::new(id));
            entry.took = Some(250);
            entry.target = Some(ObjectId::new(id));
            entry.changes = vec![LogChange {
                property: "title".into(),
                old: Some(PropertyValue::Text("Dr".into())),
                new: None,
            }];
        }
    }

    #[test]
    fn an_entry_is_written_with_the_words_that_it_always_had_and_no_others_are_read() {
        let id = Guid::from_bytes([7; 16]);
        let body = |kind, action, status| {
            let body = LogBody {
                at: 1,
                configuration: Id(id),
                cycle: None,
                source: Id(id),
                target: None,
                anchor: "",
                kind,
                name: None,
                dn: None,
                action,
                status,
                reason: "",
                code: "InScope",
                changes: Changes(Cow::Borrowed(&[])),
                took: None,
            };
            to_body(LogEntry::TABLE, &body).unwrap()
        };
        let key = LogEntry::key_of(&1);
        for kind in ["user", "group", "contact", "other"] {
            for action in [
                "Create",
                "Update",
                "Delete",
                "Restore",
                "StagedDelete",
                "Skip",
                "Other",
            ] {
                for status in ["Success", "Skipped", "Warning", "Failure"] {
                    let written = body(kind, action, status);
                    let entry = LogEntry::decode(&key, &written).unwrap();
                    assert_eq!(entry.encode().unwrap(), written);
                }
            }
        }
        for (written, expected) in [
            (body("usr", "Create", "Success"), "kind: expected `user`, "),
            (
                body("user", "Made", "Success"),
                "action: expected `Create`, ",
            ),
            (
                body("user", "Create", "Fine"),
                "status: expected `Success`, ",
            ),
        ] {
            let StoreError::Row { source, .. } = LogEntry::decode(&key, &written).unwrap_err()
            else {
                panic!("not about the row");
            };
            assert!(source.to_string().starts_with(expected), "{source}");
        }
    }

    #[test]
    fn a_last_decision_is_kept_as_it_always_was() {
        let row = r#"{"configuration":"07070707-0707-0707-0707-070707070707","guid":"07070707-0707-0707-0707-070707070707","outcome":"Failure","code":"MappingFailed","reason":"","since":5}"#;
        let decision = LastDecision::decode(&Key::empty(), row.as_bytes()).unwrap();
        assert_eq!(decision.outcome, Status::Failure);
        assert_eq!(decision.encode().unwrap(), row.as_bytes());
    }
}
