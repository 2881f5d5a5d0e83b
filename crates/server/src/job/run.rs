//! One cycle of one job.

use super::history;
use super::quarantine;
use super::read::{self, Broken, Reading, WhenPaused};
use crate::cycle::{self, Context, Progress, Report, batch, escrow};
use crate::import::mark;
use crate::lane::Lane;
use crate::service::Service;
use lockstep_engine::{Phase, Presence};
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::{CycleKind, CycleState, Guid, Timestamp, Wake, codes};
use lockstep_store::records::connector_space::{LinkRow, Staged, Subject};
use lockstep_store::records::job::{
    Configuration, Cycle, CycleError, Job, PasswordFailure, Watermark,
};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::Duration;

/// What goes along through the batches of a cycle.
struct Run {
    configuration: ConfigurationId,
    cycle: CycleId,
    wake: Wake,
    report: Report,
    behind: u64,
    /// The version of the configuration by which was read what has been read last.
    read_version: u64,
    first: bool,
    /// What a pause means to it: nothing, if the configuration was paused when the cycle began.
    paused: WhenPaused,
    passwords: Passwords,
}

/// How the reading of passwords went in a cycle.
#[derive(Default)]
enum Passwords {
    /// They were not read yet, or are not to be read.
    #[default]
    Unread,
    /// Everything was read: deleted objects among it.
    Read,
    /// They could not be read.
    Failed(CycleError),
}

/// Runs one cycle from import to export, and keeps its result.
///
/// # Errors
///
/// Those of the store, when not even the result could be kept.
pub async fn run_cycle(
    service: &Arc<Service>,
    configuration: ConfigurationId,
    wake: Wake,
) -> Result<(), StoreError> {
    let _turn = service.take_turn(configuration).await;
    let Some(begun) = begin(service, configuration, wake).await? else {
        return Ok(());
    };
    let run = Run {
        configuration,
        cycle: begun.cycle,
        wake,
        report: Report::default(),
        behind: 0,
        read_version: 0,
        first: begun.first,
        paused: match begun.paused {
            true => WhenPaused::Read,
            false => WhenPaused::Refuse,
        },
        passwords: Passwords::default(),
    };
    let (run, result) = work(service, run).await;
    finish(service, run, begun.serving, result).await?;
    service.progress.raise();
    Ok(())
}

/// A cycle that has begun.
struct Begun {
    cycle: CycleId,
    /// Up to which request by hand it serves.
    serving: u64,
    /// Nothing has been provisioned yet.
    first: bool,
    /// The configuration is paused.
    paused: bool,
}

/// Notes that a cycle begins.
async fn begin(
    service: &Arc<Service>,
    configuration: ConfigurationId,
    wake: Wake,
) -> Result<Option<Begun>, StoreError> {
    let now = service.clock.now();
    service
        .write(move |tx| {
            let Some(mut job) = tx.fetch_one::<Job>(&configuration)? else {
                return Ok(None);
            };
            let row: Option<Configuration> = tx.fetch_one(&configuration)?;
            let paused = row.is_some_and(|row| row.paused);
            if paused && wake != Wake::Hand {
                return Ok(None);
            }
            // Whoever was let in for a moment, and never let out because somebody hung up, is out again.
            job.admitted = None;
            sweep(tx, &mut job, now)?;
            if clock_was_set_back(tx, &job, now)? {
                escrow::wake_from_ahead(tx, &mut job, now)?;
            }
            escrow::wake(tx, &mut job, now)?;
            let id = CycleId::new(crate::ids::random_guid());
            let kind = match (&job.watermark, job.succeeded) {
                (Watermark::Current(_), _) => CycleKind::Incremental,
                (_, 0) => CycleKind::Initial,
                _ => CycleKind::Full,
            };
            job.cycle = Some(id);
            let serving = job.requested;
            tx.store(&[job])?;
            tx.store(&[Cycle {
                kind,
                woken_by: wake,
                ..Cycle::begun(id, configuration, now.as_millis())
            }])?;
            let links: Vec<LinkRow> = tx.list(&Scan::of(Key::empty().with(configuration), 1))?;
            Ok(Some(Begun {
                cycle: id,
                serving,
                first: links.is_empty(),
                paused,
            }))
        })
        .await
}

/// Whether the cycle before this one has ended at a time that is still to come.
fn clock_was_set_back(tx: &mut dyn Read, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
    let last = match job.last_cycle {
        Some(id) => tx.fetch_one::<Cycle>(&id)?,
        None => None,
    };
    Ok(last.is_some_and(|last| last.ended.unwrap_or(last.started) > now.as_millis()))
}

