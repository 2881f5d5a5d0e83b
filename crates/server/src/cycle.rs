//! One cycle: everything that is marked is decided anew and applied, batch by batch.
//!
//! Each batch is one transaction, in which rows are read, [`decide`](lockstep_engine::decide) is asked and its decisions are
//! applied: nothing can change in between, so nothing stale is applied. Killed between two batches, the
//! next cycle finds the marks that are left. A preview is the same on an overlay that is thrown away.

mod candidates;
mod claims;
mod deletes;
mod drift;
pub(crate) mod escrow;
mod foreign;
mod inherited;
mod objects;
mod references;
mod removals;
mod report;
mod unresolved;
mod updates;

pub(crate) use drift::{VALUES, drift, is_unsettled};
pub use foreign::{forsake, reaching, reconsider};
pub(crate) use objects::with_applied;
pub use report::{Item, Report, Tally};
pub(crate) use unresolved::{
    CODE as REFERENCE_FAILURE, of_object as unresolved_of, tell as tell_unresolved,
};

use crate::import::{Places, mark_all};
use crate::lane::Lane;
use crate::scope_groups;
use lockstep_directory::TenantRules;
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::{Decision, ObjectClass, Phase, Reason, StagedObject};
use lockstep_model::ids::CycleId;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::connector_space::{Dirty, Staged, Subject, SubjectKind};
use lockstep_store::{Key, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _};

/// How many objects one batch decides.
const BATCH: usize = 1_000;
/// How many marks are looked at in one go: an administrator's change, or a quiet cycle, makes small ones.
const MARKS: usize = 100;

/// What a batch needs besides the store.
#[derive(Debug)]
pub struct Context<'a> {
    /// Which cycle.
    pub cycle: CycleId,
    /// The moment that the whole batch takes for now.
    pub now: Timestamp,
    /// When somebody asked for it; a cycle knows itself when it began.
    pub began: Option<Timestamp>,
    /// How far the import has come.
    pub phase: Phase,
    /// Nothing had been provisioned when the cycle began: whatever refers to an object that it makes was made
    /// by it too, and its references are still to be written.
    pub first: bool,
    /// The DNS suffixes that the tenant owns.
    pub tenant: &'a TenantRules,
    /// What was staged may leave: the cycle was woken by the clock or by hand, not by a change, and what it read was read
    /// for the configuration as it is. What an administrator has allowed leaves in any case.
    pub staged_leave: bool,
    /// What was done, to be added to.
    pub report: &'a mut Report,
}

impl<'a> Context<'a> {
    /// For decisions outside of a cycle that reads: everything has been read, and no delete leaves.
    pub const fn complete(
        cycle: CycleId,
        now: Timestamp,
        tenant: &'a TenantRules,
        report: &'a mut Report,
    ) -> Self {
        Self {
            cycle,
            now,
            began: None,
            phase: Phase::Complete,
            first: false,
            tenant,
            staged_leave: false,
            report,
        }
    }
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
    if expand_subtrees(tx, lane)? || settle_groups(tx, lane)? {
        return store(tx, lane, Progress::More);
    }
    let marks = objects_behind(tx, lane, *behind)?;
    if let Some(last) = marks.last() {
        let last = last.number;
        objects::decide_all(tx, lane, context, &mut places, marks)?;
        *behind = last;
        return store(tx, lane, Progress::More);
    }
    if context.phase == Phase::Reading {
        return Ok(Progress::Done);
    }
    let more = deletes::leave(tx, lane, context)?
        || updates::leave(tx, lane, context)?
        || references::batch(tx, lane, context)?
        || removals::leave(tx, lane, context)?
        || references::compare_all(tx, lane, context)?;
    if more {
        return store(tx, lane, Progress::More);
    }
    store(tx, lane, Progress::Done)
}

/// Settles one more mark of who belongs to the scope by way of groups. Returns whether there may be more.
///
/// # Errors
///
/// Those of the store.
pub fn settle(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    let more = settle_groups(tx, lane)?;
    tx.store(std::slice::from_ref(&lane.job))?;
    Ok(more)
}

/// One object, on demand.
#[derive(Debug)]
pub struct One {
    /// The object as it is staged.
    pub object: StagedObject,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
}

impl One {
    /// Its kind, as far as it is one that is provisioned.
    #[must_use]
    pub fn kind(&self) -> Option<MappedKind> {
        self.object.class.and_then(ObjectClass::kind)
    }
}

