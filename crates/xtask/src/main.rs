//! Everything that a developer does with the project: `cargo xtask`.

mod bench;
mod demo;
mod docs;
mod figures;
mod fixtures;
mod fuzz;
mod mutate;
mod output;
mod setup;
mod soak;
mod test;
mod tidy;
mod tree;

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
    /// Measure, and write docs/benchmarks.md and the figures of README.md
    Bench {
        /// Measure this only, and write nothing
        part: Option<bench::Part>,
    },
    /// Write what is generated: docs/openapi.json, docs/expressions.md, docs/mapping.md, docs/troubleshooting.md, and the figures of README.md
    Docs,
    /// Let libFuzzer make up input for what reads foreign bytes
    Fuzz {
        /// One target [default: all, one after the other]
        target: Option<String>,
        /// How long, for each target
        #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// Keep what later versions have to understand: a database of this schema, and what an agent of this version sends
    Fixtures,
    /// Break one rule after the other in a copy of the tree, and see that simulated histories find it
    Mutate {
        /// The rules whose names begin with this, such as H3 [default: all]
        rule: Option<String>,
    },
    /// Play simulated histories for as long as there is time, then kill the real programs 200 times; needs root
    Soak {
        /// How long histories are played
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// The first seed [default: one that was never used before]
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
    /// Check the rules of the house that no compiler knows
    Tidy,
    /// Check format, lints and documentation, and run all tests
    Test,
}

fn main() -> ExitCode {
    let result = match Menu::parse().command {
        Command::Bench { part } => bench::run(part),
        Command::Docs => docs::run(),
        Command::Fixtures => fixtures::run(),
        Command::Fuzz { target, minutes } => fuzz::run(target.as_deref(), minutes),
        Command::Mutate { rule } => mutate::run(rule.as_deref()),
        Command::Soak { minutes, seed } => soak::run(minutes, seed),
        Command::Demo { then_stop } => demo::run(then_stop),
        Command::Setup => setup::run(),
        Command::Test => test::run(),
        Command::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
