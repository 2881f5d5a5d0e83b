//! `cargo xtask soak`: simulated histories for as long as there is time.

use crate::output;
use anyhow::{Context as _, ensure};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The tests, and which part of the time each gets, in percent.
const PARTS: [(&str, u64); 2] = [("in_memory", 85), ("on_sqlite", 15)];

/// Plays histories for so many minutes, from this seed on or from one that was never used before.
pub(crate) fn run(minutes: u64, seed: Option<u64>) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let fresh = now.map_or(1, |since| since.as_secs().saturating_mul(1_000_000));
    let seed = seed.unwrap_or(fresh);
    for (test, part) in PARTS {
        let seconds = (minutes * 60 * part).div_ceil(100);
        output::step(&format!(
            "histories {test} for {seconds} s, from seed {seed} on"
        ));
        let status = Command::new(env!("CARGO"))
            .args(["test", "--quiet", "--workspace"])
            .args(["--test", "simulation", test, "--", "--nocapture"])
            .env("LOCKSTEP_SOAK_SECONDS", seconds.to_string())
            .env("LOCKSTEP_FIRST_SEED", seed.to_string())
            .status()
            .context("cargo could not be started")?;
        ensure!(
            status.success(),
            "a history broke a rule; it is told above, with the seed that plays it again"
        );
    }
    Ok(())
}
