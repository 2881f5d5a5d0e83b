//! The reading half of a cycle: an instruction to an agent, and what becomes of it.

use crate::ask::no_active_agents;
use crate::configurations::store_problem;
use crate::service::Service;
use crate::signal::Listener;
use crate::{instructions, policy};
use lockstep_api::channel::{
    Action, Canary, ControllerIdentity, KnownCanary, Outcome, ReadChanges, ReadSet, ScopeHint,
};
use lockstep_api::problem::Problem;
use lockstep_model::ids::{ConfigurationId, InstructionId};
use lockstep_model::{Timestamp, codes};
use lockstep_store::records::job::{
    self as records, Configuration, Controller, InstructionRow, InstructionState, Job, ScopeRoot,
    Watermark,
};
use lockstep_store::{Read, ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many agents are tried in one cycle when one after the other falls silent.
const ATTEMPTS: u32 = 2;
/// How many objects an offer has at most.
const OFFER: usize = 500;
/// How many link values one request carries at most.
const LINKS: usize = 5_000;
/// What fails where the storage does not take an instruction.
const INSTRUCT: &str = "write an instruction for the agents to the database";
/// What fails where the storage does not take what an agent has read.
const KEEP: &str = "write what an agent has read to the database";
/// What fails where the storage does not show how an instruction stands.
const LOOK_UP: &str = "read from the database how far the agent has come";

/// A reading did not come to its end.
#[derive(Debug)]
pub(super) struct Broken {
    /// Why.
    pub(super) problem: Problem,
    /// The request that failed.
    pub(super) request: String,
}

impl Broken {
    /// The storage failed at this.
    fn storage(error: StoreError, request: &str) -> Self {
        Self {
            problem: store_problem(error),
            request: request.to_owned(),
        }
    }

    /// Somebody took it back.
    fn withdrawn(request: String) -> Self {
        Self {
            problem: Problem::new(409, codes::INTERRUPTED, "the reading was withdrawn"),
            request,
        }
    }
}

/// How a reading stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Pages are coming, or nobody has taken it up yet.
    Reading,
    /// All has been read and stored.
    Done,
}

/// A reading under way.
pub(super) struct Reading {
    configuration: ConfigurationId,
    domain: String,
    /// What is read.
    what: What,
    instruction: InstructionId,
    listener: Listener,
    given: Instant,
    attempt: u32,
    /// The version of the configuration by which its instruction was given.
    pub(super) version: u64,
    give: Give,
    paused: WhenPaused,
}

/// Lays an instruction out under a new lease.
pub(super) type Give = fn(&mut dyn Write, ConfigurationId, Timestamp) -> Result<Given, StoreError>;

/// Whether agents are to read for a configuration that is paused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WhenPaused {
    /// Somebody wants it all the same.
    Read,
    /// Whoever paused it wants nothing more of it.
    Refuse,
}

impl WhenPaused {
    /// Lays an instruction out, unless somebody has paused the configuration: in the same transaction, so that none
    /// is given behind the back of whoever pauses.
    fn give(
        self,
        tx: &mut dyn Write,
        give: Give,
        id: ConfigurationId,
        now: Timestamp,
    ) -> Result<Option<Given>, StoreError> {
        let configuration: Option<Configuration> = tx.fetch_one(&id)?;
        if configuration.is_some_and(|row| self.refuses(&row)) {
            return Ok(None);
        }
        give(tx, id, now).map(Some)
    }

    /// Whether nothing more is to be done for a configuration.
    pub(super) fn refuses(self, configuration: &Configuration) -> bool {
        self == Self::Refuse && configuration.paused
    }
}

impl Reading {
    /// Gives the instruction under a new lease.
    pub(super) async fn begin(
        service: &Arc<Service>,
        configuration: ConfigurationId,
        give: Give,
        paused: WhenPaused,
    ) -> Result<Self, Broken> {
        let listener = service.progress.listen();
        let now = service.clock.now();
        let given = service
            .write(move |tx| paused.give(tx, give, configuration, now))
            .await;
        let given = given.map_err(|error| Broken::storage(error, INSTRUCT))?;
        let Given {
            instruction,
            domain,
            version,
            what,
        } = given.ok_or_else(|| Broken::withdrawn(INSTRUCT.to_owned()))?;
        service.instructions.raise();
        let given = Instant::now();
        Ok(Self {
            configuration,
            domain,
            what,
            instruction,
            listener,
            given,
            attempt: 1,
            version,
            give,
            paused,
        })
    }

