//! Questions to a domain that belong to no job: where is this object, who answers.

use crate::instructions;
use crate::service::Service;
use lockstep_api::channel::{Action, Outcome};
use lockstep_api::problem::Problem;
use lockstep_model::codes;
use lockstep_model::ids::InstructionId;
use lockstep_store::ReadRecords as _;
use lockstep_store::records::job::{InstructionRow, InstructionState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an agent has to take a question up.
pub const AGENT_PATIENCE: Duration = Duration::from_secs(30);
/// How long it has to answer then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(55);
/// How long a waiter sleeps at most before it looks again.
const LOOK: Duration = Duration::from_millis(500);

/// Asks the agents of a domain, and waits for the answer.
///
/// # Errors
///
/// A problem with code `NoActiveAgents` when none takes it up within [`AGENT_PATIENCE`], `AgentTimeout`
/// when none answers, and the agent's own when it fails.
pub async fn ask(service: &Arc<Service>, domain: &str, action: Action) -> Result<Outcome, Problem> {
    let now = service.clock.now();
    let owned = domain.to_owned();
    let mut listener = service.progress.listen();
    let id = service
        .write(move |tx| instructions::give(tx, &owned, None, action, now))
        .await
        .map_err(|error| crate::failure::Failure::from(error).0)?;
    service.instructions.raise();
    let outcome = wait(service, domain, id, &mut listener).await;
    let withdrawn = service
        .write(move |tx| instructions::withdraw(tx, id))
        .await;
    if let Err(error) = withdrawn {
        tracing::warn!(%error, "an answered question could not be withdrawn");
    }
    match outcome? {
        Outcome::Failed {
            code,
            message,
            remedy,
        } => Err(Problem::new(502, &code, message).remedy(remedy)),
        outcome => Ok(outcome),
    }
}

async fn wait(
    service: &Arc<Service>,
    domain: &str,
    id: InstructionId,
    listener: &mut crate::signal::Listener,
) -> Result<Outcome, Problem> {
    let begun = Instant::now();
    loop {
        let row = service
            .read(move |tx| tx.fetch_one::<InstructionRow>(&id))
            .await
            .map_err(|error| crate::failure::Failure::from(error).0)?;
        match row.map(|row| row.state) {
            Some(InstructionState::Finished(body)) => {
                return serde_json::from_str(&body)
                    .map_err(|error| Problem::new(502, "BadAnswer", error.to_string()));
            }
            Some(InstructionState::Waiting) if begun.elapsed() > service.agent_patience => {
                return Err(no_active_agents(domain));
            }
            Some(InstructionState::Taken(_)) | None
                if begun.elapsed() > service.agent_patience + ANSWER_PATIENCE =>
            {
                let title = format!("the agent of {domain} did not answer in time");
                return Err(Problem::new(504, codes::AGENT_TIMEOUT, title)
                    .remedy("look at the agent's log; run `lockstep-agent check` beside it"));
            }
            _ => {}
        }
        listener.wait(LOOK).await;
    }
}

/// No agent of the domain has asked for work.
#[must_use]
pub fn no_active_agents(domain: &str) -> Problem {
    Problem::new(
        503,
        codes::NO_ACTIVE_AGENTS,
        format!("no agent of the domain {domain} is active"),
    )
    .remedy(
        "start an agent with `lockstep-agent run`, or enrol one with a token of `lockstep agent \
             token`, and give it the domain with `lockstep-agent domain add`",
    )
}
