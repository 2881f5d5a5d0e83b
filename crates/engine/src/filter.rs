//! Who takes part, by attributes.
//!
//! Clauses of one filter must all be true; of several filters for one kind of object one must be. A filter
//! restricts objects of its kind only. A clause about an attribute without a value is false, but for
//! `is-null`; with several values, one that fits makes a clause true and, for the negated operators, one
//! that does not fit makes it false. Texts are compared with regard to case.

use crate::expression::pattern::Pattern;
use crate::mapping::MappedKind;
use crate::staged::StagedObject;
use lockstep_model::{AttributeName, Value};
use std::fmt;

/// All filters of a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filters(pub Vec<Filter>);

/// Clauses that must all be true.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// Whom it restricts.
    pub kind: MappedKind,
    /// What must be true of the object.
    pub clauses: Vec<Clause>,
}

/// One condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clause {
    /// The attribute, as it was written.
    pub attribute: String,
    name: AttributeName,
    test: Test,
    value: String,
}

/// What is asked of an attribute.
#[derive(Clone, Debug)]
enum Test {
    Equals,
    NotEquals,
    Includes,
    EndsWith,
    In,
    NotIn,
    GreaterThan(i64),
    GreaterThanOrEquals(i64),
    IsTrue,
    IsFalse,
    IsNull,
    IsNotNull,
    Matches(Pattern),
    NotMatches(Pattern),
}

/// A clause that cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ClauseError {
    /// Which part of the clause: `operator` or `value`.
    pub key: &'static str,
    /// What was expected there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// Every operator, by the name that configurations use.
pub const OPERATORS: [&str; 14] = [
    "equals",
    "not-equals",
    "includes",
    "ends-with",
    "in",
    "not-in",
    "greater-than",
    "greater-than-or-equals",
    "is-true",
    "is-false",
    "is-null",
    "is-not-null",
    "regex-match",
    "not-regex-match",
];

impl Filters {
    /// The first clause that keeps an object out; `None` when it takes part.
    ///
    /// Where several filters could let it in and none does, the clause that failed in the last one.
    #[must_use]
    pub fn keeps_out(&self, kind: MappedKind, object: &StagedObject) -> Option<&Clause> {
        let mut failed = None;
        for filter in self.0.iter().filter(|filter| filter.kind == kind) {
            match filter
                .clauses
                .iter()
                .find(|clause| !clause.is_true_of(object))
            {
                None => return None,
                Some(clause) => failed = Some(clause),
            }
        }
        failed
    }

    /// The attributes that the filters ask about, as they were written.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let clauses = self.0.iter().flat_map(|filter| &filter.clauses);
        clauses.map(|clause| clause.attribute.as_str())
    }
}

impl Clause {
    /// Makes a clause of what an administrator wrote. Operators may be written in any case, with spaces or
    /// underscores, or as `&` and `!&`.
    ///
    /// # Errors
    ///
    /// [`ClauseError`] for an operator that there is not, a value that is missing or too many, a number that
    /// is none, or a pattern that cannot be read.
    pub fn new(attribute: &str, operator: &str, value: Option<&str>) -> Result<Self, ClauseError> {
        let name = canonical(operator).ok_or_else(|| ClauseError {
            key: "operator",
            expected: format!("one of {}", OPERATORS.join(", ")),
            found: format!("`{operator}`"),
        })?;
        let takes_none = matches!(name, "is-true" | "is-false" | "is-null" | "is-not-null");
        let text = match (value, takes_none) {
            (None, true) => "",
            (Some(value), false) => value,
            (None, false) => return Err(bad_value("a value", "none")),
            (Some(""), true) => "",
            (Some(value), true) => {
                return Err(bad_value(
                    &format!("no value with {name}"),
                    &format!("`{value}`"),
                ));
            }
        };
        let test = match name {
            "equals" => Test::Equals,
            "not-equals" => Test::NotEquals,
            "includes" => Test::Includes,
            "ends-with" => Test::EndsWith,
            "in" => Test::In,
            "not-in" => Test::NotIn,
            "greater-than" => Test::GreaterThan(number(text)?),
            "greater-than-or-equals" => Test::GreaterThanOrEquals(number(text)?),
            "is-true" => Test::IsTrue,
            "is-false" => Test::IsFalse,
            "is-null" => Test::IsNull,
            "is-not-null" => Test::IsNotNull,
            "regex-match" => Test::Matches(pattern(text)?),
            _ => Test::NotMatches(pattern(text)?),
        };
        Ok(Self {
            attribute: attribute.to_owned(),
            name: AttributeName::new(attribute),
            test,
            value: text.to_owned(),
        })
    }

