//! A history as it happens: the simulated domain, one or two simulated agents, and the real service, taking
//! turns as the script says.
//!
//! Nothing runs by itself. Service and agents are futures that are polled by hand; each goes on by one
//! transaction, or one question to a controller, and then waits for its next turn. A process that dies is a
//! future that is dropped.

mod administrator;
mod ledger;
mod passwords;
mod watch;

use crate::agent::carry_out;
use crate::directory::{Change, DOMAIN, Label, SimulatedDirectory};
use crate::network::{Left, Network};
use crate::random::Random;
use crate::script::{Admin, Filter, Mapping, RightsChange, Script, Setup, Step, Wishes, letter};
use crate::store::{WatchedStore, Written};
use crate::truth::{ScopeNow, Witness};
use ledger::Ledger;
use lockstep_api::admin::{Drift, Plan};
use lockstep_api::channel::{Canary, ControllerIdentity, Instruction, KnownCanary};
use lockstep_api::configuration::Spec;
use lockstep_model::ids::{AgentId, ConfigurationId, CycleId, InstructionId, ObjectId};
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_server::clock::Clock;
use lockstep_server::configurations::{self, Forget};
use lockstep_server::job::{self, Wake};
use lockstep_server::sealing::Sealer;
use lockstep_server::service::{Parts, Service, Transactions};
use lockstep_server::{agents, plan, removal};
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::job::{Configuration, Cycle, InstructionRow, Job};
use lockstep_store::records::log::LogEntry;
use lockstep_store::records::service::Agent as AgentRow;
use lockstep_store::{Key, ReadRecords as _, Scan, Store, StoreError, WriteRecords as _};
use passwords::KnownPasswords;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// When histories begin: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600_000;
/// An attribute that may be hidden, here and in the cloud.
const DESCRIPTION: &str = "description";
/// For how long an agent may be silent.
const SILENCE: Duration = Duration::from_secs(45);
/// So many turns in which nothing is written: everybody waits for time to pass.
const IDLE_TURNS: u32 = 40;
/// So often time passes before what is under way is left as it is.
const IDLE_ROUNDS: u32 = 40;
/// What needs more turns does not come to rest.
const MOST_TURNS: u32 = 60_000;

type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// What agents, network and harness have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) directory: RefCell<SimulatedDirectory>,
    /// The service's process; none while it does not run.
    pub(crate) service: RefCell<Option<Arc<Service>>>,
    /// Counts the service's processes.
    pub(crate) generation: Cell<u64>,
    pub(crate) network: RefCell<Network>,
    /// One for each configuration.
    pub(crate) witnesses: RefCell<[Witness; 2]>,
    /// For which configuration agents carry out what.
    pub(crate) readings: RefCell<BTreeMap<InstructionId, Which>>,
    /// A controller was set back, and had come so far again when it was asked that nothing could tell.
    pub(crate) rolled_back: Cell<bool>,
    /// The restore that somebody has asked after.
    asked_since: Cell<[u32; 2]>,
    /// What has left of whom since somebody last looked.
    pub(crate) left: RefCell<Vec<(Guid, Left)>>,
    /// Whose passwords agents were asked for since somebody last looked.
    pub(crate) wanted: RefCell<Vec<Guid>>,
    /// The newest password of each object of Active Directory that the service was told of, since somebody decided
    /// anything about it.
    pub(crate) told_passwords: RefCell<BTreeMap<Guid, u32>>,
    /// What a comparison found of the directory to be otherwise than it should be.
    pub(crate) drifts: RefCell<Vec<Drift>>,
    /// How often what happened.
    pub(crate) notes: RefCell<Notes>,
}

thread_local! {
    /// Somebody wants to see what happens.
    pub(crate) static TRACING: Cell<bool> = const { Cell::new(false) };
}

/// How often what happened.
pub(crate) type Notes = BTreeMap<String, u64>;

