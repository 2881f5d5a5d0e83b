//! # Append(source, suffix)
//!
//! Puts one text behind another.
//!
//! No source gives no value; no suffix leaves the source as it is.
//!
//! ```text
//! Append([userPrincipalName], ".test")
//!   with userPrincipalName = "John.Doe@contoso.com"
//!   gives "John.Doe@contoso.com.test"
//!
//! Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))
//!   with givenName = "John"
//!   with surname = "Doe"
//!   gives "JohDoe"
//!
//! Append([mail], ".test")
//!   gives nothing
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Append",
    &[Parameter::text("source"), Parameter::text("suffix")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(source) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    call.result(source + &call.text(1)?.unwrap_or_default())
}
