//! The service and the agent as a user starts them: the real programs, in folders of their own.

use crate::front::Front;
use crate::samba::Forest;
use crate::storage::SmallDisk;
use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a program may take to be ready, or something to become true.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a program that was told to stop is waited for.
const STOPPING: Duration = Duration::from_secs(30);

/// Where the programs are taken from, if not beside the one that is running.
static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();

/// Takes the programs from this folder from now on, such as `target/release`.
pub fn use_programs(dir: &Path) {
    // Whoever comes second keeps what the first one chose.
    let _ = PROGRAMS.set(dir.to_owned());
}

/// A program of the project: from the folder of [`use_programs`], else built beside the one that is
/// running.
///
/// # Errors
///
/// When it has not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    if let Some(dir) = PROGRAMS.get() {
        return Ok(dir.join(name));
    }
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(3)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built: run `cargo build --workspace` first"))
}

/// A service. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Service {
    dir: tempfile::TempDir,
    listen: String,
    url: String,
    process: Option<Child>,
    arguments: Vec<String>,
    disk: Option<SmallDisk>,
}

impl Service {
    /// Starts a service with an empty folder.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start_with(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut service = Self::new(arguments)?;
        service.resume()?;
        Ok(service)
    }

    /// Starts a service with an empty folder on a disk of its own, of so many megabytes.
    ///
    /// # Errors
    ///
    /// When it does not become ready, or the disk cannot be mounted.
    pub fn start_on_disk(megabytes: u32) -> anyhow::Result<Self> {
        let mut service = Self::new(&[])?;
        fs::create_dir(service.data_dir())?;
        service.disk = Some(SmallDisk::mount(&service.data_dir(), megabytes)?);
        service.resume()?;
        Ok(service)
    }

    /// The disk of its own.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn disk(&self) -> anyhow::Result<&SmallDisk> {
        self.disk
            .as_ref()
            .context("the service has no disk of its own")
    }

    fn new(arguments: &[&str]) -> anyhow::Result<Self> {
        Ok(Self {
            dir: tempfile::Builder::new().prefix("lockstep-").tempdir()?,
            listen: "127.0.0.1:0".into(),
            url: String::new(),
            process: None,
            arguments: arguments
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect(),
            disk: None,
        })
    }

    /// Starts it again, at the same address.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("serve.log"))?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program("lockstep")?)
            .args(["serve", "--listen", &self.listen, "--data-dir"])
            .arg(self.data_dir())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        self.process = Some(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("ready ") else {
            bail!("the service did not become ready: {}", self.log());
        };
        url.clone_into(&mut self.url);
        url.trim_start_matches("https://")
            .clone_into(&mut self.listen);
        Ok(())
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default()
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks it to stop, as the system does, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it does not run, or does not end within half a minute.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let mut process = self.process.take().context("the service does not run")?;
        let id = Pid::from_raw(i32::try_from(process.id())?).context("no process")?;
        kill_process(id, Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < STOPPING {
            if let Some(status) = process.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        process.kill()?;
        process.wait()?;
        bail!("the service did not stop: {}", self.log())
    }

    /// Lets it abort, as after a fault of its own; says how it ended.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn abort(&mut self) -> anyhow::Result<ExitStatus> {
        abort(self.process.take())
    }

    /// What it tells Prometheus.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn metrics(&self) -> anyhow::Result<String> {
        let url = format!("{}/metrics", self.url);
        Ok(self.http()?.get(url).send()?.text()?)
    }

    /// Runs a command of the administrator against it.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(Command::new(program("lockstep")?)
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .stdin(Stdio::null())
            .output()?)
    }

    /// Runs a command at a terminal, where this is typed; gives how it ended and what is to be read there.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn at_terminal(&self, arguments: &[&str], typed: &str) -> anyhow::Result<(i32, String)> {
        let (program, folder) = (program("lockstep")?, self.data_dir());
        let (program, folder) = (program.to_string_lossy(), folder.to_string_lossy());
        let mut words = vec![program.as_ref()];
        words.extend(arguments);
        words.extend(["--data-dir", folder.as_ref()]);
        // None of them has an apostrophe.
        let command: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command.join(" ")])
            .arg("/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("`script` of util-linux cannot be started")?;
        let mut keyboard = child.stdin.take().context("no stdin")?;
        keyboard.write_all(typed.as_bytes())?;
        drop(keyboard);
        let output = child.wait_with_output()?;
        let status = output.status.code().context("it was killed")?;
        Ok((status, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Runs a command that must succeed, and gives what it prints.
    ///
    /// # Errors
    ///
    /// When it fails; the message holds what it said.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments)?;
        ensure!(
            output.status.success(),
            "`lockstep {}` ended with {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    ///
    /// # Errors
    ///
    /// When it fails, or prints something else.
    pub fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        Ok(serde_json::from_str(&self.run(&all)?)?)
    }

    /// Applies a configuration, given as TOML.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn apply(&self, toml: &str) -> anyhow::Result<()> {
        let path = self.configuration_file(toml)?;
        self.run(&["apply", &path, "--yes"]).map(|_| ())
    }

    /// Plans a configuration.
    ///
    /// # Errors
    ///
    /// When it is refused, or cannot be planned.
    pub fn plan(&self, toml: &str) -> anyhow::Result<Value> {
        let path = self.configuration_file(toml)?;
        self.json(&["plan", &path])
    }

    /// Applies a configuration that is to be refused; gives what the program says.
    ///
    /// # Errors
    ///
    /// When it is not refused.
    pub fn refuses(&self, toml: &str) -> anyhow::Result<String> {
        let path = self.configuration_file(toml)?;
        let output = self.command(&["apply", &path, "--yes"])?;
        ensure!(!output.status.success(), "it was accepted: {toml}");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn configuration_file(&self, toml: &str) -> anyhow::Result<String> {
        let path = self.dir.path().join("configuration.toml");
        fs::write(&path, toml)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Runs a cycle and gives its result, whether it succeeded or not.
    ///
    /// # Errors
    ///
    /// When there is no result.
    pub fn cycle(&self, configuration: &str) -> anyhow::Result<Value> {
        let output = self.command(&["cycle", "run", configuration, "--wait", "-o", "json"])?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("no result: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Asks the directory, below `/v1.0`, for a set and everything behind its next links.
    ///
    /// # Errors
    ///
    /// When the answer is none of success.
    pub fn graph_all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut values = Vec::new();
        let mut next = Some(format!("{}/v1.0/{path}", self.url));
        while let Some(url) = next {
            let (status, body) = self.get(&url)?;
            ensure!(status == 200, "{url} answered {status}: {body}");
            values.extend(body["value"].as_array().into_iter().flatten().cloned());
            next = body["@odata.nextLink"].as_str().map(str::to_owned);
        }
        Ok(values)
    }

    /// Asks for one address below `/v1.0`.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn graph(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        self.get(&format!("{}/v1.0/{path}", self.url))
    }

    fn get(&self, url: &str) -> anyhow::Result<(u16, Value)> {
        let token = fs::read_to_string(self.data_dir().join("admin-token"))?;
        let response = self.http()?.get(url).bearer_auth(token.trim()).send()?;
        let status = response.status().as_u16();
        Ok((status, response.json().unwrap_or_default()))
    }

    /// Sends a request with the administrator's token; gives status and text.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn send(&self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let token = fs::read_to_string(self.data_dir().join("admin-token"))?;
        let response = self
            .http()?
            .request(method.parse()?, format!("{}{path}", self.url))
            .bearer_auth(token.trim())
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()?;
        Ok((response.status().as_u16(), response.text()?))
    }

    /// The value of one of its metrics, which must be a whole number.
    ///
    /// # Errors
    ///
    /// When there is none of this name.
    pub fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let (_, text) = self.send("GET", "/metrics", "")?;
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        let value = value.with_context(|| format!("there is no metric {name}"))?;
        Ok(value.trim().parse()?)
    }

    /// Sends a request without a body, with this token or none.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>) -> anyhow::Result<Answer> {
        let method = method.to_uppercase().parse()?;
        let mut request = self.http()?.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send()?;
        let content_type = response.headers().get("content-type");
        Ok(Answer {
            status: response.status().as_u16(),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            body: response.text()?,
        })
    }

    /// Looks at one address below `/v1.0` again and again, over one connection.
    ///
    /// # Errors
    ///
    /// When the CA cannot be read.
    pub fn watch(&self, path: &str) -> anyhow::Result<Watcher> {
        let token = fs::read_to_string(self.data_dir().join("admin-token"))?;
        Ok(Watcher {
            http: self.http()?,
            url: format!("{}/v1.0/{path}", self.url),
            token: token.trim().to_owned(),
        })
    }

    /// A client that trusts the service and follows no redirection, as a browser that is looked into.
    ///
    /// # Errors
    ///
    /// When the CA cannot be read.
    pub fn browser(&self) -> anyhow::Result<reqwest::blocking::Client> {
        let builder = self.trusting()?;
        Ok(builder
            .redirect(reqwest::redirect::Policy::none())
            .build()?)
    }

    fn http(&self) -> anyhow::Result<reqwest::blocking::Client> {
        Ok(self.trusting()?.build()?)
    }

    fn trusting(&self) -> anyhow::Result<reqwest::blocking::ClientBuilder> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let ca = fs::read(self.data_dir().join("tls/ca.pem"))?;
        Ok(reqwest::blocking::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca)?]))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
        // Before its folder is removed.
        drop(self.disk.take());
    }
}

