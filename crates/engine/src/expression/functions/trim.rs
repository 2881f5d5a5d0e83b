//! # Trim(value)
//!
//! Takes off blanks, tabs and line breaks at both ends; of a list, at those of each value.
//!
//! ```text
//! Trim(" Test ")
//!   gives "Test"
//!
//! Trim([proxyAddresses])
//!   with proxyAddresses = " SMTP:ada@corp.test", "smtp:al@corp.test "
//!   gives "SMTP:ada@corp.test", "smtp:al@corp.test"
//! ```

use super::*;

pub(super) static FUNCTION: Function =
    Function::new("Trim", &[Parameter::text("value")], Kind::Text, |call| {
        let text = call.text(0)?;
        Ok(text.map_or(ExpressionValue::Null, |text| text.trim().into()))
    })
    .each();
