//! Plays a scenario: the real service over a memory store, a drawn domain, a simulated agent.

use crate::agent;
use crate::cost::CountingStore;
use crate::domain::{Class, Domain, LINKS};
use crate::line::{Address, Line as Way};
use crate::script::{Line, Scenario, Step, Wrong, unrolled, words};
use crate::sinks::SmtpSink;
use crate::standing::expect_cycles;
use crate::unwell::{self, Illness};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use lockstep_agent::state::AgentKey;
use lockstep_model::ids::{AgentId, ConfigurationId};
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_server::clock::Clock;
use lockstep_server::http::admin::token_hash;
use lockstep_server::http::router;
use lockstep_server::job::{self, Wake};
use lockstep_server::notify::{self, Mailer, Outlets, Webhooks};
use lockstep_server::sealing::Sealer;
use lockstep_server::service::{Parts, Service, Transactions};
use lockstep_server::{configurations, ids};
use lockstep_store::records::service::{Agent, ApiToken};
use lockstep_store::{MemoryStore, Store, WriteRecords as _, records};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// When scenarios begin: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600_000;
/// The domain, and the configuration, of a scenario that names none.
const DOMAIN: &str = "corp.test";
const NAME: &str = "corp";
const TOKEN: &str = "administrator";
/// So much time passes before each cycle.
const INTERVAL_MILLIS: i64 = 120_000;
/// How long a cycle waits for an agent where a scenario is about agents that do not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// An answer of the service.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body, unless the service refused.
    pub(crate) fn ok(self) -> Result<Value, String> {
        match self.status {
            200..300 => Ok(self.body),
            status => Err(format!("the service refuses ({status}): {}", self.body)),
        }
    }
}

/// Where a scenario is played.
pub(crate) struct Stage {
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<CountingStore>,
    app: Router,
    domains: BTreeMap<String, Rc<RefCell<Domain>>>,
    /// The agent of each domain, and what it is at.
    agents: BTreeMap<String, Enrolled>,
    /// Where mails arrive, if the scenario looks at them, and how many were looked at.
    pub(crate) mail: Option<(SmtpSink, Cell<usize>)>,
    /// What the objects of the directory were called that a scenario watches.
    pub(crate) labels: RefCell<BTreeMap<String, String>>,
    /// A changed configuration that has not been applied.
    proposal: Option<Value>,
    /// Where the service answers, if the agent comes over the wire.
    address: Option<Address>,
}

/// Plays a scenario to its end.
pub(crate) fn play(scenario: &Scenario) -> Result<(), Wrong> {
    let has = |heading: &str| {
        let mut headings = scenario.steps.iter().filter_map(|step| step.words.first());
        headings.any(|word| word == heading)
    };
    let props = Props {
        mail: has("mails"),
        patience: has("agents").then_some(PATIENCE),
        ..Props::default()
    };
    staged_with(props, async |stage| stage.play(scenario).await)
}

/// The agent of a domain.
struct Enrolled {
    id: AgentId,
    line: Way,
    serving: JoinHandle<()>,
}

/// What a stage has that not every scenario needs.
#[derive(Clone, Copy, Default)]
struct Props {
    https: bool,
    mail: bool,
    patience: Option<Duration>,
}

/// Does something on a stage of its own.
pub(crate) fn staged<T>(work: impl AsyncFnOnce(&mut Stage) -> T) -> T {
    staged_with(Props::default(), work)
}

/// The same where the fake agent sends signed requests over HTTPS, as a real one does. The clock is that of this
/// machine, because they are signed for the moment.
pub(crate) fn staged_over_https<T>(work: impl AsyncFnOnce(&mut Stage) -> T) -> T {
    let props = Props {
        https: true,
        ..Props::default()
    };
    staged_with(props, work)
}

fn staged_with<T>(props: Props, work: impl AsyncFnOnce(&mut Stage) -> T) -> T {
    ids::follow(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let https = props.https;
        let mut stage = Stage::new(props);
        if https {
            stage.address = Some(Address::of(stage.app.clone()).await);
        }
        stage.domain(DOMAIN);
        let body = json!({ "name": DOMAIN });
        let added = stage.send("POST", "/api/v1/domains", Some(body)).await;
        added.ok().expect("the tenant gets its suffix");
        work(&mut stage).await
    })
}

