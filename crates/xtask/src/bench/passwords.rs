//! How fast password hashes are read, against the clients that others wrote, and what a cycle makes of that.

use super::{LARGE, OBJECTS_ONLY, RUNS, WITH_PASSWORDS, empty_cycle, mebibytes, median, ratio};
use crate::output;
use anyhow::{Context as _, ensure};
use lockstep_testkit::product::{Agent, Service, peak_memory};
use lockstep_testkit::samba::{Forest, Population, Template};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Samba's own client, and the one that asks user by user.
const WHOLE_DOMAIN: &str = include_str!("../../bench/whole_domain.py");
const ONE_CALL_PER_USER: &str = include_str!("../../bench/one_call_per_user.py");
const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");
/// Samba's bindings belong to the system's Python.
const PYTHON: &str = "/usr/bin/python3";
/// Users who are asked for one by one: those whose names begin like this.
const SOME: &str = "(sAMAccountName=user000*)";
/// How often nothing, or one password, is read.
const SMALL_READS: usize = 10;

/// What was measured.
#[derive(Default)]
pub(super) struct Passwords {
    hashes: usize,
    ours: Pulls,
    samba: Pulls,
    /// For each user.
    one_by_one: Vec<Duration>,
    /// Cycles: all passwords, none, one.
    all: Vec<Duration>,
    none: Vec<Duration>,
    one: Vec<Duration>,
    agent_memory: u64,
}

/// How long one client took.
#[derive(Default)]
struct Pulls {
    whole: Vec<Duration>,
    empty: Vec<Duration>,
    one: Vec<Duration>,
}

impl Passwords {
    /// Measures, in a domain of its own; `programs` is the folder with what was built.
    pub(super) fn measure(programs: &Path) -> anyhow::Result<Self> {
        output::step("passwords of a domain of 10,000 users");
        let forest = Forest::start(Template::with(LARGE))?;
        let peer = peer(programs)?;
        let mut measured = Self::default();
        for run in 0..RUNS {
            let service = Service::start()?;
            let agent = Agent::of(&service, &forest)?;
            let replicate = || ours(programs, &agent, &forest);
            if run == 0 {
                // The first pull of a fresh controller reads its database from disk.
                Client::start(replicate())?;
            }
            output::step("pulled by our session alone");
            let hashes = measured.ours.measure(replicate(), &forest)?;
            output::step("pulled by Samba's Python client");
            let theirs = measured.samba.measure(samba(&forest), &forest)?;
            ensure!(hashes == theirs, "{hashes} hashes here, {theirs} there");
            measured.hashes = hashes;
            output::step("one call per user");
            measured.one_by_one.push(one_by_one(&peer, &forest)?);
            output::step("cycles");
            measured.cycles(&service, &forest)?;
            let memory = peak_memory(agent.id().context("it does not run")?)?;
            measured.agent_memory = measured.agent_memory.max(memory);
        }
        Ok(measured)
    }

    fn cycles(&mut self, service: &Service, forest: &Forest) -> anyhow::Result<()> {
        service.apply(OBJECTS_ONLY)?;
        service.cycle("corp")?;
        service.apply(WITH_PASSWORDS)?;
        let cycle = service.cycle("corp")?;
        let set = cycle["passwords"]["set"].as_u64().unwrap_or(0);
        ensure!(set >= u64::from(LARGE.users), "{cycle}");
        let millis = cycle["durationMs"].as_u64().context("no duration")?;
        self.all.push(Duration::from_millis(millis));
        for _ in 0..RUNS {
            self.none.push(empty_cycle(service)?);
        }
        for _ in 0..RUNS {
            change_one(forest)?;
            self.one.push(empty_cycle(service)?);
        }
        Ok(())
    }

    /// Lines of the table.
    pub(super) fn rows(&self) -> Vec<(String, String, String)> {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
        let ours = median(&self.ours.whole);
        let all = median(&self.all);
        let hashes = u32::try_from(self.hashes).unwrap_or(1).max(1);
        let one_by_one = median(&self.one_by_one);
        let row = |what: &str, measured: String, ratio: String| (what.into(), measured, ratio);
        let against = |what: &str, ours: &[Duration], samba: &[Duration]| {
            let (ours, samba) = (median(ours), median(samba));
            let times = format!("{:.1} × ours", ratio(samba, ours));
            [
                row(&format!("{what}, our session"), ms(ours), "1".into()),
                row(&format!("{what}, Samba's Python client"), ms(samba), times),
            ]
        };
        let whole = format!("{hashes} password hashes pulled and decrypted, 10,000 users");
        let mut rows = Vec::new();
        rows.extend(against(&whole, &self.ours.whole, &self.samba.whole));
        rows.push(row(
            "hashes with one call per user (impacket, 1,000 users)",
            format!("{:.0} per second", 1.0 / one_by_one.as_secs_f64()),
            format!(
                "**ours: {:.0} × as many** per second",
                ratio(one_by_one * hashes, ours)
            ),
        ));
        let empty = "pull when nothing has changed";
        rows.extend(against(empty, &self.ours.empty, &self.samba.empty));
        let one = "pull when one password has changed";
        rows.extend(against(one, &self.ours.one, &self.samba.one));
        rows.push(row(
            "cycle that takes over the passwords of 10,000 users: pulled, derived, sent, sealed, stored",
            ms(all),
            format!("{:.1} × the pull", ratio(all, ours)),
        ));
        for (what, times) in [("nothing", &self.none), ("one password", &self.one)] {
            let what = format!("cycle with passwords at 10,000 users, {what} changed");
            rows.push(row(&what, ms(median(times)), String::new()));
        }
        rows.push(row(
            "highest memory of the agent, objects and passwords of 10,000 users",
            mebibytes(self.agent_memory),
            String::new(),
        ));
        rows
    }
}

