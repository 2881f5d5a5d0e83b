//! Decides and applies objects.

use super::candidates::{find_candidates, links_with};
use super::report::{Compared, Item};
use super::{Context, claims, escrow, foreign, inherited, keep, updates};
use crate::import::{Places, mark_all};
use crate::lane::Lane;
use crate::{directory, log, policy};
use lockstep_directory::{Change, Conflict, Kind, Mastery, Object, Outcome, Property, Values};
use lockstep_engine::mapping::{MappedKind, MappedValue, MappedValues, source_anchor};
use lockstep_engine::matching::Candidates;
use lockstep_engine::scope::Chain;
use lockstep_engine::{
    Decision, DesiredObject, Link, Membership, ObjectClass, Phase, Presence, Reason, RowState,
    Situation, StagedObject, decide, would_be,
};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, PropertyValue, Sid, SourceAnchor, Timestamp};
use lockstep_store::records::connector_space::{Dirty, LinkRow, Staged, Subject};
use lockstep_store::records::job::{HeldDelete, HeldVerdict};
use lockstep_store::records::log::{LastDecision, LogEntry};
use lockstep_store::records::password::PasswordRow;
use lockstep_store::records::safety::{Escrow, HeldChange};
use lockstep_store::{Key, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Everything that is known of one object when it is decided.
pub(super) struct Case {
    pub(super) object: StagedObject,
    pub(super) link_row: Option<LinkRow>,
    /// The same as the engine needs it, with what was last applied.
    pub(super) link: Option<Link>,
    pub(super) chain: Chain,
    pub(super) membership: Membership,
    pub(super) candidates: Candidates,
}

impl Case {
    /// Asks the engine.
    pub(super) fn decide(&self, lane: &Lane, context: &Context<'_>) -> (Decision, Reason) {
        decide(&self.situation(context.phase, context.now), &lane.policy)
    }

    pub(super) fn situation(&self, phase: Phase, now: Timestamp) -> Situation<'_> {
        Situation {
            object: &self.object,
            chain: &self.chain,
            membership: self.membership,
            link: self.link.as_ref(),
            candidates: self.candidates,
            phase,
            now,
        }
    }

    /// Its kind, as far as it is one that is provisioned.
    pub(super) fn kind(&self) -> Option<MappedKind> {
        self.object.class.and_then(ObjectClass::kind)
    }

    /// How people know what it became, unless the log must not show that.
    fn name(&self, lane: &Lane) -> Option<String> {
        const NAME: &str = "displayName";
        let kind = self.kind()?;
        let shown = !lane.policy.mapping.is_redacted(kind, NAME);
        let link = self.link.as_ref().filter(|_| shown)?;
        let name = link.applied.get(NAME).and_then(PropertyValue::as_text);
        name.map(str::to_owned)
    }

    /// Its distinguished name; none for an object that stays home.
    fn dn(&self, lane: &Lane) -> Option<String> {
        let applied = self
            .link
            .as_ref()
            .and_then(|link| link.applied.get("onPremisesDistinguishedName"));
        let name = self.chain.dn(&self.object, &lane.policy.naming_context_dn);
        name.map(|dn| dn.to_string())
            .or_else(|| applied.and_then(PropertyValue::as_text).map(str::to_owned))
    }

    /// How people know it.
    pub(super) fn known_as(&self, lane: &Lane) -> String {
        self.dn(lane)
            .unwrap_or_else(|| self.object.guid.to_string())
    }

    pub(super) fn anchor(&self) -> SourceAnchor {
        let link = self.link.as_ref().map(|link| link.anchor.clone());
        link.or_else(|| source_anchor(&self.object).ok())
            .unwrap_or_else(|| SourceAnchor::from_object_guid(self.object.guid))
    }

    pub(super) fn item(
        &self,
        lane: &Lane,
        action: Action,
        reason: &Reason,
        target: Option<ObjectId>,
    ) -> Item {
        Item {
            guid: self.object.guid,
            configuration: lane.owner(),
            target,
            action,
            anchor: self.anchor().to_string(),
            kind: self.kind(),
            name: self.name(lane),
            dn: self.dn(lane),
            reason: reason.to_string(),
            code: reason.code(),
            changes: Vec::new(),
        }
    }
}

