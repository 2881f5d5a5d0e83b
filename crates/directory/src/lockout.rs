//! How long an answer waits after wrong passwords.
//!
//! An attempt is counted when it begins and forgiven when it succeeds, so that a thousand attempts at once
//! are a thousand, and they queue: each waits behind the one before it. The first few wrong passwords cost
//! nothing; from then on the wait doubles. Whoever would have to wait too long is told when to come back.
//! Nobody is locked out for good: a user under attack gets an answer after [`Policy::longest`] at most.

use lockstep_model::Timestamp;
use std::time::Duration;

/// When answers begin to wait, and how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Policy {
    /// So many wrong passwords in a row are answered at once.
    pub free: u32,
    /// How long the answer waits to the one after that; it doubles from there.
    pub first: Duration,
    /// The longest that one attempt is kept from the one before it.
    pub longest: Duration,
    /// After so long without an attempt all is forgotten.
    pub memory: Duration,
}

impl Policy {
    /// For one user: passwords that are tried on one person.
    pub const USER: Self = Self {
        free: 10,
        first: Duration::from_secs(2),
        longest: Duration::from_secs(300),
        memory: Duration::from_secs(30 * 24 * 3_600),
    };

    /// For one address: one password that is tried on many people. Behind an address there may be a whole
    /// office, hence the patience, and hence a success there forgives only itself.
    pub const ADDRESS: Self = Self {
        free: 100,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(60),
        memory: Duration::from_secs(900),
    };

    /// Whoever would wait longer for an answer is told when to come back instead.
    pub const PATIENCE: Duration = Duration::from_secs(20);
}

/// What is remembered of attempts: wrong ones, and ones that are not decided yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempts {
    /// How many, in a row.
    pub count: u32,
    /// When the last of them was, or will be, decided.
    pub last: Timestamp,
}

/// When an attempt is decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// At this moment, which may have come already.
    At(Timestamp),
    /// Not at all: there are too many before it.
    Refused {
        /// When the next attempt is worth while.
        until: Timestamp,
    },
}

impl Attempts {
    /// When an attempt that comes now would be decided.
    #[must_use]
    pub fn admission(&self, policy: &Policy, now: Timestamp) -> Admission {
        let wait = self.wait(policy, now);
        if wait.is_zero() {
            return Admission::At(now);
        }
        let at = now.max(self.last.plus(wait));
        match at <= now.plus(Policy::PATIENCE) {
            true => Admission::At(at),
            false => Admission::Refused {
                until: at.minus(Policy::PATIENCE),
            },
        }
    }

    /// Counts an attempt that is decided at `at`.
    pub fn begin(&mut self, policy: &Policy, now: Timestamp, at: Timestamp) {
        self.count = match self.is_forgotten(policy, now) {
            true => 1,
            false => self.count.saturating_add(1),
        };
        self.last = self.last.max(at);
    }

    /// Takes back one attempt, which was a success.
    pub const fn forgive(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    fn is_forgotten(&self, policy: &Policy, now: Timestamp) -> bool {
        self.last.plus(policy.memory) <= now
    }

    /// How long after the last attempt the next one is decided.
    fn wait(&self, policy: &Policy, now: Timestamp) -> Duration {
        if self.count < policy.free || self.is_forgotten(policy, now) {
            return Duration::ZERO;
        }
        let doublings = (self.count - policy.free).min(16);
        policy.longest.min(policy.first * (1 << doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// Tries until `count` attempts have been made; gives when each was decided.
    fn attempts(count: u32, now: Timestamp) -> (Attempts, Vec<Timestamp>) {
        let (mut state, mut decided) = (Attempts::default(), Vec::new());
        let mut time = now;
        while decided.len() < count as usize {
            match state.admission(&Policy::USER, time) {
                Admission::At(at) => {
                    state.begin(&Policy::USER, time, at);
                    time = at;
                    decided.push(at);
                }
                Admission::Refused { until } => time = until,
            }
        }
        (state, decided)
    }

    #[test]
    fn ten_wrong_passwords_are_answered_at_once_and_then_the_wait_doubles() {
        let (_, decided) = attempts(15, at(1_000));
        assert!(decided[..10].iter().all(|time| *time == at(1_000)));
        let waits: Vec<i64> = decided[9..]
            .windows(2)
            .map(|pair| (pair[1].as_millis() - pair[0].as_millis()) / 1_000)
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32]);
    }

    #[test]
    fn attempts_at_the_same_moment_queue_and_the_rest_are_sent_away() {
        let mut state = Attempts::default();
        let now = at(1_000);
        let mut refused = 0;
        for _ in 0..1_000 {
            match state.admission(&Policy::USER, now) {
                Admission::At(at) => state.begin(&Policy::USER, now, at),
                Admission::Refused { .. } => refused += 1,
            }
        }
        // Ten at once, then after 2, 6 and 14 seconds; the next would wait longer than the patience.
        assert_eq!((state.count, refused), (13, 987));
    }

    #[test]
    fn a_user_who_stays_away_for_the_longest_wait_is_answered_at_once() {
        let (state, decided) = attempts(40, at(1_000));
        let last = *decided.last().unwrap();
        let later = last.plus(Policy::USER.longest);
        assert_eq!(state.admission(&Policy::USER, later), Admission::At(later));
        let refused = state.admission(&Policy::USER, last);
        assert!(matches!(refused, Admission::Refused { until } if until < later));
    }

    #[test]
    fn what_is_long_past_is_forgotten_and_a_success_takes_itself_back() {
        let (mut state, _) = attempts(12, at(1_000));
        let later = at(1_000 + 31 * 24 * 3_600);
        state.begin(&Policy::USER, later, later);
        assert_eq!(state.count, 1);
        state.forgive();
        assert_eq!(state.count, 0);
    }
}
