//! `cargo xtask docs`: documents that are made of the source, so that they cannot be out of date.
//!
//! Tests beside the sources fail when a committed document is old.

use crate::{figures, output};
use anyhow::{Context as _, bail};
use lockstep_engine::expression::manual::{MARKER, Page, reference};
use std::path::Path;

/// The head comments that make the reference of functions, and where it stands.
const FUNCTIONS: &str = "crates/engine/src/expression/functions";
const EXPRESSIONS: &str = "docs/expressions.md";
const TROUBLES: &str = "docs/troubleshooting.md";

/// Writes docs/openapi.json, docs/expressions.md, docs/troubleshooting.md and the figures of README.md.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = lockstep_api::openapi::document().to_pretty_json()?;
    std::fs::write("docs/openapi.json", format!("{document}\n"))?;
    expressions()?;
    troubleshooting()?;
    figures::run()
}

/// Everything behind the marker is made of the table of codes.
fn troubleshooting() -> anyhow::Result<()> {
    output::step(&format!("docs: {TROUBLES}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(TROUBLES);
    let document =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {TROUBLES}"))?;
    let marker = lockstep_api::troubles::MARKER;
    let Some((introduction, _)) = document.split_once(marker) else {
        bail!("{TROUBLES}: expected the line `{marker}`");
    };
    let manual = lockstep_api::troubles::manual();
    std::fs::write(&path, format!("{introduction}{marker}\n\n{manual}"))
        .with_context(|| format!("could not write {TROUBLES}"))
}

fn expressions() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    output::step(&format!("docs: {EXPRESSIONS}"));
    let pages = pages(&root.join(FUNCTIONS))?;
    let path = root.join(EXPRESSIONS);
    let document =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {EXPRESSIONS}"))?;
    let Some((introduction, _)) = document.split_once(MARKER) else {
        bail!("{EXPRESSIONS}: expected the line `{MARKER}`");
    };
    let document = format!("{introduction}{MARKER}\n\n{}", reference(&pages));
    std::fs::write(&path, document).with_context(|| format!("could not write {EXPRESSIONS}"))
}

fn pages(folder: &Path) -> anyhow::Result<Vec<Page>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("could not read {}", folder.display()))?;
    entries
        .map(|entry| {
            let path = entry?.path();
            let source = std::fs::read_to_string(&path)?;
            Page::read(&source).with_context(|| path.display().to_string())
        })
        .collect()
}
