//! The functions of the language, each in a file of its own.
//!
//! A file begins with the function's manual page: what it does, where it differs from the original, and
//! examples, which are its tests ([`super::manual`]). `docs/expressions.md` is made of these pages.
//! Then comes a [`Function`]: name, parameters, and the work, which takes its arguments from a [`Call`].

use super::datetime::DateTime;
use super::error::ArgumentError;
use super::evaluate::{Call, Stop};
use super::pattern::Pattern;
use super::syntax::Node;
use super::value::{ExpressionValue, Kind};

mod app_role_assignments_complex;
mod append;
mod bit_and;
mod c_bool;
mod c_date;
mod c_ref;
mod c_str;
mod coalesce;
mod contains;
mod convert_from_base64;
mod convert_to_base64;
mod convert_to_utf8_hex;
mod count;
mod date_add;
mod date_diff;
mod date_from_num;
mod dn_component;
mod error;
mod format_date_time;
mod guid;
mod ignore_flow_if_null_or_empty;
mod iif;
mod in_str;
mod is_null;
mod is_null_or_empty;
mod is_present;
mod is_string;
mod item;
mod join;
mod left;
mod mid;
mod normalize_diacritics;
mod not;
mod now;
mod num_from_date;
mod p_case;
mod random_string;
mod redact;
mod remove_duplicates;
mod replace;
mod select_unique_value;
mod single_app_role_assignment;
mod split;
mod string_from_sid;
mod strip_spaces;
mod switch;
mod to_lower;
mod to_upper;
mod trim;
mod word;

/// Every function, by name.
pub(super) static ALL: [&Function; 50] = [
    &append::FUNCTION,
    &app_role_assignments_complex::FUNCTION,
    &bit_and::FUNCTION,
    &c_bool::FUNCTION,
    &c_date::FUNCTION,
    &coalesce::FUNCTION,
    &contains::FUNCTION,
    &convert_from_base64::FUNCTION,
    &convert_to_base64::FUNCTION,
    &convert_to_utf8_hex::FUNCTION,
    &count::FUNCTION,
    &c_ref::FUNCTION,
    &c_str::FUNCTION,
    &date_add::FUNCTION,
    &date_diff::FUNCTION,
    &date_from_num::FUNCTION,
    &dn_component::FUNCTION,
    &error::FUNCTION,
    &format_date_time::FUNCTION,
    &guid::FUNCTION,
    &ignore_flow_if_null_or_empty::FUNCTION,
    &iif::FUNCTION,
    &in_str::FUNCTION,
    &is_null::FUNCTION,
    &is_null_or_empty::FUNCTION,
    &is_present::FUNCTION,
    &is_string::FUNCTION,
    &item::FUNCTION,
    &join::FUNCTION,
    &left::FUNCTION,
    &mid::FUNCTION,
    &normalize_diacritics::FUNCTION,
    &not::FUNCTION,
    &now::FUNCTION,
    &num_from_date::FUNCTION,
    &p_case::FUNCTION,
    &random_string::FUNCTION,
    &redact::FUNCTION,
    &remove_duplicates::FUNCTION,
    &replace::FUNCTION,
    &select_unique_value::FUNCTION,
    &single_app_role_assignment::FUNCTION,
    &split::FUNCTION,
    &string_from_sid::FUNCTION,
    &strip_spaces::FUNCTION,
    &switch::FUNCTION,
    &to_lower::FUNCTION,
    &to_upper::FUNCTION,
    &trim::FUNCTION,
    &word::FUNCTION,
];

/// What a function gives, or why it gives nothing.
pub(super) type Outcome = Result<ExpressionValue, Stop>;

/// A function of the language.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name; any case is understood.
    pub(super) name: &'static str,
    /// What it takes.
    parameters: &'static [Parameter],
    /// What it takes when it has fewer arguments than that.
    shorter: &'static [&'static [Parameter]],
    /// How many parameters, from the end, can come again and again.
    repeated: usize,
    /// What it gives.
    pub(super) result: Kind,
    /// Whether a list as the first argument means: each of its values, one after the other.
    pub(super) each: bool,
    /// What else there is to know about it.
    pub(super) nature: Nature,
    /// Looks at the arguments that are the same for every object; reads a regular expression.
    pub(super) check: fn(&Given<'_>) -> Result<Option<Pattern>, ArgumentError>,
    /// Does the work.
    pub(super) evaluate: fn(&Call<'_>) -> Outcome,
}

/// What sets a function apart from a calculation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nature {
    /// The same arguments give the same result.
    Plain,
    /// Another result for each seed.
    Random,
    /// Another result at another time.
    Time,
    /// Keeps the value out of logs.
    Redacting,
    /// It belongs to another direction of provisioning; this is why.
    Refused(&'static str),
}

/// One of the things that a function takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    /// Its name in manual and messages.
    pub(super) name: &'static str,
    /// Which values it takes.
    pub(super) takes: Takes,
    /// Whether its slot can be empty.
    pub(super) blank: bool,
    /// Whether there need be no slot for it.
    pub(super) optional: bool,
}

