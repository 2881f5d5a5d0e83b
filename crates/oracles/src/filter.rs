//! `$filter` and `$search` of the directory.

use lockstep_directory::Kind;
use lockstep_directory::query::{Filter, ObjectFields, lookups, search};

const KINDS: [Kind; 4] = [
    Kind::User,
    Kind::Group,
    Kind::Contact,
    Kind::ServicePrincipal,
];

/// A filter is understood or refused, and a refusal points into the text.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let end = text.chars().count() + 1;
    for kind in KINDS {
        for read in [Filter::parse(text, &ObjectFields(kind)), search(kind, text)] {
            match read {
                // How to find what fits can be said of whatever was understood.
                Ok(filter) => drop(lookups(&filter)),
                Err(error) => {
                    let position = error.position;
                    assert!(
                        (1..=end).contains(&position),
                        "character {position} of {end}"
                    );
                }
            }
        }
    }
}
