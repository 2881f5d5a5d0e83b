//! # Coalesce(source1, …)
//!
//! The first argument that has a value.
//!
//! The last one is what is left when all others have none; an empty text counts as a value. Arguments
//! behind the one that is taken are not evaluated.
//!
//! ```text
//! Coalesce([mail], [userPrincipalName])
//!   with userPrincipalName = "John.Doe@contoso.com"
//!   gives "John.Doe@contoso.com"
//!
//! Coalesce([mail], [userPrincipalName], "none")
//!   gives "none"
//!
//! Coalesce([mail])
//!   gives nothing
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Coalesce",
    &[Parameter::any("source1")],
    Kind::Any,
    evaluate,
)
.repeated(1);

fn evaluate(call: &Call<'_>) -> Outcome {
    for index in 0..call.count() {
        let value = call.value(index)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(ExpressionValue::Null)
}
