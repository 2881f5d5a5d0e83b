//! Takes what agents report into the connector space.
//!
//! Each function is one request of an agent, carried out in one transaction under the lease that the
//! request names: a superseded agent writes nothing. Nothing is decided here about the cloud directory;
//! what has to be looked at again is marked.

mod begin;
mod contents;
mod marks;
mod objects;
mod offer;
mod page;
mod place;
mod position;

pub use begin::begin;
pub(crate) use begin::{is_set_back, remember, same_domain};
pub(crate) use marks::read_by_guid;
pub use marks::{mark, mark_all};
pub use objects::objects;
pub use offer::offer;
pub(crate) use page::entomb;
pub use page::page;
pub use place::{Places, chain_of};

use crate::lane::Lane;
use lockstep_api::problem::Problem;
use lockstep_model::ids::InstructionId;
use lockstep_store::records::job::{Configuration, InstructionRow, InstructionState, Job};
use lockstep_store::{ReadRecords as _, StoreError, Write};

/// Why a request of an agent was not carried out. Nothing of it is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What the agent is told.
    #[error("{}", .0.title)]
    Refused(Problem),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds the job of an instruction, if the lease is still the agent's.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `LeaseSuperseded` when it is not.
pub fn lane(tx: &mut dyn Write, id: InstructionId, lease: u64) -> Result<Lane, ImportError> {
    let superseded = || {
        let title = "the lease of this instruction has been given on; nothing was stored";
        ImportError::Refused(Problem::new(409, lockstep_api::channel::SUPERSEDED, title))
    };
    let row: InstructionRow = tx.fetch_one(&id)?.ok_or_else(superseded)?;
    let taken = matches!(row.state, InstructionState::Taken(_));
    let configuration = row.configuration.filter(|_| taken).ok_or_else(superseded)?;
    let job: Job = tx.fetch_one(&configuration)?.ok_or_else(superseded)?;
    let leases = [
        (job.lease, job.instruction),
        (job.passwords.lease, job.passwords.instruction),
    ];
    if row.lease != lease || !leases.contains(&(lease, Some(id))) {
        return Err(superseded());
    }
    let configuration: Configuration = tx.fetch_one(&configuration)?.ok_or_else(superseded)?;
    Ok(Lane::new(tx, job, configuration)?)
}
