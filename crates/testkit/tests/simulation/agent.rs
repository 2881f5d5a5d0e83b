//! A simulated agent: it reads the simulated domain and tells the service, in the same order and with the same
//! requests as the real one. What it makes of an entry the real one's reader makes.

mod passwords;
mod run;

use crate::directory::{Answer, Cookie, DOMAIN, SimulatedDirectory, TOMBSTONE_LIFETIME_DAYS};
use crate::network::{Refused, Reply, Request, Sender, turn};
use crate::random::Random;
use crate::truth::View;
use crate::world::Shared;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_ad_proto::ldap::Event;
use lockstep_agent::reader::Wanted;
use lockstep_agent::reader::entry::{EntryReader, InPlace, LinkValues, ReadEntry, Reading};
use lockstep_api::channel::{
    Action, Begin, BeginAnswer, Canary, ControllerIdentity, Doubt, Finish, Found, Instruction,
    KnownCanary, Links, ObjectUpdate, Objects, Offer, Offered, Opening, Outcome, PageAnswer,
    PageEnd, Presence, ReadChanges, ReadSet, Resolve, ResolveBy, Resolved, SchemaAttribute,
    ScopeHint, Settled, Verdict, WireAttributes,
};
use lockstep_api::problem::Problem;
use lockstep_model::ids::AgentId;
use lockstep_model::{Dn, Guid};
use run::Run;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

pub(crate) use passwords::credential_number;

/// In which portions an agent reads and sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Habits {
    /// Objects of an offer.
    pub(crate) batch: usize,
    /// Link values of a request.
    pub(crate) link_batch: usize,
    /// Objects read by GUID in one search.
    pub(crate) reads: usize,
    /// Batches under way beside one another.
    pub(crate) at_a_time: usize,
    /// In so many searches everything is read, where it would come as one page.
    pub(crate) slices: u32,
}

/// Why an instruction ended early.
enum Failure {
    Domain { code: &'static str, message: String },
    Channel(Refused),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Channel(refused)
    }
}

/// Carries out an instruction, and tells the service what came of it.
pub(crate) async fn carry_out(
    shared: Rc<Shared>,
    agent: AgentId,
    habits: Habits,
    instruction: Instruction,
) {
    let reader = Reader {
        sender: Sender {
            shared: Rc::clone(&shared),
            agent,
            instruction: instruction.id,
            requests: Rc::default(),
        },
        shared,
        lease: instruction.lease,
        habits,
        readings: Cell::new(0),
    };
    let outcome = match reader.work(&instruction.action).await {
        Ok(outcome) => outcome,
        Err(Failure::Domain { code, message }) => failed(code, message),
        Err(Failure::Channel(Refused::Problem(problem))) => refused(problem),
        Err(Failure::Channel(Refused::Superseded)) => return,
    };
    let finish = Finish {
        lease: instruction.lease,
        outcome,
    };
    // Whether it was still wanted makes no difference: the instruction is over.
    let _ = reader.sender.send(Request::Finish(finish)).await;
}

fn failed(code: &str, message: String) -> Outcome {
    Outcome::Failed {
        code: code.to_owned(),
        message,
        remedy: String::new(),
    }
}

fn refused(problem: Problem) -> Outcome {
    failed(&problem.code, problem.title)
}

/// A connection to one controller: it ends when the controller does.
#[derive(Clone, Copy, Debug)]
struct Connection {
    index: usize,
    starts: u32,
}

struct Reader {
    shared: Rc<Shared>,
    sender: Sender,
    lease: u64,
    habits: Habits,
    readings: Cell<u32>,
}

impl Reader {
    async fn work(&self, action: &Action) -> Result<Outcome, Failure> {
        match action {
            Action::ReadChanges(order) => {
                let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
                let connection = self.connect(preferred).await?;
                self.read_changes(connection, order).await?;
                Ok(Outcome::Done)
            }
            Action::ReadObjects(order) => {
                let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
                let connection = self.connect(preferred).await?;
                let wanted = Wanted::new(&order.read_set, &BTreeSet::new());
                let asked = asked(&order.read_set);
                let run = Run {
                    reader: self,
                    connection,
                    wanted: &wanted,
                    asked: &asked,
                    place: &InPlace::Unknown,
                    eager: false,
                };
                let found = run.read_by_guid(&order.guids).await?;
                self.page(self.found_page(order.read_set.version, found))
                    .await?;
                Ok(Outcome::Done)
            }
            Action::ListOrganizationalUnits => {
                self.find(|_, class| matches!(class, "organizationalUnit" | "container"))
                    .await
            }
            Action::ListGroups => self.find(|_, class| class == "group").await,
            Action::ReadSchema => {
                self.connect(None).await?;
                Ok(Outcome::Schema {
                    attributes: SCHEMA.iter().map(|name| attribute(name)).collect(),
                })
            }
            Action::ReadCredentials(order) => {
                self.read_credentials(order).await?;
                Ok(Outcome::Done)
            }
            Action::Resolve(order) => self.resolve(order).await,
            Action::TestConnection => self.connect(None).await.map(|_| Outcome::Done),
        }
    }

