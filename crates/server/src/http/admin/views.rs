//! Rows as the API shows them.

use super::time;
use crate::configuration::spec_of;
use crate::job::{Guard, HeldCount};
use crate::policy::read_set_of;
use crate::{links, log};
use lockstep_api::admin::{
    Configuration as View, Counts, Cycle as CycleView, CycleError, JobStatus, LogEntry as LogView,
    LogStep, Passwords, Planned, Progress, PropertyChange, Quarantine,
};
use lockstep_engine::mapping::{MappedKind, REFERENCES};
use lockstep_model::Timestamp;
use lockstep_model::ids::CycleId;
use lockstep_store::records::connector_space::{Dirty, LinkRow, SubjectKind};
use lockstep_store::records::job::{self as records, Configuration, Cycle, Job, ReadSet};
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::records::safety::Escrow;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};
use std::collections::BTreeSet;

/// How many links are counted in one go.
const SLICE: usize = 5_000;
/// How many marks are looked at in one go.
const MARKS: usize = 100;

/// A configuration and how its job stands.
pub(super) fn configuration<T: Read + ?Sized>(
    tx: &mut T,
    row: &Configuration,
    now: Timestamp,
) -> Result<View, StoreError> {
    let job: Option<Job> = tx.fetch_one(&row.id)?;
    let last = match job.as_ref().and_then(|job| job.last_cycle) {
        Some(id) => tx.fetch_one::<Cycle>(&id)?,
        None => None,
    };
    let quarantine = match &job {
        Some(job) => quarantine(tx, row, job, last.as_ref(), now)?,
        None => None,
    };
    let status = match (row.paused, &quarantine, &last) {
        (true, ..) => "paused",
        (false, Some(_), _) => "quarantine",
        (false, None, None) => "notRun",
        (false, None, Some(_)) => "active",
    };
    Ok(View {
        id: row.id.to_string(),
        name: row.name.clone(),
        domain: row.domain.clone(),
        status: status.to_owned(),
        quarantine,
        last_cycle: last.map(|last| cycle(&last, now)),
        job: match &job {
            Some(job) => job_status(tx, job, now)?,
            None => JobStatus::default(),
        },
        claims: Vec::new(),
        more_claims: false,
        absent_attributes: absent(row, &read_set_of(tx, row.id)?),
        counts: counts(tx, row)?,
        service_principal: row.service_principal.to_string(),
        configuration: spec_of(row),
    })
}

/// What of the mapping's attributes the domain's schema lacks, as the mapping spells them.
fn absent(row: &Configuration, read_set: &ReadSet) -> Vec<String> {
    let absent: BTreeSet<&str> = read_set.absent.iter().map(String::as_str).collect();
    let mapping = &crate::configuration::known(row).compiled.mapping;
    let entries = mapping.entries.values().flatten();
    let values = entries.flat_map(|entry| entry.rule.sources());
    let references = REFERENCES.iter().filter(|own| mapping.provisions(own));
    let lacking = values.chain(references.map(|own| own.spelled));
    let lacking: BTreeSet<&str> = lacking
        .filter(|name| absent.contains(name.to_ascii_lowercase().as_str()))
        .collect();
    lacking.into_iter().map(str::to_owned).collect()
}

/// Where the errors of cycles are explained.
const TROUBLESHOOTING: &str = "docs/troubleshooting.md";

fn job_status<T: Read + ?Sized>(
    tx: &mut T,
    job: &Job,
    now: Timestamp,
) -> Result<JobStatus, StoreError> {
    let history = &job.history;
    let mut known = |id: Option<CycleId>| -> Result<Option<CycleView>, StoreError> {
        let row = id.map(|id| tx.fetch_one::<Cycle>(&id)).transpose()?;
        Ok(row.flatten().map(|row| cycle(&row, now)))
    };
    let running = known(job.cycle)?;
    let last_successful_cycle = known(history.last_success)?;
    let last_successful_cycle_with_exports = known(history.last_export)?;
    let held = HeldCount::of(tx, job)?;
    let progress = match &running {
        Some(running) => Some(progress(tx, job, running)?),
        None => None,
    };
    let failing = job.passwords.failing.as_ref();
    Ok(JobStatus {
        running,
        entitled: links::entitled(tx, job.configuration)?,
        missing: history.missing,
        progress,
        password_failures: failing.map_or(0, |failing| failing.cycles),
        password_error: failing.map(|failing| cycle_error(&failing.error)),
        last_successful_cycle,
        last_successful_cycle_with_exports,
        successive_failures: history.failures,
        lag_seconds: history.lag(now),
        exported: history.exported,
        held: held.deletes + held.changes,
        escrowed: tx.how_many::<Escrow>(None, &Key::empty().with(job.configuration))?,
        steady_state_first_achieved: history.steady_first.map(time),
        steady_state_last_achieved: history.steady_last.map(time),
        last_reconciled: history.reconciled.map(time),
        drifting: history.drifting,
        troubleshooting: TROUBLESHOOTING.to_owned(),
    })
}

