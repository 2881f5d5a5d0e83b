//! `lockstep user`, `lockstep group`, `lockstep deleted`: the directory as `/v1.0` shows it.

mod given;
mod group;
mod user;

pub(crate) use group::GroupCommand;
pub(crate) use user::UserCommand;

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{fields, table};
use clap::Subcommand;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum DeletedCommand {
    /// List the users in the recycle bin
    #[command(after_help = "Example:\n  lockstep deleted list --data-dir DIR")]
    List,
    /// Remove a user from the recycle bin for good
    #[command(after_help = "Example:\n  lockstep deleted purge ID --yes --data-dir DIR")]
    Purge {
        /// The user's id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which objects are listed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only those that fit, as OData writes it, such as "startswith(displayName,'a')"
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only those that have this in a name or address
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

pub(super) async fn user(command: UserCommand, context: &Context<'_>) -> Result<u8, Failure> {
    user::execute(command, context).await
}

pub(super) async fn group(command: GroupCommand, context: &Context<'_>) -> Result<u8, Failure> {
    group::execute(command, context).await
}

pub(super) async fn deleted(command: DeletedCommand, context: &Context<'_>) -> Result<u8, Failure> {
    match command {
        DeletedCommand::List => {
            let path = ["v1.0", "directory", "deletedItems", "microsoft.graph.user"];
            let select = format!("{},deletedDateTime", user::SHOWN);
            let users = list(&context.client()?, &path, &select, None).await?;
            show(
                &users,
                ["USER PRINCIPAL NAME", "DISPLAY NAME", "DELETED", "ID"],
                ["userPrincipalName", "displayName", "deletedDateTime", "id"],
                context,
            )
        }
        DeletedCommand::Purge { id, yes } => {
            let question = format!("Remove {id} for good?");
            if !context.output.confirm(&question, yes)? {
                return Ok(0);
            }
            let path = ["v1.0", "directory", "deletedItems", &id];
            let client = context.client()?;
            client.order(Method::DELETE, &path, None::<&()>).await?;
            context.output.say("removed for good");
            Ok(0)
        }
    }
}

/// A page of a set.
#[derive(Deserialize)]
struct Page {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

async fn list(
    client: &Client,
    path: &[&str],
    select: &str,
    which: Option<&Which>,
) -> Result<Vec<Value>, Failure> {
    let mut query = vec![("$select", select.to_owned()), ("$top", "999".to_owned())];
    if let Some(which) = which {
        query.extend(which.filter.clone().map(|filter| ("$filter", filter)));
        let search = which.search.as_ref().map(|text| {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            ("$search", format!("\"{text}\""))
        });
        query.extend(search);
    }
    let mut page: Page = client.get_with(path, &query).await?;
    let mut objects = page.value;
    while let Some(next) = page.next {
        page = client.get_link(&next).await?;
        objects.append(&mut page.value);
    }
    Ok(objects)
}

async fn get(
    client: &Client,
    set: &str,
    id: &str,
    select: &str,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let query = [("$select", select.to_owned())];
    let mut object: Value = client.get_with(&["v1.0", set, id], &query).await?;
    if let Some(map) = object.as_object_mut() {
        map.remove("@odata.context");
    }
    context.output.data(&object, |object| {
        let map = object.as_object();
        let shown = map.into_iter().flatten();
        let lines: Vec<(&str, String)> = shown
            .map(|(name, value)| (name.as_str(), text(value)))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        fields(&lines)
    })?;
    Ok(0)
}

/// The id of a user or of any other object that is named by id or user principal name.
async fn id_of(client: &Client, name: &str) -> Result<String, Failure> {
    let is_name = name.contains('@');
    let set = if is_name { "users" } else { "directoryObjects" };
    let object: Value = client
        .get_with(&["v1.0", set, name], &[("$select", "id".to_owned())])
        .await?;
    Ok(object["id"].as_str().unwrap_or(name).to_owned())
}

fn show<const N: usize>(
    objects: &Vec<Value>,
    heading: [&str; N],
    names: [&str; N],
    context: &Context<'_>,
) -> Result<u8, Failure> {
    context.output.data(objects, |objects| {
        let row = |object: &Value| names.map(|name| text(&object[name]));
        table(heading, objects.iter().map(row))
    })?;
    Ok(0)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let parts = map.iter().map(|(name, value)| (name, text(value)));
            let parts = parts.filter(|(_, text)| !text.is_empty());
            let parts: Vec<String> = parts.map(|(name, text)| format!("{name}={text}")).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}
