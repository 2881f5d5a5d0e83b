//! Makes the value of an expression for one object.
//!
//! Arguments are evaluated when a function asks for them, so that `IIF` and `Switch` only touch the
//! branch they take. Everything that is made is counted: an expression can neither run for long nor
//! fill the memory.

use super::datetime::DateTime;
use super::error::{ArgumentError, EvaluationProblem};
use super::functions::{Outcome, Parameter, Takes};
use super::pattern::Pattern;
use super::random::Random;
use super::syntax::{CallNode, Form, Node, Operator, Span};
use super::value::ExpressionValue;
use super::{AttributeSource, Environment, MAX_TEXT};
use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// `IgnoreFlowIfNullOrEmpty` found nothing: the target is left alone.
    Ignored,
    /// It went wrong.
    Failed(Box<Failure>),
}

/// What went wrong, and where.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) span: Span,
    pub(super) function: Option<&'static str>,
    pub(super) problem: EvaluationProblem,
}

/// Evaluates one expression for one object.
pub(super) struct Evaluator<'a> {
    attributes: &'a dyn AttributeSource,
    environment: &'a Environment,
    /// How much work may still be done.
    left: Cell<usize>,
}

/// How much work an expression may be: a unit is a byte that is made, or the time of some 100 ns.
pub(super) const MAX_WORK: usize = 32 * 1024 * 1024;

/// What each step costs besides what it makes.
const STEP: usize = 64;

impl<'a> Evaluator<'a> {
    pub(super) fn new(attributes: &'a dyn AttributeSource, environment: &'a Environment) -> Self {
        Self {
            attributes,
            environment,
            left: Cell::new(MAX_WORK),
        }
    }

    /// The value of a part of the expression.
    pub(super) fn value(&self, node: &Node) -> Outcome {
        let value = match &node.form {
            Form::Constant(value) => value.clone(),
            Form::Word(word) => ExpressionValue::Text(word.clone()),
            Form::Attribute { name, .. } => self.attributes.value(name),
            Form::Call(call) => self.call(node.span, call)?,
            Form::Comparison { operator, sides } => {
                let truth = self.compare(*operator, &sides.0, &sides.1)?;
                ExpressionValue::Boolean(truth)
            }
            Form::Concatenation(parts) => self.concatenate(parts)?,
        };
        self.charge(node.span, None, STEP + value.size())?;
        Ok(value)
    }

    /// Counts work.
    fn charge(&self, span: Span, function: Option<&'static str>, work: usize) -> Result<(), Stop> {
        let left = self.left.get().checked_sub(work);
        self.left.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(failed(span, function, EvaluationProblem::TooMuchWork)),
        }
    }

    fn call(&self, span: Span, node: &CallNode) -> Outcome {
        let call = Call {
            evaluator: self,
            span,
            node,
            first: None,
        };
        let evaluate = node.function.evaluate;
        if !node.function.each {
            return evaluate(&call);
        }
        match call.value(0)? {
            ExpressionValue::List(values) => {
                let mut results = Vec::with_capacity(values.len());
                for value in values {
                    let result = evaluate(&call.with_first(value))?;
                    self.charge(span, Some(node.function.name), STEP + result.size())?;
                    results.push(result);
                }
                results.retain(|result| !result.is_null());
                Ok(ExpressionValue::List(results))
            }
            value => evaluate(&call.with_first(value)),
        }
    }

    /// Compares; nothing is neither equal nor unequal to anything.
    fn compare(&self, operator: Operator, left: &Node, right: &Node) -> Result<bool, Stop> {
        let (a, b) = (
            single(self.value(left)?, || (left.span, None, "the left side"))?,
            single(self.value(right)?, || (right.span, None, "the right side"))?,
        );
        if a.is_null() || b.is_null() {
            return Ok(false);
        }
        let order = order(&a, &b);
        match (operator, order) {
            (Operator::Equal, order) => Ok(order == Some(Ordering::Equal)),
            (Operator::NotEqual, order) => Ok(order != Some(Ordering::Equal)),
            (Operator::Less, Some(order)) => Ok(order.is_lt()),
            (Operator::LessOrEqual, Some(order)) => Ok(order.is_le()),
            (Operator::Greater, Some(order)) => Ok(order.is_gt()),
            (Operator::GreaterOrEqual, Some(order)) => Ok(order.is_ge()),
            (_, None) => Err(failed(
                right.span,
                None,
                EvaluationProblem::Argument(ArgumentError {
                    parameter: "the right side of a comparison",
                    expected: "something that can be compared with the left side".to_owned(),
                    received: b.to_string(),
                }),
            )),
        }
    }

    /// Puts texts together; nothing is an empty text, unless there is nothing at all.
    fn concatenate(&self, parts: &[Node]) -> Outcome {
        let mut text = None;
        for part in parts {
            let value = single(self.value(part)?, || (part.span, None, "a part of a text"))?;
            if value.is_null() {
                continue;
            }
            let more = value.as_text().ok_or_else(|| {
                let argument = ArgumentError {
                    parameter: "a part of a text",
                    expected: Takes::Text.expected(),
                    received: value.to_string(),
                };
                failed(part.span, None, EvaluationProblem::Argument(argument))
            })?;
            let text: &mut String = text.get_or_insert_default();
            text.push_str(&more);
            bounded(text.len(), part.span, None)?;
        }
        Ok(text.map_or(ExpressionValue::Null, ExpressionValue::Text))
    }
}

