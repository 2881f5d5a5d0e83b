//! `cargo xtask docs`: documents that are made of the source, so that they cannot be out of date.
//!
//! Tests beside the sources fail when a committed document is old.

use crate::{figures, output};
use anyhow::{Context as _, bail};
use lockstep_engine::expression::manual::{MARKER, Page, reference};
use lockstep_engine::mapping::manual;
use std::path::Path;

/// The head comments that make the reference of functions, and where it stands.
const FUNCTIONS: &str = "crates/engine/src/expression/functions";
const EXPRESSIONS: &str = "docs/expressions.md";
const MAPPING: &str = "docs/mapping.md";
const TROUBLES: &str = "docs/troubleshooting.md";

/// Writes docs/openapi.json, docs/expressions.md, docs/mapping.md, docs/troubleshooting.md and the figures of
/// README.md.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = lockstep_api::openapi::document().to_pretty_json()?;
    std::fs::write("docs/openapi.json", format!("{document}\n"))?;
    expressions()?;
    let troubles = lockstep_api::troubles::manual();
    behind(TROUBLES, lockstep_api::troubles::MARKER, &troubles)?;
    behind(MAPPING, manual::MARKER, &manual::table())?;
    figures::run()
}

fn expressions() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pages = pages(&root.join(FUNCTIONS))?;
    behind(EXPRESSIONS, MARKER, &reference(&pages))
}

/// Puts into a document what is made of the source, in the place of everything behind the marker.
fn behind(document: &str, marker: &str, made: &str) -> anyhow::Result<()> {
    output::step(&format!("docs: {document}"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(document);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {document}"))?;
    let Some((by_hand, _)) = text.split_once(marker) else {
        bail!("{document}: expected the line `{marker}`");
    };
    std::fs::write(&path, format!("{by_hand}{marker}\n\n{made}"))
        .with_context(|| format!("could not write {document}"))
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
