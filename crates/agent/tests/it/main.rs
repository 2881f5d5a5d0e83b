//! The program from outside: what it says, and what it keeps in its directory.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

mod domains;
mod enrolment;
mod help;

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the program with a clean environment and no terminal: status, data and words.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep-agent"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The same for an agent's directory.
fn run_in(state: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut all = arguments.to_vec();
    all.extend(["--state-dir", state.to_str().unwrap()]);
    run(&all)
}
