//! `lockstep domain`

use super::Context;
use crate::failure::Failure;
use clap::Subcommand;
use lockstep_api::admin::{NewDomain, Tenant};
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Add a suffix, by the administrator's word; user names with it are kept from now on
    #[command(after_help = "Example:\n  lockstep domain add corp.example.com --data-dir DIR")]
    Add {
        /// The DNS suffix
        name: String,
    },
    /// List the suffixes
    #[command(after_help = "Example:\n  lockstep domain list --data-dir DIR")]
    List,
    /// Remove a suffix; user names with it become names at the initial domain
    #[command(after_help = "Example:\n  lockstep domain remove corp.example.com --data-dir DIR")]
    Remove {
        /// The DNS suffix
        name: String,
    },
}

pub(super) async fn execute(command: DomainCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "domains"];
    let tenant: Tenant = match command {
        DomainCommand::Add { name } => {
            client
                .send_for(Method::POST, &path, &NewDomain { name })
                .await?
        }
        DomainCommand::List => client.get(&path).await?,
        DomainCommand::Remove { name } => {
            let path = ["api", "v1", "domains", &name];
            client.send_for(Method::DELETE, &path, &()).await?
        }
    };
    context
        .output
        .data(&tenant.domains, |domains| domains.join("\n") + "\n")?;
    Ok(0)
}
