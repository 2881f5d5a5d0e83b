//! Rules about crates: what each may know and link.

use super::{Complaint, Repository};
use anyhow::ensure;
use cargo_metadata::{DependencyKind, Package};
use std::process::Command;

/// What our packages' names begin with.
const OURS: &str = "lockstep-";

/// The rooms of the house, each above those it may know.
const LEVELS: [&[&str]; 6] = [
    &["model"],
    &["ad-proto", "engine", "directory"],
    &["api", "store"],
    &["agent", "server"],
    &["cli"],
    &["oracles", "testkit", "xtask"],
];
/// How many of the levels are the core.
const CORE: usize = 2;
/// How many of the levels have to document all that is public.
const DOCUMENTED: usize = 3;

/// Crates that bring I/O, asynchrony, clocks, random numbers or serialisation.
const IMPURE: [&str; 24] = [
    "aws-lc-rs",
    "async-trait",
    "axum",
    "chrono",
    "futures",
    "futures-util",
    "getrandom",
    "hyper",
    "libc",
    "mio",
    "postgres",
    "rand",
    "rand_core",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "serde",
    "serde_core",
    "serde_json",
    "socket2",
    "tokio",
    "tokio-postgres",
    "tracing",
];
/// What an agent must not bring along.
const SERVICE: [&str; 6] = [
    "axum",
    "lockstep-cli",
    "lockstep-server",
    "lockstep-store",
    "rusqlite",
    "tokio-postgres",
];

fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|rooms| rooms.contains(&room))
}

fn room(package: &Package) -> &str {
    let name = package.name.as_str();
    name.strip_prefix(OURS).unwrap_or(name)
}

fn rooms(levels: usize) -> impl Iterator<Item = &'static str> {
    LEVELS.iter().take(levels).copied().flatten().copied()
}

pub(super) fn arrows(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for package in &repository.metadata.packages {
        let from = room(package);
        if level(from).is_none() {
            let what = "is on no level: give it one in crates/xtask/src/tidy/tiers.rs";
            complaints.push(Complaint::new(package.name.as_str(), what));
        }
        let needed = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .filter_map(|dependency| dependency.name.strip_prefix(OURS));
        complaints.extend(
            needed
                .filter(|to| !is_downward(from, to))
                .map(|to| Complaint::new(from, format!("must not depend on {to}"))),
        );
    }
    Ok(complaints)
}

/// Whether one room may know another. The agent is above the store, and must not know it all the same.
fn is_downward(from: &str, to: &str) -> bool {
    let developers = LEVELS.len() - 1;
    match (level(from), level(to)) {
        _ if (from, to) == ("agent", "store") => false,
        (Some(from), Some(to)) if from == developers => to <= from,
        (Some(from), Some(to)) => to < from,
        _ => false,
    }
}

pub(super) fn core_is_pure(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for room in rooms(CORE) {
        complaints.extend(links_one_of(repository, room, &IMPURE)?);
    }
    Ok(complaints)
}

pub(super) fn agent_stands_alone(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    links_one_of(repository, "agent", &SERVICE)
}

/// What of `unwanted` a room links, by itself or through others, with the features it has alone.
fn links_one_of(
    repository: &Repository,
    room: &str,
    unwanted: &[&str],
) -> anyhow::Result<Vec<Complaint>> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}",
        ])
        .args(["--package", &format!("{OURS}{room}")])
        .current_dir(&repository.root)
        .output()?;
    let words = String::from_utf8_lossy(&tree.stderr);
    ensure!(tree.status.success(), "cargo tree failed: {words}");
    let text = String::from_utf8(tree.stdout)?;
    let mut linked: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| unwanted.contains(name))
        .collect();
    linked.sort_unstable();
    linked.dedup();
    Ok(linked
        .into_iter()
        .map(|name| Complaint::new(room, format!("must not link {name}")))
        .collect())
}

pub(super) fn core_lints(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let file = |room: &str| format!("crates/{room}/clippy.toml");
    let common = repository.read("clippy.toml")?;
    let mut complaints = Vec::new();
    let mut first: Option<(String, String)> = None;
    for room in rooms(CORE) {
        let own = file(room);
        let Ok(text) = repository.read(&own) else {
            complaints.push(Complaint::new(own, "is missing"));
            continue;
        };
        // The file of a crate replaces that of the workspace, so it has to repeat it.
        for line in common.lines().filter(|line| !text.contains(line)) {
            let what = format!("lacks the workspace's `{line}`");
            complaints.push(Complaint::new(own.clone(), what));
        }
        match &first {
            Some((name, known)) if *known != text => {
                complaints.push(Complaint::new(own, format!("differs from {name}")));
            }
            Some(_) => {}
            None => first = Some((own, text)),
        }
    }
    Ok(complaints)
}

pub(super) fn documentation_is_required(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for room in rooms(DOCUMENTED) {
        let file = format!("crates/{room}/src/lib.rs");
        if !repository.read(&file)?.contains("#![deny(missing_docs") {
            complaints.push(Complaint::new(file, "lacks `#![deny(missing_docs)]`"));
        }
    }
    Ok(complaints)
}

pub(super) fn dependencies_are_used(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for package in &repository.metadata.packages {
        let folder = format!("crates/{}/", room(package));
        let mut sources = String::new();
        for file in repository
            .with_ending(".rs")
            .filter(|file| file.starts_with(&folder))
        {
            sources.push_str(&repository.read(file)?);
        }
        complaints.extend(
            package
                .dependencies
                .iter()
                .filter(|dependency| {
                    // A few crates are called in code by their name without the dash.
                    let with = |between| dependency.name.replace('-', between);
                    !names(&sources, &with("_")) && !names(&sources, &with(""))
                })
                .map(|dependency| {
                    let what = format!("depends on {} and does not use it", dependency.name);
                    Complaint::new(room(package), what)
                }),
        );
    }
    Ok(complaints)
}

/// Whether a source names a crate, as a word of its own.
fn names(sources: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    sources.match_indices(name).any(|(at, _)| {
        let before = sources[..at].chars().next_back();
        let behind = sources[at + name.len()..].chars().next();
        !before.is_some_and(is_part) && !behind.is_some_and(is_part)
    })
}

pub(super) fn packages_are_described(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for package in &repository.metadata.packages {
        let name = package.name.as_str();
        if package.description.as_deref().is_none_or(str::is_empty) {
            complaints.push(Complaint::new(name, "has no description"));
        }
        if package.license.is_none() {
            complaints.push(Complaint::new(name, "has no licence"));
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upward_or_sideward_arrow_is_seen() {
        for (from, to) in [
            ("agent", "api"),
            ("cli", "server"),
            ("engine", "model"),
            ("xtask", "testkit"),
        ] {
            assert!(is_downward(from, to), "{from} -> {to}");
        }
        for (from, to) in [
            ("model", "engine"),
            ("engine", "directory"),
            ("store", "api"),
            ("agent", "store"),
            ("agent", "server"),
            ("api", "server"),
            ("server", "testkit"),
            ("server", "nonsense"),
        ] {
            assert!(!is_downward(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn a_crate_is_used_where_it_stands_as_a_word() {
        assert!(names("use serde_json::Value;", "serde_json"));
        assert!(!names("use serde_json::Value;", "serde"));
        assert!(!names("let miserde = 1;", "serde"));
    }

    #[test]
    fn a_linked_crate_is_seen_through_others() {
        let repository = Repository::open().unwrap();
        let complaints = links_one_of(&repository, "server", &["tokio", "libsqlite3-sys"]).unwrap();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
    }
}
