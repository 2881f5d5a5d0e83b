//! A reading: page after page, what is wanted of each, and what is missing.

use super::*;
use lockstep_ad_proto::ldap::{ExtendedDn, RangeEnd};
use lockstep_agent::reader::entry::{Assembled, link_target};
use lockstep_agent::reader::ranges::{Next, RangedSet};
use lockstep_api::channel::LinkTarget;

/// One reading of changes on one controller.
pub(super) struct Run<'a> {
    pub(super) reader: &'a Reader,
    pub(super) connection: Connection,
    pub(super) wanted: &'a Wanted,
    pub(super) asked: &'a BTreeSet<String>,
    pub(super) place: &'a InPlace,
    pub(super) eager: bool,
}

/// Batches that the service has not answered yet; which of them goes on is left to chance.
struct UnderWay<'a> {
    random: Random,
    batches: Vec<(BTreeSet<Guid>, Delivery<'a>)>,
}

type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

impl UnderWay<'_> {
    /// A batch with an object that is still under way waits, as with the real agent.
    fn has_room_for(&self, guids: &BTreeSet<Guid>, at_a_time: usize) -> bool {
        let apart = |(own, _): &(BTreeSet<Guid>, _)| own.is_disjoint(guids);
        self.batches.is_empty() || self.batches.len() < at_a_time && self.batches.iter().all(apart)
    }

    async fn one_arrives(&mut self) -> Result<(), Failure> {
        std::future::poll_fn(|context| {
            let count = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
            let chosen = self.random.below(count) as usize;
            let Some((_, delivery)) = self.batches.get_mut(chosen) else {
                return Poll::Ready(Ok(()));
            };
            let polled = delivery.as_mut().poll(context);
            if polled.is_ready() {
                drop(self.batches.swap_remove(chosen));
            }
            polled
        })
        .await
    }
}

