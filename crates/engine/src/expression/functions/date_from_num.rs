//! # DateFromNum(value)
//!
//! Reads a date as Active Directory counts it: in units of 100 ns since 1601 (FILETIME).
//!
//! Zero and 9223372036854775807 mean "never" in Active Directory and give no value; the original takes
//! zero for January 1, 1601, and fails with the other.
//!
//! ```text
//! DateFromNum(129699324000000000)
//!   gives date "1/1/2012 11:00:00 PM"
//!
//! FormatDateTime(DateFromNum([lastLogonTimestamp]), , , "yyyy-MM-dd HH:mm")
//!   with lastLogonTimestamp = "129699324000000000"
//!   gives "2012-01-01 23:00"
//!
//! DateFromNum([accountExpires])
//!   with accountExpires = "9223372036854775807"
//!   gives nothing
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "DateFromNum",
    &[Parameter::number("value")],
    Kind::Date,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    match call.number(0)? {
        None | Some(0 | i64::MAX) => Ok(ExpressionValue::Null),
        Some(number) => date(DateTime::from_filetime(number), call),
    }
}
