//! The limit on updates: with one set, updates wait until all are known, are counted together, and leave or are
//! held together, as deletes are.

use super::Context;
use super::objects::{Case, cases, decide_all};
use super::report::Held;
use crate::import::{Places, mark_all};
use crate::job::Guard;
use crate::lane::Lane;
use crate::links;
use lockstep_api::configuration::LimitValue;
use lockstep_directory::Property;
use lockstep_engine::guard::Limit;
use lockstep_engine::mapping::MappedValues;
use lockstep_engine::{Decision, Reason};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::connector_space::{Dirty, Subject, SubjectKind};
use lockstep_store::records::job::HeldVerdict;
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many updates one batch carries out.
const BATCH: usize = 500;

/// A limit as the engine knows it.
pub(super) fn limit(value: Option<&LimitValue>) -> Option<Limit> {
    let value = value?;
    match (value, value.percent()) {
        (LimitValue::Number(number), _) => Some(Limit::Number(*number)),
        (LimitValue::Percentage(_), Some(percent)) => Some(Limit::Percent(percent)),
        // What cannot be read was refused; should it stand there all the same, nothing leaves unseen.
        (LimitValue::Percentage(_), None) => Some(Limit::Number(1)),
    }
}

fn limit_of(lane: &Lane) -> Option<Limit> {
    let known = crate::configuration::known(&lane.configuration);
    limit(known.spec.limits.updates.as_ref())
}

/// Whether there is a limit on updates.
pub(super) fn are_limited(lane: &Lane) -> bool {
    limit_of(lane).is_some()
}

/// What exactly is to be changed, in few bytes.
fn fingerprint(changes: &MappedValues) -> String {
    crate::ids::digest_of(changes)
}

/// Whether an update has to wait until all are counted; it is staged then. One that an administrator has rejected stays
/// rejected whatever the limit, and without one, until another change is decided or he allows it.
pub(super) fn stages(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &Context<'_>,
    case: &Case,
    reason: &Reason,
    object: ObjectId,
    changes: &MappedValues,
) -> Result<bool, StoreError> {
    let made = fingerprint(changes);
    let passes = context.report.passing.get(&case.object.guid);
    if passes.is_some_and(|approved| approved.as_ref().is_none_or(|approved| *approved == made)) {
        return Ok(false);
    }
    let before: Option<HeldChange> = tx.fetch_one(&(lane.owner(), object, None))?;
    let same = before.as_ref().filter(|row| row.fingerprint == made);
    if !are_limited(lane) {
        let is_rejected = same.is_some_and(|row| row.verdict == HeldVerdict::Rejected);
        if !is_rejected && let Some(row) = &before {
            tx.remove::<HeldChange>(&[row.id()])?;
        }
        return Ok(is_rejected);
    }
    if same.is_some() {
        return Ok(true);
    }
    lane.job.sequence += 1;
    let names: Vec<&str> = changes.keys().map(String::as_str).collect();
    tx.store(&[HeldChange {
        configuration: lane.owner(),
        guid: case.object.guid,
        object,
        member: None,
        name: case.known_as(lane),
        member_name: String::new(),
        kind: case.kind(),
        reason: format!("{} would change: {reason}", names.join(", ")),
        fingerprint: made,
        since: context.now.as_millis(),
        verdict: HeldVerdict::Open,
        told: false,
        // Another change is held like the one before it.
        tripped: before.is_some_and(|row| row.keeps_closed()),
        number: lane.job.sequence,
    }])?;
    Ok(true)
}

/// Lets staged updates leave, or holds them. Returns whether there may be more to do.
pub(super) fn leave(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    let Some(limit) = limit_of(lane) else {
        return lifted(tx, lane);
    };
    let allowed = list(tx, lane, HeldVerdict::Allowed)?;
    if !allowed.is_empty() {
        return carry_out(tx, lane, context, allowed, true);
    }
    // As with deletes: what an administrator has decided about counts no more.
    let owner = lane.owner();
    Guard::Updates.settle(tx, &mut lane.job, owner)?;
    let open = HeldChange::with(lane.owner(), HeldVerdict::Open, false);
    let staged = tx.how_many::<HeldChange>(Some(HeldChange::BY_VERDICT), &open)?;
    let of = match limit {
        Limit::Percent(_) if staged > 0 => links::live(tx, lane.owner())?,
        Limit::Number(_) | Limit::Percent(_) => 0,
    };
    let reached = context.staged_leave && limit.is_reached(context.report.passed + staged, of);
    if staged > 0 && (lane.job.updates_tripped || reached) {
        lane.job.updates_tripped = true;
        context.report.hold(Held::Updates, staged);
        announce(tx, lane, context)?;
        return Ok(false);
    }
    context.report.hold(Held::Updates, 0);
    if staged == 0 || !context.staged_leave {
        return Ok(false);
    }
    let rows = list(tx, lane, HeldVerdict::Open)?;
    context.report.passed += rows.len() as u64;
    carry_out(tx, lane, context, rows, false)
}

