//! # ToLower(source, [culture])
//!
//! In lower case.
//!
//! Letters change one by one, as in .NET: `ß` has no capital. Without a culture the rules are those of no
//! language; with `tr` or `az` those of Turkish, which knows i with and without a dot.
//!
//! ```text
//! ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", [PreferredFirstName], [PreferredLastName]))), "contoso.com"))
//!   with PreferredFirstName = "John"
//!   with PreferredLastName = "Smith"
//!   gives "john.smith@contoso.com"
//!
//! ToLower("IDA", "tr-TR")
//!   gives "ıda"
//! ```

use super::*;
use crate::expression::casing::Culture;

pub(super) static FUNCTION: Function = Function::new("ToLower", &PARAMETERS, Kind::Text, |call| {
    change(call, Culture::lower)
})
.each()
.checked(check);

/// Those of both cases.
pub(super) const PARAMETERS: [Parameter; 2] = [
    Parameter::text("source"),
    Parameter::text("culture").optional(),
];

/// Refuses a culture that cannot be one.
pub(super) fn check(given: &Given<'_>) -> Result<Option<Pattern>, ArgumentError> {
    let known = |tag: &str| Culture::parse(tag).is_some();
    given.text_is(1, known, Culture::EXPECTED)?;
    Ok(None)
}

/// The text in the other case.
pub(super) fn change(call: &Call<'_>, change: fn(Culture, &str) -> String) -> Outcome {
    let Some(text) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let culture = Culture::parse(&call.text(1)?.unwrap_or_default());
    let culture = culture.ok_or_else(|| call.wrong(1, Culture::EXPECTED))?;
    call.result(change(culture, &text))
}