    /// The preferred controller if it answers, else any.
    async fn connect(&self, preferred: Option<&str>) -> Result<Connection, Failure> {
        turn().await;
        let directory = self.shared.directory.borrow();
        let up = || directory.controllers.iter().filter(|c| c.up);
        let chosen = preferred
            .and_then(|name| up().find(|c| c.dns_name().eq_ignore_ascii_case(name)))
            .or_else(|| up().next());
        chosen
            .map(|controller| Connection {
                index: controller.index,
                starts: controller.starts,
            })
            .ok_or_else(|| lost("no domain controller answers"))
    }

    /// Asks a controller, if it is still there.
    async fn ask<T>(
        &self,
        connection: Connection,
        question: impl FnOnce(&SimulatedDirectory) -> T,
    ) -> Result<T, Failure> {
        turn().await;
        let directory = self.shared.directory.borrow();
        let controller = &directory.controllers[connection.index];
        if !controller.up || controller.starts != connection.starts {
            return Err(lost("the domain controller went away"));
        }
        Ok(question(&directory))
    }

    async fn read_changes(
        &self,
        connection: Connection,
        order: &ReadChanges,
    ) -> Result<(), Failure> {
        self.present_names(connection, &order.must_exist).await?;
        let place = self.in_place(connection, &order.scope).await?;
        let opening = self.begin(connection, order).await?.opening;
        let wanted = Wanted::new(&order.read_set, &BTreeSet::new());
        let asked = asked(&order.read_set);
        let run = Run {
            reader: self,
            connection,
            wanted: &wanted,
            asked: &asked,
            place: &place,
            eager: order.eager,
        };
        let cookie = match opening {
            Opening::FromCookie => order.cookie.clone(),
            Opening::Resume(cookie) => Some(cookie),
            Opening::Everything => {
                let containers = self
                    .ask(connection, |directory| {
                        directory.containers(connection.index)
                    })
                    .await?;
                let containers = run.assemble_all(&containers);
                run.deliver_all(containers).await?;
                None
            }
        };
        run.pages(cookie, order.read_set.version).await
    }

    async fn begin(
        &self,
        connection: Connection,
        order: &ReadChanges,
    ) -> Result<BeginAnswer, Failure> {
        let begin = self
            .ask(connection, |directory| {
                let begin = self.describe(directory, connection.index, order);
                self.shared.look_for_rollback(
                    directory,
                    self.witness(),
                    (&begin.controller, begin.canary.as_ref()),
                    (order.controller.as_ref(), &order.canaries),
                );
                begin
            })
            .await?;
        match self.sender.send(Request::Begin(begin)).await? {
            Reply::Begin(answer) => {
                let kind = match &answer.opening {
                    Opening::FromCookie => "from a cookie",
                    Opening::Resume(_) => "resumed",
                    Opening::Everything => "of everything",
                };
                self.shared.note(format!("readings: {kind}"));
                Ok(answer)
            }
            _ => unreachable!("a beginning is answered as one"),
        }
    }

    fn describe(&self, directory: &SimulatedDirectory, index: usize, order: &ReadChanges) -> Begin {
        Begin {
            lease: self.lease,
            controller: identity(directory, index),
            clock: Some(directory.now),
            canary: known_canary(directory, index, &order.canaries),
            tombstones_visible: !directory.rights.tombstones_hidden,
            hides_values: true,
            tombstone_lifetime_days: TOMBSTONE_LIFETIME_DAYS,
            netbios_name: "CORP".to_owned(),
            forest: DOMAIN.to_owned(),
            absent_attributes: Vec::new(),
        }
    }

    async fn in_place(
        &self,
        connection: Connection,
        scope: &ScopeHint,
    ) -> Result<InPlace, Failure> {
        match scope {
            ScopeHint::Everything => Ok(InPlace::Everything),
            ScopeHint::Unknown => Ok(InPlace::Unknown),
            ScopeHint::Below { roots, excluded } => Ok(InPlace::Below {
                roots: self.present_names(connection, roots).await?,
                excluded: self.present_names(connection, excluded).await?,
            }),
        }
    }

