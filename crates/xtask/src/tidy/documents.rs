//! Rules about documents.

use super::{Complaint, Repository};
use crate::figures;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The map of the code: paths that it names have to be there.
const MAP: &str = "ARCHITECTURE.md";
const DEPENDENCIES: &str = "docs/dependencies.md";
const GLOSSARY: &str = "docs/glossary.md";

/// What is of interest in a document.
#[derive(Debug, Default)]
struct Document {
    links: Vec<String>,
    code: Vec<String>,
    /// What headings are linked by.
    anchors: BTreeSet<String>,
    /// The first cell of each row of its tables.
    first_cells: Vec<String>,
}

impl Document {
    fn read(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        let options = pulldown_cmark::Options::ENABLE_TABLES;
        for event in Parser::new_ext(text, options) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    document
                        .anchors
                        .extend(heading.take().map(|text| anchor(&text)));
                }
                Event::Text(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                    document.code.push(text.into_string());
                }
                _ => {}
            }
        }
        document.first_cells = first_cells(text);
        document
    }
}

/// How a heading is linked: small letters, hyphens between words, nothing else.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The first cell of each row below a table's rule.
fn first_cells(text: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut within = false;
    for line in text.lines() {
        match line.strip_prefix('|') {
            Some(row) if row.starts_with("---") => within = true,
            Some(row) if within => cells.extend(row.split('|').next().map(|c| c.trim().to_owned())),
            Some(_) => {}
            None => within = false,
        }
    }
    cells
}

pub(super) fn links_resolve(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in repository.with_ending(".md") {
        let document = Document::read(&repository.read(file)?);
        for link in &document.links {
            if let Some(what) = dead(repository, file, link)? {
                complaints.push(Complaint::new(file, what));
            }
        }
        if file == MAP {
            let paths = document.code.iter().filter(|text| is_path(text));
            complaints.extend(
                paths
                    .filter(|path| !repository.exists(Path::new(path)))
                    .map(|path| Complaint::new(file, format!("names {path}, which is not there"))),
            );
        }
    }
    Ok(complaints)
}

fn is_path(text: &str) -> bool {
    let roots = ["crates/", "docs/", "fuzz/", "packaging/", ".ci/"];
    roots.iter().any(|root| text.starts_with(root)) && !text.contains([' ', '*'])
}

/// Why a link leads nowhere, if it does.
fn dead(repository: &Repository, file: &str, link: &str) -> anyhow::Result<Option<String>> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(None);
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => PathBuf::from(file),
        path => beside(file, path),
    };
    if !repository.exists(&target) {
        return Ok(Some(format!(
            "links to {link}, and there is no {}",
            target.display()
        )));
    }
    let target = target.display().to_string();
    if fragment.is_empty() || !target.ends_with(".md") {
        return Ok(None);
    }
    let document = Document::read(&repository.read(&target)?);
    Ok((!document.anchors.contains(fragment))
        .then(|| format!("links to {link}, and {target} has no such heading")))
}

/// A path as it is meant in a file.
fn beside(file: &str, path: &str) -> PathBuf {
    let mut target = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::CurDir => {}
            other => target.push(other),
        }
    }
    target
}

pub(super) fn dependencies_are_explained(
    repository: &Repository,
) -> anyhow::Result<Vec<Complaint>> {
    let used: BTreeSet<String> = repository
        .metadata
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| dependency.path.is_none())
        .map(|dependency| dependency.name.clone())
        .collect();
    let manifest = repository.read("Cargo.toml")?;
    let explained = names(&Document::read(&repository.read(DEPENDENCIES)?));
    let missing = used.iter().filter(|name| !explained.contains(*name));
    let missing = missing.map(|name| format!("lacks {name} with its reason"));
    let mut foreign = String::new();
    for file in ["package.json", "requirements.txt"] {
        for path in repository.with_ending(file) {
            foreign.push_str(&repository.read(path)?);
        }
    }
    // What nobody uses yet may be explained, as long as the workspace has it; so may what tests get from
    // elsewhere.
    let known = |name: &&String| {
        used.contains(*name)
            || foreign.to_lowercase().contains(&name.to_lowercase())
            || manifest
                .lines()
                .any(|line| line.starts_with(&format!("{name} =")))
            || repository.read("fuzz/Cargo.toml").is_ok_and(|fuzz| {
                fuzz.lines()
                    .any(|line| line.starts_with(&format!("{name} =")))
            })
    };
    let gone = explained.iter().filter(|name| !known(name));
    let gone = gone.map(|name| format!("explains {name}, which nothing depends on"));
    Ok(missing
        .chain(gone)
        .map(|what| Complaint::new(DEPENDENCIES, what))
        .collect())
}

