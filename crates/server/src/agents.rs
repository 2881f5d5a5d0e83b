//! What agents ask of the service, request by request, without HTTP: see [`lockstep_api::channel`].
//!
//! Every request of a reading is one transaction under the lease that it names; whoever calls has made sure
//! who asks.

use crate::import::{self, ImportError};
use crate::instructions;
use crate::lane::Lane;
use crate::passwords;
use crate::service::Service;
use lockstep_api::channel::{
    Accounts, AccountsAnswer, Ack, Alive, Begin, BeginAnswer, Credentials, Finish, Objects, Offer,
    OfferAnswer, Outcome, PageAnswer, PageEnd, ReplicationAnswer, ReplicationBegin, ReplicationEnd,
    ReplicationOpening, SUPERSEDED, Stamps, StampsAnswer,
};
use lockstep_api::problem::Problem;
use lockstep_model::ids::{AgentId, InstructionId};
use lockstep_store::records::job::{Configuration, InstructionRow, InstructionState, Job};
use lockstep_store::records::service::Agent;
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// This run of an agent asks for work: what earlier runs of it had taken need not be waited for.
///
/// # Errors
///
/// Those of the store.
pub async fn forsake(service: &Arc<Service>, agent: AgentId, run: &str) -> Result<(), StoreError> {
    let run = run.to_owned();
    let forsaken = service.write(move |tx| instructions::forsake(tx, agent, &run));
    if forsaken.await? {
        service.progress.raise();
    }
    Ok(())
}

/// Who makes a request of a reading.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sender {
    /// The agent.
    pub agent: AgentId,
    /// For which instruction.
    pub instruction: InstructionId,
    /// Which of its requests, counted from 1; 0 for one that may come at any time.
    pub number: u64,
    /// Those before it that were without answer when it was made.
    pub open: Vec<u64>,
}

impl Sender {
    /// Whether this is a copy that was still under way: a later request has been made since, when this one had
    /// been answered. What it says is out of date.
    fn is_late(&self, row: &InstructionRow) -> bool {
        let counted = self.number > 0;
        counted && self.number < row.heard_number && !row.heard_open.contains(&self.number)
    }
}

/// The oldest instruction that waits for this agent, as it travels; it is the agent's from now on.
///
/// # Errors
///
/// Those of the store.
pub async fn next_instruction(
    service: &Arc<Service>,
    agent: AgentId,
    run: &str,
) -> Result<Option<String>, StoreError> {
    let (now, run) = (service.clock.now(), run.to_owned());
    service
        .write(move |tx| {
            let Some(mut row) = tx.fetch_one::<Agent>(&agent)? else {
                return Ok(None);
            };
            let taken = instructions::take(tx, agent, &run, &row.domains, now)?;
            // Presence is kept to the half minute: a row for each poll would be too many.
            if now.as_millis() - row.seen > 30_000 {
                row.seen = now.as_millis();
                tx.store(&[row])?;
            }
            Ok(taken)
        })
        .await
}

/// Which controller answers: see [`import::begin`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn begin(
    service: &Arc<Service>,
    sender: Sender,
    body: Begin,
) -> Result<BeginAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| import::begin(tx, lane, &body, now);
    under_lease(service, sender, (What::Objects, lease), work).await
}

/// Identity and place of a batch of objects: see [`import::offer`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn offer(
    service: &Arc<Service>,
    sender: Sender,
    body: Offer,
) -> Result<OfferAnswer, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| import::offer(tx, lane, body);
    under_lease(service, sender, (What::Objects, lease), work).await
}

/// Wanted objects: see [`import::objects`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn objects(
    service: &Arc<Service>,
    sender: Sender,
    body: Objects,
) -> Result<Ack, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| import::objects(tx, lane, &body);
    under_lease(service, sender, (What::Objects, lease), work).await
}

/// The end of a page: see [`import::page`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn page(
    service: &Arc<Service>,
    sender: Sender,
    body: PageEnd,
) -> Result<PageAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| import::page(tx, lane, &body, now);
    under_lease(service, sender, (What::Objects, lease), work).await
}

/// Where a replication of passwords begins: see [`passwords::begin`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn replication(
    service: &Arc<Service>,
    sender: Sender,
    body: ReplicationBegin,
) -> Result<ReplicationOpening, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::begin(tx, lane, &body);
    under_lease(service, sender, (What::Passwords, lease), work).await
}

/// Which accounts take part: see [`passwords::accounts`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn accounts(
    service: &Arc<Service>,
    sender: Sender,
    body: Accounts,
) -> Result<AccountsAnswer, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::accounts(tx, &lane, &body.accounts);
    under_lease(service, sender, (What::Passwords, lease), work).await
}

/// When passwords were written: see [`passwords::stamps`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn stamps(
    service: &Arc<Service>,
    sender: Sender,
    body: Stamps,
) -> Result<StampsAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::stamps(tx, lane, body.objects, now);
    under_lease(service, sender, (What::Passwords, lease), work).await
}