impl Run<'_> {
    /// Reads page after page, each sent before the next is asked for.
    pub(super) async fn pages(
        &self,
        mut cookie: Option<String>,
        read_set: u64,
    ) -> Result<(), Failure> {
        let index = self.connection.index;
        loop {
            let (highest_usn, canary) = self
                .reader
                .ask(self.connection, |directory| {
                    let usn = directory.controllers[index].highest_usn();
                    (usn, directory.canary(index))
                })
                .await?;
            let before = decoded(cookie.as_deref());
            let (answer, view): (Answer, Option<View>) = self
                .reader
                .ask(self.connection, |directory| {
                    let answer = directory.dir_sync(index, before.as_ref(), self.asked);
                    (answer, self.reader.view(directory, index))
                })
                .await?;
            match (before, answer.more) {
                (None, false) => self.deliver_in_slices(&answer).await?,
                _ => self.deliver_all(self.assemble_all(&answer.entries)).await?,
            }
            let next = STANDARD.encode(answer.cookie.to_text());
            let stored = self
                .reader
                .page(PageEnd {
                    lease: self.reader.lease,
                    read_set,
                    cookie_before: cookie,
                    cookie: Some(next.clone()),
                    more: answer.more,
                    found: Vec::new(),
                    settled: Vec::new(),
                    canary: canary.map(|(guid, usn_changed)| Canary { guid, usn_changed }),
                    highest_usn: Some(highest_usn),
                })
                .await?;
            self.reader.hear(&answer.told);
            self.read_what_is_missing(stored, read_set).await?;
            if !answer.more {
                self.reader.confirm(view.as_ref());
                return Ok(());
            }
            cookie = Some(next);
        }
    }

    /// Reads by GUID until the service misses nothing.
    pub(super) async fn read_what_is_missing(
        &self,
        mut answer: PageAnswer,
        read_set: u64,
    ) -> Result<(), Failure> {
        while !answer.read.is_empty() || !answer.doubts.is_empty() {
            let found = self.read_by_guid(&answer.read).await?;
            let alive = found
                .iter()
                .filter(|found| found.presence == Presence::Alive);
            let told: Vec<Guid> = alive.map(|found| found.guid).collect();
            let page = PageEnd {
                settled: self.settle(&answer.doubts).await?,
                ..self.reader.found_page(read_set, found)
            };
            answer = self.reader.page(page).await?;
            self.reader.hear(&told);
        }
        Ok(())
    }

    /// Whether attributes without values are empty, or hidden from the account.
    pub(super) async fn settle(&self, doubts: &[Doubt]) -> Result<Vec<Settled>, Failure> {
        let index = self.connection.index;
        let look = |directory: &SimulatedDirectory| {
            let controller = &directory.controllers[index];
            let settle = |doubt: &Doubt| {
                let mut settled = Settled {
                    guid: doubt.guid,
                    ..Settled::default()
                };
                let entry = controller.entries.get(&doubt.guid);
                let Some(entry) = entry.filter(|entry| directory.sees(controller, entry)) else {
                    return settled;
                };
                for name in &doubt.attributes {
                    if directory.rights.hidden_attributes.contains(name.as_str()) {
                        settled.hidden.push(name.clone());
                    } else if entry.text(name).is_none() {
                        settled.empty.push(name.clone());
                    }
                }
                settled
            };
            doubts.iter().map(settle).collect()
        };
        match doubts.is_empty() {
            true => Ok(Vec::new()),
            false => self.reader.ask(self.connection, look).await,
        }
    }

    pub(super) async fn read_by_guid(&self, guids: &[Guid]) -> Result<Vec<Found>, Failure> {
        let index = self.connection.index;
        let mut found = Vec::new();
        for some in guids.chunks(self.reader.habits.reads.max(1)) {
            let read = self
                .reader
                .ask(self.connection, |directory| {
                    let read = some
                        .iter()
                        .map(|guid| directory.by_guid(index, *guid, self.asked));
                    read.collect::<Vec<_>>()
                })
                .await?;
            let mut alive = Vec::new();
            for (guid, events) in some.iter().zip(read) {
                let entry = match events {
                    Some(events) => Some(self.whole(&events).await?),
                    None => None,
                };
                let presence = match &entry {
                    None => Presence::Silent,
                    Some(entry) if entry.offered.deleted => Presence::Tombstone,
                    Some(_) => Presence::Alive,
                };
                self.reader
                    .shared
                    .note(format!("reads by GUID: {presence:?}"));
                found.push(Found {
                    guid: *guid,
                    presence,
                });
                alive.extend(entry.filter(|entry| !entry.offered.deleted));
            }
            if !alive.is_empty() {
                self.reader.deliver(alive, self.eager).await?;
            }
        }
        Ok(found)
    }

    /// An object that is read by itself; large sets range by range, as the real agent asks for them.
    async fn whole(&self, events: &[Event]) -> Result<ReadEntry, Failure> {
        let assembled = self.assembled(events, Reading::ByGuid);
        let Assembled { mut entry, cut } = assembled.expect("who is asked for is answered");
        for attribute in cut {
            let targets = self.read_whole(entry.offered.guid, &attribute).await?;
            entry.put_whole(self.wanted, &attribute, targets);
        }
        Ok(entry)
    }

    async fn read_whole(&self, guid: Guid, attribute: &str) -> Result<Vec<LinkTarget>, Failure> {
        let index = self.connection.index;
        let mut set = RangedSet::of(attribute);
        loop {
            match set.to_do() {
                Next::UsnChanged => {
                    let look = |directory: &SimulatedDirectory| directory.usn_of(index, guid);
                    let usn = self.reader.ask(self.connection, look).await?;
                    set.usn_changed(usn.map(|usn| usn.to_string()));
                }
                Next::Range { first } => {
                    let from = usize::try_from(first).unwrap_or(usize::MAX);
                    let range = self
                        .reader
                        .ask(self.connection, |directory| {
                            directory.range(index, guid, attribute, from)
                        })
                        .await?;
                    set.range(range.map(|(last, values)| {
                        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
                        let end = match last {
                            true => RangeEnd::Last,
                            false => RangeEnd::At(first + count - 1),
                        };
                        (end, values.iter().map(|value| target(value)).collect())
                    }));
                }
                Next::Whole(targets) => {
                    self.reader.shared.note("sets read in ranges".to_owned());
                    return Ok(targets);
                }
                Next::NeverStill => return Err(lost("a large group never stands still")),
            }
        }
    }

    /// Everything, slice by slice: the cookie is older than what is read.
    pub(super) async fn deliver_in_slices(&self, answer: &Answer) -> Result<(), Failure> {
        let slices = self.reader.habits.slices;
        if slices < 2 {
            return self.deliver_all(self.assemble_all(&answer.entries)).await;
        }
        let slice_of = |entry: &ReadEntry| {
            let bytes = entry.offered.guid.as_bytes().iter();
            bytes.map(|byte| u32::from(*byte)).sum::<u32>() % slices
        };
        for slice in 0..slices {
            let index = self.connection.index;
            let now: Answer = self
                .reader
                .ask(self.connection, |directory| {
                    directory.dir_sync(index, None, self.asked)
                })
                .await?;
            let mut entries = self.assemble_all(&now.entries);
            entries.retain(|entry| slice_of(entry) == slice);
            self.deliver_all(entries).await?;
        }
        Ok(())
    }

    pub(super) async fn deliver_all(&self, entries: Vec<ReadEntry>) -> Result<(), Failure> {
        let habits = self.reader.habits;
        let mut under_way = UnderWay {
            random: Random::new(u64::from(self.reader.readings.get()) ^ self.reader.lease << 32),
            batches: Vec::new(),
        };
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let batch: Vec<ReadEntry> = entries.by_ref().take(habits.batch.max(1)).collect();
            let guids: BTreeSet<Guid> = batch.iter().map(|entry| entry.offered.guid).collect();
            while !under_way.has_room_for(&guids, habits.at_a_time) {
                under_way.one_arrives().await?;
            }
            let delivery = Box::pin(self.reader.deliver(batch, self.eager));
            under_way.batches.push((guids, delivery));
        }
        while !under_way.batches.is_empty() {
            under_way.one_arrives().await?;
        }
        Ok(())
    }

    pub(super) fn assemble_all(&self, entries: &[Vec<Event>]) -> Vec<ReadEntry> {
        let entries = entries.iter();
        entries
            .filter_map(|events| self.assembled(events, Reading::Changes))
            .map(|assembled| assembled.entry)
            .collect()
    }

    /// What the real agent makes of an entry, if it makes something of it.
    fn assembled(&self, events: &[Event], reading: Reading) -> Option<Assembled> {
        let mut reader = EntryReader::new(self.wanted, self.place, reading);
        events.iter().find_map(|event| {
            reader
                .take(event.clone())
                .expect("the simulated controller's entries are whole")
        })
    }
}

fn target(value: &[u8]) -> LinkTarget {
    let text = std::str::from_utf8(value).expect("names are text");
    link_target(&ExtendedDn::parse(text).expect("names have a GUID"))
}