impl Shared {
    /// Sees whether a controller that was set back shows it to the configuration that asks for the first time
    /// since.
    pub(crate) fn look_for_rollback(
        &self,
        directory: &SimulatedDirectory,
        witness: Option<usize>,
        (controller, canary): (&ControllerIdentity, Option<&Canary>),
        (known, canaries): (Option<&ControllerIdentity>, &[KnownCanary]),
    ) {
        let mut asked_since = self.asked_since.get();
        // Who reads for a plan remembers nothing.
        let Some(own) = witness.and_then(|index| asked_since.get_mut(index)) else {
            return;
        };
        if std::mem::replace(own, directory.restores) == directory.restores {
            return;
        }
        self.asked_since.set(asked_since);
        let counted_on = known.is_some_and(|known| controller.highest_usn >= known.highest_usn);
        let remembered = canaries.first().map(|known| known.canary.usn_changed);
        let found = canary.map(|canary| canary.usn_changed);
        self.rolled_back
            .set(self.rolled_back.get() || counted_on && found >= remembered);
    }

    /// Tells what happens, while a history is played for somebody to see.
    pub(crate) fn trace(&self, what: impl FnOnce() -> String) {
        if TRACING.get() {
            eprintln!("{}", what());
        }
    }

    /// Notes that something happened.
    pub(crate) fn note(&self, what: String) {
        *self.notes.borrow_mut().entry(what).or_default() += 1;
    }
}

/// What went against the rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Violation(pub(crate) String);

/// An agent's process.
struct Agent {
    id: AgentId,
    /// Which of its processes it is.
    run: u32,
    /// It has asked for work before.
    introduced: bool,
    asking: Option<Task<Option<Option<String>>>>,
    works: Vec<Task<()>>,
    frozen: bool,
}

/// What the harness knows of accidental deletes.
#[derive(Clone, Debug, Default)]
struct Guard {
    /// What woke the cycle that runs.
    wake: Option<Wake>,
    /// How many objects it has deleted, and updated,
    deleted: u64,
    updated: u64,
    /// and how many members have left which group.
    removed: BTreeMap<ObjectId, u64>,
    /// Whose deletes were held at the end of the last cycle, and have been ever since; and what had happened when the
    /// cycle began that held them first.
    held: BTreeMap<Guid, u64>,
    /// What had happened when the cycle began that runs.
    began: u64,
    /// An administrator has decided about held deletes, or about the scope, since the last cycle began.
    decided: bool,
}

/// One of the two configurations that there may be, both of the one domain.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Which {
    #[default]
    First,
    Second,
}

impl Which {
    pub(crate) const BOTH: [Self; 2] = [Self::First, Self::Second];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::First => "corp",
            Self::Second => "other",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|which| which.name() == name)
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// A configuration, and what the harness knows of it.
#[derive(Default)]
struct Side {
    id: Option<ConfigurationId>,
    /// What the administrator asked for last, and what of it was accepted.
    asked: Wishes,
    wishes: Wishes,
    version: u64,
    guard: Guard,
    /// Objects that were missing when an administrator said that they are gone.
    said_gone: BTreeSet<Guid>,
    /// The cycle that runs began in staging, and nothing was configured since.
    stages: bool,
    cycle: Option<Task<()>>,
    /// It was paused while this cycle ran, which has to end.
    is_stopped: bool,
}

/// Who can have the next turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Actor {
    Cycle(Which),
    Admin,
    Agent(usize),
}

/// Everything that takes part in a history.
pub(crate) struct World {
    pub(crate) shared: Rc<Shared>,
    pub(crate) store: Arc<WatchedStore>,
    sides: [Side; 2],
    setup: Setup,
    /// What was begun for a plan may lie about until the next start.
    pub(crate) was_untidy: bool,
    /// Objects were hidden from the account for a time: what changed of them meanwhile is told to nobody, and
    /// the administrator lets everything be read anew.
    was_blind: bool,
    /// A controller was set back, and may have lost anything.
    was_set_back: bool,
    /// Members that were taken out of groups at some time, and whoever was gone for a time.
    parted: BTreeSet<(Guid, Guid)>,
    absent: BTreeSet<Guid>,
    /// Who came back from another domain.
    returned: BTreeSet<Guid>,
    /// By how many milliseconds the clock of the service is wrong.
    clock_off: i64,
    agents: Vec<Agent>,
    admin: Option<Task<()>>,
    /// For which configuration the administrator is about to decide something.
    deciding: Option<Which>,
    /// What the administrator is about to pause.
    pausing: Option<Which>,
    /// Which object of Active Directory each object of the directory is.
    joined: BTreeMap<ObjectId, Guid>,
    /// For which configuration.
    owners: BTreeMap<ObjectId, Which>,
    linked_for: BTreeMap<ObjectId, ConfigurationId>,
    /// Objects that came to be some configuration's since somebody last looked.
    taken_up: BTreeSet<ObjectId>,
    /// Under which object of the directory each anchor of a user is known.
    anchors: BTreeMap<String, ObjectId>,
    /// The directory's objects, and which are in the recycle bin.
    objects: BTreeMap<ObjectId, bool>,
    /// Writes to the directory since somebody last asked.
    directory_writes: u64,
    /// Objects with a description in Active Directory, which the account must not read at the moment.
    described: BTreeSet<ObjectId>,
    passwords: KnownPasswords,
    ledger: Ledger,
    violation: Option<Violation>,
}

