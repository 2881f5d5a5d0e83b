//! Data on stdout, words on stderr: the only place that prints.
#![expect(
    clippy::print_stderr,
    reason = "the one place where the program speaks"
)]

use crate::failure::Failure;
use comfy_table::presets;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
}

/// Where a command's data and words go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether somebody is looking.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Prints data: as JSON, or as `lines` makes it for people.
    pub(crate) fn data<T: Serialize>(
        &self,
        data: &T,
        lines: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(data),
            Format::Table => self.raw(lines(data).as_bytes()),
        }
    }

    pub(crate) fn json<T: Serialize>(&self, data: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(data).map_err(|error| Failure::of(&error))?;
        self.raw(format!("{text}\n").as_bytes())
    }

    /// Prints one document on one line, for streams of them.
    pub(crate) fn json_line<T: Serialize>(&self, data: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(data).map_err(|error| Failure::of(&error))?;
        self.raw(format!("{text}\n").as_bytes())
    }

    /// Prints bytes. Whoever reads may stop reading (`| head`): that is no failure.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("could not print: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Says something to the person.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("{text}");
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        eprintln!("error: {failure}");
    }

    /// Refuses when there is nobody to ask.
    pub(crate) fn can_ask(&self) -> Result<(), Failure> {
        if io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Failure::usage(
            "nothing was changed: there is no terminal to ask on; answer with --yes",
        ))
    }

    /// Asks for a yes, unless it was given. Without a terminal nobody can answer, and nothing is changed.
    pub(crate) fn confirm(&self, question: &str, yes: bool) -> Result<bool, Failure> {
        if yes {
            return Ok(true);
        }
        self.can_ask()?;
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        read.map_err(|error| Failure::new(format!("could not read the answer: {error}")))?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}

/// Rows below a heading, in columns.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heading);
    for row in rows {
        table.add_row(row);
    }
    let text = table.to_string();
    let lines = text.lines().map(str::trim_end);
    let lines: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    format!("{}\n", lines.join("\n"))
}

/// Names and values, one below the other.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    fields
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}\n"))
        .collect()
}
