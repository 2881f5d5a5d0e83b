//! .NET's patterns for dates, in the culture en-US: "yyyy-MM-dd", "M/d/yyyy h:mm:ss tt", "o".

use super::{DAYS, DateTime, MONTHS};
use time::{Date, Month, Time, UtcOffset};

/// A pattern, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DatePattern(Vec<Item>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Item {
    Literal(String),
    /// At least so many digits.
    Year(usize),
    Month(usize),
    MonthName(Form),
    Day(usize),
    DayName(Form),
    Hour24(usize),
    Hour12(usize),
    Minute(usize),
    Second(usize),
    /// So many digits.
    Fraction(usize),
    /// At most so many digits, and a dot before them if there are any.
    TrimmedFraction {
        digits: usize,
        dot: bool,
    },
    Half(Form),
    Era,
    /// `z`, `zz` or `zzz`.
    Offset(usize),
    /// `K`
    Zone,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Short,
    Full,
}

/// How a text is read by a pattern (.NET's `DateTimeStyles`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Styles {
    leading: bool,
    trailing: bool,
    inner: bool,
}

impl Default for Styles {
    fn default() -> Self {
        Self {
            leading: true,
            trailing: true,
            inner: false,
        }
    }
}

impl Styles {
    /// The styles by name.
    pub(crate) const EXPECTED: &'static str =
        "names of .NET's DateTimeStyles, such as \"AllowInnerWhite\", separated by commas";

    /// Reads a list such as `AllowLeadingWhite, AssumeUniversal`.
    ///
    /// Those about time zones change nothing: whatever has no zone is UTC.
    pub(crate) fn parse(names: &str) -> Option<Self> {
        let mut styles = Self {
            leading: false,
            trailing: false,
            inner: false,
        };
        for name in names.split(',') {
            let name = name.trim().to_ascii_lowercase();
            match name.strip_prefix("datetimestyles.").unwrap_or(&name) {
                "allowleadingwhite" => styles.leading = true,
                "allowtrailingwhite" => styles.trailing = true,
                "allowinnerwhite" => styles.inner = true,
                "allowwhitespaces" => {
                    styles = Self {
                        leading: true,
                        trailing: true,
                        inner: true,
                    }
                }
                "none"
                | "nocurrentdatedefault"
                | "adjusttouniversal"
                | "assumelocal"
                | "assumeuniversal"
                | "roundtripkind" => {}
                _ => return None,
            }
        }
        Some(styles)
    }
}

/// The pattern that a single letter stands for.
fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "M/d/yyyy",
        'D' => "dddd, MMMM d, yyyy",
        'f' => "dddd, MMMM d, yyyy h:mm tt",
        'F' | 'U' => "dddd, MMMM d, yyyy h:mm:ss tt",
        'g' => "M/d/yyyy h:mm tt",
        'G' => "M/d/yyyy h:mm:ss tt",
        'm' | 'M' => "MMMM d",
        'o' | 'O' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-ddTHH:mm:ss",
        't' => "h:mm tt",
        'T' => "h:mm:ss tt",
        'u' => "yyyy-MM-dd HH:mm:ss'Z'",
        'y' | 'Y' => "MMMM yyyy",
        _ => return None,
    })
}

impl DatePattern {
    /// What a pattern looks like.
    pub(crate) const EXPECTED: &'static str = "a .NET date pattern such as \"yyyy-MM-dd\"";

    /// Takes a pattern apart.
    pub(crate) fn parse(pattern: &str) -> Option<Self> {
        let mut chars = pattern.chars();
        match (chars.next(), chars.next()) {
            (None, _) => None,
            (Some(letter), None) => Self::custom(standard(letter)?),
            _ => Self::custom(pattern),
        }
    }

