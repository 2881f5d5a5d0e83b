//! # IgnoreFlowIfNullOrEmpty(expression)
//!
//! Leaves the target alone when there is no value, or only an empty text.
//!
//! Without it, no value empties the target. It works from inside other functions too: as soon as it is
//! evaluated and finds nothing, the whole mapping is left out for this object.
//!
//! ```text
//! IgnoreFlowIfNullOrEmpty([department])
//!   leaves the target alone
//!
//! IgnoreFlowIfNullOrEmpty([department])
//!   with department = "Sales"
//!   gives "Sales"
//!
//! IgnoreFlowIfNullOrEmpty(Switch([prefix], "", "3443", "Dr.", "3444", "Prof."))
//!   with prefix = "1"
//!   leaves the target alone
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IgnoreFlowIfNullOrEmpty",
    &[Parameter::any("expression")],
    Kind::Any,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    let value = call.value(0)?;
    if value.is_null_or_empty() {
        return Err(Stop::Ignored);
    }
    Ok(value)
}
