//! The real programs on storage that fails, and killed at random instants.

use crate::bed::{
    Bed, CONFIGURATION, SOME_HUNDREDS, backup_file, begin_cycle, by_hand_only, dump, undisturbed,
};
use lockstep_model::Timestamp;
use lockstep_testkit::product::{Agent, Service, eventually};
use lockstep_testkit::samba::{Forest, NewUser, Population, Template};
use lockstep_testkit::storage::FailingCalls;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

/// What a cycle brings that is to be disturbed.
const PHASES: [Phase; 3] = [Phase::Initial, Phase::Incremental, Phase::Deletes];

/// A cycle that cannot go on has said so by then: an agent that has fallen silent would be waited for twice as long.
const AT_ONCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Initial,
    Incremental,
    Deletes,
}

/// Changes AD; says whose deletes are due.
fn prepare(forest: &Forest, phase: Phase) -> anyhow::Result<BTreeSet<String>> {
    let mut ad = forest.ad();
    let found = ad.search(
        "(&(objectClass=user)(sAMAccountName=tmp*))",
        &["sAMAccountName"],
    )?;
    let known = found.len();
    match phase {
        Phase::Initial => {}
        Phase::Incremental => {
            for number in known..known + 60 {
                let account = format!("tmp{number}");
                ad.add_user(&NewUser {
                    account: &account,
                    attributes: &[("department", "Passing")],
                    ..NewUser::default()
                })?;
            }
        }
        Phase::Deletes => {
            let mut gone = BTreeSet::new();
            for entry in found {
                gone.insert(entry.dn.clone());
                ad.delete(&entry.dn)?;
            }
            return Ok(gone);
        }
    }
    Ok(BTreeSet::new())
}

/// A service on a disk of its own, with an agent and a configuration that runs by hand only.
fn bed() -> anyhow::Result<Bed> {
    let forest = Forest::start(Template::with(SOME_HUNDREDS))?;
    let service = Service::start_on_disk(96)?;
    let agent = Agent::of(&service, &forest)?;
    service.run(&["domain", "add", "corp.test"])?;
    service.apply(&by_hand_only(CONFIGURATION))?;
    Ok(Bed {
        agent,
        service,
        forest,
    })
}

/// The database is whole, the next cycle brings everything, and only those were deleted who had to be.
fn assert_recovered(bed: &Bed, gone: &BTreeSet<String>, phase: Phase) {
    let (_folder, file) = backup_file().unwrap();
    bed.service.run(&["backup", &file]).unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(
        result["state"],
        "succeeded",
        "{phase:?}: {result}\n{}",
        bed.service.log()
    );
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap(),
        "{phase:?}"
    );
    let log = [
        "log", "--action", "Delete", "--limit", "10000", "-o", "json",
    ];
    let log = bed.service.run(&log).unwrap();
    let deleted: Vec<String> = log
        .lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["dn"].as_str().unwrap_or_default().to_lowercase()
        })
        .collect();
    let expected: BTreeSet<String> = gone.iter().map(|dn| dn.to_lowercase()).collect();
    assert_eq!(deleted.len(), expected.len(), "{phase:?}: {log}");
    assert_eq!(
        deleted.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "{phase:?}"
    );
}

/// Runs a cycle that cannot succeed; gives all that the command says.
fn failing_cycle(service: &Service) -> String {
    let output = service
        .command(&["cycle", "run", "corp", "--wait", "-o", "json"])
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}\n{}", service.log());
    said
}

#[test]
fn a_full_disk_is_named_nothing_is_lost_and_all_goes_on_when_there_is_room() {
    let bed = bed().unwrap();
    for phase in PHASES {
        let gone = prepare(&bed.forest, phase).unwrap();
        // At first it is full in the middle of the cycle, later at its beginning.
        let room = if phase == Phase::Initial { 600 } else { 0 };
        bed.service.disk().unwrap().fill(room).unwrap();
        let begun = Instant::now();
        let said = failing_cycle(&bed.service);
        let took = begun.elapsed();
        assert!(took < AT_ONCE, "{phase:?}: it took {took:?}: {said}");
        assert!(
            said.contains("DiskFull") && said.contains("make room"),
            "{phase:?}: {said}"
        );
        let (status, _) = bed.service.graph("users?$top=1").unwrap();
        assert_eq!(status, 200, "what is there can be read all the same");
        bed.service.disk().unwrap().free().unwrap();
        assert_recovered(&bed, &gone, phase);
    }
}

#[test]
fn a_service_that_is_killed_on_a_full_disk_starts_when_there_is_room() {
    let mut bed = bed().unwrap();
    bed.service.disk().unwrap().fill(600).unwrap();
    failing_cycle(&bed.service);
    bed.service.kill();
    bed.service.disk().unwrap().free().unwrap();
    bed.service.resume().unwrap();
    assert_recovered(&bed, &BTreeSet::new(), Phase::Initial);
}

