//! Directory extensions: properties that an administrator names.
//!
//! A [`Property`] refers to a line of the schema, which makes it cheap to copy, and lets values be read by the name of
//! their property wherever they are. The lines of extensions are therefore kept here for as long as the process lives,
//! for all directories in it. So that this stays small, and nobody makes it grow by asking for names:
//!
//! * [`announce`] and [`declare`] are called before and after a directory declares one, which are [`MOST`] at most;
//!   [`retract`] when it gives one up;
//! * [`expect`] is called for what a configuration names that is only looked at; of such names `MOST_EXPECTED` are
//!   kept at most, and nobody finds them by [`Property::find`].

use super::{Definition, Property, SYNCED, Type};
use crate::object::Kind;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// With what the name of each extension begins.
pub const PREFIX: &str = "extension_";
/// How many characters a name may have.
pub const LONGEST_NAME: usize = 120;
/// How many characters a value may have, as in Graph.
pub const LONGEST_VALUE: usize = 256;
/// How many extensions a directory may have, as in Graph.
pub const MOST: usize = 100;
/// How many names may be expected that are not declared.
const MOST_EXPECTED: usize = 1_000;

struct Line {
    definition: &'static Definition,
    declared: bool,
}

static LINES: RwLock<BTreeMap<&'static str, Line>> = RwLock::new(BTreeMap::new());

fn lines() -> RwLockReadGuard<'static, BTreeMap<&'static str, Line>> {
    LINES.read().unwrap_or_else(PoisonError::into_inner)
}

fn lines_to_change() -> RwLockWriteGuard<'static, BTreeMap<&'static str, Line>> {
    LINES.write().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a name is meant to be that of an extension.
#[must_use]
pub fn is_meant(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether an extension can have this name: behind [`PREFIX`] a letter, then letters, digits and `_`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let own = name.strip_prefix(PREFIX).unwrap_or_default();
    name.len() <= LONGEST_NAME
        && own.starts_with(|first: char| first.is_ascii_alphabetic())
        && own.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Makes an extension known that a directory is about to declare: values of it can be made and read back as soon as the
/// declaration is kept, and it is shown to nobody before [`declare`].
pub fn announce(name: &str) {
    put(&mut lines_to_change(), name);
}

/// Makes an extension known that a directory has declared. The caller sees to it that these are [`MOST`] at most.
pub fn declare(name: &str) {
    put(&mut lines_to_change(), name).declared = true;
}

/// Makes it so that nobody finds an extension any more, which a directory has given up. Its line stays, among those that
/// are expected.
pub fn retract(name: &str) {
    if let Some(line) = lines_to_change().get_mut(name) {
        line.declared = false;
    }
}

/// Makes an extension known that a plan is made with: values of it can be made and read back, and it is shown to
/// nobody. Says whether there was room.
#[must_use]
pub fn expect(name: &str) -> bool {
    let mut lines = lines_to_change();
    let expected = lines.values().filter(|line| !line.declared).count();
    let room = lines.contains_key(name) || expected < MOST_EXPECTED;
    if room {
        put(&mut lines, name);
    }
    room
}

/// The extensions that are declared, by name.
pub(super) fn declared(kind: Kind) -> Vec<Property> {
    if !SYNCED.contains(&kind) {
        return Vec::new();
    }
    let lines = lines();
    let declared = lines.values().filter(|line| line.declared);
    declared.map(|line| Property(line.definition)).collect()
}

/// The extension of this name, with whether it is declared.
pub(super) fn named(kind: Kind, name: &str) -> Option<(Property, bool)> {
    let lines = lines();
    let line = lines.get(name).filter(|_| SYNCED.contains(&kind))?;
    Some((Property(line.definition), line.declared))
}

fn put<'a>(lines: &'a mut BTreeMap<&'static str, Line>, name: &str) -> &'a mut Line {
    let name: &'static str = match lines.get_key_value(name) {
        Some((known, _)) => known,
        None => String::from(name).leak(),
    };
    lines.entry(name).or_insert_with(|| Line {
        definition: Box::leak(Box::new(Definition {
            name,
            kinds: SYNCED,
            value: Type::Text,
            default: false,
        })),
        declared: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_underlines_behind_the_prefix() {
        let longest = format!("{PREFIX}{}", "a".repeat(LONGEST_NAME - PREFIX.len()));
        for good in ["extension_a", "extension_a4_", &longest] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "extension_",
            "extension_4a",
            "extension__a",
            "extension_a-b",
            "extension_ä",
            "Extension_a",
            "extensionAttribute1",
            &format!("{longest}a"),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn an_extension_is_found_by_its_very_name_once_it_is_declared() {
        let name = "extension_found_costCenter";
        assert!(Property::find(Kind::User, name).is_none());
        assert!(Property::known(Kind::User, name).is_none());
        assert!(expect(name));
        assert!(Property::find(Kind::User, name).is_none());
        let known = Property::known(Kind::User, name).unwrap();
        declare(name);
        declare(name);
        for kind in [Kind::User, Kind::Group, Kind::Contact] {
            assert_eq!(Property::find(kind, name), Some(known));
        }
        assert_eq!(known.name(), name);
        assert!(known.is_extension() && !known.is_default());
        assert_eq!(known.value_type(), Type::Text);
        assert!(Property::find(Kind::ServicePrincipal, name).is_none());
        let unknown = Property::named(Kind::User, "extension_found_costcenter");
        assert_eq!(unknown.unwrap_err().nearest, name);
    }

    #[test]
    fn an_extension_that_was_given_up_is_found_by_nobody_until_it_is_declared_again() {
        let name = "extension_given_up";
        declare(name);
        retract(name);
        assert!(Property::find(Kind::User, name).is_none());
        assert!(Property::known(Kind::User, name).is_some());
        declare(name);
        assert!(Property::find(Kind::User, name).is_some());
    }

    #[test]
    fn asking_for_names_makes_none() {
        for number in 0..100 {
            let name = format!("extension_asked_{number}");
            assert!(Property::named(Kind::User, &name).is_err());
            assert!(Property::known(Kind::User, &name).is_none());
        }
        assert!(lines().keys().all(|name| !name.contains("asked")));
    }
}
