//! Staging: a configuration that plans everything and applies nothing, so that it can run beside what is there
//! and be compared.
//!
//! It reads as always; what it would do stays marked. A cycle decides all of it on an overlay that is thrown
//! away, as a plan does, and tells what is new of it. Switched off, the next cycle works off the same marks: it
//! applies what was planned.

use crate::cycle::{Context, Item, Report};
use crate::service::Service;
use crate::{import, plan};
use lockstep_directory::TenantRules;
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Timestamp, codes};
use lockstep_store::records::job::{Configuration, Cycle, Job, Planned, PlannedRow};
use lockstep_store::records::log::{LastDecision, LogEntry};
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// How many entries one transaction writes.
const SLICE: usize = 1_000;

/// Whether a configuration is in staging.
#[must_use]
pub fn is_on(configuration: &Configuration) -> bool {
    crate::configuration::known(configuration).spec.staging
}

/// Plans what a cycle of a configuration in staging would do, and tells what is new of it. Nothing is done for
/// any other.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn plan(
    service: &Arc<Service>,
    id: ConfigurationId,
    cycle: CycleId,
) -> Result<(), StoreError> {
    let found = service
        .read(move |tx| {
            let configuration: Option<Configuration> = tx.fetch_one(&id)?;
            let job: Option<Job> = tx.fetch_one(&id)?;
            Ok(configuration.filter(is_on).zip(job))
        })
        .await?;
    let Some((configuration, job)) = found else {
        return Ok(());
    };
    let made_from = (job.sequence, configuration.version);
    let before = job
        .planned
        .filter(|row| (row.sequence, row.version) == made_from);
    if let Some(before) = before {
        return service.write(move |tx| keep(tx, id, cycle, before)).await;
    }
    let report = plan::report(service, id).await?;
    let missing = report.unread.clone();
    let items: Vec<Item> = report.items.unwrap_or_default();
    let row = PlannedRow {
        sequence: job.sequence,
        version: configuration.version,
        counts: counts(&items),
    };
    let mut items = items.into_iter().filter(is_told).peekable();
    while items.peek().is_some() {
        let some: Vec<Item> = items.by_ref().take(SLICE).collect();
        let (tenant, now) = (service.tenant_rules(), service.clock.now());
        service
            .write(move |tx| tell(tx, cycle, &tenant, now, some))
            .await?;
    }
    service
        .write(move |tx| {
            // What has to be known first is read in the same cycle, and planned anew.
            import::read_by_guid(tx, id, &missing)?;
            keep(tx, id, cycle, row)
        })
        .await
}

fn counts(items: &[Item]) -> Planned {
    let of = |action: Action| items.iter().filter(|item| item.action == action).count() as u64;
    Planned {
        creates: of(Action::Create),
        restores: of(Action::Restore),
        updates: of(Action::Update),
        deletes: of(Action::Delete) + of(Action::StagedDelete),
    }
}

/// What lies outside of the scope is not logged one by one; it has no name here.
fn is_told(item: &Item) -> bool {
    item.action != Action::Skip || item.dn.is_some()
}

fn keep(
    tx: &mut dyn Write,
    id: ConfigurationId,
    cycle: CycleId,
    row: PlannedRow,
) -> Result<(), StoreError> {
    if let Some(mut job) = tx.fetch_one::<Job>(&id)? {
        job.planned = Some(row);
        tx.store(&[job])?;
    }
    if let Some(mut cycle) = tx.fetch_one::<Cycle>(&cycle)? {
        cycle.planned = Some(row.counts);
        tx.store(&[cycle])?;
    }
    Ok(())
}

/// Logs what would be done, unless the same was told before.
fn tell(
    tx: &mut dyn Write,
    cycle: CycleId,
    tenant: &TenantRules,
    now: Timestamp,
    items: Vec<Item>,
) -> Result<(), StoreError> {
    let ids: Vec<_> = items
        .iter()
        .map(|item| (item.configuration, item.guid))
        .collect();
    let known: Vec<Option<LastDecision>> = tx.fetch(&ids)?;
    let mut report = Report::default();
    let mut context = Context::complete(cycle, now, tenant, &mut report);
    let (mut decisions, mut entries): (Vec<LastDecision>, Vec<LogEntry>) = (Vec::new(), Vec::new());
    for (mut item, known) in items.into_iter().zip(known) {
        let fingerprint = fingerprint(&item);
        if known.is_some_and(|known| known.fingerprint == fingerprint) {
            continue;
        }
        let status = match item.action {
            Action::Create
            | Action::Update
            | Action::Restore
            | Action::Delete
            | Action::StagedDelete => {
                item.reason = format!("staging, nothing is applied: {}", item.reason);
                item.code = "Staging";
                Status::Skipped
            }
            Action::Skip => Status::Skipped,
            // Another configuration provisions it, and it was compared with what this one would make of it: whoever
            // runs one beside the other wants to know what is otherwise.
            Action::Other if item.code == codes::OWNED_BY_ANOTHER && item.target.is_some() => {
                match item.changes.is_empty() {
                    true => Status::Skipped,
                    false => Status::Warning,
                }
            }
            Action::Other => Status::Failure,
        };
        decisions.push(LastDecision {
            configuration: item.configuration,
            guid: item.guid,
            outcome: status,
            code: item.code.to_owned(),
            reason: item.reason.clone(),
            since: now.as_millis(),
            fingerprint,
        });
        entries.push(crate::log::entry(&mut context, status, item));
    }
    tx.store(&decisions)?;
    tx.store(&entries)
}

fn fingerprint(item: &Item) -> String {
    let all = (item.action.as_str(), &item.reason, &item.changes);
    crate::ids::digest_of(&all)
}
