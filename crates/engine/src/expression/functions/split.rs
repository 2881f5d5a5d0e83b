//! # Split(source, delimiter)
//!
//! Takes a text apart at each delimiter.
//!
//! Blanks around the parts are taken off. Parts that are empty stay, so that `Item` finds the others; the
//! directory does not keep them.
//!
//! ```text
//! Split([extensionAttribute5], ",")
//!   with extensionAttribute5 = "PermissionSetOne, PermissionSetTwo"
//!   gives "PermissionSetOne", "PermissionSetTwo"
//!
//! Item(Split("a;;c", ";"), 3)
//!   gives "c"
//!
//! Split([extensionAttribute5], ",")
//!   gives nothing
//!
//! Split([extensionAttribute5], "")
//!   is refused: a text that is not empty
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Split",
    &[Parameter::text("source"), Parameter::text("delimiter")],
    Kind::List,
    evaluate,
)
.checked(|given| {
    given
        .text_is(1, |text| !text.is_empty(), DELIMITER)
        .map(|()| None)
});

/// What a part costs, in bytes, however short it is.
const PART: usize = 64;

const DELIMITER: &str = "a text that is not empty, such as \",\"";

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(source) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let delimiter = call.text(1)?.unwrap_or_default();
    if delimiter.is_empty() {
        return Err(call.wrong(1, DELIMITER));
    }
    call.charge(source.matches(&delimiter).count() * PART)?;
    let parts = source.split(&delimiter).map(|part| part.trim().into());
    Ok(ExpressionValue::List(parts.collect()))
}
