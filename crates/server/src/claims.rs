//! Who claims an anchor that another object of Active Directory has: the list that an administrator sees.

use crate::directory;
use lockstep_api::admin::Claim as View;
use lockstep_model::ids::ConfigurationId;
use lockstep_model::log::Status;
use lockstep_store::records::connector_space::Claim;
use lockstep_store::records::job::Configuration;
use lockstep_store::records::log::LastDecision;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};

/// How many claims are looked through in one go.
const SLICE: usize = 1_000;
/// How many are listed.
const LISTED: usize = 100;

/// The claims of one configuration, as far as they stand: who left the scope claims nothing any more. Says besides
/// whether there are more than are listed.
///
/// # Errors
///
/// Those of the store.
pub fn of(tx: &mut dyn Read, id: ConfigurationId) -> Result<(Vec<View>, bool), StoreError> {
    let mut scan = Scan::of(Key::empty(), SLICE);
    let mut listed = Vec::new();
    loop {
        let claims: Vec<Claim> = tx.list(&scan)?;
        let Some(last) = claims.last() else {
            return Ok((listed, false));
        };
        scan = scan.behind(last);
        for claim in claims.iter().filter(|claim| claim.configuration == id) {
            let Some(view) = view(tx, claim)? else {
                continue;
            };
            if listed.len() == LISTED {
                return Ok((listed, true));
            }
            listed.push(view);
        }
    }
}

fn view(tx: &mut dyn Read, claim: &Claim) -> Result<Option<View>, StoreError> {
    let decision: Option<LastDecision> = tx.fetch_one(&(claim.configuration, claim.guid))?;
    let Some(decision) = decision.filter(|decision| decision.outcome == Status::Failure) else {
        return Ok(None);
    };
    let object = directory::objects_by_anchor(tx, std::slice::from_ref(&claim.anchor))?;
    let object = object.into_iter().flatten().next();
    let owner = object.as_ref().and_then(|object| object.mastery.as_ref());
    let owner = owner.map(|mastery| mastery.configuration);
    let owner: Option<Configuration> = match owner {
        Some(owner) => tx.fetch_one(&owner)?,
        None => None,
    };
    Ok(Some(View {
        id: claim.guid.to_string(),
        anchor: claim.anchor.to_string(),
        object: object.map(|object| object.id.to_string()),
        owner: owner.map(|owner| owner.name),
        reason: decision.reason,
    }))
}
