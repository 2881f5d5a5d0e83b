//! A configuration as a file, and as the administration API carries it.
//!
//! One model for both: TOML in a file, JSON through the API, with the same names. An unknown key is
//! refused by name.

mod reconciliation;
mod safety;

pub use reconciliation::Reconciliation;
pub use safety::{LimitValue, Limits, Notifications};

use lockstep_model::MappedKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the administrator wants of one domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique. The service principal bears the domain's name.
    pub name: String,
    /// DNS name of the domain.
    pub domain: String,
    /// No cycle by clock or by change.
    #[serde(default)]
    pub paused: bool,
    /// Who takes part; the whole domain unless something is named.
    #[serde(default)]
    pub scope: Scope,
    /// Which kinds of object.
    #[serde(default)]
    pub objects: Objects,
    /// Which value each property gets, where it is not the default mapping's.
    #[serde(default, skip_serializing_if = "Mappings::is_empty")]
    pub mapping: Mappings,
    /// Which objects of the cloud directory are taken over.
    #[serde(default)]
    pub matching: Matching,
    /// References to other domains.
    #[serde(default)]
    pub references: References,
    /// Passwords.
    #[serde(default)]
    pub password_hash_sync: PasswordHashSync,
    /// The guard against accidental deletes.
    #[serde(default)]
    pub accidental_deletes: AccidentalDeletes,
    /// When cycles run.
    #[serde(default)]
    pub schedule: Schedule,
    /// Everything is planned, and nothing applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub staging: bool,
    /// How many changes of a kind one cycle may make.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Who is told when something is held or fails.
    #[serde(default, skip_serializing_if = "Notifications::is_empty")]
    pub notifications: Notifications,
    /// When the directory is compared with what it should be.
    #[serde(default)]
    pub reconciliation: Reconciliation,
}

/// Who takes part.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scope {
    /// Distinguished names of organizational units, each with everything below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_units: Option<Vec<String>>,
    /// Distinguished names of subtrees that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_organizational_units: Vec<String>,
    /// Distinguished names of groups: they and their members, in union with the organizational units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Members of member groups too, however deep.
    #[serde(default)]
    pub nested_groups: bool,
    /// What objects must be like: of the outer list one, of each inner list all. A filter restricts objects
    /// of its type only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Vec<Clause>>,
}

/// A condition of a filter.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clause {
    /// Objects of which type it restricts; the same in all clauses of one filter.
    pub object: ObjectType,
    /// The attribute of Active Directory.
    pub attribute: String,
    /// What is asked of it, such as `equals`.
    pub operator: String,
    /// What it is compared with, unless the operator takes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Constant>,
}

/// The types of object that filters and mappings tell apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectType {
    /// Users and inetOrgPersons.
    User,
    /// Groups.
    Group,
    /// Contacts.
    Contact,
}

impl From<ObjectType> for MappedKind {
    fn from(object: ObjectType) -> Self {
        match object {
            ObjectType::User => Self::User,
            ObjectType::Group => Self::Group,
            ObjectType::Contact => Self::Contact,
        }
    }
}

impl ObjectType {
    /// Its name in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        MappedKind::from(self).as_str()
    }
}

/// A value that stands in the file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Constant {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

impl std::fmt::Display for Constant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Texts(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// Entries that are added to the default mapping, or replace those with the same target.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Mappings {
    /// For users and inetOrgPersons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<MappingEntry>,
    /// For groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<MappingEntry>,
    /// For contacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<MappingEntry>,
}

impl Mappings {
    fn is_empty(&self) -> bool {
        self.all().all(|(_, entries)| entries.is_empty())
    }

    /// The entries of each type.
    pub fn all(&self) -> impl Iterator<Item = (ObjectType, &[MappingEntry])> {
        [
            (ObjectType::User, self.user.as_slice()),
            (ObjectType::Group, self.group.as_slice()),
            (ObjectType::Contact, self.contact.as_slice()),
        ]
        .into_iter()
    }
}

