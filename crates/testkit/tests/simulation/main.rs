//! Random histories over the real engine, the real import and cycle, and the real stores, with a simulated
//! Active Directory and simulated agents.
//!
//! `LOCKSTEP_SEED=17 cargo test -p lockstep-testkit --test simulation` plays one history again and tells it
//! step by step. `LOCKSTEP_HISTORIES` and `LOCKSTEP_SOAK_SECONDS` say how many are played.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "all of it is a test"
)]

mod agent;
mod directory;
mod generate;
mod history;
mod network;
mod oracle;
mod random;
mod regressions;
mod script;
mod store;
mod truth;
mod world;

use history::{Backing, Failure};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use world::Notes;

/// As in the service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many histories a normal run plays.
const IN_MEMORY: u64 = 10_000;
const ON_SQLITE: u64 = 300;
/// Where the seeds of a normal run begin; a soak begins elsewhere each time.
const FIRST_SEED: u64 = 1;

/// How many histories are played, and which.
struct Run {
    count: u64,
    only: Option<u64>,
    first: u64,
    end: Option<Instant>,
    /// After so many that fail, each in its own way, it is enough.
    failures: usize,
}

impl Run {
    fn new(count: u64) -> Self {
        let number = |name: &str| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
        let seconds = number("LOCKSTEP_SOAK_SECONDS");
        Self {
            count: number("LOCKSTEP_HISTORIES")
                .map_or(count, |all| (all * count).div_ceil(IN_MEMORY)),
            only: number("LOCKSTEP_SEED"),
            first: number("LOCKSTEP_FIRST_SEED").unwrap_or(FIRST_SEED),
            end: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
            failures: number("LOCKSTEP_FAILURES").map_or(1, |n| usize::try_from(n).unwrap_or(1)),
        }
    }

    fn seed(&self, number: u64) -> Option<u64> {
        let more = match (self.only, self.end) {
            (Some(_), _) => number == 0,
            (None, Some(end)) => Instant::now() < end,
            (None, None) => number < self.count,
        };
        let seed = self.only.unwrap_or(self.first.wrapping_add(number));
        more.then_some(seed)
    }
}

/// What came of a run.
struct Played {
    count: u64,
    failures: BTreeMap<String, Box<Failure>>,
    notes: Notes,
}

/// Plays histories on all cores until there have been enough.
fn play(run: &Run, backing: Backing) -> Played {
    let (next, played) = (AtomicU64::new(0), AtomicU64::new(0));
    let failures: Mutex<BTreeMap<String, Box<Failure>>> = Mutex::default();
    let notes: Mutex<Notes> = Mutex::default();
    let worker = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        while let Some(seed) = run.seed(next.fetch_add(1, Ordering::Relaxed)) {
            let is_known = |kind: &str| failures.lock().unwrap().contains_key(kind);
            if let Err(failure) = history::run(seed, backing, is_known) {
                eprintln!("{failure}");
                let mut failures = failures.lock().unwrap();
                failures.entry(failure.kind()).or_insert(failure);
            }
            played.fetch_add(1, Ordering::Relaxed);
            if failures.lock().unwrap().len() >= run.failures {
                break;
            }
        }
        let mut all = notes.lock().unwrap();
        for (what, count) in history::take_notes() {
            *all.entry(what).or_default() += count;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(worker);
        }
    });
    Played {
        count: played.into_inner(),
        failures: failures.into_inner().unwrap(),
        notes: notes.into_inner().unwrap(),
    }
}

fn play_all(count: u64, backing: Backing) {
    let begun = Instant::now();
    let played = play(&Run::new(count), backing);
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{} histories on {backing:?} in {seconds:.1} s",
        played.count
    );
    for (what, count) in &played.notes {
        eprintln!("{count:>8} {what}");
    }
    let told: Vec<String> = played.failures.values().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn ten_thousand_histories_in_memory_end_as_a_new_service_would_begin() {
    play_all(IN_MEMORY, Backing::Memory);
}

#[test]
fn three_hundred_histories_on_sqlite_end_as_a_new_service_would_begin() {
    play_all(ON_SQLITE, Backing::Sqlite);
}
