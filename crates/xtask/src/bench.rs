//! `cargo xtask bench`: how fast, how large, against what.
//!
//! Every figure is a ratio to something measured in the same run, or stands beside it: wall times of
//! different machines, or of another day, mean nothing.

mod passwords;
mod sign_in;

use crate::output;
use anyhow::{Context as _, ensure};
use lockstep_testkit::product::{
    Agent, Service, eventually, peak_memory, processor_time, use_programs,
};
use lockstep_testkit::samba::{Forest, NewUser, Population, Template};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LARGE: Population = Population {
    users: 10_000,
    groups: 2_000,
    ous: 50,
    members: 25,
    largest_group: 10_000,
    hard_names: false,
};
const SMALL: Population = Population {
    users: 100,
    groups: 20,
    ous: 5,
    members: 10,
    largest_group: 50,
    hard_names: false,
};
/// What the agent asks for by the default mapping, as `ldapsearch` is asked for the same.
const FILTER: &str = "(|(objectClass=user)(objectClass=group)(objectClass=contact)\
                      (objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain)\
                      (objectClass=domainDNS)(objectClass=foreignSecurityPrincipal)\
                      (objectClass=infrastructureUpdate))";
/// How often each thing is measured.
const RUNS: usize = 3;
const CHANGES: usize = 40;
/// Cycles run by hand; without passwords, because `ldapsearch` reads none either.
const OBJECTS_ONLY: &str = "name = \"corp\"\ndomain = \"corp.test\"\npaused = true\n\
                            [password-hash-sync]\nenabled = false\n";
const WITH_PASSWORDS: &str = "name = \"corp\"\ndomain = \"corp.test\"\npaused = true\n";

/// One part of what is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The initial cycle, against `ldapsearch`
    Initial,
    /// How passwords are read, against others
    Passwords,
}

/// Measures, and writes `docs/benchmarks.md`; of one part only the figures are shown.
pub(crate) fn run(part: Option<Part>) -> anyhow::Result<()> {
    crate::setup::run()?;
    let programs = programs()?;
    use_programs(&programs);
    let mut report = Report::default();
    match part {
        None => {}
        Some(Part::Initial) => {
            initial(&mut report)?;
            output::step(&report.text());
            return Ok(());
        }
        Some(Part::Passwords) => {
            for (what, measured, ratio) in passwords::Passwords::measure(&programs)?.rows() {
                output::step(&format!("| {what} | {measured} | {ratio} |"));
            }
            return Ok(());
        }
    }
    initial(&mut report)?;
    empty(&mut report)?;
    // Whatever becomes of the rest, this has been measured.
    fs::write("docs/benchmarks.md", report.text())?;
    crate::docs::run()?;
    report.passwords = Some(passwords::Passwords::measure(&programs)?);
    fs::write("docs/benchmarks.md", report.text())?;
    output::step("written to docs/benchmarks.md");
    crate::docs::run()
}

/// Builds what is measured; gives the folder.
fn programs() -> anyhow::Result<PathBuf> {
    output::step("programs, optimised");
    let build = "build --release -p lockstep-cli -p lockstep-agent --bins --example replicate";
    let status = Command::new(env!("CARGO"))
        .args(build.split(' '))
        .status()?;
    ensure!(status.success(), "the programs could not be built");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(Path::new(&target).join("release"))
}

/// What was measured.
#[derive(Default)]
struct Report {
    dir_sync: Vec<Duration>,
    paged: Vec<Duration>,
    initial: Vec<Duration>,
    empty_large: Vec<Duration>,
    empty_small: Vec<Duration>,
    latency: Vec<Duration>,
    sign_ins: Option<sign_in::SignIns>,
    passwords: Option<passwords::Passwords>,
    agent_memory: u64,
    service_memory: u64,
    agent_work: Vec<Duration>,
    service_work: Vec<Duration>,
}

