//! `cargo xtask fuzz`: libFuzzer makes up input for the oracles.
//!
//! Runs on the pinned stable toolchain: coverage comes from an LLVM pass that stable rustc has, and memory
//! errors need no sanitizer where `unsafe` is forbidden. Panics, overflows, endless loops and too much
//! memory are what is looked for.

use crate::output;
use anyhow::{Context as _, bail, ensure};
use lockstep_oracles::{ORACLES, Oracle, named};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes a program tell libFuzzer which code an input has reached.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg=fuzzing",
];
/// An input that takes longer, in seconds, is a find.
const SLOWEST: u32 = 10;
/// So is one that takes more memory, in MiB.
const LARGEST: u32 = 512;

/// Fuzzes one target, or all of them one after the other.
pub(crate) fn run(target: Option<&str>, minutes: u64) -> anyhow::Result<()> {
    let oracles = match target {
        None => ORACLES.to_vec(),
        Some(name) => vec![named(name).with_context(|| unknown(name))?],
    };
    let program = build()?;
    for oracle in oracles {
        fuzz(&program, oracle, minutes)?;
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = ORACLES.iter().map(|oracle| oracle.name).collect();
    format!("there is no target {name}; there are {}", names.join(", "))
}

fn build() -> anyhow::Result<PathBuf> {
    output::step("the fuzzer, built for coverage");
    let host = host()?;
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"])
        // With the target named, build scripts and macros stay as they are.
        .args(["--target", &host, "--target-dir", "fuzz/target"])
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"))
        .status()?;
    ensure!(status.success(), "the fuzzer could not be built");
    let program = Path::new("fuzz/target").join(host).join("release");
    Ok(program.join("lockstep-fuzz"))
}

/// What machine this is, as rustc names it.
fn host() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

fn fuzz(program: &Path, oracle: Oracle, minutes: u64) -> anyhow::Result<()> {
    let name = oracle.name;
    output::step(&format!("{name}, for {minutes} minutes"));
    // What is found on the way is kept for the next run, but not in the repository.
    let found = Path::new("fuzz/target/found").join(name);
    let seeds = Path::new("fuzz/corpus").join(name);
    let artifacts = Path::new("fuzz/artifacts").join(name);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder)?;
    }
    let status = Command::new(program)
        .arg(&found)
        .arg(&seeds)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-timeout={SLOWEST}"))
        .arg(format!("-rss_limit_mb={LARGEST}"))
        .arg("-print_final_stats=1")
        .env("LOCKSTEP_FUZZ_TARGET", name)
        .status()?;
    if !status.success() {
        bail!(
            "{name} broke: the input is in {}. Mend the reader and keep the input in {}, where the tests \
             replay it",
            artifacts.display(),
            seeds.display()
        );
    }
    Ok(())
}
