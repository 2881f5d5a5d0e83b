//! Compares the directory with what should be there, decided once more from the connector space.
//!
//! It goes through the connector space in slices, each on an overlay and in a turn of its own, so that cycles run in
//! between. What is repaired is written or marked here and applied by a cycle, under the guard
//! like everything else.

use crate::configurations::{by_name, not_found, store_problem};
use crate::cycle::{Context, Item, Report, VALUES, drift, is_unsettled};
use crate::import::mark_all;
use crate::lane::Lane;
use crate::service::Service;
use crate::{directory, links};
use lockstep_api::admin::{Drift, Reconciled};
use lockstep_api::problem::Problem;
use lockstep_directory::{Change, Kind, TenantRules};
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, MappedKind, Timestamp};
use lockstep_store::records::connector_space::{Staged, Subject};
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::job::{Configuration, Job, Watermark};
use lockstep_store::{
    Key, Overlay, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many objects are compared in one go.
const SLICE: usize = 1_000;
/// How many are named; all are counted.
const NAMED: usize = 1_000;
/// How often it is looked whose turn it is.
const LOOK: Duration = Duration::from_secs(600);
/// The code of an object that is there without one of AD.
const UNCLAIMED: &str = "NothingInAd";

/// Compares one configuration's objects, and repairs them if that is wished for.
///
/// # Errors
///
/// A problem with status 404 when there is no such configuration, 409 when something has to be done first.
pub async fn reconcile(
    service: &Arc<Service>,
    name: &str,
    repair: bool,
) -> Result<Reconciled, Problem> {
    let sought = name.to_owned();
    let found = service.read(move |tx| by_name(tx, &sought)).await;
    let configuration = found
        .map_err(store_problem)?
        .ok_or_else(|| not_found(name))?;
    let reconciled = pass(service, &configuration, repair).await?;
    if reconciled.repaired > 0 {
        let cycle = super::cycle_by_hand(service, configuration.id).await;
        cycle.map_err(store_problem)?;
    }
    Ok(reconciled)
}

/// Compares whatever is due, again and again, until it is dropped.
pub async fn run(service: Arc<Service>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = reconcile_due(&service).await {
            tracing::error!(%error, "what is to be reconciled could not be listed");
        }
    }
}

/// Compares every configuration whose turn it is, and asks for a cycle for those that are to be repaired.
///
/// # Errors
///
/// Those of the store, when it cannot be told whose turn it is.
pub async fn reconcile_due(service: &Arc<Service>) -> Result<(), StoreError> {
    for (configuration, repair) in service.read(due_at(service.clock.now())).await? {
        match pass(service, &configuration, repair).await {
            Ok(done) if done.repaired > 0 => {
                let asked = super::ask_for_cycle(service, configuration.id).await;
                if let Err(error) = asked {
                    tracing::error!(%error, "what drifted could not be repaired");
                }
            }
            Ok(_) => {}
            Err(problem) => tracing::warn!(
                configuration = configuration.name,
                reason = problem.title,
                "could not be reconciled"
            ),
        }
    }
    Ok(())
}

/// Which configurations are due at a moment, and whether they are to be repaired.
fn due_at(
    now: Timestamp,
) -> impl FnOnce(&mut dyn Read) -> Result<Vec<(Configuration, bool)>, StoreError> {
    move |tx| {
        let mut due = Vec::new();
        for row in crate::configurations::all(tx)? {
            let wanted = crate::configuration::known(&row)
                .spec
                .reconciliation
                .clone();
            let job: Option<Job> = tx.fetch_one(&row.id)?;
            let Some(interval) = wanted.interval_seconds().ok().flatten().zip(job) else {
                continue;
            };
            let (seconds, job) = interval;
            let last = Timestamp::from_millis(job.history.reconciled.unwrap_or_default());
            let ready = job.history.last_success.is_some() && !row.paused;
            if ready && last.again(Duration::from_secs(seconds), now) <= now {
                due.push((row, wanted.repair));
            }
        }
        Ok(due)
    }
}

