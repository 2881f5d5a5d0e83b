//! # IsString(expression)
//!
//! Whether `CStr` would give a text: true for texts, numbers, truth and dates; false for no value, lists
//! and bytes.
//!
//! ```text
//! IsString([employeeNumber])
//!   with employeeNumber = "17"
//!   gives true
//!
//! IsString([otherTelephone])
//!   with otherTelephone = "1", "2"
//!   gives false
//!
//! IsString([employeeNumber])
//!   gives false
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IsString",
    &[Parameter::any("expression")],
    Kind::Boolean,
    |call| {
        let values = call.list(0)?;
        let text = matches!(&values[..], [value] if value.as_text().is_some());
        Ok(ExpressionValue::Boolean(text))
    },
);
