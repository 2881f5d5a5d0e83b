//! One history from its seed to its verdict, and the shortest one that fails the same way.

use crate::generate;
use crate::oracle;
use crate::script::{Admin, Script, Step, Told};
use crate::store::WatchedStore;
use crate::world::{Notes, TRACING, Violation, Which, World};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

/// How often a failing history is tried with something taken out.
const ATTEMPTS: usize = 1_000;

/// Where a history's service keeps its data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Backing {
    Memory,
    Sqlite,
}

/// A history that broke a rule.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    script: Script,
    violation: Violation,
    length: usize,
}

impl Failure {
    /// What histories that fail for the same reason have in common, as far as words tell.
    pub(crate) fn kind(&self) -> String {
        kind(&self.violation)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "history {}: {}", self.seed, self.violation.0)?;
        writeln!(
            f,
            "of {} steps these are left (LOCKSTEP_SEED={} runs it again):",
            self.length, self.seed
        )?;
        write!(f, "{}", Told(&self.script))
    }
}

fn kind(violation: &Violation) -> String {
    let letter = |c: &char| !c.is_ascii_digit();
    violation.0.chars().filter(letter).take(60).collect()
}

/// Runs the history of a seed. A failure of a kind that is known already is not told again.
pub(crate) fn run(
    seed: u64,
    backing: Backing,
    is_known: impl Fn(&str) -> bool,
) -> Result<(), Box<Failure>> {
    let script = generate::script(seed);
    let Err(violation) = play(&script, backing) else {
        return Ok(());
    };
    if is_known(&kind(&violation)) {
        return Ok(());
    }
    let notes = NOTES.take();
    let length = script.steps.len();
    let (script, violation) = shortest(script, violation, backing);
    if std::env::var("LOCKSTEP_TRACE").is_ok() {
        TRACING.set(true);
        let _ = play(&script, backing);
        TRACING.set(false);
    }
    NOTES.set(notes);
    Err(Box::new(Failure {
        seed,
        script,
        violation,
        length,
    }))
}

/// What has happened in all histories of this thread.
pub(crate) fn take_notes() -> Notes {
    NOTES.take()
}

fn add(notes: &Notes) {
    let mut all = NOTES.take();
    for (what, count) in notes {
        *all.entry(what.clone()).or_default() += count;
    }
    NOTES.set(all);
}

/// Plays a script to its end. A panic is a violation too.
pub(crate) fn play(script: &Script, backing: Backing) -> Result<(), Violation> {
    hush();
    PLAYING.set(true);
    let result = caught(script, backing);
    PLAYING.set(false);
    result
}

thread_local! {
    static NOTES: Cell<Notes> = const { Cell::new(Notes::new()) };
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Panics within a history are told with its script, and not each time while a shorter one is looked for.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !PLAYING.get() {
                usual(panic);
            }
        }));
    });
}

fn caught(script: &Script, backing: Backing) -> Result<(), Violation> {
    catch_unwind(AssertUnwindSafe(|| play_out(script, backing))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Violation(format!("panic: {}", text.unwrap_or("unknown"))))
    })
}

fn play_out(script: &Script, backing: Backing) -> Result<(), Violation> {
    lockstep_server::ids::follow(1);
    let store: Arc<WatchedStore> = match backing {
        Backing::Memory => WatchedStore::in_memory(),
        Backing::Sqlite => WatchedStore::on_sqlite(),
    };
    let mut world = World::of(script, store);
    let mut steps = script.steps.iter();
    // The domain has its first objects before anybody configures anything.
    let mut next = steps.next();
    while let Some(step @ Step::Ad(_)) = next {
        world.step(step);
        next = steps.next();
    }
    world.administer(Which::First, &Admin::Configure(script.wishes.clone()));
    world.settle(0);
    if world.configuration(Which::First).is_none() {
        // The script names units that it does not make any more.
        return Ok(());
    }
    while let Some(step) = next {
        world.step(step);
        if let Some(violation) = world.violation() {
            return Err(violation);
        }
        next = steps.next();
    }
    add(&world.shared.notes.borrow());
    oracle::check(&mut world, &script.setup).map_or(Ok(()), Err)
}

/// Takes out of a failing history what it does not need to fail.
fn shortest(script: Script, violation: Violation, backing: Backing) -> (Script, Violation) {
    let mut shrinking = Shrinking {
        script,
        violation,
        backing,
        attempts: 0,
    };
    shrinking.run();
    (shrinking.script, shrinking.violation)
}

struct Shrinking {
    script: Script,
    violation: Violation,
    backing: Backing,
    attempts: usize,
}

impl Shrinking {
    fn run(&mut self) {
        let mut length = self.script.steps.len().max(1).next_power_of_two();
        while length > 0 {
            let mut at = 0;
            while at < self.script.steps.len() {
                let mut shorter = self.script.clone();
                let end = (at + length).min(shorter.steps.len());
                shorter.steps.drain(at..end);
                if !self.still_fails(shorter) {
                    at += length;
                }
            }
            length /= 2;
        }
        self.simplify();
    }

    /// Plainer circumstances and orders.
    fn simplify(&mut self) {
        let plainer: [fn(&mut Script); 7] = [
            |script| script.setup.controllers = 1,
            |script| script.setup.recycle_bin = false,
            |script| script.setup.page = usize::MAX,
            |script| script.setup.range = usize::MAX,
            |script| script.setup.threshold = Some(500),
            |script| script.setup.incremental_values = true,
            |script| {
                script.setup.habits.batch = 100;
                script.setup.habits.link_batch = 100;
                script.setup.habits.reads = 100;
                script.setup.habits.at_a_time = 1;
                script.setup.habits.slices = 1;
            },
        ];
        for change in plainer {
            let mut plain = self.script.clone();
            change(&mut plain);
            if plain != self.script {
                self.still_fails(plain);
            }
        }
        for index in 0..self.script.steps.len() {
            let mut plain = self.script.clone();
            if let Some(Step::Settle { order } | Step::Turns { order, .. }) =
                plain.steps.get_mut(index)
                && *order > 0
            {
                *order = 0;
                self.still_fails(plain);
            }
            while let Some(Step::Turns { count, .. }) = self.script.steps.get(index)
                && *count > 1
            {
                let mut plain = self.script.clone();
                if let Some(Step::Turns { count, .. }) = plain.steps.get_mut(index) {
                    *count /= 2;
                }
                if !self.still_fails(plain) {
                    break;
                }
            }
        }
    }

    /// Keeps a simpler history if it breaks a rule as well, be it another one.
    fn still_fails(&mut self, simpler: Script) -> bool {
        self.attempts += 1;
        if self.attempts > ATTEMPTS {
            return false;
        }
        match play(&simpler, self.backing) {
            Ok(()) => false,
            Err(violation) => {
                self.script = simpler;
                self.violation = violation;
                true
            }
        }
    }
}