    fn custom(pattern: &str) -> Option<Self> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut items = Items::default();
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let run = chars
                .iter()
                .skip(at)
                .take_while(|other| **other == c)
                .count();
            at += match c {
                '\'' | '"' => items.quoted(&chars, at)?,
                '\\' => {
                    items.literal(*chars.get(at + 1)?);
                    2
                }
                // A single letter that is meant as a custom pattern; the letter itself follows.
                '%' if chars.get(at + 1).is_some_and(|next| *next != '%') => 1,
                '%' => return None,
                _ => items.specifier(c, run)?,
            };
        }
        Some(Self(items.0))
    }

    /// Writes a date.
    pub(crate) fn format(&self, date: DateTime) -> String {
        let mut out = String::new();
        for item in &self.0 {
            item.write(date, &mut out);
        }
        out
    }

    /// Reads a date that is written exactly so.
    ///
    /// What the pattern leaves out is the first: the year 1, January, the first day, midnight.
    pub(crate) fn read(&self, text: &str, styles: Styles) -> Option<DateTime> {
        let mut text = text;
        if styles.leading {
            text = text.trim_start();
        }
        if styles.trailing {
            text = text.trim_end();
        }
        let mut reader = Reader { rest: text };
        let mut parts = Parts::default();
        for item in &self.0 {
            if styles.inner {
                reader.blanks();
            }
            item.read(&mut reader, &mut parts, styles)?;
        }
        if styles.inner {
            reader.blanks();
        }
        if !reader.rest.is_empty() {
            return None;
        }
        parts.date()
    }
}

/// Collects the items of a pattern.
#[derive(Default)]
struct Items(Vec<Item>);

impl Items {
    fn literal(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Item::Literal(text)) => text.push(c),
            _ => self.0.push(Item::Literal(c.to_string())),
        }
    }

    /// Takes a text between quotation marks; gives its length with them.
    fn quoted(&mut self, chars: &[char], start: usize) -> Option<usize> {
        let quote = chars.get(start)?;
        let mut at = start + 1;
        loop {
            match chars.get(at)? {
                c if c == quote => return Some(at + 1 - start),
                '\\' => {
                    self.literal(*chars.get(at + 1)?);
                    at += 2;
                }
                c => {
                    self.literal(*c);
                    at += 1;
                }
            }
        }
    }

    /// Takes a letter that stands `run` times in a row; gives how many of them it took.
    fn specifier(&mut self, c: char, run: usize) -> Option<usize> {
        let form = |full: usize| if run >= full { Form::Full } else { Form::Short };
        let item = match c {
            'y' => Item::Year(run),
            'M' if run > 2 => Item::MonthName(form(4)),
            'M' => Item::Month(run),
            'd' if run > 2 => Item::DayName(form(4)),
            'd' => Item::Day(run),
            'H' => Item::Hour24(run),
            'h' => Item::Hour12(run),
            'm' => Item::Minute(run),
            's' => Item::Second(run),
            'f' if run <= 7 => Item::Fraction(run),
            'F' if run <= 7 => self.trimmed_fraction(run),
            'f' | 'F' => return None,
            't' => Item::Half(form(2)),
            'g' => Item::Era,
            'z' => Item::Offset(run.min(3)),
            'K' => {
                self.0.push(Item::Zone);
                return Some(1);
            }
            c => {
                self.literal(c);
                return Some(1);
            }
        };
        self.0.push(item);
        Some(run)
    }

    /// The dot before a fraction that may be missing goes with it.
    fn trimmed_fraction(&mut self, digits: usize) -> Item {
        let mut dot = false;
        if let Some(Item::Literal(text)) = self.0.last_mut()
            && text.ends_with('.')
        {
            text.pop();
            dot = true;
        }
        Item::TrimmedFraction { digits, dot }
    }
}

/// The hour as clocks with twelve hours show it.
pub(super) const fn of_twelve(hour: u8) -> (u8, &'static str) {
    let half = if hour < 12 { "AM" } else { "PM" };
    match hour % 12 {
        0 => (12, half),
        hour => (hour, half),
    }
}

