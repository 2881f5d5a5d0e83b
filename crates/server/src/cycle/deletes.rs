//! Deletes leave here, and nowhere else: after the import has said "no more", counted together, under
//! the guard.

use super::objects::{Case, cases, is_open};
use super::report::{Held, Item};
use super::{Context, claims, escrow, inherited, unresolved};
use crate::import::{Places, mark_all};
use crate::job::Guard;
use crate::lane::Lane;
use crate::{credentials, directory};
use lockstep_directory::Change;
use lockstep_engine::guard::Limit;
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::{Decision, Reason};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, codes};
use lockstep_store::records::connector_space::{LinkRow, Subject};
use lockstep_store::records::job::{HeldDelete, HeldVerdict};
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::password::PasswordRow;
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many deletes one batch carries out.
const BATCH: usize = 500;

/// Lets staged deletes leave, or holds them. Returns whether there may be more to do.
pub(super) fn leave(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    let configuration = lane.owner();
    // What an administrator has allowed leaves with the next cycle, whatever woke it.
    let allowed = list(tx, context, configuration, HeldVerdict::Allowed)?;
    if !allowed.is_empty() {
        return carry_out(tx, lane, context, allowed);
    }
    // Once everything is decided about that it held, the guard stands open again, and only what comes then counts.
    Guard::Deletes.settle(tx, &mut lane.job, configuration)?;
    let index = Some(HeldDelete::BY_VERDICT);
    let open = HeldDelete::with(configuration, HeldVerdict::Open);
    let staged = tx.how_many::<HeldDelete>(index, &open)?;
    let guard = crate::configuration::known(&lane.configuration)
        .spec
        .accidental_deletes;
    // All that leave in one cycle are counted together, in however many batches and rounds they are found.
    let counted = staged + context.report.left;
    let reached = context.staged_leave && Limit::Number(guard.threshold).is_reached(counted, 0);
    if staged > 0 && guard.enabled && (lane.job.guard_tripped || reached) {
        lane.job.guard_tripped = true;
        context.report.hold(Held::Deletes, staged);
        announce(tx, lane, context)?;
        return Ok(false);
    }
    context.report.hold(Held::Deletes, 0);
    if !context.staged_leave {
        return Ok(false);
    }
    let rows = list(tx, context, configuration, HeldVerdict::Open)?;
    if rows.is_empty() {
        return Ok(false);
    }
    let before = context.report.tally.deleted;
    let more = carry_out(tx, lane, context, rows)?;
    context.report.left += context.report.tally.deleted - before;
    Ok(more)
}

/// Some of those with a verdict, but for those of whom this cycle knows too little.
fn list(
    tx: &mut dyn Write,
    context: &Context<'_>,
    configuration: ConfigurationId,
    verdict: HeldVerdict,
) -> Result<Vec<HeldDelete>, StoreError> {
    let prefix = HeldDelete::with(configuration, verdict);
    let mut scan = Scan::along(HeldDelete::BY_VERDICT, prefix, BATCH);
    loop {
        let mut rows: Vec<HeldDelete> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(rows);
        };
        scan = scan.behind(last);
        rows.retain(|row| !context.report.put_off.contains(&row.guid));
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
}

