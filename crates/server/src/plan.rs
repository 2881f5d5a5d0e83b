//! What the next cycle would do: the same decisions, on an overlay that is thrown away.
//!
//! What changed in AD is imported first, under the configuration as it is applied. A configuration that
//! needs more than was ever read reads it into a connector space of its own, which goes with the plan:
//! nothing of people whom nobody has approved stays.

mod scratch;

pub use scratch::{Leftovers, drop_leftovers};

use crate::configurations::{self, Checked, not_found};
use crate::cycle::{self, Context, Item, Progress, Report, batch};
use crate::extensions;
use crate::failure::Failure;
use crate::import;
use crate::job::read_only;
use crate::lane::Lane;
use crate::log::readable;
use crate::policy::{compile, next_read_set, read_set_of};
use crate::service::Service;
use lockstep_api::admin::{Plan, PlanCounts, PlanEntry, PropertyChange};
use lockstep_api::problem::Problem;
use lockstep_directory::TenantRules;
use lockstep_engine::{Presence, Word};
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::log::Action;
use lockstep_model::{Guid, MappedKind, Timestamp};
use lockstep_store::records::connector_space::{Dirty, Staged, Subject, SubjectKind};
use lockstep_store::records::job::{Configuration, HeldDelete, Job, Watermark};
use lockstep_store::{Key, Overlay, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use scratch::Scratch;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often a plan reads at most, when deciding shows that something else has to be known.
const ROUNDS: usize = 100;
/// How many marks are looked through in one go.
const SLICE: usize = 1_000;

/// What the next cycle of a configuration would do.
///
/// # Errors
///
/// A problem with status 404 when there is no such configuration, and those of reading.
pub async fn of_configuration(service: &Arc<Service>, name: &str) -> Result<Plan, Problem> {
    let before = named(service, name).await?.ok_or_else(|| not_found(name))?;
    let _turn = service.take_turn(before.id).await;
    let report = read_until_known(service, before.id, None).await?;
    Ok(plan(report, before.version))
}

/// What the first cycle after applying this would do.
///
/// # Errors
///
/// Those of reading.
pub async fn of_file(service: &Arc<Service>, checked: Checked) -> Result<Plan, Problem> {
    extensions::expect(checked.spec())?;
    let before = named(service, checked.name()).await?;
    let before = before.filter(|before| before.domain == checked.domain());
    let Some(before) = before else {
        return scratch(service, checked, None).await;
    };
    let _turn = service.take_turn(before.id).await;
    if !has_been_read(service, before.id).await? {
        return scratch(service, checked, Some(before)).await;
    }
    read_only(service, before.id).await?;
    if can_do_without_reading(service, before.id, &checked).await? {
        let report = decide(service, before.id, Some(checked.clone()), None).await?;
        if report.unread.is_empty() {
            return Ok(plan(report, before.version));
        }
    }
    scratch(service, checked, Some(before)).await
}

async fn named(service: &Arc<Service>, name: &str) -> Result<Option<Configuration>, Problem> {
    let sought = name.to_owned();
    let found = service
        .read(move |tx| configurations::by_name(tx, &sought))
        .await;
    found.map_err(store_problem)
}

async fn has_been_read(service: &Arc<Service>, id: ConfigurationId) -> Result<bool, Problem> {
    let job = service.read(move |tx| tx.fetch_one::<Job>(&id)).await;
    let job = job.map_err(store_problem)?;
    Ok(job.is_some_and(|job| matches!(job.watermark, Watermark::Current(_))))
}

/// Whether every attribute that the configuration needs has been read.
async fn can_do_without_reading(
    service: &Arc<Service>,
    id: ConfigurationId,
    checked: &Checked,
) -> Result<bool, Problem> {
    let compiled = compile(checked.spec())
        .map_err(|error| Problem::new(400, "BadConfiguration", error.to_string()).key(error.key))?;
    let before = service.read(move |tx| read_set_of(tx, id)).await;
    let before = before.map_err(store_problem)?;
    Ok(next_read_set(&compiled, &before).version == before.version)
}

/// Plans in a connector space of its own, which is dropped whatever comes of it.
async fn scratch(
    service: &Arc<Service>,
    checked: Checked,
    before: Option<Configuration>,
) -> Result<Plan, Problem> {
    let owner = before.as_ref().map(|before| before.id);
    let version = before.as_ref().map_or(0, |before| before.version);
    let space = Scratch::make(service, checked, before).await;
    let space = space.map_err(store_problem)?;
    let report = read_until_known(service, space.id(), owner).await;
    space.remove().await;
    report.map(|report| plan(report, version))
}

/// Reads and decides until nothing that has to be known is missing, or what is missing cannot be read.
async fn read_until_known(
    service: &Arc<Service>,
    id: ConfigurationId,
    owner: Option<ConfigurationId>,
) -> Result<Report, Problem> {
    let mut before = BTreeSet::new();
    for _ in 0..ROUNDS {
        read_only(service, id).await?;
        settle_groups(service, id).await?;
        let report = decide(service, id, None, owner).await?;
        if report.unread.is_empty() || report.unread == before {
            return Ok(report);
        }
        before.clone_from(&report.unread);
        let missing = before.clone();
        let asked = service
            .write(move |tx| import::read_by_guid(tx, id, &missing))
            .await;
        asked.map_err(store_problem)?;
    }
    decide(service, id, None, owner).await
}

/// Settles who belongs to the scope by way of groups, and keeps it: what is read next goes by that.
async fn settle_groups(service: &Arc<Service>, id: ConfigurationId) -> Result<(), Problem> {
    let mut more = true;
    while more {
        let settled = service.write(move |tx| match Lane::of(tx, id)? {
            Some(mut lane) => cycle::settle(tx, &mut lane),
            None => Ok(false),
        });
        more = settled.await.map_err(store_problem)?;
    }
    Ok(())
}

/// What a configuration would do as it is applied, as far as it has been read.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn report(
    service: &Arc<Service>,
    id: ConfigurationId,
) -> Result<Report, StoreError> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    service
        .read(move |tx| run(&mut Overlay::new(tx), id, &tenant, now))
        .await
}

