//! Carries out what the service asks: reads a domain and sends what is wanted of it.
//!
//! Start at [`carry_out`]. Nothing is kept between two instructions; what one needs, it carries.
//! [`entry`] makes of what a controller says what is offered and sent, and [`replicated`] what is reported of
//! passwords; [`ranges::RangedSet`] asks for large sets. They know neither connection nor channel.

mod attributes;
mod by_guid;
mod changes;
mod credentials;
mod doubts;
pub mod entry;
mod questions;
pub mod ranges;
pub mod replicated;
mod report;
mod slices;

pub use attributes::Wanted;

use crate::channel::{Channel, ChannelError};
use crate::controller::Controller;
use crate::drs::ReplicationError;
use crate::ldap::{Connector, LdapError};
use lockstep_api::channel::{Action, Instruction, Outcome};
use report::Reporter;
use std::sync::Arc;

/// Why an instruction ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The domain could not be read: the service is told.
    #[error(transparent)]
    Domain(#[from] LdapError),
    /// Passwords could not be read: the service is told.
    #[error(transparent)]
    Replication(#[from] ReplicationError),
    /// The service could not be told, or wants no more of it.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

/// Carries out an instruction, and tells the service what came of it.
///
/// # Errors
///
/// [`ChannelError`] when the service was not told: its lease ends, and it asks again.
pub async fn carry_out(
    channel: &Arc<Channel>,
    connector: Result<Connector, LdapError>,
    instruction: Instruction,
) -> Result<(), ChannelError> {
    let reporter = Reporter::new(Arc::clone(channel), instruction.id, instruction.lease);
    let alive = reporter.keep_alive();
    let work = work(connector, &reporter, &instruction.action).await;
    alive.abort();
    let outcome = match work {
        Ok(outcome) => outcome,
        Err(ReadError::Domain(error)) => {
            let (code, remedy) = (error.code(), error.remedy());
            failed(&instruction.domain, &error, code, remedy)
        }
        Err(ReadError::Replication(error)) => {
            let (code, remedy) = (error.code(), error.remedy());
            failed(&instruction.domain, &error, code, remedy)
        }
        Err(ReadError::Channel(ChannelError::Refused { problem })) => Outcome::Failed {
            code: problem.code,
            message: problem.title,
            remedy: problem.remedy.unwrap_or_default(),
        },
        Err(ReadError::Channel(error)) => return Err(error),
    };
    reporter.finish(outcome).await
}

fn failed(
    domain: &str,
    error: &(dyn std::error::Error + 'static),
    code: &str,
    remedy: String,
) -> Outcome {
    let reason = crate::channel::chain(error);
    tracing::warn!(domain, reason, "the domain could not be read");
    Outcome::Failed {
        code: code.to_owned(),
        message: reason,
        remedy,
    }
}

async fn work(
    connector: Result<Connector, LdapError>,
    reporter: &Reporter,
    action: &Action,
) -> Result<Outcome, ReadError> {
    let connector = connector?;
    match action {
        Action::ReadChanges(order) => {
            let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
            let controller = Controller::open(&connector, preferred).await?;
            changes::read_changes(&connector, controller, reporter, order).await?;
            Ok(Outcome::Done)
        }
        Action::ReadObjects(order) => {
            let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
            let controller = Controller::open(&connector, preferred).await?;
            by_guid::read_objects(controller, reporter, order).await?;
            Ok(Outcome::Done)
        }
        Action::ReadCredentials(order) => {
            credentials::read_credentials(&connector, reporter, order).await?;
            Ok(Outcome::Done)
        }
        Action::ListOrganizationalUnits => {
            let controller = Controller::open(&connector, None).await?;
            Ok(questions::organizational_units(controller).await?)
        }
        Action::ListGroups => {
            let controller = Controller::open(&connector, None).await?;
            Ok(questions::groups(controller).await?)
        }
        Action::ReadSchema => {
            let controller = Controller::open(&connector, None).await?;
            Ok(questions::schema(controller).await?)
        }
        Action::Resolve(order) => {
            let controller = Controller::open(&connector, None).await?;
            Ok(questions::resolve(controller, order).await?)
        }
        Action::TestConnection => {
            Controller::open(&connector, None)
                .await?
                .connection
                .close()
                .await;
            Ok(Outcome::Done)
        }
    }
}
