//! README.md shows the figures of docs/benchmarks.md, between two marks.

use anyhow::{Context as _, ensure};
use std::fs;

const BEGIN: &str = "<!-- figures: `cargo xtask docs` takes them from docs/benchmarks.md -->\n";
const END: &str = "<!-- end of figures -->";

/// Takes the figures over.
pub(crate) fn run() -> anyhow::Result<()> {
    let readme = fs::read_to_string("README.md")?;
    let benchmarks = fs::read_to_string("docs/benchmarks.md")?;
    let text = taken_over(&readme, &benchmarks)
        .with_context(|| format!("README.md lacks the marks {} and {END}", BEGIN.trim()))?;
    ensure!(text.contains('|'), "docs/benchmarks.md holds no table");
    fs::write("README.md", text)?;
    Ok(())
}

/// `readme` with the tables of `benchmarks` between the marks; none without them.
pub(crate) fn taken_over(readme: &str, benchmarks: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let table: Vec<&str> = benchmarks
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .collect();
    Some(format!(
        "{before}{BEGIN}\n{}\n\n{END}{after}",
        table.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_table_replaces_what_stands_between_the_marks() {
        let readme = format!("# A\n\n{BEGIN}old\n{END}\n\nend\n");
        let text = taken_over(&readme, "# B\n\n| a |\n|---|\n| 1 |\n\nwords\n\n| b |\n").unwrap();
        assert_eq!(
            text,
            format!("# A\n\n{BEGIN}\n| a |\n|---|\n| 1 |\n\n{END}\n\nend\n")
        );
        assert_eq!(taken_over(&text, "| a |\n|---|\n| 1 |\n"), Some(text));
        assert_eq!(taken_over("no marks", "| a |"), None);
    }
}