/// Goes through everything once.
async fn pass(
    service: &Arc<Service>,
    configuration: &Configuration,
    repair: bool,
) -> Result<Reconciled, Problem> {
    let id = configuration.id;
    let mut done = Reconciled::default();
    let mut after: Option<Guid> = None;
    loop {
        let slice = slice(service, id, after, repair).await?;
        done.compared += slice.compared;
        done.repaired += slice.repaired;
        note(&mut done, slice.drifting);
        after = slice.last;
        if after.is_none() {
            break;
        }
    }
    for kind in [Kind::User, Kind::Group, Kind::Contact] {
        let mut place = None;
        loop {
            let begun = place.take();
            let found = service.read(move |tx| unclaimed(tx, id, kind, begun)).await;
            let (items, next) = found.map_err(store_problem)?;
            note(&mut done, items.iter().map(shown).collect());
            if !items.is_empty() {
                let now = service.clock.now();
                let told = service.write(move |tx| {
                    let entry = |item| crate::log::outside_of_cycles(item, Status::Warning, now);
                    tx.store(&items.into_iter().map(entry).collect::<Vec<_>>())
                });
                told.await.map_err(store_problem)?;
            }
            place = next;
            if place.is_none() {
                break;
            }
        }
    }
    let (drifting, now) = (done.drifting, service.clock.now());
    let kept = service.write(move |tx| keep(tx, id, drifting, now)).await;
    kept.map_err(store_problem)?;
    tracing::info!(
        configuration = configuration.name,
        compared = done.compared,
        drifting = done.drifting,
        repaired = done.repaired,
        "reconciled"
    );
    Ok(done)
}

fn note(done: &mut Reconciled, drifting: Vec<Drift>) {
    done.drifting += drifting.len() as u64;
    let room = NAMED.saturating_sub(done.drifts.len());
    done.drifts.extend(drifting.into_iter().take(room));
}

/// Remembers how it stood.
fn keep(
    tx: &mut dyn Write,
    id: ConfigurationId,
    drifting: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(());
    };
    job.history.reconciled = Some(now.as_millis());
    job.history.drifting = drifting;
    tx.store(&[job])
}

/// What a slice came to.
#[derive(Default)]
struct Slice {
    compared: u64,
    repaired: u64,
    drifting: Vec<Drift>,
    last: Option<Guid>,
}

/// Compares a slice of the connector space. No cycle runs meanwhile.
async fn slice(
    service: &Arc<Service>,
    id: ConfigurationId,
    after: Option<Guid>,
    repair: bool,
) -> Result<Slice, Problem> {
    let _turn = service.take_turn(id).await;
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let compared = service
        .read(move |tx| compare(&mut Overlay::new(tx), id, after, &tenant, now))
        .await;
    let Some((items, compared, last)) = compared.map_err(store_problem)? else {
        let title =
            "there is work that no cycle has done yet, so what should be there is not known";
        return Err(Problem::new(409, "WorkWaiting", title)
            .remedy("let a cycle succeed first: `lockstep cycle run NAME --wait`"));
    };
    let drifting = items.iter().map(shown).collect();
    let mut repaired = 0;
    if !items.is_empty() {
        let tenant = service.tenant_rules();
        let count = items.len() as u64;
        let told = service.write(move |tx| tell(tx, id, items, &tenant, now, repair));
        told.await.map_err(store_problem)?;
        repaired = if repair { count } else { 0 };
    }
    Ok(Slice {
        compared,
        repaired,
        drifting,
        last,
    })
}

type Compared = Option<(Vec<Item>, u64, Option<Guid>)>;

