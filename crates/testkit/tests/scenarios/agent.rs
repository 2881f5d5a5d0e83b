//! A simulated agent: it answers instructions from a drawn domain, in the order of the real one and with its
//! reader, and nothing ever gets lost.

use crate::domain::{Class, Domain};
use crate::line::{Line, Requests};
use lockstep_ad_proto::ldap::Event;
use lockstep_agent::reader::Wanted;
use lockstep_agent::reader::entry::{EntryReader, InPlace, ReadEntry, Reading};
use lockstep_api::channel::{
    Action, Begin, Canary, ControllerIdentity, Finish, Found, Instruction, Links, ObjectUpdate,
    Objects, Offer, Offered, Opening, Outcome, PageAnswer, PageEnd, Presence, ReadChanges, ReadSet,
    Resolve, ResolveBy, Resolved, SchemaAttribute, ScopeHint, Verdict, WireAttributes,
};
use lockstep_engine::mapping::{Mapping, REFERENCES};
use lockstep_model::{Dn, Guid};
use lockstep_server::import::ImportError;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the schema of every drawn domain has, besides what the default mapping reads.
const SCHEMA: [&str; 10] = [
    "objectGUID",
    "objectSid",
    "distinguishedName",
    "cn",
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "groupType",
    "employeeType",
    "carLicense",
];
/// Attributes that domain controllers do not report.
const SILENT: [&str; 2] = ["lastLogon", "badPwdCount"];
/// Attributes that are made when they are read.
const CONSTRUCTED: &str = "msDS-User-Account-Control-Computed";
/// Attributes whose values are those of other objects.
const BACK_LINK: &str = "memberOf";

/// Why an instruction ended early.
pub(crate) enum Failure {
    Domain { code: &'static str, message: String },
    Channel(ImportError),
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::Channel(error)
    }
}

/// Works off what the service asks of a domain's agent, for ever.
pub(crate) async fn serve(line: Line, domain: Rc<RefCell<Domain>>) {
    loop {
        let instruction = line.instruction().await;
        let reader = Reader {
            requests: Requests {
                line: &line,
                id: instruction.id,
                made: Cell::new(0),
            },
            domain: &domain,
            instruction: &instruction,
        };
        reader.carry_out().await;
    }
}

struct Reader<'a> {
    requests: Requests<'a>,
    domain: &'a Rc<RefCell<Domain>>,
    instruction: &'a Instruction,
}

