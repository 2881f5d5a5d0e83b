//! # Item(attribute, index)
//!
//! One value of a list, counted from 1.
//!
//! A number beyond the list fails; an attribute that is absent gives no value. Active Directory keeps
//! values without an order; Lockstep reads them sorted, capitals before small letters.
//!
//! ```text
//! Item([proxyAddresses], 1)
//!   with proxyAddresses = "SMTP:ada@corp.test", "smtp:al@corp.test"
//!   gives "SMTP:ada@corp.test"
//!
//! Item([proxyAddresses], 3)
//!   with proxyAddresses = "SMTP:ada@corp.test", "smtp:al@corp.test"
//!   fails: expected a number from 1 to 2
//!
//! Item([proxyAddresses], 0)
//!   is refused: counted from 1
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Item",
    &[Parameter::any("attribute"), Parameter::number("index")],
    Kind::Any,
    evaluate,
)
.checked(|given| given.number_is(1, |n| n >= 1, FROM_ONE).map(|()| None));

fn evaluate(call: &Call<'_>) -> Outcome {
    let mut values = call.list(0)?;
    if values.is_empty() {
        return Ok(ExpressionValue::Null);
    }
    let number = call.number(1)?.unwrap_or(0);
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    match index {
        Some(index) if index < values.len() => Ok(values.swap_remove(index)),
        _ => Err(call.wrong(1, format!("a number from 1 to {}", values.len()))),
    }
}
