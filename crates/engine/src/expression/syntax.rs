//! An expression that has been read: a tree whose functions are known and whose arguments fit.

use super::functions::Function;
use super::pattern::Pattern;
use super::value::{ExpressionValue, Kind};
use lockstep_model::AttributeName;

/// Bytes of the expression's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A part of an expression that has a value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) form: Form,
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// `"text"`, `12`, `&HF`, `True`
    Constant(ExpressionValue),
    /// A word that only some parameters take, such as `UTF8`.
    Word(String),
    /// `[displayName]`, in lower case and as it is written.
    Attribute {
        name: AttributeName,
        written: String,
    },
    /// `Left([displayName], 3)`
    Call(Box<CallNode>),
    /// `[country] = "USA"`
    Comparison {
        operator: Operator,
        sides: Box<(Node, Node)>,
    },
    /// `"t-" & [alias]`
    Concatenation(Vec<Node>),
}

/// A function with its arguments.
#[derive(Clone, Debug)]
pub(super) struct CallNode {
    pub(super) function: &'static Function,
    /// One for each slot; nothing where it was left empty.
    pub(super) arguments: Vec<Option<Node>>,
    /// The regular expression, where it is known already.
    pub(super) pattern: Option<Pattern>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Node {
    /// The value, if it is the same for every object.
    pub(super) fn constant(&self) -> Option<&ExpressionValue> {
        match &self.form {
            Form::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// What kind of value it makes.
    pub(super) fn kind(&self) -> Kind {
        match &self.form {
            Form::Constant(ExpressionValue::Integer(_)) => Kind::Number,
            Form::Constant(ExpressionValue::Boolean(_)) | Form::Comparison { .. } => Kind::Boolean,
            Form::Constant(_) | Form::Word(_) | Form::Concatenation(_) => Kind::Text,
            Form::Attribute { .. } => Kind::Any,
            Form::Call(call) => call.function.result,
        }
    }

    /// Shows itself and everything in it to `visit`.
    pub(super) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match &self.form {
            Form::Call(call) => {
                for argument in call.arguments.iter().flatten() {
                    argument.walk(visit);
                }
            }
            Form::Comparison { sides, .. } => {
                sides.0.walk(visit);
                sides.1.walk(visit);
            }
            Form::Concatenation(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Form::Constant(_) | Form::Word(_) | Form::Attribute { .. } => {}
        }
    }
}
