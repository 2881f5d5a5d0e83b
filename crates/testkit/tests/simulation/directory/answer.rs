//! What a controller answers: searches as the agent's reader makes them, as events of the LDAP decoder.

use super::entry::{Class, Entry, PROXIED, Stamp, WELL_KNOWN};
use super::{SimulatedController, SimulatedDirectory};
use lockstep_ad_proto::ldap::Event;
use lockstep_model::Guid;
use std::collections::{BTreeMap, BTreeSet};

/// What changes with everything, and is not told as a change.
const CHANGED: &str = "whenchanged";
/// How far back the last changes are looked for, as the agent does.
const RECENT: u64 = 200;

/// Attributes that show who links to an object, and by which attribute; all in lower case.
const BACK_LINKS: [(&str, &str); 3] = [
    ("memberof", "member"),
    ("directreports", "manager"),
    ("managedobjects", "managedby"),
];

/// An answer: entry by entry, and what came with its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) entries: Vec<Vec<Event>>,
    /// Whose entries these are.
    pub(crate) told: Vec<Guid>,
    pub(crate) cookie: Cookie,
    pub(crate) more: bool,
}

/// What a DirSync cookie holds. The agent and the service see its bytes only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cookie {
    invocation: Guid,
    /// Up to here objects have been told: moves on with each page.
    objects: u64,
    /// Up to here attributes have been told: moves on with the last page of a reading.
    attributes: u64,
    vector: BTreeMap<Guid, u64>,
}

impl Cookie {
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{} {} {}", self.invocation, self.objects, self.attributes);
        for (invocation, usn) in &self.vector {
            text.push_str(&format!(" {invocation}={usn}"));
        }
        text
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let mut cookie = Self {
            invocation: parts.next()?.parse().ok()?,
            objects: parts.next()?.parse().ok()?,
            attributes: parts.next()?.parse().ok()?,
            vector: BTreeMap::new(),
        };
        for part in parts {
            let (invocation, usn) = part.split_once('=')?;
            cookie
                .vector
                .insert(invocation.parse().ok()?, usn.parse().ok()?);
        }
        Some(cookie)
    }

    fn covers(&self, stamp: &Stamp) -> bool {
        let known = self.vector.get(&stamp.origin).copied().unwrap_or(0);
        stamp.usn <= self.attributes || stamp.origin_usn <= known
    }
}

impl SimulatedDirectory {
    /// A page of what changed since a cookie, of these attributes and links.
    pub(crate) fn dir_sync(
        &self,
        index: usize,
        cookie: Option<&Cookie>,
        asked: &BTreeSet<String>,
    ) -> Answer {
        let controller = &self.controllers[index];
        let own = controller.invocation();
        // The numbers of another database mean nothing here; its vector does.
        let since = match cookie {
            Some(cookie) if cookie.invocation == own => cookie.clone(),
            Some(cookie) => Cookie {
                invocation: own,
                objects: 0,
                attributes: 0,
                vector: cookie.vector.clone(),
            },
            None => Cookie::default(),
        };
        let mut changed: Vec<(u64, &Entry)> = controller
            .entries
            .values()
            .map(|entry| (entry.usn_changed(), entry))
            .filter(|(usn, _)| *usn > since.objects)
            .collect();
        changed.sort_unstable_by_key(|(usn, _)| *usn);
        let more = changed.len() > controller.page;
        changed.truncate(controller.page);
        let last = changed.last().map_or(since.objects, |(usn, _)| *usn);
        let (told, entries) = changed
            .iter()
            .filter(|(_, entry)| self.sees(controller, entry))
            .filter_map(|(_, entry)| {
                let events = self.changes(controller, entry, &since, asked)?;
                Some((entry.guid, events))
            })
            .unzip();
        let cookie = if more {
            Cookie {
                invocation: own,
                objects: last,
                ..since
            }
        } else {
            Cookie {
                invocation: own,
                objects: controller.highest_usn(),
                attributes: controller.highest_usn(),
                vector: controller.database.vector.clone(),
            }
        };
        Answer {
            entries,
            told,
            cookie,
            more,
        }
    }

