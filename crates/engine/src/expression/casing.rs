//! Upper and lower case as .NET makes them: character by character, so that "ß" stays "ß".

/// Whose rules decide what the other case of a letter is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Culture {
    /// Nobody's: dotted capital I and dotless small i have no other case.
    #[default]
    Invariant,
    /// Turkish and Azerbaijani: i and İ, ı and I are pairs.
    Turkic,
    /// Any other language.
    Other,
}

impl Culture {
    /// What a culture looks like.
    pub(super) const EXPECTED: &'static str = "a culture such as \"de-DE\" (RFC 4646)";

    /// Reads a language tag. An empty one is [`Culture::Invariant`].
    pub(super) fn parse(tag: &str) -> Option<Self> {
        if tag.is_empty() {
            return Some(Self::Invariant);
        }
        let mut subtags = tag.split('-');
        let language = subtags.next()?;
        let letters = language.chars().all(|c| c.is_ascii_alphabetic());
        let well_formed = |subtag: &str| {
            (1..=8).contains(&subtag.len()) && subtag.chars().all(|c| c.is_ascii_alphanumeric())
        };
        if !letters || !(2..=3).contains(&language.len()) || !subtags.all(well_formed) {
            return None;
        }
        Some(match language.to_ascii_lowercase().as_str() {
            "tr" | "az" => Self::Turkic,
            _ => Self::Other,
        })
    }

    /// The text in lower case.
    pub(super) fn lower(self, text: &str) -> String {
        let lower = |c| match (c, self) {
            ('\u{130}', Self::Invariant) => '\u{130}',
            ('\u{130}', _) => 'i',
            ('I', Self::Turkic) => '\u{131}',
            (c, _) => single(c, c.to_lowercase()),
        };
        text.chars().map(lower).collect()
    }

    /// The text in upper case.
    pub(super) fn upper(self, text: &str) -> String {
        text.chars().map(|c| self.upper_char(c)).collect()
    }

    /// The letter in upper case.
    pub(super) fn upper_char(self, c: char) -> char {
        match (c, self) {
            ('\u{131}', Self::Invariant) => '\u{131}',
            ('i', Self::Turkic) => '\u{130}',
            (c, _) => single(c, c.to_uppercase()),
        }
    }
}

/// The other case, if that is one letter; else the letter itself.
fn single(c: char, mut other: impl Iterator<Item = char>) -> char {
    match (other.next(), other.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_change_one_by_one() {
        assert_eq!(Culture::Invariant.upper("straße ŉ éı"), "STRAßE ŉ Éı");
        assert_eq!(Culture::Invariant.lower("ÀÉİ"), "àéİ");
        assert_eq!(Culture::Turkic.upper("iı"), "İI");
        assert_eq!(Culture::Turkic.lower("Iİ"), "ıi");
        assert_eq!(Culture::Other.lower("Iİ"), "ii");
    }

    #[test]
    fn cultures_are_told_by_their_language() {
        assert_eq!(Culture::parse("tr-TR"), Some(Culture::Turkic));
        assert_eq!(Culture::parse("zh-Hant-TW"), Some(Culture::Other));
        assert_eq!(Culture::parse(""), Some(Culture::Invariant));
        for wrong in ["d", "german", "de_DE", "de-", "12", "de-ÄÖ"] {
            assert_eq!(Culture::parse(wrong), None, "{wrong}");
        }
    }
}
