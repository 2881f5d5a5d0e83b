//! How each configuration stands, in numbers that an alert can be made of.

use crate::job::HeldCount;
use lockstep_model::Timestamp;
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::records::safety::Escrow;
use lockstep_store::{Key, Read, ReadRecords as _, StoreError};
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// What one configuration tells.
pub(super) struct Standing {
    name: String,
    paused: bool,
    quarantined: bool,
    lag: Option<u64>,
    interval: u64,
    failures: u64,
    held: HeldCount,
    failing: u64,
    exported: u64,
    drifting: u64,
    missing: u64,
    passwords_failing: u64,
    password_failures: u64,
}

/// How all configurations stand.
pub(super) fn standings(tx: &mut dyn Read, now: Timestamp) -> Result<Vec<Standing>, StoreError> {
    let rows: Vec<Configuration> = crate::configurations::all(tx)?;
    rows.into_iter().map(|row| standing(tx, row, now)).collect()
}

fn standing(tx: &mut dyn Read, row: Configuration, now: Timestamp) -> Result<Standing, StoreError> {
    let job: Job = tx.fetch_one(&row.id)?.unwrap_or_else(|| Job::new(row.id));
    let held = HeldCount::of(tx, &job)?;
    let passwords_failing = match crate::passwords::enabled(&row) {
        true => crate::passwords::tally(tx, &job, 0)?.failed,
        false => 0,
    };
    let interval = crate::job::interval(&row).as_secs();
    Ok(Standing {
        name: row.name,
        paused: row.paused,
        quarantined: job.quarantine.is_some()
            || job.guard_tripped
            || job.updates_tripped
            || job.removals_tripped,
        lag: job.history.lag(now),
        interval,
        failures: job.history.failures,
        held,
        failing: tx.how_many::<Escrow>(None, &Key::empty().with(row.id))?,
        exported: job.history.exported,
        drifting: job.history.drifting,
        missing: job.history.missing,
        passwords_failing,
        password_failures: job.passwords.failing.map_or(0, |failing| failing.cycles),
    })
}

/// Shows them.
pub(super) fn show(standings: &[Standing]) {
    for standing in standings {
        let labels = [("configuration", standing.name.clone())];
        if let Some(lag) = standing.lag {
            gauge!("lockstep_lag_seconds", &labels).set(number(lag));
        }
        gauge!("lockstep_never_succeeded", &labels).set(flag(standing.lag.is_none()));
        gauge!("lockstep_interval_seconds", &labels).set(number(standing.interval));
        gauge!("lockstep_paused", &labels).set(flag(standing.paused));
        gauge!("lockstep_quarantined", &labels).set(flag(standing.quarantined));
        gauge!("lockstep_successive_failures", &labels).set(number(standing.failures));
        gauge!("lockstep_deletes_held", &labels).set(number(standing.held.deletes));
        gauge!("lockstep_changes_held", &labels).set(number(standing.held.changes));
        gauge!("lockstep_objects_failing", &labels).set(number(standing.failing));
        gauge!("lockstep_objects_drifting", &labels).set(number(standing.drifting));
        gauge!("lockstep_objects_missing", &labels).set(number(standing.missing));
        gauge!("lockstep_passwords_failing", &labels).set(number(standing.passwords_failing));
        gauge!("lockstep_successive_password_failures", &labels)
            .set(number(standing.password_failures));
        counter!("lockstep_exported_total", &labels).absolute(standing.exported);
    }
}

fn number(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

/// Says what they are.
pub(super) fn describe() {
    describe_gauge!(
        "lockstep_lag_seconds",
        "Age of what the last successful cycle began with: for so long changes in AD may be missing"
    );
    describe_gauge!(
        "lockstep_never_succeeded",
        "1: no cycle has succeeded yet, so there is no lag"
    );
    describe_gauge!(
        "lockstep_interval_seconds",
        "How long it is from one cycle by the clock to the next"
    );
    describe_gauge!("lockstep_paused", "1: no cycle by clock or change");
    describe_gauge!(
        "lockstep_quarantined",
        "1: the configuration is slowed down, or changes are held"
    );
    describe_gauge!(
        "lockstep_successive_failures",
        "Cycles that failed since the last that did not"
    );
    describe_gauge!(
        "lockstep_deletes_held",
        "Deletes that wait for an administrator"
    );
    describe_gauge!(
        "lockstep_changes_held",
        "Updates, and members that would leave groups, that wait for an administrator"
    );
    describe_gauge!(
        "lockstep_objects_failing",
        "Objects that failed and wait for their next attempt"
    );
    describe_gauge!(
        "lockstep_objects_drifting",
        "Objects that were otherwise than they should be when they were last compared"
    );
    describe_gauge!(
        "lockstep_objects_missing",
        "Objects that AD does not show any more without saying that they were deleted, and that wait for somebody's \
         word"
    );
    describe_gauge!(
        "lockstep_passwords_failing",
        "Users whose password could not be taken over"
    );
    describe_gauge!(
        "lockstep_successive_password_failures",
        "Cycles in which passwords could not be read, since the last in which they could"
    );
    describe_counter!(
        "lockstep_exported_total",
        "Changes that cycles made to the directory"
    );
}
