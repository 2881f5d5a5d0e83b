//! `lockstep deletes`

use super::Context;
use super::choice::{ChoiceArgs, Choosable, choose, listed};
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::HeldDelete;

#[derive(Debug, Subcommand)]
pub(crate) enum DeletesCommand {
    /// List what the guard and the limits hold
    #[command(after_help = "Example:\n  lockstep deletes list corp.test --data-dir DIR")]
    List {
        /// The configuration's name
        name: String,
        /// Only those that this is true of, over id, dn, type, change, member, reason and since
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
    },
    /// Let them be carried out, if they are still decided so
    #[command(
        after_help = "Example:\n  lockstep deletes allow corp.test --yes --filter \"type eq 'user'\" --data-dir DIR"
    )]
    Allow(ChoiceArgs),
    /// Keep everything as it is, as long as the same would be done
    #[command(after_help = "Example:\n  lockstep deletes reject corp.test --yes --data-dir DIR")]
    Reject(ChoiceArgs),
}

impl Choosable for HeldDelete {
    const LIST: &str = "deletes";

    fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.verdict == "held"
    }

    fn number(&self) -> u64 {
        self.number
    }
}

pub(super) async fn execute(command: DeletesCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        DeletesCommand::List { name, filter } => {
            let held: Vec<HeldDelete> =
                listed(&context.client()?, &name, filter.as_deref()).await?;
            context.output.data(&held, |held| {
                let row = |held: &HeldDelete| {
                    [
                        held.change.clone(),
                        held.dn.clone(),
                        held.kind.clone(),
                        held.verdict.clone(),
                        held.since.clone(),
                        held.reason.clone(),
                        held.id.clone(),
                    ]
                };
                table(
                    [
                        "CHANGE", "OBJECT", "TYPE", "VERDICT", "SINCE", "REASON", "ID",
                    ],
                    held.iter().map(row),
                )
            })?;
            Ok(0)
        }
        DeletesCommand::Allow(args) => {
            let question = |count| format!("Carry out {count} changes that are held");
            choose::<HeldDelete>(args, "allow", question, context).await
        }
        DeletesCommand::Reject(args) => {
            let question = |count| format!("Never carry out {count} changes that are held");
            choose::<HeldDelete>(args, "reject", question, context).await
        }
    }
}
