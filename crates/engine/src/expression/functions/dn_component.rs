//! # DNComponent(dn, number)
//!
//! The value of one step of a distinguished name, counted from the left, from 1.
//!
//! Escapes are undone. A name with fewer steps gives no value.
//!
//! ```text
//! DNComponent(CRef([dn]), 1)
//!   with dn = "cn=Joe,ou=Sales,dc=contoso,dc=com"
//!   gives "Joe"
//!
//! DNComponent([dn], 2)
//!   with dn = "CN=Lovelace\\, Ada,OU=R\\+D,DC=corp"
//!   gives "R+D"
//!
//! DNComponent([dn], 9)
//!   with dn = "CN=Joe,DC=corp"
//!   gives nothing
//! ```

use super::c_ref::dn;
use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "DNComponent",
    &[Parameter::text("dn"), Parameter::number("number")],
    Kind::Text,
    evaluate,
)
.each()
.checked(|given| given.number_is(1, |n| n >= 1, FROM_ONE).map(|()| None));

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(dn) = dn(call, 0)? else {
        return Ok(ExpressionValue::Null);
    };
    let step = dn.steps().get(index(call, 1)?);
    Ok(step.map_or(ExpressionValue::Null, |step| step.value.as_str().into()))
}