/// Which values a parameter takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// Any, lists too.
    Any,
    /// One that can be written as a text.
    Text,
    /// A whole number.
    Number,
    /// True, false, or a number.
    Truth,
    /// A date.
    Date,
    /// One of these words, with or without quotation marks.
    Word(&'static [&'static str]),
}

impl Parameter {
    const fn new(name: &'static str, takes: Takes) -> Self {
        Self {
            name,
            takes,
            blank: false,
            optional: false,
        }
    }

    pub(super) const fn any(name: &'static str) -> Self {
        Self::new(name, Takes::Any)
    }

    pub(super) const fn text(name: &'static str) -> Self {
        Self::new(name, Takes::Text)
    }

    pub(super) const fn number(name: &'static str) -> Self {
        Self::new(name, Takes::Number)
    }

    pub(super) const fn truth(name: &'static str) -> Self {
        Self::new(name, Takes::Truth)
    }

    pub(super) const fn date(name: &'static str) -> Self {
        Self::new(name, Takes::Date)
    }

    pub(super) const fn word(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, Takes::Word(words))
    }

    pub(super) const fn blank(mut self) -> Self {
        self.blank = true;
        self
    }

    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self.blank()
    }
}

impl Function {
    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        result: Kind,
        evaluate: fn(&Call<'_>) -> Outcome,
    ) -> Self {
        Self {
            name,
            parameters,
            shorter: &[],
            repeated: 0,
            result,
            each: false,
            nature: Nature::Plain,
            check: |_| Ok(None),
            evaluate,
        }
    }

    /// A function that is known, and refused with this reason.
    const fn refused(
        name: &'static str,
        parameters: &'static [Parameter],
        reason: &'static str,
    ) -> Self {
        // INVARIANT: an expression with a refused function is not evaluated, because it does not parse.
        let never = |_: &Call<'_>| Ok(ExpressionValue::Null);
        Self::new(name, parameters, Kind::Any, never).with(Nature::Refused(reason))
    }

    const fn with(mut self, nature: Nature) -> Self {
        self.nature = nature;
        self
    }

    const fn each(mut self) -> Self {
        self.each = true;
        self
    }

    const fn repeated(mut self, count: usize) -> Self {
        self.repeated = count;
        self
    }

    /// Other parameters for fewer arguments.
    const fn or(mut self, shorter: &'static [&'static [Parameter]]) -> Self {
        self.shorter = shorter;
        self
    }

    const fn checked(
        mut self,
        check: fn(&Given<'_>) -> Result<Option<Pattern>, ArgumentError>,
    ) -> Self {
        self.check = check;
        self
    }

    /// The function with this name, in any case.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let mut all = ALL.iter().copied();
        all.find(|function| function.name.eq_ignore_ascii_case(name))
    }

    /// The parameters for a call with so many arguments.
    pub(super) fn parameters(&self, count: usize) -> &'static [Parameter] {
        let shorter = self.shorter.iter().find(|shorter| shorter.len() == count);
        shorter.copied().unwrap_or(self.parameters)
    }

    /// The parameter that the argument `index` of `count` belongs to.
    pub(super) fn parameter(&self, index: usize, count: usize) -> Option<&'static Parameter> {
        let parameters = self.parameters(count);
        let index = match index.checked_sub(parameters.len()) {
            Some(beyond) if self.repeated > 0 => {
                parameters.len() - self.repeated + beyond % self.repeated
            }
            _ => index,
        };
        parameters.get(index)
    }

    /// Whether it can have so many arguments.
    pub(super) fn takes_count(&self, count: usize) -> bool {
        let parameters = self.parameters(count);
        let needed = parameters.iter().rposition(|parameter| !parameter.optional);
        let least = needed.map_or(0, |index| index + 1);
        match count.checked_sub(parameters.len()) {
            None | Some(0) => count >= least,
            Some(beyond) => self.repeated > 0 && beyond % self.repeated == 0,
        }
    }

    /// The function with its parameters: `Mid(source, start, [length])`.
    pub(super) fn signature(&self) -> String {
        let mut parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match parameter.optional {
                true => format!("[{}]", parameter.name),
                false => parameter.name.to_owned(),
            })
            .collect();
        if self.repeated > 0 {
            parameters.push("…".to_owned());
        }
        format!("{}({})", self.name, parameters.join(", "))
    }
}

/// The arguments of a call before any object is known.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) function: &'static Function,
    pub(super) arguments: &'a [Option<Node>],
}

