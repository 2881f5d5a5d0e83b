//! The program from outside: what it says, and what it does with a service of its own.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

mod expression;
mod held;
mod help;
mod output;
mod refusals;
mod service;
mod stand_in;
mod tokens;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with a clean environment and no terminal.
fn lockstep(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .current_dir(std::env::temp_dir());
    command
}

/// Runs it: status, data and words.
fn run(arguments: &[&str]) -> (i32, String, String) {
    told(&lockstep(arguments).output().unwrap())
}

/// The same for a service, found by its folder.
fn run_at(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    told(
        &lockstep(arguments)
            .arg("--data-dir")
            .arg(folder)
            .output()
            .unwrap(),
    )
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
