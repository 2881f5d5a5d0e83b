//! # CRef(dn)
//!
//! Reads a distinguished name. A reference is written as the name it points to.
//!
//! The name comes out in one form: naming attributes in capitals, no blanks behind commas. A text that is
//! no distinguished name fails. In the original it stands in examples, without a page of its own.
//!
//! ```text
//! CRef([dn])
//!   with dn = "cn=Joe, ou=Sales,dc=contoso,dc=com"
//!   gives "CN=Joe,OU=Sales,DC=contoso,DC=com"
//!
//! CRef([dn])
//!   with dn = "Joe"
//!   fails: expected a distinguished name
//! ```

use super::*;
use lockstep_model::Dn;

pub(super) static FUNCTION: Function =
    Function::new("CRef", &[Parameter::text("dn")], Kind::Text, evaluate).each();

/// Reads the distinguished name in an argument.
pub(super) fn dn(call: &Call<'_>, index: usize) -> Result<Option<Dn>, Stop> {
    let Some(text) = call.text(index)? else {
        return Ok(None);
    };
    match text.parse() {
        Ok(dn) => Ok(Some(dn)),
        Err(_) => Err(call.wrong(
            index,
            "a distinguished name such as CN=Joe,DC=contoso,DC=com",
        )),
    }
}

fn evaluate(call: &Call<'_>) -> Outcome {
    let dn = dn(call, 0)?;
    Ok(dn.map_or(ExpressionValue::Null, |dn| dn.to_string().into()))
}