    /// Waits for something to happen.
    pub(super) async fn wait(&mut self, limit: Duration) {
        self.listener.wait(limit).await;
    }

    /// Looks how it stands; gives it to another agent when the one that had it fell silent, and anew when the
    /// configuration has changed so that something else is to be read: what leaves Active Directory goes by what is
    /// wanted now.
    pub(super) async fn look(&mut self, service: &Arc<Service>) -> Result<State, Broken> {
        let id = self.instruction;
        if let Some(error) = service.unstored.lasting(id) {
            // Where there is room for that, nobody goes on with it.
            let withdrawn = service
                .write(move |tx| instructions::withdraw(tx, id))
                .await;
            if let Err(error) = withdrawn {
                tracing::warn!(%error, "an instruction could not be withdrawn; the next one takes its lease");
            }
            return Err(Broken::storage(error, KEEP));
        }
        let (configuration, version, what) = (self.configuration, self.version, self.what);
        let found = service
            .read(move |tx| {
                let row: Option<InstructionRow> = tx.fetch_one(&id)?;
                let job: Option<Job> = tx.fetch_one(&configuration)?;
                let configuration: Option<Configuration> = tx.fetch_one(&configuration)?;
                let configuration = configuration.filter(|row| row.version != version);
                let wanted = configuration.map_or(Ok(Wanted::AsGiven), |row| wanted(tx, id, &row));
                Ok((row, wanted?, job.map(|job| what.whence(&job))))
            })
            .await;
        let found = found.map_err(|error| Broken::storage(error, LOOK_UP));
        let (row, wanted, whence) = found?;
        let reading = format!(
            "read {} of {}{}",
            what.name(),
            self.domain,
            whence.unwrap_or_default()
        );
        let Some(row) = row else {
            return Err(Broken::withdrawn(reading));
        };
        if !matches!(row.state, InstructionState::Finished(_)) && wanted != Wanted::AsGiven {
            tracing::info!(
                domain = self.domain,
                "the configuration has changed, and with it what is to be read"
            );
            if wanted == Wanted::Otherwise {
                return self.give_anew(service).await;
            }
            self.withdraw(service).await?;
            return Ok(State::Done);
        }
        match row.state {
            InstructionState::Finished(body) => {
                self.withdraw(service).await?;
                match serde_json::from_str(&body) {
                    Ok(Outcome::Failed {
                        code,
                        message,
                        remedy,
                    }) => Err(Broken {
                        request: match code.as_str() {
                            codes::SCOPE_OBJECT_NOT_FOUND => {
                                format!("look up what the scope names, to {reading}")
                            }
                            _ => reading,
                        },
                        problem: Problem::new(502, &code, message).remedy(remedy),
                    }),
                    Ok(_) => Ok(State::Done),
                    Err(error) => Err(Broken {
                        problem: Problem::new(502, "BadAnswer", error.to_string()),
                        request: reading,
                    }),
                }
            }
            InstructionState::Waiting if self.given.elapsed() > service.agent_patience => {
                self.withdraw(service).await?;
                Err(Broken {
                    problem: no_active_agents(&self.domain),
                    request: format!(
                        "wait for an agent of {} to read {}",
                        self.domain,
                        what.name()
                    ),
                })
            }
            InstructionState::Waiting => Ok(State::Reading),
            InstructionState::Taken(_) => self.silent(service, row.heard, reading).await,
        }
    }

