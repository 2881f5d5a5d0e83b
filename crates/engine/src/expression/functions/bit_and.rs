//! # BitAnd(value1, value2)
//!
//! The bits that are set in both numbers. Hexadecimal numbers begin with `&H`.
//!
//! `groupType` is negative when the group is a security group; its highest bit is tested like any other.
//! No value on one side gives no value.
//!
//! ```text
//! BitAnd(&HF, &HF7)
//!   gives 7
//!
//! IIF(BitAnd([userAccountControl], 2) = 0, "enabled", "disabled")
//!   with userAccountControl = "514"
//!   gives "disabled"
//!
//! BitAnd([groupType], &H80000000) <> 0
//!   with groupType = "-2147483646"
//!   gives true
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "BitAnd",
    &[Parameter::number("value1"), Parameter::number("value2")],
    Kind::Number,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    Ok(match (call.number(0)?, call.number(1)?) {
        (Some(a), Some(b)) => ExpressionValue::Integer(a & b),
        _ => ExpressionValue::Null,
    })
}