fn list(
    tx: &mut dyn Write,
    lane: &Lane,
    verdict: HeldVerdict,
) -> Result<Vec<HeldChange>, StoreError> {
    let prefix = HeldChange::with(lane.owner(), verdict, false);
    tx.list(&Scan::along(HeldChange::BY_VERDICT, prefix, BATCH))
}

/// Decides these anew and applies what is still decided: of what was approved only what is decided exactly so.
fn carry_out(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    rows: Vec<HeldChange>,
    exactly: bool,
) -> Result<bool, StoreError> {
    let ids: Vec<_> = rows.iter().map(HeldChange::id).collect();
    tx.remove::<HeldChange>(&ids)?;
    let passing = rows
        .iter()
        .map(|row| (row.guid, exactly.then(|| row.fingerprint.clone())));
    context.report.passing = passing.collect();
    lane.job.sequence += 1;
    let mark = Dirty {
        configuration: lane.configuration.id,
        kind: SubjectKind::Object,
        number: lane.job.sequence,
        subjects: rows.iter().map(|row| Subject::Object(row.guid)).collect(),
        position: None,
    };
    tx.store(std::slice::from_ref(&mark))?;
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    decide_all(tx, lane, context, &mut places, vec![mark])?;
    context.report.passing.clear();
    Ok(true)
}

/// There is no limit any more: whatever waited is decided anew. What was rejected was not held for the limit's sake
/// alone, and stays.
fn lifted(tx: &mut dyn Write, lane: &mut Lane) -> Result<bool, StoreError> {
    lane.job.updates_tripped = false;
    for verdict in [HeldVerdict::Open, HeldVerdict::Allowed] {
        let rows = list(tx, lane, verdict)?;
        if rows.is_empty() {
            continue;
        }
        let subjects = rows.iter().map(|row| Subject::Object(row.guid));
        mark_all(tx, &mut lane.job, subjects)?;
        let ids: Vec<_> = rows.iter().map(HeldChange::id).collect();
        tx.remove::<HeldChange>(&ids)?;
        return Ok(true);
    }
    Ok(false)
}

/// Logs each held update once, with what would change.
fn announce(tx: &mut dyn Write, lane: &Lane, context: &mut Context<'_>) -> Result<(), StoreError> {
    let prefix = HeldChange::with(lane.owner(), HeldVerdict::Open, false);
    let mut scan = Scan::along(HeldChange::BY_VERDICT, prefix, BATCH);
    loop {
        let rows: Vec<HeldChange> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        scan = scan.behind(last);
        let preview = context.report.items.is_some();
        let untold = |row: &&HeldChange| match preview {
            true => !context.report.told.contains(&row.guid),
            false => !row.told,
        };
        let guids: Vec<Guid> = rows.iter().filter(untold).map(|row| row.guid).collect();
        context.report.told.extend(&guids);
        let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
        for case in cases(tx, lane, context, &mut places, &guids)? {
            tell(tx, lane, context, &case)?;
        }
        let held: Vec<HeldChange> = rows
            .into_iter()
            .filter(|row| !row.told)
            .map(|row| HeldChange {
                told: true,
                tripped: true,
                ..row
            })
            .collect();
        tx.store(&held)?;
    }
}

fn tell(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    case: &Case,
) -> Result<(), StoreError> {
    let (decision, reason) = case.decide(lane, context);
    let Decision::Update {
        object,
        changes,
        desired,
    } = decision
    else {
        return Ok(());
    };
    let mut item = case.item(lane, Action::Update, &reason, Some(object));
    item.reason = format!("the limit on updates was reached; {reason}");
    item.code = "UpdateLimitReached";
    let applied = case.link.as_ref().map(|link| &link.applied);
    item.changes = changes
        .into_iter()
        .filter_map(|(name, new)| {
            let property = Property::known(desired.kind.into(), &name)?.name();
            let old = applied.and_then(|applied| applied.get(&name)).cloned();
            let mapping = &lane.policy.mapping;
            Some(crate::log::shown(
                mapping,
                desired.kind,
                property,
                (old, new),
            ))
        })
        .collect();
    crate::log::record(tx, context, Status::Warning, item)
}