    /// What changed of one entry; nothing when that is nothing that was asked for.
    fn changes(
        &self,
        controller: &SimulatedController,
        entry: &Entry,
        since: &Cookie,
        asked: &BTreeSet<String>,
    ) -> Option<Vec<Event>> {
        let mut events = Events::of(controller, entry);
        let fresh = |stamp: &Stamp| !since.covers(stamp);
        if fresh(&entry.created) {
            events.identity(entry);
        }
        if fresh(&entry.place.stamp) {
            events.place(entry);
        }
        if let Some(deleted) = entry.deleted.as_ref().filter(|d| fresh(&d.stamp)) {
            let value = deleted.value.then(|| b"TRUE".to_vec());
            events.attribute("isDeleted", value.into_iter().collect());
        }
        if fresh(&entry.created) && asked.contains(CHANGED) {
            // Nothing else ever tells that it has become another.
            events.attribute(CHANGED, vec![entry.changed().to_string().into_bytes()]);
        }
        for (name, value) in &entry.attributes {
            let always = ["primarygroupid", PROXIED].contains(name);
            if fresh(&value.stamp) && (asked.contains(*name) || always) {
                let readable = !self.rights.hidden_attributes.contains(name);
                let hidden_by_bin = self.recycle_bin && entry.is_deleted() && *name != PROXIED;
                let values = match readable && !hidden_by_bin {
                    true => value.value.clone(),
                    false => Vec::new(),
                };
                events.attribute(name, values);
            }
        }
        if !entry.is_deleted() {
            self.changed_links(controller, entry, &fresh, asked, &mut events);
        }
        events.finish()
    }

    fn changed_links(
        &self,
        controller: &SimulatedController,
        entry: &Entry,
        fresh: &dyn Fn(&Stamp) -> bool,
        asked: &BTreeSet<String>,
        events: &mut Events,
    ) {
        for attribute in ["manager", "managedby", "member"] {
            let of_attribute = entry
                .links
                .iter()
                .filter(|((name, target), _)| *name == attribute && controller.shows(*target));
            let changed: Vec<(Guid, bool)> = of_attribute
                .filter(|(_, link)| fresh(&link.stamp))
                .map(|((_, target), link)| (*target, link.value))
                .collect();
            if changed.is_empty() || !asked.contains(attribute) {
                continue;
            }
            if !controller.incremental_values {
                events.attribute(attribute, linked(controller, entry, attribute));
                continue;
            }
            for (present, range) in [(true, "1-1"), (false, "0-0")] {
                let values: Vec<Vec<u8>> = changed
                    .iter()
                    .filter(|(_, value)| *value == present)
                    .map(|(target, _)| extended(controller, *target))
                    .collect();
                if !values.is_empty() {
                    events.attribute(&format!("{attribute};range={range}"), values);
                }
            }
        }
    }

    /// Everything of one object, found by its GUID, deleted ones included.
    pub(crate) fn by_guid(
        &self,
        index: usize,
        guid: Guid,
        asked: &BTreeSet<String>,
    ) -> Option<Vec<Event>> {
        let controller = &self.controllers[index];
        let entry = controller.entries.get(&guid)?;
        if !self.sees(controller, entry) {
            return None;
        }
        let mut events = Events::of(controller, entry);
        events.identity(entry);
        events.place(entry);
        if entry.is_deleted() {
            events.attribute("isDeleted", vec![b"TRUE".to_vec()]);
            return events.finish();
        }
        if asked.contains(CHANGED) {
            events.attribute(CHANGED, vec![entry.changed().to_string().into_bytes()]);
        }
        for (name, value) in &entry.attributes {
            let wanted = asked.contains(*name) || *name == "primarygroupid";
            let readable = !self.rights.hidden_attributes.contains(name);
            if wanted && readable && !value.value.is_empty() {
                events.attribute(name, value.value.clone());
            }
        }
        for attribute in ["manager", "managedby", "member"] {
            let values = linked(controller, entry, attribute);
            if asked.contains(attribute) {
                events.ranged(attribute, values, controller.range);
            }
        }
        for (back_link, attribute) in BACK_LINKS {
            let values = linking(controller, guid, attribute);
            events.ranged(back_link, values, controller.range);
        }
        events.finish()
    }

    /// Some values of a link attribute, or of the other end of one, of an object that is read by itself; and
    /// whether they are the last.
    pub(crate) fn range(
        &self,
        index: usize,
        guid: Guid,
        attribute: &str,
        first: usize,
    ) -> Option<(bool, Vec<Vec<u8>>)> {
        let controller = &self.controllers[index];
        let entry = controller.entries.get(&guid)?;
        if !self.sees(controller, entry) || entry.is_deleted() {
            return None;
        }
        let back_link = BACK_LINKS.iter().find(|(name, _)| *name == attribute);
        let values = match back_link {
            Some((_, link)) => linking(controller, guid, link),
            None => linked(controller, entry, attribute),
        };
        let rest = values.get(first..).filter(|rest| !rest.is_empty())?;
        let now = rest.len().min(controller.range);
        Some((now == rest.len(), rest[..now].to_vec()))
    }

