//! `lockstep deletes`

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{Chosen, ChosenDone, HeldDelete};
use reqwest::Method;

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

/// Which of what is held.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// The configuration's name
    name: String,
    /// Their ids, as `deletes list` shows them [default: all]
    ids: Vec<String>,
    /// Only those that this is true of, such as "endswith(dn,'OU=Alumni,DC=corp,DC=test')"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn execute(command: DeletesCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        DeletesCommand::List { name, filter } => {
            let client = context.client()?;
            let held = held(&client, &name, filter.as_deref()).await?;
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
        DeletesCommand::Allow(args) => choose(args, "allow", "Carry out", context).await,
        DeletesCommand::Reject(args) => choose(args, "reject", "Never carry out", context).await,
    }
}

async fn held(
    client: &Client,
    name: &str,
    filter: Option<&str>,
) -> Result<Vec<HeldDelete>, Failure> {
    let path = ["api", "v1", "configurations", name, "deletes"];
    let query = filter.map(|filter| ("filter", filter.to_owned()));
    let query: Vec<_> = query.into_iter().collect();
    client.get_with(&path, &query).await
}

async fn choose(
    args: ChoiceArgs,
    verb: &str,
    question: &str,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    let held = held(&client, &args.name, args.filter.as_deref()).await?;
    let chosen = |held: &&HeldDelete| args.ids.is_empty() || args.ids.contains(&held.id);
    let count = held.iter().filter(chosen).count();
    let question = format!("{question} {count} changes that are held of {}?", args.name);
    if !context.output.confirm(&question, args.yes)? {
        context.output.say("nothing was changed");
        return Ok(1);
    }
    let path = ["api", "v1", "configurations", &args.name, "deletes", verb];
    let body = Chosen {
        ids: args.ids,
        filter: args.filter,
    };
    let done: ChosenDone = client.send_for(Method::POST, &path, &body).await?;
    context
        .output
        .data(&done, |done| format!("{}\n", done.count))?;
    Ok(0)
}
