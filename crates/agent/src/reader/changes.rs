//! Reading what changed: page by page, each sent before the next is asked for.

use super::ReadError;
use super::attributes::{Wanted, absent};
use super::by_guid;
use super::doubts;
use super::entry::{EntryReader, INFRASTRUCTURE_UPDATE, InPlace, ReadEntry, Reading};
use super::report::{Manner, Reporter};
use super::slices::{CUT_BY, Cutter};
use crate::channel::ChannelError;
use crate::controller::Controller;
use crate::ldap::{Connector, LdapError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_ad_proto::ldap::{
    Control, DirSync, DirSyncAnswer, Event, Filter, LdapResult, ReceivedControl, Request,
    ResultCode, SearchScope,
};
use lockstep_api::channel::{Begin, Opening, PageAnswer, PageEnd, ReadChanges, ScopeHint};
use lockstep_model::{Dn, Guid, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// How many bytes of attributes a page has at most: what Active Directory takes when it is told nothing.
const PAGE_BYTES: i32 = 1 << 20;
/// Entries of a page when the containers are listed.
const CONTAINER_PAGE: u32 = 1_000;
/// How many of the objects that the scope names are looked for in one search.
const AT_ONCE: usize = 50;
/// How many batches may wait for the service while the controller is read on.
const AHEAD: usize = 2;
/// How many batches are under way to the service at a time.
const AT_A_TIME: usize = 3;
/// A batch with so many links is sent, however few objects it has.
const LINKS_OF_A_BATCH: usize = 20_000;
/// The same for bytes of attributes: pictures and certificates are large.
const BYTES_OF_A_BATCH: usize = 2 << 20;

/// The classes of objects that take part, lie around others, stand for members from elsewhere, or tell who moved
/// to another domain. Only objectClass is asked about: a filter on anything else may hide tombstones.
const CLASSES: [&str; 9] = [
    "user",
    "group",
    "contact",
    "organizationalUnit",
    "container",
    "builtinDomain",
    "domainDNS",
    "foreignSecurityPrincipal",
    INFRASTRUCTURE_UPDATE,
];
/// Of them, those that others lie in.
const CONTAINERS: [&str; 4] = [
    "organizationalUnit",
    "container",
    "builtinDomain",
    "domainDNS",
];

/// What one reading works with.
struct Run<'a> {
    controller: Controller,
    reporter: &'a Reporter,
    order: &'a ReadChanges,
    wanted: Wanted,
    place: InPlace,
}

/// Reads everything since the cookie of the instruction.
pub(super) async fn read_changes(
    connector: &Connector,
    mut controller: Controller,
    reporter: &Reporter,
    order: &ReadChanges,
) -> Result<(), ReadError> {
    let absent = absent(&mut controller, &order.read_set).await?;
    present_names(&mut controller, &order.must_exist).await?;
    let place = in_place(&mut controller, &order.scope).await?;
    let begin = begin(&mut controller, reporter, order, &absent).await?;
    if !begin.tombstones_visible {
        tracing::warn!(
            domain = connector.domain(),
            account = connector.account(),
            "the account cannot see deleted objects; `lockstep-agent check` tells what to do"
        );
    }
    let opening = reporter.begin(&begin).await?.opening;
    let mut run = Run {
        controller,
        reporter,
        order,
        wanted: Wanted::new(&order.read_set, &absent),
        place,
    };
    let cookie = match opening {
        Opening::FromCookie => order.cookie.clone(),
        Opening::Resume(cookie) => Some(cookie),
        Opening::Everything => {
            run.containers().await?;
            None
        }
    };
    run.pages(cookie).await?;
    run.controller.connection.close().await;
    Ok(())
}

/// Who answers, and what it is like.
async fn begin(
    controller: &mut Controller,
    reporter: &Reporter,
    order: &ReadChanges,
    absent: &BTreeSet<String>,
) -> Result<Begin, LdapError> {
    let canary = controller.known_canary(&order.canaries).await?;
    Ok(Begin {
        lease: reporter.lease,
        canary,
        tombstones_visible: controller.tombstones_visible().await?,
        hides_values: controller.root_dse.samba,
        tombstone_lifetime_days: controller.tombstone_lifetime_days().await?,
        netbios_name: controller.netbios_name().await?,
        forest: controller.root_dse.forest.clone(),
        absent_attributes: absent.iter().cloned().collect(),
        controller: controller.identity.clone(),
        clock: controller.root_dse.time.map(Timestamp::as_millis),
    })
}

/// Where objects are in place at this moment.
async fn in_place(controller: &mut Controller, scope: &ScopeHint) -> Result<InPlace, LdapError> {
    match scope {
        ScopeHint::Everything => Ok(InPlace::Everything),
        ScopeHint::Unknown => Ok(InPlace::Unknown),
        ScopeHint::Below { roots, excluded } => Ok(InPlace::Below {
            roots: present_names(controller, roots).await?,
            excluded: present_names(controller, excluded).await?,
        }),
    }
}

/// The names that these objects have now, in the order asked for.
async fn present_names(controller: &mut Controller, guids: &[Guid]) -> Result<Vec<Dn>, LdapError> {
    let base = controller.root_dse.naming_context.clone();
    let mut names: BTreeMap<Guid, Dn> = BTreeMap::new();
    for some in guids.chunks(AT_ONCE) {
        let filter = Filter::any_of("objectGUID", some.iter().map(|guid| guid.to_wire()));
        let action = "find what the scope names";
        let controls = [Control::DomainScope];
        let entries = controller
            .connection
            .find(
                &base,
                SearchScope::Subtree,
                &filter,
                &["objectGUID", "name"],
                &controls,
                action,
            )
            .await?;
        // An entry that shows nothing of itself is one that must not be read: nor must what is below it.
        for entry in entries.iter().filter(|entry| entry.text("name").is_some()) {
            let guid = entry
                .first("objectGUID")
                .and_then(|bytes| Guid::from_wire(bytes).ok());
            names.extend(guid.zip(entry.dn.parse().ok()));
        }
    }
    let found = |guid: &Guid| {
        let name = names.get(guid).cloned();
        name.ok_or_else(|| LdapError::ScopeObjectNotFound {
            server: controller.connection.server().to_owned(),
            guid: guid.to_string(),
        })
    };
    guids.iter().map(found).collect()
}

/// The controls of a reading of changes.
fn dir_sync(cookie: Vec<u8>) -> [Control; 2] {
    let dir_sync = DirSync {
        cookie,
        max_bytes: PAGE_BYTES,
    };
    [Control::DirSync(dir_sync), Control::ExtendedDn]
}

/// Everything that takes part, in one slice.
fn in_slice(slice: [Filter; 2]) -> Filter {
    let classes = Filter::any_of("objectClass", CLASSES);
    Filter::And([classes].into_iter().chain(slice).collect())
}

fn succeeded(result: LdapResult, server: &str) -> Result<(), LdapError> {
    if result.code == ResultCode::SUCCESS {
        return Ok(());
    }
    Err(LdapError::Search {
        server: server.to_owned(),
        action: "read changes",
        result,
    })
}

fn answer_of(received: &[ReceivedControl], server: &str) -> Result<DirSyncAnswer, LdapError> {
    let answer = received.iter().find_map(ReceivedControl::dir_sync);
    answer.ok_or_else(|| lacking(server)("a cookie"))
}

fn lacking(server: &str) -> impl Fn(&'static str) -> LdapError {
    |what| LdapError::Lacking {
        server: server.to_owned(),
        what: what.to_owned(),
    }
}

/// What all slices have in common.
struct SliceSearch<'a> {
    base: String,
    attributes: Vec<&'a str>,
    controls: [Control; 2],
}

