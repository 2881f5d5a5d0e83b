//! The limit on members removed from one group: with one set, removals wait until all are known, are counted
//! for each group, and leave or are held together.

use super::objects::cases;
use super::references::{Changes, Id, edges_of, names};
use super::report::Held;
use super::{Context, updates};
use crate::import::Places;
use crate::job::Guard;
use crate::lane::Lane;
use crate::{directory, links};
use lockstep_engine::Reason;
use lockstep_engine::guard::Limit;
use lockstep_model::ids::ObjectId;
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, MappedKind};
use lockstep_store::records::connector_space::{LinkRow, StagedReference};
use lockstep_store::records::directory::DirectoryReference;
use lockstep_store::records::job::HeldVerdict;
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeMap;

/// How many removals are looked at, or carried out, in one go.
const BATCH: usize = 2_000;
/// The property that the limit is about.
const MEMBERS: &str = "members";

fn limit_of(lane: &Lane) -> Option<Limit> {
    let known = crate::configuration::known(&lane.configuration);
    updates::limit(known.spec.limits.member_removals.as_ref())
}

/// Takes out of these references those that have to wait until all are counted, and stages them. What an administrator
/// has rejected stays, whatever the limit, and without one, until he allows it or Active Directory has it again.
pub(super) fn stage(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &Context<'_>,
    removed: Vec<Id>,
) -> Result<Vec<Id>, StoreError> {
    let is_limited = limit_of(lane).is_some();
    if !is_limited && !is_any_rejected(tx, lane)? {
        return Ok(removed);
    }
    let (members, mut others): (Vec<Id>, Vec<Id>) = removed
        .into_iter()
        .partition(|(_, property, _)| property == MEMBERS);
    let ids: Vec<_> = members
        .iter()
        .map(|(group, _, member)| (lane.owner(), *group, Some(*member)))
        .collect();
    let known: Vec<Option<HeldChange>> = tx.fetch(&ids)?;
    let mut rows = Vec::new();
    lane.job.sequence += 1;
    for (id, known) in members.into_iter().zip(known) {
        match known {
            Some(known) if is_limited || known.verdict == HeldVerdict::Rejected => {}
            None if is_limited => rows.extend(row(tx, lane, context, id.0, id.2)?),
            _ => others.push(id),
        }
    }
    tx.store(&rows)?;
    Ok(others)
}

fn is_any_rejected(tx: &mut dyn Read, lane: &Lane) -> Result<bool, StoreError> {
    let prefix = HeldChange::with(lane.owner(), HeldVerdict::Rejected, true);
    let count = tx.how_many::<HeldChange>(Some(HeldChange::BY_VERDICT), &prefix)?;
    Ok(count > 0)
}

fn row(
    tx: &mut dyn Read,
    lane: &Lane,
    context: &Context<'_>,
    group: ObjectId,
    member: ObjectId,
) -> Result<Option<HeldChange>, StoreError> {
    let Some(guid) = own(tx, lane, group)? else {
        return Ok(None);
    };
    let objects = directory::objects(tx, &[group, member])?;
    let mut names = Vec::with_capacity(2);
    for (object, id) in objects.into_iter().zip([group, member]) {
        let dn = object
            .as_ref()
            .and_then(|object| object.text("onPremisesDistinguishedName"));
        let name = match (dn, &object) {
            (Some(dn), _) => Some(dn.to_owned()),
            (None, Some(object)) => crate::log::name_of(tx, object)?,
            (None, None) => None,
        };
        names.push(name.unwrap_or_else(|| id.to_string()));
    }
    let mut names = names.into_iter();
    let (name, member_name) = (
        names.next().unwrap_or_default(),
        names.next().unwrap_or_default(),
    );
    Ok(Some(HeldChange {
        configuration: lane.owner(),
        guid,
        object: group,
        member: Some(member),
        reason: format!(
            "{member_name} would leave the group: Active Directory has it there no more"
        ),
        name,
        member_name,
        kind: Some(MappedKind::Group),
        fingerprint: String::new(),
        since: context.now.as_millis(),
        verdict: HeldVerdict::Open,
        told: false,
        tripped: false,
        number: lane.job.sequence,
    }))
}

