//! Jobs that are slowed down: when they go to quarantine, when they are tried again, when they leave.

use super::run::Ending;
use crate::notify;
use crate::service::Service;
use lockstep_engine::quarantine::{Attempt, Excess, Quarantine, Tally, quarantines};
use lockstep_model::Timestamp;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{Joined, StagedReference};
use lockstep_store::records::job::{Configuration, Cycle, CycleError, Job, QuarantineRow};
use lockstep_store::records::safety::Escrow;
use lockstep_store::records::service::Agent;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

/// How many rows are looked at in one go.
const SLICE: usize = 5_000;
/// How many references that cannot be written are counted: more make no difference.
const REFERENCES: usize = 60_001;

/// Takes up how a cycle ended. The caller stores job and cycle.
///
/// # Errors
///
/// Those of the store.
pub(super) fn settle(
    tx: &mut dyn Write,
    job: &mut Job,
    cycle: &mut Cycle,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = cycle.state == Ending::Failed.name();
    let in_a_row = u32::try_from(job.history.failures).unwrap_or(u32::MAX);
    let began = Timestamp::from_millis(cycle.started);
    let cause = match &cycle.error {
        Some(error) if failed => {
            quarantines(&error.code, in_a_row).then(|| cause_of_failure(job, error.clone()))
        }
        _ => excess(tx, job.configuration)?,
    };
    if cause.is_some() && !failed {
        Ending::Quarantined.name().clone_into(&mut cycle.state);
    }
    job.quarantine = match (job.quarantine.take(), cause) {
        (None, None) => None,
        (None, Some(cause)) => Some(row(cause, Quarantine::begin(began), began)),
        (Some(before), Some(cause)) => {
            let same = before.code == cause.error.code;
            let since = if same {
                Timestamp::from_millis(before.since)
            } else {
                began
            };
            Some(row(cause, series(&before).again(began), since))
        }
        // What passes by itself, or has only begun, is no clean cycle either.
        (Some(before), None) if failed => {
            let next = series(&before).again(began);
            Some(QuarantineRow {
                attempts: next.attempts,
                last: next.last.as_millis(),
                ..before
            })
        }
        (Some(before), None) => {
            tracing::info!(configuration = %job.configuration, code = before.code, "left quarantine");
            None
        }
    };
    match tx.fetch_one::<Configuration>(&job.configuration)? {
        Some(configuration) => notify::settle(tx, &configuration, job, cycle, now),
        None => Ok(()),
    }
}

/// What brings a job to quarantine.
struct Cause {
    error: CycleError,
    request: String,
}

fn cause_of_failure(job: &Job, error: CycleError) -> Cause {
    let controller = job.reading_from.as_deref();
    let request = match controller {
        Some(controller) => format!("read changes, last from {controller}"),
        None => "read changes".to_owned(),
    };
    Cause { error, request }
}

fn row(cause: Cause, series: Quarantine, since: Timestamp) -> QuarantineRow {
    QuarantineRow {
        code: cause.error.code,
        message: cause.error.message,
        remedy: cause.error.remedy,
        request: cause.request,
        since: since.as_millis(),
        series_since: series.since.as_millis(),
        attempts: series.attempts,
        last: series.last.as_millis(),
    }
}

const fn series(row: &QuarantineRow) -> Quarantine {
    Quarantine {
        since: Timestamp::from_millis(row.series_since),
        attempts: row.attempts,
        last: Timestamp::from_millis(row.last),
    }
}

