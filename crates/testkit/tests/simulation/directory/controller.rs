//! One controller: a replica with numbers of its own.

use super::entry::{Entry, Stamp, Stamped, WELL_KNOWN};
use lockstep_model::{Dn, Guid, Rdn};
use std::collections::{BTreeMap, BTreeSet};

/// A controller and its database.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedController {
    pub(crate) index: usize,
    pub(crate) up: bool,
    /// Counts starts: a connection does not outlive one.
    pub(crate) starts: u32,
    /// How many objects a page of changes has.
    pub(crate) page: usize,
    /// How many values of a link it gives at once, of an object that is read by itself.
    pub(crate) range: usize,
    /// Changed links are told value by value.
    pub(crate) incremental_values: bool,
    /// What its clock shows, in seconds since 1970.
    pub(super) clock: i64,
    pub(super) database: Database,
    pub(crate) entries: BTreeMap<Guid, Entry>,
}

/// What tells one state of a database from another.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) invocation: Guid,
    invocations: u32,
    pub(super) highest_usn: u64,
    /// Up to which number of each database's changes are here.
    pub(super) vector: BTreeMap<Guid, u64>,
    /// Up to which number of each other controller has been asked.
    pulled: BTreeMap<usize, u64>,
}

/// A kept state of a controller's database.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    database: Database,
    entries: BTreeMap<Guid, Entry>,
}

impl SimulatedController {
    pub(super) fn new(index: usize) -> Self {
        let invocation = invocation(index, 0);
        Self {
            index,
            up: true,
            starts: 0,
            page: usize::MAX,
            range: usize::MAX,
            incremental_values: true,
            clock: 0,
            database: Database {
                invocation,
                invocations: 0,
                highest_usn: 0,
                vector: BTreeMap::new(),
                pulled: BTreeMap::new(),
            },
            entries: BTreeMap::new(),
        }
    }

    pub(crate) fn dns_name(&self) -> String {
        format!("dc{}.corp.test", self.index + 1)
    }

    pub(crate) const fn invocation(&self) -> Guid {
        self.database.invocation
    }

    pub(crate) const fn highest_usn(&self) -> u64 {
        self.database.highest_usn
    }

    /// The stamp of a change that is made here.
    pub(super) fn stamp(&mut self, version: u32) -> Stamp {
        let usn = self.next_usn();
        Stamp {
            version,
            origin: self.database.invocation,
            origin_usn: usn,
            usn,
            time: self.clock,
        }
    }