/// The initial cycle of the large domain, against `ldapsearch`.
fn initial(report: &mut Report) -> anyhow::Result<()> {
    output::step("a domain of 10,000 users and 2,000 groups");
    let forest = Forest::start(Template::with(LARGE))?;
    let attributes = attributes();
    // The first search of a fresh controller reads its database from disk.
    ldapsearch(&forest, &["-E", "!dirSync=-2147483647/0"], &attributes)?;
    for _ in 0..RUNS {
        output::step("DirSync by ldapsearch");
        report.dir_sync.push(ldapsearch(
            &forest,
            &["-E", "!dirSync=-2147483647/0"],
            &attributes,
        )?);
        output::step("pages by ldapsearch");
        report.paged.push(ldapsearch(
            &forest,
            &["-E", "pr=1000/noprompt"],
            &attributes,
        )?);
        output::step("initial cycle");
        let service = Service::start()?;
        let agent = Agent::of(&service, &forest)?;
        service.apply(OBJECTS_ONLY)?;
        let id = |id: Option<u32>| id.context("it does not run");
        let (agent_id, service_id) = (id(agent.id())?, id(service.id())?);
        let before = (processor_time(agent_id)?, processor_time(service_id)?);
        let cycle = service.cycle("corp")?;
        ensure!(cycle["state"] == "succeeded", "{cycle}");
        let after = (processor_time(agent_id)?, processor_time(service_id)?);
        report.agent_work.push(after.0.saturating_sub(before.0));
        report.service_work.push(after.1.saturating_sub(before.1));
        let millis = cycle["durationMs"].as_u64().context("no duration")?;
        report.initial.push(Duration::from_millis(millis));
        output::step(&format!(
            "initial cycle took {millis} ms: {} created",
            cycle["created"]
        ));
        report.agent_memory = report.agent_memory.max(peak_memory(agent_id)?);
        report.service_memory = report.service_memory.max(peak_memory(service_id)?);
        for _ in 0..RUNS {
            report.empty_large.push(empty_cycle(&service)?);
        }
    }
    Ok(())
}

/// Empty cycles of a small domain, and how long a change takes to be visible.
fn empty(report: &mut Report) -> anyhow::Result<()> {
    output::step("a domain of 100 users");
    let forest = Forest::start(Template::with(SMALL))?;
    let service = Service::start()?;
    let agent = Agent::of(&service, &forest)?;
    service.apply(OBJECTS_ONLY)?;
    service.cycle("corp")?;
    for _ in 0..RUNS * RUNS {
        report.empty_small.push(empty_cycle(&service)?);
    }
    report.sign_ins = Some(sign_in::SignIns::measure(&service)?);
    output::step("from a change to the directory");
    service.apply(WITH_PASSWORDS)?;
    service.cycle("corp")?;
    service.run(&["configuration", "resume", "corp"])?;
    eventually("changes are announced", || {
        Ok(agent.log().contains("changes are announced"))
    })?;
    let user = NewUser {
        account: "watched",
        ..NewUser::default()
    };
    let dn = forest.ad().add_user(&user)?;
    let id = || -> anyhow::Result<Option<String>> {
        let filter = "users?$select=id&$filter=onPremisesSamAccountName eq 'watched'";
        let found = service.graph_all(filter)?;
        Ok(found
            .first()
            .and_then(|user| user["id"].as_str())
            .map(str::to_owned))
    };
    eventually("the user appears", || Ok(id()?.is_some()))?;
    let path = format!("users/{}?$select=department", id()?.context("no id")?);
    let mut watcher = service.watch(&path)?;
    for number in 0..CHANGES {
        let value = format!("Department {number}");
        forest.ad().set(&dn, "department", &value)?;
        let begun = Instant::now();
        watcher.until(|body| body["department"] == value.as_str())?;
        report.latency.push(begun.elapsed());
    }
    Ok(())
}

fn empty_cycle(service: &Service) -> anyhow::Result<Duration> {
    let cycle = service.cycle("corp")?;
    ensure!(cycle["state"] == "succeeded", "{cycle}");
    Ok(Duration::from_millis(
        cycle["durationMs"].as_u64().context("no duration")?,
    ))
}