impl Reader<'_> {
    async fn carry_out(&self) {
        let failed = |code: &str, message: String| Outcome::Failed {
            code: code.to_owned(),
            message,
            remedy: String::new(),
        };
        let outcome = match self.work(&self.instruction.action).await {
            Ok(outcome) => outcome,
            Err(Failure::Domain { code, message }) => failed(code, message),
            Err(Failure::Channel(ImportError::Refused(problem))) => {
                failed(&problem.code, problem.title)
            }
            Err(Failure::Channel(ImportError::Store(error))) => panic!("{error}"),
        };
        let finish = Finish {
            lease: self.instruction.lease,
            outcome,
        };
        // An instruction that was taken back has no use for its outcome.
        let _ = self.requests.finish(finish).await;
    }

    async fn work(&self, action: &Action) -> Result<Outcome, Failure> {
        match action {
            Action::ReadChanges(order) => self.read_changes(order).await,
            Action::ReadObjects(order) => {
                let run = Run::new(self, &order.read_set, InPlace::Unknown, usize::MAX, 5_000);
                let found = run.read_by_guid(&order.guids).await?;
                run.page(found, None).await?;
                Ok(Outcome::Done)
            }
            Action::ListOrganizationalUnits => {
                Ok(self.find(|_, entry_class| entry_class.is_container()))
            }
            Action::ListGroups => Ok(self.find(|_, entry_class| entry_class == Class::Group)),
            Action::ReadSchema => Ok(Outcome::Schema {
                attributes: schema(&self.domain.borrow()),
            }),
            // Nobody in a drawn domain has a password.
            Action::ReadCredentials(_) | Action::TestConnection => Ok(Outcome::Done),
            Action::Resolve(order) => Ok(self.resolve(order)),
        }
    }

    fn resolve(&self, order: &Resolve) -> Outcome {
        let sought = order.value.as_str();
        match order.by {
            ResolveBy::Dn => {
                let dn: Option<Dn> = sought.parse().ok();
                self.find(|found, _| {
                    let found: Option<Dn> = found.dn.parse().ok();
                    found.zip(dn.as_ref()).is_some_and(|(a, b)| a.same_as(b))
                })
            }
            ResolveBy::Guid => self.find(|found, _| found.guid.to_string() == sought),
            ResolveBy::Name => self.find(|found, _| {
                let domain = self.domain.borrow();
                let entry = domain.entries.get(&found.guid);
                let names = ["samaccountname", "userprincipalname", "mail"];
                let is = |name: &&str| {
                    entry
                        .and_then(|e| e.text(name))
                        .is_some_and(|v| v.eq_ignore_ascii_case(sought))
                };
                names.iter().any(is)
            }),
        }
    }

    fn find(&self, wanted: impl Fn(&Resolved, Class) -> bool) -> Outcome {
        let domain = self.domain.borrow();
        let live = domain.entries.values().filter(|entry| !entry.is_deleted());
        let objects = live.filter_map(|entry| {
            let classes = entry.class.object_classes();
            let found = Resolved {
                guid: entry.guid,
                dn: domain.dn_of(entry).to_string(),
                class: (*classes.last()?).to_owned(),
            };
            wanted(&found, entry.class).then_some(found)
        });
        Outcome::Resolved {
            objects: objects.collect(),
        }
    }

    async fn read_changes(&self, order: &ReadChanges) -> Result<Outcome, Failure> {
        self.name_of_all(&order.must_exist)?;
        let place = match &order.scope {
            ScopeHint::Everything => InPlace::Everything,
            ScopeHint::Unknown => InPlace::Unknown,
            ScopeHint::Below { roots, excluded } => InPlace::Below {
                roots: self.name_of_all(roots)?,
                excluded: self.name_of_all(excluded)?,
            },
        };
        let begin = self.describe();
        let answer = self.requests.begin(begin).await?;
        let run = Run::new(self, &order.read_set, place, order.batch, order.link_batch);
        let cookie = match answer.opening {
            Opening::FromCookie => order.cookie.clone(),
            Opening::Resume(cookie) => Some(cookie),
            Opening::Everything => {
                let containers = self.domain.borrow().containers();
                run.deliver_all(&containers, Reading::Changes).await?;
                None
            }
        };
        run.read(cookie).await?;
        Ok(Outcome::Done)
    }

    fn name_of_all(&self, guids: &[Guid]) -> Result<Vec<Dn>, Failure> {
        let domain = self.domain.borrow();
        let name = |guid: &Guid| {
            let entry = domain.entries.get(guid).filter(|entry| !entry.is_deleted());
            entry
                .map(|entry| domain.dn_of(entry))
                .ok_or_else(|| Failure::Domain {
                    code: "ScopeObjectNotFound",
                    message: format!("nothing is found under {guid}"),
                })
        };
        guids.iter().map(name).collect()
    }

    fn describe(&self) -> Begin {
        let domain = self.domain.borrow();
        let label = domain.name.split('.').next().unwrap_or_default();
        Begin {
            lease: self.instruction.lease,
            controller: ControllerIdentity {
                dns_name: format!("dc1.{}", domain.name),
                naming_context: domain.head,
                domain_sid: domain.sid.clone(),
                invocation_id: domain.head,
                highest_usn: domain.usn,
            },
            clock: None,
            canary: Some(Canary {
                guid: domain.head,
                usn_changed: 1,
            }),
            tombstones_visible: true,
            hides_values: false,
            tombstone_lifetime_days: 60,
            netbios_name: label.to_uppercase(),
            forest: domain.name.clone(),
            absent_attributes: Vec::new(),
        }
    }
}

