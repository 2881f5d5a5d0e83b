//! # Join(separator, source1, …)
//!
//! Puts texts together, with a separator in between.
//!
//! A list contributes each of its values. Sources that have no value or are empty are passed over, and no
//! separator is written for them; if there is nothing to join, there is no value.
//!
//! ```text
//! Join(", ", "", [surname], [givenName])
//!   with givenName = "John"
//!   with surname = "Doe"
//!   gives "Doe, John"
//!
//! Join(";", [otherTelephone], "x")
//!   with otherTelephone = "1", "2"
//!   gives "1;2;x"
//!
//! Join("", 1000, Replace(ConvertToUTF8Hex([objectId]), , "[a-zA-Z_]*", , "", , ))
//!   with objectId = "0a1"
//!   gives "1000306131"
//!
//! Join(" ", [givenName], [surname])
//!   gives nothing
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Join",
    &[
        Parameter::text("separator").blank(),
        Parameter::any("source1"),
    ],
    Kind::Text,
    evaluate,
)
.repeated(1);

fn evaluate(call: &Call<'_>) -> Outcome {
    let separator = call.text(0)?.unwrap_or_default();
    let mut joined = String::new();
    let mut any = false;
    for index in 1..call.count() {
        for value in call.list(index)? {
            if value.is_null_or_empty() {
                continue;
            }
            let text = value.as_text();
            let text = text.ok_or_else(|| call.wrong(index, Takes::Text.expected()))?;
            if any {
                joined.push_str(&separator);
            }
            joined.push_str(&text);
            any = true;
            call.bounded(joined.len())?;
        }
    }
    Ok(match any {
        true => joined.into(),
        false => ExpressionValue::Null,
    })
}
