//! The administrator's commands.

mod agent;
mod app;
mod apply;
mod backup;
mod choice;
mod configuration;
mod cycle;
mod deletes;
mod directory;
mod domain;
mod escrow;
mod expression;
mod extension;
mod log;
mod login;
mod missing;
mod password;
mod plan;
mod provision;
mod reconcile;
mod role;
mod token;

use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use clap::Subcommand;
use std::path::PathBuf;

/// Exit status: done, but some objects failed or are held.
const PARTLY: u8 = 3;

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) output: &'a Output,
}

impl Context<'_> {
    fn client(&self) -> Result<Client, Failure> {
        Client::find(self.data_dir.as_deref())
    }
}

/// What an administrator can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Enrol, list and remove agents
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep agent token --data-dir DIR > token.txt"
    )]
    Agent(agent::AgentCommand),
    /// What the next cycle would create, change and delete, and why; nothing is changed
    ///
    /// Reads Active Directory first where it must.
    #[command(
        after_help = "Example:\n  lockstep plan corp.toml --data-dir DIR\n  lockstep plan --configuration \
                      corp.test -o json --data-dir DIR"
    )]
    Plan(plan::PlanArgs),
    /// Read, decide and apply one object now, step by step
    #[command(
        after_help = "Example:\n  lockstep provision corp.test --dn \"CN=Ada,OU=Staff,DC=corp,DC=test\" \
                      --dry-run --data-dir DIR"
    )]
    Provision(provision::ProvisionArgs),
    /// Create or change a configuration from a file
    ///
    /// What the file names is looked up in the domain first; nothing is half applied. Shows the plan and
    /// asks, unless --yes is given.
    #[command(after_help = "Example:\n  lockstep apply corp.toml --data-dir DIR --yes")]
    Apply(apply::ApplyArgs),
    /// See, pause, resume and delete configurations
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep configuration show corp.test --data-dir DIR"
    )]
    Configuration(configuration::ConfigurationCommand),
    /// Run a cycle now, and see those that ran
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep cycle run corp.test --wait --data-dir DIR"
    )]
    Cycle(cycle::CycleCommand),
    /// Let a job forget: where it stands, what is held, which object belongs to which
    #[command(
        after_help = "Example:\n  lockstep restart corp.test --reset watermark --data-dir DIR"
    )]
    Restart(configuration::RestartArgs),
    /// Compare the directory with what should be there, and repair it
    ///
    /// What should be there is decided once more from what is known of Active Directory. Exit status 3: something
    /// drifted and was not repaired.
    #[command(after_help = "Example:\n  lockstep reconcile corp.test --repair --data-dir DIR")]
    Reconcile(reconcile::ReconcileArgs),
    /// See, allow and reject what the guard and the limits hold
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep deletes list corp.test --data-dir DIR"
    )]
    Deletes(deletes::DeletesCommand),
    /// See the objects that a full import has not seen, and say what is to become of them
    ///
    /// That Active Directory does not show an object is no evidence that it is gone: it is left as it is until it is
    /// seen again, or somebody says what is to become of it.
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep missing list corp.test --data-dir DIR"
    )]
    Missing(missing::MissingCommand),
    /// See the objects that failed, and when each is tried again
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep escrow list corp.test --data-dir DIR"
    )]
    Escrow(escrow::EscrowCommand),
    /// What was done to which object, and why; newest first
    #[command(
        after_help = "Example:\n  lockstep log --object ada@corp.test --data-dir DIR\n  lockstep log \
                      --configuration corp.test --status Failure --follow -o json --data-dir DIR"
    )]
    Log(log::LogArgs),
    /// Who changed which setting; newest first
    #[command(after_help = "Example:\n  lockstep audit --limit 20 --data-dir DIR")]
    Audit(log::AuditArgs),
    /// DNS suffixes that the tenant owns
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep domain add corp.test --data-dir DIR"
    )]
    Domain(domain::DomainCommand),
    /// Try out expressions of mappings; needs no service
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep expression eval 'ToUpper([department],)' --attribute \
                      department=Sales"
    )]
    Expression(expression::ExpressionCommand),
    /// Users of the directory
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep user get ada@corp.test --data-dir DIR"
    )]
    User(directory::UserCommand),
    /// Groups of the directory
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep group list --data-dir DIR"
    )]
    Group(directory::GroupCommand),
    /// Users in the recycle bin
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep deleted list --data-dir DIR"
    )]
    Deleted(directory::DeletedCommand),
    /// Properties that mappings have added to the directory
    ///
    /// A mapping whose target is `extension_NAME` declares that property when its configuration is applied.
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep extension list --data-dir DIR"
    )]
    Extension(extension::ExtensionCommand),
    /// Sign in on this machine, with a browser, instead of using a token
    #[command(
        after_help = "Example:\n  lockstep login --url https://sync.example.com:8443 --ca-file ca.pem"
    )]
    Login(login::LoginArgs),
    /// Sign out on this machine
    #[command(after_help = "Example:\n  lockstep logout")]
    Logout,
    /// Applications that let people sign in
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep app create --name Wiki --redirect-uri https://wiki.example.com/callback \
                      --data-dir DIR"
    )]
    App(app::AppCommand),
    /// Passwords set in the cloud, and when passwords expire
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep password set ada@corp.test --password-file FILE --data-dir DIR"
    )]
    Password(password::PasswordCommand),
    /// What users may do with the service
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep role assign ada@corp.test --role operator --data-dir DIR"
    )]
    Role(role::RoleCommand),
    /// Tokens that open the administration API
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep token create --role reader --expires-in 30d --data-dir DIR"
    )]
    Token(token::TokenCommand),
    /// Write all that the service cannot do without into one file; it goes on meanwhile
    ///
    /// On the service's machine, as the user that runs it. The file holds secrets.
    #[command(after_help = "Example:\n  lockstep backup /var/backups/lockstep.tar --data-dir DIR")]
    Backup(backup::BackupArgs),
    /// Put a backup into the data folder of a service that does not run
    ///
    /// It is checked before anything is replaced; what was there is set aside.
    #[command(after_help = "Example:\n  lockstep restore /var/backups/lockstep.tar --data-dir DIR")]
    Restore(backup::RestoreArgs),
}

