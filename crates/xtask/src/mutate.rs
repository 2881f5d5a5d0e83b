//! `cargo xtask mutate`: breaks one rule after the other in a copy of the tree, and sees that the simulated
//! histories find it. A rule that nobody would miss is not tested. The copy is built once, with every rule in it
//! as a switch.

use crate::{output, tree};
use anyhow::{Context as _, bail, ensure};
use cargo_metadata::Message;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Where the rules and the ways to break them stand.
const FILE: &str = "crates/testkit/mutations.toml";
/// So many random histories have to find it, or else one of those that the product once got wrong.
const HISTORIES: &str = "10000";
const RANDOM: &str = "in_memory";
const SCRIPTED: &str = "regressions::";
/// What stands in a mutation for the question whether its rule is broken.
const SWITCH: &str = "BROKEN";
/// Where that is answered: all others can see this crate.
const CRATE: &str = "lockstep_model";
/// Which rule is broken, by its number.
const VARIABLE: &str = "LOCKSTEP_BROKEN";
/// The answer.
const SWITCHED: &str = r#"
/// Whether this rule is the one that is broken.
#[must_use]
pub fn broken(rule: usize) -> bool {
    static RULE: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
    let rule_broken = || std::env::var("LOCKSTEP_BROKEN").ok()?.parse().ok();
    *RULE.get_or_init(rule_broken) == Some(rule)
}
"#;

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

/// Breaks the rules whose names begin with this, one by one, or all.
pub(crate) fn run(which: Option<&str>) -> anyhow::Result<()> {
    let root = root()?;
    let mutations = read(&root)?;
    let wanted = |rule: &str| which.is_none_or(|which| rule.starts_with(which));
    ensure!(
        mutations.iter().any(|mutation| wanted(&mutation.rule)),
        "no rule begins so"
    );
    let copy = root.join("target/mutations");
    copy_tree(&root, &copy)?;
    for (number, mutation) in mutations.iter().enumerate() {
        make_breakable(&copy, number, mutation)?;
    }
    add_switch(&copy)?;
    let histories = build(&root, &copy)?;
    let played = play(&histories, None, RANDOM, "1000")?;
    ensure!(
        played.found.is_none(),
        "histories fail with no rule broken: {}",
        played.found.unwrap_or_default()
    );
    let mut survived = Vec::new();
    for (number, Mutation { rule, .. }) in mutations.iter().enumerate() {
        if !wanted(rule) {
            continue;
        }
        let Played { mut found, seconds } = play(&histories, Some(number), RANDOM, HISTORIES)?;
        if found.is_none() {
            found = play(&histories, Some(number), SCRIPTED, HISTORIES)?.found;
        }
        let verdict = match found {
            Some(told) => format!("found after {seconds} s: {told}"),
            None => {
                survived.push(rule.as_str());
                format!("NOT found in {seconds} s")
            }
        };
        output::words(&format!("{rule}\n    {verdict}\n"));
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
    let mut known = BTreeSet::new();
    for name in tree::files(root)? {
        let to = copy.join(&name);
        put(&to, &fs::read(root.join(&name)).context(name)?)?;
        known.insert(to);
    }
    prune(copy, &known)
}

/// Removes what an earlier copy had and this one has not.
fn prune(folder: &Path, known: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            prune(&path, known)?;
        } else if !known.contains(&path) {
            fs::remove_file(&path)?;
        }
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

/// Puts a mutation into the copy: it takes effect when its number is the one that is broken.
fn make_breakable(copy: &Path, number: usize, mutation: &Mutation) -> anyhow::Result<()> {
    for edit in &mutation.edit {
        let path = copy.join(&edit.file);
        let text = broken(&fs::read_to_string(&path)?, edit)?;
        let asked = format!("{CRATE}::broken({number})");
        fs::write(&path, text.replace(SWITCH, &asked))?;
    }
    Ok(())
}

/// Lets the environment say which rule is broken.
fn add_switch(copy: &Path) -> anyhow::Result<()> {
    let path = copy.join("crates/model/src/lib.rs");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, text + SWITCHED)?;
    Ok(())
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

/// Builds the histories in the copy; gives the program.
fn build(root: &Path, copy: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--test", "simulation", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(copy)
        // What is built of the copy must never be taken for what is built of the tree.
        .env("CARGO_TARGET_DIR", root.join("target/mutants"))
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    ensure!(output.status.success(), "the copy does not build");
    let messages = Message::parse_stream(output.stdout.as_slice());
    let programs = messages.filter_map(|message| match message {
        Ok(Message::CompilerArtifact(built)) if built.target.name == "simulation" => {
            built.executable.map(PathBuf::from)
        }
        _ => None,
    });
    programs.last().context("cargo builds no simulation")
}

/// What came of some histories.
struct Played {
    /// The history that failed, if one did.
    found: Option<String>,
    seconds: u64,
}

fn play(histories: &Path, rule: Option<usize>, which: &str, count: &str) -> anyhow::Result<Played> {
    let begun = Instant::now();
    let mut command = Command::new(histories);
    command
        .args([which, "--nocapture"])
        .env("LOCKSTEP_HISTORIES", count);
    if let Some(rule) = rule {
        command.env(VARIABLE, rule.to_string());
    }
    let output = command.output().context("the histories do not start")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let random = text.lines().find(|line| line.starts_with("history "));
    let tests = String::from_utf8_lossy(&output.stdout);
    let scripted = tests
        .lines()
        .find(|line| line.starts_with("test regressions::") && line.ends_with("FAILED"));
    let found = random.or(scripted).filter(|_| !output.status.success());
    ensure!(
        output.status.success() || found.is_some(),
        "the histories failed, and no history tells why:\n{text}"
    );
    Ok(Played {
        found: found.map(str::to_owned),
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
                let switched = edit.replace.contains(SWITCH);
                assert!(switched, "{}: {SWITCH} says when", mutation.rule);
            }
        }
    }
}