/// Runs a cycle while calls of the service fail for a while. What did not go well all the same is told in words that
/// help; says whether it went well.
fn cycle_meanwhile(service: &Service, calls: &str) -> bool {
    let failing = FailingCalls::of(service.id().unwrap(), calls).unwrap();
    let output = std::thread::scope(|scope| {
        let cycle = scope.spawn(|| {
            service
                .command(&["cycle", "run", "corp", "--wait", "-o", "json"])
                .unwrap()
        });
        std::thread::sleep(Duration::from_secs(3));
        drop(failing);
        cycle.join().unwrap()
    });
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let told =
        said.contains("DatabaseFailed") && said.contains("the service's log tells the cause");
    assert!(
        output.status.success() || told,
        "{calls}: {said}\n{}",
        service.log()
    );
    output.status.success()
}

#[test]
fn a_disk_that_answers_with_errors_is_told_corrupts_nothing_and_all_goes_on_when_it_recovers() {
    let mut bed = bed().unwrap();
    for phase in PHASES {
        let gone = prepare(&bed.forest, phase).unwrap();
        let never = cycle_meanwhile(&bed.service, "fsync,fdatasync:error=EIO");
        assert!(!never, "{phase:?}: nothing could be kept");
        for calls in [
            // A few go well first, so that the cycle is on its way.
            "fsync,fdatasync:error=EIO:when=3+",
            "pwrite64:error=EIO:when=3+2",
            "pread64:error=EIO:when=2+2",
        ] {
            cycle_meanwhile(&bed.service, calls);
        }
        if phase == Phase::Incremental {
            // Whatever the failed calls left behind is what the next start finds.
            bed.service.kill();
            bed.service.resume().unwrap();
        }
        assert_recovered(&bed, &gone, phase);
    }
    let log = bed.service.log();
    assert!(log.contains("disk I/O error"), "no call failed: {log}");
}

/// What Linux answers to whoever writes to a file system that it has made read-only after an error, which it does
/// however many files are open; asked for it by `mount`, it refuses as long as there are any.
const READ_ONLY: &str = "pwrite64,ftruncate:error=EROFS";

#[test]
fn a_file_system_that_becomes_read_only_is_named_and_all_goes_on_when_it_can_be_written() {
    let bed = bed().unwrap();
    let refused = bed.service.disk().unwrap().set_read_only(true);
    assert!(refused.is_err(), "the database is open on it");
    for phase in PHASES {
        let gone = prepare(&bed.forest, phase).unwrap();
        // At first in the middle of the cycle, when the agent has it all to send; later at its beginning.
        let amid = phase == Phase::Initial;
        let process = bed.service.id().unwrap();
        let (said, failing, took) = std::thread::scope(|scope| {
            if amid {
                bed.agent.freeze().unwrap();
            }
            let early = (!amid).then(|| FailingCalls::of(process, READ_ONLY).unwrap());
            let cycle = scope.spawn(|| (failing_cycle(&bed.service), Instant::now()));
            let late = amid.then(|| {
                eventually("the cycle reads", || is_running(&bed.service)).unwrap();
                FailingCalls::of(process, READ_ONLY).unwrap()
            });
            let begun = Instant::now();
            if amid {
                bed.agent.thaw().unwrap();
            }
            let (said, ended) = cycle.join().unwrap();
            (said, early.or(late), ended.duration_since(begun))
        });
        assert!(took < AT_ONCE, "{phase:?}: it took {took:?}: {said}");
        assert!(
            said.contains("DatabaseReadOnly")
                && said.contains("make the data folder writable again"),
            "{phase:?}: {said}\n{}",
            bed.service.log()
        );
        let (status, _) = bed.service.graph("users?$top=1").unwrap();
        assert_eq!(status, 200, "what is there can be read all the same");
        drop(failing);
        assert_recovered(&bed, &gone, phase);
    }
}