fn name(names: &[&'static str], index: usize, form: Form) -> &'static str {
    let name = names.get(index).copied().unwrap_or_default();
    match form {
        Form::Full => name,
        Form::Short => name.get(..3).unwrap_or(name),
    }
}

impl Item {
    fn write(&self, date: DateTime, out: &mut String) {
        let date = date.0;
        let month = u8::from(date.month());
        let digits = |number: u32, width: usize, out: &mut String| {
            out.push_str(&format!("{number:0width$}"));
        };
        let two = |number: u8, run: usize, out: &mut String| {
            digits(u32::from(number), run.min(2), out);
        };
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Year(run @ 1..=2) => digits(date.year().unsigned_abs() % 100, *run, out),
            Self::Year(run) => digits(date.year().unsigned_abs(), *run, out),
            Self::Month(run) => two(month, *run, out),
            Self::MonthName(form) => out.push_str(name(&MONTHS, usize::from(month) - 1, *form)),
            Self::Day(run) => two(date.day(), *run, out),
            Self::DayName(form) => {
                let day = usize::from(date.weekday().number_days_from_sunday());
                out.push_str(name(&DAYS, day, *form));
            }
            Self::Hour24(run) => two(date.hour(), *run, out),
            Self::Hour12(run) => two(of_twelve(date.hour()).0, *run, out),
            Self::Minute(run) => two(date.minute(), *run, out),
            Self::Second(run) => two(date.second(), *run, out),
            Self::Fraction(run) => out.push_str(&fraction(date.nanosecond(), *run)),
            Self::TrimmedFraction { digits, dot } => {
                let fraction = fraction(date.nanosecond(), *digits);
                let fraction = fraction.trim_end_matches('0');
                if *dot && !fraction.is_empty() {
                    out.push('.');
                }
                out.push_str(fraction);
            }
            Self::Half(form) => {
                let half = of_twelve(date.hour()).1;
                out.push_str(match form {
                    Form::Full => half,
                    Form::Short => half.get(..1).unwrap_or(half),
                });
            }
            Self::Era => out.push_str("A.D."),
            // Every date is in UTC.
            Self::Offset(1) => out.push_str("+0"),
            Self::Offset(2) => out.push_str("+00"),
            Self::Offset(_) => out.push_str("+00:00"),
            Self::Zone => out.push('Z'),
        }
    }

    fn read(&self, reader: &mut Reader<'_>, parts: &mut Parts, styles: Styles) -> Option<()> {
        match self {
            Self::Literal(text) => return reader.literal(text, styles.inner),
            Self::Year(1) => parts.year = Some(full_year(reader.number(1, 2)?)),
            Self::Year(2) => parts.year = Some(full_year(reader.number(2, 2)?)),
            Self::Year(3) => parts.year = Some(reader.number(3, 4)?),
            Self::Year(run) => parts.year = Some(reader.number(*run, *run)?),
            Self::Month(run) => parts.month = Some(reader.number((*run).min(2), 2)?),
            Self::MonthName(form) => {
                let index = reader.name(&MONTHS, *form)?;
                parts.month = Some(u32::try_from(index).ok()? + 1);
            }
            Self::Day(run) => parts.day = Some(reader.number((*run).min(2), 2)?),
            Self::DayName(form) => parts.weekday = Some(reader.name(&DAYS, *form)?),
            Self::Hour24(run) => parts.hour = Some(reader.number((*run).min(2), 2)?),
            Self::Hour12(run) => parts.hour12 = Some(reader.number((*run).min(2), 2)?),
            Self::Minute(run) => parts.minute = Some(reader.number((*run).min(2), 2)?),
            Self::Second(run) => parts.second = Some(reader.number((*run).min(2), 2)?),
            Self::Fraction(run) => parts.nanos = Some(reader.fraction(*run, *run)?),
            Self::TrimmedFraction { digits, dot } => {
                if !*dot || reader.literal(".", false).is_some() {
                    parts.nanos = Some(reader.fraction(0, *digits)?);
                }
            }
            Self::Half(form) => parts.afternoon = Some(reader.half(*form)?),
            Self::Era => {
                return reader
                    .literal("A.D.", false)
                    .or_else(|| reader.literal("AD", false));
            }
            Self::Offset(_) => parts.offset = Some(reader.offset()?),
            Self::Zone => parts.offset = Some(reader.zone()?),
        }
        Some(())
    }
}

/// The first digits of a second's fraction.
fn fraction(nanos: u32, digits: usize) -> String {
    let all = format!("{nanos:09}");
    all.get(..digits).unwrap_or(&all).to_owned()
}

/// .NET takes two digits for the years 1950 to 2049.
const fn full_year(year: u32) -> u32 {
    match year {
        0..=49 => 2000 + year,
        50..=99 => 1900 + year,
        _ => year,
    }
}

/// What has been read of a date.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) year: Option<u32>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    pub(super) weekday: Option<usize>,
    pub(super) hour: Option<u32>,
    pub(super) hour12: Option<u32>,
    pub(super) afternoon: Option<bool>,
    pub(super) minute: Option<u32>,
    pub(super) second: Option<u32>,
    pub(super) nanos: Option<u32>,
    pub(super) offset: Option<UtcOffset>,
}