/// How the value of one property is made. Of `attribute`, `constant`, `expression` and `none` one is given.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MappingEntry {
    /// The property of the cloud directory.
    pub target: String,
    /// The attribute of Active Directory whose value it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The value that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<Constant>,
    /// The expression that makes its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// It is left alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub none: bool,
    /// When the value is applied.
    #[serde(default)]
    pub apply: Apply,
    /// What a new object gets when there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Constant>,
}

/// When the value of a mapping is applied.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Apply {
    /// Whenever it changes.
    #[default]
    Always,
    /// When the object is made, and never again.
    Create,
}

/// Which objects of the cloud directory are taken over by an object of Active Directory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Matching {
    /// Cloud-only users with the same user principal name.
    pub soft_upn: bool,
    /// Cloud-only users, contacts and mail-enabled groups with the same primary SMTP address.
    pub soft_smtp: bool,
    /// Cloud-only objects with the same source anchor.
    pub takeover: bool,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            soft_upn: true,
            soft_smtp: true,
            takeover: true,
        }
    }
}

/// References to objects of other domains.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct References {
    /// Members from other domains and forests are joined by SID.
    pub cross_domain: bool,
}

/// Which kinds of object are provisioned.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Objects {
    /// Users and inetOrgPersons.
    pub users: bool,
    /// Groups.
    pub groups: bool,
    /// Contacts.
    pub contacts: bool,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            users: true,
            groups: true,
            contacts: true,
        }
    }
}

/// What is taken over of passwords.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PasswordHashSync {
    /// Whether users sign in with their password of Active Directory.
    pub enabled: bool,
    /// Passwords that must be changed at the next sign-in are taken over at once, to be changed in the cloud.
    /// Else they come when they have been changed on premises.
    pub force_change_at_logon: bool,
    /// How often a hash is iterated before it leaves the domain.
    pub iterations: u32,
    /// Whose account has expired in Active Directory cannot sign in. Else expiry means nothing in the cloud.
    pub follow_account_expiry: bool,
}

impl Default for PasswordHashSync {
    fn default() -> Self {
        Self {
            enabled: true,
            force_change_at_logon: false,
            iterations: FEWEST_ITERATIONS,
            follow_account_expiry: false,
        }
    }
}

/// As few iterations of a password hash as the original uses.
const FEWEST_ITERATIONS: u32 = 1_000;
/// More would let one sign-in keep a core busy for a good part of a second.
const MOST_ITERATIONS: u32 = 1_000_000;

impl PasswordHashSync {
    fn check(&self) -> Result<(), SpecError> {
        if (FEWEST_ITERATIONS..=MOST_ITERATIONS).contains(&self.iterations) {
            return Ok(());
        }
        Err(SpecError {
            key: "password-hash-sync.iterations".into(),
            expected: format!("a number between {FEWEST_ITERATIONS} and {MOST_ITERATIONS}"),
            found: format!("`{}`", self.iterations),
        })
    }
}

/// The guard against accidental deletes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AccidentalDeletes {
    /// Whether it stands guard.
    pub enabled: bool,
    /// So many deletes in one cycle, or more: none is carried out.
    pub threshold: u64,
}

impl Default for AccidentalDeletes {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 500,
        }
    }
}

/// When cycles run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Schedule {
    /// How long from the beginning of one cycle to the next: a number and `s`, `m` or `h`.
    pub interval: String,
    /// Also as soon as a domain controller says that something changed.
    pub on_change: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            interval: "2m".to_owned(),
            on_change: true,
        }
    }
}

