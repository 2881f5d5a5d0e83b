//! What must be true at the end of a history.
//!
//! Once everything is undisturbed, the directory is what a new service makes of the same domain, apart from
//! decisions that are kept; a further cycle writes nothing; neither does a full one; and what the directory
//! keeps about itself agrees.

use crate::directory::SimulatedDirectory;
use crate::script::{Admin, Mapping, Setup, Wishes};
use crate::store::WatchedStore;
use crate::world::{Violation, World};
use lockstep_directory::unique::owned;
use lockstep_directory::{Kind, Object, Values};
use lockstep_engine::Presence;
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_server::job::Wake;
use lockstep_store::records::connector_space::{Joined, Staged};
use lockstep_store::records::directory::{DirectoryObject, DirectoryReference};
use lockstep_store::records::job::HeldDelete;
use lockstep_store::records::log::LastDecision;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, Store as _, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// So many undisturbed cycles are enough, whatever happened before.
const CYCLES: usize = 2;
/// More rows than any history has.
const ALL: usize = 100_000;

/// What a service has made of a domain.
#[derive(Debug, Default)]
struct Picture {
    /// Live objects by their GUID in Active Directory.
    objects: BTreeMap<Guid, Seen>,
    references: BTreeSet<(Guid, String, Guid)>,
    /// Objects that need not be as a new service would make them, and why.
    decided: BTreeMap<Guid, String>,
    /// What does not agree with itself.
    faults: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Seen {
    kind: Kind,
    anchor: String,
    wanted: Values,
}

/// Lets a history come to its end, and checks it.
pub(crate) fn check(world: &mut World, setup: &Setup) -> Option<Violation> {
    let judged = judge(world, setup);
    world.violation().or(judged.err())
}

fn judge(world: &mut World, setup: &Setup) -> Result<(), Violation> {
    world.heal();
    world.settle(1);
    let (wishes, gone) = world.wishes_that_exist();
    if gone {
        world.administer(&Admin::Configure(wishes.clone()));
    }
    world.settle(1);
    world.administer(&Admin::Pause(false));
    world.settle(1);
    does_what_was_planned(world)?;
    if world.was_blind() {
        world.administer(&Admin::RestartFull);
        world.settle(1);
    }
    cycles(world)?;
    world.administer(&Admin::AllowDeletes);
    world.settle(1);
    cycles(world)?;
    let directory = world.shared.directory.borrow().clone();
    same_as_new(world, setup, &directory, &wishes)?;
    nothing_more(world, "a further cycle")?;
    world.administer(&Admin::RestartFull);
    world.settle(1);
    nothing_more(world, "a full cycle")
}

/// Undisturbed cycles, the last of which succeeds.
fn cycles(world: &mut World) -> Result<(), Violation> {
    let mut last = String::new();
    for _ in 0..CYCLES {
        let Some(cycle) = world.undisturbed_cycle(Wake::Clock) else {
            return Err(Violation(
                "an undisturbed cycle leaves no result".to_owned(),
            ));
        };
        last = format!("{}: {:?}", cycle.state, cycle.error);
        if cycle.state == "failed" {
            continue;
        }
    }
    match last.starts_with("failed") {
        true => Err(Violation(format!(
            "an undisturbed cycle fails again and again ({last})"
        ))),
        false => Ok(()),
    }
}

/// One more cycle finds nothing to do.
fn nothing_more(world: &mut World, which: &str) -> Result<(), Violation> {
    world.take_directory_writes();
    let cycle = world.undisturbed_cycle(Wake::Clock);
    let writes = world.take_directory_writes();
    let cycle = cycle.ok_or_else(|| Violation(format!("{which} leaves no result")))?;
    let done = cycle.created + cycle.updated + cycle.deleted + cycle.restored;
    match (cycle.state.as_str(), done, writes) {
        ("failed", ..) => Err(Violation(format!("{which} fails: {:?}", cycle.error))),
        (_, 0, 0) => Ok(()),
        _ => Err(Violation(format!(
            "{which} writes {writes} rows of the directory although nothing has changed ({} created, {} \
             updated, {} deleted, {} restored)",
            cycle.created, cycle.updated, cycle.deleted, cycle.restored
        ))),
    }
}

/// What a new service makes of the same domain is the same.
fn same_as_new(
    world: &World,
    setup: &Setup,
    directory: &SimulatedDirectory,
    wishes: &Wishes,
) -> Result<(), Violation> {
    let found = picture(world);
    if let Some(fault) = found.faults.first() {
        return Err(Violation(fault.clone()));
    }
    let mut fresh = World::new(setup, directory.clone(), WatchedStore::in_memory());
    fresh.administer(&Admin::Configure(wishes.clone()));
    fresh.settle(0);
    let cycle = fresh.undisturbed_cycle(Wake::Clock);
    if cycle
        .as_ref()
        .is_none_or(|cycle| cycle.state != "succeeded")
    {
        return Err(Violation(format!(
            "a new service cannot read the domain: {cycle:?}"
        )));
    }
    let mut expected = picture(&fresh);
    let mut found = found;
    for mapping in &wishes.mappings {
        // These keep what was there before, which a new service cannot know.
        if matches!(mapping, Mapping::TitleOnce | Mapping::NoTitle) {
            found.forget("jobTitle");
            expected.forget("jobTitle");
        }
    }
    compare(&found, &expected, directory)
}

/// A plan is followed by a cycle that does exactly what it said.
fn does_what_was_planned(world: &mut World) -> Result<(), Violation> {
    // What is wrong with the domain as it is was told already, or is told by the cycle itself.
    let Some(plan) = world.plan() else {
        return Ok(());
    };
    world.settle(1);
    let Some(cycle) = world.undisturbed_cycle(Wake::Hand) else {
        return Ok(());
    };
    if cycle.state == "failed" {
        return Ok(());
    }
    let entries = world.log_of(cycle.id);
    // A held delete is told once, and planned again and again.
    let held = |action: &str| plan.counts.held > 0 && action == "Delete";
    let done: BTreeSet<(String, String)> = entries
        .into_iter()
        .filter(|entry| entry.status == "Success" || entry.action == "StagedDelete")
        // That a failure is over changes nothing.
        .filter(|entry| entry.code != "Healed")
        .map(|entry| (action(&entry.action), entry.anchor))
        .filter(|(action, _)| !held(action))
        .collect();
    let lists = [
        ("Create", &plan.creates),
        ("Restore", &plan.restores),
        ("Update", &plan.updates),
        ("Delete", &plan.deletes),
    ];
    let planned: BTreeSet<(String, String)> = lists
        .into_iter()
        .flat_map(|(action, list)| list.iter().map(move |entry| (action, entry)))
        .map(|(action, entry)| (action.to_owned(), entry.anchor.clone()))
        .filter(|(action, _)| !held(action))
        .collect();
    match done.symmetric_difference(&planned).next() {
        None => Ok(()),
        Some(step) if planned.contains(step) => Err(Violation(format!(
            "a plan says {} of {}, and the cycle behind it does not do it",
            step.0, step.1
        ))),
        Some(step) => Err(Violation(format!(
            "a cycle does {} of {}, which the plan before it did not say",
            step.0, step.1
        ))),
    }
}

/// A delete that is held is one of the plan's deletes.
fn action(action: &str) -> String {
    match action {
        "StagedDelete" => "Delete".to_owned(),
        other => other.to_owned(),
    }
}

impl Picture {
    /// Leaves a property out of the comparison.
    fn forget(&mut self, property: &str) {
        for seen in self.objects.values_mut() {
            seen.wanted.retain(|known, _| known.name() != property);
        }
    }
}

fn compare(
    found: &Picture,
    expected: &Picture,
    directory: &SimulatedDirectory,
) -> Result<(), Violation> {
    let name = |guid: &Guid| directory.name_of(*guid);
    for (guid, reason) in &found.decided {
        let controller = directory.writer();
        if reason == MISSING && controller.entries.contains_key(guid) {
            return Err(Violation(format!(
                "{} is listed as missing although Active Directory has it, or its tombstone",
                name(guid)
            )));
        }
    }
    let guids: BTreeSet<&Guid> = found
        .objects
        .keys()
        .chain(expected.objects.keys())
        .collect();
    for guid in guids {
        if found.decided.contains_key(guid) || expected.decided.contains_key(guid) {
            continue;
        }
        let (ours, theirs) = (found.objects.get(guid), expected.objects.get(guid));
        let what = match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours == theirs => continue,
            (Some(ours), Some(theirs)) => format!(
                "{} is not as a new service would make it: {}",
                name(guid),
                difference(ours, theirs)
            ),
            (Some(_), None) => format!(
                "{} is in the directory, and would not be with a new service",
                name(guid)
            ),
            (None, _) => format!(
                "{} is not in the directory, and would be with a new service",
                name(guid)
            ),
        };
        return Err(Violation(what));
    }
    let kept = |(source, _, target): &&(Guid, String, Guid)| {
        let open = |guid| !found.decided.contains_key(guid) && !expected.decided.contains_key(guid);
        open(source) && open(target)
    };
    let differing = found.references.symmetric_difference(&expected.references);
    if let Some(reference) = differing.into_iter().find(kept) {
        let (source, property, target) = reference;
        let has = match found.references.contains(reference) {
            true => "has",
            false => "lacks",
        };
        return Err(Violation(format!(
            "{} {has} {} among its {property}, and a new service would have it otherwise",
            name(source),
            name(target)
        )));
    }
    Ok(())
}

