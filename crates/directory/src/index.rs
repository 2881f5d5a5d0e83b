//! Under which words an object can be found.
//!
//! What is unique is found by its owner ([`unique`](crate::unique)). This is the index for the rest: the
//! properties by which people and programs look for somebody. Of a display name each further word is
//! indexed too, so that everybody called Lovelace is found without reading the others.

use crate::object::Object;
use crate::schema::Property;
use crate::text::fold;
use std::collections::BTreeSet;

/// What is indexed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Indexed {
    /// `displayName`. An object without one stands here under no text, so that all are here.
    DisplayName,
    /// `displayName` from each of its further words on.
    FurtherWords,
    /// `mail`.
    Mail,
    /// `onPremisesSamAccountName`.
    SamAccountName,
    /// `employeeId`.
    EmployeeId,
    /// `onPremisesSecurityIdentifier`: by it members from other forests are found.
    SecurityIdentifier,
    /// The names of a user's roles.
    Role,
}

/// One entry of the index.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Term {
    /// What is indexed.
    pub indexed: Indexed,
    /// The text, as [`term_text`] makes it.
    pub text: String,
}

/// How many letters of a text are indexed.
const LONGEST: usize = 120;
/// How many words of a text can be searched for.
const WORDS: usize = 16;

impl Indexed {
    /// The index of a property, if it has one.
    #[must_use]
    pub fn of(property: Property) -> Option<Self> {
        match property.name() {
            "displayName" => Some(Self::DisplayName),
            "mail" => Some(Self::Mail),
            "onPremisesSamAccountName" => Some(Self::SamAccountName),
            "employeeId" => Some(Self::EmployeeId),
            "onPremisesSecurityIdentifier" => Some(Self::SecurityIdentifier),
            _ => None,
        }
    }
}

/// A text as it stands in the index: folded, and cut when it is long. Two texts that are equal, or of
/// which one begins with the other, are so in this form too; not the reverse.
#[must_use]
pub fn term_text(text: &str) -> String {
    cut(&fold(text)).to_owned()
}

fn cut(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(LONGEST)
        .map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// The first sixteen words of a folded text, each with all that follows it. A word begins with a letter or
/// digit that follows something else.
#[must_use]
pub fn words(folded: &str) -> Vec<&str> {
    let mut inside = false;
    let mut words = Vec::new();
    for (at, c) in folded.char_indices() {
        let letter = c.is_alphanumeric();
        if letter && !inside {
            words.extend(folded.get(at..));
            if words.len() == WORDS {
                break;
            }
        }
        inside = letter;
    }
    words
}

/// The entries of an object. A deleted one has none.
#[must_use]
pub fn terms(object: &Object) -> BTreeSet<Term> {
    let mut terms = BTreeSet::new();
    if object.deleted.is_some() {
        return terms;
    }
    let mut add = |indexed, text: &str| {
        let text = text.to_owned();
        terms.insert(Term { indexed, text });
    };
    let name = fold(object.text("displayName").unwrap_or_default());
    add(Indexed::DisplayName, cut(&name));
    for word in words(&name)
        .into_iter()
        .filter(|word| word.len() < name.len())
    {
        add(Indexed::FurtherWords, cut(word));
    }
    for (indexed, property) in [
        (Indexed::Mail, "mail"),
        (Indexed::SamAccountName, "onPremisesSamAccountName"),
        (Indexed::EmployeeId, "employeeId"),
        (Indexed::SecurityIdentifier, "onPremisesSecurityIdentifier"),
    ] {
        if let Some(text) = object.text(property) {
            add(indexed, &term_text(text));
        }
    }
    for role in &object.roles {
        add(Indexed::Role, role.name());
    }
    terms
}

/// Whether a property of an object has a word that begins so; `prefix` is folded.
#[must_use]
pub(crate) fn has_word(folded: &str, prefix: &str) -> bool {
    folded.starts_with(prefix) || words(folded).iter().any(|word| word.starts_with(prefix))
}

/// The first of an object's entries that begins with a text: the one at which it is listed when a search
/// passes several.
#[must_use]
pub fn first_with(object: &Object, indexed: Indexed, prefix: &str) -> Option<Term> {
    let mut terms = terms(object).into_iter();
    terms.find(|term| term.indexed == indexed && term.text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use lockstep_model::ids::ObjectId;
    use lockstep_model::{Guid, PropertyValue, Timestamp};

    fn named(name: &str) -> Object {
        let mut object = Object::new(ObjectId::new(Guid::NIL), Kind::User, Timestamp::default());
        let property = Property::named(Kind::User, "displayName").unwrap();
        object
            .values
            .insert(property, PropertyValue::Text(name.to_owned()));
        object
    }

    fn texts(name: &str) -> Vec<String> {
        terms(&named(name))
            .into_iter()
            .map(|term| term.text)
            .collect()
    }

    #[test]
    fn a_display_name_is_found_from_each_of_its_words_on() {
        let expected = ["ada o'neil-smith", "neil-smith", "o'neil-smith", "smith"];
        assert_eq!(texts("Ada O'Neil-Smith"), expected);
        assert_eq!(texts(""), [""]);
        assert_eq!(texts("  (Ada)"), ["(ada)", "ada)"]);
    }

    #[test]
    fn long_names_are_cut_and_have_a_bounded_number_of_entries() {
        let numbered: Vec<String> = (0..1_000).map(|n| format!("word{n}")).collect();
        let terms = texts(&numbered.join(" "));
        assert_eq!(terms.len(), WORDS);
        assert!(terms.iter().all(|text| text.chars().count() <= LONGEST));
        assert_eq!(term_text(&"\u{e4}".repeat(500)).chars().count(), LONGEST);
    }

    #[test]
    fn an_object_is_listed_at_its_first_entry() {
        let object = named("Ada Adams Adair");
        let first = |prefix| first_with(&object, Indexed::FurtherWords, prefix).map(|t| t.text);
        assert_eq!(first("ad").as_deref(), Some("adair"));
        assert_eq!(first("adam").as_deref(), Some("adams adair"));
        assert_eq!(first("ada "), None);
        assert_eq!(first("bob"), None);
    }
}