impl SliceSearch<'_> {
    fn request<'a>(&'a self, filter: &'a Filter) -> Request<'a> {
        Request::Search {
            base: &self.base,
            scope: SearchScope::Subtree,
            filter,
            attributes: &self.attributes,
            controls: &self.controls,
        }
    }
}

impl Run<'_> {
    /// Offers all containers, so that the place of everything else is known when it comes.
    async fn containers(&mut self) -> Result<(), ReadError> {
        let filter = Filter::any_of("objectClass", CONTAINERS);
        let mut cookie = Vec::new();
        loop {
            let controls = [
                Control::Paged {
                    size: CONTAINER_PAGE,
                    cookie,
                },
                Control::ExtendedDn,
            ];
            let attributes = [
                "name",
                "objectClass",
                "objectGUID",
                "parentGUID",
                "whenCreated",
            ];
            let received = self.read(&filter, &attributes, &controls).await?;
            let next = received.iter().find_map(ReceivedControl::paged);
            match next {
                Some(next) if !next.is_empty() => cookie = next,
                _ => return Ok(()),
            }
        }
    }

    /// Reads page after page, from a cookie in Base64 or from the beginning.
    async fn pages(&mut self, mut cookie: Option<String>) -> Result<(), ReadError> {
        loop {
            let before = match &cookie {
                Some(text) => STANDARD.decode(text).unwrap_or_default(),
                None => Vec::new(),
            };
            // Asked for before the page: what happens while it is read is behind this point.
            let (highest_usn, canary) = self.controller.position().await?;
            let answer = if before.is_empty() && self.comes_as_one_page().await? {
                self.page_in_slices(highest_usn).await?
            } else {
                self.page(before).await?
            };
            let next = STANDARD.encode(&answer.cookie);
            let page = PageEnd {
                lease: self.reporter.lease,
                read_set: self.order.read_set.version,
                cookie_before: cookie,
                cookie: Some(next.clone()),
                more: answer.more,
                found: Vec::new(),
                settled: Vec::new(),
                canary,
                highest_usn: Some(highest_usn),
            };
            let stored = self.reporter.page(&page).await?;
            self.read_what_is_missing(stored).await?;
            if !answer.more {
                return Ok(());
            }
            cookie = Some(next);
        }
    }

    /// Reads by GUID until the service misses nothing, and doubts nothing.
    async fn read_what_is_missing(&mut self, mut answer: PageAnswer) -> Result<(), ReadError> {
        while !answer.read.is_empty() || !answer.doubts.is_empty() {
            let found = by_guid::read_and_deliver(
                &mut self.controller,
                self.reporter,
                &self.wanted,
                &self.place,
                &answer.read,
                Manner {
                    link_batch: self.order.link_batch,
                    eager: self.order.eager,
                },
            )
            .await?;
            let page = PageEnd {
                lease: self.reporter.lease,
                read_set: self.order.read_set.version,
                cookie_before: None,
                cookie: None,
                more: false,
                found,
                settled: doubts::settle(&mut self.controller, &answer.doubts).await?,
                canary: None,
                highest_usn: None,
            };
            answer = self.reporter.page(&page).await?;
        }
        Ok(())
    }

    /// One page of changes.
    async fn page(&mut self, cookie: Vec<u8>) -> Result<DirSyncAnswer, ReadError> {
        let filter = Filter::any_of("objectClass", CLASSES);
        let asked: Vec<String> = self.wanted.asked().into_iter().map(str::to_owned).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        let received = self.read(&filter, &asked, &dir_sync(cookie)).await?;
        Ok(answer_of(&received, self.controller.connection.server())?)
    }

    /// Whether everything is better asked for in slices: the controller would answer with a single page, as
    /// Samba does, and lets the account see what is cut by.
    async fn comes_as_one_page(&mut self) -> Result<bool, LdapError> {
        if !self.controller.root_dse.samba {
            return Ok(false);
        }
        let base = self.controller.root_dse.naming_context.clone();
        let head = self
            .controller
            .connection
            .read(&base, &[CUT_BY], &[], "look at the domain")
            .await?;
        Ok(head.is_some_and(|head| head.first(CUT_BY).is_some()))
    }

    /// Everything, slice by slice, as one page.
    async fn page_in_slices(&mut self, highest_usn: u64) -> Result<DirSyncAnswer, ReadError> {
        // What changes from now on is behind this cookie, in whichever slice it lies.
        let answer = self.cookie_of_now().await?;
        let (sender, delivery) = self.delivery();
        let searched = self.search_slices(highest_usn, sender).await;
        delivered(delivery).await?;
        searched?;
        Ok(answer)
    }

    /// The cookie of this moment, with the one entry that has to come along.
    async fn cookie_of_now(&mut self) -> Result<DirSyncAnswer, LdapError> {
        let base = self.controller.root_dse.naming_context.clone();
        let filter = Filter::equal("objectClass", "domainDNS");
        let server = self.controller.connection.server().to_owned();
        let mut search = self
            .controller
            .connection
            .search(
                &base,
                SearchScope::Subtree,
                &filter,
                &["name"],
                &dir_sync(Vec::new()),
            )
            .await?;
        let end = search.collect(&mut Vec::new()).await?;
        succeeded(end.result, &server)?;
        answer_of(&end.controls, &server)
    }

    /// Reads slice after slice. The next one is asked for as soon as the answer to the one before begins: the
    /// controller works on it while that is read.
    async fn search_slices(
        &mut self,
        highest_usn: u64,
        sender: mpsc::Sender<Vec<ReadEntry>>,
    ) -> Result<(), ReadError> {
        let search = SliceSearch {
            base: self.controller.root_dse.naming_context.clone(),
            attributes: self.wanted.asked(),
            controls: dir_sync(Vec::new()),
        };
        let server = self.controller.connection.server().to_owned();
        let mut intake = Intake::new(&self.wanted, &self.place, self.order.batch, sender);
        let mut cutter = Cutter::new(highest_usn);
        let mut asked = cutter.next().map(in_slice);
        if let Some(filter) = &asked {
            let request = search.request(filter);
            self.controller.connection.ask(&request).await?;
        }
        while asked.is_some() {
            let mut answer = self.controller.connection.answer();
            let mut event = answer.next().await?;
            asked = cutter.next().map(in_slice);
            if let Some(filter) = &asked {
                answer.ask(&search.request(filter)).await?;
            }
            let mut entries = 0;
            let (result, controls) = loop {
                match event {
                    Event::Done { result, controls } => break (result, controls),
                    Event::EntryEnd => entries += 1,
                    _ => {}
                }
                if !intake.take(event).await.map_err(lacking(&server))? {
                    return Ok(());
                }
                event = answer.next().await?;
            };
            succeeded(result, &server)?;
            // The rest of a slice would never be asked for.
            if answer_of(&controls, &server)?.more {
                return Err(lacking(&server)("everything of a slice in one answer").into());
            }
            cutter.learn(entries);
        }
        intake.finish().await;
        Ok(())
    }

    /// Searches, and sends what comes while it comes. Gives back what came with the end, once everything
    /// has been sent.
    async fn read(
        &mut self,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
    ) -> Result<Vec<ReceivedControl>, ReadError> {
        let (sender, delivery) = self.delivery();
        let received = self.search(filter, attributes, controls, sender).await;
        // A failed delivery is the cause when both fail: it closes the reader's channel.
        delivered(delivery).await?;
        received
    }

    async fn search(
        &mut self,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
        sender: mpsc::Sender<Vec<ReadEntry>>,
    ) -> Result<Vec<ReceivedControl>, ReadError> {
        let base = self.controller.root_dse.naming_context.clone();
        let server = self.controller.connection.server().to_owned();
        let mut intake = Intake::new(&self.wanted, &self.place, self.order.batch, sender);
        let mut search = self
            .controller
            .connection
            .search(&base, SearchScope::Subtree, filter, attributes, controls)
            .await?;
        loop {
            let event = search.next().await?;
            if let Event::Done { result, controls } = event {
                succeeded(result, &server)?;
                intake.finish().await;
                return Ok(controls);
            }
            if !intake.take(event).await.map_err(lacking(&server))? {
                return Ok(Vec::new());
            }
        }
    }

    /// Where batches go, and who sends them.
    fn delivery(&self) -> (mpsc::Sender<Vec<ReadEntry>>, Delivery) {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let manner = Manner {
            link_batch: self.order.link_batch,
            eager: self.order.eager,
        };
        let reporter = self.reporter.clone();
        (sender, tokio::spawn(deliver(reporter, receiver, manner)))
    }
}