    fn is_true_of(&self, object: &StagedObject) -> bool {
        let values = object
            .attributes
            .get(&self.name)
            .map_or(&[][..], Vec::as_slice);
        let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let any = |test: &dyn Fn(&str) -> bool| texts.iter().any(|text| test(text));
        let none = |test: &dyn Fn(&str) -> bool| !texts.is_empty() && !any(test);
        let wanted = self.value.as_str();
        let integer = |text: &str| text.trim().parse::<i64>().ok();
        match &self.test {
            Test::Equals => any(&|text| text == wanted),
            Test::NotEquals => none(&|text| text == wanted),
            Test::Includes => any(&|text| text.contains(wanted)),
            Test::EndsWith => any(&|text| text.ends_with(wanted)),
            Test::In => any(&|text| wanted.contains(text)),
            Test::NotIn => none(&|text| wanted.contains(text)),
            Test::GreaterThan(limit) => any(&|text| integer(text).is_some_and(|n| n > *limit)),
            Test::GreaterThanOrEquals(limit) => {
                any(&|text| integer(text).is_some_and(|n| n >= *limit))
            }
            Test::IsTrue => any(&|text| text.eq_ignore_ascii_case("true")),
            Test::IsFalse => any(&|text| text.eq_ignore_ascii_case("false")),
            Test::IsNull => values.is_empty(),
            Test::IsNotNull => !values.is_empty(),
            // A value too long for its pattern is nothing that is known to match, or not to.
            Test::Matches(pattern) => any(&|text| pattern.matches(text) == Some(true)),
            Test::NotMatches(pattern) => none(&|text| pattern.matches(text) != Some(false)),
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.attribute, self.test.name())?;
        match self.test {
            Test::IsTrue | Test::IsFalse | Test::IsNull | Test::IsNotNull => Ok(()),
            _ => write!(f, " \"{}\"", self.value),
        }
    }
}

impl Test {
    const fn name(&self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "not-equals",
            Self::Includes => "includes",
            Self::EndsWith => "ends-with",
            Self::In => "in",
            Self::NotIn => "not-in",
            Self::GreaterThan(_) => "greater-than",
            Self::GreaterThanOrEquals(_) => "greater-than-or-equals",
            Self::IsTrue => "is-true",
            Self::IsFalse => "is-false",
            Self::IsNull => "is-null",
            Self::IsNotNull => "is-not-null",
            Self::Matches(_) => "regex-match",
            Self::NotMatches(_) => "not-regex-match",
        }
    }
}

/// Two tests are the same when they ask the same; patterns are told apart by the clause's value.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Test {}

/// The operator that is meant: case, spaces and dashes do not matter.
fn canonical(operator: &str) -> Option<&'static str> {
    match operator.trim() {
        "&" => return Some("in"),
        "!&" => return Some("not-in"),
        _ => {}
    }
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphabetic);
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = match plain(operator).as_str() {
        "present" => "isnotnull".to_owned(),
        "regex" => "regexmatch".to_owned(),
        "notregex" => "notregexmatch".to_owned(),
        other => other.to_owned(),
    };
    OPERATORS.into_iter().find(|name| plain(name) == wanted)
}

fn bad_value(expected: &str, found: &str) -> ClauseError {
    ClauseError {
        key: "value",
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

fn number(text: &str) -> Result<i64, ClauseError> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| bad_value("a whole number", &format!("`{text}`")))
}

