//! What passwords are checked against. The verifiers are sealed before they come here, with a key that
//! the database does not hold; what decides which password is the newer one stands in clear.

use super::json_record;
use crate::{Key, Layout, StoreError, Table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_directory::credential::{Origin, Stamp};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, Timestamp};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&CREDENTIALS, &POLICY];

static CREDENTIALS: Table = Table {
    name: "credentials",
    indexes: &[],
    layout: Layout::Key,
};

static POLICY: Table = Table {
    name: "password_policy",
    indexes: &[],
    layout: Layout::Key,
};

/// What the tenant decides about passwords. There is one row at most.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct PasswordPolicy {
    /// After how many days a password that can expire has to be changed; none: never.
    pub expires_after_days: Option<u32>,
    /// Passwords that come from Active Directory from now on can expire, like those set in the cloud.
    pub synced_passwords_expire: bool,
}

json_record!(
    PasswordPolicy,
    &POLICY,
    id(),
    |()| Key::empty().with("policy"),
    |_| ()
);

/// A user's credential.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CredentialRow {
    /// Whose.
    #[serde(with = "super::text")]
    pub user: ObjectId,
    /// How many passwords the user has had. Whoever wants to replace a verifier by a better one of the same
    /// password compares this.
    pub generation: u64,
    /// The newest password of Active Directory that was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<OriginBody>,
    /// What the password is checked against, sealed, in Base64.
    sealed: String,
    /// The user must choose another password.
    #[serde(default)]
    pub force_change: bool,
    /// The tenant's expiry applies.
    #[serde(default)]
    pub can_expire: bool,
    /// It was set in the cloud, after the password of `origin`.
    #[serde(default)]
    pub set_in_cloud: bool,
    /// Since when this is the password, in milliseconds since 1970.
    pub changed: i64,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct OriginBody {
    #[serde(with = "super::text")]
    object: Guid,
    version: u32,
    time: i64,
    #[serde(with = "super::text")]
    originating: Guid,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    before_move: bool,
}

impl CredentialRow {
    /// A user's first credential, of generation 0.
    #[must_use]
    pub fn new(user: ObjectId, sealed: &[u8]) -> Self {
        Self {
            user,
            generation: 0,
            origin: None,
            sealed: STANDARD.encode(sealed),
            force_change: false,
            can_expire: false,
            set_in_cloud: false,
            changed: 0,
        }
    }

    /// The newest password of Active Directory that was taken over.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.origin.as_ref().map(|body| Origin {
            object: body.object,
            stamp: Stamp {
                version: body.version,
                time: Timestamp::from_millis(body.time),
                originating: body.originating,
            },
            before_move: body.before_move,
        })
    }

    /// Says which password of Active Directory it is now.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = Some(OriginBody {
            object: origin.object,
            version: origin.stamp.version,
            time: origin.stamp.time.as_millis(),
            originating: origin.stamp.originating,
            before_move: origin.before_move,
        });
    }

    /// What the password is checked against, sealed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Row`] when it is no Base64.
    pub fn sealed(&self) -> Result<Vec<u8>, StoreError> {
        STANDARD
            .decode(&self.sealed)
            .map_err(|source| StoreError::Row {
                table: CREDENTIALS.name,
                source: source.into(),
            })
    }

    /// Takes another verifier, sealed.
    pub fn set_sealed(&mut self, sealed: &[u8]) {
        self.sealed = STANDARD.encode(sealed);
    }
}

json_record!(
    CredentialRow, &CREDENTIALS,
    id ObjectId, |user| Key::empty().with(*user), |own| own.user
);