    fn next_usn(&mut self) -> u64 {
        self.database.highest_usn += 1;
        let (invocation, usn) = (self.database.invocation, self.database.highest_usn);
        self.database.vector.insert(invocation, usn);
        usn
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            database: self.database.clone(),
            entries: self.entries.clone(),
        }
    }

    pub(super) fn restore(&mut self, snapshot: Snapshot, new_invocation: bool) {
        let invocations = self.database.invocations;
        self.database = snapshot.database;
        self.entries = snapshot.entries;
        self.database.invocations = invocations;
        self.starts += 1;
        if new_invocation {
            self.database.invocations += 1;
            self.database.invocation = invocation(self.index, self.database.invocations);
        }
    }

    pub(super) fn forget_source(&mut self, index: usize) {
        self.database.pulled.remove(&index);
    }

    pub(super) fn expunge(&mut self, oldest: i64) {
        let gone: Vec<Guid> = self
            .entries
            .values()
            .filter(|entry| entry.is_deleted() && entry.deleted_at < oldest)
            .map(|entry| entry.guid)
            .collect();
        for guid in gone {
            self.entries.remove(&guid);
            self.drop_links_of(guid);
        }
    }

    /// Every link from and to an object goes, unreported.
    pub(super) fn drop_links_of(&mut self, guid: Guid) {
        for entry in self.entries.values_mut() {
            let own = entry.guid == guid;
            let gone = entry
                .links
                .extract_if(.., |(_, target), _| own || *target == guid);
            let last = gone.map(|(_, link)| link.stamp.usn).max().unwrap_or(0);
            entry.unlinked = entry.unlinked.max(last);
        }
    }

    /// Takes over what another controller has and this one has not, object by object.
    pub(super) fn pull(&mut self, source: &Self, limit: usize, recycle_bin: bool) -> bool {
        let from = self
            .database
            .pulled
            .get(&source.index)
            .copied()
            .unwrap_or(0);
        let mut changed: Vec<(u64, Guid)> = source
            .entries
            .values()
            .map(|entry| (entry.usn_changed(), entry.guid))
            .filter(|(usn, _)| *usn > from)
            .collect();
        changed.sort_unstable();
        let complete = changed.len() <= limit;
        changed.truncate(limit);
        let mut any = false;
        for (usn, guid) in &changed {
            any |= self.take_over(source, *guid, recycle_bin, &mut BTreeSet::new());
            self.database.pulled.insert(source.index, *usn);
        }
        if complete {
            for (invocation, usn) in &source.database.vector {
                let own = self.database.vector.entry(*invocation).or_default();
                *own = (*own).max(*usn);
            }
        }
        any
    }

    /// Takes over one object, after what it depends on.
    fn take_over(
        &mut self,
        source: &Self,
        guid: Guid,
        recycle_bin: bool,
        underway: &mut BTreeSet<Guid>,
    ) -> bool {
        let Some(theirs) = source.entries.get(&guid) else {
            return false;
        };
        if !underway.insert(guid) || self.knows_that_left(theirs) {
            return false;
        }
        let older = |before: &Entry| before.created.time < theirs.created.time;
        if self.entries.get(&guid).is_some_and(older) {
            // It left and came back: another object under the same GUID.
            self.entries.remove(&guid);
        }
        let targets = theirs.links.keys().map(|(_, target)| *target);
        let needed: Vec<Guid> = theirs.parent().into_iter().chain(targets).collect();
        for guid in needed {
            if !self.entries.contains_key(&guid) {
                self.take_over(source, guid, recycle_bin, underway);
            }
        }
        let (before, usn) = (self.entries.get(&guid), self.database.highest_usn + 1);
        let Some(merged) = merged(before, theirs, usn) else {
            return false;
        };
        let version = |entry: &Entry| entry.deleted.as_ref().map(|deleted| deleted.stamp.version);
        // Whether it is dead now, or was in between.
        let died = before.is_some_and(|before| version(before) != version(&merged));
        self.entries.insert(guid, merged);
        self.next_usn();
        if let Some(moved) = theirs.moved()
            && self
                .entries
                .get(&moved)
                .is_some_and(|entry| entry.created.time < theirs.created.time)
        {
            self.entries.remove(&moved);
        }
        if died && !recycle_bin {
            self.drop_links_of(guid);
            self.copy_links_to(source, guid, usn);
        }
        true
    }

    /// Whether an object has moved to another domain since it was made.
    fn knows_that_left(&self, theirs: &Entry) -> bool {
        let mut proxies = self.entries.values();
        proxies.any(|proxy| {
            proxy.moved() == Some(theirs.guid) && theirs.created.time < proxy.created.time
        })
    }

    /// What links to an object that was deleted, and perhaps came back, is what the other controller has.
    fn copy_links_to(&mut self, source: &Self, guid: Guid, usn: u64) {
        for theirs in source.entries.values() {
            let Some(entry) = self.entries.get_mut(&theirs.guid) else {
                continue;
            };
            let links = theirs
                .links
                .iter()
                .filter(|((_, target), _)| *target == guid);
            for (key, link) in links {
                entry.links.insert(*key, numbered(link, usn));
            }
            if theirs.guid == guid {
                let own = theirs.links.iter();
                entry
                    .links
                    .extend(own.map(|(key, link)| (*key, numbered(link, usn))));
            }
        }
    }

    /// The distinguished name of an entry.
    pub(crate) fn dn(&self, entry: &Entry) -> Dn {
        let mut steps = Vec::new();
        let mut next = Some(entry);
        while let Some(entry) = next {
            if entry.label == WELL_KNOWN.head {
                break;
            }
            steps.push(Rdn {
                attribute: entry.class.naming_attribute().to_owned(),
                value: entry.name().to_owned(),
            });
            next = entry.parent().and_then(|guid| self.entries.get(&guid));
        }
        steps.extend(Dn::of_domain(super::DOMAIN).steps().iter().cloned());
        Dn::new(steps)
    }

    /// Live objects that lie directly in a container.
    pub(crate) fn children(&self, guid: Guid) -> Vec<Guid> {
        let inside = |entry: &&Entry| entry.parent() == Some(guid) && !entry.is_deleted();
        let inside = self.entries.values().filter(inside);
        inside.map(|entry| entry.guid).collect()
    }

    /// Whether links to an object are shown: it is not deleted here. Of what has moved to another domain, links stay.
    pub(super) fn shows(&self, target: Guid) -> bool {
        self.entries
            .get(&target)
            .is_none_or(|entry| !entry.is_deleted())
    }

    /// Whether an object is there and not deleted.
    pub(crate) fn is_alive(&self, guid: Guid) -> bool {
        self.entries
            .get(&guid)
            .is_some_and(|entry| !entry.is_deleted())
    }
}