    /// An agent that has not been heard of for too long loses the lease.
    async fn silent(
        &mut self,
        service: &Arc<Service>,
        heard: i64,
        request: String,
    ) -> Result<State, Broken> {
        let silent = service.clock.now().since(Timestamp::from_millis(heard));
        if silent < service.agent_silence {
            return Ok(State::Reading);
        }
        tracing::warn!(
            domain = self.domain,
            "the agent fell silent; its lease is given on"
        );
        if self.attempt >= ATTEMPTS {
            self.withdraw(service).await?;
            if let Some(error) = service.unstored.take(self.instruction) {
                return Err(Broken::storage(error, KEEP));
            }
            let title = format!("the agents of {} fell silent while they read", self.domain);
            let problem = Problem::new(504, codes::AGENT_TIMEOUT, title)
                .remedy("look at the agents' logs; the next cycle goes on where this one stopped");
            return Err(Broken { problem, request });
        }
        self.attempt += 1;
        self.give_anew(service).await
    }

    /// Takes the instruction back: its agent is refused from now on.
    async fn withdraw(&self, service: &Arc<Service>) -> Result<(), Broken> {
        let id = self.instruction;
        let withdrawn = service.write(move |tx| instructions::withdraw(tx, id));
        let withdrawn = withdrawn.await;
        withdrawn.map_err(|error| Broken::storage(error, INSTRUCT))
    }

    /// Takes the instruction back, and gives another one, which goes on where that one has come unless more is to be
    /// read of each object.
    async fn give_anew(&mut self, service: &Arc<Service>) -> Result<State, Broken> {
        let (old, configuration, give) = (self.instruction, self.configuration, self.give);
        let (paused, now) = (self.paused, service.clock.now());
        let given = service
            .write(move |tx| {
                instructions::withdraw(tx, old)?;
                paused.give(tx, give, configuration, now)
            })
            .await;
        let given = given.map_err(|error| Broken::storage(error, INSTRUCT))?;
        let given = given.ok_or_else(|| Broken::withdrawn(INSTRUCT.to_owned()))?;
        (self.instruction, self.version) = (given.instruction, given.version);
        service.instructions.raise();
        self.given = Instant::now();
        Ok(State::Reading)
    }
}

/// Reads what changed, without deciding anything.
pub(crate) async fn read_only(
    service: &Arc<Service>,
    configuration: ConfigurationId,
) -> Result<(), Problem> {
    let problem = |broken: Broken| broken.problem;
    let reading = Reading::begin(service, configuration, changes, WhenPaused::Read).await;
    let mut reading = reading.map_err(problem)?;
    while reading.look(service).await.map_err(problem)? == State::Reading {
        reading.wait(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// What a configuration wants of a reading that began under another version of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    /// What it was given.
    AsGiven,
    /// Something else.
    Otherwise,
    /// Nothing at all.
    Nothing,
}

fn wanted(
    tx: &mut (impl Read + ?Sized),
    id: InstructionId,
    configuration: &Configuration,
) -> Result<Wanted, StoreError> {
    let given = instructions::given(tx, id)?;
    let job: Option<Job> = tx.fetch_one(&configuration.id)?;
    let (Some(given), Some(job)) = (given, job) else {
        return Ok(Wanted::AsGiven);
    };
    let same = match given.action {
        Action::ReadChanges(given) => {
            let known = crate::configuration::known(configuration);
            let before = policy::read_set_of(tx, configuration.id)?;
            let next = policy::next_read_set(&known.compiled, &before);
            let now = read_changes(configuration, &job, &next);
            (now.read_set, now.scope, now.eager, now.must_exist)
                == (given.read_set, given.scope, given.eager, given.must_exist)
        }
        Action::ReadCredentials(_) if !crate::passwords::enabled(configuration) => {
            return Ok(Wanted::Nothing);
        }
        Action::ReadCredentials(given) => {
            crate::passwords::order(configuration, &job).iterations == given.iterations
        }
        _ => true,
    };
    Ok(match same {
        true => Wanted::AsGiven,
        false => Wanted::Otherwise,
    })
}

/// What is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Changes,
    Passwords,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Passwords => "passwords",
        }
    }

    /// From where, as far as it is known.
    fn whence(self, job: &Job) -> String {
        let answers = match self {
            Self::Changes => &job.reading_from,
            Self::Passwords => &job.passwords.reading_from,
        };
        match (answers, job.watermark.cookie()) {
            (Some(controller), _) => format!(" from {controller}"),
            (None, Some(before)) => {
                format!(
                    " from a domain controller, none of which has answered yet; before, it was {}",
                    before.controller
                )
            }
            (None, None) => " from a domain controller, none of which has answered yet".to_owned(),
        }
    }
}