/// Batches on their way.
type Delivery = JoinHandle<Result<(), ChannelError>>;

async fn delivered(delivery: Delivery) -> Result<(), ChannelError> {
    delivery.await.unwrap_or_else(|error| {
        Err(ChannelError::Lost {
            service: String::new(),
            source: error.into(),
        })
    })
}

/// Sends batch after batch, a few at a time: while the service stores one, the next is on its way. A batch with
/// an object that is still under way waits, because the parts of a large group build on each other.
async fn deliver(
    reporter: Reporter,
    mut batches: mpsc::Receiver<Vec<ReadEntry>>,
    manner: Manner,
) -> Result<(), ChannelError> {
    let mut under_way = UnderWay::default();
    while let Some(batch) = batches.recv().await {
        let guids: BTreeSet<Guid> = batch.iter().map(|entry| entry.offered.guid).collect();
        while !under_way.has_room_for(&guids) {
            under_way.one_arrives().await?;
        }
        let reporter = reporter.clone();
        under_way.send(guids, async move { reporter.deliver(batch, manner).await });
    }
    while !under_way.is_empty() {
        under_way.one_arrives().await?;
    }
    Ok(())
}

/// Batches that the service has not answered yet.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Result<(), ChannelError>>,
    guids: HashMap<tokio::task::Id, BTreeSet<Guid>>,
}

