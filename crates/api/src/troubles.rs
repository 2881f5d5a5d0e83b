//! Every code that an error or a decision bears, with its cause and its remedy: `docs/troubleshooting.md` is made
//! of it, and `cargo xtask tidy` sees that no code is forgotten.

mod domains;
mod objects;
mod requests;

use std::fmt::Write as _;

/// Behind this line of `docs/troubleshooting.md` stands what [`manual`] makes.
pub const MARKER: &str =
    "<!-- From here on made of crates/api/src/troubles, by `cargo xtask docs` -->";

/// A code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Its stable name in CamelCase.
    pub code: &'static str,
    /// What it means.
    pub cause: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Codes that are met in the same place.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Where they are met.
    pub title: &'static str,
    /// How they come to be there.
    pub about: &'static str,
    /// The codes.
    pub troubles: &'static [Trouble],
}

/// All codes.
pub const SECTIONS: [Section; 5] = [
    Section {
        title: "A cycle did not succeed",
        about: "`lockstep configuration show NAME` and `lockstep cycle list NAME` show the code as the error of the \
                cycle. Nobody is deleted because a cycle failed.",
        troubles: &domains::CYCLES,
    },
    Section {
        title: "The domain cannot be read",
        about: "The agent says it of its domain controller: as the error of a cycle, and in `lockstep-agent check`.",
        troubles: &domains::CONTROLLERS,
    },
    Section {
        title: "An object was left out, or could not be provisioned",
        about: "`lockstep log --object NAME` shows the code with the reason in full.",
        troubles: &objects::OBJECTS,
    },
    Section {
        title: "A password is not taken over",
        about: "`lockstep log --object NAME` and the counts of a cycle tell of them.",
        troubles: &objects::PASSWORDS,
    },
    Section {
        title: "A command or a request was refused",
        about: "The code stands behind the message of a command, and in the problem document of a request. Nothing \
                was changed.",
        troubles: &requests::REQUESTS,
    },
];

/// What is known of a code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Trouble> {
    let mut all = SECTIONS.iter().flat_map(|section| section.troubles);
    all.find(|trouble| trouble.code == code)
}

/// All sections as Markdown.
#[must_use]
pub fn manual() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        // Writing to a text does not fail.
        let _ = write!(text, "## {}\n\n{}\n\n", section.title, section.about);
        text.push_str("| code | what it means | what to do |\n|---|---|---|\n");
        for Trouble {
            code,
            cause,
            remedy,
        } in section.troubles
        {
            let _ = writeln!(text, "| `{code}` | {cause} | {remedy} |");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Writes one entry short.
const fn trouble(code: &'static str, cause: &'static str, remedy: &'static str) -> Trouble {
    Trouble {
        code,
        cause,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_code_stands_once_and_tells_cause_and_remedy_in_one_line() {
        let mut known = BTreeSet::new();
        for trouble in SECTIONS.iter().flat_map(|section| section.troubles) {
            assert!(known.insert(trouble.code), "{} stands twice", trouble.code);
            for text in [trouble.cause, trouble.remedy] {
                assert!(!text.is_empty(), "{}", trouble.code);
                assert!(!text.contains(['\n', '|']), "{}: {text}", trouble.code);
            }
        }
        assert_eq!(find("DiskFull").map(|found| found.code), Some("DiskFull"));
        assert_eq!(find("diskfull"), None);
    }
}