/// The crates that the first cells of a table name: `a, b (pinned) with c`.
fn names(document: &Document) -> BTreeSet<String> {
    document
        .first_cells
        .iter()
        .flat_map(|cell| cell.split([',', ' ']))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.starts_with('(') && !name.ends_with(')'))
        .filter(|name| !matches!(*name, "with" | "and"))
        .map(str::to_owned)
        .collect()
}

pub(super) fn glossary_is_true(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let document = Document::read(&repository.read(GLOSSARY)?);
    let mut sources = String::new();
    for file in repository.with_ending(".rs") {
        sources.push_str(&repository.read(file)?);
    }
    let is_type = |name: &&String| name.starts_with(char::is_uppercase);
    Ok(document
        .code
        .iter()
        .filter(is_type)
        .filter(|name| !defines(&sources, name))
        .map(|name| {
            Complaint::new(
                GLOSSARY,
                format!("names the type `{name}`, which nobody defines"),
            )
        })
        .collect())
}

fn defines(sources: &str, name: &str) -> bool {
    ["struct", "enum", "trait", "type"].iter().any(|kind| {
        let definition = format!("{kind} {name}");
        sources.match_indices(&definition).any(|(at, _)| {
            let after = sources[at + definition.len()..].chars().next();
            after.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        })
    })
}

pub(super) fn figures_are_current(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let readme = repository.read("README.md")?;
    let benchmarks = repository.read("docs/benchmarks.md")?;
    Ok(match figures::taken_over(&readme, &benchmarks) {
        Some(text) if text == readme => Vec::new(),
        Some(_) => vec![Complaint::new(
            "README.md",
            "has other figures than docs/benchmarks.md; `cargo xtask docs` takes them over",
        )],
        None => vec![Complaint::new(
            "README.md",
            "lacks the marks between which figures stand",
        )],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_its_links_headings_code_and_first_cells() {
        let document = Document::read(
            "# One `two`: three\n\n[a](b.md#c) ![d](e.png)\n\n| x | y |\n|---|---|\n| p, q | `R` |\n\n\
             `crates/model`\n",
        );
        assert_eq!(document.links, ["b.md#c", "e.png"]);
        assert!(
            document.anchors.contains("one-two-three"),
            "{:?}",
            document.anchors
        );
        assert_eq!(document.code, ["two", "R", "crates/model"]);
        assert_eq!(document.first_cells, ["p, q"]);
        let names: Vec<String> = names(&document).into_iter().collect();
        assert_eq!(names, ["p", "q"]);
    }

    #[test]
    fn a_dead_link_is_seen() {
        let repository = Repository::open().unwrap();
        let dead = |link: &str| super::dead(&repository, "docs/install.md", link).unwrap();
        assert_eq!(dead("permissions.md"), None);
        assert_eq!(dead("../README.md#figures"), None);
        assert_eq!(dead("https://example.com/nonsense"), None);
        assert!(dead("nonsense.md").is_some());
        assert!(dead("../README.md#nonsense").is_some());
        assert!(dead("#nonsense").is_some());
    }

    #[test]
    fn a_type_that_nobody_defines_is_seen() {
        let sources = "pub struct Held { }\nenum HeldDelete<T> {}";
        assert!(defines(sources, "Held") && defines(sources, "HeldDelete"));
        assert!(!defines(sources, "HeldDel") && !defines(sources, "Other"));
    }
}