/// Values that change as time passes are made anew once a day: no change of AD tells that they are due.
fn sweep(tx: &mut dyn Write, job: &mut Job, now: Timestamp) -> Result<(), StoreError> {
    let Some(configuration) = tx.fetch_one::<Configuration>(&job.configuration)? else {
        return Ok(());
    };
    let mapping = &crate::configuration::known(&configuration).compiled.mapping;
    let due = Timestamp::from_millis(job.swept).again(A_DAY, now);
    if due > now || !mapping.depends_on_time() {
        return Ok(());
    }
    job.swept = now.as_millis();
    if let Some(head) = job.domain.as_ref().map(|domain| domain.naming_context) {
        mark(tx, job, Subject::Subtree(head))?;
    }
    Ok(())
}

/// How often values that change as time passes are made.
const A_DAY: Duration = Duration::from_secs(24 * 3_600);
/// How often a cycle reads at most: nested groups are read level by level.
const ROUNDS: usize = 100;
/// How many of the objects that wait are compared from one round to the next.
const WAITING: usize = 1_000;

/// Reads and decides side by side; what takes away is decided when all has been read. Where the decision
/// needs an object that has not been read (the scope has grown, or a container has a name that nobody asked
/// for before), it is read in the same cycle.
async fn work(service: &Arc<Service>, mut run: Run) -> (Run, Result<(), CycleError>) {
    let mut waited = Vec::new();
    for _ in 0..ROUNDS {
        let result;
        (run, result) = read_and_decide(service, run).await;
        if result.is_err() {
            return (run, result);
        }
        // What comes now may have been referred to before.
        run.first = false;
        let configuration = run.configuration;
        let waiting = service.read(move |tx| unread(tx, configuration));
        match waiting.await {
            // What could not be read the last time will not be readable now.
            Ok(waiting) if waiting.is_empty() || waiting == waited => break,
            Ok(waiting) => waited = waiting,
            Err(error) => return (run, Err(store_error(&error, LOOK))),
        }
    }
    let told = tell_unresolved(service, run.configuration, run.cycle).await;
    (run, told.map_err(|error| store_error(&error, APPLY)))
}

/// Tells which references lead nowhere, now that all that could be read has been.
async fn tell_unresolved(
    service: &Arc<Service>,
    id: ConfigurationId,
    cycle: CycleId,
) -> Result<(), StoreError> {
    let mut more = true;
    while more {
        let (tenant, now) = (service.tenant_rules(), service.clock.now());
        let work = move |tx: &mut dyn Write| {
            let Some(lane) = Lane::of(tx, id)? else {
                return Ok(false);
            };
            let mut report = Report::default();
            let mut context = Context::complete(cycle, now, &tenant, &mut report);
            cycle::tell_unresolved(tx, &lane, &mut context, None)
        };
        more = service.write(work).await?;
    }
    Ok(())
}

/// The first objects that wait to be read by GUID.
fn unread(tx: &mut dyn Read, id: ConfigurationId) -> Result<Vec<Guid>, StoreError> {
    let waiting = Scan::along(Staged::BY_UNREAD, Key::empty().with(id), WAITING);
    let rows: Vec<Staged> = tx.list(&waiting)?;
    Ok(rows.into_iter().map(|row| row.object.guid).collect())
}

/// What the scope names has to be there before anything is taken away: who belongs to a group that was
/// deleted, or that nobody sees any more, cannot be told from who never did.
fn scope_is_there(
    tx: &mut dyn Read,
    id: ConfigurationId,
) -> Result<Option<CycleError>, StoreError> {
    let Some(configuration) = tx.fetch_one::<Configuration>(&id)? else {
        return Ok(None);
    };
    let roots = configuration.roots.into_iter().flatten();
    let named = roots
        .chain(configuration.excluded)
        .chain(configuration.groups);
    for root in named {
        let row: Option<Staged> = tx.fetch_one(&(id, root.guid))?;
        match row.map(|row| row.object.presence) {
            None | Some(Presence::Alive { .. }) => {}
            Some(Presence::Deleted) => return Ok(Some(scope_object_gone(&root.dn))),
            Some(Presence::Missing { .. }) => return Ok(Some(scope_object_unseen(&root.dn))),
        }
    }
    Ok(None)
}

fn scope_object_gone(dn: &str) -> CycleError {
    CycleError {
        code: codes::SCOPE_OBJECT_NOT_FOUND.into(),
        message: format!("the scope names {dn}, which was deleted; nobody is deleted because of that"),
        remedy: "restore it in Active Directory, or take it out of the configuration with `lockstep apply`"
            .into(),
        request: Some(format!("look up {dn}, which the scope names")),
    }
}

