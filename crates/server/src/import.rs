//! Takes what agents report into the connector space.
//!
//! Each function is one request of an agent, carried out in one transaction under the lease that the
//! request names ([`crate::agents`]). Nothing is decided here about the cloud directory;
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

use lockstep_api::problem::Problem;
use lockstep_store::StoreError;

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