/// An instruction that was laid out.
pub(super) struct Given {
    instruction: InstructionId,
    domain: String,
    what: What,
    /// The configuration's version.
    version: u64,
}

/// Has changes of objects read, under a lease that supersedes every one before.
pub(super) fn changes(
    tx: &mut dyn Write,
    id: ConfigurationId,
    now: Timestamp,
) -> Result<Given, StoreError> {
    let configuration: Configuration = tx.fetch_one(&id)?.ok_or_else(gone)?;
    let mut job: Job = tx.fetch_one(&id)?.ok_or_else(gone)?;
    if let Some(old) = job.instruction.take() {
        instructions::withdraw(tx, old)?;
    }
    let known = crate::configuration::known(&configuration);
    let before = policy::read_set_of(tx, id)?;
    let wanted = policy::next_read_set(&known.compiled, &before);
    if wanted.version != job.read_set {
        // Rows that were read with another list are not complete: everything is read anew.
        job.watermark = Watermark::Start;
    }
    job.read_set = wanted.version;
    job.lease += 1;
    job.reading_from = None;
    let action = Action::ReadChanges(read_changes(&configuration, &job, &wanted));
    if wanted != before {
        tx.store(&[wanted])?;
    }
    let owner = Some((id, job.lease));
    let instruction = instructions::give(tx, &configuration.domain, owner, action, now)?;
    job.instruction = Some(instruction);
    tx.store(&[job])?;
    Ok(Given {
        instruction,
        what: What::Changes,
        domain: configuration.domain,
        version: configuration.version,
    })
}

/// Has changes of passwords read, under a lease that supersedes every one before.
pub(super) fn passwords(
    tx: &mut dyn Write,
    id: ConfigurationId,
    now: Timestamp,
) -> Result<Given, StoreError> {
    let configuration: Configuration = tx.fetch_one(&id)?.ok_or_else(gone)?;
    let mut job: Job = tx.fetch_one(&id)?.ok_or_else(gone)?;
    if let Some(old) = job.passwords.instruction.take() {
        instructions::withdraw(tx, old)?;
    }
    job.passwords.lease += 1;
    let action = Action::ReadCredentials(crate::passwords::order(&configuration, &job));
    let owner = Some((id, job.passwords.lease));
    let instruction = instructions::give(tx, &configuration.domain, owner, action, now)?;
    job.passwords.instruction = Some(instruction);
    tx.store(&[job])?;
    Ok(Given {
        instruction,
        what: What::Passwords,
        domain: configuration.domain,
        version: configuration.version,
    })
}

fn gone() -> StoreError {
    StoreError::Abandoned {
        source: "the configuration is gone".into(),
    }
}

fn read_changes(
    configuration: &Configuration,
    job: &Job,
    read_set: &records::ReadSet,
) -> ReadChanges {
    let cookie = job.watermark.cookie();
    let controller = cookie.and_then(|c| job.controllers.get(&c.controller.to_lowercase()));
    let guids = |roots: &[ScopeRoot]| -> Vec<_> { roots.iter().map(|root| root.guid).collect() };
    let by_groups = !configuration.groups.is_empty();
    let scope = match (&configuration.roots, configuration.excluded.is_empty()) {
        (None, true) if !by_groups => ScopeHint::Everything,
        (Some(roots), _) if !by_groups => ScopeHint::Below {
            roots: guids(roots),
            excluded: guids(&configuration.excluded),
        },
        _ => ScopeHint::Unknown,
    };
    let named = [
        configuration.roots.as_deref().unwrap_or_default(),
        &configuration.excluded,
        &configuration.groups,
    ];
    // A reading of everything sends whole objects; who is in place is wanted, if nothing else decides it.
    let known = crate::configuration::known(configuration);
    let eager = !matches!(scope, ScopeHint::Unknown) && known.compiled.filters.0.is_empty();
    ReadChanges {
        cookie: cookie.map(|cookie| cookie.value.clone()),
        controller: controller.and_then(|controller| identity(job, controller)),
        read_set: ReadSet {
            version: read_set.version,
            attributes: read_set.attributes.clone(),
            links: read_set.links.clone(),
            decision: read_set.decision.clone(),
        },
        scope,
        eager,
        must_exist: named.concat().iter().map(|root| root.guid).collect(),
        batch: OFFER,
        link_batch: LINKS,
        canaries: canaries(job),
    }
}

