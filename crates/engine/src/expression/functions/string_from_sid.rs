//! # StringFromSid(objectSid)
//!
//! A security identifier as people write it.
//!
//! The attribute holds bytes; a text with their Base64, or with the identifier itself, is taken as well.
//!
//! ```text
//! StringFromSid([objectSid])
//!   with objectSid = base64 "AQUAAAAAAAUVAAAAx7n+1yz0ZMjEWc4B9QMAAA=="
//!   gives "S-1-5-21-3623795143-3362059308-30300612-1013"
//!
//! StringFromSid([objectSid])
//!   with objectSid = "S-1-5-32-544"
//!   gives "S-1-5-32-544"
//!
//! StringFromSid([cn])
//!   with cn = "Ada"
//!   fails: expected the bytes of a security identifier
//! ```

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::Sid;

pub(super) static FUNCTION: Function = Function::new(
    "StringFromSid",
    &[Parameter::any("objectSid")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let value = call.single(0)?;
    let sid = match &value {
        ExpressionValue::Null => return Ok(ExpressionValue::Null),
        ExpressionValue::Binary(bytes) => Sid::from_wire(bytes).ok(),
        ExpressionValue::Text(text) => text.parse().ok().or_else(|| {
            let bytes = STANDARD.decode(text).ok()?;
            Sid::from_wire(&bytes).ok()
        }),
        _ => None,
    };
    match sid {
        Some(sid) => Ok(sid.to_string().into()),
        None => Err(call.wrong(0, "the bytes of a security identifier")),
    }
}
