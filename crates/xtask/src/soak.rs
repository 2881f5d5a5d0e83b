//! `cargo xtask soak`: simulated histories for as long as there is time, and many kills of the real programs.

use crate::{output, setup};
use anyhow::{Context as _, ensure};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// The tests of histories, and which part of the time each gets, in percent.
const PARTS: [(&str, u64); 2] = [("in_memory", 85), ("on_sqlite", 15)];
/// How often service and agent are killed over two thousand users, however long that takes.
const KILLS: &str = "200";
/// The test that kills them.
const KILLING: &str = "service_and_agent_are_killed_at_random_instants_over_two_thousand_users";

/// Plays histories for so many minutes, from this seed on or from one that was never used before; then kills the
/// real programs. Tells at the end how many histories and kills there were.
pub(crate) fn run(minutes: u64, seed: Option<u64>) -> anyhow::Result<()> {
    setup::run()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let fresh = now.map_or(1, |since| since.as_secs().saturating_mul(1_000_000));
    let seed = seed.unwrap_or(fresh);
    let mut counts = Vec::new();
    for (test, part) in PARTS {
        let seconds = (minutes * 60 * part).div_ceil(100);
        output::step(&format!(
            "histories {test} for {seconds} s, from seed {seed} on"
        ));
        let told = play(
            "simulation",
            test,
            &[
                ("LOCKSTEP_SOAK_SECONDS", &seconds.to_string()),
                ("LOCKSTEP_FIRST_SEED", &seed.to_string()),
            ],
            |line| line.contains(" histories on "),
        );
        counts.push(told.context(
            "a history broke a rule; it is told above, with the seed that plays it again",
        )?);
    }
    output::step(&format!("{KILLS} kills of the real programs"));
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace"])
        .status();
    ensure!(
        built.context("cargo could not be started")?.success(),
        "the programs could not be built"
    );
    let told = play(
        "it",
        KILLING,
        &[
            ("LOCKSTEP_KILLS", KILLS),
            ("LOCKSTEP_SEED", &seed.to_string()),
        ],
        |line| line.contains(" kills over "),
    );
    counts.push(
        told.context(
            "a kill left something behind; LOCKSTEP_SEED and LOCKSTEP_KILLS play it again",
        )?,
    );
    output::step("all rules held");
    for count in counts {
        output::words(&format!("{count}\n"));
    }
    Ok(())
}

/// Runs one test to its end, and passes on what it tells; gives the line with its count.
fn play(
    binary: &str,
    test: &str,
    environment: &[(&str, &str)],
    is_count: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    let mut child = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--workspace"])
        .args(["--test", binary, test, "--", "--nocapture"])
        .envs(environment.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo could not be started")?;
    let mut count = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            output::words(&format!("{line}\n"));
            if is_count(&line) {
                count = Some(line);
            }
        }
    }
    ensure!(child.wait()?.success(), "{test} failed");
    count.with_context(|| format!("{test} has told no count"))
}
