//! # DateDiff(interval, date1, date2)
//!
//! How many intervals the second date lies behind the first; negative when it lies before.
//!
//! Intervals are those of `DateAdd`. As in Visual Basic, years and months are counted by the calendar
//! (from December 31 to January 1 is one year), weeks by the Sundays in between, anything shorter in
//! whole units. A text is read as `CDate` reads it.
//!
//! ```text
//! DateDiff("d", CDate("2021-08-18+08:00"), CDate("2021-08-31+08:00"))
//!   gives 13
//!
//! DateDiff("d", Now(), CDate([StatusHireDate]))
//!   at 2021-08-25T17:41:18Z
//!   with StatusHireDate = "2012-03-16-07:00"
//!   gives -3449
//!
//! DateDiff("ww", "8/25/2021 5:41:18 PM", "2012-03-16-07:00")
//!   gives -493
//!
//! DateDiff("m", "8/25/2021 5:41:18 PM", "2012-03-16-07:00")
//!   gives -113
//!
//! DateDiff("yyyy", "8/25/2021 5:41:18 PM", "2012-03-16-07:00")
//!   gives -9
//!
//! DateDiff("d", "2021-08-31+08:00", "2021-08-31+08:00")
//!   gives 0
//!
//! DateDiff("h", "2021-08-24", "2021-08-25")
//!   gives 24
//!
//! DateDiff("n", "2021-08-24", "2021-08-25")
//!   gives 1440
//!
//! DateDiff("s", "2021-08-24", "2021-08-25")
//!   gives 86400
//!
//! Switch([Active], , "1", IIF(DateDiff("d", Now(), CDate([StatusHireDate])) > 5, "False", "True"), "0", "False")
//!   at 2021-08-25T00:00:00Z
//!   with Active = "1"
//!   with StatusHireDate = "2021-08-28"
//!   gives "True"
//! ```

use super::date_add::{check_interval, interval};
use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "DateDiff",
    &[
        Parameter::text("interval"),
        Parameter::date("date1"),
        Parameter::date("date2"),
    ],
    Kind::Number,
    evaluate,
)
.checked(|given| check_interval(given).map(|()| None));

fn evaluate(call: &Call<'_>) -> Outcome {
    Ok(match (call.date(1)?, call.date(2)?) {
        (Some(from), Some(to)) => ExpressionValue::Integer(from.until(to, interval(call)?)),
        _ => ExpressionValue::Null,
    })
}
