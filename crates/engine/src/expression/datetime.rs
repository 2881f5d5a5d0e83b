//! Dates: moments in UTC, as .NET's `DateTime` keeps them.
//!
//! [`DateTime`] counts like the original: 100 ns, the years 1 to 9999, `DateAdd` and `DateDiff` as
//! Visual Basic defines them. [`format`](mod@format) knows .NET's patterns; [`lenient`] reads dates
//! without one.

pub(super) mod format;
mod lenient;

use lockstep_model::Timestamp;
use std::fmt;
use std::str::FromStr;
use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

/// A moment in UTC, to 100 ns, in the years 1 to 9999.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DateTime(PrimitiveDateTime);

/// A text that is no date.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a date such as 2026-03-31, 2026-03-31T08:00:00+02:00 or 3/31/2026 8:00:00 AM")]
pub struct DateTimeError;

/// What `DateAdd` and `DateDiff` count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Interval {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// 1601-01-01, where FILETIME begins ([MS-DTYP] 2.3.3).
const FILETIME_EPOCH: PrimitiveDateTime = time::macros::datetime!(1601-01-01 0:00);

const UNIX_EPOCH: PrimitiveDateTime = time::macros::datetime!(1970-01-01 0:00);

/// The names of the months in the culture of the original, en-US.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The names of the days of the week, Sunday first.
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl DateTime {
    /// The moment of the service's clock.
    #[must_use]
    pub fn from_timestamp(timestamp: Timestamp) -> Option<Self> {
        Self::checked(UNIX_EPOCH.checked_add(Duration::milliseconds(timestamp.as_millis())))
    }

    /// The moment to the millisecond.
    #[must_use]
    pub fn to_timestamp(self) -> Timestamp {
        let millis = (self.0 - UNIX_EPOCH).whole_milliseconds();
        // INVARIANT: 9999 years are less than 2^63 milliseconds.
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Reads a FILETIME: units of 100 ns since 1601.
    #[must_use]
    pub fn from_filetime(filetime: i64) -> Option<Self> {
        let seconds = filetime.div_euclid(10_000_000);
        // INVARIANT: less than ten million units of 100 ns.
        let nanos = i32::try_from(filetime.rem_euclid(10_000_000) * 100).unwrap_or(0);
        Self::checked(FILETIME_EPOCH.checked_add(Duration::new(seconds, nanos)))
    }

    /// The moment as a FILETIME; nothing before 1601.
    #[must_use]
    pub fn to_filetime(self) -> Option<i64> {
        let units = (self.0 - FILETIME_EPOCH).whole_nanoseconds() / 100;
        i64::try_from(units).ok().filter(|units| *units >= 0)
    }

    /// A moment by its parts, `offset` ahead of UTC.
    pub(super) fn new(date: Date, time: Time, offset: UtcOffset) -> Option<Self> {
        let local = PrimitiveDateTime::new(date, time);
        let ahead = Duration::seconds(i64::from(offset.whole_seconds()));
        Self::checked(local.checked_sub(ahead))
    }

    fn checked(date: Option<PrimitiveDateTime>) -> Option<Self> {
        date.filter(|date| (1..=9999).contains(&date.year()))
            .map(Self)
    }

    /// The moment `count` intervals later. A day that the month does not have becomes its last day.
    pub(super) fn plus(self, interval: Interval, count: i64) -> Option<Self> {
        let seconds = |unit: i64| {
            let seconds = count.checked_mul(unit)?;
            Self::checked(self.0.checked_add(Duration::seconds(seconds)))
        };
        match interval {
            Interval::Year => self.plus_months(count.checked_mul(12)?),
            Interval::Month => self.plus_months(count),
            Interval::Week => seconds(7 * 86_400),
            Interval::Day => seconds(86_400),
            Interval::Hour => seconds(3_600),
            Interval::Minute => seconds(60),
            Interval::Second => seconds(1),
        }
    }

    fn plus_months(self, count: i64) -> Option<Self> {
        let months = self.months().checked_add(count)?;
        let year = i32::try_from(months.div_euclid(12)).ok()?;
        let month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
        let month = Month::try_from(month).ok()?;
        if !(1..=9999).contains(&year) {
            return None;
        }
        let day = self.0.day().min(month.length(year));
        let date = Date::from_calendar_date(year, month, day).ok()?;
        Self::checked(Some(PrimitiveDateTime::new(date, self.0.time())))
    }

    /// How many months have begun since the year 0.
    fn months(self) -> i64 {
        i64::from(self.0.year()) * 12 + i64::from(u8::from(self.0.month())) - 1
    }

    /// How many intervals `later` lies behind this moment; negative when it lies before.
    ///
    /// As in Visual Basic: years and months are those of the calendar, weeks are the Sundays between
    /// both, anything shorter is whole intervals.
    pub(super) fn until(self, later: Self, interval: Interval) -> i64 {
        let between = later.0 - self.0;
        match interval {
            Interval::Year => i64::from(later.0.year()) - i64::from(self.0.year()),
            Interval::Month => later.months() - self.months(),
            Interval::Week => {
                let into_week = |date: Self| {
                    Duration::days(i64::from(date.0.weekday().number_days_from_sunday()))
                };
                let between = between + into_week(self) - into_week(later);
                between.whole_days() / 7
            }
            Interval::Day => between.whole_days(),
            Interval::Hour => between.whole_hours(),
            Interval::Minute => between.whole_minutes(),
            Interval::Second => between.whole_seconds(),
        }
    }
}

/// `M/d/yyyy h:mm:ss tt`
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, half) = format::of_twelve(self.0.hour());
        write!(
            f,
            "{}/{}/{:04} {hour}:{:02}:{:02} {half}",
            u8::from(self.0.month()),
            self.0.day(),
            self.0.year(),
            self.0.minute(),
            self.0.second()
        )
    }
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        lenient::parse(text).ok_or(DateTimeError)
    }
}

impl Interval {
    /// The intervals as they are written.
    pub(super) const EXPECTED: &'static str =
        "\"yyyy\", \"m\", \"ww\", \"d\", \"h\", \"n\" (minutes) or \"s\"";

    /// The interval with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "yyyy" => Some(Self::Year),
            "m" => Some(Self::Month),
            "ww" => Some(Self::Week),
            "d" => Some(Self::Day),
            "h" => Some(Self::Hour),
            "n" => Some(Self::Minute),
            "s" => Some(Self::Second),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
