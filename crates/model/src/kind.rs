//! The kinds of object that are provisioned.

use crate::UnknownWord;
use crate::word::words;

words! {
    /// The kinds of object that have mappings of their own.
    pub enum MappedKind {
        /// Users and inetOrgPersons.
        User = "user",
        /// Groups.
        Group = "group",
        /// Contacts.
        Contact = "contact",
    }
}

/// What is written of an object that is of none of these kinds, or of which the class is not known.
pub const OTHER: &str = "other";

impl MappedKind {
    /// The word for an object of this kind, or of none.
    #[must_use]
    pub fn word_of(kind: Option<Self>) -> &'static str {
        kind.map_or(OTHER, Self::as_str)
    }

    /// Reads what [`MappedKind::word_of`] writes.
    ///
    /// # Errors
    ///
    /// [`UnknownWord`] with all words that there are.
    pub fn of_word(word: &str) -> Result<Option<Self>, UnknownWord> {
        if word == OTHER {
            return Ok(None);
        }
        let known = [Self::WORDS, &[OTHER]].concat();
        let kind = word.parse().map_err(|_| UnknownWord::new(&known, word))?;
        Ok(Some(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_no_kind_has_a_word_too() {
        let kinds = MappedKind::ALL.iter().copied().map(Some);
        for kind in kinds.chain([None]) {
            assert_eq!(MappedKind::of_word(MappedKind::word_of(kind)), Ok(kind));
        }
        assert!("other".parse::<MappedKind>().is_err());
        assert_eq!(
            MappedKind::of_word("usr").unwrap_err().to_string(),
            "expected `user`, `group`, `contact` or `other`, received `usr`"
        );
    }
}
