//! `lockstep extension`

use super::Context;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{DirectoryExtension, ExtensionMapping};
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum ExtensionCommand {
    /// List the extensions that are declared, and who makes values for them
    #[command(after_help = "Example:\n  lockstep extension list --data-dir DIR")]
    List,
    /// Remove an extension that no mapping makes values for and no object has a value of
    #[command(
        after_help = "Example:\n  lockstep extension remove extension_corp_carLicense --data-dir DIR"
    )]
    Remove {
        /// Its name, as `extension list` shows it
        name: String,
    },
}

pub(super) async fn execute(
    command: ExtensionCommand,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    match command {
        ExtensionCommand::List => {
            let client = context.client()?;
            let extensions: Vec<DirectoryExtension> =
                client.get(&["api", "v1", "extensions"]).await?;
            context.output.data(&extensions, |extensions| {
                let rows = extensions.iter().flat_map(rows);
                table(["NAME", "CONFIGURATION", "OBJECTS", "SOURCE"], rows)
            })?;
            Ok(0)
        }
        ExtensionCommand::Remove { name } => {
            let path = ["api", "v1", "extensions", &name];
            let client = context.client()?;
            client.order(Method::DELETE, &path, None::<&()>).await?;
            context.output.say("removed");
            Ok(0)
        }
    }
}

/// A line for each mapping, or one for an extension that nobody makes values for.
fn rows(extension: &DirectoryExtension) -> Vec<[String; 4]> {
    let name = || extension.name.clone();
    if extension.mappings.is_empty() {
        return vec![[name(), String::new(), String::new(), String::new()]];
    }
    let row = |mapping: &ExtensionMapping| {
        [
            name(),
            mapping.configuration.clone(),
            format!("{}s", mapping.object),
            mapping.source.clone(),
        ]
    };
    extension.mappings.iter().map(row).collect()
}
