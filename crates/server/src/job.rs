//! Jobs: one for each configuration, woken by clock, change or hand. A job takes no other input: what
//! it does next stands in the store, so that a restart, a timer and a button all lead the same way.

mod guard;
mod history;
mod quarantine;
mod read;
mod reconcile;
mod run;
mod schedule;
mod unkept;

pub(crate) use guard::{Guard, HeldCount};
pub use lockstep_model::Wake;
pub use quarantine::next_cycle;
pub(crate) use quarantine::{hurry, next_attempt};
pub(crate) use read::{canaries, identity, read_only};
pub use reconcile::{reconcile, reconcile_due, run as run_reconciliation};
pub use run::run_cycle;
pub use schedule::{close_interrupted, run_jobs};
pub use unkept::{Unkept, Unstored};

use crate::service::Service;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::Duration;

/// Asks for a cycle by hand and waits until one has run that began after the call.
///
/// # Errors
///
/// Those of the store.
pub async fn cycle_by_hand(
    service: &Arc<Service>,
    configuration: ConfigurationId,
) -> Result<Option<Cycle>, StoreError> {
    let mut listener = service.progress.listen();
    let unkept = service.unkept.count(configuration);
    let number = ask_for_cycle(service, configuration).await?;
    loop {
        let cycle = service
            .read(move |tx| {
                let Some(job) = tx.fetch_one::<Job>(&configuration)? else {
                    return Ok(Some(None));
                };
                match job.last_cycle.filter(|_| job.served >= number) {
                    Some(cycle) => Ok(Some(tx.fetch_one::<Cycle>(&cycle)?)),
                    None => Ok(None),
                }
            })
            .await?;
        if let Some(cycle) = cycle {
            return Ok(cycle);
        }
        if let Some(error) = service.unkept.since(configuration, unkept) {
            return Err(error);
        }
        listener.wait(Duration::from_millis(500)).await;
    }
}

/// Asks for a cycle by hand; gives its number among those that were asked for.
///
/// # Errors
///
/// Those of the store.
pub async fn ask_for_cycle(
    service: &Arc<Service>,
    configuration: ConfigurationId,
) -> Result<u64, StoreError> {
    let number = service
        .write(move |tx| {
            let Some(mut job) = tx.fetch_one::<Job>(&configuration)? else {
                return Ok(0);
            };
            job.requested += 1;
            let number = job.requested;
            tx.store(&[job])?;
            Ok(number)
        })
        .await?;
    service.jobs.raise();
    Ok(number)
}

/// What was said of what waits is acted on in a cycle by hand; where the configuration is paused, in the first one after
/// that. The caller stores the job.
pub(crate) fn ask_for_cycle_unless_paused(
    tx: &mut dyn Write,
    job: &mut Job,
) -> Result<(), StoreError> {
    let configuration: Option<Configuration> = tx.fetch_one(&job.configuration)?;
    job.requested += u64::from(configuration.is_some_and(|row| !row.paused));
    Ok(())
}

/// How long from the beginning of one cycle to the next.
pub(crate) fn interval(configuration: &Configuration) -> Duration {
    let spec = crate::configuration::spec_of(configuration);
    Duration::from_secs(spec.schedule.interval_seconds().unwrap_or(120))
}