fn scope_object_unseen(dn: &str) -> CycleError {
    CycleError {
        code: codes::SCOPE_OBJECT_NOT_FOUND.into(),
        message: format!(
            "the scope names {dn}, which the last full import has not seen; nobody is deleted because of that"
        ),
        remedy: "see whether the agent's account may still read it, or take it out of the configuration with \
                 `lockstep apply`"
            .into(),
        request: Some(format!("look up {dn}, which the scope names")),
    }
}

async fn read_and_decide(service: &Arc<Service>, mut run: Run) -> (Run, Result<(), CycleError>) {
    let id = run.configuration;
    let mut reading = match Reading::begin(service, id, read::changes, run.paused).await {
        Ok(reading) => reading,
        Err(broken) => return (run, Err(cycle_error(broken))),
    };
    run.behind = 0;
    run.read_version = reading.version;
    loop {
        let state = reading.look(service).await;
        match state {
            Ok(read::State::Reading) => {}
            Ok(read::State::Done) => break,
            Err(broken) => return (run, Err(cycle_error(broken))),
        }
        run.read_version = reading.version;
        let (returned, progress) = drain(service, run, Phase::Reading).await;
        run = returned;
        match progress {
            Ok(Drained::More) => {}
            Ok(Drained::Paused) => return (run, Err(paused())),
            Ok(Drained::Done) => reading.wait(Duration::from_millis(250)).await,
            Err(error) => return (run, Err(store_error(&error, APPLY))),
        }
    }
    let configuration = run.configuration;
    match service
        .read(move |tx| scope_is_there(tx, configuration))
        .await
    {
        Ok(None) => {}
        Ok(Some(error)) => return (run, Err(error)),
        Err(error) => return (run, Err(store_error(&error, LOOK))),
    }
    run.behind = 0;
    let mut result;
    // Who is new gets a password, and who was deleted is known, before anything is taken away.
    (run, result) = drain_all(service, run, Phase::Reading).await;
    if result.is_ok() {
        run = passwords(service, run).await;
        run.behind = 0;
        // References are written from now on: who is made after that may have been referred to before.
        run.first = false;
        (run, result) = drain_all(service, run, Phase::Complete).await;
    }
    if result.is_ok() {
        let planned = crate::staging::plan(service, run.configuration, run.cycle).await;
        result = planned.map_err(|error| store_error(&error, "plan in the database"));
    }
    (run, result)
}

/// Batch after batch, until nothing is left that can be decided in this phase.
async fn drain_all(
    service: &Arc<Service>,
    mut run: Run,
    phase: Phase,
) -> (Run, Result<(), CycleError>) {
    loop {
        let (returned, progress) = drain(service, run, phase).await;
        run = returned;
        match progress {
            Ok(Drained::More) => {}
            Ok(Drained::Done) => return (run, Ok(())),
            Ok(Drained::Paused) => return (run, Err(paused())),
            Err(error) => return (run, Err(store_error(&error, APPLY))),
        }
    }
}

/// Reads passwords: once in a cycle, and again for whoever came into scope in a later round. That they
/// cannot be read keeps nothing else from being synchronised.
async fn passwords(service: &Arc<Service>, mut run: Run) -> Run {
    let id = run.configuration;
    let again = !matches!(run.passwords, Passwords::Unread);
    let due = service.read(move |tx| {
        let configuration = tx.fetch_one::<Configuration>(&id)?;
        let is_on = configuration.is_some_and(|c| crate::passwords::enabled(&c));
        Ok(is_on && (!again || crate::passwords::somebody_is_new(tx, id)?))
    });
    let read = match due.await {
        Ok(false) => return run,
        Ok(true) => read_passwords(service, id, run.paused).await,
        Err(error) => Err(store_error(&error, LOOK)),
    };
    run.passwords = match read {
        Ok(()) => Passwords::Read,
        Err(error) => {
            tracing::warn!(
                configuration = %id,
                code = error.code,
                reason = error.message,
                "passwords could not be read"
            );
            Passwords::Failed(error)
        }
    };
    run
}