impl World {
    /// A domain, a service that has not seen it yet, and two agents.
    pub(crate) fn new(
        setup: &Setup,
        directory: SimulatedDirectory,
        store: Arc<WatchedStore>,
    ) -> Self {
        let agents = [1, 2].map(|number| AgentId::new(Guid::from_bytes([number; 16])));
        let rows: Vec<AgentRow> = agents.iter().map(|id| agent_row(*id)).collect();
        store
            .write(&mut |tx| tx.store(&rows))
            .expect("agents can be enrolled");
        let mut world = Self {
            shared: Rc::new(Shared {
                directory: RefCell::new(directory),
                service: RefCell::new(None),
                generation: Cell::new(0),
                network: RefCell::default(),
                witnesses: RefCell::default(),
                readings: RefCell::default(),
                rolled_back: Cell::new(false),
                asked_since: Cell::new([0; 2]),
                left: RefCell::default(),
                wanted: RefCell::default(),
                told_passwords: RefCell::default(),
                drifts: RefCell::default(),
                notes: RefCell::default(),
            }),
            store,
            sides: [Side::default(), Side::default()],
            setup: setup.clone(),
            was_untidy: false,
            was_blind: false,
            was_set_back: false,
            parted: BTreeSet::new(),
            absent: BTreeSet::new(),
            returned: BTreeSet::new(),
            clock_off: 0,
            agents: agents.into_iter().map(|id| Agent::new(id, 0)).collect(),
            admin: None,
            deciding: None,
            pausing: None,
            joined: BTreeMap::new(),
            owners: BTreeMap::new(),
            linked_for: BTreeMap::new(),
            taken_up: BTreeSet::new(),
            anchors: BTreeMap::new(),
            objects: BTreeMap::new(),
            directory_writes: 0,
            described: BTreeSet::new(),
            passwords: KnownPasswords::default(),
            ledger: Ledger::default(),
            violation: None,
        };
        world.start_service();
        world
    }

    /// The world of a script, before its first step.
    pub(crate) fn of(script: &Script, store: Arc<WatchedStore>) -> Self {
        let setup = &script.setup;
        let mut directory =
            SimulatedDirectory::new(setup.controllers, setup.recycle_bin, BEGINNING);
        for controller in &mut directory.controllers {
            controller.page = setup.page;
            controller.range = setup.range;
            controller.incremental_values = setup.incremental_values;
        }
        Self::new(setup, directory, store)
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        self.shared
            .service
            .borrow()
            .clone()
            .expect("the service runs")
    }

    fn now(&self) -> i64 {
        self.shared.directory.borrow().now
    }