/// A value that a configuration must not have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key}: expected {expected}, found {found}")]
pub struct SpecError {
    /// The key, with the tables and lists it stands in: `schedule.interval`, `mapping.user[0].target`.
    pub key: String,
    /// What was expected.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Schedule {
    /// The interval in seconds.
    ///
    /// # Errors
    ///
    /// [`SpecError`] unless it is a number of seconds, minutes or hours, between ten seconds and a day.
    pub fn interval_seconds(&self) -> Result<u64, SpecError> {
        let error = || SpecError {
            key: "schedule.interval".into(),
            expected: "a time between 10s and 24h, such as 2m".into(),
            found: format!("`{}`", self.interval),
        };
        let unit = self.interval.chars().last().ok_or_else(error)?;
        let number: u64 = self
            .interval
            .strip_suffix(unit)
            .and_then(|n| n.parse().ok())
            .ok_or_else(error)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(error()),
        };
        number
            .checked_mul(factor)
            .filter(|s| (10..=86_400).contains(s))
            .ok_or_else(error)
    }
}

impl Spec {
    /// What stands in for a configuration that cannot be read: paused, and every delete is held.
    #[must_use]
    pub fn unreadable(name: &str, domain: &str) -> Self {
        Self {
            name: name.to_owned(),
            domain: domain.to_owned(),
            paused: true,
            scope: Scope::default(),
            objects: Objects::default(),
            mapping: Mappings::default(),
            matching: Matching::default(),
            references: References::default(),
            password_hash_sync: PasswordHashSync::default(),
            accidental_deletes: AccidentalDeletes {
                enabled: true,
                threshold: 1,
            },
            schedule: Schedule::default(),
            staging: false,
            limits: Limits::default(),
            notifications: Notifications::default(),
            reconciliation: Reconciliation::default(),
        }
    }

    /// Checks everything that can be checked without asking the domain.
    ///
    /// # Errors
    ///
    /// The first [`SpecError`] found.
    pub fn check(&self) -> Result<(), SpecError> {
        let error = |key: &str, expected: &str, found: &str| {
            let found = format!("`{found}`");
            Err(SpecError {
                key: key.into(),
                expected: expected.into(),
                found,
            })
        };
        if self.name.trim().is_empty() || self.name.contains(['/', '\n']) {
            return error("name", "a name without slashes", &self.name);
        }
        let label =
            |l: &str| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
        if !self.domain.contains('.') || !self.domain.split('.').all(label) {
            return error(
                "domain",
                "the DNS name of an Active Directory domain, such as corp.test",
                &self.domain,
            );
        }
        let lists = [
            (
                "scope.organizational-units",
                &self.scope.organizational_units,
                "organizational unit",
            ),
            ("scope.groups", &self.scope.groups, "group"),
        ];
        for (key, list, what) in lists {
            if list.as_ref().is_some_and(Vec::is_empty) {
                let expected = format!(
                    "at least one {what}; leave the key out for the whole domain, or name an empty {what} to \
                     remove everything"
                );
                return error(key, &expected, "[]");
            }
        }
        let excluded = Some(&self.scope.exclude_organizational_units);
        let named = [
            (
                "scope.organizational-units",
                self.scope.organizational_units.as_ref(),
            ),
            ("scope.exclude-organizational-units", excluded),
            ("scope.groups", self.scope.groups.as_ref()),
        ];
        for (key, names) in named {
            for (index, dn) in names.into_iter().flatten().enumerate() {
                let parsed = dn.parse::<lockstep_model::Dn>();
                let within = parsed
                    .as_ref()
                    .is_ok_and(|dn| dn.is_within(&lockstep_model::Dn::of_domain(&self.domain)));
                if !within {
                    let domain = lockstep_model::Dn::of_domain(&self.domain);
                    let expected = format!("a distinguished name within {domain}");
                    return error(&format!("{key}[{index}]"), &expected, dn);
                }
            }
        }
        self.check_filters()?;
        self.check_mappings()?;
        if self.accidental_deletes.threshold == 0 {
            return error(
                "accidental-deletes.threshold",
                "a number of at least 1",
                "0",
            );
        }
        self.password_hash_sync.check()?;
        self.limits.check()?;
        self.notifications.check()?;
        self.reconciliation.interval_seconds()?;
        self.schedule.interval_seconds().map(|_| ())
    }