/// Whether too many objects fail.
fn excess(tx: &mut dyn Read, id: ConfigurationId) -> Result<Option<Cause>, StoreError> {
    let of = Key::empty().with(id);
    let failing = tx.how_many::<Escrow>(None, &of)?;
    if Tally::is_harmless(failing) {
        return Ok(None);
    }
    let provisioned = tx.how_many::<Joined>(None, &of)?;
    let (mut provisioned_too, mut references) = (0, 0);
    let mut scan = Scan::of(of, SLICE);
    let mut first = None;
    loop {
        let rows: Vec<Escrow> = tx.list(&scan)?;
        let Some(last) = rows.last() else { break };
        scan = scan.behind(last);
        for escrow in rows {
            provisioned_too += u64::from(escrow.object.is_some());
            if references < REFERENCES {
                let to = StagedReference::to(id, escrow.guid);
                let room = REFERENCES - references;
                let found: Vec<StagedReference> =
                    tx.list(&Scan::along(StagedReference::BY_TARGET, to, room))?;
                references += found.len();
            }
            first.get_or_insert(escrow);
        }
    }
    let tally = Tally {
        objects: provisioned.saturating_sub(provisioned_too) + failing,
        failing,
        references: u64::try_from(references).unwrap_or(u64::MAX),
    };
    Ok(tally
        .judge()
        .zip(first)
        .map(|(excess, first)| cause_of_excess(excess, tally, &first)))
}

fn cause_of_excess(excess: Excess, tally: Tally, first: &Escrow) -> Cause {
    let message = format!(
        "{} of {} objects fail; {} was the first of them: {}",
        tally.failing, tally.objects, first.name, first.answer
    );
    Cause {
        error: CycleError {
            code: excess.code().to_owned(),
            message,
            remedy: "`lockstep escrow list` shows every one with its reason; put the common cause right and \
                     run a cycle"
                .to_owned(),
        },
        request: format!("{}: {}", first.name, first.request),
    }
}

/// When a job that is slowed down is tried again; none: when somebody asks for it.
#[must_use]
pub(crate) fn next_attempt(row: &QuarantineRow, interval: Duration) -> Option<Timestamp> {
    if row.last == 0 {
        return Some(Timestamp::default());
    }
    match series(row).next(interval) {
        Attempt::At(moment) => Some(moment),
        Attempt::ByHand => None,
    }
}

/// When a job's next cycle by the clock is due, if one is.
///
/// # Errors
///
/// Those of the store.
pub(super) fn due(
    tx: &mut dyn Read,
    configuration: &Configuration,
    job: &Job,
    interval: Duration,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    if let Some(row) = &job.quarantine {
        if waits_for_agents(row) && somebody_is_back(tx, &configuration.domain, row, now)? {
            return Ok(Some(Timestamp::from_millis(row.last).plus(interval)));
        }
        return Ok(next_attempt(row, interval));
    }
    let last = match job.last_cycle {
        Some(cycle) => tx.fetch_one::<Cycle>(&cycle)?,
        None => None,
    };
    Ok(Some(last.map_or(Timestamp::default(), |cycle| {
        Timestamp::from_millis(cycle.started).plus(interval)
    })))
}

fn waits_for_agents(row: &QuarantineRow) -> bool {
    matches!(row.code.as_str(), "NoActiveAgents" | "AgentTimeout")
}

/// An agent of the domain has asked for work since it was last in vain: there is no reason to wait any longer.
fn somebody_is_back(
    tx: &mut dyn Read,
    domain: &str,
    row: &QuarantineRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let agents: Vec<Agent> = tx.list(&Scan::of(Key::empty(), SLICE))?;
    let serves = |agent: &Agent| agent.domains.iter().any(|name| name == domain);
    Ok(agents
        .iter()
        .any(|agent| serves(agent) && agent.is_active(now.as_millis()) && agent.seen > row.last))
}

/// The next cycle does not wait: what brought the job to quarantine may have been put right.
pub(crate) fn hurry(job: &mut Job) {
    if let Some(row) = &mut job.quarantine {
        row.last = 0;
    }
}

/// When a job's next cycle by the clock is due, for whoever wants to know.
///
/// # Errors
///
/// Those of the store.
pub async fn next_cycle(
    service: &Arc<Service>,
    id: ConfigurationId,
) -> Result<Option<Timestamp>, StoreError> {
    let now = service.clock.now();
    service
        .read(move |tx| {
            let configuration: Option<Configuration> = tx.fetch_one(&id)?;
            let job: Option<Job> = tx.fetch_one(&id)?;
            let Some((configuration, job)) = configuration.zip(job) else {
                return Ok(None);
            };
            if configuration.paused {
                return Ok(None);
            }
            let interval = super::interval(&configuration);
            due(tx, &configuration, &job, interval, now)
        })
        .await
}
