//! `lockstep missing`

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{Chosen, ChosenDone, Missing};
use reqwest::Method;

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
    Delete(WordArgs),
    /// They are to stay
    #[command(after_help = "Example:\n  lockstep missing keep corp.test ID --yes --data-dir DIR")]
    Keep(WordArgs),
}

/// Which of what is missing.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WordArgs {
    /// The configuration's name
    name: String,
    /// Their ids, as `missing list` shows them [default: all of which nothing was said]
    ids: Vec<String>,
    /// Only those that this is true of, such as "endswith(dn,'OU=Alumni,DC=corp,DC=test')"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn execute(command: MissingCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        MissingCommand::List { name, filter } => {
            let missing = missing(&context.client()?, &name, filter.as_deref()).await?;
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
        MissingCommand::Delete(args) => say(args, "delete", "Delete", context).await,
        MissingCommand::Keep(args) => say(args, "keep", "Keep", context).await,
    }
}

async fn missing(
    client: &Client,
    name: &str,
    filter: Option<&str>,
) -> Result<Vec<Missing>, Failure> {
    let path = ["api", "v1", "configurations", name, "missing"];
    let query = filter.map(|filter| ("filter", filter.to_owned()));
    let query: Vec<_> = query.into_iter().collect();
    client.get_with(&path, &query).await
}

async fn say(
    args: WordArgs,
    verb: &str,
    question: &str,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    let missing = missing(&client, &args.name, args.filter.as_deref()).await?;
    let chosen = |one: &&Missing| match args.ids.is_empty() {
        true => one.verdict == "open",
        false => args.ids.contains(&one.id),
    };
    let count = missing.iter().filter(chosen).count();
    let question = format!("{question} {count} missing objects of {}?", args.name);
    if !context.output.confirm(&question, args.yes)? {
        context.output.say("nothing was changed");
        return Ok(1);
    }
    let path = ["api", "v1", "configurations", &args.name, "missing", verb];
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