/// How two values stand to each other; nothing when that cannot be said.
fn order(a: &ExpressionValue, b: &ExpressionValue) -> Option<Ordering> {
    use ExpressionValue as V;
    match (a, b) {
        (V::Integer(_), _) | (_, V::Integer(_)) => Some(a.as_number()?.cmp(&b.as_number()?)),
        (V::DateTime(_), _) | (_, V::DateTime(_)) => Some(a.as_date()?.cmp(&b.as_date()?)),
        (V::Boolean(_), _) | (_, V::Boolean(_)) => Some(a.as_truth()?.cmp(&b.as_truth()?)),
        (V::Binary(a), V::Binary(b)) => Some(a.cmp(b)),
        _ => Some(a.as_text()?.cmp(&b.as_text()?)),
    }
}

/// The value itself, or the only value of a list.
fn single(
    value: ExpressionValue,
    place: impl Fn() -> (Span, Option<&'static str>, &'static str),
) -> Outcome {
    let ExpressionValue::List(mut values) = value else {
        return Ok(value);
    };
    let count = values.len();
    if count > 1 {
        let (span, function, parameter) = place();
        let problem = EvaluationProblem::SeveralValues { parameter, count };
        return Err(failed(span, function, problem));
    }
    Ok(values.pop().unwrap_or_default())
}

fn failed(span: Span, function: Option<&'static str>, problem: EvaluationProblem) -> Stop {
    Stop::Failed(Box::new(Failure {
        span,
        function,
        problem,
    }))
}

fn bounded(length: usize, span: Span, function: Option<&'static str>) -> Result<(), Stop> {
    if length <= MAX_TEXT {
        return Ok(());
    }
    let problem = EvaluationProblem::TooLong { limit: MAX_TEXT };
    Err(failed(span, function, problem))
}

/// A function at work: its arguments, evaluated when they are asked for.
pub(super) struct Call<'a> {
    evaluator: &'a Evaluator<'a>,
    span: Span,
    node: &'a CallNode,
    /// The first argument, where it has been evaluated already.
    first: Option<ExpressionValue>,
}