/// Credentials that were wanted: see [`passwords::taken`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn credentials(
    service: &Arc<Service>,
    sender: Sender,
    body: Credentials,
) -> Result<Ack, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let sealer = Arc::clone(&service.sealer);
    let work = move |tx: &mut dyn Write, lane: Lane| {
        passwords::taken(tx, &lane, &sealer, body.objects, now)
    };
    under_lease(service, sender, (What::Passwords, lease), work).await
}

/// How far passwords have been read: see [`passwords::end`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn replicated(
    service: &Arc<Service>,
    sender: Sender,
    body: ReplicationEnd,
) -> Result<ReplicationAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::end(tx, lane, &body, now);
    under_lease(service, sender, (What::Passwords, lease), work).await
}

/// The agent is still waiting for a controller.
///
/// # Errors
///
/// [`ImportError`].
pub async fn alive(
    service: &Arc<Service>,
    sender: Sender,
    body: Alive,
) -> Result<Ack, ImportError> {
    let work = |_: &mut dyn Write, _: Lane| Ok(Ack {});
    under_lease(service, sender, (What::Either, body.lease), work).await
}

/// The outcome of an instruction.
///
/// # Errors
///
/// [`ImportError`].
pub async fn finish(
    service: &Arc<Service>,
    sender: Sender,
    body: Finish,
) -> Result<Ack, ImportError> {
    if let Outcome::Failed { code, message, .. } = &body.outcome {
        let agent = sender.agent;
        tracing::warn!(%agent, code, message, "an agent could not carry out an instruction");
    }
    let noted = service
        .write(move |tx| match taken_by(tx, &sender)? {
            Some(_) => instructions::finish(tx, sender.instruction, body.lease, &body.outcome),
            None => Ok(false),
        })
        .await?;
    service.progress.raise();
    match noted {
        true => Ok(Ack {}),
        false => Err(ImportError::Refused(superseded())),
    }
}

/// What the reading is of that a request belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Objects,
    Passwords,
    Either,
}

impl What {
    /// Whether this instruction, under this lease, is the present one of the job.
    fn is_read(self, job: &Job, lease: u64, id: InstructionId) -> bool {
        let objects = (job.lease, job.instruction) == (lease, Some(id));
        let passwords = (job.passwords.lease, job.passwords.instruction) == (lease, Some(id));
        match self {
            Self::Objects => objects,
            Self::Passwords => passwords,
            Self::Either => objects || passwords,
        }
    }
}

/// Carries a request of a reading out in one transaction, under its lease: a superseded agent writes nothing.
async fn under_lease<T, F>(
    service: &Arc<Service>,
    sender: Sender,
    (what, lease): (What, u64),
    work: F,
) -> Result<T, ImportError>
where
    T: Send + 'static,
    F: FnOnce(&mut dyn Write, Lane) -> Result<T, ImportError> + Send + 'static,
{
    let (now, instruction) = (service.clock.now(), sender.instruction);
    let answer = service
        .write(move |tx| {
            let answer = (|| {
                let mut row = taken_by(tx, &sender)?.ok_or(ImportError::Refused(superseded()))?;
                let lane = lane_of(tx, &row, (what, lease))?;
                if sender.is_late(&row) {
                    return Err(ImportError::Refused(late()));
                }
                row.heard = now.as_millis();
                if sender.number > row.heard_number {
                    (row.heard_number, row.heard_open) = (sender.number, sender.open);
                }
                tx.store(&[row])?;
                work(tx, lane)
            })();
            match answer {
                Ok(answer) => Ok(Ok(answer)),
                // Nothing of what it reports has been written before a refusal; that it was heard of is kept.
                Err(ImportError::Refused(problem)) => Ok(Err(problem)),
                Err(ImportError::Store(error)) => Err(error),
            }
        })
        .await;
    match &answer {
        Ok(_) => service.unstored.passed(instruction),
        Err(error) => service.unstored.note(instruction, error),
    }
    service.progress.raise();
    answer?.map_err(ImportError::Refused)
}

fn taken_by(tx: &mut dyn Write, sender: &Sender) -> Result<Option<InstructionRow>, StoreError> {
    let row: Option<InstructionRow> = tx.fetch_one(&sender.instruction)?;
    Ok(row.filter(|row| row.state == InstructionState::Taken(sender.agent)))
}

/// The job of an instruction, if the lease is still the agent's.
fn lane_of(
    tx: &mut dyn Write,
    row: &InstructionRow,
    (what, lease): (What, u64),
) -> Result<Lane, ImportError> {
    let gone = || ImportError::Refused(superseded());
    let id = row.configuration.ok_or_else(gone)?;
    let job: Job = tx.fetch_one(&id)?.ok_or_else(gone)?;
    if row.lease != lease || !what.is_read(&job, lease, row.id) {
        return Err(gone());
    }
    let configuration: Configuration = tx.fetch_one(&id)?.ok_or_else(gone)?;
    Ok(Lane::new(tx, job, configuration)?)
}

fn late() -> Problem {
    Problem::new(
        409,
        "RequestLate",
        "a later request of this instruction has been carried out; nothing was stored",
    )
}

/// What an agent is told whose lease has been given on.
#[must_use]
pub fn superseded() -> Problem {
    Problem::new(
        409,
        SUPERSEDED,
        "the lease of this instruction has been given on; nothing was stored",
    )
}
