//! What one instruction sends to the service.

use super::entry::{LinkValues, ReadEntry};
use crate::channel::{Channel, ChannelError};
use lockstep_api::channel::{
    Accounts, AccountsAnswer, Ack, Alive, Begin, BeginAnswer, Credentials, Finish, LinkTarget,
    Links, MadeCredential, ObjectUpdate, Objects, Offer, OfferAnswer, Offered, Outcome, PageAnswer,
    PageEnd, ReplicationAnswer, ReplicationBegin, ReplicationEnd, ReplicationOpening, Stamped,
    Stamps, StampsAnswer, Verdict, WireAttributes,
};
use lockstep_model::Guid;
use lockstep_model::ids::InstructionId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the lease is kept while a controller thinks.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How an instruction wants objects to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How many link values one request carries at most.
    pub(super) link_batch: usize,
    /// Whole objects in place are sent along with their offer.
    pub(super) eager: bool,
}

/// Sends under the lease of one instruction.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    channel: Arc<Channel>,
    id: InstructionId,
    pub(super) lease: u64,
    readings: Arc<AtomicU32>,
    requests: Arc<Mutex<Requests>>,
}

/// Requests are numbered from 1, so that one that comes late is known as such.
#[derive(Debug, Default)]
struct Requests {
    last: u64,
    /// Those without answer.
    open: BTreeSet<u64>,
}

impl Requests {
    /// Numbers one more; gives those that are open beside it.
    fn next(&mut self) -> (u64, Vec<u64>) {
        let open = self.open.iter().copied().collect();
        self.last += 1;
        self.open.insert(self.last);
        (self.last, open)
    }
}

/// The number of a request that may come at any time.
const UNNUMBERED: u64 = 0;

impl Reporter {
    pub(super) fn new(channel: Arc<Channel>, id: InstructionId, lease: u64) -> Self {
        Self {
            channel,
            id,
            lease,
            readings: Arc::default(),
            requests: Arc::default(),
        }
    }

