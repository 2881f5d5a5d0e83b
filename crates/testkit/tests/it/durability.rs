//! The real programs on storage that fails, and killed at random instants.

use crate::bed::{Bed, CONFIGURATION, begin_cycle, by_hand_only, dump, undisturbed};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, NewUser, Population, Template};
use lockstep_testkit::storage::FailingCalls;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const POPULATION: Population = Population {
    users: 300,
    groups: 30,
    ous: 9,
    members: 10,
    largest_group: 200,
    hard_names: true,
};
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
    let forest = Forest::start(Template::with(POPULATION))?;
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
    let folder = tempfile::tempdir().unwrap();
    let file = folder
        .path()
        .join("backup.tar")
        .to_string_lossy()
        .into_owned();
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

#[test]
fn a_disk_that_answers_with_errors_corrupts_nothing_and_all_goes_on_when_it_recovers() {
    let mut bed = bed().unwrap();
    for phase in PHASES {
        let gone = prepare(&bed.forest, phase).unwrap();
        for calls in [
            "fsync,fdatasync:error=EIO",
            "pwrite64:error=EIO:when=3+2",
            "pread64:error=EIO:when=2+2",
        ] {
            let failing = FailingCalls::of(bed.service.id().unwrap(), calls).unwrap();
            begin_cycle_if_possible(&bed.service);
            std::thread::sleep(Duration::from_secs(3));
            drop(failing);
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

/// Asks for a cycle on a disk that fails: that it is refused is as good.
fn begin_cycle_if_possible(service: &Service) {
    let _ = service.command(&["cycle", "run", "corp"]).unwrap();
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
    // Opens the way to AD while nobody else keeps the controller busy.
    let mut gone = prepare(&bed.forest, Phase::Initial).unwrap();
    for kill in 0..kills {
        if kill % 25 == 0 && kill > 0 {
            eprintln!("{kill} of {kills}");
        }
        // A third of the kills in the initial cycle, then changes, then deletes too.
        if kill * 3 >= kills {
            prepare(&bed.forest, Phase::Incremental).unwrap();
        }
        if kill * 3 >= kills * 2 && kill % 3 == 0 {
            gone.extend(prepare(&bed.forest, Phase::Deletes).unwrap());
        }
        begin_cycle(&bed.service).unwrap();
        std::thread::sleep(Duration::from_millis(instants.next(2_500)));
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
    let log = [
        "log", "--action", "Delete", "--limit", "10000", "-o", "json",
    ];
    let log = bed.service.run(&log).unwrap();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let dn = entry["dn"].as_str().unwrap_or_default().to_lowercase();
        let due = gone.iter().any(|gone: &String| gone.to_lowercase() == dn);
        assert!(due, "seed {seed}: wrongly deleted: {line}");
    }
    eprintln!(
        "{kills} kills over 2000 users, seed {seed}: the directory is as without them, {} deletes, none wrong",
        log.lines().count()
    );
}
