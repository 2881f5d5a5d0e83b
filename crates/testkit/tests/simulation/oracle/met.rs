//! Whoever was hidden from the account is met as soon as anything of it changes, before everything is read anew.

use super::{Violation, Which, World, cycles};
use crate::directory::{Change, Entry, Label, SimulatedController, SimulatedDirectory};
use crate::script::Step;
use lockstep_model::Guid;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{LinkRow, Staged};
use lockstep_store::records::log::LastDecision;
use lockstep_store::{Read, ReadRecords as _, Store as _, StoreError};

/// An attribute that no history sets, and every kind of object has.
const ATTRIBUTE: &str = "info";

/// Those that take part and of whom the service has not heard are changed, and nobody else; then nothing is
/// unknown of them, nor of where they lie, and they are in the directory.
pub(super) fn are_met(world: &mut World) -> Result<(), Violation> {
    let mut strangers = Vec::new();
    for which in world.configured() {
        let found = taking_part(world, which, |tx, at| Ok(!is_known(tx, at.id, at.guid)?));
        strangers.extend(found.into_iter().map(|stranger| (which, stranger)));
    }
    if strangers.is_empty() {
        return Ok(());
    }
    for (_, (_, label)) in &strangers {
        world.step(&Step::Ad(Change::Set {
            label: *label,
            attribute: ATTRIBUTE,
            values: vec!["met".to_owned()],
        }));
    }
    world.shared.directory.borrow_mut().replicate_all();
    if cycles(world).is_err() {
        // What the scope names was hidden too: nothing goes on before everything is read anew.
        return Ok(());
    }
    for which in world.configured() {
        let unmet = taking_part(world, which, is_unmet);
        let was_one = |one: &(Guid, Label)| strangers.contains(&(which, *one));
        if let Some((guid, _)) = unmet.into_iter().find(was_one) {
            return Err(Violation(format!(
                "{} was hidden from the account, has changed since, and is not met",
                world.shared.directory.borrow().name_of(guid)
            )));
        }
    }
    Ok(())
}

/// An object that takes part, in Active Directory and here.
struct TakingPart<'a> {
    id: ConfigurationId,
    guid: Guid,
    controller: &'a SimulatedController,
    /// Who takes part is also said by groups.
    by_groups: bool,
}

/// Those that take part and of whom something is true.
fn taking_part(
    world: &World,
    which: Which,
    is_true: fn(&mut dyn Read, &TakingPart<'_>) -> Result<bool, StoreError>,
) -> Vec<(Guid, Label)> {
    let Some(id) = world.configuration(which) else {
        return Vec::new();
    };
    let directory = world.shared.directory.borrow();
    let controller = directory.writer();
    let witness = &world.shared.witnesses.borrow()[which.index()];
    // A controller that was set back may never hear of what it has lost.
    let everywhere = |guid: &Guid| directory.controllers.iter().all(|c| c.is_alive(*guid));
    let inside = witness.inside(controller).into_iter().filter(everywhere);
    let inside: Vec<Guid> = inside.collect();
    let mut found = Vec::new();
    world
        .store
        .read(&mut |tx| {
            found.clear();
            for guid in &inside {
                let object = TakingPart {
                    id,
                    guid: *guid,
                    controller,
                    by_groups: !witness.scope.groups.is_empty(),
                };
                if is_true(tx, &object)? {
                    found.push(*guid);
                }
            }
            Ok(())
        })
        .expect("the store can be read");
    let labelled = |guid| Some((guid, controller.entries.get(&guid)?.label));
    found.into_iter().filter_map(labelled).collect()
}

fn is_known(tx: &mut dyn Read, id: ConfigurationId, guid: Guid) -> Result<bool, StoreError> {
    let row: Option<Staged> = tx.fetch_one(&(id, guid))?;
    Ok(row.is_some_and(|row| row.object.class.is_some()))
}

/// It is not in the directory for want of knowledge.
fn is_unmet(tx: &mut dyn Read, object: &TakingPart<'_>) -> Result<bool, StoreError> {
    let id = object.id;
    let mut next = object.guid;
    while next != SimulatedDirectory::head() {
        if !is_known(tx, id, next)? {
            return Ok(true);
        }
        let row: Option<Staged> = tx.fetch_one(&(id, next))?;
        let told = row.and_then(|row| row.object.parent);
        let entry = object.controller.entries.get(&next);
        let Some(parent) = entry.and_then(Entry::parent) else {
            return Ok(false);
        };
        if told != Some(parent) {
            // What is above it was moved while it was hidden, and has not changed since.
            return Ok(false);
        }
        next = parent;
    }
    let joined: Option<LinkRow> = tx.fetch_one(&(id, object.guid))?;
    let decision: Option<LastDecision> = tx.fetch_one(&(id, object.guid))?;
    let there = joined.is_some_and(|joined| !joined.deleted);
    // What is written down of a decision is another reason; what groups say may be out of date.
    Ok(!there && decision.is_none() && !object.by_groups)
}
