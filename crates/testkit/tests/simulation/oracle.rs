//! What must be true at the end of a history.
//!
//! Once everything is undisturbed, the directory is what a new service makes of the same domain, apart from
//! decisions that are kept; a further cycle writes nothing; neither does a full one; and what the directory
//! keeps about itself agrees.

mod claims;
mod met;

use crate::directory::SimulatedDirectory;
use crate::script::{Admin, Mapping, Setup, Wishes};
use crate::store::WatchedStore;
use crate::world::{Violation, Which, World};
use lockstep_directory::unique::owned;
use lockstep_directory::{Kind, Object, Values};
use lockstep_engine::Presence;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{CycleState, Guid};
use lockstep_server::job::Wake;
use lockstep_store::records::connector_space::{LinkRow, Staged};
use lockstep_store::records::directory::{DirectoryObject, DirectoryReference};
use lockstep_store::records::job::{Configuration, Cycle, HeldDelete};
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::safety::HeldChange;
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
    if world.was_untidy {
        // What was given up half-way is put in order by the next start.
        world.kill_service();
        world.settle(1);
    }
    let mut wanted = Vec::new();
    for which in world.configured() {
        let (wishes, gone) = world.wishes_that_exist(which);
        if gone {
            world.administer(which, &Admin::Configure(wishes.clone()));
        }
        world.settle(1);
        world.administer(which, &Admin::Pause(false));
        world.settle(1);
        wanted.push((which, wishes));
    }
    does_what_was_planned(world)?;
    if world.was_blind() {
        met::are_met(world)?;
        everybody(world, &Admin::RestartFull);
    }
    cycles(world)?;
    everybody(world, &Admin::AllowDeletes);
    cycles(world)?;
    let directory = world.shared.directory.borrow().clone();
    same_as_new(world, setup, &directory, &wanted)?;
    for which in world.configured() {
        world.passwords_are_current(which)?;
        claims::are_served(world, which)?;
    }
    nothing_more(world, "a further cycle")?;
    everybody(world, &Admin::RestartFull);
    nothing_more(world, "a full cycle")?;
    world.log_adds_up()?;
    everybody(world, &Admin::Reconcile);
    who_moved_is_gone(world)?;
    nothing_is_kept(world)
}

/// Whoever is known to have moved to another domain is not merely missing.
fn who_moved_is_gone(world: &World) -> Result<(), Violation> {
    if world.shared.rolled_back.get() {
        return Ok(());
    }
    let witnesses = world.shared.witnesses.borrow();
    for row in rows_of(world) {
        let mut configured = world.configured().into_iter();
        let which = configured.find(|which| world.configuration(*which) == Some(row.configuration));
        let told = which
            .is_some_and(|which| witnesses[which.index()].is_told_to_have_moved(row.object.guid));
        if told && matches!(row.object.presence, Presence::Missing { .. }) {
            return Err(Violation(format!(
                "{} is missing, who is known to have moved to another domain",
                world.shared.directory.borrow().name_of(row.object.guid)
            )));
        }
    }
    Ok(())
}

/// The same for every configuration.
fn everybody(world: &mut World, admin: &Admin) {
    for which in world.configured() {
        world.administer(which, admin);
        world.settle(1);
    }
}

/// Of who lies elsewhere nothing is kept but identity and place; of a plan, nothing at all.
fn nothing_is_kept(world: &mut World) -> Result<(), Violation> {
    let mut elsewhere: BTreeMap<ConfigurationId, BTreeSet<Guid>> = BTreeMap::new();
    for which in world.configured() {
        let directory = world.shared.directory.borrow();
        let witness = &world.shared.witnesses.borrow()[which.index()];
        let own = witness.elsewhere(directory.writer());
        elsewhere.extend(world.configuration(which).map(|id| (id, own)));
    }
    let rows = rows_of(world);
    let mut scratch: u64 = 0;
    world
        .store
        .read(&mut |tx| {
            let all: Vec<Configuration> = tx.list(&Scan::of(Key::empty(), ALL))?;
            scratch = all.iter().map(|known| u64::from(known.scratch)).sum();
            Ok(())
        })
        .expect("the store can be read");
    let own = |row: &Staged| elsewhere.contains_key(&row.configuration);
    if scratch > 0 || !rows.iter().all(own) {
        return Err(Violation("something of a plan is kept".to_owned()));
    }
    let kept = rows.iter().find(|row| {
        let alive = matches!(row.object.presence, Presence::Alive { .. });
        let out = elsewhere.get(&row.configuration);
        alive
            && !row.object.attributes.is_empty()
            && out.is_some_and(|out| out.contains(&row.object.guid))
    });
    match kept {
        Some(row) => Err(Violation(format!(
            "something of {} is kept, which lies out of scope",
            world.shared.directory.borrow().name_of(row.object.guid)
        ))),
        None => Ok(()),
    }
}

