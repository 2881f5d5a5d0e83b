//! Random histories over the real engine, the real import and cycle, and the real stores, with a simulated
//! Active Directory and simulated agents.
//!
//! `LOCKSTEP_SEED=17 cargo test -p lockstep-testkit --test simulation` plays one history again and tells it
//! step by step. `LOCKSTEP_HISTORIES` and `LOCKSTEP_SOAK_MINUTES` say how many are played.

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
mod script;
mod store;
mod truth;
mod world;

use history::{Backing, Failure};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
        let minutes = number("LOCKSTEP_SOAK_MINUTES");
        Self {
            count: number("LOCKSTEP_HISTORIES").unwrap_or(count),
            only: number("LOCKSTEP_SEED"),
            first: number("LOCKSTEP_FIRST_SEED").unwrap_or(FIRST_SEED),
            end: minutes.map(|minutes| Instant::now() + Duration::from_secs(minutes * 60)),
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

/// Plays histories on all cores until there have been enough.
fn play(run: &Run, backing: Backing) -> (u64, BTreeMap<String, Box<Failure>>) {
    let (next, played) = (AtomicU64::new(0), AtomicU64::new(0));
    let failures: Mutex<BTreeMap<String, Box<Failure>>> = Mutex::default();
    let worker = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        while let Some(seed) = run.seed(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = history::run(seed, backing) {
                let mut failures = failures.lock().unwrap();
                failures.entry(failure.kind()).or_insert(failure);
            }
            played.fetch_add(1, Ordering::Relaxed);
            if failures.lock().unwrap().len() >= run.failures {
                return;
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(worker);
        }
    });
    (played.into_inner(), failures.into_inner().unwrap())
}

fn play_all(count: u64, backing: Backing) {
    let begun = Instant::now();
    let (played, failures) = play(&Run::new(count), backing);
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{played} histories on {backing:?} in {seconds:.1} s");
    let told: Vec<String> = failures.values().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn two_thousand_histories_in_memory_end_as_a_new_service_would_begin() {
    play_all(2_000, Backing::Memory);
}

#[test]
fn three_hundred_histories_on_sqlite_end_as_a_new_service_would_begin() {
    play_all(300, Backing::Sqlite);
}
