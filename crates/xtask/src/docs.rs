//! `cargo xtask docs`: what is generated, so that it cannot be older than what it tells of.

use crate::figures;
use std::fs;

/// Writes docs/openapi.json and the figures of README.md.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = lockstep_api::openapi::document().to_pretty_json()?;
    fs::write("docs/openapi.json", format!("{document}\n"))?;
    figures::run()
}