impl Parts {
    /// The moment, if there is one with these parts.
    pub(super) fn date(&self) -> Option<DateTime> {
        let small = |part: Option<u32>, missing: u8| u8::try_from(part.unwrap_or(missing.into()));
        let year = i32::try_from(self.year.unwrap_or(1)).ok()?;
        let month = Month::try_from(small(self.month, 1).ok()?).ok()?;
        let date = Date::from_calendar_date(year, month, small(self.day, 1).ok()?).ok()?;
        let weekday = usize::from(date.weekday().number_days_from_sunday());
        if self.weekday.is_some_and(|named| named != weekday) {
            return None;
        }
        let time = Time::from_hms_nano(
            self.hour()?,
            small(self.minute, 0).ok()?,
            small(self.second, 0).ok()?,
            self.nanos.unwrap_or(0),
        );
        DateTime::new(date, time.ok()?, self.offset.unwrap_or(UtcOffset::UTC))
    }

    fn hour(&self) -> Option<u8> {
        let hour = match (self.hour, self.hour12) {
            (Some(hour), _) => hour,
            (None, None) => 0,
            (None, Some(hour @ 1..=12)) => {
                hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 }
            }
            (None, Some(_)) => return None,
        };
        u8::try_from(hour).ok()
    }
}

/// Reads a date from left to right. Each method takes what it names, or nothing at all.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
}

impl Reader<'_> {
    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn literal(&mut self, text: &str, inner_blanks: bool) -> Option<()> {
        let text = if inner_blanks { text.trim() } else { text };
        let head = self.rest.get(..text.len())?;
        if !head.eq_ignore_ascii_case(text) {
            return None;
        }
        self.rest = self.rest.get(text.len()..)?;
        Some(())
    }

    /// Between `least` and `most` digits, as many as there are.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.digits(most);
        if digits < least.max(1) {
            return None;
        }
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        number.parse().ok()
    }

    fn digits(&self, most: usize) -> usize {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit);
        digits.take(most).count()
    }

    /// Digits behind the point, as nanoseconds.
    pub(super) fn fraction(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.digits(most);
        if digits < least {
            return None;
        }
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        // 100 ns is all that a date keeps.
        format!("{number:0<7.7}00").parse().ok()
    }

    /// Which of the names stands here.
    pub(super) fn name(&mut self, names: &[&'static str], form: Form) -> Option<usize> {
        let index = (0..names.len())
            .find(|index| self.literal(name(names, *index, form), false).is_some())?;
        Some(index)
    }

    /// Whether it is afternoon.
    fn half(&mut self, form: Form) -> Option<bool> {
        let (morning, afternoon) = match form {
            Form::Full => ("AM", "PM"),
            Form::Short => ("A", "P"),
        };
        if self.literal(morning, false).is_some() {
            return Some(false);
        }
        self.literal(afternoon, false).map(|()| true)
    }

    /// `Z`, or an offset, or nothing, which is UTC.
    fn zone(&mut self) -> Option<UtcOffset> {
        if self.rest.starts_with(['+', '-']) {
            return self.offset();
        }
        // Without a zone it is UTC as well.
        let _ = self.literal("Z", false);
        Some(UtcOffset::UTC)
    }

    /// `+8`, `+08`, `+0800` or `+08:00`.
    pub(super) fn offset(&mut self) -> Option<UtcOffset> {
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = i8::try_from(self.number(1, 2)?).ok()?;
        let colon = self.literal(":", false).is_some();
        let minutes = if colon || self.digits(2) == 2 {
            i8::try_from(self.number(2, 2)?).ok()?
        } else {
            0
        };
        if hours > 14 || minutes > 59 {
            return None;
        }
        UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
    }
}