fn schema(domain: &Domain) -> Vec<SchemaAttribute> {
    let mapping = Mapping::standard();
    let mut names: BTreeSet<String> = mapping
        .sources()
        .into_iter()
        .map(|name| name.to_string())
        .collect();
    let others = ["whenChanged", CONSTRUCTED, BACK_LINK];
    let fixed = SCHEMA.into_iter().chain(SILENT).chain(others);
    names.extend(fixed.map(str::to_owned));
    names.extend(domain.schema.iter().cloned());
    let described = names.into_iter().map(|name| SchemaAttribute {
        not_replicated: SILENT.contains(&name.as_str()),
        constructed: name == CONSTRUCTED,
        back_link: name == BACK_LINK,
        name,
        ..SchemaAttribute::default()
    });
    let references = REFERENCES.iter().map(|reference| SchemaAttribute {
        name: reference.spelled.to_owned(),
        reference: true,
        ..SchemaAttribute::default()
    });
    described.chain(references).collect()
}

/// One reading.
struct Run<'a> {
    reader: &'a Reader<'a>,
    wanted: Wanted,
    asked: BTreeSet<String>,
    read_set: u64,
    place: InPlace,
    batch: usize,
    link_batch: usize,
    readings: Cell<u32>,
}

impl<'a> Run<'a> {
    fn new(
        reader: &'a Reader<'a>,
        read_set: &ReadSet,
        place: InPlace,
        batch: usize,
        link_batch: usize,
    ) -> Self {
        let lists = [&read_set.attributes, &read_set.decision, &read_set.links];
        let asked = lists.into_iter().flatten();
        Self {
            reader,
            wanted: Wanted::new(read_set, &BTreeSet::new()),
            asked: asked.map(|name| name.to_ascii_lowercase()).collect(),
            read_set: read_set.version,
            place,
            batch: batch.max(1),
            link_batch: link_batch.max(1),
            readings: Cell::new(0),
        }
    }

    /// Reads what changed, in one page.
    async fn read(&self, cookie: Option<String>) -> Result<(), Failure> {
        let since = cookie.as_deref().and_then(|cookie| cookie.parse().ok());
        let (entries, usn) = {
            let domain = self.reader.domain.borrow();
            (domain.changes(since.unwrap_or(0), &self.asked), domain.usn)
        };
        self.deliver_all(&entries, Reading::Changes).await?;
        let mut missing = self.page(Vec::new(), Some((cookie, usn))).await?.read;
        while !missing.is_empty() {
            let found = self.read_by_guid(&missing).await?;
            missing = self.page(found, None).await?.read;
        }
        Ok(())
    }

    async fn page(
        &self,
        found: Vec<Found>,
        read: Option<(Option<String>, u64)>,
    ) -> Result<PageAnswer, Failure> {
        let head = self.reader.domain.borrow().head;
        let (cookie_before, usn) = read.map_or((None, None), |(before, usn)| (before, Some(usn)));
        let page = PageEnd {
            lease: self.reader.instruction.lease,
            read_set: self.read_set,
            cookie_before,
            cookie: usn.map(|usn| usn.to_string()),
            more: false,
            found,
            settled: Vec::new(),
            canary: usn.map(|_| Canary {
                guid: head,
                usn_changed: 1,
            }),
            highest_usn: usn,
        };
        self.reader.requests.page(page).await
    }

    async fn read_by_guid(&self, guids: &[Guid]) -> Result<Vec<Found>, Failure> {
        let mut found = Vec::new();
        let mut alive = Vec::new();
        for guid in guids {
            let events = self.reader.domain.borrow().by_guid(*guid, &self.asked);
            let entry = events.and_then(|events| self.assemble(&events, Reading::ByGuid));
            let presence = match &entry {
                None => Presence::Silent,
                Some(entry) if entry.offered.deleted => Presence::Tombstone,
                Some(_) => Presence::Alive,
            };
            found.push(Found {
                guid: *guid,
                presence,
            });
            alive.extend(entry.filter(|entry| !entry.offered.deleted));
        }
        while !alive.is_empty() {
            let rest = alive.split_off(alive.len().min(self.batch));
            self.deliver(std::mem::replace(&mut alive, rest)).await?;
        }
        Ok(found)
    }

