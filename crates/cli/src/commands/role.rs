//! `lockstep role`

use super::Context;
use super::token::Role;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::RoleAssignment;
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Give a user a role
    ///
    /// Whoever has a role is never taken over by a user of Active Directory with the same name or address.
    #[command(
        after_help = "Example:\n  lockstep role assign ada@corp.test --role operator --data-dir DIR"
    )]
    Assign {
        /// The user's id or user principal name
        user: String,
        /// What the user may do
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Take a role from a user
    #[command(
        after_help = "Example:\n  lockstep role remove ada@corp.test --role operator --data-dir DIR"
    )]
    Remove {
        /// The user's id or user principal name
        user: String,
        /// Which role
        #[arg(long, value_enum)]
        role: Role,
    },
    /// List who has which role
    #[command(after_help = "Example:\n  lockstep role list --data-dir DIR")]
    List,
}

pub(super) async fn execute(command: RoleCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        RoleCommand::Assign { user, role } => {
            let path = ["api", "v1", "roles", role.name(), "users", &user];
            client.order(Method::PUT, &path, None::<&()>).await?;
            context
                .output
                .say(&format!("{user} has the role {}", role.name()));
        }
        RoleCommand::Remove { user, role } => {
            let path = ["api", "v1", "roles", role.name(), "users", &user];
            client.order(Method::DELETE, &path, None::<&()>).await?;
            context
                .output
                .say(&format!("{user} has the role {} no more", role.name()));
        }
        RoleCommand::List => {
            let roles: Vec<RoleAssignment> = client.get(&["api", "v1", "roles"]).await?;
            context.output.data(&roles, |roles| {
                let row = |role: &RoleAssignment| {
                    [
                        role.role.clone(),
                        role.user_principal_name.clone(),
                        role.display_name.clone().unwrap_or_default(),
                        role.id.clone(),
                    ]
                };
                let heading = ["ROLE", "USER PRINCIPAL NAME", "DISPLAY NAME", "ID"];
                table(heading, roles.iter().map(row))
            })?;
        }
    }
    Ok(0)
}
