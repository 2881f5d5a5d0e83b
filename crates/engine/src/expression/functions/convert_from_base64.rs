//! # ConvertFromBase64(source, [encoding])
//!
//! Decodes Base64 to a text.
//!
//! The encoding is `Unicode` (UTF-16, little-endian) unless it is given as `UTF8` or `ASCII`. What is no
//! Base64, or no text in that encoding, fails.
//!
//! ```text
//! ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")
//!   gives "Hello world!"
//!
//! ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)
//!   gives "Hello world!"
//!
//! ConvertFromBase64([x], ASCII)
//!   with x = "w6Q="
//!   fails: expected Base64 of ASCII
//! ```

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) static FUNCTION: Function = Function::new(
    "ConvertFromBase64",
    &[
        Parameter::text("source"),
        Parameter::word("encoding", &["Unicode", "ASCII", "UTF8"]).optional(),
    ],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(source) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let encoding = call.word(1)?.unwrap_or("Unicode");
    let text = STANDARD
        .decode(source.trim())
        .ok()
        .and_then(|bytes| match encoding {
            "ASCII" if !bytes.is_ascii() => None,
            "ASCII" | "UTF8" => String::from_utf8(bytes).ok(),
            _ => from_utf16(&bytes),
        });
    match text {
        Some(text) => call.result(text),
        None => Err(call.wrong(0, format!("Base64 of {encoding} text"))),
    }
}

fn from_utf16(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    String::from_utf16(&units).ok()
}
