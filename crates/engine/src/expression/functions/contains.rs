//! # Contains(attribute, text, [caseType])
//!
//! Which value of a list contains a text: its number, counted from 1, or 0.
//!
//! Case matters unless the third argument is `CaseInsensitive`. Active Directory keeps values without
//! an order; Lockstep reads them sorted, capitals before small letters. In the original it stands in
//! examples, without a page of its own.
//!
//! ```text
//! Contains([proxyAddresses], "SMTP:")
//!   with proxyAddresses = "EUM:1", "SMTP:ada@corp.test", "smtp:al@corp.test"
//!   gives 2
//!
//! Mid(Item([proxyAddresses], Contains([proxyAddresses], "SMTP:")), 6)
//!   with proxyAddresses = "SMTP:ada@corp.test", "smtp:al@corp.test"
//!   gives "ada@corp.test"
//!
//! IIF(Contains([proxyAddresses], "SMTP:") > 0, [proxyAddresses], Error("No primary SMTP address found."))
//!   with proxyAddresses = "smtp:al@corp.test"
//!   fails: No primary SMTP address found.
//!
//! Contains([proxyAddresses], "SMTP:", CaseInsensitive)
//!   with proxyAddresses = "smtp:al@corp.test"
//!   gives 1
//! ```

use super::*;
use crate::expression::casing::Culture;

pub(super) static FUNCTION: Function = Function::new(
    "Contains",
    &[
        Parameter::any("attribute"),
        Parameter::text("text"),
        Parameter::word("caseType", &["CaseSensitive", "CaseInsensitive"]).optional(),
    ],
    Kind::Number,
    evaluate,
);

fn evaluate(call: &Call<'_>) -> Outcome {
    let fold = |text: String| Culture::Invariant.upper(&text);
    let any_case = call.word(2)? == Some("CaseInsensitive");
    let Some(searched) = call.text(1)? else {
        return Ok(ExpressionValue::Integer(0));
    };
    let searched = if any_case { fold(searched) } else { searched };
    let values = call.list(0)?;
    let found = values.iter().position(|value| {
        value.as_text().is_some_and(|text| {
            let text = if any_case { fold(text) } else { text };
            text.contains(&searched)
        })
    });
    Ok(number(found.map_or(0, |index| index + 1)))
}
