//! Lists of which an administrator decides: what the guard holds, what is missing.

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use lockstep_api::admin::{Chosen, ChosenDone};
use reqwest::Method;
use serde::de::DeserializeOwned;

/// What is listed for an administrator to decide on.
pub(super) trait Choosable: DeserializeOwned {
    /// The list in the address of a configuration.
    const LIST: &str;

    /// What names it.
    fn id(&self) -> &str;

    /// Whether nothing was said of it yet.
    fn is_open(&self) -> bool;

    /// Greater than that of what was listed before it.
    fn number(&self) -> u64;
}

/// Which of a list.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// The configuration's name
    name: String,
    /// Their ids, as `list` shows them [default: all of which nothing was said yet]
    ids: Vec<String>,
    /// Only those that this is true of, such as "endswith(dn,'OU=Alumni,DC=corp,DC=test')"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is listed, as far as a filter is true of it.
pub(super) async fn listed<T: Choosable>(
    client: &Client,
    name: &str,
    filter: Option<&str>,
) -> Result<Vec<T>, Failure> {
    let path = ["api", "v1", "configurations", name, T::LIST];
    let query = filter.map(|filter| ("filter", filter.to_owned()));
    let query: Vec<_> = query.into_iter().collect();
    client.get_with(&path, &query).await
}

/// Asks, and says of those that are meant what is to become of them.
pub(super) async fn choose<T: Choosable>(
    args: ChoiceArgs,
    verb: &str,
    question: fn(usize) -> String,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    let listed: Vec<T> = listed(&client, &args.name, args.filter.as_deref()).await?;
    let is_meant = |one: &&T| match args.ids.is_empty() {
        true => one.is_open(),
        false => args.ids.iter().any(|id| one.id().eq_ignore_ascii_case(id)),
    };
    let count = listed.iter().filter(is_meant).count();
    // It is asked about these, and not about what comes while the question waits for its answer.
    let until = listed.iter().map(Choosable::number).max().unwrap_or(0);
    drop(listed);
    let question = format!("{} of {}?", question(count), args.name);
    if !context.output.confirm(&question, args.yes)? {
        context.output.say("nothing was changed");
        return Ok(1);
    }
    let path = ["api", "v1", "configurations", &args.name, T::LIST, verb];
    let body = Chosen {
        ids: args.ids,
        filter: args.filter,
        until: Some(until),
    };
    let done: ChosenDone = client.send_for(Method::POST, &path, &body).await?;
    context
        .output
        .data(&done, |done| format!("{}\n", done.count))?;
    if done.newer > 0 {
        context.output.say(&format!(
            "{} more have come since; nothing was said of them",
            done.newer
        ));
    }
    Ok(0)
}