impl Command {
    /// Carries it out; gives the exit status.
    pub(crate) async fn execute(self, context: &Context<'_>) -> Result<u8, Failure> {
        match self {
            Self::Agent(command) => agent::execute(command, context).await,
            Self::Plan(args) => plan::execute(&args, context).await,
            Self::Provision(args) => provision::execute(&args, context).await,
            Self::Apply(args) => apply::execute(&args, context).await,
            Self::Configuration(command) => configuration::execute(command, context).await,
            Self::Cycle(command) => cycle::execute(command, context).await,
            Self::Restart(args) => configuration::restart(args, context).await,
            Self::Reconcile(args) => reconcile::execute(&args, context).await,
            Self::Deletes(command) => deletes::execute(command, context).await,
            Self::Missing(command) => missing::execute(command, context).await,
            Self::Escrow(command) => escrow::execute(command, context).await,
            Self::Log(args) => log::execute(&args, context).await,
            Self::Audit(args) => log::audit(&args, context).await,
            Self::Domain(command) => domain::execute(command, context).await,
            Self::Expression(command) => expression::execute(command, context),
            Self::User(command) => directory::user(command, context).await,
            Self::Group(command) => directory::group(command, context).await,
            Self::Deleted(command) => directory::deleted(command, context).await,
            Self::Extension(command) => extension::execute(command, context).await,
            Self::Login(args) => login::login(args, context).await,
            Self::Logout => login::logout(context).await,
            Self::App(command) => app::execute(command, context).await,
            Self::Password(command) => password::execute(command, context).await,
            Self::Role(command) => role::execute(command, context).await,
            Self::Token(command) => token::execute(command, context).await,
            Self::Backup(args) => backup::backup(&args, context),
            Self::Restore(args) => backup::restore(&args, context),
        }
    }
}