/// Decides everything that is marked, on an overlay.
async fn decide(
    service: &Arc<Service>,
    id: ConfigurationId,
    change: Option<Checked>,
    owner: Option<ConfigurationId>,
) -> Result<Report, Problem> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let decided = service
        .read(move |tx| {
            let mut overlay = Overlay::new(tx);
            if let Some(checked) = change
                && let Some(before) = overlay.fetch_one::<Configuration>(&id)?
            {
                configurations::change(&mut overlay, before, checked)?;
            }
            if let Some(owner) = owner {
                bring_deleted(&mut overlay, id, owner)?;
            }
            run(&mut overlay, id, &tenant, now)
        })
        .await;
    decided.map_err(store_problem)
}

/// What the configuration's own connector space knows to be deleted, and no cycle has taken up yet: a
/// connector space that was filled just now need not have heard of it.
fn bring_deleted(
    tx: &mut dyn Write,
    id: ConfigurationId,
    owner: ConfigurationId,
) -> Result<(), StoreError> {
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(());
    };
    let prefix = Dirty::of_kind(owner, SubjectKind::Object);
    let mut scan = Scan::of(prefix, SLICE);
    loop {
        let marks: Vec<Dirty> = tx.list(&scan)?;
        let Some(last) = marks.last() else { break };
        scan = scan.behind(last);
        let subjects = marks.iter().flat_map(|mark| &mark.subjects);
        for guid in subjects.map(Subject::guid) {
            bring(tx, &mut job, owner, guid)?;
        }
    }
    // A delete that is staged or held has no mark any more.
    let mut scan = Scan::of(Key::empty().with(owner), SLICE);
    loop {
        let held: Vec<HeldDelete> = tx.list(&scan)?;
        let Some(last) = held.last() else { break };
        scan = scan.behind(last);
        for row in &held {
            bring(tx, &mut job, owner, row.guid)?;
        }
    }
    tx.store(&[job])
}