/// Whether a cycle is under way.
fn is_running(service: &Service) -> anyhow::Result<bool> {
    let cycles = service.run(&["cycle", "list", "corp", "-o", "json"])?;
    Ok(cycles.contains("\"running\""))
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named_and_left_alone() {
    let mut bed = bed().unwrap();
    bed.service.cycle("corp").unwrap();
    bed.service.stop().unwrap();
    bed.service.disk().unwrap().set_read_only(true).unwrap();
    let refused = bed.service.resume().unwrap_err().to_string();
    assert!(refused.contains("Read-only file system"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    bed.service.disk().unwrap().set_read_only(false).unwrap();
    bed.service.resume().unwrap();
    let gone = prepare(&bed.forest, Phase::Incremental).unwrap();
    assert_recovered(&bed, &gone, Phase::Incremental);
    drop(folder);
}

/// How many kills: `LOCKSTEP_KILLS`, thirty unless it says otherwise.
fn kills() -> u64 {
    let given = std::env::var("LOCKSTEP_KILLS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(30)
}

/// Instants that differ from run to run unless `LOCKSTEP_SEED` names one.
struct Instants(u64);

impl Instants {
    fn new() -> Self {
        let given = std::env::var("LOCKSTEP_SEED").ok();
        let given = given.and_then(|text| text.parse().ok());
        Self(given.unwrap_or_else(|| u64::from(std::process::id()) | 1))
    }

    /// Splitmix64.
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// Accounts that come and go while service and agent are killed. No name comes twice, so that each delete in the log
/// tells which of them went; and when they went is known, so that one that came too early is seen.
#[derive(Default)]
struct Passing {
    made: usize,
    there: Vec<String>,
    gone: BTreeMap<String, String>,
}

impl Passing {
    fn come(&mut self, forest: &Forest, count: usize) -> anyhow::Result<()> {
        let mut ad = forest.ad();
        for number in self.made..self.made + count {
            let account = format!("tmp{number}");
            self.there.push(ad.add_user(&NewUser {
                account: &account,
                attributes: &[("department", "Passing")],
                ..NewUser::default()
            })?);
        }
        self.made += count;
        Ok(())
    }

    fn go(&mut self, forest: &Forest) -> anyhow::Result<()> {
        let mut ad = forest.ad();
        for dn in self.there.drain(..) {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            let since = Timestamp::from_millis(since.as_millis().try_into()?);
            ad.delete(&dn)?;
            self.gone.insert(dn.to_lowercase(), since.to_string());
        }
        Ok(())
    }

    /// Every delete in the log is of an account that was gone by then, and of each there is one at most.
    fn assert_only_they_were_deleted(&self, service: &Service, seed: u64) -> usize {
        let log = [
            "log", "--action", "Delete", "--limit", "10000", "-o", "json",
        ];
        let log = service.run(&log).unwrap();
        let mut seen = BTreeSet::new();
        for line in log.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let dn = entry["dn"].as_str().unwrap_or_default().to_lowercase();
            let at = entry["at"].as_str().unwrap_or_default();
            let due = self.gone.get(&dn).is_some_and(|since| since.as_str() <= at);
            assert!(due, "seed {seed}: wrongly deleted: {line}");
            assert!(seen.insert(dn), "seed {seed}: deleted once more: {line}");
        }
        seen.len()
    }
}

#[test]
fn service_and_agent_are_killed_at_random_instants_over_two_thousand_users() {
    let forest = Forest::start(Template::with(Population {
        users: 2_000,
        groups: 100,
        ous: 20,
        members: 20,
        largest_group: 1_500,
        hard_names: true,
    }))
    .unwrap();
    let service = Service::start().unwrap();
    let agent = Agent::of(&service, &forest).unwrap();
    service.run(&["domain", "add", "corp.test"]).unwrap();
    // Between two cycles that come to their end, more may go than the guard lets go by default.
    let guard = "[accidental-deletes]\nthreshold = 10000\n";
    let configuration = by_hand_only(&format!("{CONFIGURATION}{guard}"));
    service.apply(&configuration).unwrap();
    let mut bed = Bed {
        agent,
        service,
        forest,
    };
    let (kills, mut instants) = (kills(), Instants::new());
    let seed = instants.0;
    let begun = Instant::now();
    let mut passing = Passing::default();
    // Opens the way to AD while nobody else keeps the controller busy.
    passing.come(&bed.forest, 1).unwrap();
    for kill in 0..kills {
        if kill % 25 == 0 && kill > 0 {
            eprintln!("{kill} of {kills} after {:?}", begun.elapsed());
        }
        // A third of the kills while everything is read, then while changes are, then while much is deleted. Adding an
        // account takes the controller a tenth of a second: a few bring what a cycle needs to be disturbed.
        let third = kill * 3 / kills;
        let (come, every) = match third {
            0 => (1, 6),
            1 => (3, 4),
            _ => (6, 2),
        };
        passing.come(&bed.forest, come).unwrap();
        if kill % every == every - 1 {
            passing.go(&bed.forest).unwrap();
            if third == 0 {
                bed.service.run(&["restart", "corp"]).unwrap();
            }
        }
        begin_cycle(&bed.service).unwrap();
        std::thread::sleep(Duration::from_millis(instants.next(1_600)));
        let who = instants.next(3);
        if who != 0 {
            bed.service.kill();
        }
        if who != 1 {
            bed.agent.kill();
            bed.agent.start().unwrap();
        }
        if who != 0 {
            bed.service.resume().unwrap();
        }
    }
    let result = bed.service.cycle("corp").unwrap();
    let result = match result["state"] == "succeeded" {
        true => result,
        false => bed.service.cycle("corp").unwrap(),
    };
    assert_eq!(result["state"], "succeeded", "seed {seed}: {result}");
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap(),
        "seed {seed}"
    );
    let deletes = passing.assert_only_they_were_deleted(&bed.service, seed);
    eprintln!(
        "{kills} kills over 2000 users in {:?}, seed {seed}: the directory is as without them, {deletes} deletes, \
         none wrong",
        begun.elapsed()
    );
}