/// Gathers what is known of these objects.
pub(super) fn cases(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    places: &mut Places,
    guids: &[Guid],
) -> Result<Vec<Case>, StoreError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = guids.iter().map(|guid| (configuration, *guid)).collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let ids: Vec<_> = guids.iter().map(|guid| (lane.owner(), *guid)).collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let mut cases = Vec::with_capacity(guids.len());
    for (row, link_row) in rows.into_iter().zip(links) {
        let Some(Staged { object, .. }) = row else {
            continue;
        };
        let chain = places.chain(tx, &object)?;
        let membership = lane.groups.membership(tx, &object)?;
        cases.push(Case {
            object,
            link_row,
            link: None,
            chain,
            membership,
            candidates: Candidates::default(),
        });
    }
    find_candidates(tx, lane, context, &mut cases)?;
    Ok(cases)
}

/// A remembered match with what was last applied: the values that the directory's object wants.
pub(crate) fn with_applied(link: &LinkRow, object: Option<Object>) -> Link {
    let wanted = object.map_or_else(Values::new, |object| object.wanted);
    Link {
        guid: link.guid,
        object: link.object,
        anchor: link.anchor.clone(),
        applied: wanted
            .into_iter()
            .map(|(property, value)| (property.name().to_owned(), value))
            .collect(),
        deleted: link.deleted,
    }
}

/// What was decided about one object and has to be written to the directory.
struct Pending {
    case: Case,
    reason: Reason,
    kind: MappedKind,
    anchor: SourceAnchor,
    action: Action,
    id: ObjectId,
}

/// Rows that a batch writes, gathered so that each table is written once.
#[derive(Default)]
struct Rows {
    links: Vec<LinkRow>,
    log: Vec<LogEntry>,
    marks: Vec<Subject>,
    /// Users who need a password.
    passwords: Vec<PasswordRow>,
    /// Objects whose last decision is no longer that they are left out.
    applied: Vec<(ConfigurationId, Guid)>,
    /// Objects that are as they should be, when something was written down of any object.
    unchanged: Vec<(ConfigurationId, Guid)>,
    /// Objects that failed before.
    escrowed: BTreeMap<Guid, Escrow>,
    /// There are changes that wait or are held.
    waiting: bool,
    /// Updates that are not decided any more.
    released: Vec<<HeldChange as Record>::Id>,
    /// Objects whose delete is not decided any more.
    kept: Vec<(ConfigurationId, Guid)>,
    /// Objects that have come to be in the directory.
    made: Vec<(Guid, Option<Sid>)>,
}

impl Rows {
    /// An update that waits is struck off the list when something else is decided.
    fn released(&mut self, lane: &Lane, decision: &Decision, case: &Case) {
        let other = !matches!(decision, Decision::Update { .. });
        if let Some(link) = case.link.as_ref().filter(|_| self.waiting && other) {
            self.released.push((lane.owner(), link.object, None));
        }
    }

    fn store(self, tx: &mut dyn Write, lane: &mut Lane) -> Result<(), StoreError> {
        tx.store(&self.links)?;
        tx.store(&self.passwords)?;
        tx.store(&self.log)?;
        tx.remove::<LastDecision>(&self.applied)?;
        let ended: Vec<Option<LastDecision>> = tx.fetch(&self.unchanged)?;
        let ended = ended.into_iter().flatten();
        let ended: Vec<_> = ended.map(|row| (row.configuration, row.guid)).collect();
        tx.remove::<LastDecision>(&ended)?;
        tx.remove::<HeldDelete>(&self.kept)?;
        tx.remove::<HeldChange>(&self.released)?;
        foreign::tell(tx, lane, &self.made)?;
        mark_all(tx, &mut lane.job, self.marks)
    }
}