    /// Of which configuration's scope this is a reading.
    fn witness(&self) -> Option<usize> {
        let readings = self.shared.readings.borrow();
        readings
            .get(&self.sender.instruction)
            .map(|which| which.index())
    }

    fn view(&self, directory: &SimulatedDirectory, index: usize) -> Option<View> {
        let witnesses = self.shared.witnesses.borrow();
        Some(witnesses[self.witness()?].view(directory, index))
    }

    fn hear(&self, told: &[Guid]) {
        if let Some(witness) = self.witness() {
            let directory = self.shared.directory.borrow();
            self.shared.witnesses.borrow_mut()[witness].hear(&directory, told);
        }
    }

    fn confirm(&self, view: Option<&View>) {
        if let Some((witness, view)) = self.witness().zip(view) {
            self.shared.witnesses.borrow_mut()[witness].confirm(view);
        }
    }

    async fn present_names(
        &self,
        connection: Connection,
        guids: &[Guid],
    ) -> Result<Vec<Dn>, Failure> {
        let mut names = Vec::new();
        for guid in guids {
            let name = self
                .ask(connection, |directory| {
                    let controller = &directory.controllers[connection.index];
                    let entry = controller.entries.get(guid)?;
                    let visible = !entry.is_deleted() && directory.sees(controller, entry);
                    visible.then(|| controller.dn(entry))
                })
                .await?;
            names.push(name.ok_or_else(|| Failure::Domain {
                code: "ScopeObjectNotFound",
                message: format!("nothing is found under {guid}"),
            })?);
        }
        Ok(names)
    }

    async fn page(&self, page: PageEnd) -> Result<PageAnswer, Failure> {
        match self.sender.send(Request::Page(page)).await? {
            Reply::Page(answer) => Ok(answer),
            _ => unreachable!("a page is answered as one"),
        }
    }

    fn found_page(&self, read_set: u64, found: Vec<Found>) -> PageEnd {
        PageEnd {
            lease: self.lease,
            read_set,
            cookie_before: None,
            cookie: None,
            more: false,
            found,
            settled: Vec::new(),
            canary: None,
            highest_usn: None,
        }
    }

