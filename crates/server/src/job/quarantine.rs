//! Jobs that are slowed down: when they go to quarantine, when they are tried again, when they leave.

use crate::cycle::escrow::in_words;
use crate::service::Service;
use crate::{links, notify};
use lockstep_engine::quarantine::{
    Attempt, Excess, Gravity, Quarantine, Tally, gravity, quarantines,
};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{CycleState, Timestamp, codes};
use lockstep_store::records::connector_space::{LinkRow, StagedReference};
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
    let ended_failed = cycle.state == CycleState::Failed;
    let is_incomplete = |error: &CycleError| gravity(&error.code) == Gravity::Incomplete;
    // A cycle that did all it could is judged by its objects like one that succeeded.
    let failed = ended_failed && !cycle.error.as_ref().is_some_and(is_incomplete);
    let in_a_row = u32::try_from(job.history.failures).unwrap_or(u32::MAX);
    let began = Timestamp::from_millis(cycle.started);
    let cause = match &cycle.error {
        Some(error) if failed => quarantines(&error.code, in_a_row).then(|| error.clone()),
        _ => excess(tx, job.configuration)?,
    };
    if cause.is_some() && !ended_failed {
        cycle.state = CycleState::Quarantined;
    }
    job.quarantine = match (job.quarantine.take(), cause) {
        (None, None) => None,
        (None, Some(cause)) => Some(row(cause, Quarantine::begin(began), began)),
        (Some(before), Some(cause)) => {
            let same = before.code == cause.code;
            let since = if same {
                Timestamp::from_millis(before.since).min(began)
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

fn row(cause: CycleError, series: Quarantine, since: Timestamp) -> QuarantineRow {
    QuarantineRow {
        code: cause.code,
        message: cause.message,
        remedy: cause.remedy,
        request: cause.request.unwrap_or_default(),
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
fn excess(tx: &mut dyn Read, id: ConfigurationId) -> Result<Option<CycleError>, StoreError> {
    let of = Key::empty().with(id);
    let failing = tx.how_many::<Escrow>(None, &of)?;
    if Tally::is_harmless(failing) {
        return Ok(None);
    }
    let provisioned = links::live(tx, id)?;
    let (mut provisioned_too, mut references) = (0, 0);
    let mut scan = Scan::of(of, SLICE);
    let mut first = None;
    loop {
        let rows: Vec<Escrow> = tx.list(&scan)?;
        let Some(last) = rows.last() else { break };
        scan = scan.behind(last);
        for escrow in rows {
            provisioned_too += u64::from(is_live(tx, &escrow)?);
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

/// Whether an object that fails is in the directory all the same: it may also be one that was deleted there and cannot
/// come back.
fn is_live(tx: &mut dyn Read, escrow: &Escrow) -> Result<bool, StoreError> {
    if escrow.object.is_none() {
        return Ok(false);
    }
    let link: Option<LinkRow> = tx.fetch_one(&(escrow.configuration, escrow.guid))?;
    Ok(link.is_some_and(|link| !link.deleted))
}

fn cause_of_excess(excess: Excess, tally: Tally, first: &Escrow) -> CycleError {
    let message = format!(
        "{} of {} objects fail; {} was the first of them: {}",
        tally.failing, tally.objects, first.name, first.answer
    );
    CycleError {
        code: excess.code().to_owned(),
        message,
        remedy: "`lockstep escrow list` shows every one with its reason; put the common cause right and run a \
                 cycle"
            .to_owned(),
        request: Some(format!("{}: {}", first.name, in_words(&first.request))),
    }
}

/// When a job that is slowed down is tried again; none: when somebody asks for it.
#[must_use]
pub(crate) fn next_attempt(
    row: &QuarantineRow,
    interval: Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    if row.last == 0 {
        return Some(Timestamp::default());
    }
    match series(row).next(interval, now) {
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
            let last = Timestamp::from_millis(row.last);
            return Ok(Some(last.again(interval, now)));
        }
        return Ok(next_attempt(row, interval, now));
    }
    let last = match job.last_cycle {
        Some(cycle) => tx.fetch_one::<Cycle>(&cycle)?,
        None => None,
    };
    Ok(Some(last.map_or(Timestamp::default(), |cycle| {
        Timestamp::from_millis(cycle.started).again(interval, now)
    })))
}

fn waits_for_agents(row: &QuarantineRow) -> bool {
    matches!(
        row.code.as_str(),
        codes::NO_ACTIVE_AGENTS | codes::AGENT_TIMEOUT
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_engine::mapping::MappedKind;
    use lockstep_model::ids::{CycleId, ObjectId};
    use lockstep_model::{Guid, SourceAnchor};
    use lockstep_store::{MemoryStore, Transact as _, WriteRecords as _, records};

    fn guid(n: u64) -> Guid {
        let mut bytes = [1; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        Guid::from_bytes(bytes)
    }

    /// The judgement of a configuration with so many live and so many deleted objects, where 5,000 others fail; the
    /// first of these were in the directory once.
    fn judged(live: u64, deleted: u64, came_back: u64) -> Option<String> {
        let id = ConfigurationId::new(Guid::from_bytes([2; 16]));
        let link = |n: u64, deleted: bool| LinkRow {
            configuration: id,
            guid: guid(n),
            object: ObjectId::new(guid(n)),
            kind: MappedKind::User,
            anchor: SourceAnchor::from_object_guid(guid(n)),
            deleted,
        };
        let failing = |n: u64| Escrow {
            configuration: id,
            guid: guid(100_000 + n),
            object: (n < came_back).then(|| ObjectId::new(guid(100_000 + n))),
            name: format!("CN=person{n}"),
            kind: Some(MappedKind::User),
            request: "{}".into(),
            code: "MappingFailed".into(),
            content: String::new(),
            answer: "no".into(),
            cycle: CycleId::new(Guid::NIL),
            first: 0,
            last: 0,
            attempts: 1,
            next: None,
            obstacle: None,
        };
        let links = (0..live).map(|n| link(n, false));
        let links = links.chain((live..live + deleted).map(|n| link(n, true)));
        let links = links.chain((0..came_back).map(|n| link(100_000 + n, true)));
        let (links, escrows): (Vec<_>, Vec<_>) =
            (links.collect(), (0..5_000).map(failing).collect());
        let store = MemoryStore::new(&records::tables());
        let found = store.writing(|tx| {
            tx.store(&links)?;
            tx.store(&escrows)?;
            excess(tx, id)
        });
        found.unwrap().map(|error| error.message)
    }

    #[test]
    fn the_proportion_is_of_the_objects_that_take_part_whoever_was_deleted_before() {
        let told = judged(4_000, 4_000, 0).unwrap();
        assert!(told.starts_with("5000 of 9000 objects fail"), "{told}");
        assert_eq!(judged(7_500, 0, 0), None);
        assert_eq!(judged(7_500, 4_000, 0), None);
        // Who was deleted and fails to come back takes part, and is not in the directory.
        let told = judged(4_000, 0, 10).unwrap();
        assert!(told.starts_with("5000 of 9000 objects fail"), "{told}");
    }
}
