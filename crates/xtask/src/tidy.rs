//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! Each rule is a function from the [`Repository`] to [`Complaint`]s, and a test of this crate, so that
//! `cargo test` finds what `cargo xtask tidy` finds. What clippy and rustc can check stands in `Cargo.toml`
//! and the `clippy.toml` of each core crate, not here.

mod documents;
mod sources;
mod tiers;
mod troubles;

use crate::{output, tree};
use anyhow::{Context as _, bail};
use cargo_metadata::{Metadata, MetadataCommand};
use std::fmt;
use std::path::{Path, PathBuf};

/// A rule of the house, told in one sentence.
struct Rule {
    sentence: &'static str,
    check: fn(&Repository) -> anyhow::Result<Vec<Complaint>>,
}

const RULES: [Rule; 15] = [
    Rule {
        sentence: "arrows between crates point downward",
        check: tiers::arrows,
    },
    Rule {
        sentence: "core crates link no runtime, socket, clock, random number or serde crate",
        check: tiers::core_is_pure,
    },
    Rule {
        sentence: "the agent links nothing of the server",
        check: tiers::agent_stands_alone,
    },
    Rule {
        sentence: "core crates share one clippy.toml",
        check: tiers::core_lints,
    },
    Rule {
        sentence: "core and boundary crates deny missing documentation",
        check: tiers::documentation_is_required,
    },
    Rule {
        sentence: "every package uses what it depends on",
        check: tiers::dependencies_are_used,
    },
    Rule {
        sentence: "every package says what it is",
        check: tiers::packages_are_described,
    },
    Rule {
        sentence: "every module begins with its documentation",
        check: sources::modules_are_documented,
    },
    Rule {
        sentence: "every source file is a module of another",
        check: sources::no_file_is_forgotten,
    },
    Rule {
        sentence: "no file names a path of somebody's machine",
        check: sources::no_machine_paths,
    },
    Rule {
        sentence: "links and paths in documents lead somewhere",
        check: documents::links_resolve,
    },
    Rule {
        sentence: "every dependency stands in docs/dependencies.md, and nothing else does",
        check: documents::dependencies_are_explained,
    },
    Rule {
        sentence: "types that the glossary names exist",
        check: documents::glossary_is_true,
    },
    Rule {
        sentence: "docs/troubleshooting.md is made of the table of codes, which knows every code and no others",
        check: troubles::are_told,
    },
    Rule {
        sentence: "the figures of README.md are those of docs/benchmarks.md",
        check: documents::figures_are_current,
    },
];

/// What breaks a rule, and where.
#[derive(Debug, Eq, PartialEq)]
struct Complaint {
    place: String,
    what: String,
}

impl Complaint {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The repository as it lies on disk.
struct Repository {
    root: PathBuf,
    /// Every file that git knows or would take, relative to the root, with `/` between folders.
    files: Vec<String>,
    metadata: Metadata,
}

impl Repository {
    fn open() -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        Ok(Self {
            files: tree::files(&root)?.into_iter().collect(),
            root,
            metadata,
        })
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.root.join(file))
            .with_context(|| format!("could not read {file}"))
    }

    fn exists(&self, path: &Path) -> bool {
        self.root.join(path).exists()
    }

    fn with_ending(&self, ending: &str) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .map(String::as_str)
            .filter(move |file| file.ends_with(ending))
    }
}

/// Checks every rule; fails when one is broken.
pub(crate) fn run() -> anyhow::Result<()> {
    let repository = Repository::open()?;
    let mut broken = 0;
    for rule in &RULES {
        let complaints = (rule.check)(&repository)?;
        let mark = if complaints.is_empty() {
            "ok  "
        } else {
            "FAIL"
        };
        output::words(&format!("{mark}  {}\n", rule.sentence));
        for complaint in &complaints {
            output::words(&format!("        {complaint}\n"));
        }
        broken += usize::from(!complaints.is_empty());
    }
    match broken {
        0 => Ok(()),
        1 => bail!("one rule is broken"),
        _ => bail!("{broken} rules are broken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let repository = Repository::open().unwrap();
        let broken: Vec<String> = RULES
            .iter()
            .flat_map(|rule| {
                let complaints = (rule.check)(&repository).unwrap();
                complaints
                    .into_iter()
                    .map(|complaint| format!("{}\n  {complaint}", rule.sentence))
            })
            .collect();
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }
}
