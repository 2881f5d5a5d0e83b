//! The program `lockstep-agent`.

use anyhow::Context as _;
use clap::Parser as _;
use lockstep_agent::cli::{self, Cli, Failure};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            let status = error.downcast_ref::<Failure>().map_or(1, Failure::status);
            ExitCode::from(status)
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    forbid_core_dumps().context("could not switch core dumps off")?;
    let words = EnvFilter::try_from_env("LOCKSTEP_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sspi=off,picky=off,picky_krb=off"));
    tracing_subscriber::fmt()
        .with_env_filter(words)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
    // One provider for TLS in the whole process, chosen here and not by what happens to be linked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start")?
        .block_on(cli::execute(cli))?;
    Ok(())
}

/// A crash must not leave passwords and keys in a file.
fn forbid_core_dumps() -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    // Where a core goes into a pipe the limit does not count. This also keeps others from reading the memory.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the last word of the program")]
fn say(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
