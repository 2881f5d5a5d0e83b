//! A domain as a scenario draws it: objects, their attributes and links, with the number of each change.
//!
//! Nothing goes wrong here and there is one controller; what happens when things do go wrong is played in the
//! simulation next door.

use lockstep_model::{Dn, Guid, Rdn, Sid};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What lies in every domain, by its name below the head.
const FOUNDED: [(&str, Class); 4] = [
    ("CN=Users", Class::Container),
    ("CN=ForeignSecurityPrincipals", Class::Container),
    ("CN=Deleted Objects", Class::Container),
    ("CN=Domain Users,CN=Users", Class::Group),
];
/// The relative identifier of the group of all users.
const DOMAIN_USERS: u32 = 513;
/// Attributes that name other objects, and how many they name.
pub(crate) const LINKS: [(&str, Many); 6] = [
    ("manager", Many::One),
    ("managedby", Many::One),
    ("assistant", Many::One),
    ("member", Many::Any),
    ("authorig", Many::Any),
    ("publicdelegates", Many::Any),
];

/// How many objects a link attribute names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Many {
    One,
    Any,
}

/// What an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    Head,
    Unit,
    Container,
    User,
    InetOrgPerson,
    Computer,
    Group,
    Contact,
    Foreign,
    /// What an object leaves behind that moves to another domain.
    Proxy,
}

impl Class {
    /// The class for a word of a scenario. Security groups and distribution lists are the same class.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "ou" => Self::Unit,
            "container" => Self::Container,
            "user" => Self::User,
            "inetOrgPerson" => Self::InetOrgPerson,
            "computer" => Self::Computer,
            "group" | "list" => Self::Group,
            "contact" => Self::Contact,
            _ => return None,
        })
    }

    /// The values of objectClass.
    pub(crate) const fn object_classes(self) -> &'static [&'static str] {
        match self {
            Self::Head => &["top", "domain", "domainDNS"],
            Self::Unit => &["top", "organizationalUnit"],
            Self::Container => &["top", "container"],
            Self::User => &["top", "person", "organizationalPerson", "user"],
            Self::InetOrgPerson => &[
                "top",
                "person",
                "organizationalPerson",
                "user",
                "inetOrgPerson",
            ],
            Self::Computer => &["top", "person", "organizationalPerson", "user", "computer"],
            Self::Group => &["top", "group"],
            Self::Contact => &["top", "person", "organizationalPerson", "contact"],
            Self::Foreign => &["top", "foreignSecurityPrincipal"],
            Self::Proxy => &["top", "infrastructureUpdate"],
        }
    }

    pub(crate) const fn is_person(self) -> bool {
        matches!(self, Self::User | Self::InetOrgPerson)
    }

    pub(crate) const fn is_container(self) -> bool {
        matches!(self, Self::Head | Self::Unit | Self::Container)
    }

    const fn has_sid(self) -> bool {
        matches!(
            self,
            Self::User | Self::InetOrgPerson | Self::Computer | Self::Group
        )
    }
}

/// In which attribute a proxy names whom it stands for.
pub(crate) const PROXIED: &str = "proxiedobjectname";

/// A value, and the number of the change that set it.
pub(crate) type Numbered<T> = (u64, T);

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) guid: Guid,
    pub(crate) class: Class,
    pub(crate) step: Rdn,
    pub(crate) parent: Option<Guid>,
    pub(crate) sid: Option<Sid>,
    pub(crate) created: u64,
    pub(crate) placed: u64,
    /// Whether it is deleted, once it was.
    pub(crate) deleted: Option<Numbered<bool>>,
    /// By name in lower case; a cleared attribute is there without values.
    pub(crate) attributes: BTreeMap<String, Numbered<Vec<Vec<u8>>>>,
    /// Whether a target is linked by an attribute at present.
    pub(crate) links: BTreeMap<(&'static str, Guid), Numbered<bool>>,
    /// The number of its last change.
    pub(crate) changed: u64,
    /// The agent's account must not see it.
    pub(crate) hidden: bool,
}

