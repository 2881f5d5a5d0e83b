//! # IsNull(expression)
//!
//! Whether there is no value: for an attribute, whether it is absent.
//!
//! ```text
//! IsNull([displayName])
//!   gives true
//!
//! IsNull([displayName])
//!   with displayName = ""
//!   gives false
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IsNull",
    &[Parameter::any("expression")],
    Kind::Boolean,
    |call| Ok(ExpressionValue::Boolean(call.value(0)?.is_null())),
);
