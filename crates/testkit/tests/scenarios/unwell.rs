//! Agents that do not do what they are asked.

use lockstep_api::channel::{Finish, Instruction, Outcome};
use lockstep_model::ids::AgentId;
use lockstep_server::agents::{self, Sender};
use lockstep_server::service::Service;
use std::sync::Arc;
use std::time::Duration;

/// How long an agent waits for work before it asks again.
const POLL: Duration = Duration::from_millis(200);
/// For so long nothing is heard of an agent that has fallen silent.
const SILENCE_MILLIS: i64 = 46_000;

/// What is wrong with an agent.
#[derive(Clone, Debug)]
pub(crate) enum Illness {
    /// It takes up what it is asked and is not heard of any more.
    Silent,
    /// It cannot read its domain, and says so.
    Failing { code: String, message: String },
}

/// Takes up what the service asks of an agent, for ever, and carries nothing out.
pub(crate) async fn serve(service: Arc<Service>, agent: AgentId, illness: Illness) {
    let mut listener = service.instructions.listen();
    loop {
        let next = agents::next_instruction(&service, agent, "").await;
        let Some(body) = next.expect("the store can be read") else {
            listener.wait(POLL).await;
            continue;
        };
        let Illness::Failing { code, message } = &illness else {
            // Whoever waits for it waits in vain until its patience has ended.
            service.clock.advance(SILENCE_MILLIS);
            service.progress.raise();
            continue;
        };
        let instruction: Instruction =
            serde_json::from_str(&body).expect("an instruction reads back");
        let sender = Sender {
            agent,
            instruction: instruction.id,
            number: 0,
            open: Vec::new(),
        };
        let finish = Finish {
            lease: instruction.lease,
            outcome: Outcome::Failed {
                code: code.clone(),
                message: message.clone(),
                remedy: String::new(),
            },
        };
        // An instruction that was taken back has no use for its outcome.
        let _ = agents::finish(&service, sender, finish).await;
    }
}
