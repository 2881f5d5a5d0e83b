//! The way between agents and the service: requests get lost, come twice, come late.

use crate::world::Shared;
use lockstep_api::channel::{
    Ack, Begin, BeginAnswer, Finish, Objects, Offer, OfferAnswer, PageAnswer, PageEnd, SUPERSEDED,
};
use lockstep_api::problem::Problem;
use lockstep_model::ids::{AgentId, InstructionId};
use lockstep_server::agents;
use lockstep_server::import::ImportError;
use lockstep_server::service::Service;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

/// What happens to the next request of an agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NetworkFault {
    /// It does not arrive.
    RequestLost,
    /// It is carried out, and the agent does not hear of it.
    AnswerLost,
    /// It arrives twice.
    Repeated,
    /// It arrives, and once more at some later time.
    Late,
}

/// A request of a reading.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Begin(Begin),
    Offer(Offer),
    Objects(Objects),
    Page(PageEnd),
    Finish(Finish),
}

/// The answer to one.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Begin(BeginAnswer),
    Offer(OfferAnswer),
    Page(PageAnswer),
    Ack,
}

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    Superseded,
    Problem(Problem),
}

/// A request on its way, with whom it is from.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    agent: AgentId,
    instruction: InstructionId,
    request: Request,
}

/// What goes wrong, and what is still under way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) faults: VecDeque<NetworkFault>,
    pub(crate) late: VecDeque<Letter>,
}

/// Sends for one instruction of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) shared: Rc<Shared>,
    pub(crate) agent: AgentId,
    pub(crate) instruction: InstructionId,
}

impl Sender {
    /// Sends for as long as it takes to get an answer, as the agent does.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, Refused> {
        let letter = Letter {
            agent: self.agent,
            instruction: self.instruction,
            request,
        };
        loop {
            turn().await;
            let fault = self.shared.network.borrow_mut().faults.pop_front();
            if fault == Some(NetworkFault::RequestLost) {
                continue;
            }
            let mut answer = self.shared.deliver(&letter).await;
            if fault == Some(NetworkFault::Repeated) {
                answer = self.shared.deliver(&letter).await;
            }
            if fault == Some(NetworkFault::Late) {
                self.shared
                    .network
                    .borrow_mut()
                    .late
                    .push_back(letter.clone());
            }
            match answer {
                Some(answer) if fault != Some(NetworkFault::AnswerLost) => return answer,
                // The service was not reached, is not well, or was not heard: try again.
                _ => {}
            }
        }
    }
}

impl Shared {
    /// Delivers a letter. Nothing comes back when the service is not there, dies meanwhile, or is not well.
    pub(crate) async fn deliver(
        self: &Rc<Self>,
        letter: &Letter,
    ) -> Option<Result<Reply, Refused>> {
        let service = self.service.borrow().clone()?;
        let answer = self.alive(carry_out(&service, letter.clone())).await?;
        match answer {
            Ok(reply) => Some(Ok(reply)),
            Err(ImportError::Store(_)) => None,
            Err(ImportError::Refused(problem)) => Some(Err(match problem.code.as_str() {
                SUPERSEDED => Refused::Superseded,
                _ => Refused::Problem(problem),
            })),
        }
    }

    /// Waits for work of the service, as long as the process lives.
    pub(crate) async fn alive<T>(self: &Rc<Self>, work: impl Future<Output = T>) -> Option<T> {
        let generation = self.generation.get();
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            if self.generation.get() != generation {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}

async fn carry_out(service: &Arc<Service>, letter: Letter) -> Result<Reply, ImportError> {
    let Letter {
        agent,
        instruction: id,
        request,
    } = letter;
    let ack = |Ack {}| Reply::Ack;
    match request {
        Request::Begin(body) => agents::begin(service, agent, id, body)
            .await
            .map(Reply::Begin),
        Request::Offer(body) => agents::offer(service, agent, id, body)
            .await
            .map(Reply::Offer),
        Request::Objects(body) => agents::objects(service, agent, id, body).await.map(ack),
        Request::Page(body) => agents::page(service, agent, id, body)
            .await
            .map(Reply::Page),
        Request::Finish(body) => agents::finish(service, agent, id, body).await.map(ack),
    }
}

/// Lets others have their turn.
pub(crate) async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
