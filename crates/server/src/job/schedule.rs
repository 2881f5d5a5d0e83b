//! When jobs run.

use super::run::{Wake, run_cycle};
use crate::configuration::spec_of;
use crate::service::Service;
use lockstep_model::Timestamp;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a job sleeps at most before it looks again.
const LOOK: Duration = Duration::from_secs(5);
/// How many configurations are listed in one go.
const SLICE: usize = 1_000;

/// Runs the jobs of all configurations, until it is dropped.
pub async fn run_jobs(service: Arc<Service>) {
    if let Err(error) = crate::removal::go_on(&service).await {
        tracing::error!(%error, "what an earlier run was removing could not be removed");
    }
    if let Err(error) = close_interrupted(&service).await {
        tracing::error!(%error, "cycles of an earlier run could not be closed");
    }
    let mut running: BTreeSet<ConfigurationId> = BTreeSet::new();
    let mut jobs = JoinSet::new();
    let mut listener = service.jobs.listen();
    loop {
        match service.read(|tx| configurations(tx)).await {
            Ok(found) => {
                for id in found.into_iter().filter(|id| running.insert(*id)) {
                    let service = Arc::clone(&service);
                    jobs.spawn(async move {
                        run_job(&service, id).await;
                        id
                    });
                }
            }
            Err(error) => tracing::error!(%error, "the configurations could not be listed"),
        }
        tokio::select! {
            Some(Ok(id)) = jobs.join_next() => { running.remove(&id); }
            _ = listener.wait(LOOK) => {}
        }
    }
}

fn configurations(tx: &mut dyn lockstep_store::Read) -> Result<Vec<ConfigurationId>, StoreError> {
    let mut ids = Vec::new();
    let mut scan = Scan::of(Key::empty(), SLICE);
    loop {
        let rows: Vec<Configuration> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(ids);
        };
        scan = scan.behind(last);
        ids.extend(rows.iter().filter(|row| !row.scratch).map(|row| row.id));
    }
}

/// Closes cycles that a process left open when it died. Their work is not lost: the marks are left.
///
/// # Errors
///
/// Those of the store.
pub async fn close_interrupted(service: &Arc<Service>) -> Result<(), StoreError> {
    service.write(interrupted).await
}

fn interrupted(tx: &mut dyn Write) -> Result<(), StoreError> {
    for id in configurations(tx)? {
        let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
            continue;
        };
        crate::instructions::withdraw_all(tx, &job)?;
        (job.instruction, job.passwords.instruction) = (None, None);
        if let Some(mut cycle) = job
            .cycle
            .take()
            .map(|id| tx.fetch_one::<Cycle>(&id))
            .transpose()?
            .flatten()
        {
            "failed".clone_into(&mut cycle.state);
            cycle.ended = Some(cycle.started);
            cycle.error = Some(lockstep_store::records::job::CycleError {
                code: "Interrupted".into(),
                message: "the service ended while the cycle ran".into(),
                remedy: "none is needed: the next cycle goes on where this one stopped".into(),
            });
            tx.store(&[cycle])?;
        }
        tx.store(&[job])?;
    }
    Ok(())
}

/// Runs the job of one configuration until the configuration is gone.
async fn run_job(service: &Arc<Service>, id: ConfigurationId) {
    let mut listener = service.jobs.listen();
    loop {
        let now = service.clock.now();
        let due = match service.read(move |tx| due(tx, id, now)).await {
            Ok(Some(due)) => due,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "a job could not be looked at");
                tokio::time::sleep(LOOK).await;
                continue;
            }
        };
        let wake = if due.by_hand {
            Some(Wake::Hand)
        } else if due.paused {
            None
        } else if due.at.is_some_and(|at| now >= at) {
            Some(Wake::Clock)
        } else if due.on_change && take_change(service, &due.domain) {
            Some(Wake::Change)
        } else {
            None
        };
        match wake {
            Some(wake) => {
                if wake != Wake::Change {
                    take_change(service, &due.domain);
                }
                if let Err(error) = run_cycle(service, id, wake).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a cycle could not be kept"
                    );
                    service.unkept.note(id, error);
                    service.progress.raise();
                    tokio::time::sleep(LOOK).await;
                }
            }
            None => {
                let until = match due.at {
                    Some(at) if !due.paused => at.since(now).min(LOOK),
                    _ => LOOK,
                };
                listener.wait(until).await;
            }
        }
    }
}

/// What a job has to wait for.
struct Due {
    by_hand: bool,
    paused: bool,
    on_change: bool,
    /// When the clock wakes it, if it does.
    at: Option<Timestamp>,
    domain: String,
}

fn due(
    tx: &mut dyn lockstep_store::Read,
    id: ConfigurationId,
    now: Timestamp,
) -> Result<Option<Due>, StoreError> {
    let configuration: Option<Configuration> = tx.fetch_one(&id)?;
    let job: Option<Job> = tx.fetch_one(&id)?;
    let Some((configuration, job)) = configuration.zip(job) else {
        return Ok(None);
    };
    let spec = spec_of(&configuration);
    let at = super::quarantine::due(
        tx,
        &configuration,
        &job,
        super::interval(&configuration),
        now,
    )?;
    Ok(Some(Due {
        by_hand: job.requested > job.served,
        paused: configuration.paused,
        on_change: spec.schedule.on_change && job.quarantine.is_none(),
        at,
        domain: configuration.domain,
    }))
}

/// Whether something changed in a domain since it was last asked.
fn take_change(service: &Service, domain: &str) -> bool {
    service
        .changed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(domain)
}
