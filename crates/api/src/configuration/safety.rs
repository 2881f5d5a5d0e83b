//! Limits on what one cycle may change, and who is told.

use super::SpecError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many changes of a kind one cycle may make; off unless set.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// So many members removed from one group, or more, and all of them are held: a number, or a part of the
    /// group's members as `"30%"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_removals: Option<LimitValue>,
    /// So many objects updated in one cycle, or more, and all updates are held: a number, or a part of the
    /// objects of the configuration as `"30%"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<LimitValue>,
}

/// A number, or a percentage as text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LimitValue {
    /// So many.
    Number(u64),
    /// Such a part, as `"30%"`.
    Percentage(String),
}

impl LimitValue {
    /// The percentage, if it is one.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        match self {
            Self::Number(_) => None,
            Self::Percentage(text) => {
                let number: u64 = text.strip_suffix('%')?.trim().parse().ok()?;
                (1..=100).contains(&number).then_some(number)
            }
        }
    }

    fn check(&self, key: &str) -> Result<(), SpecError> {
        let found = match self {
            Self::Number(0) => "`0`".to_owned(),
            Self::Percentage(text) if self.percent().is_none() => format!("`{text}`"),
            _ => return Ok(()),
        };
        Err(SpecError {
            key: key.to_owned(),
            expected: "a number of at least 1, or a percentage between \"1%\" and \"100%\"; leave the key out for no \
                       limit"
                .to_owned(),
            found,
        })
    }
}

impl Limits {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.member_removals.is_none() && self.updates.is_none()
    }

    pub(super) fn check(&self) -> Result<(), SpecError> {
        let limits = [
            ("limits.member-removals", &self.member_removals),
            ("limits.updates", &self.updates),
        ];
        for (key, limit) in limits {
            limit.as_ref().map_or(Ok(()), |limit| limit.check(key))?;
        }
        Ok(())
    }
}

/// Who is told when something is held or fails: once for each reason.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Notifications {
    /// An address to which a JSON document is posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Addresses for mail; the service has to be started with `--smtp-url` and `--smtp-from`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
}

impl Notifications {
    /// Whether nobody is told.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.webhook.is_none() && self.email.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), SpecError> {
        if let Some(address) = self
            .webhook
            .as_deref()
            .filter(|address| !is_webhook(address))
        {
            return Err(SpecError {
                key: "notifications.webhook".to_owned(),
                expected: "an address that begins with https://, or with http:// on this machine (127.0.0.1, [::1], \
                           localhost)"
                    .to_owned(),
                found: format!("`{address}`"),
            });
        }
        for (index, address) in self.email.iter().enumerate() {
            if !is_mail_address(address) {
                return Err(SpecError {
                    key: format!("notifications.email[{index}]"),
                    expected: "a mail address such as ops@example.com".to_owned(),
                    found: format!("`{address}`"),
                });
            }
        }
        Ok(())
    }
}

fn is_webhook(address: &str) -> bool {
    let host = |rest: &str| -> String {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.to_owned()
    };
    if let Some(rest) = address.strip_prefix("https://") {
        return !host(rest).is_empty();
    }
    let Some(rest) = address.strip_prefix("http://") else {
        return false;
    };
    let host = host(rest);
    // A user name before the host could make another host look like this machine.
    let port = |rest: &str| rest.is_empty() || rest.starts_with(':');
    ["127.0.0.1", "[::1]", "localhost"]
        .iter()
        .any(|own| host.strip_prefix(own).is_some_and(port))
        && !host.contains('@')
}

fn is_mail_address(address: &str) -> bool {
    let plain = !address
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
    match address.split_once('@') {
        Some((local, domain)) => {
            plain && !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        }
        None => false,
    }
}