/// Decides a batch of objects and applies what was decided, except deletes, which are staged.
pub(super) fn decide_all(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    places: &mut Places,
    marks: Vec<Dirty>,
) -> Result<(), StoreError> {
    let subjects = marks.iter().flat_map(|mark| &mark.subjects);
    let mut seen = HashSet::new();
    let guids: Vec<Guid> = subjects
        .map(Subject::guid)
        .filter(|guid| seen.insert(*guid))
        .collect();
    let cases = cases(tx, lane, context, places, &guids)?;
    let any = Scan::of(Key::empty().with(lane.owner()), 1);
    let mut rows = Rows {
        escrowed: escrow::of(tx, lane, &guids)?,
        waiting: !tx.scan(HeldChange::TABLE, &any)?.is_empty(),
        ..Rows::default()
    };
    let noted = !tx.scan(LastDecision::TABLE, &any)?.is_empty();
    let mut waiting = HashSet::new();
    // Of two objects with one anchor, or for one object of the directory, the first of a batch has it.
    let (mut anchors, mut taken) = (BTreeMap::new(), BTreeSet::new());
    let mut pending = Vec::new();
    let mut changes = Vec::new();
    for case in cases {
        let guid = case.object.guid;
        let (decision, reason) = case.decide(lane, context);
        if !is_open(&decision, &reason) && !matches!(decision, Decision::Delete(_)) {
            rows.kept.push((lane.owner(), guid));
            rows.released(lane, &decision, &case);
        }
        if noted && decision == Decision::Unchanged {
            // Whatever was decided of it before, it is so no more.
            rows.unchanged.push((lane.owner(), guid));
        }
        if matches!(decision, Decision::Unchanged | Decision::Skip)
            && let Some(row) = rows.escrowed.remove(&guid)
        {
            escrow::heal(tx, lane, context, &row, &case, &reason)?;
        }
        let wanted = match wanted(decision) {
            Ok(wanted) => wanted,
            Err(decision) => {
                let waits = without_write(tx, lane, context, case, decision, &reason)?;
                waiting.extend(waits.then_some(guid));
                continue;
            }
        };
        let Wanted {
            action,
            takes_over,
            id,
            desired,
            values,
        } = wanted;
        let is_update = action == Action::Update && !takes_over;
        let may_wait = is_update && (rows.waiting || updates::are_limited(lane));
        if may_wait && updates::stages(tx, lane, context, &case, &reason, id, &values)? {
            continue;
        }
        let holder = *anchors.entry(desired.anchor.clone()).or_insert(id);
        if !taken.insert(id) || case.link_row.is_none() && holder != id {
            let anchor = desired.anchor;
            let reason = Reason::AnchorTaken { anchor };
            claims::list(tx, lane, guid, &reason)?;
            let why = reason.to_string();
            fail(tx, lane, context, &case, &why, reason.code(), Some(holder))?;
            continue;
        }
        changes.push(change(lane, action, takes_over, id, &desired, values));
        pending.push(Pending {
            case,
            reason,
            kind: desired.kind,
            anchor: desired.anchor,
            action,
            id,
        });
    }
    let (outcomes, inherited) = directory::write_untold(tx, context.tenant, changes, context.now)?;
    for (pending, outcome) in pending.into_iter().zip(outcomes) {
        applied(tx, lane, context, &mut rows, pending, outcome)?;
    }
    rows.log
        .extend(inherited::tell(tx, lane, context, inherited)?);
    rows.store(tx, lane)?;
    for mut mark in marks {
        mark.subjects
            .retain(|subject| waiting.remove(&subject.guid()));
        keep(tx, mark)?;
    }
    Ok(())
}

/// Not enough is known to decide. That is no reason for anything: what waits for an administrator, or is rejected, stays
/// so, and a guard that has tripped over it stays closed.
pub(super) fn is_open(decision: &Decision, reason: &Reason) -> bool {
    matches!(decision, Decision::Wait | Decision::Read(_))
        || matches!(reason, Reason::Missing { .. })
}

/// What a decision asks to be written.
struct Wanted {
    action: Action,
    /// There is an object already that was not this one's.
    takes_over: bool,
    id: ObjectId,
    desired: DesiredObject,
    values: MappedValues,
}

/// What a decision asks to be written; a decision that asks for nothing is given back.
fn wanted(decision: Decision) -> Result<Wanted, Decision> {
    let (action, takes_over, id, mut desired, changes) = match decision {
        Decision::Create(desired) => {
            let id = ObjectId::new(crate::ids::random_guid());
            (Action::Create, false, id, desired, None)
        }
        Decision::Join(id, _, desired) => (Action::Update, true, id, desired, None),
        Decision::Restore(id, desired) => (Action::Restore, true, id, desired, None),
        Decision::Update {
            object,
            changes,
            desired,
        } => (Action::Update, false, object, desired, Some(changes)),
        other => return Err(other),
    };
    let values = changes.unwrap_or_else(|| std::mem::take(&mut desired.values));
    Ok(Wanted {
        action,
        takes_over,
        id,
        desired,
        values,
    })
}