fn pattern(text: &str) -> Result<Pattern, ClauseError> {
    Pattern::new(text).map_err(|expected| bad_value(&expected, &format!("`{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::Guid;

    fn object(values: &[&str]) -> StagedObject {
        let mut object = StagedObject::new(Guid::NIL, 1);
        let values: Vec<Value> = values.iter().map(|value| Value::from(*value)).collect();
        object.merge([(AttributeName::new("x"), values)].into(), true);
        object
    }

    fn is_true(operator: &str, value: Option<&str>, values: &[&str]) -> bool {
        let clause = Clause::new("x", operator, value).unwrap();
        clause.is_true_of(&object(values))
    }

    #[test]
    fn every_operator_has_its_documented_case_and_null_rules() {
        // Operator, value, an attribute value that fits, one that does not, and the verdict about none.
        let cases: [(&str, Option<&str>, &str, &str, bool); 14] = [
            ("equals", Some("E"), "E", "e", false),
            ("not-equals", Some("E"), "e", "E", false),
            ("includes", Some("oo"), "Foot", "FOOT", false),
            ("ends-with", Some("ot"), "Foot", "FOOT", false),
            ("in", Some("A,B,C"), "B", "b", false),
            ("not-in", Some("A,B,C"), "b", "B", false),
            ("greater-than", Some("5"), "6", "5", false),
            ("greater-than-or-equals", Some("5"), "5", "4", false),
            ("is-true", None, "TRUE", "FALSE", false),
            ("is-false", None, "FALSE", "TRUE", false),
            ("is-not-null", None, "x", "", false),
            ("is-null", None, "", "x", true),
            ("regex-match", Some("^A.c$"), "Abc", "abc", false),
            ("not-regex-match", Some("^A.c$"), "abc", "Abc", false),
        ];
        for (operator, value, fits, fails, null) in cases {
            // An empty text cannot be in AD: it stands for "no value" here.
            let values = |text: &'static str| if text.is_empty() { vec![] } else { vec![text] };
            assert!(is_true(operator, value, &values(fits)), "{operator} {fits}");
            assert!(
                !is_true(operator, value, &values(fails)),
                "{operator} {fails}"
            );
            assert_eq!(
                is_true(operator, value, &[]),
                null,
                "{operator} without a value"
            );
        }
    }

    #[test]
    fn one_of_several_values_is_enough_and_one_is_enough_to_fail_a_negation() {
        assert!(is_true("equals", Some("b"), &["a", "b"]));
        assert!(!is_true("not-equals", Some("b"), &["a", "b"]));
        assert!(is_true("not-equals", Some("c"), &["a", "b"]));
    }

    #[test]
    fn operators_may_be_written_as_the_portal_shows_them() {
        for (written, name) in [
            ("EQUALS", "equals"),
            ("NOT EQUALS", "not-equals"),
            ("ENDS_WITH", "ends-with"),
            ("&", "in"),
            ("!&", "not-in"),
            ("GREATER_THAN_OR_EQUALS", "greater-than-or-equals"),
            ("isNotNull", "is-not-null"),
            ("PRESENT", "is-not-null"),
            ("NOT REGEX MATCH", "not-regex-match"),
        ] {
            assert_eq!(canonical(written), Some(name));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_expected() {
        let error = |operator, value| Clause::new("x", operator, value).unwrap_err().to_string();
        assert!(error("like", Some("a")).contains("one of equals, not-equals"));
        assert!(error("equals", None).contains("expected a value"));
        assert!(error("is-null", Some("a")).contains("no value with is-null"));
        assert!(error("greater-than", Some("ten")).contains("a whole number"));
        let looking = error("regex-match", Some("(?=a)"));
        assert!(
            looking.contains("without looking ahead or behind"),
            "{looking}"
        );
    }

    #[test]
    fn a_pathological_pattern_is_refused_or_takes_no_longer_than_another() {
        let error = |value| {
            Clause::new("x", "regex-match", Some(value))
                .unwrap_err()
                .to_string()
        };
        assert!(error("((((a{99}){99}){99}){99})").contains("a smaller regular expression"));
        assert!(error(r"(a)\1").contains("without backreferences"));
        // What makes a backtracking engine stand still for years.
        let text = "a".repeat(50_000);
        assert!(!is_true("regex-match", Some("^(a+)+b$"), &[&text]));
        assert!(is_true("not-regex-match", Some("^(a|aa)+b$"), &[&text]));
        // More work than an expression may be: neither a match nor none.
        let (pattern, text) = ("a{500}x", "a".repeat(20_000_000));
        assert!(!is_true("regex-match", Some(pattern), &[&text]));
        assert!(!is_true("not-regex-match", Some(pattern), &[&text]));
    }

    #[test]
    fn patterns_are_written_as_dot_net_writes_them() {
        assert!(is_true("regex-match", Some(r"(?'name'A)[a&&b]$"), &["A&"]));
    }

    #[test]
    fn filters_of_one_kind_are_alternatives_and_leave_other_kinds_alone() {
        let clause = |value: &str| Clause::new("x", "equals", Some(value)).unwrap();
        let filter = |value| Filter {
            kind: MappedKind::User,
            clauses: vec![clause(value)],
        };
        let filters = Filters(vec![filter("a"), filter("b")]);
        assert_eq!(filters.keeps_out(MappedKind::User, &object(&["b"])), None);
        let kept_out = filters
            .keeps_out(MappedKind::User, &object(&["c"]))
            .unwrap();
        assert_eq!(kept_out.to_string(), "x equals \"b\"");
        assert_eq!(filters.keeps_out(MappedKind::Group, &object(&["c"])), None);
    }
}