    /// What a filter says must be of one type of object.
    fn check_filters(&self) -> Result<(), SpecError> {
        for (outer, filter) in self.scope.filters.iter().enumerate() {
            let key = format!("scope.filters[{outer}]");
            let Some(first) = filter.first() else {
                let expected = "at least one clause; leave the filter out".into();
                return Err(SpecError {
                    key,
                    expected,
                    found: "[]".into(),
                });
            };
            for (inner, clause) in filter.iter().enumerate() {
                if clause.object != first.object {
                    return Err(SpecError {
                        key: format!("{key}[{inner}].object"),
                        expected: format!(
                            "`{}` as in the clause before: all clauses of one filter are about the same \
                             type; write a second filter for the other",
                            first.object.name()
                        ),
                        found: format!("`{}`", clause.object.name()),
                    });
                }
            }
        }
        Ok(())
    }

    /// Each entry makes its value in one way, and each target has one entry.
    fn check_mappings(&self) -> Result<(), SpecError> {
        for (kind, entries) in self.mapping.all() {
            for (index, entry) in entries.iter().enumerate() {
                let key = format!("mapping.{}[{index}]", kind.name());
                let ways = [
                    entry.attribute.is_some(),
                    entry.constant.is_some(),
                    entry.expression.is_some(),
                    entry.none,
                ];
                let given = ways.into_iter().filter(|given| *given).count();
                if given != 1 {
                    return Err(SpecError {
                        key,
                        expected: "one of attribute, constant, expression and `none = true`".into(),
                        found: format!("{given} of them for `{}`", entry.target),
                    });
                }
                let same = |other: &MappingEntry| other.target.eq_ignore_ascii_case(&entry.target);
                if entries.iter().take(index).any(same) {
                    return Err(SpecError {
                        key: format!("{key}.target"),
                        expected: "one entry for each target".into(),
                        found: format!("a second one for `{}`", entry.target),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> Result<Spec, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_short_configuration_means_the_whole_domain_every_two_minutes() {
        let spec = spec(serde_json::json!({"name": "corp", "domain": "corp.test"})).unwrap();
        assert_eq!(spec.check(), Ok(()));
        assert_eq!(spec.schedule.interval_seconds(), Ok(120));
        assert_eq!(spec.accidental_deletes.threshold, 500);
        assert!(spec.scope.organizational_units.is_none() && spec.objects.users);
    }

    #[test]
    fn wrong_values_are_refused_with_key_and_expectation() {
        for (json, key) in [
            (
                serde_json::json!({"name": "", "domain": "corp.test"}),
                "name",
            ),
            (serde_json::json!({"name": "x", "domain": "corp"}), "domain"),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "scope": {"organizational-units": []}}),
                "scope.organizational-units",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "scope": {"organizational-units": ["OU=a,DC=other"]}}),
                "scope.organizational-units[0]",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "scope": {"filters": [[
                    {"object": "user", "attribute": "a", "operator": "is-null"},
                    {"object": "group", "attribute": "a", "operator": "is-null"}]]}}),
                "scope.filters[0][1].object",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "mapping": {"user": [
                    {"target": "department", "attribute": "a", "constant": "b"}]}}),
                "mapping.user[0]",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "mapping": {"group": [
                    {"target": "info", "attribute": "a"}, {"target": "Info", "none": true}]}}),
                "mapping.group[1].target",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "schedule": {"interval": "2x"}}),
                "schedule.interval",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "limits": {"updates": "130%"}}),
                "limits.updates",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "limits": {"member-removals": 0}}),
                "limits.member-removals",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "notifications": {"webhook": "http://example.com"}}),
                "notifications.webhook",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "notifications": {"email": ["a@b.test", "ops"]}}),
                "notifications.email[1]",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "password-hash-sync": {"iterations": 999}}),
                "password-hash-sync.iterations",
            ),
        ] {
            assert_eq!(spec(json).unwrap().check().unwrap_err().key, key);
        }
        let unknown = spec(serde_json::json!({"name": "x", "domain": "corp.test", "scop": {}}));
        assert!(unknown.unwrap_err().contains("scop"));
    }
}
