//! What the cloud directory holds that an object could be: looked up for [`lockstep_engine::matching`].

use super::Context;
use super::objects::{Case, with_applied};
use crate::directory;
use crate::lane::Lane;
use crate::removal::is_free_for;
use lockstep_directory::unique::is_primary_of;
use lockstep_directory::{Object, UniqueValue};
use lockstep_engine::matching::{Holding, Owner};
use lockstep_engine::soft_keys;
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::Configuration;
use lockstep_store::{ReadRecords as _, StoreError, Write};
use std::collections::BTreeMap;

/// Looks up candidates: under the link for what has one, else by anchor, else by name and address.
pub(super) fn find_candidates(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    cases: &mut [Case],
) -> Result<(), StoreError> {
    let mut desk = Desk {
        own: lane.owner(),
        owners: BTreeMap::new(),
    };
    let mut unlinked = Vec::new();
    let mut linked = Vec::new();
    for case in cases.iter_mut() {
        match &case.link_row {
            Some(link) => linked.push((link.object, case)),
            None => unlinked.push(case),
        }
    }
    let ids: Vec<ObjectId> = linked.iter().map(|(id, _)| *id).collect();
    for ((_, case), object) in linked.into_iter().zip(directory::objects(tx, &ids)?) {
        case.candidates.linked = desk.holding(tx, object.as_ref())?;
        case.link = case.link_row.as_ref().map(|row| with_applied(row, object));
        if case.candidates.linked.is_none() {
            // What it was joined with is gone: it is looked for anew.
            unlinked.push(case);
        }
    }
    let unlinked = unlinked.into_iter();
    let unlinked = unlinked.filter(|case| case.object.is_complete(lane.policy.read_set));
    let mut unlinked: Vec<&mut Case> = unlinked.collect();
    let anchors: Vec<_> = unlinked.iter().map(|case| case.anchor()).collect();
    let found = directory::objects_by_anchor(tx, &anchors)?;
    for (case, object) in unlinked.iter_mut().zip(found) {
        let mut holding = desk.holding(tx, object.as_ref())?;
        if let Some(holding) = &mut holding
            && holding.owner == Owner::This
            && has_twin(tx, lane, holding.id, case.object.guid)?
        {
            holding.owner = Owner::Twin;
        }
        case.candidates.anchor = holding;
    }
    unlinked.retain(|case| case.candidates.anchor.is_none());
    soft(tx, lane, context, &mut desk, unlinked)
}

/// Whether an object of the directory became of another object of AD than this one.
fn has_twin(
    tx: &mut dyn Write,
    lane: &Lane,
    object: ObjectId,
    guid: Guid,
) -> Result<bool, StoreError> {
    let links = links_with(tx, lane, object)?;
    Ok(links.iter().any(|link| link.guid != guid))
}

/// The objects of AD that an object of the directory became of.
pub(super) fn links_with(
    tx: &mut dyn Write,
    lane: &Lane,
    object: ObjectId,
) -> Result<Vec<LinkRow>, StoreError> {
    let mut links = crate::links::to(tx, object)?;
    links.retain(|link| link.configuration == lane.owner());
    Ok(links)
}

/// Looks up who has the user principal name and the primary address of objects that are nowhere yet.
fn soft(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    desk: &mut Desk,
    cases: Vec<&mut Case>,
) -> Result<(), StoreError> {
    let mut asked: Vec<(usize, bool, UniqueValue)> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let situation = case.situation(context.phase, context.now);
        let Some(keys) = soft_keys(&situation, &lane.policy) else {
            continue;
        };
        let upn = keys.upn.as_deref().map(UniqueValue::user_principal_name);
        asked.extend(upn.map(|value| (index, true, value)));
        let smtp = keys.smtp.map(|address| UniqueValue::mail_address(&address));
        asked.extend(smtp.map(|value| (index, false, value)));
    }
    let values: Vec<UniqueValue> = asked.iter().map(|(.., value)| value.clone()).collect();
    let owners = directory::owners(tx, &values)?;
    let owned: Vec<(usize, bool, UniqueValue, ObjectId)> = asked
        .into_iter()
        .zip(owners)
        .filter_map(|((index, by_upn, value), owner)| Some((index, by_upn, value, owner?)))
        .collect();
    let ids: Vec<ObjectId> = owned.iter().map(|(.., id)| *id).collect();
    let objects = directory::objects(tx, &ids)?;
    let mut cases = cases;
    for ((index, by_upn, value, _), object) in owned.into_iter().zip(objects) {
        // Who has an address as a further one is not found by it.
        let object = object.filter(|object| by_upn || is_primary_of(&value, object));
        let holding = desk.holding(tx, object.as_ref())?;
        if let Some(case) = cases.get_mut(index) {
            match by_upn {
                true => case.candidates.upn = holding,
                false => case.candidates.smtp = holding,
            }
        }
    }
    Ok(())
}

/// Knows who provisions what.
struct Desk {
    own: ConfigurationId,
    /// Whether these configurations still are.
    owners: BTreeMap<ConfigurationId, bool>,
}

impl Desk {
    fn holding(
        &mut self,
        tx: &mut dyn Write,
        object: Option<&Object>,
    ) -> Result<Option<Holding>, StoreError> {
        let Some(object) = object else {
            return Ok(None);
        };
        let Some(kind) = object.kind.mapped() else {
            // Its anchor is of our own making, and no object of AD has it.
            return Ok(None);
        };
        let owner = match object.mastery.as_ref().map(|mastery| mastery.configuration) {
            None => Owner::Cloud,
            Some(owner) if owner == self.own => Owner::This,
            Some(owner) if self.is_there(tx, owner)? => Owner::Another,
            Some(_) => Owner::Gone,
        };
        Ok(Some(Holding {
            id: object.id,
            kind,
            deleted: object.deleted.is_some(),
            owner,
            administrator: !object.roles.is_empty(),
        }))
    }

    fn is_there(&mut self, tx: &mut dyn Write, id: ConfigurationId) -> Result<bool, StoreError> {
        if let Some(known) = self.owners.get(&id) {
            return Ok(*known);
        }
        let found: Option<Configuration> = tx.fetch_one(&id)?;
        let there = found.is_some_and(|row| !is_free_for(&row, self.own));
        self.owners.insert(id, there);
        Ok(there)
    }
}