    /// Offers a batch, and sends what of it is wanted.
    async fn deliver(&self, mut batch: Vec<ReadEntry>, eager: bool) -> Result<(), Failure> {
        let mut room = self.habits.link_batch.max(1);
        let offered = batch
            .iter_mut()
            .map(|entry| match room.checked_sub(entry.link_count()) {
                Some(left) if eager && entry.is_wanted() => {
                    room = left;
                    entry.offered_with_content(self.next_reading())
                }
                _ => entry.offered.clone(),
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
        self.send_objects(sending).await
    }

    fn next_reading(&self) -> u32 {
        self.readings.set(self.readings.get() + 1);
        self.readings.get()
    }

    async fn offer(&self, objects: Vec<Offered>) -> Result<Vec<Verdict>, Failure> {
        let offer = Offer {
            lease: self.lease,
            objects,
        };
        match self.sender.send(Request::Offer(offer)).await? {
            Reply::Offer(answer) => Ok(answer.verdicts),
            _ => unreachable!("an offer is answered as one"),
        }
    }

    /// Sends objects; where the links of one are too many, slices of them go first.
    async fn send_objects(&self, entries: Vec<(ReadEntry, bool)>) -> Result<(), Failure> {
        let mut objects = Vec::new();
        for (entry, wanted) in entries {
            if !wanted {
                objects.push(ObjectUpdate {
                    guid: entry.offered.guid,
                    rdn: entry.rdn,
                    ..ObjectUpdate::default()
                });
                continue;
            }
            let mut updates = updates(entry, self.next_reading(), self.habits.link_batch);
            let last = updates.pop();
            for slice in updates {
                objects.push(slice);
                self.flush(&mut objects).await?;
            }
            objects.extend(last);
        }
        self.flush(&mut objects).await
    }

    async fn flush(&self, objects: &mut Vec<ObjectUpdate>) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let request = Request::Objects(Objects {
            lease: self.lease,
            objects: std::mem::take(objects),
        });
        self.sender.send(request).await?;
        Ok(())
    }

    async fn resolve(&self, order: &Resolve) -> Result<Outcome, Failure> {
        let sought = order.value.clone();
        match order.by {
            ResolveBy::Dn => {
                let dn: Option<Dn> = sought.parse().ok();
                self.find(|found, _| {
                    let found: Option<Dn> = found.dn.parse().ok();
                    found.zip(dn.as_ref()).is_some_and(|(a, b)| a.same_as(b))
                })
                .await
            }
            ResolveBy::Guid => self.find(|found, _| found.guid.to_string() == sought).await,
            ResolveBy::Name => {
                self.find(|found, _| {
                    let step = found.dn.split(',').next().unwrap_or_default();
                    step.split_once('=').is_some_and(|(_, name)| name == sought)
                })
                .await
            }
        }
    }

    async fn find(&self, wanted: impl Fn(&Resolved, &str) -> bool) -> Result<Outcome, Failure> {
        let connection = self.connect(None).await?;
        let objects = self
            .ask(connection, |directory| {
                let controller = &directory.controllers[connection.index];
                let visible = controller
                    .entries
                    .values()
                    .filter(|entry| !entry.is_deleted() && directory.sees(controller, entry));
                visible
                    .map(|entry| Resolved {
                        guid: entry.guid,
                        dn: controller.dn(entry).to_string(),
                        class: entry.class_name().to_owned(),
                    })
                    .filter(|found| wanted(found, &found.class))
                    .collect()
            })
            .await?;
        Ok(Outcome::Resolved { objects })
    }
}

/// Who a controller is.
fn identity(directory: &SimulatedDirectory, index: usize) -> ControllerIdentity {
    let controller = &directory.controllers[index];
    ControllerIdentity {
        dns_name: controller.dns_name(),
        naming_context: match directory.foreign {
            true => Guid::from_bytes([7; 16]),
            false => SimulatedDirectory::head(),
        },
        domain_sid: SimulatedDirectory::domain_sid(),
        invocation_id: controller.invocation(),
        highest_usn: controller.highest_usn(),
    }
}

/// What a controller's canary is like now.
fn known_canary(
    directory: &SimulatedDirectory,
    index: usize,
    canaries: &[KnownCanary],
) -> Option<Canary> {
    let name = directory.controllers[index].dns_name();
    let known = canaries
        .iter()
        .find(|known| known.dns_name.eq_ignore_ascii_case(&name));
    let guid = known?.canary.guid;
    let usn_changed = directory.usn_of(index, guid)?;
    Some(Canary { guid, usn_changed })
}

/// The updates that tell one object: links beyond the limit in slices of their own, before the last.
fn updates(entry: ReadEntry, reading: u32, link_batch: usize) -> Vec<ObjectUpdate> {
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
    let mut slices = Vec::new();
    let mut last = Vec::new();
    for values in links {
        let LinkValues {
            attribute,
            replace,
            added,
            removed,
        } = values;
        let of = |added: &[_], removed: &[_]| Links {
            attribute: attribute.clone(),
            replace,
            added: added.to_vec(),
            removed: removed.to_vec(),
        };
        let (mut added, mut removed) = (added.as_slice(), removed.as_slice());
        while added.len() + removed.len() > link_batch.max(1) {
            let (now, later) = added.split_at(added.len().min(link_batch));
            let room = link_batch.saturating_sub(now.len());
            let (gone, rest) = removed.split_at(removed.len().min(room));
            slices.push(update(true, WireAttributes::new(), vec![of(now, gone)]));
            (added, removed) = (later, rest);
        }
        last.push(of(added, removed));
    }
    slices.push(update(false, attributes, last));
    slices
}

/// What a controller is asked for, by names in lower case.
fn asked(read_set: &ReadSet) -> BTreeSet<String> {
    let lists = [&read_set.attributes, &read_set.decision, &read_set.links];
    lists
        .into_iter()
        .flatten()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

/// The attributes that a configuration of a history may name.
const SCHEMA: [&str; 4] = ["department", "title", "roomNumber", "whenChanged"];

fn attribute(name: &str) -> SchemaAttribute {
    SchemaAttribute {
        name: name.to_owned(),
        single: true,
        ..SchemaAttribute::default()
    }
}

fn decoded(cookie: Option<&str>) -> Option<Cookie> {
    let bytes = STANDARD.decode(cookie?).ok()?;
    Cookie::from_text(std::str::from_utf8(&bytes).ok()?)
}

fn lost(message: &str) -> Failure {
    Failure::Domain {
        code: "ControllerUnreachable",
        message: message.to_owned(),
    }
}
