//! What of the directory is otherwise than it should be: every object decided once more, and compared.
//!
//! Nothing here is kept: it works on an overlay. What is known to be otherwise, because it waits, fails or
//! is held, is no drift.

use super::objects::{Case, cases};
use super::{Context, escrow, references};
use crate::cycle::Item;
use crate::directory;
use crate::import::Places;
use crate::lane::Lane;
use lockstep_directory::Change;
use lockstep_engine::{Decision, Reason};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_model::log::Action;
use lockstep_store::records::connector_space::{Dirty, LinkRow, Subject, SubjectKind};
use lockstep_store::records::job::HeldDelete;
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{ReadRecords as _, Scan, StoreError, Write};
use std::collections::{BTreeMap, HashSet};

/// The code of what is otherwise in the directory than it was written.
pub(crate) const VALUES: &str = "ValuesDrifted";
/// The code of references that are otherwise.
pub(crate) const REFERENCES: &str = "ReferencesDrifted";
/// How many marks are looked at in one go.
const MARKS: usize = 1_000;

/// Whether something has to be decided first that is not about single objects.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn is_unsettled(tx: &mut dyn Write, lane: &Lane) -> Result<bool, StoreError> {
    let kinds = [
        SubjectKind::Subtree,
        SubjectKind::Members,
        SubjectKind::Group,
        SubjectKind::From,
        SubjectKind::To,
        SubjectKind::Gone,
        SubjectKind::Strangers,
        SubjectKind::Reference,
    ];
    for kind in kinds {
        if super::next(tx, lane, kind)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares some objects of the connector space with the directory; gives what is otherwise, and how many were
/// compared. `tx` is an overlay.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn drift(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    guids: &[Guid],
) -> Result<(Vec<Item>, u64), StoreError> {
    let guids = without_known(tx, lane, guids)?;
    let failing = escrow::of(tx, lane, &guids)?;
    let mut compared = guids.len() as u64;
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let mut settled: BTreeMap<ObjectId, Item> = BTreeMap::new();
    let mut drifting = Vec::new();
    for case in cases(tx, lane, context, &mut places, &guids)? {
        let (decision, reason) = case.decide(lane, context);
        let fails = failing.contains_key(&case.object.guid);
        match decision {
            // It is known that it cannot be done, or what will be decided is not known yet.
            Decision::Fail | Decision::Wait | Decision::Read(_) => compared -= 1,
            Decision::Create(_)
            | Decision::Join(..)
            | Decision::Update { .. }
            | Decision::Restore(..)
            | Decision::Delete(_)
                if fails =>
            {
                compared -= 1;
            }
            Decision::Unchanged => {
                if let Some(link) = &case.link {
                    let item = case.item(lane, Action::Update, &Reason::InScope, Some(link.object));
                    settled.insert(link.object, item);
                }
            }
            Decision::Create(_) => drifting.push(otherwise(lane, &case, Action::Create, &reason)),
            Decision::Join(..) | Decision::Update { .. } => {
                drifting.push(otherwise(lane, &case, Action::Update, &reason));
            }
            Decision::Restore(..) => {
                drifting.push(otherwise(lane, &case, Action::Restore, &reason));
            }
            Decision::Delete(_) => drifting.push(otherwise(lane, &case, Action::Delete, &reason)),
            // There is nothing that could be otherwise.
            Decision::Skip => {}
        }
    }
    values(tx, context, &settled, &mut drifting)?;
    let changed = references::otherwise(tx, lane, settled.values().map(|item| item.guid))?;
    for holder in changed {
        if let Some(mut item) = settled.remove(&holder) {
            item.code = REFERENCES;
            "its references are not those of Active Directory".clone_into(&mut item.reason);
            drifting.push(item);
        }
    }
    Ok((drifting, compared))
}

/// Leaves out what is going to be decided anyway, or is held.
fn without_known(tx: &mut dyn Write, lane: &Lane, guids: &[Guid]) -> Result<Vec<Guid>, StoreError> {
    let mut known = marked(tx, lane, guids)?;
    let ids: Vec<_> = guids.iter().map(|guid| (lane.owner(), *guid)).collect();
    let held: Vec<Option<HeldDelete>> = tx.fetch(&ids)?;
    known.extend(held.into_iter().flatten().map(|row| row.guid));
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    for link in links.into_iter().flatten() {
        let of_object = HeldChange::of(lane.owner(), link.object);
        let changes: Vec<HeldChange> = tx.list(&Scan::of(of_object, 1))?;
        known.extend(changes.iter().map(|_| link.guid));
    }
    let left = guids.iter().filter(|guid| !known.contains(guid));
    Ok(left.copied().collect())
}

/// Those of them that are going to be decided, however much else is.
fn marked(tx: &mut dyn Write, lane: &Lane, guids: &[Guid]) -> Result<HashSet<Guid>, StoreError> {
    let asked: HashSet<Guid> = guids.iter().copied().collect();
    let mut marked = HashSet::new();
    let prefix = Dirty::of_kind(lane.configuration.id, SubjectKind::Object);
    let mut scan = Scan::of(prefix, MARKS);
    loop {
        let marks: Vec<Dirty> = tx.list(&scan)?;
        let Some(last) = marks.last() else {
            return Ok(marked);
        };
        scan = scan.behind(last);
        let subjects = marks.iter().flat_map(|mark| &mark.subjects);
        marked.extend(
            subjects
                .map(Subject::guid)
                .filter(|guid| asked.contains(guid)),
        );
    }
}

fn otherwise(lane: &Lane, case: &Case, action: Action, reason: &Reason) -> Item {
    let target = case.link.as_ref().map(|link| link.object);
    case.item(lane, action, reason, target)
}

/// Objects that do not show what the directory's rules make of what was written to them.
fn values(
    tx: &mut dyn Write,
    context: &Context<'_>,
    settled: &BTreeMap<ObjectId, Item>,
    drifting: &mut Vec<Item>,
) -> Result<(), StoreError> {
    let touch = |id: &ObjectId| Change::Update {
        id: *id,
        values: BTreeMap::new(),
    };
    let changes = settled.keys().map(touch).collect();
    for outcome in directory::write(tx, context.tenant, changes, context.now)? {
        let applied = outcome.result.map(|applied| applied.changes);
        let changes = applied.unwrap_or_default();
        let Some(item) = settled.get(&outcome.id).filter(|_| !changes.is_empty()) else {
            continue;
        };
        let names: Vec<&str> = changes
            .iter()
            .map(|change| change.property.name())
            .collect();
        drifting.push(Item {
            code: VALUES,
            reason: format!("{} not as they were written", names.join(", ")),
            ..item.clone()
        });
    }
    Ok(())
}
