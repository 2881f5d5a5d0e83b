//! One cycle: everything that is marked is decided anew and applied, batch by batch.
//!
//! Each batch is one transaction, in which rows are read, [`decide`](lockstep_engine::decide) is asked and its decisions are
//! applied: nothing can change in between, so nothing stale is applied. Killed between two batches, the
//! next cycle finds the marks that are left. A preview is the same on an overlay that is thrown away.

mod candidates;
mod deletes;
mod objects;
mod references;
mod report;

pub use deletes::{allow, reject};
pub use report::{Item, Report, Tally};

use crate::import::{Lane, Places, mark_all};
use crate::scope_groups;
use lockstep_directory::TenantRules;
use lockstep_engine::{ObjectClass, Phase};
use lockstep_model::ids::CycleId;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::connector_space::{Dirty, Staged, Subject};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many objects one batch decides.
const BATCH: usize = 500;

/// What a batch needs besides the store.
#[derive(Debug)]
pub struct Context<'a> {
    /// Which cycle.
    pub cycle: CycleId,
    /// The moment that the whole batch takes for now.
    pub now: Timestamp,
    /// How far the import has come.
    pub phase: Phase,
    /// The DNS suffixes that the tenant owns.
    pub tenant: &'a TenantRules,
    /// Deletes may leave: the cycle was woken by the clock or by hand, not by a change.
    pub deletes_leave: bool,
    /// What was done, to be added to.
    pub report: &'a mut Report,
}

/// How much a batch found to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// There may be more.
    More,
    /// Nothing is left that can be decided now.
    Done,
}

/// Works off one batch of marks.
///
/// `behind` remembers, while pages are still coming, up to which mark has been looked: marks that have
/// to wait for the end of the import are not looked at again and again.
///
/// # Errors
///
/// Those of the store; nothing of the batch is kept then.
pub fn batch(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    behind: &mut u64,
) -> Result<Progress, StoreError> {
    let configuration = lane.configuration.id;
    let mut places = Places::new(configuration, lane.policy.naming_context);
    if expand_subtree(tx, lane)? || settle_groups(tx, lane)? {
        return store(tx, lane, Progress::More);
    }
    let marks = marks(tx, lane, &Subject::Object(Guid::NIL), *behind, BATCH)?;
    if let Some(last) = marks.last() {
        let last = last.sequence;
        objects::decide_all(tx, lane, context, &mut places, marks)?;
        *behind = last;
        return store(tx, lane, Progress::More);
    }
    if context.phase == Phase::Reading {
        return Ok(Progress::Done);
    }
    if deletes::leave(tx, lane, context)? || references::batch(tx, lane, context)? {
        return store(tx, lane, Progress::More);
    }
    store(tx, lane, Progress::Done)
}

fn store(tx: &mut dyn Write, lane: &Lane, progress: Progress) -> Result<Progress, StoreError> {
    tx.store(std::slice::from_ref(&lane.job))?;
    Ok(progress)
}

/// Marks of one kind, in order, behind a number.
fn marks(
    tx: &mut dyn Write,
    lane: &Lane,
    example: &Subject,
    behind: u64,
    limit: usize,
) -> Result<Vec<Dirty>, StoreError> {
    let prefix = Dirty::of_kind(lane.configuration.id, example);
    let mut scan = Scan::along(Dirty::BY_SEQUENCE, prefix.clone(), limit);
    if behind > 0 {
        // Behind every row with this number: numbers are given once.
        scan.after = Some((prefix.with(behind), Key::from_bytes(vec![u8::MAX; 64])));
    }
    tx.list(&scan)
}

/// Clears marks, unless they have been set anew since they were read.
fn clear(tx: &mut dyn Write, read: &[Dirty]) -> Result<(), StoreError> {
    let ids: Vec<_> = read
        .iter()
        .map(|mark| (mark.configuration, mark.subject.clone()))
        .collect();
    let now: Vec<Option<Dirty>> = tx.fetch(&ids)?;
    let same = |(read, now): &(&Dirty, Option<Dirty>)| {
        now.as_ref()
            .is_some_and(|now| now.sequence == read.sequence)
    };
    let done: Vec<_> = read
        .iter()
        .zip(now)
        .filter(same)
        .map(|(mark, _)| mark)
        .collect();
    let ids: Vec<_> = done
        .iter()
        .map(|mark| (mark.configuration, mark.subject.clone()))
        .collect();
    tx.remove::<Dirty>(&ids)
}

/// Settles who belongs to the scope by way of groups, before objects are decided.
fn settle_groups(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    if let Some(mark) = marks(tx, lane, &Subject::Members(Guid::NIL), 0, 1)?.pop() {
        match scope_groups::expand_members(tx, lane, mark.clone(), BATCH)? {
            Some(further) => tx.store(&[further])?,
            None => clear(tx, &[mark])?,
        }
        return Ok(true);
    }
    let groups = marks(tx, lane, &Subject::Group(Guid::NIL), 0, BATCH)?;
    for mark in &groups {
        if let Subject::Group(group) = mark.subject {
            scope_groups::reconsider(tx, lane, group)?;
        }
    }
    clear(tx, &groups)?;
    Ok(!groups.is_empty())
}

/// Marks what lies directly in one marked container; the containers in it in turn.
fn expand_subtree(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    let Some(mark) = marks(tx, lane, &Subject::Subtree(Guid::NIL), 0, 1)?.pop() else {
        return Ok(false);
    };
    let Subject::Subtree(container) = mark.subject else {
        return Ok(false);
    };
    let prefix = Key::empty().with(lane.configuration.id).with(container);
    let mut scan = Scan::along(Staged::BY_PARENT, prefix.clone(), BATCH);
    scan.after = mark.position.clone().map(|position| (prefix, position));
    let children: Vec<Staged> = tx.list(&scan)?;
    let subjects: Vec<Subject> = children
        .iter()
        .filter(|child| child.object.guid != container)
        .map(|child| match child.object.class {
            Some(ObjectClass::Container) => Subject::Subtree(child.object.guid),
            _ => Subject::Object(child.object.guid),
        })
        .collect();
    mark_all(tx, &mut lane.job, subjects)?;
    match children.last() {
        Some(last) if children.len() == BATCH => {
            let position = Some(lockstep_store::Record::key(last));
            tx.store(&[Dirty { position, ..mark }])?;
        }
        _ => clear(tx, &[mark])?,
    }
    Ok(true)
}