/// The attributes that the default mapping reads.
fn attributes() -> Vec<String> {
    let mapping = lockstep_engine::mapping::Mapping::standard();
    let mut names: Vec<String> = mapping
        .sources()
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect();
    let more = [
        "name",
        "objectClass",
        "isDeleted",
        "parentGUID",
        "whenCreated",
        "primaryGroupID",
    ];
    names.extend(more.map(str::to_owned));
    let references = lockstep_engine::mapping::REFERENCES.iter();
    names.extend(references.map(|reference| reference.spelled.to_owned()));
    names.push("ms-DS-ConsistencyGuid".to_owned());
    names.sort();
    names.dedup();
    names
}

fn ldapsearch(
    forest: &Forest,
    control: &[&str],
    attributes: &[String],
) -> anyhow::Result<Duration> {
    let account = forest.service_account();
    let begun = Instant::now();
    let status = Command::new("ldapsearch")
        .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H"])
        .arg(format!("ldaps://{}", forest.dc().address()))
        .args([
            "-D",
            &format!("{}@{}", account.name, forest.domain().name()),
        ])
        .args(["-w", account.password, "-b", forest.domain().dn()])
        .args(control)
        .arg(FILTER)
        .args(attributes)
        .env("LDAPTLS_REQCERT", "never")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "ldapsearch ended with {status}");
    Ok(begun.elapsed())
}

fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

impl Report {
    fn text(&self) -> String {
        let (dir_sync, paged) = (median(&self.dir_sync), median(&self.paged));
        let initial = median(&self.initial);
        let (large, small) = (median(&self.empty_large), median(&self.empty_small));
        let ms = |time: Duration| format!("{} ms", time.as_millis());
        let mut text = String::from(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench`. The domain controller (Samba, on loopback), the agent and the \
             service share the machine's cores. What counts are the ratios within one run.\n\n\
             | what | measured | ratio |\n|---|---|---|\n",
        );
        let mut row = |what: &str, measured: String, ratio: String| {
            let _ = writeln!(text, "| {what} | {measured} | {ratio} |");
        };
        row(
            "bare DirSync pull by `ldapsearch`, same attributes and filter, 10,000 users and 2,000 groups",
            ms(dir_sync),
            "1 (the floor)".into(),
        );
        row(
            "paged `ldapsearch`, same attributes and filter",
            ms(paged),
            format!("{:.2} × the DirSync pull", ratio(paged, dir_sync)),
        );
        row(
            "**initial cycle**, from its beginning to the last object in the directory",
            ms(initial),
            format!(
                "**{:.2} ×** the DirSync pull, {:.2} × the paged search",
                ratio(initial, dir_sync),
                ratio(initial, paged)
            ),
        );
        row(
            "work of the agent and of the service in it",
            format!(
                "{} and {}",
                ms(median(&self.agent_work)),
                ms(median(&self.service_work))
            ),
            "of one core".into(),
        );
        row("empty cycle at 100 users", ms(small), "1".into());
        row(
            "empty cycle at 10,000 users",
            ms(large),
            format!("{:.2} × the one at 100", ratio(large, small)),
        );
        row(
            "from a change in AD to the directory, by change notification: median",
            ms(median(&self.latency)),
            format!("of {} changes", self.latency.len()),
        );
        row(
            "the same: 99th percentile",
            ms(percentile(&self.latency, 99)),
            String::new(),
        );
        for (what, measured, ratio) in self.sign_ins.iter().flat_map(sign_in::SignIns::rows) {
            row(&what, measured, ratio);
        }
        for (what, measured, ratio) in self.passwords.iter().flat_map(passwords::Passwords::rows) {
            row(&what, measured, ratio);
        }
        row(
            "highest memory of the agent, initial cycle",
            mebibytes(self.agent_memory),
            String::new(),
        );
        row(
            "highest memory of the service, initial cycle",
            mebibytes(self.service_memory),
            String::new(),
        );
        let list = |times: &[Duration]| {
            let all: Vec<String> = times.iter().map(|time| ms(*time)).collect();
            all.join(", ")
        };
        let _ = write!(
            text,
            "\nMedians of {RUNS} runs. All runs: DirSync {}; pages {}; initial cycle {}; empty cycle at \
             10,000 {}; at 100 {}.\n",
            list(&self.dir_sync),
            list(&self.paged),
            list(&self.initial),
            list(&self.empty_large),
            list(&self.empty_small)
        );
        text
    }
}