/// objectGUID of the object of AD that became this one.
fn own(tx: &mut dyn Read, lane: &Lane, object: ObjectId) -> Result<Option<Guid>, StoreError> {
    let own = links::own(tx, object, lane.owner())?;
    Ok(own.map(|link| link.guid))
}

/// What waits of one group.
#[derive(Default)]
struct Group {
    guid: Option<Guid>,
    open: u64,
    tripped: bool,
}

/// Lets staged removals leave, or holds them. Returns whether there may be more to do.
pub(super) fn leave(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
) -> Result<bool, StoreError> {
    let (groups, allowed) = look(tx, lane)?;
    let limit = limit_of(lane);
    if !allowed.is_empty() {
        return carry_out(tx, lane, context, allowed);
    }
    let owner = lane.owner();
    Guard::Removals.settle(tx, &mut lane.job, owner)?;
    let mut held = 0;
    for (id, group) in groups {
        let reached = match limit {
            None => false,
            Some(_) if group.tripped => true,
            // They wait for the clock.
            Some(_) if !context.staged_leave => continue,
            Some(limit) => is_reached(tx, context, limit, id, &group)?,
        };
        if !reached {
            let rows = waiting(tx, lane, id)?;
            let passed = context.report.members_passed.entry(id).or_default();
            *passed += rows.len() as u64;
            return carry_out(tx, lane, context, rows);
        }
        held += group.open;
        hold(tx, lane, context, id, &group)?;
    }
    lane.job.removals_tripped = held > 0;
    context.report.hold(Held::Members, held);
    Ok(false)
}

/// Looks through everything that waits, and decides it once more: what is not decided any more is struck off the list.
fn look(
    tx: &mut dyn Write,
    lane: &Lane,
) -> Result<(BTreeMap<ObjectId, Group>, Vec<HeldChange>), StoreError> {
    let mut groups: BTreeMap<ObjectId, Group> = BTreeMap::new();
    let mut allowed = Vec::new();
    for verdict in [
        HeldVerdict::Allowed,
        HeldVerdict::Open,
        HeldVerdict::Rejected,
    ] {
        let prefix = HeldChange::with(lane.owner(), verdict, true);
        let mut scan = Scan::along(HeldChange::BY_VERDICT, prefix, BATCH);
        loop {
            let rows: Vec<HeldChange> = tx.list(&scan)?;
            let Some(last) = rows.last() else { break };
            scan = scan.behind(last);
            for row in strike(tx, lane, rows)? {
                match verdict {
                    HeldVerdict::Open => {
                        let group = groups.entry(row.object).or_default();
                        group.guid = Some(row.guid);
                        group.open += 1;
                        group.tripped |= row.keeps_closed();
                    }
                    HeldVerdict::Allowed => allowed.push(row),
                    HeldVerdict::Rejected => {}
                }
            }
            if allowed.len() >= BATCH {
                // They leave first, and then the rest is looked through.
                allowed.truncate(BATCH);
                return Ok((groups, allowed));
            }
        }
    }
    Ok((groups, allowed))
}

/// Strikes off what is not decided so any more; gives the rest.
fn strike(
    tx: &mut dyn Write,
    lane: &Lane,
    rows: Vec<HeldChange>,
) -> Result<Vec<HeldChange>, StoreError> {
    let ids: Vec<Id> = rows.iter().filter_map(reference).collect();
    let there: Vec<Option<DirectoryReference>> = tx.fetch(&ids)?;
    let ids: Vec<_> = rows.iter().map(|row| (lane.owner(), row.guid)).collect();
    let holders: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    // Where the members come from is asked anew as well: another configuration may provision them by now.
    let (mut edges, mut decided) = (Vec::new(), Vec::new());
    for ((row, there), holder) in rows.iter().zip(there).zip(holders) {
        let ours = holder.is_some_and(|holder| holder.object == row.object && !holder.deleted);
        if let Some(there) = there.filter(|_| ours && !is_left_alone(lane)) {
            let of_it = edges_of(tx, lane, row.guid, &there)?;
            edges.extend(of_it.into_iter().map(|edge| (decided.len(), edge)));
            decided.push(true);
        } else {
            decided.push(false);
        }
    }
    let (whose, edges): (Vec<usize>, Vec<_>) = edges.into_iter().unzip();
    let back: Vec<Option<StagedReference>> = tx.fetch(&edges)?;
    for (index, _) in whose
        .into_iter()
        .zip(back)
        .filter(|(_, back)| back.is_some())
    {
        if let Some(decided) = decided.get_mut(index) {
            *decided = false;
        }
    }
    let (mut left, mut struck) = (Vec::new(), Vec::new());
    for (row, decided) in rows.into_iter().zip(decided) {
        match decided {
            true => left.push(row),
            false => struck.push(row.id()),
        }
    }
    tx.remove::<HeldChange>(&struck)?;
    Ok(left)
}