impl Stage {
    fn new(props: Props) -> Self {
        let store = MemoryStore::new(&records::tables());
        let store = Arc::new(CountingStore::over(store));
        let token = ApiToken {
            hash: token_hash(TOKEN),
            name: TOKEN.to_owned(),
            role: TOKEN.to_owned(),
            expires: None,
        };
        let stored = store.write(&mut |tx| tx.store(std::slice::from_ref(&token)));
        stored.expect("a token can be stored");
        let service = Service::new(Parts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            public_url: "https://lockstep.test".to_owned(),
            ca: None,
            initial_domain: "local.lockstep".to_owned(),
            agent_silence: Duration::from_secs(45),
            sealer: Sealer::new(&Secret::new([1; 32])),
        });
        let mut service = service.expect("the service starts");
        if !props.https {
            service.clock = Clock::standing_at(Timestamp::from_millis(BEGINNING));
        }
        service.transactions = Transactions::InPlace;
        service.agent_patience = props.patience.unwrap_or(service.agent_patience);
        let service = Arc::new(service);
        let mail = props.mail.then(SmtpSink::start);
        if let Some(sink) = &mail {
            let server = Secret::new(format!("smtp://{}", sink.address()));
            let outlets = Outlets {
                mailer: Mailer::new(&server, "lockstep@corp.test").ok(),
                webhooks: Webhooks::new().expect("a client of the web can be made"),
            };
            assert!(service.outlets.set(outlets).is_ok(), "nobody was told yet");
        }
        Self {
            app: router::app(Arc::clone(&service)),
            service,
            store,
            domains: BTreeMap::new(),
            agents: BTreeMap::new(),
            mail: mail.map(|sink| (sink, Cell::new(0))),
            labels: RefCell::default(),
            proposal: None,
            address: None,
        }
    }

    /// The domain of this name; it is made, with an agent, when it is first spoken of.
    fn domain(&mut self, name: &str) -> Rc<RefCell<Domain>> {
        if let Some(known) = self.domains.get(name) {
            return Rc::clone(known);
        }
        let number = u8::try_from(self.domains.len() + 1).unwrap_or(u8::MAX);
        let domain = Rc::new(RefCell::new(Domain::new(name, number)));
        self.domains.insert(name.to_owned(), Rc::clone(&domain));
        let id = AgentId::new(Guid::from_bytes([number; 16]));
        let key = AgentKey::generate().expect("this machine has random numbers");
        let row = Agent {
            id,
            name: format!("agent of {name}"),
            version: "simulated".to_owned(),
            public_key: key.public_base64(),
            domains: vec![name.to_owned()],
            enrolled: BEGINNING,
            seen: self.service.clock.now().as_millis(),
        };
        let stored = self
            .service
            .store
            .write(&mut |tx| tx.store(std::slice::from_ref(&row)));
        stored.expect("an agent can be enrolled");
        let line = match &self.address {
            Some(address) => address.line(&self.service, id, key),
            None => Way::Direct(Arc::clone(&self.service), id),
        };
        let served = agent::serve(line.clone(), Rc::clone(&domain));
        let serving = tokio::task::spawn_local(served);
        let enrolled = Enrolled { id, line, serving };
        self.agents.insert(name.to_owned(), enrolled);
        domain
    }

    /// What the agent of a domain does from now on.
    fn agents(&mut self, name: &str, body: &[Line]) -> Result<(), Wrong> {
        let domain = self.domain(name);
        for line in body {
            let at = Wrong::at(line.number);
            let words = words(&line.text).map_err(&at)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let agent = self
                .agents
                .get_mut(name)
                .ok_or_else(|| at("no agent".to_owned()))?;
            agent.serving.abort();
            let illness = match words.as_slice() {
                ["stop"] => continue,
                ["start" | "restart"] => None,
                ["silent"] => Some(Illness::Silent),
                ["fail", code, message] => Some(Illness::Failing {
                    code: (*code).to_owned(),
                    message: (*message).to_owned(),
                }),
                _ => return Err(at(format!("`{}` is nothing that an agent does", line.text))),
            };
            agent.serving = match illness {
                None => {
                    let served = agent::serve(agent.line.clone(), Rc::clone(&domain));
                    tokio::task::spawn_local(served)
                }
                Some(illness) => {
                    let served = unwell::serve(Arc::clone(&self.service), agent.id, illness);
                    tokio::task::spawn_local(served)
                }
            };
        }
        Ok(())
    }

    /// Asks the service as the command line does.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let encoded = path.replace(' ', "%20").replace('"', "%22");
        let request = Request::builder()
            .method(method)
            .uri(encoded)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).expect("a request can be made");
        let response = self.app.clone().oneshot(request).await;
        let (parts, body) = response.expect("the service answers").into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await;
        Answer {
            status: parts.status.as_u16(),
            body: serde_json::from_slice(&bytes.expect("the answer is whole")).unwrap_or_default(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, String> {
        self.send("GET", path, None).await.ok()
    }

    /// All entries of a set, page by page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        let (mut path, mut all) = (path.to_owned(), Vec::new());
        loop {
            let mut page = self.get(&path).await?;
            all.extend(
                page["value"]
                    .as_array_mut()
                    .map(std::mem::take)
                    .unwrap_or_default(),
            );
            match page["@odata.nextLink"].as_str() {
                Some(next) => path = next.replace("https://lockstep.test", ""),
                None => return Ok(all),
            }
        }
    }

    /// Takes the steps of a scenario.
    pub(crate) async fn play(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        for step in &scenario.steps {
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let at = Wrong::at(step.line);
        match words.as_slice() {
            ["ad", rest @ ..] => self.change(rest.first().unwrap_or(&DOMAIN), &step.body),
            ["cloud"] => self.each(&step.body, Todo::Cloud).await,
            ["directory"] => self.each(&step.body, Todo::Directory).await,
            ["log"] => self.each(&step.body, Todo::Log).await,
            ["configuration", rest @ ..] => self.configure(rest, step).await,
            ["proposal", rest @ ..] => {
                let name = rest.first().unwrap_or(&NAME);
                self.proposal = Some(spec(name, &step.body)?);
                Ok(())
            }
            ["plan", rest @ ..] => {
                let plan = self
                    .plan(rest.first().unwrap_or(&NAME))
                    .await
                    .map_err(&at)?;
                self.expect_plan(&plan, step)
            }
            ["apply"] => {
                let proposal = self.proposal.take();
                let proposal = proposal.ok_or_else(|| at("nothing was proposed".to_owned()))?;
                self.apply(&proposal).await.ok().map(|_| ()).map_err(at)
            }
            ["cycle", names @ ..] => self.cycles(names, step).await,
            ["provision", dn, rest @ ..] => {
                let told = self.provision(dn, rest).await.map_err(&at)?;
                self.expect_provisioned(&told, step)
            }
            ["restart", rest @ ..] => {
                let name = rest.first().unwrap_or(&NAME);
                let reset: Vec<&&str> = rest.iter().skip(1).collect();
                let body = if reset.is_empty() {
                    json!({})
                } else {
                    json!({ "reset": reset })
                };
                self.order(name, "restart", body).await.map_err(at)
            }
            [verb @ ("pause" | "resume"), rest @ ..] => {
                let name = rest.first().unwrap_or(&NAME);
                self.order(name, verb, json!({})).await.map_err(at)
            }
            ["remove", rest @ ..] => self.remove(rest).await.map_err(at),
            [
                list @ ("deletes" | "missing"),
                verb @ ("allow" | "reject" | "delete" | "keep"),
                rest @ ..,
            ] => {
                let name = rest.first().unwrap_or(&NAME);
                self.decide(name, list, verb, step).await
            }
            ["agents", rest @ ..] => self.agents(rest.first().unwrap_or(&DOMAIN), &step.body),
            ["job", rest @ ..] => self.expect_job(rest.first().unwrap_or(&NAME), step).await,
            ["held", rest @ ..] => {
                let name = rest.first().unwrap_or(&NAME);
                self.expect_listed(name, "deletes", step).await
            }
            ["missing", rest @ ..] => {
                let name = rest.first().unwrap_or(&NAME);
                self.expect_listed(name, "missing", step).await
            }
            ["mails"] => self.expect_mails(step),
            ["clock", number, unit, rest @ ..] => {
                let millis = millis(number, unit).map_err(&at)?;
                self.by_the_clock(rest.first().unwrap_or(&NAME), millis, step)
                    .await
            }
            ["wait", number, unit] => {
                self.pass(millis(number, unit).map_err(at)?);
                Ok(())
            }
            _ => Err(at(format!("`{}` is no step", step.words.join(" ")))),
        }
    }

    async fn each(&self, body: &[Line], todo: Todo) -> Result<(), Wrong> {
        for line in body {
            let at = Wrong::at(line.number);
            let words = words(&line.text).map_err(&at)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let done = match todo {
                Todo::Cloud => self.cloud(&words).await,
                Todo::Directory => self.expect_object(&words).await,
                Todo::Log => self.expect_log(&words).await,
            };
            done.map_err(at)?;
        }
        Ok(())
    }

    /// Asks the service to do something with a configuration.
    async fn order(&self, name: &str, verb: &str, body: Value) -> Result<(), String> {
        let path = format!("/api/v1/configurations/{name}/{verb}");
        self.send("POST", &path, Some(body)).await.ok().map(|_| ())
    }

    /// Ends a configuration.
    async fn remove(&self, rest: &[&str]) -> Result<(), String> {
        let (name, heir) = match rest {
            [] => (NAME, None),
            [name] => (*name, None),
            [name, "to", heir] => (*name, Some(*heir)),
            _ => return Err("expected `remove [NAME [to cloud|NAME]]`".to_owned()),
        };
        let heir = heir.map_or_else(String::new, |heir| format!("?handOverTo={heir}"));
        let path = format!("/api/v1/configurations/{name}{heir}");
        self.send("DELETE", &path, None).await.ok().map(|_| ())
    }

    /// Decides about listed objects: those that the step names, else all.
    async fn decide(&self, name: &str, list: &str, verb: &str, step: &Step) -> Result<(), Wrong> {
        let path = format!("/api/v1/configurations/{name}/{list}");
        let listed = self.get(&path).await.map_err(Wrong::at(step.line))?;
        let mut ids = Vec::new();
        for line in &step.body {
            let at = Wrong::at(line.number);
            let dn = self.full_dn(line.text.trim_matches('"')).map_err(&at)?;
            let mut all = listed.as_array().into_iter().flatten();
            let found = all.find(|one| one["dn"] == *dn);
            let found = found.ok_or_else(|| at(format!("{dn} is not listed: {listed}")))?;
            ids.push(found["id"].clone());
        }
        let verb = format!("{list}/{verb}");
        let decided = self.order(name, &verb, json!({ "ids": ids })).await;
        decided.map_err(Wrong::at(step.line))
    }

    /// Time passes, and cycles run as the clock says.
    async fn by_the_clock(&self, name: &str, millis: i64, step: &Step) -> Result<(), Wrong> {
        let at = Wrong::at(step.line);
        let id = self.configuration(name).await.map_err(&at)?;
        let end = self.service.clock.now().as_millis() + millis;
        let mut cycles = 0_u32;
        loop {
            let now = self.service.clock.now().as_millis();
            let next = job::next_cycle(&self.service, id).await;
            let next = next
                .expect("the store can be read")
                .map(Timestamp::as_millis);
            let Some(next) = next.filter(|next| *next <= end) else {
                self.pass(end - now);
                break;
            };
            self.pass((next - now).max(0));
            self.run(id, Wake::Clock).await.map_err(&at)?;
            cycles += 1;
        }
        expect_cycles(step, cycles)
    }

    pub(crate) async fn configuration(&self, name: &str) -> Result<ConfigurationId, String> {
        let all = self.service.read(|tx| configurations::all(tx)).await;
        let all = all.expect("the store can be read");
        let found = all.iter().find(|row| row.name == name);
        found
            .map(|row| row.id)
            .ok_or_else(|| format!("there is no configuration {name}"))
    }

    /// Runs one cycle; whoever is to be told of something is told.
    async fn run(&self, id: ConfigurationId, wake: Wake) -> Result<(), String> {
        let run = job::run_cycle(&self.service, id, wake).await;
        run.map_err(|error| error.to_string())?;
        if self.mail.is_some() {
            let told = notify::tell_due(&self.service).await;
            told.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn pass(&self, millis: i64) {
        if self.address.is_none() {
            self.service.clock.advance(millis);
        }
        self.service.instructions.raise();
    }

    async fn configure(&mut self, rest: &[&str], step: &Step) -> Result<(), Wrong> {
        let at = Wrong::at(step.line);
        let (name, refusal) = match rest {
            [] => (NAME, None),
            ["refused", text] => (NAME, Some(*text)),
            [name] => (*name, None),
            [name, "refused", text] => (*name, Some(*text)),
            _ => {
                return Err(at(
                    "expected `configuration [NAME] [refused TEXT]`".to_owned()
                ));
            }
        };
        let spec = spec(name, &step.body)?;
        let domain = spec["domain"].as_str().unwrap_or(DOMAIN).to_owned();
        self.domain(&domain);
        let answer = self.apply(&spec).await;
        let Some(text) = refusal else {
            return answer.ok().map(|_| ()).map_err(at);
        };
        let told = answer.body.to_string();
        match answer.status >= 400 && told.contains(text) {
            true => Ok(()),
            false => Err(at(format!(
                "expected a refusal with {text:?}, found {told}"
            ))),
        }
    }

    async fn apply(&self, spec: &Value) -> Answer {
        let name = spec["name"].as_str().unwrap_or_default();
        let path = format!("/api/v1/configurations/{name}");
        self.send("PUT", &path, Some(spec.clone())).await
    }

    async fn plan(&self, name: &str) -> Result<Value, String> {
        let (path, body) = match &self.proposal {
            Some(spec) => ("/api/v1/plan".to_owned(), Some(spec.clone())),
            None => (format!("/api/v1/configurations/{name}/plan"), None),
        };
        self.send("POST", &path, body).await.ok()
    }

    async fn provision(&self, dn: &str, rest: &[&str]) -> Result<Value, String> {
        let (mut name, mut dry_run, mut ignore_scope) = (NAME, false, false);
        for word in rest {
            match *word {
                "dry-run" => dry_run = true,
                "ignore-scope" => ignore_scope = true,
                other => name = other,
            }
        }
        let dn = self.full_dn(dn)?;
        let body = json!({"dn": dn, "dryRun": dry_run, "ignoreScope": ignore_scope});
        let path = format!("/api/v1/configurations/{name}/provision");
        self.send("POST", &path, Some(body)).await.ok()
    }

    /// A name in full: within the domain that it names, else within the first one.
    pub(crate) fn full_dn(&self, name: &str) -> Result<String, String> {
        let parsed = name.parse::<lockstep_model::Dn>();
        let parsed = parsed.map_err(|error| format!("{name}: {error}"))?;
        let domains = || self.domains.values().map(|domain| domain.borrow());
        let full = match domains().any(|domain| parsed.is_within(&domain.dn)) {
            true => parsed,
            false => {
                let domain = self.domains.get(DOMAIN).ok_or("there is no domain")?;
                domain.borrow().full(name)?
            }
        };
        Ok(full.to_string())
    }

    /// Runs cycles: of the named configurations, else of all.
    async fn cycles(&self, names: &[&str], step: &Step) -> Result<(), Wrong> {
        let at = Wrong::at(step.line);
        let all = self.service.read(|tx| configurations::all(tx)).await;
        let all = all.expect("the store can be read");
        let named = |name: &str| all.iter().any(|row| row.name == name);
        if let Some(unknown) = names.iter().find(|name| !named(name)) {
            return Err(at(format!("there is no configuration {unknown}")));
        }
        for row in &all {
            if !names.is_empty() && !names.contains(&row.name.as_str()) {
                continue;
            }
            self.pass(INTERVAL_MILLIS);
            self.run(row.id, Wake::Hand).await.map_err(&at)?;
            let path = format!("/api/v1/configurations/{}/cycles", row.name);
            let cycles = self.get(&path).await.map_err(&at)?;
            self.expect_cycle(&cycles[0], step)?;
        }
        Ok(())
    }

    /// Changes a domain.
    fn change(&mut self, domain: &str, body: &[Line]) -> Result<(), Wrong> {
        let domain = self.domain(domain);
        for line in body {
            let at = Wrong::at(line.number);
            for text in unrolled(&line.text).map_err(&at)? {
                let words = words(&text).map_err(&at)?;
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                self.change_one(&mut domain.borrow_mut(), &words)
                    .map_err(&at)?;
            }
        }
        Ok(())
    }

    fn change_one(&self, domain: &mut Domain, words: &[&str]) -> Result<(), String> {
        match words {
            ["schema", attribute] => {
                domain.schema.insert((*attribute).to_owned());
                Ok(())
            }
            ["set", name, values @ ..] => {
                let guid = domain.find(name)?;
                self.set(domain, guid, values)
            }
            ["move", name, "to", place] => {
                let guid = domain.find(name)?;
                let step = domain.full(name)?.steps().first().cloned();
                let place = domain.full(place)?;
                let steps = step.into_iter().chain(place.steps().iter().cloned());
                domain.place(guid, &lockstep_model::Dn::new(steps.collect()))
            }
            ["rename", name, "to", new] => {
                let guid = domain.find(name)?;
                let parent = domain
                    .full(name)?
                    .parent()
                    .unwrap_or_else(|| domain.dn.clone());
                let new: lockstep_model::Dn = new.parse().map_err(|error| format!("{error}"))?;
                let steps = new.steps().iter().chain(parent.steps()).cloned();
                domain.place(guid, &lockstep_model::Dn::new(steps.collect()))
            }
            ["delete", name] => {
                let guid = domain.find(name)?;
                domain.delete(guid);
                Ok(())
            }
            ["leave", name] => {
                let guid = domain.find(name)?;
                domain.leave(guid)
            }
            [word @ ("hide" | "show"), name] => {
                let guid = domain.find(name)?;
                domain.hide(guid, *word == "hide");
                Ok(())
            }
            ["restore", name] => domain.undelete(name),
            ["add", member, "to", group] => {
                let (group, member) = (domain.find(group)?, self.target(domain, member)?);
                domain.link(group, "member", member, true);
                Ok(())
            }
            ["remove", member, "from", group] => {
                let (group, member) = (domain.find(group)?, self.target(domain, member)?);
                domain.link(group, "member", member, false);
                Ok(())
            }
            ["primary", user, group] => primary(domain, user, group),
            [word, name, values @ ..] => {
                let class = Class::of_word(word);
                let class = class.ok_or_else(|| format!("`{word}` is no change of a domain"))?;
                let given = values
                    .iter()
                    .find_map(|value| value.strip_prefix("objectGUID="));
                let given =
                    given.map(|guid| guid.parse().map_err(|_| format!("{guid} is no GUID")));
                let guid = domain.create(class, name, given.transpose()?)?;
                if *word == "list" {
                    domain.set(guid, "groupType", vec![b"2".to_vec()]);
                }
                self.set(domain, guid, values)
            }
            _ => Err(format!("`{}` is no change of a domain", words.join(" "))),
        }
    }

    /// Sets attributes; one that is named several times gets all the values.
    fn set(&self, domain: &mut Domain, guid: Guid, values: &[&str]) -> Result<(), String> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for value in values {
            let (name, value) = value.split_once('=').ok_or("expected ATTRIBUTE=VALUE")?;
            let values = all.entry(name).or_default();
            values.extend((!value.is_empty()).then_some(value));
        }
        for (name, values) in all {
            let link = LINKS
                .iter()
                .find(|(link, _)| link.eq_ignore_ascii_case(name));
            match link {
                _ if name == "objectGUID" => {}
                Some((link, _)) => {
                    for before in domain.linked(guid, link) {
                        domain.link(guid, link, before, false);
                    }
                    for value in values {
                        let target = self.target(domain, value)?;
                        domain.link(guid, link, target, true);
                    }
                }
                None => {
                    let values: Result<_, String> = values.into_iter().map(bytes).collect();
                    domain.set(guid, name, values?);
                }
            }
        }
        Ok(())
    }

    /// The object that a link leads to: one of the domain, or what stands there for one of another domain.
    fn target(&self, domain: &mut Domain, name: &str) -> Result<Guid, String> {
        let parsed = name.parse::<lockstep_model::Dn>();
        let parsed = parsed.map_err(|error| format!("{name}: {error}"))?;
        for (other, cell) in self
            .domains
            .iter()
            .filter(|(other, _)| **other != domain.name)
        {
            let other_domain = cell
                .try_borrow()
                .map_err(|_| format!("{other} is being changed"))?;
            if parsed.is_within(&other_domain.dn) {
                let guid = other_domain.find(name)?;
                let sid = other_domain
                    .entries
                    .get(&guid)
                    .and_then(|entry| entry.sid.clone());
                let sid = sid.ok_or_else(|| format!("{name} has no SID"))?;
                return domain.foreign(&sid);
            }
        }
        domain.find(name)
    }
}

/// A time as a scenario writes it.
pub(crate) fn millis(number: &str, unit: &str) -> Result<i64, String> {
    let number: i64 = number.parse().map_err(|_| "expected a number".to_owned())?;
    let unit = match unit.trim_end_matches('s') {
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        _ => return Err("expected minutes, hours or days".to_owned()),
    };
    Ok(number * unit)
}

/// What the lines of a step are.
#[derive(Clone, Copy)]
enum Todo {
    Cloud,
    Directory,
    Log,
}

/// Makes a group that a user is a member of the primary one, as Active Directory does it: three objects change.
fn primary(domain: &mut Domain, user: &str, group: &str) -> Result<(), String> {
    let (user, group) = (domain.find(user)?, domain.find(group)?);
    let rid = |guid: &Guid| {
        let entry = domain.entries.get(guid);
        entry
            .and_then(|entry| entry.sid.as_ref()?.rid())
            .map(|rid| rid.to_string())
    };
    let new = rid(&group).ok_or("the group has no SID")?;
    let before = domain
        .entries
        .get(&user)
        .and_then(|e| e.text("primarygroupid"))
        .map(str::to_owned);
    let old = domain
        .entries
        .keys()
        .copied()
        .find(|guid| rid(guid) == before && before.is_some());
    domain.set(user, "primaryGroupID", vec![new.into_bytes()]);
    domain.link(group, "member", user, false);
    if let Some(old) = old {
        domain.link(old, "member", user, true);
    }
    Ok(())
}

/// A value as Active Directory keeps it: text, or the bytes of a GUID or of hex digits.
fn bytes(value: &str) -> Result<Vec<u8>, String> {
    if let Some(guid) = value.strip_prefix("guid:") {
        let guid: Guid = guid.parse().map_err(|_| format!("{guid} is no GUID"))?;
        return Ok(guid.to_wire().to_vec());
    }
    if let Some(digits) = value.strip_prefix("hex:") {
        return hex::decode(digits).map_err(|_| format!("{digits} are no hex digits"));
    }
    Ok(value.as_bytes().to_vec())
}

/// A configuration file's text as the administration API takes it.
fn spec(name: &str, body: &[Line]) -> Result<Value, Wrong> {
    let text: String = body.iter().map(|line| format!("{}\n", line.text)).collect();
    let parsed = toml::from_str::<toml::Table>(&text);
    let table = parsed.map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let index = before.map_or(0, |before| before.matches('\n').count());
        let line = body.get(index).map_or(0, |line| line.number);
        Wrong::at(line)(error.message().to_owned())
    })?;
    let mut spec = serde_json::to_value(table).unwrap_or_default();
    spec["name"] = json!(name);
    if spec.get("domain").is_none() {
        spec["domain"] = json!(DOMAIN);
    }
    Ok(spec)
}
