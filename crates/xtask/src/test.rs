//! `cargo xtask test`: everything that must hold before a change is done.

use crate::{output, setup};
use anyhow::{Context as _, bail};
use std::process::Command;
use std::time::Instant;

/// One step: its name, what cargo is asked, and an environment variable for it.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: Option<(&'static str, &'static str)>,
}

/// The steps, in order; the first that fails ends the run.
const STEPS: [Step; 5] = [
    Step {
        name: "format",
        arguments: &["fmt", "--all", "--check"],
        environment: None,
    },
    Step {
        name: "lints",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        environment: None,
    },
    Step {
        name: "documentation",
        arguments: &["doc", "--workspace", "--no-deps"],
        environment: Some(("RUSTDOCFLAGS", "-D warnings")),
    },
    // The end-to-end tests start the programs themselves.
    Step {
        name: "programs",
        arguments: &["build", "--workspace"],
        environment: None,
    },
    Step {
        name: "tests",
        arguments: &["test", "--workspace"],
        environment: None,
    },
];

pub(crate) fn run() -> anyhow::Result<()> {
    setup::run()?;
    for Step {
        name,
        arguments,
        environment,
    } in STEPS
    {
        output::step(&format!("{name}: cargo {}", arguments.join(" ")));
        let begun = Instant::now();
        let status = Command::new(env!("CARGO"))
            .args(arguments)
            .envs(environment)
            .status()
            .context("cargo could not be started")?;
        if !status.success() {
            bail!("{name} failed after {} s", begun.elapsed().as_secs());
        }
        output::step(&format!("{name} took {} s", begun.elapsed().as_secs()));
    }
    Ok(())
}