    async fn deliver_all(&self, entries: &[Vec<Event>], reading: Reading) -> Result<(), Failure> {
        for batch in entries.chunks(self.batch) {
            let batch = batch.iter();
            let batch = batch.filter_map(|events| self.assemble(events, reading));
            self.deliver(batch.collect()).await?;
        }
        Ok(())
    }

    /// What the real agent makes of an entry, if it makes something of it.
    fn assemble(&self, events: &[Event], reading: Reading) -> Option<ReadEntry> {
        let mut reader = EntryReader::new(&self.wanted, &self.place, reading);
        let assembled = events.iter().find_map(|event| {
            let taken = reader.take(event.clone());
            taken.expect("the entries of a drawn domain are whole")
        });
        assembled.map(|assembled| assembled.entry)
    }

    /// Offers a batch, and sends what of it is wanted.
    async fn deliver(&self, batch: Vec<ReadEntry>) -> Result<(), Failure> {
        let offered = batch.iter().map(|entry| entry.offered.clone()).collect();
        let verdicts = self.offer(offered).await?;
        let (mut sending, mut undecided) = (Vec::new(), Vec::new());
        for (entry, verdict) in batch.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Decide => undecided.push(entry),
                verdict => sending.push((entry, verdict)),
            }
        }
        if !undecided.is_empty() {
            let offered = undecided.iter().map(ReadEntry::offered_with_decision);
            let verdicts = self.offer(offered.collect()).await?;
            sending.extend(undecided.into_iter().zip(verdicts));
        }
        let mut objects = Vec::new();
        for (entry, verdict) in sending {
            match verdict {
                Verdict::Want => objects.extend(self.updates(entry)),
                Verdict::Name => objects.push(ObjectUpdate {
                    guid: entry.offered.guid,
                    rdn: entry.rdn,
                    ..ObjectUpdate::default()
                }),
                Verdict::Stay | Verdict::Decide => {}
            }
        }
        self.send(objects).await
    }

    async fn offer(&self, objects: Vec<Offered>) -> Result<Vec<Verdict>, Failure> {
        let lease = self.reader.instruction.lease;
        let offer = Offer { lease, objects };
        Ok(self.reader.requests.offer(offer).await?.verdicts)
    }

    /// Sends objects; each slice of links travels alone.
    async fn send(&self, objects: Vec<ObjectUpdate>) -> Result<(), Failure> {
        let lease = self.reader.instruction.lease;
        let mut waiting = objects.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut objects = Vec::new();
            while let Some(next) = waiting.next_if(|next| objects.is_empty() || !next.partial) {
                let alone = next.partial;
                objects.push(next);
                if alone {
                    break;
                }
            }
            let Reader { requests, .. } = self.reader;
            requests.objects(Objects { lease, objects }).await?;
        }
        Ok(())
    }

    /// The updates that tell one object: added links beyond the limit in slices of their own, before the last.
    fn updates(&self, entry: ReadEntry) -> Vec<ObjectUpdate> {
        let ReadEntry {
            offered,
            rdn,
            attributes,
            links,
            ..
        } = entry;
        self.readings.set(self.readings.get() + 1);
        let update = |partial, attributes: WireAttributes, links: Vec<Links>| ObjectUpdate {
            guid: offered.guid,
            rdn: rdn.clone(),
            whole: offered.whole,
            partial,
            reading: self.readings.get(),
            attributes,
            links,
        };
        let (mut slices, mut last) = (Vec::new(), Vec::new());
        for values in links {
            let (mut added, removed) = (values.added, values.removed);
            let frame = Links {
                attribute: values.attribute,
                replace: values.replace,
                ..Links::default()
            };
            while added.len() > self.link_batch {
                let rest = added.split_off(self.link_batch);
                let added = std::mem::replace(&mut added, rest);
                let slice = Links {
                    added,
                    ..frame.clone()
                };
                slices.push(update(true, WireAttributes::new(), vec![slice]));
            }
            last.push(Links {
                added,
                removed,
                ..frame
            });
        }
        slices.push(update(false, attributes, last));
        slices
    }
}
