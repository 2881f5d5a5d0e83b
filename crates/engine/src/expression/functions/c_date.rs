//! # CDate(expression)
//!
//! Reads a date; the result is in UTC.
//!
//! Understood are `2026-03-31`, `2026/3/31`, `3/31/2026` (the month first), `March 31, 2026` and
//! `31 Mar 2026`; behind it a time, `T08:00:00`, ` 8:00:00.5` or ` 8:00 PM`; behind either a zone, `Z`,
//! `GMT`, `-8` or `+08:00`; and Active Directory's own `20260331080000.0Z`. Without a zone it is UTC. For
//! anything else use `FormatDateTime`. A date that becomes a text is written `M/d/yyyy h:mm:ss tt`.
//!
//! ```text
//! CDate([StatusHireDate])
//!   with StatusHireDate = "2020-03-16-07:00"
//!   gives date "3/16/2020 7:00:00 AM"
//!
//! CDate("2021-06-30+08:00")
//!   gives date "6/29/2021 4:00:00 PM"
//!
//! CDate("2009-06-15T01:45:30-07:00")
//!   gives date "6/15/2009 8:45:30 AM"
//!
//! CDate([whenCreated])
//!   with whenCreated = "20150123105347.0Z"
//!   gives date "1/23/2015 10:53:47 AM"
//!
//! CDate([hired])
//!   with hired = "soon"
//!   fails: expected a date
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "CDate",
    &[Parameter::date("expression")],
    Kind::Date,
    |call| {
        let date = call.date(0)?;
        Ok(date.map_or(ExpressionValue::Null, ExpressionValue::DateTime))
    },
);