/// Whether the mapping leaves the members of groups alone by now.
fn is_left_alone(lane: &Lane) -> bool {
    let left_alone = &lane.policy.mapping.left_alone;
    left_alone.contains(&(MappedKind::Group, MEMBERS))
}

fn reference(row: &HeldChange) -> Option<Id> {
    Some((row.object, MEMBERS.to_owned(), row.member?))
}

fn is_reached(
    tx: &mut dyn Read,
    context: &Context<'_>,
    limit: Limit,
    id: ObjectId,
    group: &Group,
) -> Result<bool, StoreError> {
    let passed = context.report.members_passed.get(&id).copied().unwrap_or(0);
    let members = match limit {
        Limit::Number(_) => 0,
        Limit::Percent(_) => {
            let of = DirectoryReference::of(id, MEMBERS);
            tx.how_many::<DirectoryReference>(None, &of)? + passed
        }
    };
    Ok(limit.is_reached(passed + group.open, members))
}

/// What waits of a group and was not counted yet.
fn waiting(
    tx: &mut dyn Write,
    lane: &Lane,
    group: ObjectId,
) -> Result<Vec<HeldChange>, StoreError> {
    let prefix = HeldChange::of(lane.owner(), group);
    let mut scan = Scan::of(prefix, BATCH);
    loop {
        let rows: Vec<HeldChange> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(Vec::new());
        };
        scan = scan.behind(last);
        let open = |row: &HeldChange| row.member.is_some() && row.verdict == HeldVerdict::Open;
        let found: Vec<HeldChange> = rows.into_iter().filter(open).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

fn carry_out(
    tx: &mut dyn Write,
    lane: &mut Lane,
    context: &mut Context<'_>,
    rows: Vec<HeldChange>,
) -> Result<bool, StoreError> {
    let ids: Vec<_> = rows.iter().map(HeldChange::id).collect();
    tx.remove::<HeldChange>(&ids)?;
    let gone = rows.iter().filter_map(reference).collect();
    Changes::removing(gone).write(tx, lane, context)?;
    Ok(!rows.is_empty())
}

/// Holds what waits of a group, and logs it in one entry when something is new.
fn hold(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    id: ObjectId,
    group: &Group,
) -> Result<(), StoreError> {
    let mut scan = Scan::of(HeldChange::of(lane.owner(), id), BATCH);
    let mut new = Vec::new();
    loop {
        let rows: Vec<HeldChange> = tx.list(&scan)?;
        let Some(last) = rows.last() else { break };
        scan = scan.behind(last);
        let is_new = |row: &HeldChange| {
            row.member.is_some() && row.verdict == HeldVerdict::Open && !row.told
        };
        let rows = rows.into_iter().filter(is_new);
        let held: Vec<HeldChange> = rows
            .map(|row| HeldChange {
                told: true,
                tripped: true,
                ..row
            })
            .collect();
        new.extend(held.iter().filter_map(|row| row.member));
        tx.store(&held)?;
    }
    let Some(guid) = group.guid.filter(|_| !new.is_empty()) else {
        return Ok(());
    };
    let mut places = Places::new(lane.configuration.id, lane.policy.naming_context);
    let Some(case) = cases(tx, lane, context, &mut places, &[guid])?.pop() else {
        return Ok(());
    };
    let mut item = case.item(lane, Action::Update, &Reason::InScope, Some(id));
    item.reason = format!(
        "the limit on members removed from one group was reached; {} members stay until their removal is allowed",
        group.open
    );
    item.code = "MemberRemovalLimitReached";
    item.changes = vec![(MEMBERS, names(tx, &new)?, None)];
    crate::log::record(tx, context, Status::Warning, item)
}