impl UnderWay {
    fn has_room_for(&self, guids: &BTreeSet<Guid>) -> bool {
        self.tasks.len() < AT_A_TIME && self.guids.values().all(|own| own.is_disjoint(guids))
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn send(
        &mut self,
        guids: BTreeSet<Guid>,
        sending: impl Future<Output = Result<(), ChannelError>> + Send + 'static,
    ) {
        let task = self.tasks.spawn(sending);
        self.guids.insert(task.id(), guids);
    }

    async fn one_arrives(&mut self) -> Result<(), ChannelError> {
        match self.tasks.join_next_with_id().await {
            None => Ok(()),
            Some(Ok((id, result))) => {
                self.guids.remove(&id);
                result
            }
            Some(Err(error)) => Err(ChannelError::Lost {
                service: String::new(),
                source: error.into(),
            }),
        }
    }
}

/// From events to batches.
struct Intake<'a> {
    reader: EntryReader<'a>,
    batch: Batch,
    sender: mpsc::Sender<Vec<ReadEntry>>,
}

impl<'a> Intake<'a> {
    fn new(
        wanted: &'a Wanted,
        place: &'a InPlace,
        limit: usize,
        sender: mpsc::Sender<Vec<ReadEntry>>,
    ) -> Self {
        Self {
            reader: EntryReader::new(wanted, place, Reading::Changes),
            batch: Batch::new(limit),
            sender,
        }
    }

