//! When a job is slowed down, and how long.
//!
//! A job whose cycles fail, or most of whose objects do, is not hammered on with: it goes to quarantine, where
//! cycles become rare, step by step. It leaves by itself with the first clean cycle.

use lockstep_model::{Timestamp, codes};
use std::time::Duration;

/// Fewer failures never quarantine a job.
const FEWEST: u64 = 5_000;
/// More failures than this part of all objects, in percent, do.
const PERCENT: u64 = 40;
/// More failures than this do, references not counted.
const MOST: u64 = 40_000;
/// More failures than this do, references counted.
const MOST_WITH_REFERENCES: u64 = 60_000;
/// When more of its objects than this part, in percent, are missing at once, a domain is taken for one that hides
/// them.
const HIDDEN_PERCENT: u64 = 40;
/// The interval between cycles grows to this.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// After so long in quarantine cycles run by hand only.
pub const PATIENCE: Duration = Duration::from_secs(28 * 24 * 3_600);
/// A cycle may fail so often in a row before what need not last counts: a controller that restarts is no
/// reason to be slow afterwards.
const IN_A_ROW: u32 = 3;

/// How many objects fail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Objects that take part: those that are in the directory, and those that fail.
    pub objects: u64,
    /// Of them, those that fail.
    pub failing: u64,
    /// References that cannot be written because of them.
    pub references: u64,
}

/// Why most objects failing is too much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Excess {
    /// More than 40,000 objects.
    Objects,
    /// More than 60,000 objects and references.
    References,
    /// More than 40 % of the objects.
    Proportion,
}

impl Excess {
    /// A stable name in CamelCase, the original's.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Objects => "EncounteredBaseEscrowThreshold",
            Self::References => "EncounteredTotalEscrowThreshold",
            Self::Proportion => "EncounteredEscrowProportionThreshold",
        }
    }
}

impl Tally {
    /// Whether so few fail that nothing else has to be counted.
    #[must_use]
    pub const fn is_harmless(failing: u64) -> bool {
        failing < FEWEST
    }

    /// Whether that is too much.
    #[must_use]
    pub const fn judge(self) -> Option<Excess> {
        if Self::is_harmless(self.failing) {
            return None;
        }
        if self.failing > MOST {
            return Some(Excess::Objects);
        }
        if self.failing.saturating_add(self.references) > MOST_WITH_REFERENCES {
            return Some(Excess::References);
        }
        if self.failing.saturating_mul(100) > self.objects.saturating_mul(PERCENT) {
            return Some(Excess::Proportion);
        }
        None
    }
}

/// Whether so many objects are missing in Active Directory that somebody has to be told: as many as the guard would
/// hold if they were to be deleted, or a great part of all that are `provisioned`.
#[must_use]
pub const fn many_missing(missing: u64, provisioned: u64, threshold: Option<u64>) -> bool {
    if missing == 0 {
        return false;
    }
    let guarded = match threshold {
        Some(threshold) => missing >= threshold,
        None => false,
    };
    guarded || missing.saturating_mul(100) > provisioned.saturating_mul(HIDDEN_PERCENT)
}

/// How grave it is that a cycle failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gravity {
    /// The cycle came to its end, and everything that can be seen was synchronised: it is told, and otherwise the cycle
    /// is as good as a clean one.
    Incomplete,
    /// It is told and changes nothing: the next cycle goes on.
    Passing,
    /// It counts when it happens again and again.
    Recurring,
    /// It does not end by itself: an administrator has to put something right.
    Lasting,
}

/// How grave an error of a cycle is, by its code.
#[must_use]
pub fn gravity(code: &str) -> Gravity {
    match code {
        codes::DELETIONS_NOT_VISIBLE => Gravity::Incomplete,
        // The service itself was in the way, or its administrator.
        codes::INTERRUPTED | codes::PAUSED => Gravity::Passing,
        codes::NO_ACTIVE_AGENTS
        | codes::WRONG_CREDENTIALS
        | codes::PASSWORD_EXPIRED
        | codes::PASSWORD_MUST_CHANGE
        | codes::ACCOUNT_DISABLED
        | codes::ACCOUNT_LOCKED
        | codes::ACCOUNT_EXPIRED
        | codes::SECRET_UNUSABLE
        | codes::MISSING_RIGHT
        | codes::FOREIGN_DOMAIN
        | codes::CERTIFICATE_NOT_TRUSTED
        | codes::CERTIFICATE_NAME_MISMATCH
        | codes::SCOPE_OBJECT_NOT_FOUND => Gravity::Lasting,
        _ => Gravity::Recurring,
    }
}

/// A quarantine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quarantine {
    /// Since when the job is in quarantine, for whatever reason.
    pub since: Timestamp,
    /// Cycles that were tried since then and were not clean.
    pub attempts: u32,
    /// When the last of them began.
    pub last: Timestamp,
}

/// When a job in quarantine is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// At this moment.
    At(Timestamp),
    /// When somebody asks for it.
    ByHand,
}

impl Quarantine {
    /// It begins with a cycle that began then.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Self {
        Self {
            since: now,
            attempts: 0,
            last: now,
        }
    }

    /// One more cycle, that began then, was not clean. What began later than that was told by a clock that has been put
    /// right since.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Self {
            since: self.since.min(now),
            attempts: self.attempts.saturating_add(1),
            last: now,
        }
    }

    /// When the next cycle runs: twice as long after the last one each time, a day at most; at once, if the last one lies
    /// ahead.
    #[must_use]
    pub fn next(self, interval: Duration, now: Timestamp) -> Attempt {
        if self.last > now {
            return Attempt::At(now);
        }
        let factor = 2_u32
            .checked_pow(self.attempts.saturating_add(1))
            .unwrap_or(u32::MAX);
        let pause = interval
            .saturating_mul(factor)
            .clamp(interval, LONGEST.max(interval));
        let next = self.last.plus(pause);
        if next.since(self.since) > PATIENCE {
            return Attempt::ByHand;
        }
        Attempt::At(next)
    }
}

