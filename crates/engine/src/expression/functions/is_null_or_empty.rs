//! # IsNullOrEmpty(expression)
//!
//! Whether there is no value, or an empty text. The opposite of `IsPresent`.
//!
//! ```text
//! IsNullOrEmpty([displayName])
//!   gives true
//!
//! IsNullOrEmpty([displayName])
//!   with displayName = ""
//!   gives true
//!
//! IsNullOrEmpty([displayName])
//!   with displayName = "Ada"
//!   gives false
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IsNullOrEmpty",
    &[Parameter::any("expression")],
    Kind::Boolean,
    |call| Ok(ExpressionValue::Boolean(call.value(0)?.is_null_or_empty())),
);
