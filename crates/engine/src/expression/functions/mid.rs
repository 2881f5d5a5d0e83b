//! # Mid(source, start, [length])
//!
//! A part of a text. The first character has the number 1.
//!
//! What lies beyond the end of the text is left out; without a length the part goes to the end. A start
//! below 1 and a negative length fail.
//!
//! ```text
//! Mid("John Doe", 3, 5)
//!   gives "hn Do"
//!
//! Mid("John Doe", 6, 999)
//!   gives "Doe"
//!
//! Mid("SMTP:ada@corp.test", 6)
//!   gives "ada@corp.test"
//!
//! Mid("John", 9, 2)
//!   gives ""
//!
//! Mid([displayName], 0, 2)
//!   is refused: counted from 1
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Mid",
    &[
        Parameter::text("source"),
        Parameter::number("start"),
        Parameter::number("length").optional(),
    ],
    Kind::Text,
    evaluate,
)
.each()
.checked(|given| {
    given.number_is(1, |n| n >= 1, FROM_ONE)?;
    given.number_is(2, |n| n >= 0, LENGTH)?;
    Ok(None)
});

const LENGTH: &str = "a number that is not negative";

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(text) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let start = index(call, 1)?;
    let length = match call.number(2)? {
        None => usize::MAX,
        Some(length) => usize::try_from(length).map_err(|_| call.wrong(2, LENGTH))?,
    };
    let part: String = text.chars().skip(start).take(length).collect();
    Ok(part.into())
}