/// A controller as agents know it.
pub(crate) fn identity(job: &Job, controller: &Controller) -> Option<ControllerIdentity> {
    let domain = job.domain.as_ref()?;
    Some(ControllerIdentity {
        dns_name: controller.dns_name.clone(),
        naming_context: domain.naming_context,
        domain_sid: domain.sid.clone(),
        invocation_id: controller.invocation_id,
        highest_usn: controller.highest_usn,
    })
}

/// What controllers are recognised by.
pub(crate) fn canaries(job: &Job) -> Vec<KnownCanary> {
    job.controllers.values().filter_map(canary).collect()
}

fn canary(controller: &Controller) -> Option<KnownCanary> {
    let (guid, usn_changed) = controller.canary.as_ref()?;
    let canary = Canary {
        guid: guid.parse().ok()?,
        usn_changed: *usn_changed,
    };
    Some(KnownCanary {
        dns_name: controller.dns_name.clone(),
        canary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_api::configuration::{PasswordHashSync, Spec};
    use lockstep_model::Guid;
    use lockstep_model::ids::ObjectId;
    use lockstep_store::{MemoryStore, Transact as _, records};

    fn configuration(change: impl FnOnce(&mut Spec)) -> Configuration {
        let mut spec = Spec::unreadable("corp", "corp.test");
        spec.password_hash_sync = PasswordHashSync::default();
        change(&mut spec);
        Configuration {
            id: ConfigurationId::new(Guid::from_bytes([1; 16])),
            name: "corp".into(),
            domain: "corp.test".into(),
            spec: serde_json::to_string(&spec).unwrap(),
            version: 1,
            roots: None,
            excluded: Vec::new(),
            groups: Vec::new(),
            paused: false,
            scratch: false,
            stands_for: None,
            heir: None,
            service_principal: ObjectId::new(Guid::NIL),
        }
    }

    /// What the changed configuration wants of a reading that was given by the plain one.
    fn wanted_after(give: Give, after: &Configuration) -> Wanted {
        let store = MemoryStore::new(&records::tables());
        let before = configuration(|_| ());
        let found = store.writing(|tx| {
            tx.store(std::slice::from_ref(&before))?;
            tx.store(&[Job::new(before.id)])?;
            let given = give(tx, before.id, Timestamp::from_millis(1))?;
            wanted(tx, given.instruction, after)
        });
        found.unwrap()
    }

    #[test]
    fn a_reading_is_asked_for_anew_only_where_the_changed_configuration_reads_something_else() {
        let staff = ScopeRoot {
            guid: Guid::from_bytes([2; 16]),
            dn: "OU=Staff,DC=corp,DC=test".into(),
        };
        let narrower = Configuration {
            excluded: vec![staff],
            ..configuration(|_| ())
        };
        let told = configuration(|spec| spec.notifications.email = vec!["it@corp.test".into()]);
        assert_eq!(wanted_after(changes, &narrower), Wanted::Otherwise);
        assert_eq!(wanted_after(changes, &told), Wanted::AsGiven);
        assert_eq!(wanted_after(passwords, &narrower), Wanted::AsGiven);
    }

    #[test]
    fn passwords_that_are_switched_off_are_read_no_more() {
        let off = configuration(|spec| spec.password_hash_sync.enabled = false);
        let staging = configuration(|spec| spec.staging = true);
        assert_eq!(wanted_after(passwords, &off), Wanted::Nothing);
        assert_eq!(wanted_after(passwords, &staging), Wanted::Nothing);
        assert_eq!(wanted_after(changes, &off), Wanted::AsGiven);
    }
}