impl Given<'_> {
    /// Whether the slot is filled.
    pub(super) fn is_given(&self, index: usize) -> bool {
        self.arguments.get(index).is_some_and(Option::is_some)
    }

    fn constant(&self, index: usize) -> Option<&ExpressionValue> {
        self.arguments.get(index)?.as_ref()?.constant()
    }

    /// The text that stands there, if it is always the same.
    pub(super) fn text(&self, index: usize) -> Option<String> {
        self.constant(index)?.as_text()
    }

    /// The number that stands there, if it is always the same.
    pub(super) fn number(&self, index: usize) -> Option<i64> {
        self.constant(index)?.as_number()
    }

    /// Says what should have stood there.
    pub(super) fn wrong(&self, index: usize, expected: impl Into<String>) -> ArgumentError {
        let parameter = self.function.parameter(index, self.arguments.len());
        let received = match (self.constant(index), self.is_given(index)) {
            (Some(value), _) => value.to_string(),
            (None, true) => "another value".to_owned(),
            (None, false) => "nothing".to_owned(),
        };
        ArgumentError {
            parameter: parameter.map_or("an argument", |parameter| parameter.name),
            expected: expected.into(),
            received,
        }
    }

    /// Refuses a constant number that does not pass.
    pub(super) fn number_is(
        &self,
        index: usize,
        passes: impl Fn(i64) -> bool,
        expected: &str,
    ) -> Result<(), ArgumentError> {
        match self.number(index) {
            Some(number) if !passes(number) => Err(self.wrong(index, expected)),
            _ => Ok(()),
        }
    }

    /// Refuses a constant text that does not pass.
    pub(super) fn text_is(
        &self,
        index: usize,
        passes: impl Fn(&str) -> bool,
        expected: &str,
    ) -> Result<(), ArgumentError> {
        match self.text(index) {
            Some(text) if !passes(&text) => Err(self.wrong(index, expected)),
            _ => Ok(()),
        }
    }
}

impl Takes {
    /// Whether a value of this kind can ever be taken.
    pub(super) const fn accepts(self, kind: Kind) -> bool {
        match self {
            Self::Any => true,
            Self::Text | Self::Word(_) => true,
            Self::Number => matches!(kind, Kind::Any | Kind::Text | Kind::Number | Kind::List),
            Self::Truth => !matches!(kind, Kind::Date),
            Self::Date => matches!(kind, Kind::Any | Kind::Text | Kind::Date | Kind::List),
        }
    }

    /// Whether this constant can be taken.
    pub(super) fn accepts_constant(self, value: &ExpressionValue) -> bool {
        match self {
            Self::Any | Self::Text => true,
            Self::Number => value.as_number().is_some(),
            Self::Truth => value.as_truth().is_some(),
            Self::Date => value.as_date().is_some(),
            Self::Word(words) => value
                .as_text()
                .is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(&text))),
        }
    }

    /// What is taken, in words.
    pub(super) fn expected(self) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Number => "a whole number".to_owned(),
            Self::Truth => "true or false, or a number".to_owned(),
            Self::Date => "a date, such as 2026-03-31 or 3/31/2026 8:00:00 AM".to_owned(),
            Self::Word(words) => words.join(" or "),
        }
    }
}

/// Names of functions that Azure AD Connect's rules have, and how their work is done here.
const ELSEWHERE: [(&str, &str); 12] = [
    ("BitOr", "write the number that it would make"),
    (
        "CNum",
        "a text of digits is a number wherever one is needed",
    ),
    ("IgnoreThisFlow", "use IgnoreFlowIfNullOrEmpty(…)"),
    ("ImportedValue", "write the attribute: [name]"),
    ("IsEmpty", "use IsNullOrEmpty(…)"),
    ("ItemOrNull", "use Item(…)"),
    ("LCase", "use ToLower(…)"),
    ("Len", "compare the text itself"),
    ("NULL", "leave the argument's slot empty"),
    (
        "Right",
        "use Mid(…) or Replace(…) with a regular expression",
    ),
    ("UCase", "use ToUpper(…)"),
    ("ValueCount", "use Count(…)"),
];

/// What to use in place of a function that there is not.
pub(super) fn remedy(name: &str) -> Option<String> {
    let elsewhere = ELSEWHERE.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    if let Some((_, remedy)) = elsewhere {
        return Some((*remedy).to_owned());
    }
    let names = ALL.iter().map(|function| function.name);
    nearest(name, names).map(|name| format!("did you mean `{name}`?"))
}

/// The name that is most like the one given, if one is like it at all.
pub(super) fn nearest(
    name: &str,
    names: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    let name = name.to_lowercase();
    let likeness = |other: &str| strsim::jaro_winkler(&name, &other.to_lowercase());
    let candidates = names.into_iter().map(|other| (likeness(other), other));
    let best = candidates.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}

/// What is said of a number below 1.
const FROM_ONE: &str = "a number counted from 1";

/// A position that is counted from 1, as an index.
fn index(call: &Call<'_>, argument: usize) -> Result<usize, Stop> {
    let number = call.number(argument)?.unwrap_or(0);
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    index.ok_or_else(|| call.wrong(argument, FROM_ONE))
}

/// A count as a value.
fn number(count: usize) -> ExpressionValue {
    // INVARIANT: nothing that fits into memory has more than 2^63 parts.
    ExpressionValue::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A date from a calculation that can leave the calendar.
fn date(date: Option<DateTime>, call: &Call<'_>) -> Outcome {
    date.map(ExpressionValue::DateTime)
        .ok_or_else(|| call.out_of_calendar())
}