impl Entry {
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.is_some_and(|(_, deleted)| deleted)
    }

    /// The first value of an attribute as text.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        let (_, values) = self.attributes.get(attribute)?;
        std::str::from_utf8(values.first()?).ok()
    }
}

/// One domain, and its controller.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) dn: Dn,
    pub(crate) sid: Sid,
    pub(crate) usn: u64,
    number: u8,
    next: u32,
    pub(crate) head: Guid,
    pub(crate) entries: BTreeMap<Guid, Entry>,
    children: HashMap<(Guid, String), Guid>,
    /// Attributes that an administrator added to the schema.
    pub(crate) schema: BTreeSet<String>,
}

impl Domain {
    /// An empty domain, the how-manieth of the scenario.
    pub(crate) fn new(name: &str, number: u8) -> Self {
        let sid = format!("S-1-5-21-{number}-22-33");
        let mut domain = Self {
            name: name.to_owned(),
            dn: Dn::of_domain(name),
            sid: sid.parse().expect("this is a SID"),
            usn: 0,
            number,
            next: 1_000,
            head: Guid::NIL,
            entries: BTreeMap::new(),
            children: HashMap::new(),
            schema: BTreeSet::new(),
        };
        let step = domain.dn.steps().first().cloned();
        let step = step.expect("a domain has a name");
        domain.head = domain.insert(Class::Head, step, None, None);
        for (name, class) in FOUNDED {
            let made = domain.create(class, name, None);
            let guid = made.expect("what every domain has can be made");
            domain.set(guid, "isCriticalSystemObject", vec![b"TRUE".to_vec()]);
            if class == Class::Group
                && let Some(entry) = domain.entries.get_mut(&guid)
            {
                entry.sid = Some(domain.sid.with_rid(DOMAIN_USERS));
            }
        }
        domain
    }

    fn next_guid(&mut self) -> Guid {
        self.next += 1;
        let mut bytes = [0; 16];
        // Spread, so that the order of GUIDs is not the order of creation.
        let spread = self.next.wrapping_mul(0x9e37_79b1);
        bytes[..4].copy_from_slice(&spread.to_be_bytes());
        bytes[7] = 0x40;
        bytes[8] = 0x80;
        bytes[11] = self.number;
        bytes[12..].copy_from_slice(&self.next.to_be_bytes());
        Guid::from_bytes(bytes)
    }

    fn change(&mut self) -> u64 {
        self.usn += 1;
        self.usn
    }

    fn insert(
        &mut self,
        class: Class,
        step: Rdn,
        parent: Option<Guid>,
        guid: Option<Guid>,
    ) -> Guid {
        let guid = guid.unwrap_or_else(|| self.next_guid());
        let usn = self.change();
        let sid = class.has_sid().then(|| self.sid.with_rid(self.next));
        if let Some(parent) = parent {
            self.children.insert((parent, key(&step)), guid);
        }
        let entry = Entry {
            guid,
            class,
            step,
            parent,
            sid,
            created: usn,
            placed: usn,
            deleted: None,
            attributes: BTreeMap::new(),
            links: BTreeMap::new(),
            changed: usn,
            hidden: false,
        };
        self.entries.insert(guid, entry);
        guid
    }

    /// A distinguished name, given in full or below the domain's head.
    pub(crate) fn full(&self, name: &str) -> Result<Dn, String> {
        let dn: Dn = name.parse().map_err(|error| format!("{name}: {error}"))?;
        if dn.is_within(&self.dn) {
            return Ok(dn);
        }
        let steps = dn.steps().iter().chain(self.dn.steps()).cloned();
        Ok(Dn::new(steps.collect()))
    }

