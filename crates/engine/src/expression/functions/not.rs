//! # Not(source)
//!
//! False for true, and true for anything else.
//!
//! The text `True` counts as true, in any case.
//!
//! ```text
//! Not("True")
//!   gives false
//!
//! Not("False")
//!   gives true
//!
//! Not(IsPresent([mail]))
//!   gives true
//!
//! Not([mail])
//!   gives true
//! ```

use super::*;

pub(super) static FUNCTION: Function =
    Function::new("Not", &[Parameter::any("source")], Kind::Boolean, |call| {
        let is_true = match call.single(0)? {
            ExpressionValue::Boolean(truth) => truth,
            ExpressionValue::Text(text) => text.trim().eq_ignore_ascii_case("true"),
            _ => false,
        };
        Ok(ExpressionValue::Boolean(!is_true))
    });
