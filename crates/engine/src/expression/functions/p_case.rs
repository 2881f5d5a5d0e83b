//! # PCase(source, [wordSeparators])
//!
//! The first letter of each word in upper case, all others in lower case.
//!
//! With separators, a word begins behind each of these characters. Without, it begins as .NET's
//! `ToTitleCase` has it: behind blanks, punctuation and symbols, but not behind an apostrophe, and words in
//! capitals are no exception.
//!
//! ```text
//! PCase([firstName])
//!   with firstName = "PABLO GONSALVES (SECOND)"
//!   gives "Pablo Gonsalves (Second)"
//!
//! PCase([lastName], " '-")
//!   with lastName = "PINTO-DE'SILVA"
//!   gives "Pinto-De'Silva"
//!
//! PCase(Join(" ", [firstName], [lastName]))
//!   with firstName = "GREGORY"
//!   with lastName = "JAMES"
//!   gives "Gregory James"
//!
//! PCase("o'neil smith-jones")
//!   gives "O'neil Smith-Jones"
//!
//! PCase("smith-jones", " ")
//!   gives "Smith-jones"
//! ```

use super::*;
use crate::expression::casing::Culture;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory as Category;

pub(super) static FUNCTION: Function = Function::new(
    "PCase",
    &[
        Parameter::text("source"),
        Parameter::text("wordSeparators").optional(),
    ],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    let Some(text) = call.text(0)? else {
        return Ok(ExpressionValue::Null);
    };
    let separators = call.text(1)?;
    let mut in_word = false;
    let lower = Culture::Invariant.lower(&text);
    let cased = lower.chars().map(|c| {
        let begins = !in_word;
        in_word = match &separators {
            Some(separators) => !separators.contains(c),
            // A word begins with its first letter.
            None if in_word => c == '\'' || !separates(c),
            None => c.is_alphabetic(),
        };
        match begins && in_word {
            true => Culture::Invariant.upper_char(c),
            false => c,
        }
    });
    call.result(cased.collect())
}

/// Whether .NET takes it for the end of a word.
fn separates(c: char) -> bool {
    matches!(
        CodePointMapData::<Category>::new().get(c),
        Category::SpaceSeparator
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::Control
            | Category::Format
            | Category::ConnectorPunctuation
            | Category::DashPunctuation
            | Category::OpenPunctuation
            | Category::ClosePunctuation
            | Category::InitialPunctuation
            | Category::FinalPunctuation
            | Category::OtherPunctuation
            | Category::MathSymbol
            | Category::CurrencySymbol
            | Category::ModifierSymbol
            | Category::OtherSymbol
    )
}
