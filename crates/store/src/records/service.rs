//! The service itself: the tenant, its agents, and the tokens that open it.

use super::json_record;
use crate::{Key, Layout, Table};
use lockstep_model::ids::{AgentId, TenantId};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&TENANT, &AGENTS, &ENROLLMENT_TOKENS, &API_TOKENS];

static TENANT: Table = Table {
    name: "tenant",
    indexes: &[],
    layout: Layout::Arrival,
};
static AGENTS: Table = Table {
    name: "agents",
    indexes: &[],
    layout: Layout::Arrival,
};
static ENROLLMENT_TOKENS: Table = Table {
    name: "enrollment_tokens",
    indexes: &[],
    layout: Layout::Arrival,
};
static API_TOKENS: Table = Table {
    name: "api_tokens",
    indexes: &[],
    layout: Layout::Arrival,
};

/// The owner of the directory. There is one row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tenant {
    /// Its id.
    #[serde(with = "super::text")]
    pub id: TenantId,
    /// The domain that it has had from the beginning.
    pub initial_domain: String,
    /// Other DNS suffixes that it owns, in lower case.
    pub domains: Vec<String>,
}

json_record!(
    Tenant,
    &TENANT,
    id(),
    |()| Key::empty().with("tenant"),
    |_| ()
);

/// An agent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Agent {
    /// Its id.
    #[serde(with = "super::text")]
    pub id: AgentId,
    /// How it is listed.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its Ed25519 public key in Base64.
    pub public_key: String,
    /// The domains that it serves, by DNS name in lower case.
    pub domains: Vec<String>,
    /// When it was enrolled, in milliseconds since 1970.
    pub enrolled: i64,
    /// When it was last heard of, in milliseconds since 1970.
    pub seen: i64,
}

impl Agent {
    /// An agent that has not been heard of for longer is not active: it asks for work every minute.
    const ACTIVE_MILLIS: i64 = 120_000;
    /// An agent that has not been heard of for longer, ten days, is not listed any more.
    const LISTED_MILLIS: i64 = 10 * 86_400_000;

    /// Whether it was heard of lately.
    #[must_use]
    pub const fn is_active(&self, now_millis: i64) -> bool {
        now_millis - self.seen <= Self::ACTIVE_MILLIS
    }

    /// Whether it is one of those that are listed. One that comes back is.
    #[must_use]
    pub const fn is_listed(&self, now_millis: i64) -> bool {
        now_millis - self.seen <= Self::LISTED_MILLIS
    }
}

json_record!(Agent, &AGENTS, id AgentId, |id| Key::empty().with(*id), |own| own.id);

/// A one-use enrolment token, by the hash of its secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EnrollmentTokenRow {
    /// SHA-256 of the secret, in hex.
    pub hash: String,
    /// Until when it is good, in milliseconds since 1970.
    pub expires: i64,
    /// The agent that used it.
    #[serde(with = "super::text::option", default)]
    pub used_by: Option<AgentId>,
}

json_record!(
    EnrollmentTokenRow, &ENROLLMENT_TOKENS,
    id String, |hash| Key::empty().with(hash.as_str()), |own| own.hash.clone()
);

/// A token that opens the administration API, by its hash.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiToken {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// How it is listed.
    pub name: String,
    /// `administrator`, `operator` or `reader`.
    pub role: String,
    /// Until when it is good, in milliseconds since 1970; none: for good.
    pub expires: Option<i64>,
}

json_record!(
    ApiToken, &API_TOKENS,
    id String, |hash| Key::empty().with(hash.as_str()), |own| own.hash.clone()
);
