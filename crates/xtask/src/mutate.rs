//! `cargo xtask mutate`: breaks one rule after the other in a copy of the tree, and sees that the simulated
//! histories find it. A rule that nobody would miss is not tested.

use crate::output;
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Where the rules and the ways to break them stand.
const FILE: &str = "crates/testkit/mutations.toml";
/// So many histories have to find it.
const HISTORIES: &str = "10000";

#[derive(Deserialize)]
struct File {
    mutation: Vec<Mutation>,
}

/// A rule, and what has to be changed to break it.
#[derive(Deserialize)]
struct Mutation {
    rule: String,
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    file: PathBuf,
    find: String,
    replace: String,
}

/// Breaks the rules whose names begin with this, or all.
pub(crate) fn run(which: Option<&str>) -> anyhow::Result<()> {
    let root = root()?;
    let wanted = |mutation: &Mutation| which.is_none_or(|which| mutation.rule.starts_with(which));
    let mutations: Vec<Mutation> = read(&root)?.into_iter().filter(wanted).collect();
    ensure!(!mutations.is_empty(), "no rule begins so");
    let copy = root.join("target/mutations");
    copy_tree(&root, &copy)?;
    let mut survived = Vec::new();
    for mutation in &mutations {
        if !found(&root, &copy, mutation)? {
            survived.push(mutation.rule.as_str());
        }
    }
    match survived.is_empty() {
        true => Ok(()),
        false => bail!(
            "nobody noticed when these were broken:\n{}",
            survived.join("\n")
        ),
    }
}

fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2);
    Ok(root.context("the workspace has a root")?.to_owned())
}

fn read(root: &Path) -> anyhow::Result<Vec<Mutation>> {
    let text = fs::read_to_string(root.join(FILE)).context(FILE)?;
    let file: File = toml::from_str(&text).context(FILE)?;
    Ok(file.mutation)
}

/// Copies every file that git knows, as it is in the working tree.
fn copy_tree(root: &Path, copy: &Path) -> anyhow::Result<()> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("git could not be started")?;
    ensure!(listed.status.success(), "git does not list the files");
    for name in listed.stdout.split(|byte| *byte == 0) {
        let name = std::str::from_utf8(name)?;
        let from = root.join(name);
        if name.is_empty() || !from.is_file() {
            continue;
        }
        let to = copy.join(name);
        put(&to, &fs::read(&from).with_context(|| name.to_owned())?)?;
    }
    Ok(())
}

/// Writes a file that is not so already: what is as it was need not be built again.
fn put(to: &Path, content: &[u8]) -> anyhow::Result<()> {
    if fs::read(to).is_ok_and(|known| known == content) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
    fs::write(to, content).with_context(|| to.display().to_string())
}

/// Breaks one rule in the copy, plays histories, and mends it again.
fn found(root: &Path, copy: &Path, mutation: &Mutation) -> anyhow::Result<bool> {
    for edit in &mutation.edit {
        let path = copy.join(&edit.file);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, broken(&text, edit)?)?;
    }
    let played = play(root, copy);
    for edit in &mutation.edit {
        fs::copy(root.join(&edit.file), copy.join(&edit.file))?;
    }
    let Played {
        failed,
        told,
        seconds,
    } = played?;
    let verdict = match failed {
        true => format!("found after {seconds} s: {told}"),
        false => format!("NOT found in {seconds} s"),
    };
    output::words(&format!("{}\n    {verdict}\n", mutation.rule));
    Ok(failed)
}

fn broken(text: &str, edit: &Edit) -> anyhow::Result<String> {
    let times = text.matches(&edit.find).count();
    ensure!(
        times == 1,
        "{} has {times} times what is to be replaced there:\n{}",
        edit.file.display(),
        edit.find
    );
    Ok(text.replace(&edit.find, &edit.replace))
}

struct Played {
    failed: bool,
    told: String,
    seconds: u64,
}

fn play(root: &Path, copy: &Path) -> anyhow::Result<Played> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command
            .args([
                "test",
                "--quiet",
                "--package",
                "lockstep-testkit",
                "--test",
                "simulation",
            ])
            .args(arguments)
            .current_dir(copy)
            // Dependencies are built already.
            .env("CARGO_TARGET_DIR", root.join("target"))
            .env("LOCKSTEP_HISTORIES", HISTORIES);
        command
    };
    let built = cargo(&["--no-run"]).output()?;
    if !built.status.success() {
        bail!(
            "the broken tree does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
    }
    let begun = Instant::now();
    let output = cargo(&["in_memory", "--", "--nocapture"]).output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = text.lines().find(|line| line.starts_with("history "));
    Ok(Played {
        // A run that failed without a history failed for another reason.
        failed: !output.status.success() && told.is_some(),
        told: told.unwrap_or("no history tells").to_owned(),
        seconds: begun.elapsed().as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_fits_the_code_as_it_is() {
        let root = root().unwrap();
        for mutation in read(&root).unwrap() {
            for edit in &mutation.edit {
                let text = fs::read_to_string(root.join(&edit.file)).unwrap();
                let changed = broken(&text, edit).unwrap_or_else(|error| {
                    panic!("{}: {error}", mutation.rule);
                });
                assert_ne!(changed, text, "{}", mutation.rule);
            }
        }
    }
}
