//! # NormalizeDiacritics(source)
//!
//! Replaces letters with accents and the like by plain ones, for user names and addresses.
//!
//! Accents are taken off; `ß` becomes `ss`, `æ` `ae`, `ø` and `œ` `oe`, `ł` `l`, `ı` `i`, and `đ`, `ħ` and
//! `ŧ`, which the original's table lacks, become `d`, `h` and `t`. Letters of other scripts stay.
//!
//! ```text
//! NormalizeDiacritics([givenName])
//!   with givenName = "Zoë"
//!   gives "Zoe"
//!
//! NormalizeDiacritics("Łukasz Ærøskøbing-Straße İı ǟ ḗ Ǣ")
//!   gives "Lukasz AEroeskoebing-Strasse Ii a e AE"
//! ```

use super::*;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

pub(super) static FUNCTION: Function = Function::new(
    "NormalizeDiacritics",
    &[Parameter::text("source")],
    Kind::Text,
    evaluate,
)
.each();

fn evaluate(call: &Call<'_>) -> Outcome {
    match call.text(0)? {
        Some(text) => call.result(plain(&text)),
        None => Ok(ExpressionValue::Null),
    }
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in DecomposingNormalizerBorrowed::new_nfd()
        .normalize(text)
        .chars()
    {
        match letters(c) {
            Some(letters) => plain.push_str(letters),
            None if is_accent(c) => {}
            None => plain.push(c),
        }
    }
    // Marks of other scripts go back onto their letters.
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(&plain)
        .into_owned()
}

/// The blocks of marks that are put on Latin letters.
const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Letters that Unicode does not take for a letter with a mark.
const fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'ø' | 'œ' => "oe",
        'Ø' | 'Œ' => "OE",
        'ł' => "l",
        'Ł' => "L",
        'ı' => "i",
        'đ' => "d",
        'Đ' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' => "t",
        'Ŧ' => "T",
        _ => return None,
    })
}
