//! # FormatDateTime(source, dateTimeStyles, inputFormat, outputFormat)
//!
//! Writes a date in another form.
//!
//! Formats are .NET's patterns in English: custom ones of `d dd ddd dddd M MM MMM MMMM y yy yyyy h hh H HH m
//! mm s ss f…fffffff F…FFFFFFF t tt g z zz zzz K`, texts between quotation marks, `\` before a single
//! character; or one letter for a standard one (`d D f F g G m o r s t T u U y`). Other characters stand for
//! themselves.
//!
//! - There are forms with two, three and four arguments: `(source, outputFormat)`, `(source, inputFormat,
//!   outputFormat)`, and the one above. Without an input format a text is read as `CDate` reads it.
//! - A source that is a date already (`CDate`, `DateFromNum`, `Now`, `DateAdd`) needs no input format, and
//!   none is applied to it.
//! - Styles are those of .NET's `DateTimeStyles`, separated by commas. Blanks around the date are allowed
//!   unless styles are given that do not say so. Styles about zones change nothing: a date without a zone
//!   is UTC, and so is every result.
//! - What an input format leaves out is the first: the year 1, January, the first day, midnight. The original
//!   takes today's date, and with it another value every day.
//! - Two digits are the years 1950 to 2049.
//!
//! ```text
//! FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")
//!   with extensionAttribute1 = "20150123105347.1Z"
//!   gives "2015-01-23"
//!
//! FormatDateTime([extensionAttribute1], "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")
//!   with extensionAttribute1 = "20150123105347.1Z"
//!   gives "2015-01-23"
//!
//! FormatDateTime([endDate], , "M/d/yyyy hh:mm:ss tt", "yyyy-MM-dd")
//!   with endDate = "3/9/2026 07:05:00 PM"
//!   gives "2026-03-09"
//!
//! FormatDateTime(CDate("12/25/2007"), "yyyy-MM-dd")
//!   gives "2007-12-25"
//!
//! FormatDateTime(DateFromNum([pwdLastSet]), "yyyyMMddHHmmss.0Z")
//!   with pwdLastSet = "132772253564048004"
//!   gives "20210927140916.0Z"
//!
//! FormatDateTime([hired], , "yyyy-MM-dd", "d")
//!   with hired = "31.3.2026"
//!   fails: expected a date in the form of inputFormat as source, received "31.3.2026"
//! ```

use super::*;
use crate::expression::datetime::format::{DatePattern, Styles};

pub(super) static FUNCTION: Function = Function::new(
    "FormatDateTime",
    &[
        Parameter::any("source"),
        Parameter::text("dateTimeStyles").blank(),
        Parameter::text("inputFormat").blank(),
        Parameter::text("outputFormat"),
    ],
    Kind::Text,
    evaluate,
)
.or(&[
    &[Parameter::date("source"), Parameter::text("outputFormat")],
    &[
        Parameter::any("source"),
        Parameter::text("inputFormat").blank(),
        Parameter::text("outputFormat"),
    ],
])
.each()
.checked(check);

/// Where the arguments stand, by their number.
struct Slots {
    styles: Option<usize>,
    input: Option<usize>,
    output: usize,
}

const fn slots(count: usize) -> Slots {
    let (styles, input, output) = match count {
        2 => (None, None, 1),
        3 => (None, Some(1), 2),
        _ => (Some(1), Some(2), 3),
    };
    Slots {
        styles,
        input,
        output,
    }
}

fn check(given: &Given<'_>) -> Result<Option<Pattern>, ArgumentError> {
    let slots = slots(given.arguments.len());
    let pattern = |index| {
        let readable = |text: &str| DatePattern::parse(text).is_some();
        given.text_is(index, readable, DatePattern::EXPECTED)
    };
    pattern(slots.output)?;
    slots.input.map_or(Ok(()), pattern)?;
    if let Some(styles) = slots.styles {
        given.text_is(
            styles,
            |text| Styles::parse(text).is_some(),
            Styles::EXPECTED,
        )?;
    }
    Ok(None)
}

fn evaluate(call: &Call<'_>) -> Outcome {
    let slots = slots(call.count());
    let Some(date) = source(call, &slots)? else {
        return Ok(ExpressionValue::Null);
    };
    match pattern(call, slots.output)? {
        Some(output) => call.result(output.format(date)),
        None => Ok(ExpressionValue::Null),
    }
}

fn source(call: &Call<'_>, slots: &Slots) -> Result<Option<DateTime>, Stop> {
    let value = call.single(0)?;
    let input = match slots.input {
        Some(index) if call.is_given(index) => pattern(call, index)?,
        _ => None,
    };
    let (None, Some(input)) = (as_moment(&value), input) else {
        return match value.is_null() {
            true => Ok(None),
            false => date_of(call, &value).map(Some),
        };
    };
    let Some(text) = call.text(0)? else {
        return Ok(None);
    };
    let styles = match slots.styles {
        Some(index) => styles(call, index)?,
        None => Styles::default(),
    };
    let date = input.read(&text, styles);
    date.map(Some)
        .ok_or_else(|| call.wrong(0, "a date in the form of inputFormat"))
}

fn date_of(call: &Call<'_>, value: &ExpressionValue) -> Result<DateTime, Stop> {
    let date = value.as_date();
    date.ok_or_else(|| call.wrong(0, Takes::Date.expected()))
}

const fn as_moment(value: &ExpressionValue) -> Option<DateTime> {
    match value {
        ExpressionValue::DateTime(date) => Some(*date),
        _ => None,
    }
}

fn pattern(call: &Call<'_>, index: usize) -> Result<Option<DatePattern>, Stop> {
    let Some(text) = call.text(index)? else {
        return Ok(None);
    };
    let pattern = DatePattern::parse(&text);
    pattern
        .map(Some)
        .ok_or_else(|| call.wrong(index, DatePattern::EXPECTED))
}

fn styles(call: &Call<'_>, index: usize) -> Result<Styles, Stop> {
    match call.text(index)? {
        None => Ok(Styles::default()),
        Some(names) => Styles::parse(&names).ok_or_else(|| call.wrong(index, Styles::EXPECTED)),
    }
}