/// Takes up a decision that asks for no write. Says whether the object has to wait.
fn without_write(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    case: Case,
    decision: Decision,
    reason: &Reason,
) -> Result<bool, StoreError> {
    match decision {
        Decision::Delete(target) => stage_delete(tx, lane, context, &case, reason, target)?,
        Decision::Unchanged => context.report.leave(case.object.guid),
        Decision::Skip => skip(tx, lane, context, &case, reason)?,
        Decision::Fail => {
            claims::list(tx, lane, case.object.guid, reason)?;
            let obstacle = case.situation(context.phase, context.now).obstacle(reason);
            let why = reason.to_string();
            fail(tx, lane, context, &case, &why, reason.code(), obstacle)?;
            if matches!(reason, Reason::OwnedByAnother { .. }) {
                compare(tx, lane, context, &case)?;
            }
        }
        Decision::Wait => return Ok(true),
        Decision::Read(missing) => {
            let asked = ask_for(tx, lane, case, missing)?;
            if context.report.items.is_some() {
                context.report.unread.extend(asked);
            }
            return Ok(asked.is_some());
        }
        // These are written.
        Decision::Create(_)
        | Decision::Join(..)
        | Decision::Restore(..)
        | Decision::Update { .. } => {}
    }
    Ok(false)
}

/// The change that carries a decision out.
fn change(
    lane: &Lane,
    action: Action,
    takes_over: bool,
    id: ObjectId,
    desired: &DesiredObject,
    values: MappedValues,
) -> Change {
    let kind = Kind::from(desired.kind);
    // A new object has no values that could be cleared.
    let values: BTreeMap<Property, Option<MappedValue>> = values
        .into_iter()
        .filter(|(_, value)| value.is_some() || action != Action::Create)
        .filter_map(|(name, value)| Some((Property::known(kind, &name)?, value)))
        .collect();
    let mastery = Mastery {
        configuration: lane.owner(),
        anchor: desired.anchor.clone(),
    };
    match action {
        Action::Create => Change::Create {
            id,
            kind,
            mastery: Some(mastery),
            values,
        },
        _ if takes_over => Change::TakeOver {
            id,
            kind,
            mastery,
            values,
        },
        _ => Change::Update { id, values },
    }
}

/// Takes up what became of a change.
fn applied(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    rows: &mut Rows,
    pending: Pending,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let Pending {
        case,
        reason,
        kind,
        anchor,
        action,
        id,
    } = pending;
    let guid = case.object.guid;
    let configuration = lane.owner();
    let result = match outcome.result {
        Ok(result) => result,
        Err(refusal) => {
            let (reason, code) = (refusal.to_string(), refusal.code());
            let obstacle = Some(refusal.object());
            return fail(tx, lane, context, &case, &reason, code, obstacle);
        }
    };
    rows.links.push(LinkRow {
        configuration,
        guid,
        object: id,
        kind,
        anchor,
        deleted: false,
    });
    rows.applied.push((configuration, guid));
    if case.link_row.is_none() && action != Action::Create {
        // What it became of before has no part in it any more.
        let others = links_with(tx, lane, id)?;
        let others = others.iter().filter(|link| link.guid != guid);
        let others: Vec<_> = others.map(|link| (configuration, link.guid)).collect();
        tx.remove::<LinkRow>(&others)?;
    }
    let is_new = action != Action::Update || case.link_row.as_ref().is_none_or(|link| link.deleted);
    if is_new && kind == MappedKind::User && crate::passwords::enabled(&lane.configuration) {
        let mut row = PasswordRow::unread(configuration, guid, id);
        row.fresh = action == Action::Create;
        rows.passwords.push(row);
    }
    if is_new {
        // What it refers to, and what refers to it, could not be written before.
        rows.marks.push(Subject::From(guid));
        rows.made.push((guid, case.object.sid.clone()));
        if !context.first {
            rows.marks.push(Subject::To(guid));
        }
    }
    // However often an object changes in a cycle, it is one.
    let again = !context.report.counted.insert(id) || context.report.referring.contains(&id);
    if is_new {
        context.report.made.insert(id);
    }
    let tally = &mut context.report.tally;
    match action {
        Action::Create => tally.created += 1,
        Action::Restore => tally.restored += 1,
        _ => tally.updated += u64::from(!again),
    }
    let mut item = case.item(lane, action, &reason, Some(id));
    if let Some(row) = rows.escrowed.remove(&guid) {
        item.reason.push_str(&escrow::healed(context, &row));
        escrow::forget(tx, &row)?;
    }
    item.reason
        .push_str(&held_back(lane, kind, &outcome.conflicts));
    item.changes = result
        .changes
        .into_iter()
        .map(|change| {
            let values = (change.old, change.new);
            log::shown(&lane.policy.mapping, kind, change.property.name(), values)
        })
        .collect();
    if let Some(items) = context
        .report
        .items
        .as_ref()
        .filter(|_| action != Action::Create)
    {
        context.report.updates.insert(id, items.len());
    }
    rows.log.push(log::entry(context, Status::Success, item));
    Ok(())
}