    /// Takes an event. Says whether somebody still wants what comes: when nobody does, the delivery has failed
    /// and says why.
    async fn take(&mut self, event: Event) -> Result<bool, &'static str> {
        let Some(assembled) = self.reader.take(event)? else {
            return Ok(true);
        };
        match self.batch.add(assembled.entry) {
            Some(ready) => Ok(self.sender.send(ready).await.is_ok()),
            None => Ok(true),
        }
    }

    async fn finish(mut self) {
        let _ = self.sender.send(self.batch.take()).await;
    }
}

/// Entries that are offered together.
struct Batch {
    entries: Vec<ReadEntry>,
    guids: BTreeSet<Guid>,
    links: usize,
    bytes: usize,
    limit: usize,
}

impl Batch {
    fn new(limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            guids: BTreeSet::new(),
            links: 0,
            bytes: 0,
            limit: limit.max(1),
        }
    }

    /// Adds an entry; gives the batch before it when that is full, or has the object already: a large group
    /// comes in several parts, and each builds on the one before.
    fn add(&mut self, entry: ReadEntry) -> Option<Vec<ReadEntry>> {
        let full = self.entries.len() >= self.limit
            || self.links >= LINKS_OF_A_BATCH
            || self.bytes >= BYTES_OF_A_BATCH;
        let ready = (full || self.guids.contains(&entry.offered.guid)).then(|| self.take());
        self.links += entry.link_count();
        self.bytes += entry.bytes;
        self.guids.insert(entry.offered.guid);
        self.entries.push(entry);
        ready
    }

    fn take(&mut self) -> Vec<ReadEntry> {
        (self.links, self.bytes) = (0, 0);
        self.guids.clear();
        std::mem::take(&mut self.entries)
    }
}
