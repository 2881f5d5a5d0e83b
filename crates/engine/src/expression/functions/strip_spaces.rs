//! # StripSpaces(source)
//!
//! Takes out every blank.
//!
//! Only the character blank itself: tabs and line breaks stay.
//!
//! ```text
//! StripSpaces([displayName])
//!   with displayName = " Ada  Love lace "
//!   gives "AdaLovelace"
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "StripSpaces",
    &[Parameter::text("source")],
    Kind::Text,
    |call| {
        let text = call.text(0)?;
        Ok(text.map_or(ExpressionValue::Null, |text| text.replace(' ', "").into()))
    },
)
.each();
