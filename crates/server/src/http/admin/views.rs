//! Rows as the API shows them.

use super::time;
use crate::configuration::spec_of;
use crate::log;
use lockstep_api::admin::{
    Configuration as View, Counts, Cycle as CycleView, CycleError, HeldDelete as HeldView,
    JobStatus, LogEntry as LogView, Passwords, PropertyChange, Quarantine,
};
use lockstep_engine::mapping::MappedKind;
use lockstep_model::ids::CycleId;
use lockstep_model::{PropertyValue, Timestamp};
use lockstep_store::records::connector_space::Joined;
use lockstep_store::records::job::{Configuration, Cycle, HeldDelete, HeldVerdict, Job};
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};

/// How many links are counted in one go.
const SLICE: usize = 5_000;

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
        Some(job) if job.guard_tripped => held(tx, row)?,
        _ => None,
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
        counts: counts(tx, row)?,
        service_principal: row.service_principal.to_string(),
        configuration: spec_of(row),
    })
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
    let open = HeldDelete::with(job.configuration, HeldVerdict::Open);
    Ok(JobStatus {
        running,
        last_successful_cycle,
        last_successful_cycle_with_exports,
        successive_failures: history.failures,
        lag_seconds: history.lag(now),
        exported: history.exported,
        held: tx.how_many::<HeldDelete>(Some(HeldDelete::BY_VERDICT), &open)?,
        steady_state_first_achieved: history.steady_first.map(time),
        steady_state_last_achieved: history.steady_last.map(time),
        last_reconciled: history.reconciled.map(time),
        drifting: history.drifting,
        troubleshooting: TROUBLESHOOTING.to_owned(),
    })
}

fn held<T: Read + ?Sized>(
    tx: &mut T,
    row: &Configuration,
) -> Result<Option<Quarantine>, StoreError> {
    let open = HeldDelete::with(row.id, HeldVerdict::Open);
    let count = tx.how_many::<HeldDelete>(Some(HeldDelete::BY_VERDICT), &open)?;
    let first: Vec<HeldDelete> = tx.list(&Scan::along(HeldDelete::BY_VERDICT, open, 1))?;
    Ok(first.first().map(|first| Quarantine {
        reason: format!("{count} deletes are held, which is the threshold or more"),
        since: time(first.since),
        next_attempt: None,
    }))
}

fn counts<T: Read + ?Sized>(tx: &mut T, row: &Configuration) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let mut scan = Scan::of(Key::empty().with(row.id), SLICE);
    loop {
        let links: Vec<Joined> = tx.list(&scan)?;
        let Some(last) = links.last() else {
            return Ok(counts);
        };
        scan = scan.behind(last);
        for link in links.iter().filter(|joined| !joined.deleted) {
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
        kind: row.kind.clone(),
        state: row.state.clone(),
        imported: row.imported,
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
        error: row.error.as_ref().map(|error| CycleError {
            code: error.code.clone(),
            message: error.message.clone(),
            remedy: error.remedy.clone(),
        }),
        started_at: time(row.started),
        ended_at: row.ended.map(time),
        duration_ms: u64::try_from(end - row.started).unwrap_or(0),
    }
}

/// A held delete.
pub(super) fn held_delete(row: &HeldDelete) -> HeldView {
    HeldView {
        id: row.guid.to_string(),
        dn: row.name.clone(),
        kind: row.kind.clone(),
        reason: row.reason.clone(),
        since: time(row.since),
        verdict: match row.verdict {
            HeldVerdict::Open => "held".into(),
            HeldVerdict::Allowed => "allowed".into(),
            HeldVerdict::Rejected => "rejected".into(),
        },
    }
}

/// One changed property.
pub(super) fn change(row: &LogChange) -> PropertyChange {
    PropertyChange {
        property: row.property.clone(),
        old: row.old.as_ref().map(readable),
        new: row.new.as_ref().map(readable),
    }
}

/// A property value as people read it.
pub(crate) fn readable(value: &PropertyValue) -> serde_json::Value {
    match value {
        PropertyValue::Boolean(value) => (*value).into(),
        PropertyValue::Integer(value) => (*value).into(),
        PropertyValue::Text(text) => text.as_str().into(),
        PropertyValue::TextList(texts) => texts.clone().into(),
        PropertyValue::Binary(bytes) => format!("[{} bytes]", bytes.len()).into(),
        PropertyValue::Timestamp(time) => time.to_string().into(),
    }
}

/// An entry of the provisioning log.
pub(super) fn log_entry(row: &LogEntry, configuration: &str, cycle: Option<&Cycle>) -> LogView {
    LogView {
        id: format!("{:020}", row.number),
        at: time(row.at),
        configuration: configuration.to_owned(),
        cycle: row.cycle.map(|cycle| cycle.to_string()),
        action: row.action.clone(),
        status: row.status.clone(),
        kind: row.kind.clone(),
        anchor: row.anchor.clone(),
        name: row.name.clone(),
        dn: row.dn.clone(),
        source: row.source.to_string(),
        initiated_by: log::initiated_by(cycle).to_owned(),
        duration_ms: log::duration(row, cycle),
        target: row.target.map(|target| target.to_string()),
        code: row.code.clone(),
        reason: row.reason.clone(),
        modified_properties: row.changes.iter().map(change).collect(),
    }
}
