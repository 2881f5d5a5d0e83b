//! # CStr(value)
//!
//! The value as a text.
//!
//! Numbers become digits, truth `True` or `False`, dates `M/d/yyyy h:mm:ss tt`, references their
//! distinguished name. Lists and bytes fail: see `Join`, `ConvertToBase64` and `StringFromSid`.
//!
//! ```text
//! CStr([dn])
//!   with dn = "cn=Joe,dc=contoso,dc=com"
//!   gives "cn=Joe,dc=contoso,dc=com"
//!
//! CStr(&HFF)
//!   gives "255"
//!
//! CStr([country] = "USA")
//!   with country = "USA"
//!   gives "True"
//! ```

use super::*;

pub(super) static FUNCTION: Function =
    Function::new("CStr", &[Parameter::text("value")], Kind::Text, |call| {
        Ok(call
            .text(0)?
            .map_or(ExpressionValue::Null, ExpressionValue::Text))
    });
