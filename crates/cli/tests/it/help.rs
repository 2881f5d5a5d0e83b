//! Help, version and completions.

use crate::{lockstep, run};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The help of a command and of everything below it, with the words that lead there.
fn all_help(path: &[String], found: &mut Vec<(String, String)>) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let (status, help, words) = run(&arguments);
    assert_eq!((status, words.as_str()), (0, ""), "{arguments:?}");
    found.push((format!("lockstep {}", path.join(" ")), help.clone()));
    let commands = help.split("\nCommands:\n").nth(1).unwrap_or("");
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        let Some(name) = line
            .split_whitespace()
            .next()
            .filter(|name| is_name && *name != "help")
        else {
            continue;
        };
        let mut below = path.to_vec();
        below.push(name.to_owned());
        all_help(&below, found);
    }
}

fn everything() -> Vec<(String, String)> {
    let mut found = Vec::new();
    all_help(&[], &mut found);
    found
}

/// The command lines below `Example:`, each on one line again where the page is too narrow for it.
fn examples(help: &str) -> Vec<String> {
    let (_, shown) = help.split_once("\nExample").unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for line in shown.lines().skip(1) {
        match (line.starts_with("  lockstep "), lines.last_mut()) {
            (false, Some(last)) => last.push_str(&format!(" {}", line.trim())),
            _ => lines.push(line.trim().to_owned()),
        }
    }
    lines
}

#[test]
fn every_command_says_what_it_is_for_and_shows_an_example() {
    let found = everything();
    assert!(found.len() > 30, "{}", found.len());
    for (command, help) in &found[1..] {
        let examples = examples(help);
        assert!(!examples.is_empty(), "{command} has no example");
        for line in examples {
            assert!(line.starts_with(command.trim()), "{command}: {line}");
        }
        assert!(help.contains("--output"), "{command} does not take -o json");
    }
}

#[test]
fn an_example_is_a_command_line_that_the_program_understands() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_lockstep"));
    let folder = program.parent().unwrap().to_str().unwrap();
    for line in everything().iter().flat_map(|(_, help)| examples(help)) {
        // With `--help` at the end everything before it is read, and nothing is done.
        let line = line.split(" > ").next().unwrap();
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{line} --help")])
            .env_clear()
            .env("PATH", folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn help_reads_like_this() {
    let pages: Vec<String> = everything()
        .into_iter()
        .map(|(command, help)| format!("$ {} --help\n{help}", command.trim()))
        .collect();
    // How wide the terminal is must not matter, nor what somebody has set.
    insta::assert_snapshot!("help", pages.join("\n\n"));
}

#[test]
fn the_version_is_told_at_every_command() {
    let version = concat!("lockstep ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&["--version"]), (0, version.into(), String::new()));
    assert_eq!(run(&["agent", "list", "--version"]).0, 0);
}

#[test]
fn completions_are_scripts_of_their_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, words) = run(&["completions", shell]);
        assert_eq!((status, words.as_str()), (0, ""));
        for command in ["configuration", "completions", "deletes", "--data-dir"] {
            let named = command.trim_start_matches('-');
            assert!(script.contains(named), "{shell} does not know {command}");
        }
    }
    // Bash itself reads what it is given.
    let script = lockstep(&["completions", "bash"]).output().unwrap().stdout;
    let mut bash = Command::new("bash")
        .args(["--noprofile", "--norc", "-s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all(&script).unwrap();
    input
        .write_all(b"\nCOMP_WORDS=(lockstep conf); COMP_CWORD=1\n_lockstep lockstep conf lockstep\necho \"${COMPREPLY[@]}\"\n")
        .unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "configuration\n");
}
