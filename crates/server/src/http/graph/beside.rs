//! What is shown of an object besides its own properties.

use super::options::Options;
use super::related::{Related, expanded};
use lockstep_directory::{Kind, Object};
use lockstep_store::records::credential::CredentialRow;
use lockstep_store::{Read, ReadRecords as _, StoreError};
use serde_json::Value;

/// Whether a user's password can expire: Graph's name for it.
pub(super) const PASSWORD_POLICIES: &str = "passwordPolicies";
/// Graph's value for a password that does not.
const NEVER_EXPIRES: &str = "DisablePasswordExpiration";

/// What stands elsewhere and is shown with an object.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Of objects that it refers to.
    pub(super) related: Vec<Related>,
    /// [`PASSWORD_POLICIES`] of a user, where that is asked for.
    pub(super) password_policies: Option<Value>,
}

impl Beside {
    /// What somebody wants to see with an object.
    pub(super) fn of(
        tx: &mut dyn Read,
        object: &Object,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let password_policies = match options.selects(PASSWORD_POLICIES) {
            true if object.kind == Kind::User => Some(password_policies(tx, object)?),
            _ => None,
        };
        Ok(Self {
            related: expanded(tx, object, options)?,
            password_policies,
        })
    }
}

fn password_policies(tx: &mut dyn Read, user: &Object) -> Result<Value, StoreError> {
    let row: Option<CredentialRow> = tx.fetch_one(&user.id)?;
    let never = row.is_some_and(|row| !row.can_expire);
    Ok(never.then_some(NEVER_EXPIRES).into())
}
