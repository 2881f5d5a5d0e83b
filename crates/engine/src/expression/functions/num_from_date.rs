//! # NumFromDate(value)
//!
//! A date as Active Directory counts it: in units of 100 ns since 1601 (FILETIME).
//!
//! A text is read as `CDate` reads it. A date before 1601 fails.
//!
//! ```text
//! NumFromDate(CDate("2012-01-01 23:00:00"))
//!   gives 129699324000000000
//!
//! NumFromDate(Join("", FormatDateTime([ContractEndDate], , "yyyy-MM-ddzzz", "yyyy-MM-dd"), " 23:59:59-08:00"))
//!   with ContractEndDate = "2020-12-31-08:00"
//!   gives 132539615990000000
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "NumFromDate",
    &[Parameter::date("value")],
    Kind::Number,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(date) = call.date(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let number = date.to_filetime();
    let number = number.ok_or_else(|| call.wrong(0, "a date in or after 1601"))?;
    Ok(ExpressionValue::Integer(number))
}
