//! Directory replication: the only way to password hashes.
//!
//! Start at [`Session::open`]: one session with one controller, over which [`Session::changes`] asks for
//! what [`lockstep_ad_proto::drsuapi`] can say. [`open`] goes through a domain's controllers until one lets
//! itself be read.

mod error;
mod session;

pub use error::ReplicationError;
pub use session::{Page, Session};

use crate::controller::Controller;
use crate::ldap::{Connector, LdapError};
use crate::rights::Grantee;

/// A controller with which replication has begun.
#[derive(Debug)]
pub struct Replica {
    /// The controller, over LDAP.
    pub controller: Controller,
    /// The session.
    pub session: Session,
}

/// Opens a session with the first controller that lets secrets be read; one by the preferred name is tried
/// before all others.
///
/// # Errors
///
/// The first controller's error when none does, or at once when it lies with the account.
pub async fn open(
    connector: &Connector,
    preferred: Option<&str>,
) -> Result<Replica, ReplicationError> {
    let mut refused = Vec::new();
    let mut first_error = None;
    loop {
        let opened = Controller::open_other_than(connector, &refused, preferred).await;
        let mut controller = match (opened, first_error) {
            (Ok(controller), before) => {
                first_error = before;
                controller
            }
            (Err(_), Some(before)) => return Err(before),
            (Err(error), None) => return Err(error.into()),
        };
        match readable(connector, &mut controller).await {
            Ok(session) => {
                return Ok(Replica {
                    controller,
                    session,
                });
            }
            Err(error) => {
                tracing::warn!(
                    domain = connector.domain(),
                    server = controller.root_dse.host,
                    reason = crate::channel::chain(&error),
                    "a domain controller refuses replication; trying the next one"
                );
                refused.push(controller.root_dse.host.clone());
                first_error.get_or_insert(error);
                controller.connection.close().await;
            }
        }
    }
}

/// Opens a session, and sees whether the account has the rights.
async fn readable(
    connector: &Connector,
    controller: &mut Controller,
) -> Result<Session, ReplicationError> {
    let mut session = Session::open(connector, controller).await?;
    let missing = session
        .missing_rights(controller.identity.naming_context)
        .await?;
    if missing.is_empty() {
        return Ok(session);
    }
    session.close().await;
    let grantee = Grantee::find(controller, connector).await?;
    Err(ReplicationError::MissingRight {
        server: controller.connection.server().to_owned(),
        grantee,
        rights: missing,
    })
}

impl From<LdapError> for ReplicationError {
    fn from(error: LdapError) -> Self {
        Self::Ldap(error)
    }
}
