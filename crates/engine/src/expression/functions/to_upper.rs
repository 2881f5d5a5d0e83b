//! # ToUpper(source, [culture])
//!
//! In upper case.
//!
//! Letters change one by one, as in .NET: `ß` has no capital. Without a culture the rules are those of no
//! language; with `tr` or `az` those of Turkish, which knows i with and without a dot.
//!
//! ```text
//! ToUpper([department], )
//!   with department = "Straßenbau"
//!   gives "STRAßENBAU"
//!
//! ToUpper("ida", "tr-TR")
//!   gives "İDA"
//!
//! ToUpper("ida", "turkish")
//!   is refused: expected a culture such as "de-DE"
//! ```

use super::to_lower::{PARAMETERS, change, check};
use super::*;
use crate::expression::casing::Culture;

pub(super) static FUNCTION: Function = Function::new("ToUpper", &PARAMETERS, Kind::Text, |call| {
    change(call, Culture::upper)
})
.each()
.checked(check);
