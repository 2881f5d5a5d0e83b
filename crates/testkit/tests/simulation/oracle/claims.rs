//! Several objects of Active Directory that could be one of the directory: one is, and the others are listed and
//! have their turn.

use super::{Violation, Which, World};
use crate::directory::Entry;
use lockstep_engine::mapping::MappedKind;
use lockstep_model::{Guid, SourceAnchor};
use lockstep_server::{claims, directory};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::log::LastDecision;
use lockstep_store::{Read, ReadRecords as _, Store as _, StoreError};

/// Every user who takes part is in the directory, or stands among the claimants of an anchor that somebody has.
pub(super) fn are_served(world: &World, which: Which) -> Result<(), Violation> {
    let Some(id) = world.configuration(which) else {
        return Ok(());
    };
    let simulated = world.shared.directory.borrow();
    let controller = simulated.writer();
    let inside = world.shared.witnesses.borrow()[which.index()].inside(controller);
    let users = inside
        .iter()
        .filter_map(|guid| controller.entries.get(guid));
    let users: Vec<&Entry> = users.filter(|entry| entry.class.is_person()).collect();
    let mut neglected = None;
    world
        .store
        .read(&mut |tx| {
            let (listed, _) = claims::of(tx, id)?;
            for user in &users {
                let is_listed = listed.iter().any(|claim| claim.id == user.guid.to_string());
                if neglected.is_none() && !is_served(tx, id, user, is_listed)? {
                    neglected = Some(user.guid);
                }
            }
            Ok(())
        })
        .expect("the store can be read");
    match neglected {
        Some(guid) => Err(Violation(format!(
            "{} takes part in {}, is not in the directory, and waits for nobody",
            simulated.name_of(guid),
            which.name()
        ))),
        None => Ok(()),
    }
}

fn is_served(
    tx: &mut dyn Read,
    id: lockstep_model::ids::ConfigurationId,
    user: &Entry,
    is_listed: bool,
) -> Result<bool, StoreError> {
    let joined: Option<LinkRow> = tx.fetch_one(&(id, user.guid))?;
    if joined.is_some_and(|joined| joined.kind == MappedKind::User && !joined.deleted) {
        return Ok(true);
    }
    let decision: Option<LastDecision> = tx.fetch_one(&(id, user.guid))?;
    let code = decision.map(|decision| decision.code).unwrap_or_default();
    if !is_listed || code == "AnchorChanged" {
        // Whatever else is the reason is another rule's affair; who was a claimant before that may be listed still.
        return Ok(!matches!(
            code.as_str(),
            "" | "AnchorTaken" | "OwnedByAnother"
        ));
    }
    let owner = directory::objects_by_anchor(tx, &[anchor_of(user)])?;
    let owner = owner.into_iter().flatten().next();
    Ok(owner.is_some_and(|owner| owner.deleted.is_none()))
}

/// ms-DS-ConsistencyGuid, else objectGUID.
fn anchor_of(user: &Entry) -> SourceAnchor {
    let own = user.values("ms-ds-consistencyguid").first();
    let guid = own.and_then(|value| Guid::from_wire(value).ok());
    SourceAnchor::from_object_guid(guid.unwrap_or(user.guid))
}
