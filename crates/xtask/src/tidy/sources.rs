//! Rules about source files.

use super::{Complaint, Repository};
use std::collections::BTreeSet;

/// What cargo takes for the root of a target, and not for a module.
const ROOTS: [&str; 3] = ["lib.rs", "main.rs", "build.rs"];

pub(super) fn modules_are_documented(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in repository.with_ending(".rs") {
        if !is_documented(&repository.read(file)?) {
            complaints.push(Complaint::new(
                file,
                "does not begin with a `//!` that says what it is for",
            ));
        }
    }
    Ok(complaints)
}

fn is_documented(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with("#!["))
        .is_some_and(|line| line.starts_with("//! "))
}

pub(super) fn no_file_is_forgotten(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let files: BTreeSet<&str> = repository.with_ending(".rs").collect();
    let mut complaints = Vec::new();
    for file in &files {
        let Some((parents, module)) = parents(file) else {
            continue;
        };
        let Some(parent) = parents
            .iter()
            .find(|parent| files.contains(parent.as_str()))
        else {
            let what = format!("is a module of nobody: expected {}", parents.join(" or "));
            complaints.push(Complaint::new(*file, what));
            continue;
        };
        if !declares(&repository.read(parent)?, module) {
            let what = format!("is not among the modules of {parent}: it is never compiled");
            complaints.push(Complaint::new(*file, what));
        }
    }
    Ok(complaints)
}

/// The files of which one must declare this file as a module, and the module's name; none for the root
/// of a target.
fn parents(file: &str) -> Option<(Vec<String>, &str)> {
    let (folder, name) = file.rsplit_once('/')?;
    let module = name.strip_suffix(".rs")?;
    let last = folder.rsplit('/').next().unwrap_or(folder);
    if ROOTS.contains(&name) || matches!(last, "benches" | "examples" | "bin" | "tests") {
        return None;
    }
    let beside = ["lib.rs", "main.rs"].map(|root| format!("{folder}/{root}"));
    let mut parents = vec![format!("{folder}.rs")];
    parents.extend(beside);
    Some((parents, module))
}

fn declares(text: &str, module: &str) -> bool {
    let wanted = format!("mod {module};");
    text.lines().any(|line| {
        line.trim_end()
            .strip_suffix(&wanted)
            .is_some_and(|before| before.is_empty() || before.ends_with(' '))
    })
}

pub(super) fn no_machine_paths(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in &repository.files {
        // Bytes for fuzzing are no text of ours.
        if file.starts_with("fuzz/corpus/") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(repository.root.join(file)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(path) = machine_path(line) {
                let what = format!("names {path}, which is somebody's own");
                complaints.push(Complaint::new(format!("{file}:{}", number + 1), what));
            }
        }
    }
    Ok(complaints)
}

/// A home folder or a work folder that the line names.
fn machine_path(line: &str) -> Option<&'static str> {
    // Written in two parts, so that this file keeps its own rule.
    const PATHS: [&str; 4] = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/wo", "rk/"),
        concat!("/Us", "ers/"),
    ];
    let is_path = |path: &str| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"._-}{)/".contains(c))
        })
    };
    PATHS.into_iter().find(|path| is_path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_documentation_is_seen() {
        assert!(is_documented("//! What it is for.\nuse x;\n"));
        assert!(is_documented("#![no_main]\n\n//! What it is for.\n"));
        assert!(!is_documented("use x;\n//! Too late.\n"));
        assert!(!is_documented("// Not for readers.\n"));
        assert!(!is_documented(""));
    }

    #[test]
    fn a_file_has_to_be_declared_by_the_one_above_it() {
        let (above, module) = parents("crates/x/src/a/b.rs").unwrap();
        assert_eq!(
            above,
            [
                "crates/x/src/a.rs",
                "crates/x/src/a/lib.rs",
                "crates/x/src/a/main.rs"
            ]
        );
        assert_eq!(module, "b");
        let (above, _) = parents("crates/x/tests/it/a.rs").unwrap();
        assert!(above.contains(&"crates/x/tests/it/main.rs".to_owned()));
        assert_eq!(parents("crates/x/src/lib.rs"), None);
        assert_eq!(parents("crates/x/benches/rows.rs"), None);
        assert!(declares("mod a;\npub(crate) mod b;\n", "b"));
        assert!(declares("    pub mod b;", "b"));
        assert!(!declares("mod ab;\n// mod b is gone\n", "b"));
    }

    #[test]
    fn a_path_of_a_machine_is_seen() {
        let home = concat!("/ho", "me/ada/x");
        assert!(machine_path(&format!("cp {home} .")).is_some());
        assert!(machine_path(&format!("\"{home}\"")).is_some());
        assert!(machine_path(&format!("https://example.com{home}")).is_none());
        assert!(machine_path("/var/lib/lockstep").is_none());
    }
}
