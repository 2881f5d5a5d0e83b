//! A domain in memory, and an agent that reads it: every request goes the way of a real agent's, without a
//! network.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

use lockstep_api::channel::{
    Action, Begin, ControllerIdentity, Finish, Found, Instruction, LinkTarget, Links, ObjectUpdate,
    Objects, Offer, Offered, Opening, Outcome, PageEnd, Presence, ReadChanges, ReadSet, ResolveBy,
    Resolved, SchemaAttribute, Verdict, WireAttributes, WireValue,
};
use lockstep_model::ids::AgentId;
use lockstep_model::{Guid, Value};
use lockstep_server::agents;
use lockstep_server::import::ImportError;
use lockstep_server::service::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The head of the domain.
pub(crate) const HEAD: Guid = Guid::from_bytes([1; 16]);
const SUFFIX: &str = "DC=corp,DC=test";

/// The agent of the domain.
pub(crate) const AGENT: AgentId = AgentId::new(Guid::from_bytes([2; 16]));

/// An object of the domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    class: &'static str,
    parent: Guid,
    rdn: String,
    attributes: BTreeMap<&'static str, String>,
    pub(crate) members: BTreeSet<Guid>,
    pub(crate) deleted: bool,
    changed: u64,
    /// The account must not see it.
    pub(crate) hidden: bool,
}

/// A domain, as one controller has it.
#[derive(Debug)]
pub(crate) struct Domain {
    entries: BTreeMap<Guid, Entry>,
    usn: u64,
    /// What the agent answers instead of reading: code and message.
    pub(crate) failure: Option<(&'static str, &'static str)>,
    /// What the agent answers instead of reading passwords.
    pub(crate) passwords_fail: Option<(&'static str, &'static str)>,
    /// How many objects the agent sends before the connection breaks.
    pub(crate) breaks_after: Option<usize>,
    /// The account must not see deleted objects.
    pub(crate) hides_tombstones: bool,
    /// How many times everything was read.
    pub(crate) full_readings: u32,
}

impl Domain {
    pub(crate) fn new() -> Self {
        let mut domain = Self {
            entries: BTreeMap::new(),
            usn: 1,
            failure: None,
            passwords_fail: None,
            breaks_after: None,
            hides_tombstones: false,
            full_readings: 0,
        };
        let head = Entry {
            class: "domainDNS",
            parent: HEAD,
            rdn: "DC=corp".to_owned(),
            ..Entry::default()
        };
        domain.put(HEAD, head);
        domain
    }

    fn put(&mut self, guid: Guid, entry: Entry) {
        self.usn += 1;
        let changed = self.usn;
        self.entries.insert(guid, Entry { changed, ..entry });
    }

    fn add(&mut self, class: &'static str, name: &str, parent: Guid) -> Guid {
        let mut bytes = [9; 16];
        bytes[..8].copy_from_slice(&(self.usn + 1).to_be_bytes());
        let guid = Guid::from_bytes(bytes);
        let step = if class == "organizationalUnit" {
            "OU"
        } else {
            "CN"
        };
        let mut attributes = BTreeMap::from([("cn", name.to_owned())]);
        if class != "organizationalUnit" {
            attributes.insert("sAMAccountName", name.to_owned());
            attributes.insert("displayName", name.to_owned());
        }
        if class == "group" {
            attributes.insert("groupType", "-2147483646".to_owned());
        }
        let entry = Entry {
            class,
            parent,
            rdn: format!("{step}={name}"),
            attributes,
            ..Entry::default()
        };
        self.put(guid, entry);
        guid
    }

    pub(crate) fn ou(&mut self, name: &str) -> Guid {
        self.add("organizationalUnit", name, HEAD)
    }

    pub(crate) fn user(&mut self, name: &str, parent: Guid) -> Guid {
        let guid = self.add("user", name, parent);
        self.set(guid, "userPrincipalName", &format!("{name}@corp.test"));
        self.set(guid, "userAccountControl", "512");
        guid
    }

    pub(crate) fn group(&mut self, name: &str, members: &[Guid]) -> Guid {
        let guid = self.add("group", name, HEAD);
        self.change(guid, |entry| entry.members.extend(members));
        guid
    }

    /// Changes an object.
    pub(crate) fn change(&mut self, guid: Guid, change: impl FnOnce(&mut Entry)) {
        self.usn += 1;
        let entry = self.entries.get_mut(&guid).expect("the object is there");
        change(entry);
        entry.changed = self.usn;
    }

