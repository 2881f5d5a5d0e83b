//! # CBool(expression)
//!
//! True when a comparison holds or a number is not zero.
//!
//! The texts `true` and `false` count as what they say, in any case: that is how Active Directory writes
//! truth. No value is false.
//!
//! ```text
//! CBool([attribute1] = [attribute2])
//!   with attribute1 = "a"
//!   with attribute2 = "a"
//!   gives true
//!
//! CBool(BitAnd(&HF, &HF0))
//!   gives false
//!
//! CBool([msExchHideFromAddressLists])
//!   with msExchHideFromAddressLists = "TRUE"
//!   gives true
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "CBool",
    &[Parameter::truth("expression")],
    Kind::Boolean,
    |call| Ok(ExpressionValue::Boolean(call.truth(0)?)),
);
