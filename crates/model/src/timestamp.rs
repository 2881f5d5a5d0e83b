//! Time as a value.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment in UTC, to the millisecond.
///
/// Read from the clock only at the edge; everything below takes it as an argument, so that tests can
/// let a month pass without waiting.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a time such as 2026-03-31T08:00:00Z, received `{received}`")]
pub struct TimestampError {
    /// The text as it came.
    pub received: String,
}

/// Milliseconds between 1601-01-01, where FILETIME begins ([MS-DTYP] 2.3.3), and 1970-01-01.
const FILETIME_EPOCH: i64 = -11_644_473_600_000;

impl Timestamp {
    /// Takes milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads a FILETIME: units of 100 ns since 1601 ([MS-DTYP] 2.3.3), as `pwdLastSet` holds it.
    #[must_use]
    pub const fn from_filetime(filetime: i64) -> Self {
        Self(FILETIME_EPOCH + filetime / 10_000)
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// When something is due again that was last done at this moment, and is done once in `pause`. A moment that still lies
    /// ahead was told by a clock that has been put right since: then it is due `now`, lest nothing happens until the
    /// clock has caught up.
    #[must_use]
    pub fn again(self, pause: Duration, now: Self) -> Self {
        if self > now { now } else { self.plus(pause) }
    }

    /// How long ago `earlier` was; nothing when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        // Years beyond 9999 have no RFC 3339 form; they are shown as the last that has.
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC));
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| TimestampError {
                received: text.to_owned(),
            })?
            .to_offset(UtcOffset::UTC);
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000)
            .map(Self)
            .map_err(|_| TimestampError {
                received: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetime_of_the_published_sample_is_converted() {
        let time = Timestamp::from_filetime(132_772_253_564_048_004);
        assert_eq!(time.to_string(), "2021-09-27T14:09:16.404Z");
    }

    #[test]
    fn what_was_done_at_a_time_that_is_still_to_come_is_due_now() {
        let (now, minute) = (Timestamp::from_millis(600_000), Duration::from_secs(60));
        for (last, expected) in [(0, 60_000), (600_000, 660_000), (600_001, 600_000)] {
            let due = Timestamp::from_millis(last).again(minute, now);
            assert_eq!(due, Timestamp::from_millis(expected));
        }
    }

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        let time = Timestamp::from_millis(1_790_000_000_123);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(
            "2026-01-01T01:00:00+01:00".parse(),
            "2026-01-01T00:00:00Z".parse::<Timestamp>()
        );
    }
}
