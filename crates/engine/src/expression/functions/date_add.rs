//! # DateAdd(interval, value, dateTime)
//!
//! A date some time later, or earlier when the number is negative.
//!
//! The interval is `"yyyy"` (years), `"m"` (months), `"ww"` (weeks), `"d"` (days), `"h"` (hours), `"n"`
//! (minutes) or `"s"` (seconds). A day that the month does not have becomes its last day. A text is read
//! as `CDate` reads it.
//!
//! ```text
//! DateAdd("d", 7, CDate([StatusHireDate]))
//!   with StatusHireDate = "2012-03-16-07:00"
//!   gives date "3/23/2012 7:00:00 AM"
//!
//! DateAdd("d", -10, CDate("2012-03-16-07:00"))
//!   gives date "3/6/2012 7:00:00 AM"
//!
//! DateAdd("ww", 2, CDate("2012-03-16-07:00"))
//!   gives date "3/30/2012 7:00:00 AM"
//!
//! DateAdd("m", 10, CDate("2012-03-16-07:00"))
//!   gives date "1/16/2013 7:00:00 AM"
//!
//! DateAdd("yyyy", 2, CDate("2012-03-16-07:00"))
//!   gives date "3/16/2014 7:00:00 AM"
//!
//! DateAdd("m", 1, "2021-01-31")
//!   gives date "2/28/2021 12:00:00 AM"
//! ```

use super::*;
use crate::expression::datetime::Interval;

pub(super) static FUNCTION: Function = Function::new(
    "DateAdd",
    &[
        Parameter::text("interval"),
        Parameter::number("value"),
        Parameter::date("dateTime"),
    ],
    Kind::Date,
    evaluate,
)
.checked(|given| check_interval(given).map(|()| None));

/// Refuses an interval that there is not.
pub(super) fn check_interval(given: &Given<'_>) -> Result<(), ArgumentError> {
    given.text_is(
        0,
        |name| Interval::named(name).is_some(),
        Interval::EXPECTED,
    )
}

/// The interval in the first argument.
pub(super) fn interval(call: &Call<'_>) -> Result<Interval, Stop> {
    let name = call.text(0)?.unwrap_or_default();
    Interval::named(&name).ok_or_else(|| call.wrong(0, Interval::EXPECTED))
}

fn evaluate(call: &Call<'_>) -> Outcome {
    let (Some(count), Some(start)) = (call.number(1)?, call.date(2)?) else {
        return Ok(ExpressionValue::Null);
    };
    date(start.plus(interval(call)?, count), call)
}
