//! Everything that a developer does with the project: `cargo xtask`.

mod bench;
mod demo;
mod docs;
mod setup;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Everything that a developer does with the project
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Menu {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch a sample Active Directory forest arrive in a cloud directory
    Demo {
        /// End when all of it has been shown
        #[arg(long)]
        then_stop: bool,
    },
    /// Install what tests, demo and benchmarks need, and prepare the test bed
    Setup,
    /// Measure, and write docs/benchmarks.md
    Bench,
    /// Make the documents that are made of the source
    Docs,
    /// Check format, lints and documentation, and run all tests
    Test,
}

fn main() -> ExitCode {
    let result = match Menu::parse().command {
        Command::Bench => bench::run(),
        Command::Demo { then_stop } => demo::run(then_stop),
        Command::Docs => docs::run(),
        Command::Setup => setup::run(),
        Command::Test => test::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}

mod output;
