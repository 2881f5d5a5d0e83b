//! When jobs run.

use super::run::{announce, run_cycle};
use super::{history, quarantine};
use crate::configuration::spec_of;
use crate::service::Service;
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{CycleState, Timestamp, Wake, codes};
use lockstep_store::records::job::{Configuration, Cycle, CycleError, Job};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::task::{self, JoinSet};

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
    let work = |service: Arc<Service>, id| async move { run_job(&service, id).await };
    keep_running(&service, work).await;
}

/// Does the work of each configuration for as long as there is the configuration. Work that breaks begins again, after
/// a pause.
async fn keep_running<F>(service: &Arc<Service>, work: impl Fn(Arc<Service>, ConfigurationId) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running: BTreeSet<ConfigurationId> = BTreeSet::new();
    let mut tasks: HashMap<task::Id, ConfigurationId> = HashMap::new();
    let mut jobs = JoinSet::new();
    let mut listener = service.jobs.listen();
    loop {
        match service.read(|tx| configurations(tx)).await {
            Ok(found) => {
                for id in found.into_iter().filter(|id| running.insert(*id)) {
                    let task = jobs.spawn(work(Arc::clone(service), id));
                    tasks.insert(task.id(), id);
                }
            }
            Err(error) => tracing::error!(%error, "the configurations could not be listed"),
        }
        tokio::select! {
            Some(ended) = jobs.join_next_with_id() => match ended {
                Ok((task, ())) => {
                    if let Some(id) = tasks.remove(&task) {
                        running.remove(&id);
                    }
                }
                Err(broken) => {
                    let Some(id) = tasks.remove(&broken.id()) else { continue };
                    tracing::error!(
                        configuration = %id,
                        error = &broken as &dyn std::error::Error,
                        "a job broke off by a fault of the service; it begins again"
                    );
                    close_broken(service, id).await;
                    let again = work(Arc::clone(service), id);
                    let task = jobs.spawn(async move {
                        tokio::time::sleep(LOOK).await;
                        again.await;
                    });
                    tasks.insert(task.id(), id);
                }
            },
            _ = listener.wait(LOOK) => {}
        }
    }
}

/// Closes the cycle in which a job broke off, and tells whoever waits for it.
async fn close_broken(service: &Arc<Service>, id: ConfigurationId) {
    let now = service.clock.now();
    match service.write(move |tx| broken(tx, id, now)).await {
        Ok(true) => {}
        Ok(false) => service.unkept.note(
            id,
            StoreError::Abandoned {
                source: "the job broke off by a fault of the service".into(),
            },
        ),
        Err(error) => {
            tracing::error!(configuration = %id, %error, "a cycle that broke off could not be closed");
            service.unkept.note(id, error);
        }
    }
    service.progress.raise();
}

/// Says whether there was a cycle.
fn broken(tx: &mut dyn Write, id: ConfigurationId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(false);
    };
    let cycle = opened(tx, &mut job)?;
    if let Some(mut cycle) = cycle {
        cycle.state = CycleState::Failed;
        cycle.ended = Some(now.as_millis());
        cycle.error = Some(CycleError {
            code: "CycleBroken".into(),
            message: "the cycle broke off by a fault of the service".into(),
            remedy:
                "the service's log tells where; report it with the log. The next cycle tries again"
                    .into(),
            request: None,
        });
        job.last_cycle = Some(cycle.id);
        job.served = job.requested;
        history::ended(&mut job, &cycle);
        quarantine::settle(tx, &mut job, &mut cycle, now)?;
        announce(&cycle);
        tx.store(&[cycle])?;
        tx.store(&[job])?;
        return Ok(true);
    }
    tx.store(&[job])?;
    Ok(false)
}

