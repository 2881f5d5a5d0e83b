//! `lockstep missing`

use super::Context;
use super::choice::{ChoiceArgs, Choosable, choose, listed};
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::Missing;

#[derive(Debug, Subcommand)]
pub(crate) enum MissingCommand {
    /// List what is in the directory and was not seen in Active Directory
    #[command(after_help = "Example:\n  lockstep missing list corp.test --data-dir DIR")]
    List {
        /// The configuration's name
        name: String,
        /// Only those that this is true of, over id, dn, type, reason and since
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
    },
    /// They are gone: delete them, under the guard
    #[command(
        after_help = "Example:\n  lockstep missing delete corp.test --yes --filter \"type eq 'user'\" --data-dir DIR"
    )]
    Delete(ChoiceArgs),
    /// They are to stay
    #[command(after_help = "Example:\n  lockstep missing keep corp.test ID --yes --data-dir DIR")]
    Keep(ChoiceArgs),
}

impl Choosable for Missing {
    const LIST: &str = "missing";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.verdict == "open"
    }

    fn number(&self) -> u64 {
        self.number
    }
}

pub(super) async fn execute(command: MissingCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        MissingCommand::List { name, filter } => {
            let missing: Vec<Missing> =
                listed(&context.client()?, &name, filter.as_deref()).await?;
            context.output.data(&missing, |missing| {
                let row = |one: &Missing| {
                    [
                        one.dn.clone(),
                        one.kind.clone(),
                        one.verdict.clone(),
                        one.since.clone(),
                        one.reason.clone(),
                        one.id.clone(),
                    ]
                };
                table(
                    ["OBJECT", "TYPE", "VERDICT", "SINCE", "REASON", "ID"],
                    missing.iter().map(row),
                )
            })?;
            Ok(0)
        }
        MissingCommand::Delete(args) => {
            let question = |count| format!("Delete {count} missing objects");
            choose::<Missing>(args, "delete", question, context).await
        }
        MissingCommand::Keep(args) => {
            let question = |count| format!("Keep {count} missing objects");
            choose::<Missing>(args, "keep", question, context).await
        }
    }
}