    pub(crate) fn set(&mut self, guid: Guid, attribute: &'static str, value: &str) {
        self.change(guid, |entry| {
            entry.attributes.insert(attribute, value.to_owned());
        });
    }

    pub(crate) fn clear(&mut self, guid: Guid, attribute: &'static str) {
        self.change(guid, |entry| {
            entry.attributes.remove(attribute);
        });
    }

    pub(crate) fn move_to(&mut self, guid: Guid, parent: Guid) {
        self.change(guid, |entry| entry.parent = parent);
    }

    pub(crate) fn delete(&mut self, guid: Guid) {
        for entry in self.entries.values_mut() {
            entry.members.remove(&guid);
        }
        self.change(guid, |entry| entry.deleted = true);
    }

    /// The account must not see an object any more, or may again; no change tells of it.
    pub(crate) fn hide(&mut self, guid: Guid, hidden: bool) {
        self.entries
            .get_mut(&guid)
            .expect("the object is there")
            .hidden = hidden;
    }

    /// An object is gone without a tombstone, as if it had never been: collected, or set back.
    pub(crate) fn forget(&mut self, guid: Guid) {
        self.entries.remove(&guid);
    }

    /// objectGUID of an object, by account name.
    pub(crate) fn guid_of(&self, account: &str) -> Guid {
        let named = |entry: &Entry| {
            entry
                .attributes
                .get("sAMAccountName")
                .is_some_and(|a| a == account)
        };
        let found = self.entries.iter().find(|(_, entry)| named(entry));
        *found.expect("there is one").0
    }

    fn dn(&self, guid: Guid) -> String {
        match self.entries.get(&guid) {
            Some(entry) if guid != HEAD => format!("{},{}", entry.rdn, self.dn(entry.parent)),
            _ => SUFFIX.to_owned(),
        }
    }
}

/// The agent's side: it carries out what it is told, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) service: Arc<Service>,
    pub(crate) domain: Arc<Mutex<Domain>>,
}

/// Why an instruction was not carried out.
enum Stop {
    Failed(Outcome),
    /// The connection is gone: the service hears no more of it.
    Broken,
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Failed(match error {
            ImportError::Refused(problem) => Outcome::Failed {
                code: problem.code,
                message: problem.title,
                remedy: problem.remedy.unwrap_or_default(),
            },
            ImportError::Store(error) => panic!("{error}"),
        })
    }
}

