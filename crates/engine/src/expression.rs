//! The language of mapping expressions: `Append([givenName], " (Ltd.)")`.
//!
//! Start at [`Expression::parse`], which refuses whatever can be known to be wrong before any object is
//! looked at, with position and remedy; then [`Expression::evaluate`] makes the value for one object. The
//! language, the functions and where they differ from the original are described for administrators in
//! `docs/expressions.md`, which is made of the head comments in `functions/`.
//!
//! Nothing here reads a clock or random numbers: both come in as [`Environment`]. Every expression ends
//! soon and takes little memory, whatever it says: its length, its depth, the work it does and the
//! length of what it makes are bounded, and regular expressions are matched in linear time.

mod casing;
mod datetime;
mod error;
mod evaluate;
mod functions;
pub mod manual;
mod parser;
pub(crate) mod pattern;
mod random;
mod syntax;
mod value;

use evaluate::{Evaluator, Stop};
use functions::Nature;
use lockstep_model::{AttributeName, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use syntax::{Form, Node};

pub use datetime::{DateTime, DateTimeError};
pub use error::{
    ArgumentError, EvaluationError, EvaluationProblem, ParseError, ParseProblem, Position,
};
pub use value::{ExpressionValue, Kind};

/// How many characters an expression can have.
pub const MAX_LENGTH: usize = 10_000;

/// How many functions and parentheses can stand in one another: each takes some of the stack.
pub const MAX_DEPTH: usize = 100;

/// How many bytes a text can have.
pub const MAX_TEXT: usize = 1024 * 1024;

/// An expression that can be evaluated. Cheap to clone; equal when the texts are.
#[derive(Clone)]
pub struct Expression(Arc<Parsed>);

struct Parsed {
    text: String,
    root: Node,
    sources: Vec<Source>,
    natures: Vec<Nature>,
}

/// An attribute that an expression reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its name.
    pub name: AttributeName,
    /// Its name as it is written in the expression.
    pub written: String,
    /// Where it is written first.
    pub position: Position,
}

/// Where an expression finds the values of attributes.
pub trait AttributeSource {
    /// The value of an attribute; [`ExpressionValue::Null`] when it is absent.
    fn value(&self, attribute: &AttributeName) -> ExpressionValue;
}

impl<F: Fn(&AttributeName) -> ExpressionValue> AttributeSource for F {
    fn value(&self, attribute: &AttributeName) -> ExpressionValue {
        self(attribute)
    }
}

impl AttributeSource for BTreeMap<AttributeName, ExpressionValue> {
    fn value(&self, attribute: &AttributeName) -> ExpressionValue {
        self.get(attribute).cloned().unwrap_or_default()
    }
}

/// What an expression gets besides the object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Environment {
    /// What `Now()` gives.
    pub now: Timestamp,
    /// What random functions draw from. The same seed gives the same values: whoever plans and then
    /// applies uses the same, and different ones for different objects.
    pub seed: [u8; 32],
}

/// What an expression wants of its target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Flow {
    /// The target gets this value; it becomes empty for [`ExpressionValue::Null`].
    Value(ExpressionValue),
    /// The target stays as it is (`IgnoreFlowIfNullOrEmpty`).
    Ignored,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with the first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = parser::parse(text)?;
        let mut natures = Vec::new();
        root.walk(&mut |node| {
            if let Form::Call(call) = &node.form {
                natures.push(call.function.nature);
            }
        });
        Ok(Self(Arc::new(Parsed {
            text: text.to_owned(),
            sources: sources(text, &root),
            root,
            natures,
        })))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The attributes that it reads, each once, in the order in which they are written.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.0.sources
    }

    /// What kind of value it makes, as far as that is the same for every object.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.root.kind()
    }

    /// Whether its value differs each time (`Guid`, `RandomString`). Such an expression is for mappings
    /// that apply only when an object is created.
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.0.natures.contains(&Nature::Random)
    }

    /// Whether its value changes as time passes (`Now`), without any change of the object.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.0.natures.contains(&Nature::Time)
    }

    /// Whether its value, and its error, must not be shown in logs and plans (`Redact`).
    ///
    /// One `Redact` anywhere hides the whole value, in whichever branch it stands: an old value that is
    /// shown beside a new one may come from the other branch.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.0.natures.contains(&Nature::Redacting)
    }

    /// Makes the value for one object.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] when this object has none: `Error(…)` was reached, or a value is not what a
    /// function takes. It shows values of the object unless the expression [is redacted](Self::is_redacted).
    pub fn evaluate(
        &self,
        attributes: &dyn AttributeSource,
        environment: &Environment,
    ) -> Result<Flow, EvaluationError> {
        let evaluator = Evaluator::new(attributes, environment);
        match evaluator.value(&self.0.root) {
            Ok(value) => Ok(Flow::Value(value)),
            Err(Stop::Ignored) => Ok(Flow::Ignored),
            Err(Stop::Failed(failure)) => Err(EvaluationError {
                position: Position::of(&self.0.text, failure.span.start, failure.span.end),
                function: failure.function,
                problem: match self.is_redacted() {
                    true => failure.problem.redacted(),
                    false => failure.problem,
                },
            }),
        }
    }
}

/// Each attribute once, where it is written first.
fn sources(text: &str, root: &Node) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    root.walk(&mut |node| {
        let Form::Attribute { name, written } = &node.form else {
            return;
        };
        if !sources.iter().any(|source| source.name == *name) {
            sources.push(Source {
                name: name.clone(),
                written: written.clone(),
                position: Position::of(text, node.span.start, node.span.end),
            });
        }
    });
    sources
}

impl FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.text).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// The names of all functions, in the order of the manual.
#[must_use]
pub fn function_names() -> BTreeSet<&'static str> {
    functions::ALL
        .iter()
        .map(|function| function.name)
        .collect()
}

#[cfg(test)]
mod tests;
