//! A service, a domain, and cycles that run when a test says so.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

use crate::api::Api;
use crate::domain::{AGENT, Domain, Reader};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{CycleState, Timestamp};
use lockstep_server::job::{self, Wake};
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::records::service::Agent;
use lockstep_store::{
    MemoryStore, ReadRecords as _, Store, Transact as _, WriteRecords as _, records,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The configuration's address.
pub(crate) const CORP: &str = "/api/v1/configurations/corp";
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A service that synchronises a domain.
pub(crate) struct Corp {
    pub(crate) api: Api,
    domain: Arc<Mutex<Domain>>,
}

impl Corp {
    /// A domain of which nothing is configured yet.
    pub(crate) fn start() -> Self {
        Self::start_on(Arc::new(MemoryStore::new(&records::tables())))
    }

    /// The same on a store of one's own.
    pub(crate) fn start_on(store: Arc<dyn Store>) -> Self {
        let api = Api::start_on(store);
        let agent = Agent {
            id: AGENT,
            name: "agent".into(),
            version: "1".into(),
            public_key: String::new(),
            domains: vec!["corp.test".into()],
            enrolled: 0,
            seen: 0,
        };
        let agents = [agent];
        api.service
            .store
            .write(&mut |tx| tx.store(&agents))
            .unwrap();
        Self {
            api,
            domain: Arc::new(Mutex::new(Domain::new())),
        }
    }

    /// The domain.
    pub(crate) fn ad(&self) -> MutexGuard<'_, Domain> {
        self.domain.lock().unwrap()
    }

    /// Lets an agent work for as long as something else goes on.
    fn with_agent<T>(&self, work: impl Future<Output = T>) -> T {
        let reader = Reader {
            service: Arc::clone(&self.api.service),
            domain: Arc::clone(&self.domain),
        };
        self.api.runtime.block_on(async {
            tokio::select! {
                result = work => result,
                never = reader.run() => never,
            }
        })
    }

    /// Lets an agent work and something else go on until the store shows what is waited for, and drops both.
    pub(crate) fn broken_off<T>(
        &self,
        work: impl Future<Output = T>,
        enough: impl Fn(&mut dyn lockstep_store::Read) -> bool,
    ) {
        let shown = async {
            while !self.row(|tx| Ok(enough(tx))) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        self.with_agent(async {
            tokio::select! {
                _ = work => panic!("it came to its end"),
                shown = tokio::time::timeout(Duration::from_secs(20), shown) => shown.expect("it is never so"),
            }
        });
    }

    /// Sends a request for which an agent is needed.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.with_agent(self.api.answer(method, path, body));
        assert!(
            (200..300).contains(&answer.status),
            "{} {}",
            answer.status,
            answer.text
        );
        answer.json()
    }

    /// Applies a configuration of the domain with these keys besides name and domain.
    pub(crate) fn apply(&self, keys: Value) {
        self.ask("PUT", CORP, Some(spec(keys)));
    }

    /// Applies a configuration while a cycle reads, once the agent that reads has broken off without a word.
    pub(crate) fn apply_while_reading(&self, keys: Value) {
        self.while_reading("PUT", CORP, Some(spec(keys)));
    }

    /// Pauses while a cycle reads.
    pub(crate) fn paused_while_reading(&self) {
        self.while_reading("POST", &format!("{CORP}/pause"), None);
    }

    /// Sends a request while a cycle reads, once the agent that reads has broken off without a word.
    fn while_reading(&self, method: &str, path: &str, body: Option<Value>) {
        self.ad().breaks_after = Some(0);
        let id = self.configuration().id;
        let cycle = job::run_cycle(&self.api.service, id, Wake::Clock);
        let applied = async {
            while self.ad().breaks_after.is_some() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            self.api.answer(method, path, body).await
        };
        let both = async { tokio::join!(cycle, applied) };
        let both = async { tokio::time::timeout(Duration::from_secs(20), both).await };
        let (ran, answer) = self.with_agent(both).expect("the cycle does not end");
        ran.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// How the configuration stands.
    pub(crate) fn show(&self) -> Value {
        self.ask("GET", CORP, None)
    }

    /// What is listed under the configuration.
    pub(crate) fn list(&self, what: &str) -> Vec<Value> {
        let listed = self.ask("GET", &format!("{CORP}/{what}"), None);
        listed.as_array().cloned().expect("a list")
    }

    /// A cycle by the clock.
    pub(crate) fn cycle(&self) -> Cycle {
        self.woken_by(Wake::Clock)
    }

    pub(crate) fn woken_by(&self, wake: Wake) -> Cycle {
        self.cycle_of(self.configuration().id, wake)
    }

    /// A cycle of any configuration.
    pub(crate) fn cycle_of(&self, id: ConfigurationId, wake: Wake) -> Cycle {
        self.with_agent(job::run_cycle(&self.api.service, id, wake))
            .unwrap();
        let job: Option<Job> = self.row(move |tx| tx.fetch_one::<Job>(&id));
        let last = job.and_then(|job| job.last_cycle);
        let last = last.expect("a cycle has run");
        self.row(move |tx| tx.fetch_one::<Cycle>(&last))
            .expect("it was kept")
    }

    /// A cycle by the clock that must succeed.
    pub(crate) fn clean_cycle(&self) -> Cycle {
        let cycle = self.cycle();
        assert_eq!((cycle.state, &cycle.error), (CycleState::Succeeded, &None));
        cycle
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, millis: i64) {
        self.api.service.clock.advance(millis);
    }

    /// When the clock runs the next cycle.
    pub(crate) fn next_cycle(&self) -> Option<Timestamp> {
        let id = self.configuration().id;
        self.api
            .runtime
            .block_on(job::next_cycle(&self.api.service, id))
            .unwrap()
    }

    /// In how many minutes the clock runs the next cycle.
    pub(crate) fn next_in_minutes(&self) -> Option<u64> {
        let now = self.api.service.clock.now();
        let next = self.next_cycle()?;
        Some((next.since(now) + Duration::from_secs(30)).as_secs() / 60)
    }

    pub(crate) fn configuration(&self) -> Configuration {
        let found = self.row(|tx| lockstep_server::configurations::by_name(tx, "corp"));
        found.expect("it was applied")
    }

    pub(crate) fn job(&self) -> Job {
        let id = self.configuration().id;
        self.row(move |tx| tx.fetch_one::<Job>(&id))
            .expect("it has a job")
    }

    /// Looks into the store.
    pub(crate) fn row<T>(
        &self,
        look: impl FnOnce(&mut dyn lockstep_store::Read) -> Result<T, lockstep_store::StoreError>,
    ) -> T {
        self.api.service.store.reading(look).unwrap()
    }

    /// The names of all users of the directory, sorted.
    pub(crate) fn users(&self) -> Vec<String> {
        let path = "/v1.0/users?$top=999&$select=onPremisesSamAccountName";
        let mut names: Vec<String> = self
            .all(path)
            .iter()
            .map(|user| {
                user["onPremisesSamAccountName"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// All entries of a set, over its pages.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let (mut values, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let answer = self.api.send("GET", &path, None);
            values.extend(answer.values());
            next = answer.json()["@odata.nextLink"].as_str().map(str::to_owned);
        }
        values
    }

    /// One user.
    pub(crate) fn user(&self, name: &str) -> Value {
        let select = "id,displayName,department,userPrincipalName";
        let filter = format!("onPremisesSamAccountName eq '{name}'");
        let users = self.all(&format!("/v1.0/users?$select={select}&$filter={filter}"));
        assert_eq!(users.len(), 1, "users called {name}");
        users[0].clone()
    }

    /// The log of the newest cycle, as action, status and code of each entry.
    pub(crate) fn log(&self) -> Vec<Value> {
        let cycle = self.job().last_cycle.expect("a cycle has run");
        let page = self.ask(
            "GET",
            &format!("/api/v1/log?cycle={cycle}&limit=1000"),
            None,
        );
        page["entries"].as_array().cloned().expect("entries")
    }

    /// objectGUID of a user, by name.
    pub(crate) fn guid_of(&self, name: &str) -> lockstep_model::Guid {
        self.ad().guid_of(name)
    }

    /// So many users in an organizational unit.
    pub(crate) fn people(
        &self,
        count: usize,
        parent: lockstep_model::Guid,
    ) -> Vec<lockstep_model::Guid> {
        let mut ad = self.ad();
        (0..count)
            .map(|number| ad.user(&format!("person{number}"), parent))
            .collect()
    }
}

/// A configuration of the domain with these keys besides name and domain.
fn spec(keys: Value) -> Value {
    let mut spec = json!({
        "name": "corp", "domain": "corp.test", "password-hash-sync": {"enabled": false},
    });
    for (key, value) in keys.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    spec
}