/// What an object goes without, because another has it.
fn held_back(lane: &Lane, kind: MappedKind, conflicts: &[Conflict]) -> String {
    let told = conflicts.iter().map(|conflict| {
        let name = conflict.property.name();
        match lane.policy.mapping.is_redacted(kind, name) {
            true => format!("; a value of {name} is held back, which another object has"),
            false => format!(
                "; {name} {} is held back, which another object has",
                conflict.value.value
            ),
        }
    });
    told.collect()
}

/// A preview says of an object that another configuration provisions in what this one would have it otherwise: so
/// a new configuration is compared with the one beside which it runs.
fn compare(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    case: &Case,
) -> Result<(), StoreError> {
    if context.report.items.is_none() {
        return Ok(());
    }
    let held = case.candidates.linked.or(case.candidates.anchor);
    let object = match held {
        Some(held) => directory::objects(tx, &[held.id])?.pop().flatten(),
        None => None,
    };
    let Some(object) = object else {
        return Ok(());
    };
    let applied = object.wanted.iter();
    let applied = applied.map(|(property, value)| (property.name().to_owned(), value.clone()));
    let situation = case.situation(context.phase, context.now);
    let Some((kind, values)) = would_be(&situation, &lane.policy, &applied.collect()) else {
        return Ok(());
    };
    let mut changes = Vec::new();
    for (name, new) in values {
        let Some(property) = Property::known(object.kind, &name) else {
            continue;
        };
        let old = object.wanted.get(&property).cloned();
        if old == new {
            continue;
        }
        changes.push(log::shown(
            &lane.policy.mapping,
            kind,
            property.name(),
            (old, new),
        ));
    }
    let report = &mut *context.report;
    let items = report.items.as_mut();
    if let Some((item, items)) = items.and_then(|items| items.split_last_mut()) {
        item.target = Some(object.id);
        item.changes = changes;
        // What it refers to may be made by this very preview.
        report.compared.push(Compared {
            item: items.len(),
            guid: case.object.guid,
            kind,
            holder: object.id,
        });
    }
    Ok(())
}

/// Stages a delete. Whether it leaves is decided when all are known.
fn stage_delete(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &Context<'_>,
    case: &Case,
    reason: &Reason,
    target: ObjectId,
) -> Result<(), StoreError> {
    let (configuration, guid) = (lane.owner(), case.object.guid);
    let before: Option<HeldDelete> = tx.fetch_one(&(configuration, guid))?;
    let same = |before: &HeldDelete| before.code == reason.code() && before.object == target;
    if before.as_ref().is_some_and(same) {
        return Ok(());
    }
    lane.job.sequence += 1;
    tx.store(&[HeldDelete {
        configuration,
        guid,
        object: target,
        name: case.known_as(lane),
        kind: case.kind(),
        reason: reason.to_string(),
        code: reason.code().to_owned(),
        since: context.now.as_millis(),
        verdict: HeldVerdict::Open,
        told: false,
        // Another reason is another decision, and opens no guard.
        tripped: before.is_some_and(|before| before.keeps_closed()),
        number: lane.job.sequence,
    }])
}