/// Takes an object over that is known to be gone.
fn bring(
    tx: &mut dyn Write,
    job: &mut Job,
    owner: ConfigurationId,
    guid: Guid,
) -> Result<(), StoreError> {
    let row: Option<Staged> = tx.fetch_one(&(owner, guid))?;
    let gone = |presence: &Presence| match presence {
        Presence::Deleted => true,
        Presence::Missing { word, .. } => *word == Some(Word::Gone),
        Presence::Alive { .. } => false,
    };
    let Some(row) = row.filter(|row| gone(&row.object.presence)) else {
        return Ok(());
    };
    tx.store(&[Staged {
        configuration: job.configuration,
        object: row.object,
    }])?;
    crate::import::mark(tx, job, Subject::Object(guid))
}

fn run(
    tx: &mut dyn Write,
    id: ConfigurationId,
    tenant: &TenantRules,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let mut report = Report {
        items: Some(Vec::new()),
        ..Report::default()
    };
    let mut behind = 0;
    if let Some(mut job) = tx.fetch_one::<Job>(&id)? {
        // The next cycle tries again whatever failed and is due.
        cycle::escrow::wake(tx, &mut job, now)?;
        tx.store(&[job])?;
    }
    loop {
        let Some(mut lane) = Lane::of(tx, id)? else {
            return Ok(report);
        };
        let mut context = Context::complete(CycleId::new(id.guid()), now, tenant, &mut report);
        context.staged_leave = true;
        if batch(tx, &mut lane, &mut context, &mut behind)? == Progress::Done {
            return Ok(report);
        }
    }
}

/// The report as the administrator sees it.
fn plan(report: Report, version: u64) -> Plan {
    let mut plan = Plan {
        configuration_version: version,
        ..Plan::default()
    };
    let mut replaced = 0;
    for item in report.items.unwrap_or_default() {
        replaced += u64::from(replaces_upn(&item));
        let list = match item.action {
            Action::Create => &mut plan.creates,
            Action::Restore => &mut plan.restores,
            Action::Update => &mut plan.updates,
            Action::Delete | Action::StagedDelete => &mut plan.deletes,
            Action::Skip | Action::Other => &mut plan.skipped,
        };
        list.push(entry(item));
    }
    let count = |list: &Vec<PlanEntry>| list.len() as u64;
    plan.counts = PlanCounts {
        creates: count(&plan.creates),
        restores: count(&plan.restores),
        updates: count(&plan.updates),
        deletes: count(&plan.deletes),
        held: report.tally.held,
        skipped: count(&plan.skipped) - report.tally.failed.min(count(&plan.skipped)),
        unchanged: report.tally.unchanged,
        failed: report.tally.failed,
        replaced_upns: replaced,
    };
    plan
}

/// Whether a user is to bear another name than AD gives.
fn replaces_upn(item: &Item) -> bool {
    let new = |name: &str| {
        let change = item.changes.iter().find(|(property, ..)| *property == name);
        change.and_then(|(_, _, new)| new.as_ref())
    };
    match (new("userPrincipalName"), new("onPremisesUserPrincipalName")) {
        (Some(cloud), Some(ad)) => cloud != ad,
        _ => false,
    }
}

fn entry(item: Item) -> PlanEntry {
    PlanEntry {
        anchor: item.anchor,
        dn: item.dn,
        kind: MappedKind::word_of(item.kind).to_owned(),
        reason: item.reason,
        changes: item
            .changes
            .into_iter()
            .map(|(property, old, new)| PropertyChange {
                property: property.to_owned(),
                old: old.as_ref().map(readable),
                new: new.as_ref().map(readable),
            })
            .collect(),
    }
}

fn store_problem(error: StoreError) -> Problem {
    Failure::from(error).0
}