    /// What went against the rules so far.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.clone()
    }

    fn violate(&mut self, what: String) {
        self.violation.get_or_insert(Violation(what));
    }

    fn violate_if(&mut self, fault: Option<String>) {
        if let Some(what) = fault {
            self.violate(what);
        }
    }

    fn start_service(&mut self) {
        let service = Service::new(Parts {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            public_url: "https://lockstep.test".to_owned(),
            ca: None,
            initial_domain: "local.lockstep".to_owned(),
            agent_silence: SILENCE,
            sealer: Sealer::new(&Secret::new([0; 32])),
        });
        let mut service = service.expect("the service starts");
        service.clock = Clock::standing_at(Timestamp::from_millis(self.now() + self.clock_off));
        service.transactions = Transactions::InPlace;
        let service = Arc::new(service);
        *self.shared.service.borrow_mut() = Some(Arc::clone(&service));
        // As every service begins.
        let close = Box::pin(async move {
            removal::go_on(&service).await?;
            job::close_interrupted(&service).await
        });
        self.finish(close)
            .expect("interrupted cycles can be closed");
    }

    /// Polls work of the service to its end.
    pub(crate) fn finish<T>(&mut self, mut work: Task<T>) -> T {
        for _ in 0..MOST_TURNS {
            if let Poll::Ready(value) = poll(&mut work) {
                self.observe();
                return value;
            }
        }
        panic!("work of the service does not end");
    }

    /// Takes one step of a script.
    pub(crate) fn step(&mut self, step: &Step) {
        self.shared.trace(|| format!("{step:?}"));
        match step {
            Step::Ad(change) => {
                self.shared.directory.borrow_mut().change(change);
                self.note_parted(change);
                self.no_longer_described(change);
            }
            Step::Replicate { from, to, objects } => {
                let up = |index: &usize| self.is_up(*index);
                if up(from) && up(to) {
                    let mut directory = self.shared.directory.borrow_mut();
                    directory.replicate(*from, *to, *objects);
                }
            }
            Step::WriteAt(index) => {
                self.shared.directory.borrow_mut().write_at(*index);
            }
            Step::ControllerDown(index) => self.set_up(*index, false),
            Step::ControllerUp(index) => self.set_up(*index, true),
            Step::Snapshot(index) => {
                self.shared.directory.borrow_mut().snapshot(*index);
            }
            Step::Restore {
                controller,
                new_invocation,
            } => {
                let mut directory = self.shared.directory.borrow_mut();
                directory.restore(*controller, *new_invocation);
                self.was_set_back = true;
                self.described.clear();
            }
            Step::Expunge => self.shared.directory.borrow_mut().expunge(),
            Step::Rights(change) => self.change_rights(change),
            Step::Foreign(foreign) => {
                // At the first contact nobody can tell.
                let known = Which::BOTH.into_iter().all(|which| {
                    self.configuration(which).is_none()
                        || self.job(which).is_some_and(|job| job.domain.is_some())
                });
                self.shared.directory.borrow_mut().foreign = *foreign && known;
            }
            Step::Wake(wake) => self.wake(Which::First, *wake),
            Step::WakeSecond(wake) => self.wake(Which::Second, *wake),
            Step::Turns { count, order } => {
                let mut random = Random::new(*order);
                for _ in 0..*count {
                    self.turn(&mut random);
                }
            }
            Step::Settle { order } => {
                self.settle(*order);
            }
            Step::Time(minutes) => self.pass(i64::from(*minutes) * 60_000),
            Step::Clock(minutes) => self.set_clock(self.clock_off + i64::from(*minutes) * 60_000),
            Step::Admin(admin) => self.administer(Which::First, admin),
            Step::AdminOfSecond(admin) => {
                // At its first contact it could not tell.
                self.shared.directory.borrow_mut().foreign = false;
                self.administer(Which::Second, admin);
            }
            Step::ServiceDies => self.kill_service(),
            Step::AgentDies(index) => {
                if let Some(agent) = self.agents.get_mut(*index) {
                    *agent = Agent::new(agent.id, agent.run + 1);
                }
            }
            Step::AgentFreezes(index) => self.freeze(*index, true),
            Step::AgentGoesOn(index) => self.freeze(*index, false),
            Step::Network(fault) => self.shared.network.borrow_mut().faults.push_back(*fault),
            Step::LateArrive => self.deliver_late(),
            Step::Store(fault) => {
                self.was_untidy = true;
                self.store.fail_next(*fault);
            }
            Step::SignIn(label) => self.sign_in(*label),
            Step::SignedIn => self.signed_in(),
            Step::ResetInCloud(label) => self.reset_in_cloud(*label),
        }
        self.look();
    }

    fn is_up(&self, index: usize) -> bool {
        let directory = self.shared.directory.borrow();
        directory.controllers.get(index).is_some_and(|c| c.up)
    }

    fn set_up(&self, index: usize, up: bool) {
        let mut directory = self.shared.directory.borrow_mut();
        if let Some(controller) = directory.controllers.get_mut(index)
            && controller.up != up
        {
            controller.up = up;
            controller.starts += 1;
        }
    }

    fn change_rights(&mut self, change: &RightsChange) {
        // Whether tombstones can be seen is told when a reading begins, and believed until the next.
        let reading = self.agents.iter().any(|agent| !agent.works.is_empty());
        self.was_blind |= reading || !matches!(change, RightsChange::TombstonesHidden(_));
        if let RightsChange::AttributeHidden(DESCRIPTION, hidden) = change {
            self.described = match hidden {
                true => self.with_description(),
                false => BTreeSet::new(),
            };
        }
        let rights = &mut self.shared.directory.borrow_mut().rights;
        match change {
            RightsChange::TombstonesHidden(hidden) => rights.tombstones_hidden = *hidden,
            RightsChange::Closed(label, true) => {
                rights.closed.insert(label.guid());
            }
            RightsChange::Closed(label, false) => {
                rights.closed.remove(&label.guid());
            }
            RightsChange::Unreadable(label, true) => {
                rights.unreadable.insert(label.guid());
            }
            RightsChange::Unreadable(label, false) => {
                rights.unreadable.remove(&label.guid());
            }
            RightsChange::AttributeHidden(attribute, true) => {
                rights.hidden_attributes.insert(attribute);
            }
            RightsChange::AttributeHidden(attribute, false) => {
                rights.hidden_attributes.remove(attribute);
            }
        }
    }

    fn freeze(&mut self, index: usize, frozen: bool) {
        if let Some(agent) = self.agents.get_mut(index) {
            agent.frozen = frozen;
        }
    }

    fn side(&mut self, which: Which) -> &mut Side {
        &mut self.sides[which.index()]
    }

    /// A configuration, if it is there.
    pub(crate) fn configuration(&self, which: Which) -> Option<ConfigurationId> {
        self.sides[which.index()].id
    }

    /// Those configurations that are there.
    pub(crate) fn configured(&self) -> Vec<Which> {
        let there = |which: &Which| self.configuration(*which).is_some();
        Which::BOTH.into_iter().filter(there).collect()
    }

    /// Begins a cycle, unless one runs or the job is paused.
    pub(crate) fn wake(&mut self, which: Which, wake: Wake) {
        let side = self.side(which);
        let Some(id) = side.id.filter(|_| side.cycle.is_none()) else {
            return;
        };
        let paused = self
            .record::<Configuration>(&id)
            .is_none_or(|configuration| configuration.paused);
        if paused && wake != Wake::Hand {
            return;
        }
        let service = self.service();
        let moment = self.shared.witnesses.borrow()[which.index()].moment();
        let side = self.side(which);
        side.guard.began = moment;
        side.guard.wake = Some(wake);
        side.guard.deleted = 0;
        side.guard.updated = 0;
        side.guard.removed.clear();
        side.stages = side.wishes.staging;
        side.is_stopped = false;
        side.cycle = Some(Box::pin(async move {
            // What a cycle came to stands in the store; a cycle that could not be kept has none.
            let _ = job::run_cycle(&service, id, wake).await;
        }));
    }

    /// One record as it stands in the store.
    pub(crate) fn record<R: lockstep_store::Record + 'static>(&self, id: &R::Id) -> Option<R> {
        let mut found = None;
        self.store
            .read(&mut |tx| {
                found = tx.fetch_one::<R>(id)?;
                Ok(())
            })
            .expect("the store can be read");
        found
    }

    fn job(&self, which: Which) -> Option<Job> {
        self.record::<Job>(&self.configuration(which)?)
    }

    pub(crate) fn is_quarantined(&self, which: Which) -> bool {
        self.job(which).is_some_and(|job| job.quarantine.is_some())
    }

    /// The newest cycle that has ended.
    pub(crate) fn last_cycle(&self, which: Which) -> Option<Cycle> {
        let job = self.job(which)?;
        self.record::<Cycle>(&job.last_cycle?)
    }

    /// What the log says of a cycle.
    pub(crate) fn log_of(&self, cycle: CycleId) -> Vec<LogEntry> {
        let scan = Scan::along(LogEntry::BY_CYCLE, Key::empty().with(cycle), 10_000);
        let mut entries = Vec::new();
        self.store
            .read(&mut |tx| {
                entries = tx.list::<LogEntry>(&scan)?;
                Ok(())
            })
            .expect("the store can be read");
        entries
    }

    fn actors(&self) -> Vec<Actor> {
        let mut actors = Vec::with_capacity(4);
        for which in Which::BOTH {
            let runs = self.sides[which.index()].cycle.is_some();
            actors.extend(runs.then_some(Actor::Cycle(which)));
        }
        actors.extend(self.admin.is_some().then_some(Actor::Admin));
        let agents = self.agents.iter().enumerate();
        let moving = agents.filter(|(_, agent)| !agent.frozen);
        actors.extend(moving.map(|(index, _)| Actor::Agent(index)));
        actors
    }

    /// One of those who can goes on.
    fn turn(&mut self, random: &mut Random) {
        let actors = self.actors();
        let Some(actor) = random.pick(&actors) else {
            return;
        };
        self.observe();
        let written = self.directory_writes;
        match *actor {
            Actor::Cycle(which) => {
                let cycle = &mut self.side(which).cycle;
                if cycle.as_mut().is_some_and(|task| poll(task).is_ready()) {
                    *cycle = None;
                    self.observe();
                    self.cycle_ended(which);
                }
            }
            Actor::Admin => {
                if self
                    .admin
                    .as_mut()
                    .is_some_and(|task| poll(task).is_ready())
                {
                    self.admin = None;
                    self.administered();
                }
            }
            Actor::Agent(index) => self.agent_turn(index, random),
        }
        self.observe();
        if self.directory_writes > written {
            self.look_at_paused(*actor);
        }
    }

    fn agent_turn(&mut self, index: usize, random: &mut Random) {
        let (shared, habits) = (Rc::clone(&self.shared), self.setup.habits);
        let agent = &mut self.agents[index];
        let works = u32::try_from(agent.works.len()).unwrap_or(0);
        if works > 0 && random.chance(85) {
            let chosen = random.below(works) as usize;
            if poll(&mut agent.works[chosen]).is_ready() {
                drop(agent.works.swap_remove(chosen));
            }
            return;
        }
        let (id, introduced) = (agent.id, agent.introduced);
        let run = agent.run.to_string();
        let asking = agent.asking.get_or_insert_with(|| {
            let shared = Rc::clone(&shared);
            Box::pin(async move {
                let service = shared.service.borrow().clone()?;
                let answer = shared.alive(ask(&service, id, &run, introduced));
                answer.await?.ok()
            })
        });
        if let Poll::Ready(answer) = poll(asking) {
            agent.asking = None;
            agent.introduced |= answer.is_some();
            if let Some(body) = answer.flatten() {
                let instruction: Instruction =
                    serde_json::from_str(&body).expect("an instruction reads back");
                let number = instruction.id;
                let work = carry_out(shared, id, habits, instruction);
                agent.works.push(Box::pin(work));
                self.note_reading(number);
            }
        }
    }

    /// Notes for which configuration it is that an agent reads; for a plan's, it is for none.
    fn note_reading(&self, number: InstructionId) {
        let row: Option<InstructionRow> = self.record(&number);
        let owner = row.and_then(|row| row.configuration);
        let mut both = Which::BOTH.into_iter();
        let which = both.find(|which| owner.is_some() && self.configuration(*which) == owner);
        if let Some(which) = which {
            self.shared.readings.borrow_mut().insert(number, which);
        }
    }

    /// Lets everybody go on until nothing is left to do. Says whether it came to that.
    pub(crate) fn settle(&mut self, order: u64) -> bool {
        let mut random = Random::new(order);
        let (mut idle, mut rounds) = (0, 0);
        for _ in 0..MOST_TURNS {
            if self.is_at_rest() {
                return true;
            }
            let before = self.store.changes();
            self.turn(&mut random);
            idle = match self.store.changes() == before {
                true => idle + 1,
                false => 0,
            };
            if idle >= IDLE_TURNS {
                (idle, rounds) = (0, rounds + 1);
                self.pass(5_000);
                if rounds >= IDLE_ROUNDS {
                    return false;
                }
            }
        }
        self.violate("service and agents do not come to rest".to_owned());
        false
    }

    fn is_at_rest(&self) -> bool {
        let busy = |agent: &Agent| !agent.frozen && !agent.works.is_empty();
        let in_cycle = |side: &Side| side.cycle.is_some();
        !self.sides.iter().any(in_cycle) && self.admin.is_none() && !self.agents.iter().any(busy)
    }

    /// Time passes, and everybody who waits looks again.
    fn pass(&mut self, millis: i64) {
        self.shared.directory.borrow_mut().now += millis;
        let service = self.service();
        service.clock.advance(millis);
        service.progress.raise();
        service.instructions.raise();
        service.jobs.raise();
    }

    /// The clock of the service goes wrong by so much, or right.
    fn set_clock(&mut self, off: i64) {
        self.service().clock.advance(off - self.clock_off);
        self.clock_off = off;
    }

    /// The process ends at once; another begins with what is in the store.
    pub(crate) fn kill_service(&mut self) {
        for which in Which::BOTH {
            if self.side(which).cycle.take().is_some() {
                self.shared.note("services killed in a cycle".to_owned());
            }
        }
        (self.admin, self.deciding) = (None, None);
        self.shared.generation.set(self.shared.generation.get() + 1);
        *self.shared.service.borrow_mut() = None;
        self.store.forget_fault();
        self.store.reopen();
        self.start_service();
    }

    fn deliver_late(&mut self) {
        loop {
            let letter = self.shared.network.borrow_mut().next_late();
            let Some(letter) = letter else { return };
            let shared = Rc::clone(&self.shared);
            let delivery: Task<()> = Box::pin(async move {
                // Nobody waits for the answer any more.
                let _ = shared.deliver(&letter).await;
            });
            self.finish(delivery);
        }
    }

    /// All faults end: everything is up, replicated, readable, and nothing is under way any more.
    pub(crate) fn heal(&mut self) {
        self.store.forget_fault();
        self.deliver_late();
        {
            let mut directory = self.shared.directory.borrow_mut();
            for controller in &mut directory.controllers {
                if !controller.up {
                    controller.up = true;
                    controller.starts += 1;
                }
            }
            directory.replicate_all();
            directory.rights = crate::directory::Rights::default();
            directory.foreign = false;
        }
        self.described.clear();
        self.set_clock(0);
        self.look();
        self.shared.network.borrow_mut().faults.clear();
        for agent in &mut self.agents {
            agent.frozen = false;
        }
    }

    /// Whether something happened that the service cannot notice by itself: objects were hidden from the account
    /// for a time, or a database was set back and had counted on before anybody asked it.
    pub(crate) fn was_blind(&self) -> bool {
        self.was_blind || self.shared.rolled_back.get()
    }

    /// Runs a whole cycle, undisturbed. Says how it ended.
    pub(crate) fn undisturbed_cycle(&mut self, which: Which, wake: Wake) -> Option<Cycle> {
        self.settle(0);
        self.pass(120_000);
        let before = self.last_cycle(which).map(|cycle| cycle.id);
        self.wake(which, wake);
        if !self.settle(0) {
            self.violate("an undisturbed cycle does not end".to_owned());
            return None;
        }
        self.last_cycle(which)
            .filter(|cycle| Some(cycle.id) != before)
    }
}

impl Agent {
    const fn new(id: AgentId, run: u32) -> Self {
        Self {
            id,
            run,
            introduced: false,
            asking: None,
            works: Vec::new(),
            frozen: false,
        }
    }
}

/// Asks for work, as the long poll does.
async fn ask(
    service: &Arc<Service>,
    id: AgentId,
    run: &str,
    introduced: bool,
) -> Result<Option<String>, StoreError> {
    if !introduced {
        agents::forsake(service, id, run).await?;
    }
    agents::next_instruction(service, id, run).await
}

fn agent_row(id: AgentId) -> AgentRow {
    let name = letter(usize::from(id.guid().as_bytes()[0]) - 1);
    AgentRow {
        id,
        name: name.to_string(),
        version: "simulated".to_owned(),
        public_key: String::new(),
        domains: vec![DOMAIN.to_owned()],
        enrolled: BEGINNING,
        seen: BEGINNING,
    }
}

fn poll<T>(task: &mut Task<T>) -> Poll<T> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
