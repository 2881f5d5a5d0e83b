//! The way between agents and the service: requests get lost, come twice, come late.

use crate::world::Shared;
use lockstep_api::channel::{
    Accounts, AccountsAnswer, Ack, Begin, BeginAnswer, Credentials, Finish, ObjectUpdate, Objects,
    Offer, OfferAnswer, PageAnswer, PageEnd, ReplicationAnswer, ReplicationBegin, ReplicationEnd,
    ReplicationOpening, SUPERSEDED, Stamps, StampsAnswer,
};
use lockstep_api::problem::Problem;
use lockstep_model::Guid;
use lockstep_model::ids::{AgentId, InstructionId};
use lockstep_server::agents;
use lockstep_server::import::ImportError;
use lockstep_server::service::Service;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
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
    /// It arrives, and once more when so many others have been sent.
    Late { after: u32 },
}

/// A request of a reading.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Begin(Begin),
    Offer(Offer),
    Objects(Objects),
    Page(PageEnd),
    Replication(ReplicationBegin),
    Accounts(Accounts),
    Stamps(Stamps),
    Credentials(Credentials),
    Replicated(ReplicationEnd),
    Finish(Finish),
}

/// The answer to one.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Begin(BeginAnswer),
    Offer(OfferAnswer),
    Page(PageAnswer),
    Replication(ReplicationOpening),
    Accounts(AccountsAnswer),
    Stamps(StampsAnswer),
    Replicated(ReplicationAnswer),
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
    sender: agents::Sender,
    request: Request,
}

/// What goes wrong, and what is still under way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) faults: VecDeque<NetworkFault>,
    late: Vec<(u32, Letter)>,
}

impl Network {
    /// A letter that is due, now that one more is sent.
    fn due(&mut self) -> Option<Letter> {
        for (after, _) in &mut self.late {
            *after = after.saturating_sub(1);
        }
        let due = self.late.iter().position(|(after, _)| *after == 0);
        due.map(|index| self.late.remove(index).1)
    }

    /// A letter that is still under way.
    pub(crate) fn next_late(&mut self) -> Option<Letter> {
        (!self.late.is_empty()).then(|| self.late.remove(0).1)
    }
}

/// What of an object leaves, besides identity and place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Left {
    /// What decides whether it takes part.
    Decision,
    /// What is provisioned of it.
    Content,
}

impl Request {
    /// What leaves with it.
    fn leaves(&self) -> Vec<(Guid, Left)> {
        match self {
            Self::Offer(offer) => {
                let objects = offer.objects.iter();
                let left = objects.filter_map(|object| match (&object.content, &object.decision) {
                    (Some(_), _) => Some((object.guid, Left::Content)),
                    (None, Some(_)) => Some((object.guid, Left::Decision)),
                    (None, None) => None,
                });
                left.collect()
            }
            Self::Objects(objects) => {
                let told = |update: &&ObjectUpdate| {
                    !update.attributes.is_empty() || !update.links.is_empty()
                };
                let objects = objects.objects.iter().filter(told);
                objects.map(|update| (update.guid, Left::Content)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Sends for one instruction of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) shared: Rc<Shared>,
    pub(crate) agent: AgentId,
    pub(crate) instruction: InstructionId,
    pub(crate) requests: Rc<RefCell<Requests>>,
}

/// The requests of one instruction: they are counted, and several may be under way beside one another.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    last: u64,
    open: BTreeSet<u64>,
}

impl Sender {
    /// Sends for as long as it takes to get an answer, as the agent does.
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, Refused> {
        self.shared.left.borrow_mut().extend(request.leaves());
        let sender = {
            let mut requests = self.requests.borrow_mut();
            let open = requests.open.iter().copied().collect();
            requests.last += 1;
            let number = requests.last;
            requests.open.insert(number);
            agents::Sender {
                agent: self.agent,
                instruction: self.instruction,
                number,
                open,
            }
        };
        let number = sender.number;
        let answer = self.persist(Letter { sender, request }).await;
        self.requests.borrow_mut().open.remove(&number);
        answer
    }

    async fn persist(&self, letter: Letter) -> Result<Reply, Refused> {
        loop {
            turn().await;
            let due = self.shared.network.borrow_mut().due();
            if let Some(due) = due {
                // Nobody waits for its answer any more.
                let _ = self.shared.deliver(&due).await;
                turn().await;
            }
            let fault = self.shared.network.borrow_mut().faults.pop_front();
            if fault == Some(NetworkFault::RequestLost) {
                continue;
            }
            let mut answer = self.shared.deliver(&letter).await;
            if fault == Some(NetworkFault::Repeated) {
                answer = self.shared.deliver(&letter).await;
            }
            if let Some(NetworkFault::Late { after }) = fault {
                let mut network = self.shared.network.borrow_mut();
                network.late.push((after, letter.clone()));
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
        self.trace(|| format!("      {:?}", letter.request));
        let answer = self.alive(carry_out(&service, letter.clone())).await?;
        match answer {
            Ok(reply) => Some(Ok(reply)),
            Err(ImportError::Store(_)) => None,
            Err(ImportError::Refused(problem)) => Some(Err(self.refused(problem))),
        }
    }

    fn refused(&self, problem: Problem) -> Refused {
        self.note(format!("requests refused: {}", problem.code));
        match problem.code.as_str() {
            SUPERSEDED => Refused::Superseded,
            _ => Refused::Problem(problem),
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
    let Letter { sender, request } = letter;
    let ack = |Ack {}| Reply::Ack;
    match request {
        Request::Begin(body) => agents::begin(service, sender, body).await.map(Reply::Begin),
        Request::Offer(body) => agents::offer(service, sender, body).await.map(Reply::Offer),
        Request::Objects(body) => agents::objects(service, sender, body).await.map(ack),
        Request::Page(body) => agents::page(service, sender, body).await.map(Reply::Page),
        Request::Replication(body) => {
            let opening = agents::replication(service, sender, body).await;
            opening.map(Reply::Replication)
        }
        Request::Accounts(body) => {
            let answer = agents::accounts(service, sender, body).await;
            answer.map(Reply::Accounts)
        }
        Request::Stamps(body) => agents::stamps(service, sender, body)
            .await
            .map(Reply::Stamps),
        Request::Credentials(body) => agents::credentials(service, sender, body).await.map(ack),
        Request::Replicated(body) => {
            let answer = agents::replicated(service, sender, body).await;
            answer.map(Reply::Replicated)
        }
        Request::Finish(body) => agents::finish(service, sender, body).await.map(ack),
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