impl Pulls {
    /// Pulls everything, nothing and one password; gives how many hashes everything is.
    fn measure(&mut self, command: Command, forest: &Forest) -> anyhow::Result<usize> {
        let (mut client, whole) = Client::start(command)?;
        self.whole.push(whole.time);
        for _ in 0..SMALL_READS {
            let empty = client.again()?;
            ensure!(empty.hashes == 0, "{} hashes from nowhere", empty.hashes);
            self.empty.push(empty.time);
            change_one(forest)?;
            let one = client.again()?;
            ensure!(one.hashes == 1, "{} hashes instead of one", one.hashes);
            self.one.push(one.time);
        }
        Ok(whole.hashes)
    }
}

/// Sets the password of one user.
fn change_one(forest: &Forest) -> anyhow::Result<()> {
    let mut ad = forest.ad();
    let found = ad.search("(sAMAccountName=user000007)", &["cn"])?;
    let user = found.first().context("there is no user 7")?;
    ad.set_password(&user.dn, &Population::password(7))
}

/// A program that pulls once by itself, and again for each line that it is sent.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

struct Pull {
    hashes: usize,
    time: Duration,
}

impl Client {
    fn start(mut command: Command) -> anyhow::Result<(Self, Pull)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?} could not be started"))?;
        let input = child.stdin.take().context("no stdin")?;
        let output = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut client = Self {
            child,
            input,
            output,
        };
        let pull = client.read()?;
        Ok((client, pull))
    }

    fn again(&mut self) -> anyhow::Result<Pull> {
        writeln!(self.input)?;
        self.read()
    }

    fn read(&mut self) -> anyhow::Result<Pull> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let told: Value =
            serde_json::from_str(&line).with_context(|| format!("a client said `{line}`"))?;
        let number = |name: &str| told[name].as_u64().context("no number");
        Ok(Pull {
            hashes: usize::try_from(number("hashes")?)?,
            time: Duration::from_micros(number("micros")?),
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our own client: the agent's session, and nothing else of it.
fn ours(programs: &Path, agent: &Agent, forest: &Forest) -> Command {
    let mut command = Command::new(programs.join("examples/replicate"));
    command.arg(agent.state_dir()).arg(forest.domain().name());
    command
}

fn samba(forest: &Forest) -> Command {
    let account = forest.service_account();
    let dir = forest.dc().dir();
    let mut command = Command::new(PYTHON);
    command
        .args(["-c", WHOLE_DOMAIN])
        .arg(dir.join("etc/smb.conf"))
        .args([forest.dc().address(), forest.domain().netbios()])
        .args([forest.domain().dn(), account.name])
        .env("SMB_CONF_PATH", dir.join("empty.conf"))
        .env("KRB5_CONFIG", dir.join("krb5.conf"))
        .env("AD_PASSWORD", account.password);
    command
}

/// How long a call for one user takes, as a mean over many.
fn one_by_one(peer: &Path, forest: &Forest) -> anyhow::Result<Duration> {
    let users = forest.ad().search(SOME, &["objectGUID"])?;
    let guid = |attributes: &Value| attributes[0].as_str().map(str::to_owned);
    let mut guids = users
        .iter()
        .filter_map(|user| guid(&user.attributes["objectGUID"]))
        .collect::<Vec<_>>();
    ensure!(guids.len() == 1_000, "{} users", guids.len());
    guids.push(String::new());
    let account = forest.service_account();
    let mut child = Command::new("python3")
        .args(["-c", ONE_CALL_PER_USER, forest.dc().address()])
        .args([forest.domain().netbios(), account.name])
        .env("PYTHONPATH", peer)
        .env("AD_PASSWORD", account.password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no stdin")?;
    input.write_all(guids.join("\n").as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "impacket ended with {}",
        output.status
    );
    let told: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(told["hashes"] == 1_000, "{told}");
    let micros = told["micros"].as_u64().context("no time")?;
    Ok(Duration::from_micros(micros) / 1_000)
}

/// Installs impacket, once for each state of the list; gives the folder.
fn peer(programs: &Path) -> anyhow::Result<PathBuf> {
    let dir = programs.with_file_name("one-call-per-user");
    let list = dir.join("requirements.txt");
    if fs::read_to_string(&list).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(dir);
    }
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    let wanted = dir.join("wanted.txt");
    fs::write(&wanted, REQUIREMENTS)?;
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(&dir)
        .arg("--requirement")
        .arg(&wanted)
        .status()?;
    ensure!(status.success(), "impacket could not be installed");
    // A list with its name is there when everything on it is.
    fs::rename(wanted, list)?;
    Ok(dir)
}
