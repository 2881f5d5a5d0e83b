//! Limits on what one cycle may do: the threshold for deletes is one, those on updates and on members are others.

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
            (Limit::Number(500), 499, 10, false),
            (Limit::Number(500), 500, 1_000, true),
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
}
