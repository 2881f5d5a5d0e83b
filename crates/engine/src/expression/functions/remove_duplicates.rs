//! # RemoveDuplicates(attribute)
//!
//! Each value of a list once; the first of equals stays. Values that differ in case differ.
//!
//! ```text
//! RemoveDuplicates(Split("a,b,a,A", ","))
//!   gives "a", "b", "A"
//! ```

use super::*;
use std::collections::BTreeSet;

pub(super) static FUNCTION: Function = Function::new(
    "RemoveDuplicates",
    &[Parameter::any("attribute")],
    Kind::List,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut values = call.list(0)?;
    values.retain(|value| seen.insert(value.clone()));
    Ok(ExpressionValue::List(values))
}