async fn read_passwords(
    service: &Arc<Service>,
    id: ConfigurationId,
    paused: WhenPaused,
) -> Result<(), CycleError> {
    let mut position = None;
    loop {
        let now = service.clock.now();
        let judged = service
            .write(move |tx| match Lane::of(tx, id)? {
                Some(mut lane) => crate::passwords::judge_anew(tx, &mut lane, position, now),
                None => Ok(None),
            })
            .await;
        position = judged.map_err(|error| store_error(&error, APPLY))?;
        if position.is_none() {
            break;
        }
    }
    let mut reading = Reading::begin(service, id, read::passwords, paused)
        .await
        .map_err(cycle_error)?;
    while reading.look(service).await.map_err(cycle_error)? == read::State::Reading {
        reading.wait(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Drained {
    /// There may be more to decide.
    More,
    /// Nothing is left that can be decided in this phase.
    Done,
    /// Somebody has paused the configuration: nothing was decided, and nothing is any more.
    Paused,
}

fn paused() -> CycleError {
    CycleError {
        code: codes::PAUSED.into(),
        message:
            "the configuration was paused while the cycle ran; nothing of it was applied after that"
                .into(),
        remedy: "none is needed: once it is resumed, the next cycle goes on where this one stopped"
            .into(),
        request: None,
    }
}

/// One batch in one transaction. A batch that failed leaves its counts as they were; the cycle ends with it.
async fn drain(
    service: &Arc<Service>,
    run: Run,
    phase: Phase,
) -> (Run, Result<Drained, StoreError>) {
    let now = service.clock.now();
    let tenant = service.tenant_rules();
    // The store may run the work on another thread and give nothing back but its result.
    let shared = Arc::new(std::sync::Mutex::new(run));
    let own = Arc::clone(&shared);
    let progress = service
        .write(move |tx| {
            let mut run = own
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(mut lane) = Lane::of(tx, run.configuration)? else {
                return Ok(Drained::Done);
            };
            if run.paused.refuses(&lane.configuration) {
                return Ok(Drained::Paused);
            }
            if crate::staging::is_on(&lane.configuration) {
                return Ok(Drained::Done);
            }
            let Run {
                cycle,
                wake,
                behind,
                report,
                first,
                read_version,
                ..
            } = &mut *run;
            let (mut looked, before) = (*behind, report.tally);
            let mut context = Context {
                cycle: *cycle,
                now,
                began: None,
                phase,
                first: *first,
                tenant: &tenant,
                // What was read by another version says nothing about who is to leave: what this one wants besides has
                // not been asked for.
                staged_leave: *wake != Wake::Change && lane.configuration.version == *read_version,
                report,
            };
            let progress = batch(tx, &mut lane, &mut context, &mut looked);
            match progress {
                Ok(progress) => {
                    *behind = looked;
                    if report.tally != before {
                        note(tx, *cycle, report)?;
                    }
                    Ok(match progress {
                        Progress::More => Drained::More,
                        Progress::Done => Drained::Done,
                    })
                }
                Err(error) => {
                    report.tally = before;
                    Err(error)
                }
            }
        })
        .await;
    let mut run = shared
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    (run.take(), progress)
}

impl Run {
    /// Takes the run out of the place where it was shared.
    fn take(&mut self) -> Self {
        Self {
            configuration: self.configuration,
            cycle: self.cycle,
            wake: self.wake,
            report: std::mem::take(&mut self.report),
            behind: self.behind,
            read_version: self.read_version,
            first: self.first,
            paused: self.paused,
            passwords: std::mem::take(&mut self.passwords),
        }
    }
}

/// Writes the counts down, so that progress can be watched.
fn note(tx: &mut dyn Write, id: CycleId, report: &Report) -> Result<(), StoreError> {
    let Some(mut cycle) = tx.fetch_one::<Cycle>(&id)? else {
        return Ok(());
    };
    count(&mut cycle, report);
    tx.store(&[cycle])
}

fn count(cycle: &mut Cycle, report: &Report) {
    let tally = report.tally;
    cycle.created = tally.created;
    cycle.updated = tally.updated;
    cycle.deleted = tally.deleted;
    cycle.restored = tally.restored;
    cycle.unchanged = tally.unchanged;
    cycle.skipped = tally.skipped;
    cycle.failed = tally.failed;
    cycle.held = tally.held;
}

/// Keeps the result.
async fn finish(
    service: &Arc<Service>,
    run: Run,
    serving: u64,
    result: Result<(), CycleError>,
) -> Result<(), StoreError> {
    let now = service.clock.now();
    service
        .write(move |tx| {
            let Some(mut job) = tx.fetch_one::<Job>(&run.configuration)? else {
                return Ok(());
            };
            let Some(mut cycle) = tx.fetch_one::<Cycle>(&run.cycle)? else {
                return Ok(());
            };
            count(&mut cycle, &run.report);
            let configuration: Option<Configuration> = tx.fetch_one(&run.configuration)?;
            // Whoever pauses takes back what agents are reading: that is all the cycle hears.
            let result = match &configuration {
                Some(row) if run.paused.refuses(row) => {
                    result.map_err(|error| match error.code.as_str() {
                        codes::INTERRUPTED => paused(),
                        _ => error,
                    })
                }
                _ => result,
            };
            let replicated = matches!(run.passwords, Passwords::Read);
            let result = result.and(if job.tombstones_visible || replicated {
                Ok(())
            } else {
                Err(deletions_not_visible())
            });
            cycle.state = match (&result, cycle.held) {
                (Err(_), _) => CycleState::Failed,
                (Ok(()), 0) => CycleState::Succeeded,
                (Ok(()), _) => CycleState::Quarantined,
            };
            cycle.error = result.err().or(match &run.passwords {
                Passwords::Failed(error) => Some(error.clone()),
                Passwords::Unread | Passwords::Read => None,
            });
            let with_passwords = configuration.is_some_and(|c| crate::passwords::enabled(&c));
            job.passwords.failing = failing(&job, &run.passwords, with_passwords, cycle.started);
            if with_passwords {
                cycle.passwords = crate::passwords::tally(tx, &job, cycle.passwords.set)?;
            }
            cycle.ended = Some(now.as_millis());
            job.cycle = None;
            job.last_cycle = Some(cycle.id);
            history::ended(&mut job, &cycle);
            crate::missing::count(tx, &mut job, &cycle)?;
            job.served = job.served.max(serving);
            if cycle.state != CycleState::Failed {
                job.succeeded += 1;
            }
            quarantine::settle(tx, &mut job, &mut cycle, now)?;
            announce(&cycle);
            tx.store(&[job])?;
            tx.store(&[cycle])
        })
        .await
}

/// How passwords fail after a cycle; none: they do not. A cycle that did not come to them says nothing about it.
fn failing(job: &Job, read: &Passwords, enabled: bool, started: i64) -> Option<PasswordFailure> {
    let before = job.passwords.failing.as_ref();
    match read {
        _ if !enabled => None,
        Passwords::Read => None,
        Passwords::Unread => before.cloned(),
        // Somebody took it back.
        Passwords::Failed(error) if error.code == codes::INTERRUPTED => before.cloned(),
        Passwords::Failed(error) => Some(PasswordFailure {
            error: error.clone(),
            since: before.map_or(started, |before| before.since),
            cycles: before.map_or(0, |before| before.cycles) + 1,
        }),
    }
}

/// Tells the log and Prometheus that a cycle has ended.
pub(super) fn announce(cycle: &Cycle) {
    crate::metrics::cycle_ended(cycle);
    tracing::info!(
        cycle = %cycle.id, kind = cycle.kind.as_str(), state = cycle.state.as_str(), created = cycle.created,
        updated = cycle.updated, deleted = cycle.deleted, failed = cycle.failed, held = cycle.held,
        error = cycle.error.as_ref().map(|error| error.message.as_str()),
        "cycle ended"
    );
}

fn deletions_not_visible() -> CycleError {
    CycleError {
        code: codes::DELETIONS_NOT_VISIBLE.into(),
        message: "the agent's account cannot see deleted objects, so deletions in Active Directory would \
                  go unnoticed; everything else was synchronised"
            .into(),
        remedy: "grant the account List Contents and Read Property on CN=Deleted Objects; \
                 `lockstep-agent check` prints the command"
            .into(),
        request: Some("read tombstones from CN=Deleted Objects".into()),
    }
}

/// What fails where the storage does not show something.
const LOOK: &str = "read from the database what is to be done";
/// What fails where the storage does not take what was decided.
const APPLY: &str = "write what was decided to the database";

/// A reading that broke off, as a cycle's error.
fn cycle_error(broken: Broken) -> CycleError {
    CycleError {
        code: broken.problem.code,
        message: broken.problem.title,
        remedy: broken.problem.remedy.unwrap_or_default(),
        request: Some(broken.request),
    }
}

fn store_error(error: &StoreError, request: &str) -> CycleError {
    let (code, remedy) = match error {
        StoreError::Full => ("DiskFull", "make room on the disk; the next cycle goes on"),
        StoreError::ReadOnly => ("DatabaseReadOnly", "make the data folder writable again"),
        _ => (
            "DatabaseFailed",
            "the service's log tells the cause; the next cycle tries again",
        ),
    };
    CycleError {
        code: code.into(),
        message: error.to_string(),
        remedy: remedy.into(),
        request: Some(request.to_owned()),
    }
}
