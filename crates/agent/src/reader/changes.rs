//! Reading what changed: page by page, each sent before the next is asked for.

use super::ReadError;
use super::attributes::{Wanted, names};
use super::by_guid;
use super::doubts;
use super::entry::{EntryReader, InPlace, ReadEntry, Reading};
use super::report::Reporter;
use crate::channel::ChannelError;
use crate::controller::Controller;
use crate::ldap::{Connector, LdapError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_ad_proto::ldap::{
    Control, DirSync, DirSyncAnswer, Event, Filter, ReceivedControl, ResultCode, SearchScope,
};
use lockstep_api::channel::{Begin, Opening, PageAnswer, PageEnd, ReadChanges, ScopeHint};
use lockstep_model::{Dn, Guid};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc;

/// How many bytes of attributes a page has at most: what Active Directory takes when it is told nothing.
const PAGE_BYTES: i32 = 1 << 20;
/// Entries of a page when the containers are listed.
const CONTAINER_PAGE: u32 = 1_000;
/// How many of the objects that the scope names are looked for in one search.
const AT_ONCE: usize = 50;
/// How many batches may wait for the service while the controller is read on.
const AHEAD: usize = 2;
/// A batch with so many links is sent, however few objects it has.
const LINKS_OF_A_BATCH: usize = 20_000;

/// The classes of objects that take part, lie around others, or stand for members from elsewhere. Only
/// objectClass is asked about: a filter on anything else may hide tombstones.
const CLASSES: [&str; 8] = [
    "user",
    "group",
    "contact",
    "organizationalUnit",
    "container",
    "builtinDomain",
    "domainDNS",
    "foreignSecurityPrincipal",
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
    let asked = names(&order.read_set);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let known = controller.known_attributes(&asked).await?;
    let absent: BTreeSet<String> = asked
        .iter()
        .filter(|name| !known.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
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
        hides_values: controller.root_dse.hides_values,
        tombstone_lifetime_days: controller.tombstone_lifetime_days().await?,
        netbios_name: controller.netbios_name().await?,
        forest: controller.root_dse.forest.clone(),
        absent_attributes: absent.iter().cloned().collect(),
        controller: controller.identity.clone(),
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

impl Run<'_> {
    /// Offers all containers, so that the place of everything else is known when it comes.
    async fn containers(&mut self) -> Result<(), ReadError> {
        let filter = Filter::any_of("objectClass", CONTAINERS);
        let base = self.controller.root_dse.naming_context.clone();
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
            let received = self.read(&base, &filter, &attributes, &controls).await?;
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
            let answer = self.page(before).await?;
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
                self.order.link_batch,
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
        let base = self.controller.root_dse.naming_context.clone();
        let filter = Filter::any_of("objectClass", CLASSES);
        let asked: Vec<String> = self.wanted.asked().into_iter().map(str::to_owned).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        let controls = [
            Control::DirSync(DirSync {
                cookie,
                max_bytes: PAGE_BYTES,
            }),
            Control::ExtendedDn,
        ];
        let received = self.read(&base, &filter, &asked, &controls).await?;
        let answer = received.iter().find_map(ReceivedControl::dir_sync);
        answer.ok_or_else(|| {
            let server = self.controller.connection.server().to_owned();
            let what = "a cookie".to_owned();
            LdapError::Lacking { server, what }.into()
        })
    }

    /// Searches, and sends what comes while it comes. Gives back what came with the end, once everything
    /// has been sent.
    async fn read(
        &mut self,
        base: &str,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
    ) -> Result<Vec<ReceivedControl>, ReadError> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let delivery = tokio::spawn(deliver(
            self.reporter.clone(),
            receiver,
            self.order.link_batch,
        ));
        let received = self
            .search(base, filter, attributes, controls, sender)
            .await;
        // A failed delivery is the cause when both fail: it closes the reader's channel.
        let delivered = delivery.await.unwrap_or_else(|error| {
            Err(ChannelError::Lost {
                service: String::new(),
                source: error.into(),
            })
        });
        delivered?;
        received
    }

    async fn search(
        &mut self,
        base: &str,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
        sender: mpsc::Sender<Vec<ReadEntry>>,
    ) -> Result<Vec<ReceivedControl>, ReadError> {
        let server = self.controller.connection.server().to_owned();
        let mut reader = EntryReader::new(&self.wanted, &self.place, Reading::Changes);
        let mut batch = Batch::new(self.order.batch);
        let mut search = self
            .controller
            .connection
            .search(base, SearchScope::Subtree, filter, attributes, controls)
            .await?;
        loop {
            let event = search.next().await?;
            if let Event::Done { result, controls } = event {
                if result.code != ResultCode::SUCCESS {
                    let action = "read changes";
                    return Err(LdapError::Search {
                        server,
                        action,
                        result,
                    }
                    .into());
                }
                // When nobody takes it, the delivery has failed and says why.
                let _ = sender.send(batch.take()).await;
                return Ok(controls);
            }
            let assembled = reader.take(event).map_err(|what| LdapError::Lacking {
                server: server.clone(),
                what: what.to_owned(),
            })?;
            let Some(assembled) = assembled else {
                continue;
            };
            if let Some(ready) = batch.add(assembled.entry)
                && sender.send(ready).await.is_err()
            {
                return Ok(Vec::new());
            }
        }
    }
}

/// Sends batch after batch.
async fn deliver(
    reporter: Reporter,
    mut batches: mpsc::Receiver<Vec<ReadEntry>>,
    link_batch: usize,
) -> Result<(), ChannelError> {
    while let Some(batch) = batches.recv().await {
        reporter.deliver(batch, link_batch).await?;
    }
    Ok(())
}

/// Entries that are offered together.
struct Batch {
    entries: Vec<ReadEntry>,
    guids: BTreeSet<Guid>,
    links: usize,
    limit: usize,
}

impl Batch {
    fn new(limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            guids: BTreeSet::new(),
            links: 0,
            limit: limit.max(1),
        }
    }

    /// Adds an entry; gives the batch before it when that is full, or has the object already: a large group
    /// comes in several parts, and each builds on the one before.
    fn add(&mut self, entry: ReadEntry) -> Option<Vec<ReadEntry>> {
        let full = self.entries.len() >= self.limit || self.links >= LINKS_OF_A_BATCH;
        let ready = (full || self.guids.contains(&entry.offered.guid)).then(|| self.take());
        self.links += entry.link_count();
        self.guids.insert(entry.offered.guid);
        self.entries.push(entry);
        ready
    }

    fn take(&mut self) -> Vec<ReadEntry> {
        self.links = 0;
        self.guids.clear();
        std::mem::take(&mut self.entries)
    }
}
