//! `lockstep deletes`

use super::Context;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{Chosen, ChosenDone, HeldDelete};
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum DeletesCommand {
    /// List the deletes that the guard holds
    #[command(after_help = "Example:\n  lockstep deletes list corp.test --data-dir DIR")]
    List {
        /// The configuration's name
        name: String,
    },
    /// Let them leave, if they are still decided so
    #[command(after_help = "Example:\n  lockstep deletes allow corp.test --yes --data-dir DIR")]
    Allow(ChoiceArgs),
    /// Keep the objects, as long as they would be deleted for the same reason
    #[command(after_help = "Example:\n  lockstep deletes reject corp.test --yes --data-dir DIR")]
    Reject(ChoiceArgs),
}

/// Which held deletes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// The configuration's name
    name: String,
    /// Their ids, as `deletes list` shows them [default: all]
    ids: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn execute(command: DeletesCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        DeletesCommand::List { name } => {
            let client = context.client()?;
            let path = ["api", "v1", "configurations", &name, "deletes"];
            let held: Vec<HeldDelete> = client.get(&path).await?;
            context.output.data(&held, |held| {
                let row = |held: &HeldDelete| {
                    [
                        held.dn.clone(),
                        held.kind.clone(),
                        held.verdict.clone(),
                        held.since.clone(),
                        held.reason.clone(),
                        held.id.clone(),
                    ]
                };
                table(
                    ["OBJECT", "TYPE", "VERDICT", "SINCE", "REASON", "ID"],
                    held.iter().map(row),
                )
            })?;
            Ok(0)
        }
        DeletesCommand::Allow(args) => choose(args, "allow", "Delete", context).await,
        DeletesCommand::Reject(args) => choose(args, "reject", "Keep", context).await,
    }
}

async fn choose(
    args: ChoiceArgs,
    verb: &str,
    question: &str,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "configurations", &args.name, "deletes"];
    let held: Vec<HeldDelete> = client.get(&path).await?;
    let chosen = |held: &&HeldDelete| args.ids.is_empty() || args.ids.contains(&held.id);
    let count = held.iter().filter(chosen).count();
    let question = format!("{question} {count} objects of {}?", args.name);
    if !context.output.confirm(&question, args.yes)? {
        context.output.say("nothing was changed");
        return Ok(1);
    }
    let path = ["api", "v1", "configurations", &args.name, "deletes", verb];
    let body = Chosen { ids: args.ids };
    let done: ChosenDone = client.send_for(Method::POST, &path, &body).await?;
    context
        .output
        .data(&done, |done| format!("{}\n", done.count))?;
    Ok(0)
}
