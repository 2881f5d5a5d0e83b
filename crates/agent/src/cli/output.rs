//! Data on stdout: the only place that prints.

use super::{Cli, Failure, Shell};
use crate::check::Report;
use clap::CommandFactory as _;
use serde::Serialize;
use std::io::{self, Write as _};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
}

/// Prints data as JSON.
pub(super) fn json<T: Serialize>(data: &T) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(data).map_err(|error| Failure::new(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// Prints rows below a heading, in columns.
pub(super) fn table<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
) -> Result<(), Failure> {
    let mut widths = heading.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heading.map(str::to_owned)).chain(rows) {
        let cells = row.iter().zip(widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    print(&text)
}

/// Prints what was checked: one line each, the remedy below.
pub(super) fn checks(report: &Report, format: OutputFormat) -> Result<(), Failure> {
    if format == OutputFormat::Json {
        return json(report);
    }
    let mut text = String::new();
    for check in &report.checks {
        let subject = check.subject();
        text.push_str(&format!(
            "{:4}  {subject}: {}\n",
            check.status.name(),
            check.message
        ));
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("      remedy: {remedy}\n"));
        }
    }
    print(&text)
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        "lockstep-agent",
        &mut io::stdout(),
    );
}

/// Prints text. Whoever reads may stop reading (`| head`): that is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("could not print: {error}")))
        }
        _ => Ok(()),
    }
}