/// How many cycles have failed in a row after one more that failed.
#[must_use]
pub fn failures(code: &str, before: u64) -> u64 {
    match gravity(code) {
        Gravity::Incomplete => 0,
        Gravity::Passing => before,
        Gravity::Recurring | Gravity::Lasting => before.saturating_add(1),
    }
}

/// Whether a cycle that failed brings the job to quarantine.
#[must_use]
pub fn quarantines(code: &str, in_a_row: u32) -> bool {
    match gravity(code) {
        Gravity::Incomplete | Gravity::Passing => false,
        Gravity::Recurring => in_a_row >= IN_A_ROW,
        Gravity::Lasting => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failing: u64, fine: u64, references: u64) -> Tally {
        Tally {
            objects: failing + fine,
            failing,
            references,
        }
    }

    /// 72 of the published behaviours, and the examples beside it.
    #[test]
    fn four_thousand_nine_hundred_and_ninety_nine_failing_objects_never_quarantine_and_the_figures_hold()
     {
        for (tally, expected) in [
            (tally(4_000, 0, 0), None),
            (tally(4_999, 0, 1_000_000), None),
            (tally(5_000, 7_500, 0), None),
            (tally(5_000, 7_499, 0), Some(Excess::Proportion)),
            (tally(45_000, 1_000_000, 0), Some(Excess::Objects)),
            (tally(30_000, 5_000, 0), Some(Excess::Proportion)),
            (tally(20_000, 100_000, 0), None),
            (tally(40_000, 1_000_000, 20_000), None),
            (tally(40_000, 1_000_000, 21_000), Some(Excess::References)),
        ] {
            assert_eq!(tally.judge(), expected, "{tally:?}");
        }
    }

    #[test]
    fn as_many_missing_objects_as_the_guard_would_hold_are_told_of_or_more_than_two_of_five() {
        for (missing, provisioned, threshold, expected) in [
            (0, 0, Some(0), false),
            (499, 10_000, Some(500), false),
            (500, 10_000, Some(500), true),
            (500, 10_000, None, false),
            (4, 10, Some(500), false),
            (5, 10, Some(500), true),
            (5, 10, None, true),
        ] {
            let told = many_missing(missing, provisioned, threshold);
            assert_eq!(told, expected, "{missing} of {provisioned}, {threshold:?}");
        }
    }

    #[test]
    fn a_refused_account_counts_at_once_and_a_controller_that_restarts_only_the_third_time() {
        assert!(quarantines("WrongCredentials", 1));
        assert!(quarantines("NoActiveAgents", 1));
        assert!(!quarantines("DomainControllerUnreachable", 2));
        assert!(quarantines("DomainControllerUnreachable", 3));
        assert!(!quarantines("Interrupted", 100));
        assert!(!quarantines("DeletionsNotVisible", 100));
    }

    #[test]
    fn what_passes_is_no_failure_in_a_row_and_a_cycle_that_did_all_it_could_ends_the_row() {
        for (code, expected) in [
            ("DomainControllerUnreachable", 3),
            ("WrongCredentials", 3),
            ("Paused", 2),
            ("Interrupted", 2),
            ("DeletionsNotVisible", 0),
        ] {
            assert_eq!(failures(code, 2), expected, "{code}");
        }
    }

    /// 73 and 74 of the published behaviours.
    #[test]
    fn cycles_become_rare_step_by_step_down_to_one_a_day_and_end_after_four_weeks() {
        let minute = Duration::from_secs(60);
        let begin = Timestamp::from_millis(0);
        let mut quarantine = Quarantine::begin(begin);
        let mut pauses = Vec::new();
        while let Attempt::At(next) = quarantine.next(2 * minute, quarantine.last) {
            pauses.push(next.since(quarantine.last).as_secs() / 60);
            quarantine = quarantine.again(next);
        }
        let steps = [4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_440];
        assert_eq!(pauses[..steps.len()], steps);
        assert!(pauses[steps.len()..].iter().all(|pause| *pause == 1_440));
        let lasted = quarantine.last.since(begin);
        assert!(lasted <= PATIENCE && lasted > PATIENCE - Duration::from_secs(86_400));
    }

    #[test]
    fn a_schedule_of_once_a_day_stays_one() {
        let day = Duration::from_secs(86_400);
        let quarantine =
            Quarantine::begin(Timestamp::from_millis(0)).again(Timestamp::from_millis(0));
        assert_eq!(
            quarantine.next(day, Timestamp::from_millis(0)),
            Attempt::At(Timestamp::from_millis(0).plus(day))
        );
    }

    #[test]
    fn a_clock_that_was_a_year_ahead_and_is_put_right_stops_no_attempt() {
        let (now, minute) = (Timestamp::from_millis(0), Duration::from_secs(60));
        let ahead = now.plus(365 * LONGEST);
        for quarantine in [
            Quarantine::begin(ahead),
            Quarantine::begin(now).again(ahead),
        ] {
            assert_eq!(quarantine.next(minute, now), Attempt::At(now));
            let again = quarantine.again(now);
            assert_eq!((again.since, again.last), (now, now));
            assert!(matches!(again.next(minute, now), Attempt::At(next) if next > now));
        }
    }
}
