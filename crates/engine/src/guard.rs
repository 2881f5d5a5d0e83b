//! The guard against accidental deletes.

/// How many deletes one cycle may carry out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeleteThreshold {
    /// So many, or more, and none is carried out; `None`: the guard is off.
    pub threshold: Option<u64>,
}

/// What the guard says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The staged deletes may leave.
    Allow,
    /// They are held, all of them.
    Hold {
        /// Staged now and held before, together.
        counted: u64,
        /// The threshold that they reach.
        threshold: u64,
    },
}

impl DeleteThreshold {
    /// Judges the deletes that are `staged` in this cycle together with those `held` before: a guard that
    /// has tripped does not open because the number fell.
    #[must_use]
    pub fn judge(self, staged: u64, held: u64) -> Verdict {
        match self.threshold {
            Some(threshold) if held > 0 || staged + held >= threshold => Verdict::Hold {
                counted: staged + held,
                threshold,
            },
            _ => Verdict::Allow,
        }
    }
}

/// How many changes of a kind one cycle may make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// So many, or more, and none is made.
    Number(u64),
    /// The same as a part of all, in percent.
    Percent(u64),
}

impl Limit {
    /// Whether so many changes reach the limit, of so many that could change.
    #[must_use]
    pub const fn is_reached(self, changes: u64, of: u64) -> bool {
        match self {
            Self::Number(limit) => changes >= limit,
            Self::Percent(percent) => {
                changes > 0 && changes.saturating_mul(100) >= of.saturating_mul(percent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_by_number_or_by_part() {
        for (limit, changes, of, reached) in [
            (Limit::Number(50), 49, 10, false),
            (Limit::Number(50), 50, 1_000, true),
            (Limit::Percent(30), 29, 100, false),
            (Limit::Percent(30), 30, 100, true),
            (Limit::Percent(30), 1, 3, true),
            (Limit::Percent(30), 0, 0, false),
        ] {
            assert_eq!(
                limit.is_reached(changes, of),
                reached,
                "{limit:?} {changes} of {of}"
            );
        }
    }

    const GUARD: DeleteThreshold = DeleteThreshold {
        threshold: Some(500),
    };

    #[test]
    fn four_hundred_and_ninety_nine_go_through_and_the_five_hundredth_holds_all() {
        assert_eq!(GUARD.judge(499, 0), Verdict::Allow);
        assert_eq!(
            GUARD.judge(500, 0),
            Verdict::Hold {
                counted: 500,
                threshold: 500
            }
        );
    }

    #[test]
    fn a_tripped_guard_does_not_open_because_the_number_fell() {
        assert_eq!(
            GUARD.judge(0, 450),
            Verdict::Hold {
                counted: 450,
                threshold: 500
            }
        );
    }

    #[test]
    fn a_guard_that_is_off_allows_everything() {
        assert_eq!(
            DeleteThreshold { threshold: None }.judge(1_000_000, 0),
            Verdict::Allow
        );
    }
}
