//! What the domain's controller answers, as events of the LDAP decoder.

use crate::domain::{Class, Domain, Entry, LINKS, PROXIED};
use lockstep_ad_proto::ldap::Event;
use lockstep_model::Guid;
use std::collections::BTreeSet;

impl Domain {
    /// What changed behind a number, of these attributes and links.
    pub(crate) fn changes(&self, since: u64, asked: &BTreeSet<String>) -> Vec<Vec<Event>> {
        let mut changed: Vec<&Entry> = self
            .entries
            .values()
            .filter(|e| e.changed > since && !e.hidden)
            .collect();
        changed.sort_unstable_by_key(|entry| entry.changed);
        let told = changed.iter();
        told.filter_map(|entry| self.changes_of(entry, since, asked))
            .collect()
    }

    fn changes_of(
        &self,
        entry: &Entry,
        since: u64,
        asked: &BTreeSet<String>,
    ) -> Option<Vec<Event>> {
        let mut events = Events::of(self, entry);
        if entry.created > since {
            events.identity(entry);
        }
        if entry.placed > since {
            events.place(entry);
        }
        if let Some((_, deleted)) = entry.deleted.filter(|(usn, _)| *usn > since) {
            let value = deleted.then(|| b"TRUE".to_vec());
            events.attribute("isDeleted", value.into_iter().collect());
        }
        for (name, (usn, values)) in &entry.attributes {
            if *usn > since && is_asked(asked, name) {
                events.attribute(name, values.clone());
            }
        }
        if !entry.is_deleted() {
            self.changed_links(entry, since, asked, &mut events);
        }
        events.finish()
    }

    fn changed_links(
        &self,
        entry: &Entry,
        since: u64,
        asked: &BTreeSet<String>,
        events: &mut Events,
    ) {
        for (attribute, _) in LINKS {
            if !asked.contains(attribute) {
                continue;
            }
            for (present, range) in [(true, "1-1"), (false, "0-0")] {
                let changed = entry.links.iter().filter(|((name, _), (usn, linked))| {
                    *name == attribute && *usn > since && *linked == present
                });
                let values: Vec<_> = changed
                    .map(|((_, target), _)| self.extended(*target))
                    .collect();
                if !values.is_empty() {
                    events.attribute(&format!("{attribute};range={range}"), values);
                }
            }
        }
    }

    /// Everything of one object, found by its GUID, deleted ones included.
    pub(crate) fn by_guid(&self, guid: Guid, asked: &BTreeSet<String>) -> Option<Vec<Event>> {
        let entry = self.entries.get(&guid).filter(|entry| !entry.hidden)?;
        let mut events = Events::of(self, entry);
        events.identity(entry);
        events.place(entry);
        if entry.is_deleted() {
            events.attribute("isDeleted", vec![b"TRUE".to_vec()]);
            return events.finish();
        }
        for (name, (_, values)) in &entry.attributes {
            if is_asked(asked, name) && !values.is_empty() {
                events.attribute(name, values.clone());
            }
        }
        for (attribute, _) in LINKS {
            let linked = self.linked(guid, attribute);
            let values: Vec<_> = linked
                .into_iter()
                .map(|target| self.extended(target))
                .collect();
            if !values.is_empty() && asked.contains(attribute) {
                events.attribute(attribute, values);
            }
        }
        events.finish()
    }

    /// All containers, with identity and place.
    pub(crate) fn containers(&self) -> Vec<Vec<Event>> {
        let containers = self.entries.values();
        let seen = |e: &&Entry| e.class.is_container() && !e.is_deleted() && !e.hidden;
        let containers = containers.filter(seen);
        containers
            .filter_map(|entry| {
                let mut events = Events::of(self, entry);
                events.identity(entry);
                events.place(entry);
                events.finish()
            })
            .collect()
    }

    /// The name of an object with its identity; of one that has moved to another domain the GUID stays.
    fn extended(&self, guid: Guid) -> Vec<u8> {
        let found = self.entries.get(&guid);
        let moved = || format!("<GUID={guid}>;CN=Moved,DC=elsewhere,DC=test");
        found
            .map_or_else(moved, |entry| self.extended_dn(entry))
            .into_bytes()
    }

    fn extended_dn(&self, entry: &Entry) -> String {
        let dn = self.dn_of(entry);
        match &entry.sid {
            Some(sid) => format!("<GUID={}>;<SID={sid}>;{dn}", entry.guid),
            None => format!("<GUID={}>;{dn}", entry.guid),
        }
    }
}

fn is_asked(asked: &BTreeSet<String>, name: &str) -> bool {
    asked.contains(name) || ["primarygroupid", PROXIED].contains(&name)
}

/// The events of one entry.
struct Events {
    events: Vec<Event>,
    any: bool,
}

impl Events {
    fn of(domain: &Domain, entry: &Entry) -> Self {
        let dn = domain.extended_dn(entry);
        let mut events = Self {
            events: vec![Event::Entry { dn }],
            any: false,
        };
        // These come along whatever is asked for, and are no reason to tell of an object.
        events.attribute("objectGUID", vec![entry.guid.to_wire().to_vec()]);
        events.attribute("instanceType", vec![b"4".to_vec()]);
        events.any = false;
        events
    }

    fn attribute(&mut self, name: &str, values: Vec<Vec<u8>>) {
        self.any = true;
        self.events.push(Event::Attribute { name: name.into() });
        self.events.extend(values.into_iter().map(Event::Value));
    }

    fn identity(&mut self, entry: &Entry) {
        let classes = entry.class.object_classes().iter();
        let classes = classes.map(|class| class.as_bytes().to_vec());
        self.attribute("objectClass", classes.collect());
        self.attribute("whenCreated", vec![b"20260101000000.0Z".to_vec()]);
        if let Some(sid) = &entry.sid {
            self.attribute("objectSid", vec![sid.to_wire()]);
        }
    }

    fn place(&mut self, entry: &Entry) {
        self.attribute("name", vec![entry.step.value.as_bytes().to_vec()]);
        let parent = entry.parent.filter(|_| entry.class != Class::Head);
        if let Some(parent) = parent {
            self.attribute("parentGUID", vec![parent.to_wire().to_vec()]);
        }
    }

    fn finish(mut self) -> Option<Vec<Event>> {
        self.events.push(Event::EntryEnd);
        self.any.then_some(self.events)
    }
}