/// Takes the cycle that is open out of a job, and withdraws what it asked of agents.
fn opened(tx: &mut dyn Write, job: &mut Job) -> Result<Option<Cycle>, StoreError> {
    crate::instructions::withdraw_all(tx, job)?;
    (job.instruction, job.passwords.instruction) = (None, None);
    match job.cycle.take() {
        Some(id) => tx.fetch_one::<Cycle>(&id),
        None => Ok(None),
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
        if let Some(mut cycle) = opened(tx, &mut job)? {
            cycle.state = CycleState::Failed;
            cycle.ended = Some(cycle.started);
            cycle.error = Some(CycleError {
                code: codes::INTERRUPTED.into(),
                message: "the service ended while the cycle ran".into(),
                remedy: "none is needed: the next cycle goes on where this one stopped".into(),
                request: None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::Sealer;
    use crate::service::{Parts, Transactions};
    use lockstep_model::ids::{CycleId, ObjectId};
    use lockstep_model::{Guid, Secret};
    use lockstep_store::{MemoryStore, records};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A service with one configuration, whose first cycle is open.
    async fn service(id: ConfigurationId, cycle: CycleId) -> Arc<Service> {
        let mut service = Service::new(Parts {
            store: Arc::new(MemoryStore::new(&records::tables())),
            public_url: String::new(),
            ca: None,
            initial_domain: "local.lockstep".into(),
            agent_silence: LOOK,
            sealer: Sealer::new(&Secret::new([1; 32])),
        })
        .unwrap();
        service.transactions = Transactions::InPlace;
        let service = Arc::new(service);
        let configuration = Configuration {
            id,
            name: "corp".into(),
            domain: "corp.test".into(),
            paused: false,
            version: 1,
            spec: r#"{"name": "corp", "domain": "corp.test"}"#.into(),
            roots: None,
            excluded: Vec::new(),
            groups: Vec::new(),
            scratch: false,
            stands_for: None,
            heir: None,
            service_principal: ObjectId::new(Guid::NIL),
        };
        let mut job = Job::new(id);
        (job.cycle, job.requested) = (Some(cycle), 1);
        let now = service.clock.now().as_millis();
        service
            .write(move |tx| {
                tx.store(&[configuration])?;
                tx.store(&[Cycle::begun(cycle, id, now)])?;
                tx.store(&[job])
            })
            .await
            .unwrap();
        service
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_runs_again_its_cycle_has_failed_and_who_waits_is_told() {
        let id = ConfigurationId::new(Guid::from_bytes([1; 16]));
        let cycle = CycleId::new(Guid::from_bytes([2; 16]));
        let service = service(id, cycle).await;
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, again) = (Arc::clone(&runs), Arc::new(tokio::sync::Notify::new()));
        let began = Arc::clone(&again);
        let work = move |_: Arc<Service>, found: ConfigurationId| {
            assert_eq!(found, id);
            let (counted, began) = (Arc::clone(&counted), Arc::clone(&began));
            async move {
                assert!(
                    counted.fetch_add(1, Ordering::Relaxed) > 0,
                    "a fault of the service"
                );
                began.notify_one();
                std::future::pending::<()>().await;
            }
        };
        let running = keep_running(&service, work);
        tokio::select! {
            () = running => {}
            () = again.notified() => {}
        }
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        let (job, cycle): (Option<Job>, Option<Cycle>) = service
            .read(move |tx| Ok((tx.fetch_one(&id)?, tx.fetch_one(&cycle)?)))
            .await
            .unwrap();
        let (job, cycle) = (job.unwrap(), cycle.unwrap());
        assert_eq!(
            (cycle.state, cycle.ended.is_some()),
            (CycleState::Failed, true)
        );
        assert_eq!(cycle.error.unwrap().code, "CycleBroken");
        assert_eq!(
            (job.cycle, job.last_cycle, job.served, job.history.failures),
            (None, Some(cycle.id), 1, 1)
        );
        // Without an open cycle there is nothing to close, and whoever waits is told all the same.
        let before = service.unkept.count(id);
        close_broken(&service, id).await;
        assert!(service.unkept.since(id, before).is_some());
    }
}