fn invocation(index: usize, number: u32) -> Guid {
    let mut bytes = *b"invocation......";
    bytes[11] = u8::try_from(index).unwrap_or(u8::MAX);
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Guid::from_bytes(bytes)
}

/// What an entry is once another controller's is known; nothing when that brings nothing new. What is new gets
/// this number.
fn merged(ours: Option<&Entry>, theirs: &Entry, usn: u64) -> Option<Entry> {
    let Some(ours) = ours else {
        let mut entry = theirs.clone();
        entry.unlinked = 0;
        for stamp in stamps(&mut entry) {
            stamp.usn = usn;
        }
        return Some(entry);
    };
    let mut entry = ours.clone();
    let mut any = newer(&mut entry.place, &theirs.place, usn);
    if let Some(deleted) = &theirs.deleted {
        match &mut entry.deleted {
            Some(ours) => any |= newer(ours, deleted, usn),
            None => {
                entry.deleted = Some(numbered(deleted, usn));
                any = true;
            }
        }
        entry.deleted_at = theirs.deleted_at;
    }
    for (name, value) in &theirs.attributes {
        match entry.attributes.get_mut(name) {
            Some(ours) => any |= newer(ours, value, usn),
            None => {
                entry.attributes.insert(name, numbered(value, usn));
                any = true;
            }
        }
    }
    for (key, value) in &theirs.links {
        match entry.links.get_mut(key) {
            Some(ours) => any |= newer(ours, value, usn),
            None => {
                entry.links.insert(*key, numbered(value, usn));
                any = true;
            }
        }
    }
    any.then_some(entry)
}

fn newer<T: Clone>(ours: &mut Stamped<T>, theirs: &Stamped<T>, usn: u64) -> bool {
    // Of what was set in two places, the later one, or that of the greater database ([MS-DRSR] 5.11).
    let order = |stamp: &Stamp| (stamp.version, stamp.time, stamp.origin);
    let newer = order(&theirs.stamp) > order(&ours.stamp);
    if newer {
        *ours = numbered(theirs, usn);
    }
    newer
}

fn numbered<T: Clone>(value: &Stamped<T>, usn: u64) -> Stamped<T> {
    let mut value = value.clone();
    value.stamp.usn = usn;
    value
}

fn stamps(entry: &mut Entry) -> Vec<&mut Stamp> {
    let mut stamps = vec![&mut entry.created, &mut entry.place.stamp];
    stamps.extend(entry.deleted.as_mut().map(|value| &mut value.stamp));
    stamps.extend(entry.attributes.values_mut().map(|value| &mut value.stamp));
    stamps.extend(entry.links.values_mut().map(|value| &mut value.stamp));
    stamps
}
