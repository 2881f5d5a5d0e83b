//! # IsPresent(expression)
//!
//! Whether there is a value other than an empty text. The opposite of `IsNullOrEmpty`.
//!
//! ```text
//! IsPresent([manager])
//!   with manager = "CN=Ada,DC=corp"
//!   gives true
//!
//! IsPresent([manager])
//!   gives false
//!
//! Switch(IsPresent([directManager]), [directManager], IsPresent([skiplevelManager]), [skiplevelManager], IsPresent([director]), [director])
//!   with directManager = "CN=Ada,DC=corp"
//!   gives "CN=Ada,DC=corp"
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IsPresent",
    &[Parameter::any("expression")],
    Kind::Boolean,
    |call| Ok(ExpressionValue::Boolean(!call.value(0)?.is_null_or_empty())),
);