    async fn send<B, A>(&self, what: &str, body: &B) -> Result<A, ChannelError>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let requests = || self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, open) = requests().next();
        let answer = self.send_as(what, number, &open, body).await;
        requests().open.remove(&number);
        answer
    }

    async fn send_as<B, A>(
        &self,
        what: &str,
        number: u64,
        open: &[u64],
        body: &B,
    ) -> Result<A, ChannelError>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let path = format!("/agent/v1/instructions/{}/{what}", self.id);
        self.channel
            .deliver_numbered(&path, number, open, body)
            .await
    }

    /// Keeps the lease until the task is aborted.
    pub(super) fn keep_alive(&self) -> JoinHandle<()> {
        let own = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEEP_ALIVE).await;
                let alive = Alive { lease: own.lease };
                // What is wrong, the reading itself will notice.
                let told = own.send_as::<_, Ack>("alive", UNNUMBERED, &[], &alive);
                if told.await.is_err() {
                    return;
                }
            }
        })
    }

    pub(super) async fn begin(&self, begin: &Begin) -> Result<BeginAnswer, ChannelError> {
        self.send("begin", begin).await
    }

    pub(super) async fn page(&self, page: &PageEnd) -> Result<PageAnswer, ChannelError> {
        self.send("page", page).await
    }

    pub(super) async fn replication(
        &self,
        begin: &ReplicationBegin,
    ) -> Result<ReplicationOpening, ChannelError> {
        self.send("replication", begin).await
    }

    /// Names accounts; gives those that take part.
    pub(super) async fn accounts(&self, accounts: Vec<Guid>) -> Result<Vec<Guid>, ChannelError> {
        let accounts = Accounts {
            lease: self.lease,
            accounts,
        };
        let answer: AccountsAnswer = self.send("accounts", &accounts).await?;
        Ok(answer.provisioned)
    }

    /// Reports stamps; gives the objects whose credentials are wanted.
    pub(super) async fn stamps(&self, objects: Vec<Stamped>) -> Result<Vec<Guid>, ChannelError> {
        let stamps = Stamps {
            lease: self.lease,
            objects,
        };
        let answer: StampsAnswer = self.send("stamps", &stamps).await?;
        Ok(answer.wanted)
    }

    pub(super) async fn credentials(
        &self,
        objects: Vec<MadeCredential>,
    ) -> Result<(), ChannelError> {
        let credentials = Credentials {
            lease: self.lease,
            objects,
        };
        self.send::<_, Ack>("credentials", &credentials)
            .await
            .map(|_| ())
    }

    pub(super) async fn replicated(
        &self,
        end: &ReplicationEnd,
    ) -> Result<ReplicationAnswer, ChannelError> {
        self.send("replicated", end).await
    }

    pub(super) async fn finish(&self, outcome: Outcome) -> Result<(), ChannelError> {
        let finish = Finish {
            lease: self.lease,
            outcome,
        };
        self.send::<_, Ack>("finish", &finish).await.map(|_| ())
    }

    /// Offers a batch, and sends what of it is wanted.
    pub(super) async fn deliver(
        &self,
        mut batch: Vec<ReadEntry>,
        manner: Manner,
    ) -> Result<(), ChannelError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut links = manner.link_batch.max(1);
        let offered = batch
            .iter_mut()
            .map(|entry| match manner.eager && entry.is_wanted() {
                true => self.offered_with_content(entry, &mut links),
                false => entry.offered.clone(),
            });
        let verdicts = self.offer(offered.collect()).await?;
        let (mut sending, mut undecided) = (Vec::new(), Vec::new());
        for (entry, verdict) in batch.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Stay => {}
                Verdict::Decide => undecided.push(entry),
                Verdict::Want => sending.push((entry, true)),
                Verdict::Name => sending.push((entry, false)),
            }
        }
        if !undecided.is_empty() {
            let offered = undecided
                .iter()
                .map(ReadEntry::offered_with_decision)
                .collect();
            let verdicts = self.offer(offered).await?;
            for (entry, verdict) in undecided.into_iter().zip(verdicts) {
                match verdict {
                    Verdict::Want => sending.push((entry, true)),
                    Verdict::Name => sending.push((entry, false)),
                    Verdict::Stay | Verdict::Decide => {}
                }
            }
        }
        self.send_objects(sending, manner.link_batch).await
    }

    /// Takes the content out of an entry, and along with its offer, as long as there is room for its links.
    fn offered_with_content(&self, entry: &mut ReadEntry, links: &mut usize) -> Offered {
        let Some(left) = links.checked_sub(entry.link_count()) else {
            return entry.offered.clone();
        };
        *links = left;
        entry.offered_with_content(self.next_reading())
    }

    fn next_reading(&self) -> u32 {
        self.readings.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn offer(&self, objects: Vec<Offered>) -> Result<Vec<Verdict>, ChannelError> {
        let offer = Offer {
            lease: self.lease,
            objects,
        };
        let answer: OfferAnswer = self.send("offer", &offer).await?;
        Ok(answer.verdicts)
    }

    /// Sends objects, those with their content or by name only, in requests of bounded size.
    async fn send_objects(
        &self,
        entries: Vec<(ReadEntry, bool)>,
        link_batch: usize,
    ) -> Result<(), ChannelError> {
        let mut request = Request::default();
        for (entry, wanted) in entries {
            if !wanted {
                request.objects.push(by_name(&entry));
                continue;
            }
            let reading = self.next_reading();
            self.send_entry(&mut request, entry, reading, link_batch.max(1))
                .await?;
        }
        self.flush(&mut request).await
    }

    /// Adds one object; where its links are too many for one request, slices of them go first.
    async fn send_entry(
        &self,
        request: &mut Request,
        entry: ReadEntry,
        reading: u32,
        link_batch: usize,
    ) -> Result<(), ChannelError> {
        let ReadEntry {
            offered,
            rdn,
            attributes,
            links,
            ..
        } = entry;
        let update = |partial, attributes: WireAttributes, links: Vec<Links>| ObjectUpdate {
            guid: offered.guid,
            rdn: rdn.clone(),
            whole: offered.whole,
            partial,
            reading,
            attributes,
            links,
        };
        let mut last = Vec::new();
        for values in links {
            let mut slices = Slices::new(values);
            loop {
                let room = link_batch.saturating_sub(request.links).max(1);
                let (slice, count, more) = slices.next(room);
                request.links += count;
                if !more {
                    last.push(slice);
                    break;
                }
                request
                    .objects
                    .push(update(true, WireAttributes::new(), vec![slice]));
                self.flush(request).await?;
            }
            if request.links >= link_batch {
                let slice = std::mem::take(&mut last);
                // The end of a set belongs to the last update, which says that it is complete.
                let kept: Vec<Links> = slice.iter().map(end_of).collect();
                request
                    .objects
                    .push(update(true, WireAttributes::new(), slice));
                self.flush(request).await?;
                last = kept;
            }
        }
        request.objects.push(update(false, attributes, last));
        Ok(())
    }

    async fn flush(&self, request: &mut Request) -> Result<(), ChannelError> {
        let objects = std::mem::take(request).objects;
        if objects.is_empty() {
            return Ok(());
        }
        let body = Objects {
            lease: self.lease,
            objects,
        };
        self.send::<_, Ack>("objects", &body).await.map(|_| ())
    }
}

/// A request that is being put together.
#[derive(Default)]
struct Request {
    objects: Vec<ObjectUpdate>,
    links: usize,
}

fn by_name(entry: &ReadEntry) -> ObjectUpdate {
    ObjectUpdate {
        guid: entry.offered.guid,
        rdn: entry.rdn.clone(),
        ..ObjectUpdate::default()
    }
}

/// Says of a set that it is complete, without repeating its values.
fn end_of(links: &Links) -> Links {
    Links {
        attribute: links.attribute.clone(),
        replace: links.replace,
        added: Vec::new(),
        removed: Vec::new(),
    }
}

/// Cuts the values of one link attribute into slices.
struct Slices {
    attribute: String,
    replace: bool,
    added: std::vec::IntoIter<LinkTarget>,
    removed: std::vec::IntoIter<LinkTarget>,
}

impl Slices {
    fn new(values: LinkValues) -> Self {
        Self {
            attribute: values.attribute,
            replace: values.replace,
            added: values.added.into_iter(),
            removed: values.removed.into_iter(),
        }
    }

    /// The next slice of at most `room` values, how many it has, and whether more follow.
    fn next(&mut self, room: usize) -> (Links, usize, bool) {
        let added: Vec<_> = self.added.by_ref().take(room).collect();
        let removed: Vec<_> = self.removed.by_ref().take(room - added.len()).collect();
        let count = added.len() + removed.len();
        let more = !self.added.as_slice().is_empty() || !self.removed.as_slice().is_empty();
        let slice = Links {
            attribute: self.attribute.clone(),
            replace: self.replace,
            added,
            removed,
        };
        (slice, count, more)
    }
}