/// What of a slice is otherwise, how much was compared, and where to go on; none when that cannot be told now.
fn compare(
    tx: &mut dyn Write,
    id: ConfigurationId,
    after: Option<Guid>,
    tenant: &TenantRules,
    now: Timestamp,
) -> Result<Compared, StoreError> {
    let Some(mut lane) = Lane::of(tx, id)? else {
        return Ok(Some((Vec::new(), 0, None)));
    };
    let current = matches!(lane.job.watermark, Watermark::Current(_));
    if !current || is_unsettled(tx, &lane)? {
        return Ok(None);
    }
    let mut scan = Scan::of(Key::empty().with(id), SLICE);
    let place = |guid: Guid| Staged::key_of(&(id, guid));
    scan.after = after.map(|guid| (place(guid), place(guid)));
    let rows: Vec<Staged> = tx.list(&scan)?;
    let guids: Vec<Guid> = rows.iter().map(|row| row.object.guid).collect();
    let mut report = Report::default();
    let mut context = Context::complete(CycleId::new(id.guid()), now, tenant, &mut report);
    let (items, compared) = drift(tx, &mut lane, &mut context, &guids)?;
    let last = guids.last().copied().filter(|_| guids.len() == SLICE);
    Ok(Some((items, compared, last)))
}

/// Writes into the log what is otherwise; and if it is to be repaired, does what can be done at once and marks
/// the rest for a cycle.
fn tell(
    tx: &mut dyn Write,
    id: ConfigurationId,
    items: Vec<Item>,
    tenant: &TenantRules,
    now: Timestamp,
    repair: bool,
) -> Result<(), StoreError> {
    let Some(mut lane) = Lane::of(tx, id)? else {
        return Ok(());
    };
    if repair {
        let written = items.iter().filter(|item| item.code == VALUES);
        let touch = |item: &Item| {
            Some(Change::Update {
                id: item.target?,
                values: BTreeMap::new(),
            })
        };
        let changes = written.filter_map(touch).collect();
        directory::write(tx, tenant, changes, now)?;
        let subjects = items
            .iter()
            .flat_map(|item| [Subject::Object(item.guid), Subject::From(item.guid)]);
        mark_all(tx, &mut lane.job, subjects)?;
        tx.store(&[lane.job])?;
    }
    let entries = items.into_iter().map(|mut item| {
        item.reason = match repair {
            true => format!("it had drifted: {}", item.reason),
            false => format!("it has drifted: {}", item.reason),
        };
        // What it takes is done, and logged as done, by a cycle.
        item.action = Action::Other;
        crate::log::outside_of_cycles(item, Status::Warning, now)
    });
    tx.store(&entries.collect::<Vec<_>>())
}

fn shown(item: &Item) -> Drift {
    Drift {
        anchor: item.anchor.clone(),
        dn: item.dn.clone(),
        kind: MappedKind::word_of(item.kind).to_owned(),
        target: item.target.map(|target| target.to_string()),
        action: item.action,
        code: item.code.to_owned(),
        reason: item.reason.clone(),
    }
}

/// Where to go on among the directory's objects.
type Place = (Key, Key);

/// Objects that are this configuration's and became of nothing in AD that is known. They are told, and left to
/// the administrator: absence is not evidence.
fn unclaimed(
    tx: &mut dyn Read,
    id: ConfigurationId,
    kind: Kind,
    after: Option<Place>,
) -> Result<(Vec<Item>, Option<Place>), StoreError> {
    let prefix = DirectoryObject::of_kind(kind, false);
    let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix, SLICE);
    scan.after = after;
    let rows: Vec<DirectoryObject> = tx.list(&scan)?;
    let next = rows.last().filter(|_| rows.len() == SLICE);
    let next = next.and_then(|last| scan.behind(last).after);
    let mut found = Vec::new();
    for row in rows {
        let object = row.object;
        let Some(mastery) = object.mastery.as_ref().filter(|m| m.configuration == id) else {
            continue;
        };
        if links::own(tx, object.id, id)?.is_some() {
            continue;
        }
        found.push(Item {
            guid: mastery.anchor.guid().unwrap_or(Guid::NIL),
            configuration: id,
            target: Some(object.id),
            action: Action::Other,
            anchor: mastery.anchor.to_string(),
            kind: kind.mapped(),
            name: None,
            dn: object
                .text("onPremisesDistinguishedName")
                .map(str::to_owned),
            reason: "nothing is known in Active Directory that it became of; it is left as it is"
                .into(),
            code: UNCLAIMED,
            changes: Vec::new(),
        });
    }
    Ok((found, next))
}
