//! Expressions of mappings.

use lockstep_engine::expression::{Environment, Expression, ExpressionValue};
use lockstep_model::{AttributeName, Timestamp};
use std::collections::BTreeMap;

/// An expression is refused with a place in its text, or has a value, or has none for a reason; the same
/// object and seed give the same. The input is the expression, and behind a NUL lines with `name=value`.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else {
        return;
    };
    let (text, object) = input.split_once('\0').unwrap_or((input, ""));
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            let place = error.position;
            assert!(place.offset <= text.len(), "{place} lies outside");
            assert!(place.excerpt(text).contains('^'), "{place} is not shown");
            return;
        }
    };
    let attributes = attributes(object);
    let environment = Environment {
        now: Timestamp::default(),
        seed: [0; 32],
    };
    let outcome = expression.evaluate(&attributes, &environment);
    assert_eq!(outcome, expression.evaluate(&attributes, &environment));
}

fn attributes(object: &str) -> BTreeMap<AttributeName, ExpressionValue> {
    let mut attributes: BTreeMap<AttributeName, Vec<ExpressionValue>> = BTreeMap::new();
    for (name, value) in object.lines().filter_map(|line| line.split_once('=')) {
        let values = attributes.entry(AttributeName::new(name)).or_default();
        values.push(value.into());
    }
    let values = attributes.into_iter();
    values
        .map(|(name, values)| (name, ExpressionValue::of_values(values)))
        .collect()
}