    /// All containers that can be seen, with identity and place.
    pub(crate) fn containers(&self, index: usize) -> Vec<Vec<Event>> {
        let controller = &self.controllers[index];
        let containers = controller
            .entries
            .values()
            .filter(|entry| entry.class.holds_others() && !entry.is_deleted());
        let visible = containers.filter(|entry| self.sees(controller, entry));
        visible
            .filter_map(|entry| {
                let mut events = Events::of(controller, entry);
                events.identity(entry);
                events.place(entry);
                events.finish()
            })
            .collect()
    }

    /// An object that was changed lately, with its number, among those that can be seen.
    pub(crate) fn canary(&self, index: usize) -> Option<(Guid, u64)> {
        let controller = &self.controllers[index];
        let since = controller.highest_usn().saturating_sub(RECENT);
        let seen = controller
            .entries
            .values()
            .filter(|entry| !entry.is_deleted() && self.sees(controller, entry));
        seen.map(|entry| (entry.guid, entry.usn_changed()))
            .filter(|(_, usn)| *usn >= since)
            .max_by_key(|(_, usn)| *usn)
    }

    /// The number of an object's last change on this controller, if it can be seen.
    pub(crate) fn usn_of(&self, index: usize, guid: Guid) -> Option<u64> {
        let controller = &self.controllers[index];
        let entry = controller.entries.get(&guid)?;
        self.sees(controller, entry).then(|| entry.usn_changed())
    }
}

/// Who links to an object by an attribute.
fn linking(controller: &SimulatedController, guid: Guid, attribute: &str) -> Vec<Vec<u8>> {
    let holders = controller
        .entries
        .values()
        .filter(|holder| !holder.is_deleted() && holder.links_to(attribute, guid));
    holders
        .map(|holder| extended_dn(controller, holder).into_bytes())
        .collect()
}

/// The values of a link attribute, those that lead to somebody.
fn linked(controller: &SimulatedController, entry: &Entry, attribute: &str) -> Vec<Vec<u8>> {
    entry
        .links
        .iter()
        .filter(|((name, _), link)| *name == attribute && link.value)
        .filter(|((_, target), _)| controller.shows(*target))
        .map(|((_, target), _)| extended(controller, *target))
        .collect()
}

/// The name of an object with its identity; of one that has moved to another domain the GUID stays.
fn extended(controller: &SimulatedController, guid: Guid) -> Vec<u8> {
    let moved = || format!("<GUID={guid}>;CN=moved,DC=other,DC=test");
    controller
        .entries
        .get(&guid)
        .map_or_else(moved, |entry| extended_dn(controller, entry))
        .into_bytes()
}

fn extended_dn(controller: &SimulatedController, entry: &Entry) -> String {
    let dn = match entry.parent() {
        Some(parent) if parent == WELL_KNOWN.deleted_objects.guid() => {
            let name = entry.name().replace('\n', "\\0A");
            format!("CN={name},CN=Deleted Objects,DC=corp,DC=test")
        }
        _ => controller.dn(entry).to_string(),
    };
    match entry.sid() {
        Some(sid) => format!("<GUID={}>;<SID={sid}>;{dn}", entry.guid),
        None => format!("<GUID={}>;{dn}", entry.guid),
    }
}

/// The events of one entry.
struct Events {
    events: Vec<Event>,
    any: bool,
}

impl Events {
    fn of(controller: &SimulatedController, entry: &Entry) -> Self {
        let dn = extended_dn(controller, entry);
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

    /// Values of a link, or the first of them when there are too many.
    fn ranged(&mut self, name: &str, mut values: Vec<Vec<u8>>, range: usize) {
        if values.is_empty() {
            return;
        }
        if values.len() <= range {
            self.attribute(name, values);
            return;
        }
        values.truncate(range);
        self.attribute(&format!("{name};range=0-{}", range - 1), values);
    }

    fn identity(&mut self, entry: &Entry) {
        let classes = entry.class.object_classes().iter();
        self.attribute(
            "objectClass",
            classes.map(|class| class.as_bytes().to_vec()).collect(),
        );
        self.attribute("whenCreated", vec![b"20260101000000.0Z".to_vec()]);
        if let Some(sid) = entry.sid() {
            self.attribute("objectSid", vec![sid.to_wire()]);
        }
    }

    fn place(&mut self, entry: &Entry) {
        self.attribute("name", vec![entry.name().as_bytes().to_vec()]);
        let parent = entry.parent().filter(|_| entry.class != Class::Head);
        if let Some(parent) = parent {
            self.attribute("parentGUID", vec![parent.to_wire().to_vec()]);
        }
    }

    fn finish(mut self) -> Option<Vec<Event>> {
        self.events.push(Event::EntryEnd);
        self.any.then_some(self.events)
    }
}