    /// The live object of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Guid, String> {
        let full = self.full(name)?;
        self.find_dn(&full)
            .ok_or_else(|| format!("there is no {full}"))
    }

    pub(crate) fn find_dn(&self, full: &Dn) -> Option<Guid> {
        let below = full.steps().len().checked_sub(self.dn.steps().len())?;
        let mut guid = self.head;
        for step in full.steps().get(..below)?.iter().rev() {
            guid = *self.children.get(&(guid, key(step)))?;
        }
        Some(guid)
    }

    /// Makes an object; what administrators' tools fill in is filled in.
    pub(crate) fn create(
        &mut self,
        class: Class,
        name: &str,
        guid: Option<Guid>,
    ) -> Result<Guid, String> {
        let full = self.full(name)?;
        if self.find_dn(&full).is_some() {
            return Err(format!("{full} is there already"));
        }
        let parent = full.parent().and_then(|parent| self.find_dn(&parent));
        let parent = parent.ok_or_else(|| format!("what {full} shall lie in is not there"))?;
        let step = full.steps().first().cloned();
        let step = step.ok_or_else(|| "a name has a first step".to_owned())?;
        let value = step.value.clone();
        let guid = self.insert(class, step, Some(parent), guid);
        let account: String = value.to_lowercase().split_whitespace().collect();
        let text = |value: &str| vec![value.as_bytes().to_vec()];
        if !class.is_container() {
            self.set(guid, "cn", text(&value));
        }
        if class.has_sid() {
            self.set(guid, "sAMAccountName", text(&account));
        }
        if class.is_person() {
            let upn = format!("{account}@{}", self.name);
            self.set(guid, "userPrincipalName", text(&upn));
            self.set(guid, "userAccountControl", text("512"));
            self.set(guid, "primaryGroupID", text(&DOMAIN_USERS.to_string()));
        }
        if class == Class::Group {
            self.set(guid, "groupType", text("-2147483646"));
        }
        Ok(guid)
    }

    /// Sets an attribute; without values it is cleared. What is as it was is no change.
    pub(crate) fn set(&mut self, guid: Guid, attribute: &str, values: Vec<Vec<u8>>) {
        let usn = self.usn + 1;
        let Some(entry) = self.entries.get_mut(&guid) else {
            return;
        };
        let name = attribute.to_ascii_lowercase();
        let before = entry.attributes.get(&name);
        let same = before.map_or(values.is_empty(), |(_, before)| *before == values);
        if !same {
            entry.attributes.insert(name, (usn, values));
            entry.changed = usn;
            self.usn = usn;
        }
    }

    /// Links an object to another, or not any more.
    pub(crate) fn link(
        &mut self,
        source: Guid,
        attribute: &'static str,
        target: Guid,
        linked: bool,
    ) {
        let single = LINKS.contains(&(attribute, Many::One));
        let usn = self.usn + 1;
        let Some(entry) = self.entries.get_mut(&source) else {
            return;
        };
        if single && linked {
            for ((name, other), value) in &mut entry.links {
                if *name == attribute && *other != target && value.1 {
                    *value = (usn, false);
                }
            }
        }
        entry.links.insert((attribute, target), (usn, linked));
        entry.changed = usn;
        self.usn = usn;
    }

    /// Whom an object links to by an attribute.
    pub(crate) fn linked(&self, source: Guid, attribute: &str) -> Vec<Guid> {
        let links = self.entries.get(&source).into_iter();
        links
            .flat_map(|entry| &entry.links)
            .filter(|((name, _), (_, linked))| *name == attribute && *linked)
            .map(|((_, target), _)| *target)
            .collect()
    }

    /// The object that stands here for a principal of another domain; it is made when it is needed.
    pub(crate) fn foreign(&mut self, sid: &Sid) -> Result<Guid, String> {
        let name = format!("CN={sid},CN=ForeignSecurityPrincipals");
        if let Ok(known) = self.find(&name) {
            return Ok(known);
        }
        let guid = self.create(Class::Foreign, &name, None)?;
        if let Some(entry) = self.entries.get_mut(&guid) {
            entry.sid = Some(sid.clone());
        }
        Ok(guid)
    }

    /// Gives an object another name, or another place.
    pub(crate) fn place(&mut self, guid: Guid, to: &Dn) -> Result<(), String> {
        let parent = to.parent().and_then(|parent| self.find_dn(&parent));
        let parent = parent.ok_or_else(|| format!("what {to} shall lie in is not there"))?;
        let step = to.steps().first().cloned();
        let step = step.ok_or_else(|| "a name has a first step".to_owned())?;
        let usn = self.change();
        let entry = self.entries.get_mut(&guid);
        let entry = entry.ok_or_else(|| "the object is not there".to_owned())?;
        if let Some(before) = entry.parent {
            self.children.remove(&(before, key(&entry.step)));
        }
        self.children.insert((parent, key(&step)), guid);
        entry.parent = Some(parent);
        let renamed = entry.step != step;
        let value = step.value.clone();
        entry.step = step;
        entry.placed = usn;
        entry.changed = usn;
        if renamed && !entry.class.is_container() {
            self.set(guid, "cn", vec![value.into_bytes()]);
        }
        Ok(())
    }

    /// Deletes an object with all that lies in it; every link from and to it goes unreported.
    pub(crate) fn delete(&mut self, guid: Guid) {
        let inside = self
            .entries
            .values()
            .filter(|e| e.parent == Some(guid) && !e.is_deleted());
        for child in inside.map(|entry| entry.guid).collect::<Vec<_>>() {
            self.delete(child);
        }
        let usn = self.change();
        if let Some(entry) = self.entries.get_mut(&guid) {
            if let Some(parent) = entry.parent {
                self.children.remove(&(parent, key(&entry.step)));
            }
            entry.deleted = Some((usn, true));
            entry.changed = usn;
            entry.links.clear();
        }
        for entry in self.entries.values_mut() {
            entry.links.retain(|(_, target), _| *target != guid);
        }
    }

    /// Moves an object to another domain: here nothing stays of it but a proxy, which is deleted at once. Who refers to
    /// it goes on to do so.
    pub(crate) fn leave(&mut self, guid: Guid) -> Result<(), String> {
        let entry = self.entries.remove(&guid);
        let entry = entry.ok_or_else(|| "the object is not there".to_owned())?;
        if let Some(parent) = entry.parent {
            self.children.remove(&(parent, key(&entry.step)));
        }
        let name = format!("CN=proxy {}", self.usn);
        let proxy = self.create(Class::Proxy, &name, None)?;
        let value = format!("B:16:0000000000000001:<GUID={guid}>;CN=Moved,DC=elsewhere,DC=test");
        self.set(proxy, PROXIED, vec![value.into_bytes()]);
        self.delete(proxy);
        Ok(())
    }

    /// Takes an object out of the agent's sight, or lets it be seen again. That is no change of the object.
    pub(crate) fn hide(&mut self, guid: Guid, hidden: bool) {
        if let Some(entry) = self.entries.get_mut(&guid) {
            entry.hidden = hidden;
        }
    }

    /// Brings a deleted object back, with the attributes that it had and without links.
    pub(crate) fn undelete(&mut self, name: &str) -> Result<(), String> {
        let full = self.full(name)?;
        let parent = full.parent().and_then(|parent| self.find_dn(&parent));
        let step = full.steps().first().map(key);
        let mut deleted = self.entries.values().filter(|entry| entry.is_deleted());
        let found = deleted.find(|e| e.parent == parent && Some(key(&e.step)) == step);
        let guid = found.map(|entry| entry.guid);
        let guid = guid.ok_or_else(|| format!("no {full} was deleted"))?;
        let usn = self.change();
        if let Some(entry) = self.entries.get_mut(&guid) {
            entry.deleted = Some((usn, false));
            entry.placed = usn;
            entry.changed = usn;
            if let Some(parent) = entry.parent {
                self.children.insert((parent, key(&entry.step)), guid);
            }
        }
        Ok(())
    }

    /// The distinguished name of an entry.
    pub(crate) fn dn_of(&self, entry: &Entry) -> Dn {
        let mut steps = Vec::new();
        let mut next = Some(entry);
        while let Some(entry) = next.filter(|entry| entry.guid != self.head) {
            steps.push(entry.step.clone());
            next = entry.parent.and_then(|guid| self.entries.get(&guid));
        }
        steps.extend(self.dn.steps().iter().cloned());
        Dn::new(steps)
    }
}

fn key(step: &Rdn) -> String {
    format!("{}={}", step.attribute, step.value).to_lowercase()
}