/// An object that takes no part. What lies outside of the scope is not logged one by one: asked for, its
/// reason is found again from its place.
fn skip(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    case: &Case,
    reason: &Reason,
) -> Result<(), StoreError> {
    let place = matches!(
        reason,
        Reason::OutsideScope
            | Reason::Excluded { .. }
            | Reason::FilteredOut { .. }
            | Reason::OtherClass
            | Reason::KindNotProvisioned(_)
    ) || reason.is_gone();
    let counts = !reason.is_gone() && *reason != Reason::OtherClass;
    if counts {
        context.report.tally.skipped += 1;
    }
    if place {
        if let Some(items) = &mut context.report.items
            && counts
        {
            let mut item = case.item(lane, Action::Skip, reason, None);
            item.dn = None;
            items.push(item);
        }
        stays_home(tx, lane, case, reason)?;
        return tx.remove::<LastDecision>(&[(lane.owner(), case.object.guid)]);
    }
    remember(
        tx,
        lane,
        context,
        case,
        Action::Skip,
        Status::Skipped,
        &reason.to_string(),
        reason.code(),
    )
}

/// Whoever is out of scope keeps nothing here but identity and place; of whom a filter keeps out, what it
/// asked about stays, so that a change of it is understood.
pub(super) fn stays_home(
    tx: &mut dyn Write,
    lane: &Lane,
    case: &Case,
    reason: &Reason,
) -> Result<(), StoreError> {
    let keeps_nothing = match case.object.state {
        RowState::Complete { .. } => false,
        // What decided about it while it was in place.
        RowState::PlaceOnly => case.object.attributes.is_empty(),
        // It is read first.
        RowState::Unread => true,
    };
    if keeps_nothing || lane.groups.contains(&case.object.guid) {
        return Ok(());
    }
    let mut object = case.object.clone();
    object.forget_content();
    if matches!(reason, Reason::FilteredOut { .. } | Reason::NeverSynced(_)) {
        object.attributes = case.object.attributes.clone();
        let read_set = policy::read_set_of(tx, lane.configuration.id)?;
        object.attributes.retain(|name, _| read_set.decides(name));
    }
    if object == case.object {
        return Ok(());
    }
    object.version += 1;
    tx.store(&[Staged {
        configuration: lane.configuration.id,
        object,
    }])
}

/// An object cannot be provisioned. `obstacle` is the object of the directory that stands in its way.
pub(super) fn fail(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    case: &Case,
    reason: &str,
    code: &'static str,
    obstacle: Option<ObjectId>,
) -> Result<(), StoreError> {
    let first = escrow::keep(tx, lane, context, case, reason, code, obstacle)?;
    context.report.tally.failed += u64::from(first);
    remember(
        tx,
        lane,
        context,
        case,
        Action::Other,
        Status::Failure,
        reason,
        code,
    )
}

/// Logs a decision that leaves an object out, unless it is the same as before.
#[expect(
    clippy::too_many_arguments,
    reason = "one entry of the log, told in full by two callers"
)]
fn remember(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    case: &Case,
    action: Action,
    status: Status,
    reason: &str,
    code: &'static str,
) -> Result<(), StoreError> {
    let id = (lane.owner(), case.object.guid);
    let before: Option<LastDecision> = tx.fetch_one(&id)?;
    let same = before.is_some_and(|before| before.code == code && before.reason == reason);
    if same && context.report.items.is_none() {
        return Ok(());
    }
    tx.store(&[LastDecision {
        configuration: id.0,
        guid: id.1,
        outcome: status,
        code: code.to_owned(),
        reason: reason.to_owned(),
        since: context.now.as_millis(),
        fingerprint: String::new(),
    }])?;
    let mut item = case.item(
        lane,
        action,
        &Reason::InScope,
        case.link.as_ref().map(|l| l.object),
    );
    item.reason = reason.to_owned();
    item.code = code;
    log::record(tx, context, status, item)
}

/// Has an object read by GUID at the end of the next page; gives it, unless that is not worth waiting for.
fn ask_for(
    tx: &mut dyn Write,
    lane: &Lane,
    case: Case,
    missing: Guid,
) -> Result<Option<Guid>, StoreError> {
    let configuration = lane.configuration.id;
    let row: Option<Staged> = tx.fetch_one(&(configuration, missing))?;
    // Of what is not known at all there is no row to mark: its child stands for it.
    let mut object = row.map_or(case.object, |row| row.object);
    if matches!(object.presence, Presence::Missing { .. }) {
        return Ok(None);
    }
    let asked = object.guid;
    if object.state != RowState::Unread {
        object.state = RowState::Unread;
        object.version += 1;
        tx.store(&[Staged {
            configuration,
            object,
        }])?;
    }
    Ok(Some(asked))
}
