//! # Count(attribute)
//!
//! How many values an attribute or a list has.
//!
//! ```text
//! Count([otherTelephone])
//!   with otherTelephone = "1", "2", "3"
//!   gives 3
//!
//! Count([mail])
//!   with mail = "ada@corp.test"
//!   gives 1
//!
//! Count([mail])
//!   gives 0
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Count",
    &[Parameter::any("attribute")],
    Kind::Number,
    |call| Ok(number(call.list(0)?.len())),
);