fn rows_of(world: &World) -> Vec<Staged> {
    let mut rows = Vec::new();
    world
        .store
        .read(&mut |tx| {
            rows = tx.list(&Scan::of(Key::empty(), ALL))?;
            Ok(())
        })
        .expect("the store can be read");
    rows
}

/// Undisturbed cycles, the last of which succeeds.
fn cycles(world: &mut World) -> Result<(), Violation> {
    for round in 1..=CYCLES {
        for which in world.configured() {
            let Some(cycle) = world.undisturbed_cycle(which, Wake::Clock) else {
                return Err(Violation(
                    "an undisturbed cycle leaves no result".to_owned(),
                ));
            };
            if round == CYCLES && cycle.state == CycleState::Failed {
                return Err(Violation(format!(
                    "an undisturbed cycle fails again and again ({:?})",
                    cycle.error
                )));
            }
            if cycle.state == CycleState::Succeeded && world.is_quarantined(which) {
                return Err(Violation(
                    "a clean cycle has ended, and the job is in quarantine still".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

/// One more cycle finds nothing to do.
fn nothing_more(world: &mut World, told: &str) -> Result<(), Violation> {
    for which in world.configured() {
        nothing_more_of(world, which, told)?;
    }
    Ok(())
}

fn nothing_more_of(world: &mut World, which: Which, told: &str) -> Result<(), Violation> {
    world.take_directory_writes();
    let cycle = world.undisturbed_cycle(which, Wake::Clock);
    let writes = world.take_directory_writes();
    let cycle = cycle.ok_or_else(|| Violation(format!("{told} leaves no result")))?;
    let done = cycle.created + cycle.updated + cycle.deleted + cycle.restored;
    match (cycle.state, done, writes) {
        (CycleState::Failed, ..) => Err(Violation(format!("{told} fails: {:?}", cycle.error))),
        (_, 0, 0) => Ok(()),
        _ => Err(Violation(format!(
            "{told} writes {writes} rows of the directory although nothing has changed ({} created, {} \
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
    wanted: &[(Which, Wishes)],
) -> Result<(), Violation> {
    let found = picture(world);
    if let Some(fault) = found.faults.first() {
        return Err(Violation(fault.clone()));
    }
    let mut fresh = World::new(setup, directory.clone(), WatchedStore::in_memory());
    for (which, wishes) in wanted {
        fresh.administer(*which, &Admin::Configure(wishes.clone()));
        fresh.settle(0);
        let cycle = fresh.undisturbed_cycle(*which, Wake::Clock);
        // Whatever the first has, the second fails to get.
        let is_read = |cycle: &Cycle| match which {
            Which::First => cycle.state == CycleState::Succeeded,
            Which::Second => cycle.state != CycleState::Failed,
        };
        if !cycle.as_ref().is_some_and(is_read) {
            return Err(Violation(format!(
                "a new service cannot read the domain: {cycle:?}"
            )));
        }
    }
    if wanted.len() > 1 {
        // What one configuration made, the other may have waited for.
        cycles(&mut fresh)?;
    }
    let mut expected = picture(&fresh);
    let mut found = found;
    for mapping in wanted.iter().flat_map(|(_, wishes)| &wishes.mappings) {
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
    if world.configured().len() > 1 {
        // What a configuration does depends on what the other lets go meanwhile.
        return Ok(());
    }
    // What is wrong with the domain as it is was told already, or is told by the cycle itself.
    let Some(plan) = world.plan() else {
        return Ok(());
    };
    world.settle(1);
    let Some(cycle) = world.undisturbed_cycle(Which::First, Wake::Hand) else {
        return Ok(());
    };
    if cycle.state == CycleState::Failed {
        return Ok(());
    }
    let entries = world.log_of(cycle.id);
    // A held delete is told once, and planned again and again.
    let held = |action: Action| plan.counts.held > 0 && action == Action::Delete;
    // What is healed and changed at once is told once.
    let heals = entries.iter().filter(|entry| entry.code == "Healed");
    let healed: BTreeSet<(Action, String)> = heals
        .map(|entry| (planned_as(entry.action), entry.anchor.clone()))
        .collect();
    let done: BTreeSet<(Action, String)> = entries
        .into_iter()
        .filter(|entry| entry.status == Status::Success || entry.action == Action::StagedDelete)
        // That a failure is over changes nothing.
        // A plan says nothing of passwords.
        .filter(|entry| entry.code != "Healed" && entry.code != "PasswordSet")
        .map(|entry| (planned_as(entry.action), entry.anchor))
        .filter(|(action, _)| !held(*action))
        .collect();
    let lists = [
        (Action::Create, &plan.creates),
        (Action::Restore, &plan.restores),
        (Action::Update, &plan.updates),
        (Action::Delete, &plan.deletes),
    ];
    let planned: BTreeSet<(Action, String)> = lists
        .into_iter()
        .flat_map(|(action, list)| list.iter().map(move |entry| (action, entry)))
        .map(|(action, entry)| (action, entry.anchor.clone()))
        .filter(|(action, _)| !held(*action))
        .collect();
    // A plan shows each object once: who is made or restored may have an entry of its own for what else it gets.
    let is_part = |(action, anchor): &(Action, String)| {
        let is_planned = |action| planned.contains(&(action, anchor.clone()));
        *action == Action::Update && (is_planned(Action::Create) || is_planned(Action::Restore))
    };
    let mut differing = done.symmetric_difference(&planned);
    match differing.find(|step| !healed.contains(*step) && !is_part(step)) {
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
const fn planned_as(action: Action) -> Action {
    match action {
        Action::StagedDelete => Action::Delete,
        other => other,
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
        if let Some(name) = ours.and_then(|seen| misnamed(seen, *guid, directory)) {
            return Err(Violation(name));
        }
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

/// The distinguished name is made of the tree, as Active Directory has it.
fn misnamed(seen: &Seen, guid: Guid, directory: &SimulatedDirectory) -> Option<String> {
    let controller = directory.writer();
    let entry = controller.entries.get(&guid).filter(|e| !e.is_deleted())?;
    let (name, told) = seen
        .wanted
        .iter()
        .find(|(property, _)| property.name() == "onPremisesDistinguishedName")?;
    let expected = controller.dn(entry).to_string();
    (told.as_text() != Some(expected.as_str())).then(|| {
        let name = name.name();
        format!(
            "{name} of {} is {told:?} and not {expected}",
            directory.name_of(guid)
        )
    })
}

/// Why an object may be left as it is, although a new service would do otherwise: the decision of who has an
/// anchor was made earlier, when other objects were there.
const DECIDED: [&str; 4] = [
    "AnchorChanged",
    "AnchorTaken",
    "OwnedByAnother",
    "MatchOfAnotherKind",
];
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
    let ids = world.configured().into_iter();
    let ids: Vec<_> = ids.filter_map(|which| world.configuration(which)).collect();
    world
        .store
        .read(&mut |tx| {
            picture = draw(tx, &ids)?;
            Ok(())
        })
        .expect("the store can be read");
    picture
}

fn draw(tx: &mut dyn Read, ids: &[ConfigurationId]) -> Result<Picture, StoreError> {
    let mut picture = Picture::default();
    let everything = || Scan::of(Key::empty(), ALL);
    for id in ids {
        decided(tx, *id, &mut picture)?;
    }
    let objects: Vec<DirectoryObject> = tx.list(&everything())?;
    let objects: BTreeMap<ObjectId, Object> = objects
        .into_iter()
        .map(|object| (object.object.id, object.object))
        .filter(|(_, object)| object.kind != Kind::ServicePrincipal)
        .collect();
    let mut guids: BTreeMap<ObjectId, Guid> = BTreeMap::new();
    for link in tx.list::<LinkRow>(&everything())? {
        let Some(object) = objects.get(&link.object).filter(|o| o.deleted.is_none()) else {
            if !link.deleted {
                let fault = format!("{} is joined with an object that is not there", link.guid);
                picture.faults.push(fault);
            }
            continue;
        };
        let owner = object.mastery.as_ref().map(|mastery| mastery.configuration);
        if link.deleted && owner != Some(link.configuration) {
            // Whose object this was; another configuration has taken it up since.
            continue;
        }
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
    let mastered = |object: &&Object| {
        let owner = object.mastery.as_ref().map(|mastery| mastery.configuration);
        object.deleted.is_none() && owner.is_some_and(|owner| ids.contains(&owner))
    };
    // What a configuration leaves behind that is removed is joined with nothing.
    for object in objects.values().filter(mastered) {
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
    for held in tx.list::<HeldChange>(&of_job())? {
        let reason = format!("a change of it is held ({:?})", held.verdict);
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