impl Call<'_> {
    fn with_first(&self, first: ExpressionValue) -> Self {
        Self {
            first: Some(first),
            ..*self
        }
    }

    /// How many slots there are.
    pub(super) fn count(&self) -> usize {
        self.node.arguments.len()
    }

    /// Whether the slot is filled.
    pub(super) fn is_given(&self, index: usize) -> bool {
        self.argument(index).is_some()
    }

    fn argument(&self, index: usize) -> Option<&Node> {
        self.node.arguments.get(index)?.as_ref()
    }

    /// The value of an argument; an empty slot is nothing.
    pub(super) fn value(&self, index: usize) -> Outcome {
        match (&self.first, self.argument(index)) {
            (Some(first), _) if index == 0 => Ok(first.clone()),
            (_, Some(node)) => self.evaluator.value(node),
            (_, None) => Ok(ExpressionValue::Null),
        }
    }

    /// The value of an argument that cannot be a list.
    pub(super) fn single(&self, index: usize) -> Outcome {
        single(self.value(index)?, || {
            let span = self.argument(index).map_or(self.span, |node| node.span);
            (span, Some(self.node.function.name), self.parameter(index))
        })
    }

    /// All values of an argument: none, one, or those of a list.
    pub(super) fn list(&self, index: usize) -> Result<Vec<ExpressionValue>, Stop> {
        Ok(match self.value(index)? {
            ExpressionValue::Null => Vec::new(),
            ExpressionValue::List(values) => values,
            value => vec![value],
        })
    }

    /// An argument as a text.
    pub(super) fn text(&self, index: usize) -> Result<Option<String>, Stop> {
        self.converted(index, ExpressionValue::as_text)
    }

    /// An argument as a whole number.
    pub(super) fn number(&self, index: usize) -> Result<Option<i64>, Stop> {
        self.converted(index, ExpressionValue::as_number)
    }

    /// An argument as a date.
    pub(super) fn date(&self, index: usize) -> Result<Option<DateTime>, Stop> {
        self.converted(index, ExpressionValue::as_date)
    }

    /// An argument as true or false; nothing is false.
    pub(super) fn truth(&self, index: usize) -> Result<bool, Stop> {
        let truth = self.converted(index, ExpressionValue::as_truth)?;
        Ok(truth.unwrap_or(false))
    }

    fn converted<T>(
        &self,
        index: usize,
        convert: impl Fn(&ExpressionValue) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        let value = self.single(index)?;
        if value.is_null() {
            return Ok(None);
        }
        match convert(&value) {
            Some(converted) => Ok(Some(converted)),
            None => {
                let takes = self.definition(index).map(|parameter| parameter.takes);
                let expected = takes.unwrap_or(Takes::Any).expected();
                Err(self.wrong_value(index, expected, &value))
            }
        }
    }

    /// An argument as one of the words that it takes.
    pub(super) fn word(&self, index: usize) -> Result<Option<&'static str>, Stop> {
        let Some(text) = self.text(index)? else {
            return Ok(None);
        };
        let Some(Takes::Word(words)) = self.definition(index).map(|p| p.takes) else {
            return Ok(None);
        };
        let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
        match word {
            Some(word) => Ok(Some(word)),
            None => Err(self.wrong(index, Takes::Word(words).expected())),
        }
    }

    /// The regular expression in this argument.
    pub(super) fn pattern(&self, index: usize) -> Result<Cow<'_, Pattern>, Stop> {
        if let Some(pattern) = &self.node.pattern {
            return Ok(Cow::Borrowed(pattern));
        }
        let text = self.text(index)?.unwrap_or_default();
        match Pattern::new(&text) {
            Ok(pattern) => {
                self.charge(pattern.making())?;
                Ok(Cow::Owned(pattern))
            }
            Err(expected) => Err(self.wrong(index, expected)),
        }
    }

    /// Counts work that is to be done, and refuses it when it is too much.
    pub(super) fn charge(&self, work: usize) -> Result<(), Stop> {
        let function = Some(self.node.function.name);
        self.evaluator.charge(self.span, function, work)
    }

    /// The moment at which the expression is evaluated.
    pub(super) fn now(&self) -> Outcome {
        let now = DateTime::from_timestamp(self.evaluator.environment.now);
        now.map(ExpressionValue::DateTime)
            .ok_or_else(|| self.out_of_calendar())
    }

    /// Random numbers: the same for the same seed and the same place in the expression, whatever else
    /// is evaluated.
    pub(super) fn random(&self) -> Random {
        Random::new(&self.evaluator.environment.seed, self.span.start)
    }

    /// A result, if it is not longer than any value can be.
    pub(super) fn result(&self, text: String) -> Outcome {
        self.bounded(text.len())?;
        Ok(ExpressionValue::Text(text))
    }

    /// Refuses a result of so many bytes, before it is made.
    pub(super) fn bounded(&self, length: usize) -> Result<(), Stop> {
        bounded(length, self.span, Some(self.node.function.name))
    }

    /// Says what an argument should have been.
    pub(super) fn wrong(&self, index: usize, expected: impl Into<String>) -> Stop {
        match self.value(index) {
            Ok(value) => self.wrong_value(index, expected, &value),
            Err(stop) => stop,
        }
    }

    fn wrong_value(
        &self,
        index: usize,
        expected: impl Into<String>,
        received: &ExpressionValue,
    ) -> Stop {
        let span = self.argument(index).map_or(self.span, |node| node.span);
        let argument = ArgumentError {
            parameter: self.parameter(index),
            expected: expected.into(),
            received: received.to_string(),
        };
        let problem = EvaluationProblem::Argument(argument);
        failed(span, Some(self.node.function.name), problem)
    }

    fn parameter(&self, index: usize) -> &'static str {
        self.definition(index)
            .map_or("an argument", |parameter| parameter.name)
    }

    fn definition(&self, index: usize) -> Option<&'static Parameter> {
        self.node.function.parameter(index, self.count())
    }

    /// A date that there is not.
    pub(super) fn out_of_calendar(&self) -> Stop {
        self.failed(EvaluationProblem::DateRange)
    }

    /// The function itself says no.
    pub(super) fn failed(&self, problem: EvaluationProblem) -> Stop {
        failed(self.span, Some(self.node.function.name), problem)
    }
}
