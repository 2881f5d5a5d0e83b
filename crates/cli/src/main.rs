//! The program `lockstep`: the service, and the administrator's command line.

mod client;
mod commands;
mod duration;
mod failure;
mod login;
mod output;
mod serve;
mod spec_file;

use clap::{CommandFactory as _, Parser, Subcommand};
use commands::Context;
use failure::Failure;
use output::{Format, Output};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Keeps a cloud directory in lockstep with Active Directory
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How data is printed
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    output: Format,
    /// The data folder of a service on this machine [else: LOCKSTEP_URL with LOCKSTEP_TOKEN or
    /// LOCKSTEP_TOKEN_FILE, and LOCKSTEP_CA_FILE, or `lockstep login`]
    #[arg(long, global = true, value_name = "DIR", env = "LOCKSTEP_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    #[command(
        after_help = "Example:\n  lockstep serve --data-dir DIR --listen 0.0.0.0:8443 --public-url \
                            https://sync.example.com:8443"
    )]
    Serve(serve::ServeArgs),
    #[command(flatten)]
    Administer(commands::Command),
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  lockstep completions bash > /etc/bash_completion.d/lockstep"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Measured: a quarter of the service's work in a first cycle was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.output);
    match start(cli, &output) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.status())
        }
    }
}

fn start(cli: Cli, output: &Output) -> Result<u8, Failure> {
    forbid_core_dumps()
        .map_err(|error| Failure::new(format!("could not switch core dumps off: {error}")))?;
    let words = if matches!(cli.command, Command::Serve(_)) {
        "info"
    } else {
        "warn"
    };
    let filter = EnvFilter::try_from_env("LOCKSTEP_LOG").unwrap_or_else(|_| EnvFilter::new(words));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
    // One provider for TLS in the whole process, chosen here and not by what happens to be linked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("could not start: {error}")))?;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => {
                let dir = cli.data_dir.ok_or_else(|| {
                    Failure::usage("expected --data-dir DIR: where the service keeps everything")
                })?;
                serve::serve(args, dir, output).await.map(|()| 0)
            }
            Command::Administer(command) => {
                let context = Context {
                    data_dir: cli.data_dir,
                    output,
                };
                command.execute(&context).await
            }
            Command::Completions { shell } => {
                let shell = match shell {
                    Shell::Bash => clap_complete::Shell::Bash,
                    Shell::Zsh => clap_complete::Shell::Zsh,
                    Shell::Fish => clap_complete::Shell::Fish,
                };
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "lockstep", &mut text);
                output.raw(&text).map(|()| 0)
            }
        }
    });
    // Transactions run on threads of their own: what is being written is finished.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    result
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