/// Why an object may be left as it is, although a new service would do otherwise: the decision of who has an
/// anchor was made earlier, when other objects were there.
const DECIDED: [&str; 3] = ["AnchorChanged", "AnchorTaken", "MatchOfAnotherKind"];
const MISSING: &str = "missing";

fn difference(ours: &Seen, theirs: &Seen) -> String {
    let mut text = String::new();
    if (ours.kind, &ours.anchor) != (theirs.kind, &theirs.anchor) {
        let _ = write!(
            text,
            "{:?} {} and not {:?} {}; ",
            ours.kind, ours.anchor, theirs.kind, theirs.anchor
        );
    }
    let properties: BTreeSet<_> = ours.wanted.keys().chain(theirs.wanted.keys()).collect();
    for property in properties {
        let (ours, theirs) = (ours.wanted.get(property), theirs.wanted.get(property));
        if ours != theirs {
            let _ = write!(text, "{} is {ours:?} and not {theirs:?}; ", property.name());
        }
    }
    text
}

fn picture(world: &World) -> Picture {
    let mut picture = Picture::default();
    let Some(id) = world.configuration else {
        return picture;
    };
    world
        .store
        .read(&mut |tx| {
            picture = draw(tx, id)?;
            Ok(())
        })
        .expect("the store can be read");
    picture
}

