//! # ConvertToUTF8Hex(source)
//!
//! The bytes of a text in UTF-8, or bytes as they are, in hexadecimal capitals.
//!
//! ```text
//! ConvertToUTF8Hex("Hello world!")
//!   gives "48656C6C6F20776F726C6421"
//!
//! ConvertToUTF8Hex("ä")
//!   gives "C3A4"
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "ConvertToUTF8Hex",
    &[Parameter::text("source")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let bytes = match call.single(0)? {
        ExpressionValue::Binary(bytes) => bytes,
        _ => match call.text(0)? {
            Some(text) => text.into_bytes(),
            None => return Ok(ExpressionValue::Null),
        },
    };
    call.result(hex::encode_upper(bytes))
}