/// Deletes what is still decided so for the same reason. What is decided otherwise is struck off the list; of whom too
/// little is known stays on it, and is put off to the next cycle.
fn carry_out(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    rows: Vec<HeldDelete>,
) -> Result<bool, StoreError> {
    let configuration = lane.owner();
    let guids: Vec<Guid> = rows.iter().map(|row| row.guid).collect();
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let cases = cases(tx, lane, context, &mut places, &guids)?;
    let escrowed = escrow::of(tx, lane, &guids)?;
    let mut leaving: Vec<(Case, Reason)> = Vec::new();
    let mut marks = Vec::new();
    for case in cases {
        let guid = case.object.guid;
        let Some(row) = rows.iter().find(|row| row.guid == guid) else {
            continue;
        };
        let (decision, reason) = case.decide(lane, context);
        if decision == Decision::Delete(row.object) && reason.code() == row.code {
            leaving.push((case, reason));
        } else if is_open(&decision, &reason) {
            context.report.put_off.insert(guid);
            // Whoever has to be read is asked for by the decision that follows; of who is missing an answer tells.
            let to_be_read = matches!(decision, Decision::Read(_));
            marks.extend(to_be_read.then_some(Subject::Object(guid)));
        }
    }
    let target = |case: &Case| case.link.as_ref().map(|link| link.object);
    let changes = leaving
        .iter()
        .filter_map(|(case, _)| Some(Change::Delete { id: target(case)? }));
    let (outcomes, inherited) =
        directory::write_untold(tx, context.tenant, changes.collect(), context.now)?;
    for ((case, reason), outcome) in leaving.into_iter().zip(outcomes) {
        if let Err(refusal) = outcome.result {
            super::objects::fail(
                tx,
                lane,
                context,
                &case,
                &refusal.to_string(),
                refusal.code(),
                Some(refusal.object()),
            )?;
            continue;
        }
        let mut item = case.item(lane, Action::Delete, &reason, target(&case));
        if let Some(failed) = escrowed.get(&case.object.guid) {
            item.reason.push_str(&escrow::healed(context, failed));
            escrow::forget(tx, failed)?;
        }
        super::objects::stays_home(tx, lane, &case, &reason)?;
        if reason == Reason::MovedToAnotherDomain {
            let user = target(&case).map(|user| (user, case.object.guid));
            credentials::moved(tx, user.as_slice())?;
        }
        let (anchor, guid) = (case.anchor(), case.object.guid);
        gone(tx, configuration, case)?;
        claims::free(tx, lane, &anchor)?;
        if reason != Reason::DeletedInAd {
            // Whoever refers to it in AD still does.
            marks.push(Subject::To(guid));
        }
        context.report.tally.deleted += 1;
        crate::log::record(tx, context, Status::Success, item)?;
    }
    let entries = inherited::tell(tx, lane, context, inherited)?;
    tx.store(&entries)?;
    mark_all(tx, &mut lane.job, marks)?;
    let over = guids
        .into_iter()
        .filter(|guid| !context.report.put_off.contains(guid));
    let ids: Vec<_> = over.map(|guid| (configuration, guid)).collect();
    tx.remove::<HeldDelete>(&ids)?;
    Ok(true)
}

/// A user stays in the recycle bin, and the link with it; anything else is gone for good.
fn gone(tx: &mut dyn Write, configuration: ConfigurationId, case: Case) -> Result<(), StoreError> {
    let guid = case.object.guid;
    // The credential stays with a user in the recycle bin; whether it is still the right one is asked anew.
    tx.remove::<PasswordRow>(&[(configuration, guid)])?;
    tx.remove::<LastDecision>(&[(configuration, guid)])?;
    unresolved::forget(tx, configuration, guid)?;
    if let Some(link) = &case.link_row {
        tx.remove::<HeldChange>(&[(configuration, link.object, None)])?;
    }
    match case.link_row {
        Some(link) if link.kind == MappedKind::User => tx.store(&[LinkRow {
            deleted: true,
            ..link
        }]),
        _ => tx.remove::<LinkRow>(&[(configuration, guid)]),
    }
}

/// Logs each held delete once; a preview tells of all.
fn announce(tx: &mut dyn Write, lane: &Lane, context: &mut Context<'_>) -> Result<(), StoreError> {
    let prefix = HeldDelete::with(lane.owner(), HeldVerdict::Open);
    let mut scan = Scan::along(HeldDelete::BY_VERDICT, prefix, BATCH);
    loop {
        let rows: Vec<HeldDelete> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        scan = scan.behind(last);
        let preview = context.report.items.is_some();
        for row in rows {
            let untold = match preview {
                true => context.report.told.insert(row.guid),
                false => !row.told,
            };
            if untold {
                crate::log::record(tx, context, Status::Warning, staged(&row))?;
            }
            if !row.told || !row.tripped {
                tx.store(&[HeldDelete {
                    told: true,
                    tripped: true,
                    ..row
                }])?;
            }
        }
    }
}

fn staged(row: &HeldDelete) -> Item {
    Item {
        guid: row.guid,
        configuration: row.configuration,
        target: Some(row.object),
        action: Action::StagedDelete,
        anchor: String::new(),
        kind: row.kind,
        name: None,
        dn: Some(row.name.clone()),
        reason: format!("the threshold for deletes was reached; {}", row.reason),
        code: codes::DELETE_THRESHOLD_REACHED,
        changes: Vec::new(),
    }
}
