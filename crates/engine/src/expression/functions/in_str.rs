//! # InStr(value1, value2, [start], [compareType])
//!
//! Where a text stands in another: the position of its first character, counted from 1, or 0.
//!
//! The search begins at `start`. Case matters, unless the fourth argument is `vbTextCompare`.
//!
//! ```text
//! InStr("The quick brown fox", "quick")
//!   gives 5
//!
//! InStr("repEated", "e", 3, vbBinaryCompare)
//!   gives 7
//!
//! InStr("repEated", "e", 3, vbTextCompare)
//!   gives 4
//!
//! InStr([mail], "@")
//!   gives 0
//! ```

use super::*;
use crate::expression::casing::Culture;

pub(super) static FUNCTION: Function = Function::new(
    "InStr",
    &[
        Parameter::text("value1"),
        Parameter::text("value2"),
        Parameter::number("start").optional(),
        Parameter::word("compareType", &["vbBinaryCompare", "vbTextCompare"]).optional(),
    ],
    Kind::Number,
    evaluate,
)
.checked(|given| given.number_is(2, |n| n >= 1, FROM_ONE).map(|()| None));

fn evaluate(call: &Call<'_>) -> Outcome {
    let (Some(text), Some(searched)) = (call.text(0)?, call.text(1)?) else {
        return Ok(ExpressionValue::Integer(0));
    };
    let (text, searched) = match call.word(3)? {
        Some("vbTextCompare") => {
            let fold = |text: &str| Culture::Invariant.upper(text);
            (fold(&text), fold(&searched))
        }
        _ => (text, searched),
    };
    let start = match call.is_given(2) {
        true => index(call, 2)?,
        false => 0,
    };
    let skipped = text.chars().take(start).map(char::len_utf8).sum();
    let rest = text.get(skipped..).unwrap_or_default();
    let found = rest
        .find(&searched)
        .filter(|_| start < text.chars().count());
    let position = found.map(|at| start + 1 + rest.get(..at).map_or(0, |b| b.chars().count()));
    Ok(number(position.unwrap_or(0)))
}
