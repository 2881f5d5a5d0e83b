//! # Left(string, numChars)
//!
//! The first characters of a text.
//!
//! Zero gives an empty text, a negative number the whole text, and no value an empty text.
//!
//! ```text
//! Left("John Doe", 3)
//!   gives "Joh"
//!
//! Left("John Doe", 99)
//!   gives "John Doe"
//!
//! Left("John Doe", 0)
//!   gives ""
//!
//! Left("John Doe", -1)
//!   gives "John Doe"
//!
//! Left([displayName], 3)
//!   gives ""
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Left",
    &[Parameter::text("string"), Parameter::number("numChars")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let text = call.text(0)?.unwrap_or_default();
    let count = call.number(1)?.unwrap_or(0);
    Ok(match usize::try_from(count) {
        Ok(count) => text.chars().take(count).collect::<String>().into(),
        Err(_) => text.into(),
    })
}
