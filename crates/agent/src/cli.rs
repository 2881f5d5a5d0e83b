//! The command line of `lockstep-agent`. Start at [`Cli`]; [`execute`] does what it says.

mod domain;
mod enroll;
mod failure;
mod output;

pub use failure::Failure;
pub use output::OutputFormat;

use crate::check;
use crate::run;
use crate::state::{Security, Server, StateDir, domain_name};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Reads Active Directory for Lockstep. Talks outbound only, and keeps no sync state.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "lockstep-agent",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
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
    output: OutputFormat,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Join a Lockstep service with a one-use token
    #[command(
        after_help = "Example:\n  lockstep-agent enroll --state-dir /var/lib/lockstep-agent \
                            --token-file token.txt"
    )]
    Enroll(EnrollArgs),
    /// Say which domains this agent reads, and how it signs in to them
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep-agent domain list --state-dir /var/lib/lockstep-agent"
    )]
    Domain(DomainCommand),
    /// Tell whether domains and service can be reached and read, with the remedy where not
    #[command(
        after_help = "Example:\n  lockstep-agent check --state-dir /var/lib/lockstep-agent -o json"
    )]
    Check(StateArgs),
    /// Work, until told to stop
    #[command(after_help = "Example:\n  lockstep-agent run --state-dir /var/lib/lockstep-agent")]
    Run(RunArgs),
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  lockstep-agent completions bash > \
                            /etc/bash_completion.d/lockstep-agent")]
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

#[derive(Args, Clone, Debug)]
struct StateArgs {
    /// The agent's directory; it is made with mode 0700
    #[arg(long, value_name = "DIR", env = "LOCKSTEP_AGENT_STATE_DIR")]
    state_dir: PathBuf,
}

#[derive(Args, Clone, Debug)]
struct EnrollArgs {
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    token: TokenArgs,
    /// How the service lists this agent [default: the host's name]
    #[arg(long)]
    name: Option<String>,
    /// The HTTP proxy on the way to the service [default: HTTPS_PROXY, with NO_PROXY]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct TokenArgs {
    /// The token that `lockstep agent token` printed
    #[arg(long)]
    token: Option<String>,
    /// A file with the token in it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum DomainCommand {
    /// Add a domain
    ///
    /// The password or keytab is copied into the agent's directory and never leaves this machine. Nothing
    /// is connected yet: `lockstep-agent check` does that.
    #[command(
        after_help = "Example:\n  lockstep-agent domain add corp.example.com --state-dir DIR \
                            --username svc-lockstep --password-file password.txt"
    )]
    Add(AddArgs),
    /// Change how the agent signs in to a domain; what is not named stays as it is
    #[command(
        after_help = "Example:\n  lockstep-agent domain update corp.example.com --state-dir DIR \
                            --password-file new-password.txt"
    )]
    Update(UpdateArgs),
    /// List the domains
    #[command(after_help = "Example:\n  lockstep-agent domain list --state-dir DIR")]
    List(StateArgs),
    /// Forget a domain and its password or keytab
    #[command(
        after_help = "Example:\n  lockstep-agent domain remove corp.example.com --state-dir DIR"
    )]
    Remove(RemoveArgs),
}

#[derive(Args, Clone, Debug)]
struct AddArgs {
    /// The domain's DNS name
    #[arg(value_parser = domain_name)]
    domain: String,
    #[command(flatten)]
    state: StateArgs,
    /// The account: svc, CORP\svc or svc@corp.example.com
    #[arg(long, value_name = "USER")]
    username: String,
    #[command(flatten)]
    credential: NewCredential,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Args, Clone, Debug)]
struct UpdateArgs {
    /// The domain's DNS name
    #[arg(value_parser = domain_name)]
    domain: String,
    #[command(flatten)]
    state: StateArgs,
    /// The account: svc, CORP\svc or svc@corp.example.com
    #[arg(long, value_name = "USER")]
    username: Option<String>,
    #[command(flatten)]
    credential: ChangedCredential,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct NewCredential {
    /// A file with the account's password in it
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    /// A Kerberos keytab of the account
    #[arg(long, value_name = "F")]
    keytab: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
#[group(required = false, multiple = false)]
struct ChangedCredential {
    /// A file with the account's password in it
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    /// A Kerberos keytab of the account
    #[arg(long, value_name = "F")]
    keytab: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
struct ConnectionArgs {
    /// A domain controller, by name or address; several in order of preference [default: found by DNS]
    #[arg(long = "server", value_name = "HOST[:PORT]")]
    servers: Vec<Server>,
    /// How the connection is protected [default: sealed]
    #[arg(long, value_enum)]
    security: Option<Security>,
    /// What certificates of the domain are checked against, in PEM [default: the system's roots]
    #[arg(long, value_name = "F")]
    ca_file: Option<PathBuf>,
    /// How long a controller may be silent in the middle of a search, such as 90s or 10m [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    search_timeout: Option<Duration>,
}

#[derive(Args, Clone, Debug)]
struct RemoveArgs {
    /// The domain's DNS name
    #[arg(value_parser = domain_name)]
    domain: String,
    #[command(flatten)]
    state: StateArgs,
}

#[derive(Args, Clone, Debug)]
struct RunArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Write down all that leaves this machine for the service, one line of JSON for each request
    #[arg(long, value_name = "FILE", env = "LOCKSTEP_AGENT_RECORD")]
    record: Option<PathBuf>,
}

/// Reads a time from a second to an hour: longer than that, a connection is dead.
fn timeout(text: &str) -> Result<Duration, String> {
    let factor = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => 0,
    };
    let number = text.trim_end_matches(['s', 'm', 'h']).parse::<u64>();
    let seconds = number.ok().and_then(|number| number.checked_mul(factor));
    match seconds {
        Some(seconds @ 1..=3_600) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "expected a time from 1s to 1h, such as 90s or 10m, received `{text}`"
        )),
    }
}

impl StateArgs {
    fn dir(&self) -> StateDir {
        StateDir::new(&self.state_dir)
    }
}

/// Does what the command line says.
///
/// # Errors
///
/// [`Failure`], which knows the exit status.
pub async fn execute(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Enroll(args) => enroll::enroll(&args, cli.output).await,
        Command::Domain(command) => domain::execute(&command, cli.output),
        Command::Check(args) => {
            let report = check::check(&args.dir()).await?;
            output::checks(&report, cli.output)?;
            report.verdict()
        }
        Command::Run(args) => run::run(&args.state.dir(), args.record.as_deref())
            .await
            .map_err(Failure::from),
        Command::Completions { shell } => {
            output::completions(shell);
            Ok(())
        }
    }
}