/// What came back from the service.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The body.
    pub body: String,
}

/// Looks at one address again and again.
#[derive(Debug)]
pub struct Watcher {
    http: reqwest::blocking::Client,
    url: String,
    token: String,
}

impl Watcher {
    /// Waits until the answer is as wanted, looking every few milliseconds.
    ///
    /// # Errors
    ///
    /// When it does not become so within a minute.
    pub fn until(&mut self, mut is_wanted: impl FnMut(&Value) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let request = self.http.get(&self.url).bearer_auth(&self.token);
            let body: Value = request.send()?.json()?;
            if is_wanted(&body) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        bail!("{} did not become as wanted", self.url)
    }
}

/// An agent. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Agent {
    dir: tempfile::TempDir,
    process: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Agent {
    /// Enrols an agent with this service; it has no domains yet and does not run.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn enroll(service: &Service) -> anyhow::Result<Self> {
        let agent = Self::new()?;
        agent.enroll_at(service, &[])?;
        Ok(agent)
    }

    /// An agent that is not enrolled yet.
    ///
    /// # Errors
    ///
    /// When the disk is full.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            dir: tempfile::Builder::new()
                .prefix("lockstep-agent-")
                .tempdir()?,
            process: None,
            environment: Vec::new(),
        })
    }

    /// Enrols it, with these arguments beside the token.
    ///
    /// # Errors
    ///
    /// When it is refused; the message holds what it said.
    pub fn enroll_at(&self, service: &Service, arguments: &[&str]) -> anyhow::Result<()> {
        let token = service.run(&["agent", "token"])?;
        let path = self.secret("token", &token)?;
        let mut all = vec!["enroll", "--token-file", &path];
        all.extend(arguments);
        self.run(&all).map(|_| ())
    }

    /// Enrols an agent, gives it a forest's domain, and starts it.
    ///
    /// # Errors
    ///
    /// When one of these fails.
    pub fn of(service: &Service, forest: &Forest) -> anyhow::Result<Self> {
        let mut agent = Self::enroll(service)?;
        agent.add_domain(forest)?;
        agent.start()?;
        Ok(agent)
    }

    /// Gives it a forest's domain, with the account that has just the rights it needs.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn add_domain(&self, forest: &Forest) -> anyhow::Result<()> {
        self.add_domain_at(forest, &[forest.dc().address()])
    }

    /// The same, with these servers.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn add_domain_at(&self, forest: &Forest, servers: &[&str]) -> anyhow::Result<()> {
        let servers = servers.iter().flat_map(|server| ["--server", server]);
        self.add_domain_with(forest, &servers.collect::<Vec<_>>())
    }

    /// The same, by way of a front.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn add_domain_behind(&self, forest: &Forest, front: &Front) -> anyhow::Result<()> {
        let (server, ca) = (front.server(), front.ca_file());
        let ca = ca.to_string_lossy();
        let arguments = ["--server", &server, "--security", "ldaps", "--ca-file", &ca];
        self.add_domain_with(forest, &arguments)
    }

    fn add_domain_with(&self, forest: &Forest, more: &[&str]) -> anyhow::Result<()> {
        let account = forest.service_account();
        let password = self.secret("password", account.password)?;
        let mut arguments = vec![
            "domain",
            "add",
            forest.domain().name(),
            "--username",
            account.name,
            "--password-file",
            &password,
        ];
        arguments.extend(more);
        self.run(&arguments).map(|_| ())
    }

    /// Writes a secret into a file of its folder; gives the path.
    ///
    /// # Errors
    ///
    /// When the disk is full.
    pub fn secret(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.dir.path().join(name);
        fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Sets an environment variable for the agent from the next command on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Lets its commands take another time for now, such as `+11m`.
    pub fn set_clock(&mut self, offset: &str) {
        // Sleeping goes on as it is: only the clock on the wall is wrong.
        self.set_environment("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1");
        self.set_environment("FAKETIME", offset);
        self.set_environment("DONT_FAKE_MONOTONIC", "1");
    }

    /// Its directory.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Where everything that it sends is recorded.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.dir.path().join("record.jsonl")
    }

    /// What it has sent so far: one document for each request.
    ///
    /// # Errors
    ///
    /// When there is no record.
    pub fn sent(&self) -> anyhow::Result<Vec<Value>> {
        let text = fs::read_to_string(self.record())?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("agent.log")).unwrap_or_default()
    }

    /// Runs one of its commands.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(Command::new(program("lockstep-agent")?)
            .args(arguments)
            .arg("--state-dir")
            .arg(self.state_dir())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()?)
    }

    /// Runs one of its commands, which must succeed, and gives what it prints.
    ///
    /// # Errors
    ///
    /// When it fails; the message holds what it said.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments)?;
        ensure!(
            output.status.success(),
            "`lockstep-agent {}` ended with {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Lets it work.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("agent.log"))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program("lockstep-agent")?)
            .arg("run")
            .arg("--state-dir")
            .arg(self.state_dir())
            .arg("--record")
            .arg(self.record())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.process = Some(child);
        Ok(())
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Lets it abort, as after a fault of its own; says how it ended.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn abort(&mut self) -> anyhow::Result<ExitStatus> {
        abort(self.process.take())
    }

    /// Stops it in the middle of whatever it does, until [`Agent::thaw`].
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the agent does not run")?;
        let id = Pid::from_raw(i32::try_from(process.id())?).context("no process")?;
        Ok(kill_process(id, signal)?)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

fn abort(process: Option<Child>) -> anyhow::Result<ExitStatus> {
    let mut process = process.context("it does not run")?;
    let id = Pid::from_raw(i32::try_from(process.id())?).context("no process")?;
    kill_process(id, Signal::ABORT)?;
    Ok(process.wait()?)
}

/// Waits until something is true, looking often.
///
/// # Errors
///
/// When it does not become true within a minute.
pub fn eventually(
    what: &str,
    mut is_true: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_true()? {
            return Ok(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("it did not become true: {what}")
}

/// The highest memory that a process has had, in bytes.
///
/// # Errors
///
/// When there is no such process.
pub fn peak_memory(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kibibytes * 1_024)
}

/// How long a process has worked on all cores together.
///
/// # Errors
///
/// When there is no such process.
pub fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    // Behind the name, which may contain anything: proc_pid_stat(5), fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u64> { Ok(fields.next().context("too short")?.parse()?) };
    // USER_HZ, in which Linux counts for programs, is 100 on all of Debian's architectures.
    Ok(Duration::from_millis(10 * (ticks()? + ticks()?)))
}
