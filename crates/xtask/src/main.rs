//! Everything that a developer does with the project: `cargo xtask`.

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
    /// Install what tests, demo and benchmarks need, and prepare the test bed
    Setup,
    /// Check format, lints and documentation, and run all tests
    Test,
}

fn main() -> ExitCode {
    let result = match Menu::parse().command {
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
