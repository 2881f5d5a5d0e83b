//! Text in the form in which it is compared.

use unicode_normalization::UnicodeNormalization as _;

/// Composed (NFC), and without regard to the case of letters, in any script and without regard to locale. What a text begins
/// with, its folded form begins with too.
#[must_use]
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    let lower = composed.to_lowercase().to_uppercase().to_lowercase();
    // Changing case can take a letter apart. A sigma is one letter wherever it stands in a word.
    lower
        .nfc()
        .map(|c| if c == '\u{3c2}' { '\u{3c3}' } else { c })
        .collect()
}

/// [`folded`], without blanks around it: how names are compared.
#[must_use]
pub fn fold(text: &str) -> String {
    folded(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_people_take_for_equal_are_equal() {
        for (a, b) in [
            ("Ada@Corp.test", " ada@corp.TEST "),
            ("Stra\u{df}e", "STRASSE"),
            ("J\u{f6}rg", "jo\u{308}rg"),
            (
                "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
                "\u{3a3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}",
            ),
        ] {
            assert_eq!(fold(a), fold(b), "{a} and {b}");
        }
        assert_ne!(fold("ada"), fold("bob"));
    }

    #[test]
    fn folding_twice_is_folding_once() {
        assert_eq!(folded(" Ada "), " ada ");
        for text in [
            "\u{130}stanbul",
            "\u{1e9e}",
            "\u{fb01}n",
            "\u{1f88}x",
            "a\u{345}",
        ] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }
}
