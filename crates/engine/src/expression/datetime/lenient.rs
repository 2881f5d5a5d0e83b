//! Dates without a pattern: what `CDate` and `NumFromDate` accept.

use super::format::{Form, Parts, Reader};
use super::{DAYS, DateTime, MONTHS};
use time::UtcOffset;

/// Reads a date in one of the usual forms.
///
/// `2026-03-31`, `2026/3/31`, `3/31/2026`, `March 31, 2026` or `31 Mar 2026`, alone or with a time of 12
/// or 24 hours behind a blank or `T`; a zone as `Z`, `GMT`, `-8` or `+08:00` behind either. And the form of
/// Active Directory, `20260331080000.0Z`. Without a zone it is UTC.
pub(super) fn parse(text: &str) -> Option<DateTime> {
    let mut reader = Reader { rest: text.trim() };
    let mut parts = Parts::default();
    if generalized(&mut reader, &mut parts).is_none() {
        weekday(&mut reader, &mut parts);
        date(&mut reader, &mut parts)?;
        time(&mut reader, &mut parts);
    }
    zone(&mut reader, &mut parts);
    reader.blanks();
    if !reader.rest.is_empty() {
        return None;
    }
    parts.date()
}

/// Goes back to where it began when `read` finds something else.
fn attempt<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    let start = reader.rest;
    let found = read(reader);
    if found.is_none() {
        reader.rest = start;
    }
    found
}

/// GeneralizedTime (RFC 4517 3.3.13), as `whenCreated` holds it.
fn generalized(reader: &mut Reader<'_>, parts: &mut Parts) -> Option<()> {
    let [year, month, day, hour, minute, second] = attempt(reader, |reader| {
        let mut two = [0; 6];
        two[0] = reader.number(4, 4)?;
        for part in &mut two[1..] {
            *part = reader.number(2, 2)?;
        }
        Some(two)
    })?;
    parts.year = Some(year);
    parts.month = Some(month);
    parts.day = Some(day);
    parts.hour = Some(hour);
    parts.minute = Some(minute);
    parts.second = Some(second);
    fraction(reader, parts);
    Some(())
}

fn fraction(reader: &mut Reader<'_>, parts: &mut Parts) {
    parts.nanos = attempt(reader, |reader| {
        reader.literal(".", false)?;
        let nanos = reader.fraction(1, 7)?;
        // Further digits are finer than a date is.
        while reader.number(1, 9).is_some() {}
        Some(nanos)
    });
}

/// `Mon, ` or `Monday, `
fn weekday(reader: &mut Reader<'_>, parts: &mut Parts) {
    parts.weekday = attempt(reader, |reader| {
        let day = name(reader, &DAYS)?;
        reader.literal(",", false)?;
        reader.blanks();
        Some(day)
    });
}

fn name(reader: &mut Reader<'_>, names: &[&'static str]) -> Option<usize> {
    let found = reader.name(names, Form::Full);
    found.or_else(|| reader.name(names, Form::Short))
}

fn date(reader: &mut Reader<'_>, parts: &mut Parts) -> Option<()> {
    let forms = [year_first, month_first, month_name_first, day_first];
    let [year, month, day] = forms.iter().find_map(|form| attempt(reader, form))?;
    parts.year = Some(year);
    parts.month = Some(month);
    parts.day = Some(day);
    Some(())
}

type YearMonthDay = [u32; 3];

fn year_first(reader: &mut Reader<'_>) -> Option<YearMonthDay> {
    let year = reader.number(4, 4)?;
    let separator = if reader.rest.starts_with('/') {
        "/"
    } else {
        "-"
    };
    reader.literal(separator, false)?;
    let month = reader.number(1, 2)?;
    reader.literal(separator, false)?;
    Some([year, month, reader.number(1, 2)?])
}

fn month_first(reader: &mut Reader<'_>) -> Option<YearMonthDay> {
    let month = reader.number(1, 2)?;
    reader.literal("/", false)?;
    let day = reader.number(1, 2)?;
    reader.literal("/", false)?;
    Some([reader.number(4, 4)?, month, day])
}

fn month_name_first(reader: &mut Reader<'_>) -> Option<YearMonthDay> {
    let month = month_name(reader)?;
    reader.literal(" ", false)?;
    let day = reader.number(1, 2)?;
    reader.literal(",", false)?;
    reader.blanks();
    Some([reader.number(4, 4)?, month, day])
}

fn day_first(reader: &mut Reader<'_>) -> Option<YearMonthDay> {
    let day = reader.number(1, 2)?;
    reader.literal(" ", false)?;
    let month = month_name(reader)?;
    reader.literal(" ", false)?;
    Some([reader.number(4, 4)?, month, day])
}

fn month_name(reader: &mut Reader<'_>) -> Option<u32> {
    let month = name(reader, &MONTHS)?;
    u32::try_from(month).ok().map(|month| month + 1)
}

/// `T08:00`, ` 8:00:00.5` or ` 8:00 PM`
fn time(reader: &mut Reader<'_>, parts: &mut Parts) {
    let _ = attempt(reader, |reader| {
        if reader.literal("T", false).is_none() {
            reader.literal(" ", false)?;
            reader.blanks();
        }
        let hour = reader.number(1, 2)?;
        reader.literal(":", false)?;
        parts.minute = Some(reader.number(2, 2)?);
        if reader.literal(":", false).is_some() {
            parts.second = Some(reader.number(2, 2)?);
            fraction(reader, parts);
        }
        parts.afternoon = attempt(reader, |reader| {
            reader.blanks();
            let morning = reader.literal("AM", false).map(|()| false);
            morning.or_else(|| reader.literal("PM", false).map(|()| true))
        });
        match parts.afternoon {
            None => parts.hour = Some(hour),
            Some(_) => parts.hour12 = Some(hour),
        }
        Some(())
    });
}

fn zone(reader: &mut Reader<'_>, parts: &mut Parts) {
    parts.offset = attempt(reader, |reader| {
        reader.blanks();
        for utc in ["Z", "GMT", "UTC"] {
            if reader.literal(utc, false).is_some() {
                return Some(UtcOffset::UTC);
            }
        }
        reader.offset()
    });
}
