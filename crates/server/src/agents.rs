//! What agents ask of the service, request by request, without HTTP: see [`lockstep_api::channel`].
//!
//! Every request of a reading is one transaction under the lease that it names; whoever calls has made sure
//! who asks.

use crate::import::{self, ImportError, Lane};
use crate::instructions;
use crate::passwords;
use crate::service::Service;
use lockstep_api::channel::{
    Accounts, AccountsAnswer, Ack, Alive, Begin, BeginAnswer, Credentials, Finish, Objects, Offer,
    OfferAnswer, Outcome, PageAnswer, PageEnd, ReplicationAnswer, ReplicationBegin, ReplicationEnd,
    ReplicationOpening, SUPERSEDED, Stamps, StampsAnswer,
};
use lockstep_api::problem::Problem;
use lockstep_model::ids::{AgentId, InstructionId};
use lockstep_store::records::job::{InstructionRow, InstructionState};
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
    agent: AgentId,
    id: InstructionId,
    body: Begin,
) -> Result<BeginAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| import::begin(tx, lane, &body, now);
    under_lease(service, agent, id, lease, work).await
}

/// Identity and place of a batch of objects: see [`import::offer`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn offer(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Offer,
) -> Result<OfferAnswer, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| import::offer(tx, lane, body);
    under_lease(service, agent, id, lease, work).await
}

/// Wanted objects: see [`import::objects`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn objects(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Objects,
) -> Result<Ack, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| import::objects(tx, lane, &body);
    under_lease(service, agent, id, lease, work).await
}

/// The end of a page: see [`import::page`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn page(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: PageEnd,
) -> Result<PageAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| import::page(tx, lane, &body, now);
    under_lease(service, agent, id, lease, work).await
}

/// Where a replication of passwords begins: see [`passwords::begin`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn replication(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: ReplicationBegin,
) -> Result<ReplicationOpening, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::begin(tx, lane, &body);
    under_lease(service, agent, id, lease, work).await
}

/// Which accounts take part: see [`passwords::accounts`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn accounts(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Accounts,
) -> Result<AccountsAnswer, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::accounts(tx, &lane, &body.accounts);
    under_lease(service, agent, id, lease, work).await
}

/// When passwords were written: see [`passwords::stamps`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn stamps(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Stamps,
) -> Result<StampsAnswer, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::stamps(tx, lane, body.objects, now);
    under_lease(service, agent, id, lease, work).await
}

/// Credentials that were wanted: see [`passwords::taken`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn credentials(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Credentials,
) -> Result<Ack, ImportError> {
    let (now, lease) = (service.clock.now(), body.lease);
    let sealer = Arc::clone(&service.sealer);
    let work = move |tx: &mut dyn Write, lane: Lane| {
        passwords::taken(tx, &lane, &sealer, body.objects, now)
    };
    under_lease(service, agent, id, lease, work).await
}

/// How far passwords have been read: see [`passwords::end`].
///
/// # Errors
///
/// [`ImportError`].
pub async fn replicated(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: ReplicationEnd,
) -> Result<ReplicationAnswer, ImportError> {
    let lease = body.lease;
    let work = move |tx: &mut dyn Write, lane: Lane| passwords::end(tx, lane, &body);
    under_lease(service, agent, id, lease, work).await
}

/// The agent is still waiting for a controller.
///
/// # Errors
///
/// [`ImportError`].
pub async fn alive(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Alive,
) -> Result<Ack, ImportError> {
    let work = |_: &mut dyn Write, _: Lane| Ok(Ack {});
    under_lease(service, agent, id, body.lease, work).await
}

/// The outcome of an instruction.
///
/// # Errors
///
/// [`ImportError`].
pub async fn finish(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    body: Finish,
) -> Result<Ack, ImportError> {
    if let Outcome::Failed { code, message, .. } = &body.outcome {
        tracing::warn!(%agent, code, message, "an agent could not carry out an instruction");
    }
    let noted = service
        .write(move |tx| match is_taken_by(tx, id, agent)? {
            true => instructions::finish(tx, id, body.lease, &body.outcome),
            false => Ok(false),
        })
        .await?;
    service.progress.raise();
    match noted {
        true => Ok(Ack {}),
        false => Err(ImportError::Refused(superseded())),
    }
}

/// Carries a request of a reading out in one transaction, under its lease.
async fn under_lease<T, F>(
    service: &Arc<Service>,
    agent: AgentId,
    id: InstructionId,
    lease: u64,
    work: F,
) -> Result<T, ImportError>
where
    T: Send + 'static,
    F: FnOnce(&mut dyn Write, Lane) -> Result<T, ImportError> + Send + 'static,
{
    let now = service.clock.now();
    let answer = service
        .write(move |tx| {
            let answer = (|| {
                if !is_taken_by(tx, id, agent)? {
                    return Err(ImportError::Refused(superseded()));
                }
                let lane = import::lane(tx, id, lease)?;
                instructions::hear(tx, id, now)?;
                work(tx, lane)
            })();
            match answer {
                Ok(answer) => Ok(Ok(answer)),
                // Nothing has been written before a refusal.
                Err(ImportError::Refused(problem)) => Ok(Err(problem)),
                Err(ImportError::Store(error)) => Err(error),
            }
        })
        .await?;
    service.progress.raise();
    answer.map_err(ImportError::Refused)
}

fn is_taken_by(tx: &mut dyn Write, id: InstructionId, agent: AgentId) -> Result<bool, StoreError> {
    let row: Option<InstructionRow> = tx.fetch_one(&id)?;
    Ok(row.is_some_and(|row| row.state == InstructionState::Taken(agent)))
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
