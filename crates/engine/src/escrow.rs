//! When an object that failed is tried again.
//!
//! At once in the next cycle, for what was wrong for a moment; then ever less often, so that a cycle does not
//! carry along what nobody puts right; after four weeks only when it changes. A change of the object, or of
//! what it failed for, begins anew: that is the caller's to say.

use lockstep_model::Timestamp;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
/// When an object is tried again after it failed, from the first failure on. The first attempt after it is the
/// next cycle's.
const LADDER: [Duration; 3] = [
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// For how long it is tried.
pub const PATIENCE: Duration = Duration::from_secs(28 * 24 * 3_600);

/// The failures of one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failures {
    /// When it failed first.
    pub first: Timestamp,
    /// When it failed last.
    pub last: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

/// When an object is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// In the first cycle from this moment on.
    From(Timestamp),
    /// When it changes, and not before.
    OnChange,
}

impl Failures {
    /// An object that failed for the first time.
    #[must_use]
    pub const fn first(now: Timestamp) -> Self {
        Self {
            first: now,
            last: now,
            attempts: 1,
        }
    }

    /// It failed once more, in the same way. A first time that lies ahead was told by a clock that has been put right
    /// since.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Self {
            first: self.first.min(now),
            last: now,
            attempts: self.attempts.saturating_add(1),
        }
    }

    /// When it is tried again: the next step of the ladder that the last attempt has not reached.
    #[must_use]
    pub fn next(self) -> Attempt {
        if self.attempts <= 1 {
            return Attempt::From(self.last);
        }
        let tried = self.last.since(self.first);
        let step = LADDER.into_iter().find(|step| *step > tried);
        let step = step.unwrap_or_else(|| {
            let days = tried.as_secs() / (24 * HOUR).as_secs() + 1;
            24 * HOUR * u32::try_from(days).unwrap_or(u32::MAX)
        });
        if step > PATIENCE {
            return Attempt::OnChange;
        }
        Attempt::From(self.first.plus(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000).plus(Duration::from_secs(hours * 3_600))
    }

    /// The hours at which an object is tried that never heals, cycles running every hour.
    fn attempts() -> Vec<u64> {
        let mut failures = Failures::first(at(0));
        let mut hours = Vec::new();
        for hour in 1..2_000 {
            if matches!(failures.next(), Attempt::From(moment) if moment <= at(hour)) {
                hours.push(hour);
                failures = failures.again(at(hour));
            }
        }
        hours
    }

    #[test]
    fn what_failed_is_tried_in_the_next_cycle_then_after_6_12_and_24_hours_then_daily_for_28_days()
    {
        let mut expected = vec![1, 6, 12];
        expected.extend((1..=28).map(|day| day * 24));
        assert_eq!(attempts(), expected);
    }

    #[test]
    fn after_28_days_only_a_change_has_it_tried() {
        let failures = Failures {
            first: at(0),
            last: at(28 * 24),
            attempts: 31,
        };
        assert_eq!(failures.next(), Attempt::OnChange);
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_put_right_has_the_ladder_begin_now() {
        let failures = Failures::first(at(1_000)).again(at(1_001)).again(at(2));
        assert_eq!((failures.first, failures.attempts), (at(2), 3));
        assert_eq!(failures.next(), Attempt::From(at(8)));
    }

    #[test]
    fn a_service_that_was_away_goes_on_at_the_step_that_is_due() {
        let failures = Failures::first(at(0)).again(at(1)).again(at(15));
        assert_eq!(failures.next(), Attempt::From(at(24)));
        let failures = failures.again(at(24 * 3 + 2));
        assert_eq!(failures.next(), Attempt::From(at(24 * 4)));
    }
}
