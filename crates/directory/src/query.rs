//! Which objects a caller asks for: the part of OData's `$filter` and `$search` that the directory answers.
//!
//! [`Filter::parse`] reads `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in`, `startswith`, `endswith`, `any` over
//! collections, `and`, `or`, `not` and parentheses; [`search`] reads `$search`. [`Filter::fits`] says
//! whether something fits, [`lookups`] how to find all that fit without looking at the rest. Texts
//! compare as [`folded`] says, except where their case has a meaning.

mod lexer;
mod lookup;
mod object;
mod parser;
mod search;

use crate::index::has_word;
use crate::text::folded;
use lockstep_model::Timestamp;
use std::fmt::Debug;

pub use lookup::{Lookup, first_owned, lookups};
pub use object::{Field, ObjectFields};
pub use search::search;

/// A filter over things that have fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter<F = Field> {
    /// All hold.
    And(Vec<Filter<F>>),
    /// At least one holds.
    Or(Vec<Filter<F>>),
    /// It does not hold.
    Not(Box<Filter<F>>),
    /// A field is so.
    Test(F, Test),
    /// At least one value of a collection is so; without a filter: there is one.
    Any(F, Option<Box<Filter<Element>>>),
}

/// The variable of an `any`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Element;

/// What is asked of one value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    /// It is this; `Null`: there is none.
    Equal(Literal),
    /// It stands so to this.
    Compare(Order, Literal),
    /// It is one of these.
    In(Vec<Literal>),
    /// It begins so; folded.
    StartsWith(String),
    /// It ends so; folded.
    EndsWith(String),
    /// One of its words begins so; folded.
    HasWord(String),
}

/// How two values stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
}

/// A value in a filter, and of a field.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Literal {
    /// `null`: no value.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A moment.
    Time(Timestamp),
    /// Text: folded, unless its case has a meaning.
    Text(String),
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldType {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A text, without regard to case.
    Text,
    /// A text whose case has a meaning.
    ExactText,
    /// One of these words, without regard to case.
    Word(&'static [&'static str]),
    /// Several texts, asked for with `any`.
    Texts,
    /// A moment.
    Time,
}

/// The fields of one sort of thing, by name.
pub trait Fields {
    /// A field.
    type Field: Clone + Debug;

    /// The field of this name.
    ///
    /// # Errors
    ///
    /// The nearest name when there is none.
    fn field(&self, name: &str) -> Result<(Self::Field, FieldType), String>;
}

/// Something that has fields.
pub trait HasFields<F> {
    /// The values of a field: none, one, or those of a collection.
    fn values(&self, field: &F) -> Vec<Literal>;
}

/// Why a filter cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("character {position}: expected {expected}, found {found}")]
pub struct FilterError {
    /// Counted in characters from 1.
    pub position: usize,
    /// What was expected.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Literal {
    /// A text, folded.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(folded(text))
    }
}

impl<F> Filter<F> {
    /// Whether something fits.
    #[must_use]
    pub fn fits<T: HasFields<F> + ?Sized>(&self, row: &T) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.fits(row)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(row)),
            Self::Not(part) => !part.fits(row),
            Self::Test(field, test) => test.fits(&row.values(field)),
            Self::Any(field, None) => !row.values(field).is_empty(),
            Self::Any(field, Some(filter)) => {
                row.values(field).iter().any(|value| filter.fits(value))
            }
        }
    }
}

impl HasFields<Element> for Literal {
    fn values(&self, _: &Element) -> Vec<Literal> {
        vec![self.clone()]
    }
}

impl Test {
    fn fits(&self, values: &[Literal]) -> bool {
        match self {
            Self::Equal(Literal::Null) => values.is_empty(),
            test => values.iter().any(|value| test.holds(value)),
        }
    }

    fn holds(&self, value: &Literal) -> bool {
        match self {
            Self::Equal(literal) => value == literal,
            Self::Compare(order, literal) => order.holds(value.cmp(literal)),
            Self::In(literals) => literals.contains(value),
            Self::StartsWith(text) => value.is_text(|value| value.starts_with(text.as_str())),
            Self::EndsWith(text) => value.is_text(|value| value.ends_with(text.as_str())),
            Self::HasWord(text) => value.is_text(|value| has_word(value, text)),
        }
    }
}

impl Literal {
    fn is_text(&self, fits: impl Fn(&str) -> bool) -> bool {
        matches!(self, Self::Text(text) if fits(text))
    }
}

impl Order {
    const fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests;