/// How far a cycle has come.
fn progress<T: Read + ?Sized>(
    tx: &mut T,
    job: &Job,
    running: &CycleView,
) -> Result<Progress, StoreError> {
    let stage = match (&job.instruction, &job.passwords.instruction) {
        (Some(_), _) => "reading",
        (None, Some(_)) => "readingPasswords",
        (None, None) => "deciding",
    };
    let prefix = Dirty::of_kind(job.configuration, SubjectKind::Object);
    let mut scan = Scan::of(prefix, MARKS);
    let mut waiting = 0;
    loop {
        let marks: Vec<Dirty> = tx.list(&scan)?;
        let Some(last) = marks.last() else { break };
        scan = scan.behind(last);
        waiting += marks
            .iter()
            .map(|mark| mark.subjects.len() as u64)
            .sum::<u64>();
    }
    Ok(Progress {
        stage: stage.to_owned(),
        decided: running.created
            + running.updated
            + running.deleted
            + running.restored
            + running.unchanged
            + running.skipped
            + running.failed,
        waiting,
    })
}

/// Why a job is slowed down, or what the guard holds.
fn quarantine<T: Read + ?Sized>(
    tx: &mut T,
    row: &Configuration,
    job: &Job,
    last: Option<&Cycle>,
    now: Timestamp,
) -> Result<Option<Quarantine>, StoreError> {
    let interval = crate::job::interval(row);
    if let Some(slow) = &job.quarantine {
        let next = crate::job::next_attempt(slow, interval, now);
        return Ok(Some(Quarantine {
            reason: slow.code.clone(),
            code: slow.code.clone(),
            message: slow.message.clone(),
            remedy: slow.remedy.clone(),
            request: Some(slow.request.clone()).filter(|request| !request.is_empty()),
            since: time(slow.since),
            series_began: Some(time(slow.series_since)),
            series_count: u64::from(slow.attempts),
            next_attempt: next.filter(|_| !row.paused).map(|next| next.to_string()),
        }));
    }
    let Some(guard) = Guard::tripped(job).next() else {
        return Ok(None);
    };
    let (count, since) = guard.held(tx, row.id)?;
    let next = last.map(|last| Timestamp::from_millis(last.started).again(interval, now));
    Ok(since.map(|since| Quarantine {
        reason: guard.code().to_owned(),
        code: guard.code().to_owned(),
        message: guard.message(count),
        remedy: guard.remedy(&row.name),
        request: None,
        since: time(since),
        series_began: None,
        series_count: 0,
        next_attempt: next.filter(|_| !row.paused).map(|next| next.to_string()),
    }))
}

fn counts<T: Read + ?Sized>(tx: &mut T, row: &Configuration) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let mut scan = Scan::of(Key::empty().with(row.id), SLICE);
    loop {
        let links: Vec<LinkRow> = tx.list(&scan)?;
        let Some(last) = links.last() else {
            return Ok(counts);
        };
        scan = scan.behind(last);
        for link in links.iter().filter(|link| !link.deleted) {
            match link.kind {
                MappedKind::User => counts.users += 1,
                MappedKind::Group => counts.groups += 1,
                MappedKind::Contact => counts.contacts += 1,
            }
        }
    }
}

/// A cycle.
pub(super) fn cycle(row: &Cycle, now: Timestamp) -> CycleView {
    let end = row.ended.unwrap_or_else(|| now.as_millis());
    CycleView {
        cycle_id: row.id.to_string(),
        kind: row.kind.to_string(),
        state: row.state.to_string(),
        imported: row.imported,
        imported_references: row.imported_references,
        created: row.created,
        updated: row.updated,
        deleted: row.deleted,
        restored: row.restored,
        unchanged: row.unchanged,
        skipped: row.skipped,
        failed: row.failed,
        held: row.held,
        passwords: Passwords {
            set: row.passwords.set,
            waiting: row.passwords.waiting,
            skipped: row.passwords.skipped,
            failed: row.passwords.failed,
        },
        planned: row.planned.map(|planned| Planned {
            creates: planned.creates,
            restores: planned.restores,
            updates: planned.updates,
            deletes: planned.deletes,
        }),
        error: row.error.as_ref().map(cycle_error),
        started_at: time(row.started),
        ended_at: row.ended.map(time),
        duration_ms: u64::try_from(end - row.started).unwrap_or(0),
    }
}

fn cycle_error(error: &records::CycleError) -> CycleError {
    CycleError {
        code: error.code.clone(),
        message: error.message.clone(),
        remedy: error.remedy.clone(),
        request: error.request.clone(),
    }
}

/// One changed property.
pub(super) fn change(row: &LogChange) -> PropertyChange {
    PropertyChange {
        property: row.property.clone(),
        old: row.old.as_ref().map(log::readable),
        new: row.new.as_ref().map(log::readable),
    }
}

/// An entry of the provisioning log.
pub(super) fn step(step: log::Step) -> LogStep {
    LogStep {
        name: step.name.to_owned(),
        status: step.status,
        description: step.description,
    }
}

/// An entry of the provisioning log.
pub(super) fn log_entry(row: &LogEntry, configuration: &str, cycle: Option<&Cycle>) -> LogView {
    LogView {
        id: format!("{:020}", row.number),
        at: time(row.at),
        configuration: configuration.to_owned(),
        cycle: row.cycle.map(|cycle| cycle.to_string()),
        action: row.action,
        status: row.status,
        kind: MappedKind::word_of(row.kind).to_owned(),
        anchor: row.anchor.clone(),
        name: row.name.clone(),
        dn: row.dn.clone(),
        source: row.source.to_string(),
        initiated_by: log::initiated_by(row, cycle).to_owned(),
        duration_ms: log::duration(row, cycle),
        steps: log::steps(row).into_iter().map(step).collect(),
        target: row.target.map(|target| target.to_string()),
        code: row.code.clone(),
        reason: row.reason.clone(),
        modified_properties: row.changes.iter().map(change).collect(),
    }
}
