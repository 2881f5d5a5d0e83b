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

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the original.
    #[test]
    fn every_letter_becomes_what_the_original_makes_of_it() {
        for (letters, expected) in [
            ("ä à â ã å á ą ă ā ā́ ā̀ ā̂ ā̃ ǟ ā̈ ǡ a̱ å̄", "a"),
            ("Ä À Â Ã Å Á Ą Ă Ā Ā́ Ā̀ Ā̂ Ā̃ Ǟ Ā̈ Ǡ A̱ Å̄", "A"),
            ("æ ǣ", "ae"),
            ("Æ Ǣ", "AE"),
            ("ç č ć c̄ c̱", "c"),
            ("Ç Č Ć C̄ C̱", "C"),
            ("ď d̄ ḏ", "d"),
            ("Ď D̄ Ḏ", "D"),
            ("ë è é ê ę ě ė ē ḗ ḕ ē̂ ē̃ ê̄ e̱ ë̄ e̊̄", "e"),
            ("Ë È É Ê Ę Ě Ė Ē Ḗ Ḕ Ē̂ Ē̃ Ê̄ E̱ Ë̄ E̊̄", "E"),
            ("ğ ḡ g̱", "g"),
            ("Ğ Ḡ G̱", "G"),
            ("ï î ì í ı ī ī́ ī̀ ī̂ ī̃ i̱", "i"),
            ("Ï Î Ì Í İ Ī Ī́ Ī̀ Ī̂ Ī̃ I̱", "I"),
            ("ľ ł l̄ ḹ ḻ", "l"),
            ("Ł Ľ L̄ Ḹ Ḻ", "L"),
            ("ñ ń ň n̄ ṉ", "n"),
            ("Ñ Ń Ň N̄ Ṉ", "N"),
            ("ö ò ő õ ô ó ō ṓ ṑ ō̂ ō̃ ȫ ō̈ ǭ ȭ ȱ o̱", "o"),
            ("Ö Ò Ő Õ Ô Ó Ō Ṓ Ṑ Ō̂ Ō̃ Ȫ Ō̈ Ǭ Ȭ Ȱ O̱", "O"),
            ("ø ø̄ œ̄", "oe"),
            ("Ø Ø̄ Œ̄", "OE"),
            ("ř r̄ ṟ ṝ", "r"),
            ("Ř R̄ Ṟ Ṝ", "R"),
            ("ß", "ss"),
            ("š ś ș ş s̄ s̱", "s"),
            ("Š Ś Ș Ş S̄ S̱", "S"),
            ("ť ț t̄ ṯ", "t"),
            ("Ť Ț T̄ Ṯ", "T"),
            ("ü ù û ú ů ű ū ū́ ū̀ ū̂ ū̃ u̇̄ ǖ ṻ ṳ̄ u̱", "u"),
            ("Ü Ù Û Ú Ů Ű Ū Ū́ Ū̀ Ū̂ Ū̃ U̇̄ Ǖ Ṻ Ṳ̄ U̱", "U"),
            ("ÿ ý ȳ ȳ́ ȳ̀ ȳ̃ y̱", "y"),
            ("Ÿ Ý Ȳ Ȳ́ Ȳ̀ Ȳ̃ Y̱", "Y"),
            ("ź ž ż z̄ ẕ", "z"),
            ("Ź Ž Ż Z̄ Ẕ", "Z"),
        ] {
            for letter in letters.split(' ') {
                assert_eq!(plain(letter), expected, "{letter}");
            }
        }
        assert_eq!(plain("がぎ 한국 יִ"), "がぎ 한국 יִ");
    }
}