/// Decides one object, and applies it when that makes or changes something: what takes away is left to the
/// cycle. None: nothing is known of it.
///
/// # Errors
///
/// Those of the store; nothing is kept then.
pub fn one(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    guid: Guid,
) -> Result<Option<One>, StoreError> {
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let Some(case) = objects::cases(tx, lane, context, &mut places, &[guid])?.pop() else {
        return Ok(None);
    };
    let (decision, reason) = case.decide(lane, context);
    let applies = matches!(
        decision,
        Decision::Create(_) | Decision::Join(..) | Decision::Restore(..) | Decision::Update { .. }
    );
    if applies {
        context.report.passing.insert(guid, None);
        lane.job.sequence += 1;
        let mark = Dirty {
            configuration: lane.configuration.id,
            kind: SubjectKind::Object,
            number: lane.job.sequence,
            subjects: vec![Subject::Object(guid)],
            position: None,
        };
        tx.store(std::slice::from_ref(&mark))?;
        objects::decide_all(tx, lane, context, &mut places, vec![mark])?;
        while references::batch(tx, lane, context)? {}
        while unresolved::tell(tx, lane, context, Some(guid))? {}
        tx.store(std::slice::from_ref(&lane.job))?;
    }
    Ok(Some(One {
        object: case.object,
        decision,
        reason,
    }))
}

fn store(tx: &mut dyn Write, lane: &Lane, progress: Progress) -> Result<Progress, StoreError> {
    tx.store(std::slice::from_ref(&lane.job))?;
    Ok(progress)
}

/// The first mark of a kind.
fn next(tx: &mut dyn Write, lane: &Lane, kind: SubjectKind) -> Result<Option<Dirty>, StoreError> {
    let prefix = Dirty::of_kind(lane.configuration.id, kind);
    Ok(tx.list(&Scan::of(prefix, 1))?.pop())
}

/// Marks of objects behind a number: as many as make a batch, at least one if there is one.
fn objects_behind(tx: &mut dyn Write, lane: &Lane, behind: u64) -> Result<Vec<Dirty>, StoreError> {
    let prefix = Dirty::of_kind(lane.configuration.id, SubjectKind::Object);
    let mut scan = Scan::of(prefix.clone(), MARKS);
    let place = prefix.with(behind);
    scan.after = (behind > 0).then(|| (place.clone(), place));
    let mut marks: Vec<Dirty> = tx.list(&scan)?;
    let mut subjects = 0;
    let taken = marks.iter().take_while(|mark| {
        subjects += mark.subjects.len();
        subjects <= BATCH
    });
    let taken = taken.count().max(1);
    marks.truncate(taken);
    Ok(marks)
}

/// Stores what is left of a mark.
fn keep(tx: &mut dyn Write, mark: Dirty) -> Result<(), StoreError> {
    if mark.subjects.is_empty() {
        tx.remove::<Dirty>(&[mark.id()])
    } else {
        tx.store(&[mark])
    }
}

/// The first subject of a mark has been looked at.
fn first_done(tx: &mut dyn Write, mut mark: Dirty) -> Result<(), StoreError> {
    mark.subjects.drain(..1);
    mark.position = None;
    keep(tx, mark)
}

/// The first subject of a mark has been looked at up to this place.
fn first_goes_on(tx: &mut dyn Write, mut mark: Dirty, position: Key) -> Result<(), StoreError> {
    mark.position = Some(position);
    keep(tx, mark)
}

/// Settles who belongs to the scope by way of groups, before objects are decided. Nothing of the directory
/// changes. Says whether there may be more to do.
fn settle_groups(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    if let Some(mark) = next(tx, lane, SubjectKind::Members)? {
        let Some(group) = mark.subjects.first().map(Subject::guid) else {
            return keep(tx, mark).map(|()| true);
        };
        let position = mark.position.clone();
        match scope_groups::expand_members(tx, lane, group, position, BATCH)? {
            Some(position) => first_goes_on(tx, mark, position)?,
            None => first_done(tx, mark)?,
        }
        return Ok(true);
    }
    let Some(mark) = next(tx, lane, SubjectKind::Group)? else {
        return Ok(false);
    };
    tx.remove::<Dirty>(&[mark.id()])?;
    for group in mark.subjects.iter().map(Subject::guid) {
        scope_groups::reconsider(tx, lane, group)?;
    }
    Ok(true)
}

/// Marks what lies directly in marked containers; the containers in them in turn.
fn expand_subtrees(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    let Some(mut mark) = next(tx, lane, SubjectKind::Subtree)? else {
        return Ok(false);
    };
    let (mut looked, mut room, mut position) = (0, BATCH, mark.position.take());
    let mut subjects = Vec::new();
    for subject in &mark.subjects {
        let container = subject.guid();
        let prefix = Key::empty().with(lane.configuration.id).with(container);
        let mut scan = Scan::along(Staged::BY_PARENT, prefix.clone(), room);
        scan.after = position.take().map(|position| (prefix, position));
        let children: Vec<Staged> = tx.list(&scan)?;
        let below = children
            .iter()
            .filter(|child| child.object.guid != container);
        subjects.extend(below.map(|child| match child.object.class {
            Some(ObjectClass::Container) => Subject::Subtree(child.object.guid),
            _ => Subject::Object(child.object.guid),
        }));
        if children.len() == room {
            position = children.last().map(Record::key);
            break;
        }
        room -= children.len();
        looked += 1;
    }
    mark_all(tx, &mut lane.job, subjects)?;
    mark.subjects.drain(..looked);
    keep(tx, Dirty { position, ..mark })?;
    Ok(true)
}