impl Reader {
    fn domain(&self) -> MutexGuard<'_, Domain> {
        self.domain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn run(&self) -> ! {
        let mut listener = self.service.instructions.listen();
        loop {
            let next = agents::next_instruction(&self.service, AGENT, "run").await;
            match next.unwrap() {
                Some(body) => self.carry_out(serde_json::from_str(&body).unwrap()).await,
                None => {
                    listener.wait(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn carry_out(&self, instruction: Instruction) {
        let is_about_passwords = matches!(instruction.action, Action::ReadCredentials(_));
        let failure = {
            let domain = self.domain();
            let passwords = domain.passwords_fail.filter(|_| is_about_passwords);
            domain.failure.or(passwords)
        };
        let done = match (failure, &instruction.action) {
            (Some((code, message)), _) => Err(Stop::Failed(Outcome::Failed {
                code: code.to_owned(),
                message: message.to_owned(),
                remedy: "put it right".to_owned(),
            })),
            (None, Action::ReadChanges(order)) => self.read_changes(&instruction, order).await,
            (None, Action::Resolve(order)) if order.by == ResolveBy::Dn => {
                Ok(self.find(|_, dn| dn.eq_ignore_ascii_case(&order.value)))
            }
            (None, Action::Resolve(_)) => Ok(self.find(|_, _| false)),
            (None, Action::ListOrganizationalUnits) => {
                Ok(self.find(|class, _| class == "organizationalUnit"))
            }
            (None, Action::ListGroups) => Ok(self.find(|class, _| class == "group")),
            (None, Action::ReadSchema) => Ok(Outcome::Schema {
                attributes: ["department", "displayName", "title"]
                    .map(|name| SchemaAttribute {
                        name: name.to_owned(),
                        single: true,
                        ..SchemaAttribute::default()
                    })
                    .to_vec(),
            }),
            (None, _) => Ok(Outcome::Done),
        };
        let outcome = match done {
            Ok(outcome) | Err(Stop::Failed(outcome)) => outcome,
            Err(Stop::Broken) => return,
        };
        let finish = Finish {
            lease: instruction.lease,
            outcome,
        };
        let _ = agents::finish(&self.service, sender(&instruction), finish).await;
    }

    fn find(&self, wanted: impl Fn(&str, &str) -> bool) -> Outcome {
        let domain = self.domain();
        let visible = domain
            .entries
            .iter()
            .filter(|(_, e)| !e.deleted && !e.hidden);
        let objects = visible.map(|(guid, entry)| Resolved {
            guid: *guid,
            dn: domain.dn(*guid),
            class: entry.class.to_owned(),
        });
        Outcome::Resolved {
            objects: objects.filter(|o| wanted(&o.class, &o.dn)).collect(),
        }
    }

    async fn read_changes(
        &self,
        instruction: &Instruction,
        order: &ReadChanges,
    ) -> Result<Outcome, Stop> {
        let sees = |guid: &Guid| {
            let domain = self.domain();
            domain
                .entries
                .get(guid)
                .is_some_and(|e| !e.deleted && !e.hidden)
        };
        if let Some(missing) = order.must_exist.iter().find(|guid| !sees(guid)) {
            return Err(Stop::Failed(Outcome::Failed {
                code: "ScopeObjectNotFound".to_owned(),
                message: format!("nothing is found under {missing}"),
                remedy: "restore it".to_owned(),
            }));
        }
        let usn = self.domain().usn;
        let begin = Begin {
            hides_values: false,
            lease: instruction.lease,
            controller: ControllerIdentity {
                dns_name: "dc1.corp.test".to_owned(),
                naming_context: HEAD,
                domain_sid: "S-1-5-21-1-2-3".parse().unwrap(),
                invocation_id: Guid::from_bytes([3; 16]),
                highest_usn: usn,
            },
            clock: None,
            canary: None,
            tombstones_visible: !self.domain().hides_tombstones,
            tombstone_lifetime_days: 180,
            netbios_name: "CORP".to_owned(),
            forest: "corp.test".to_owned(),
            absent_attributes: Vec::new(),
        };
        let answer = agents::begin(&self.service, sender(instruction), begin).await?;
        let before = match answer.opening {
            Opening::FromCookie => order.cookie.clone(),
            Opening::Resume(cookie) => Some(cookie),
            Opening::Everything => None,
        };
        let from: u64 = before
            .as_deref()
            .map_or(0, |cookie| cookie.parse().unwrap());
        self.domain().full_readings += u32::from(before.is_none());
        self.deliver(instruction, &order.read_set, self.changed_since(from))
            .await?;
        let mut page = PageEnd {
            settled: Vec::new(),
            lease: instruction.lease,
            read_set: order.read_set.version,
            cookie_before: before,
            cookie: Some(usn.to_string()),
            more: false,
            found: Vec::new(),
            canary: None,
            highest_usn: Some(usn),
        };
        loop {
            let answer = agents::page(&self.service, sender(instruction), page.clone()).await?;
            if answer.read.is_empty() {
                return Ok(Outcome::Done);
            }
            page.found = answer.read.iter().map(|guid| self.found(*guid)).collect();
            (page.cookie_before, page.cookie) = (None, None);
            let alive = page.found.iter().filter(|f| f.presence == Presence::Alive);
            let alive = alive.map(|found| found.guid).collect();
            self.deliver(instruction, &order.read_set, alive).await?;
        }
    }

    fn found(&self, guid: Guid) -> Found {
        let presence = match self.domain().entries.get(&guid) {
            Some(entry) if entry.hidden => Presence::Silent,
            Some(entry) if entry.deleted => Presence::Tombstone,
            Some(_) => Presence::Alive,
            None => Presence::Silent,
        };
        Found { guid, presence }
    }

    /// What changed, containers first.
    fn changed_since(&self, from: u64) -> Vec<Guid> {
        let domain = self.domain();
        let changed = domain.entries.iter();
        let changed = changed.filter(|(_, entry)| entry.changed > from && !entry.hidden);
        // A reading of everything brings no tombstones.
        let mut changed: Vec<(bool, u64, Guid)> = changed
            .filter(|(_, entry)| from > 0 || !entry.deleted)
            .map(|(guid, e)| (e.class == "user" || e.class == "group", e.changed, *guid))
            .collect();
        changed.sort_unstable();
        changed.into_iter().map(|(_, _, guid)| guid).collect()
    }

    /// Offers objects, and sends what of them is wanted.
    async fn deliver(
        &self,
        instruction: &Instruction,
        read_set: &ReadSet,
        mut guids: Vec<Guid>,
    ) -> Result<(), Stop> {
        let breaks = self.domain().breaks_after.take();
        guids.truncate(breaks.unwrap_or(usize::MAX));
        for chunk in guids.chunks(200) {
            let offered: Vec<Offered> =
                chunk.iter().map(|guid| self.offered(*guid, None)).collect();
            let mut verdicts = self.offer(instruction, offered).await?;
            let undecided = chunk.iter().zip(&verdicts);
            let undecided: Vec<Offered> = undecided
                .filter(|(_, verdict)| **verdict == Verdict::Decide)
                .map(|(guid, _)| self.offered(*guid, Some(read_set)))
                .collect();
            if !undecided.is_empty() {
                let mut decided = self.offer(instruction, undecided).await?.into_iter();
                for verdict in verdicts.iter_mut().filter(|v| **v == Verdict::Decide) {
                    *verdict = decided.next().unwrap();
                }
            }
            let wanted = chunk.iter().zip(verdicts);
            let objects: Vec<ObjectUpdate> = wanted
                .filter_map(|(guid, verdict)| self.update(*guid, verdict, read_set))
                .collect();
            let objects = Objects {
                lease: instruction.lease,
                objects,
            };
            agents::objects(&self.service, sender(instruction), objects).await?;
        }
        if breaks.is_some() {
            Err(Stop::Broken)
        } else {
            Ok(())
        }
    }

    async fn offer(
        &self,
        instruction: &Instruction,
        objects: Vec<Offered>,
    ) -> Result<Vec<Verdict>, Stop> {
        let offer = Offer {
            lease: instruction.lease,
            objects,
        };
        let answer = agents::offer(&self.service, sender(instruction), offer).await?;
        Ok(answer.verdicts)
    }

    fn offered(&self, guid: Guid, decision: Option<&ReadSet>) -> Offered {
        let domain = self.domain();
        let entry = &domain.entries[&guid];
        if entry.deleted {
            return Offered {
                guid,
                deleted: true,
                ..Offered::default()
            };
        }
        Offered {
            guid,
            class: Some(entry.class.to_owned()),
            parent: (guid != HEAD).then_some(entry.parent),
            whole: true,
            decision: decision.map(|read_set| attributes(entry, &read_set.decision)),
            ..Offered::default()
        }
    }

    fn update(&self, guid: Guid, verdict: Verdict, read_set: &ReadSet) -> Option<ObjectUpdate> {
        let domain = self.domain();
        let entry = &domain.entries[&guid];
        let rdn = Some(entry.rdn.clone());
        match verdict {
            Verdict::Stay | Verdict::Decide => None,
            Verdict::Name => Some(ObjectUpdate {
                guid,
                rdn,
                ..ObjectUpdate::default()
            }),
            Verdict::Want => {
                let members = entry.members.iter().map(|guid| LinkTarget {
                    guid: *guid,
                    foreign_sid: None,
                });
                let members = Links {
                    attribute: "member".to_owned(),
                    replace: true,
                    added: members.collect(),
                    ..Links::default()
                };
                Some(ObjectUpdate {
                    guid,
                    rdn,
                    whole: true,
                    reading: 1,
                    attributes: attributes(entry, &read_set.attributes),
                    links: if entry.class == "group" {
                        vec![members]
                    } else {
                        Vec::new()
                    },
                    ..ObjectUpdate::default()
                })
            }
        }
    }
}

fn attributes(entry: &Entry, asked: &[String]) -> WireAttributes {
    let asked = |name: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name));
    let values = entry.attributes.iter().filter(|(name, _)| asked(name));
    values
        .map(|(name, value)| {
            (
                (*name).to_owned(),
                vec![WireValue(Value::from(value.as_str()))],
            )
        })
        .collect()
}

/// Nothing is on its way twice here, so requests need no numbers.
fn sender(instruction: &Instruction) -> agents::Sender {
    agents::Sender {
        agent: AGENT,
        instruction: instruction.id,
        number: 0,
        open: Vec::new(),
    }
}
