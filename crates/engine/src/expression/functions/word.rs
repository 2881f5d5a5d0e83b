//! # Word(string, wordNumber, delimiters)
//!
//! One word of a text, counted from 1.
//!
//! Words are separated by any of the characters in `delimiters`, several in a row count as one. A number
//! below 1 or beyond the last word, and a source without a value, give an empty text.
//!
//! ```text
//! Word("The quick brown fox", 3, " ")
//!   gives "brown"
//!
//! Word("This,string!has&many separators", 3, ",!&#")
//!   gives "has"
//!
//! Word("The quick brown fox", 5, " ")
//!   gives ""
//!
//! Word("The quick brown fox", 0, " ")
//!   gives ""
//!
//! Word([displayName], 1, " ")
//!   gives ""
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Word",
    &[
        Parameter::text("string"),
        Parameter::number("wordNumber"),
        Parameter::text("delimiters"),
    ],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let text = call.text(0)?.unwrap_or_default();
    let number = call.number(1)?.unwrap_or(0);
    let delimiters = call.text(2)?.unwrap_or_default();
    let mut words = text
        .split(|c| delimiters.contains(c))
        .filter(|word| !word.is_empty());
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    let word = index.and_then(|index| words.nth(index));
    Ok(word.unwrap_or_default().into())
}
