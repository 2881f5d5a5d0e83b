//! # ConvertToBase64(source)
//!
//! Encodes a text, as UTF-16 (little-endian), or bytes, as they are, in Base64.
//!
//! ```text
//! ConvertToBase64("Hello world!")
//!   gives "SABlAGwAbABvACAAdwBvAHIAbABkACEA"
//!
//! ConvertToBase64([objectGUID])
//!   with objectGUID = base64 "AQIDBAUGBwgJCgsMDQ4PEA=="
//!   gives "AQIDBAUGBwgJCgsMDQ4PEA=="
//! ```

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) static FUNCTION: Function = Function::new(
    "ConvertToBase64",
    &[Parameter::text("source")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let bytes = match call.single(0)? {
        ExpressionValue::Binary(bytes) => bytes,
        _ => match call.text(0)? {
            Some(text) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            None => return Ok(ExpressionValue::Null),
        },
    };
    call.result(STANDARD.encode(bytes))
}
