//! Several objects of AD with one anchor: one is provisioned, the others are listed, and have their turn when
//! it lets go.

use crate::import::mark;
use crate::lane::Lane;
use lockstep_engine::Reason;
use lockstep_model::{Guid, SourceAnchor};
use lockstep_store::records::connector_space::{Claim, Subject};
use lockstep_store::records::job::Job;
use lockstep_store::{ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many claimants of one anchor are looked at in one go.
const SLICE: usize = 1_000;

/// Lists a refused object among the claimants, if it was refused for its anchor.
pub(super) fn list(
    tx: &mut dyn Write,
    lane: &Lane,
    guid: Guid,
    reason: &Reason,
) -> Result<(), StoreError> {
    let Some(anchor) = reason.claimed() else {
        return Ok(());
    };
    tx.store(&[Claim {
        anchor: anchor.clone(),
        configuration: lane.owner(),
        guid,
    }])
}

/// An anchor has become free: all who claim it are decided anew.
pub(super) fn free(
    tx: &mut dyn Write,
    lane: &mut Lane,
    anchor: &SourceAnchor,
) -> Result<(), StoreError> {
    let claims: Vec<Claim> = tx.list(&Scan::of(Claim::of(anchor), SLICE))?;
    for claim in &claims {
        let subject = Subject::Object(claim.guid);
        if claim.configuration == lane.owner() {
            mark(tx, &mut lane.job, subject)?;
        } else if let Some(mut job) = tx.fetch_one::<Job>(&claim.configuration)? {
            mark(tx, &mut job, subject)?;
            tx.store(&[job])?;
        }
    }
    let ids: Vec<_> = claims.iter().map(Claim::id).collect();
    tx.remove::<Claim>(&ids)
}