fn draw(tx: &mut dyn Read, id: ConfigurationId) -> Result<Picture, StoreError> {
    let mut picture = Picture::default();
    let of_job = || Scan::of(Key::empty().with(id), ALL);
    let everything = || Scan::of(Key::empty(), ALL);
    decided(tx, id, &mut picture)?;
    let objects: Vec<DirectoryObject> = tx.list(&everything())?;
    let objects: BTreeMap<ObjectId, Object> = objects
        .into_iter()
        .map(|object| (object.object.id, object.object))
        .filter(|(_, object)| object.kind != Kind::ServicePrincipal)
        .collect();
    let mut guids: BTreeMap<ObjectId, Guid> = BTreeMap::new();
    for link in tx.list::<Joined>(&of_job())? {
        let Some(object) = objects.get(&link.object).filter(|o| o.deleted.is_none()) else {
            if !link.deleted {
                let fault = format!("{} is joined with an object that is not there", link.guid);
                picture.faults.push(fault);
            }
            continue;
        };
        if let Some(other) = guids.insert(link.object, link.guid) {
            let fault = format!("{other} and {} are joined with one object", link.guid);
            picture.faults.push(fault);
        }
        let anchor = object.mastery.as_ref().map(|mastery| &mastery.anchor);
        let seen = Seen {
            kind: object.kind,
            anchor: anchor.map_or_else(String::new, ToString::to_string),
            wanted: object.wanted.clone(),
        };
        picture.objects.insert(link.guid, seen);
    }
    for object in objects.values().filter(|o| o.deleted.is_none()) {
        if !guids.contains_key(&object.id) {
            let name = object.text("displayName").unwrap_or_default();
            let fault = format!("{name} is in the directory and joined with nothing");
            picture.faults.push(fault);
        }
    }
    unique(&objects, &mut picture);
    for reference in tx.list::<DirectoryReference>(&everything())? {
        match (guids.get(&reference.source), guids.get(&reference.target)) {
            (Some(source), Some(target)) => {
                let reference = (*source, reference.property, *target);
                picture.references.insert(reference);
            }
            // Who is in the recycle bin keeps references, to be restored with them.
            _ => {
                let there = |id| objects.contains_key(id);
                if !there(&reference.source) || !there(&reference.target) {
                    let fault = format!("a reference leads to or from nobody: {reference:?}");
                    picture.faults.push(fault);
                }
            }
        }
    }
    Ok(picture)
}

/// What is decided and kept, so that a new service would do otherwise.
fn decided(
    tx: &mut dyn Read,
    id: ConfigurationId,
    picture: &mut Picture,
) -> Result<(), StoreError> {
    let of_job = || Scan::of(Key::empty().with(id), ALL);
    for Staged { object, .. } in tx.list::<Staged>(&of_job())? {
        if matches!(object.presence, Presence::Missing { .. }) {
            picture.decided.insert(object.guid, MISSING.to_owned());
        }
    }
    for held in tx.list::<HeldDelete>(&of_job())? {
        let reason = format!("its delete is held ({:?})", held.verdict);
        picture.decided.insert(held.guid, reason);
    }
    for decision in tx.list::<LastDecision>(&of_job())? {
        if DECIDED.contains(&decision.code.as_str()) {
            picture.decided.insert(decision.guid, decision.code);
        }
    }
    Ok(())
}

/// Each unique value has one owner, and who waits for one waits for somebody who has it.
fn unique(objects: &BTreeMap<ObjectId, Object>, picture: &mut Picture) {
    let mut owners = BTreeMap::new();
    for object in objects.values() {
        for value in owned(object) {
            if let Some(other) = owners.insert(value.clone(), object.id) {
                let fault = format!("{value:?} belongs to {other} and {}", object.id);
                picture.faults.push(fault);
            }
        }
    }
    for object in objects.values().filter(|o| o.deleted.is_none()) {
        for conflict in &object.conflicts {
            if owners.get(&conflict.value) != Some(&conflict.owner) {
                let fault = format!(
                    "{} waits for {:?}, which {} does not have",
                    object.text("displayName").unwrap_or_default(),
                    conflict.value,
                    conflict.owner
                );
                picture.faults.push(fault);
            }
        }
    }
}
