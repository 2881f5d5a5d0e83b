//! A configuration as a file, and as the administration API carries it.
//!
//! One model for both: TOML in a file, JSON through the API, with the same names. An unknown key is
//! refused by name.

use serde::{Deserialize, Serialize};

/// What the administrator wants of one domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// The guard against accidental deletes.
    #[serde(default)]
    pub accidental_deletes: AccidentalDeletes,
    /// When cycles run.
    #[serde(default)]
    pub schedule: Schedule,
}

/// Who takes part.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scope {
    /// Distinguished names of organizational units, each with everything below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_units: Option<Vec<String>>,
    /// Distinguished names of subtrees that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_organizational_units: Vec<String>,
}

/// Which kinds of object are provisioned.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
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

/// The guard against accidental deletes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
    /// The key, with the table it stands in: `schedule.interval`.
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
        if self
            .scope
            .organizational_units
            .as_ref()
            .is_some_and(Vec::is_empty)
        {
            let expected = "at least one organizational unit; leave the key out for the whole domain, or \
                            name an empty unit to remove everything";
            return error("scope.organizational-units", expected, "[]");
        }
        let units = self.scope.organizational_units.iter().flatten();
        let units = units.map(|dn| ("scope.organizational-units", dn));
        let excluded = self.scope.exclude_organizational_units.iter();
        for (key, dn) in units.chain(excluded.map(|dn| ("scope.exclude-organizational-units", dn)))
        {
            let parsed = dn.parse::<lockstep_model::Dn>();
            let within = parsed
                .as_ref()
                .is_ok_and(|dn| dn.is_within(&lockstep_model::Dn::of_domain(&self.domain)));
            if !within {
                let expected = format!(
                    "a distinguished name within {}",
                    lockstep_model::Dn::of_domain(&self.domain)
                );
                return error(key, &expected, dn);
            }
        }
        if self.accidental_deletes.threshold == 0 {
            return error(
                "accidental-deletes.threshold",
                "a number of at least 1",
                "0",
            );
        }
        self.schedule.interval_seconds().map(|_| ())
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
                "scope.organizational-units",
            ),
            (
                serde_json::json!({"name": "x", "domain": "corp.test", "schedule": {"interval": "2x"}}),
                "schedule.interval",
            ),
        ] {
            assert_eq!(spec(json).unwrap().check().unwrap_err().key, key);
        }
        let unknown = spec(serde_json::json!({"name": "x", "domain": "corp.test", "scop": {}}));
        assert!(unknown.unwrap_err().contains("scop"));
    }
}
