//! `lockstep user`, `lockstep group`, `lockstep deleted`: the directory as `/v1.0` shows it.

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{fields, table};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Show one user
    #[command(after_help = "Example:\n  lockstep user get ada@corp.test -o json --data-dir DIR")]
    Get {
        /// Its id or user principal name
        id: String,
    },
    /// List the users
    #[command(after_help = "Example:\n  lockstep user list --data-dir DIR")]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Show one group
    #[command(after_help = "Example:\n  lockstep group get ID --data-dir DIR")]
    Get {
        /// Its id, or its display name if that is unique
        id: String,
    },
    /// List the groups
    #[command(after_help = "Example:\n  lockstep group list --data-dir DIR")]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeletedCommand {
    /// List the users in the recycle bin
    #[command(after_help = "Example:\n  lockstep deleted list --data-dir DIR")]
    List,
}

/// All that is of interest about one user.
const USER: &str = "id,userPrincipalName,displayName,givenName,surname,mail,mailNickname,accountEnabled,\
                    department,jobTitle,companyName,officeLocation,mobilePhone,businessPhones,city,country,\
                    employeeId,proxyAddresses,userType,createdDateTime,onPremisesSyncEnabled,\
                    onPremisesImmutableId,onPremisesDistinguishedName,onPremisesSamAccountName,\
                    onPremisesUserPrincipalName,onPremisesSecurityIdentifier,onPremisesDomainName,\
                    onPremisesLastSyncDateTime,onPremisesProvisioningErrors,onPremisesExtensionAttributes";
const GROUP: &str = "id,displayName,description,mail,mailNickname,mailEnabled,securityEnabled,\
                     proxyAddresses,createdDateTime,onPremisesSyncEnabled,onPremisesImmutableId,\
                     onPremisesDistinguishedName,onPremisesSamAccountName,onPremisesSecurityIdentifier,\
                     onPremisesDomainName,onPremisesLastSyncDateTime,onPremisesProvisioningErrors";

pub(super) async fn user(command: UserCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        UserCommand::Get { id } => get(&client, "users", &id, USER, context).await,
        UserCommand::List => {
            let users = list(&client, &["v1.0", "users"], USER).await?;
            show(
                &users,
                ["USER PRINCIPAL NAME", "DISPLAY NAME", "ENABLED", "ID"],
                ["userPrincipalName", "displayName", "accountEnabled", "id"],
                context,
            )
        }
    }
}

pub(super) async fn group(command: GroupCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        GroupCommand::Get { id } => {
            let id = by_display_name(&client, &id).await?.unwrap_or(id);
            get(&client, "groups", &id, GROUP, context).await
        }
        GroupCommand::List => {
            let groups = list(&client, &["v1.0", "groups"], GROUP).await?;
            show(
                &groups,
                ["DISPLAY NAME", "SECURITY", "MAIL", "ID"],
                ["displayName", "securityEnabled", "mail", "id"],
                context,
            )
        }
    }
}

pub(super) async fn deleted(command: DeletedCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let DeletedCommand::List = command;
    let client = context.client()?;
    let path = ["v1.0", "directory", "deletedItems", "microsoft.graph.user"];
    let select = format!("{USER},deletedDateTime");
    let users = list(&client, &path, &select).await?;
    show(
        &users,
        ["USER PRINCIPAL NAME", "DISPLAY NAME", "DELETED", "ID"],
        ["userPrincipalName", "displayName", "deletedDateTime", "id"],
        context,
    )
}

/// A page of a set.
#[derive(Deserialize)]
struct Page {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

async fn list(client: &Client, path: &[&str], select: &str) -> Result<Vec<Value>, Failure> {
    let query = [("$select", select.to_owned()), ("$top", "999".to_owned())];
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

/// The id of the only group with this display name.
async fn by_display_name(client: &Client, name: &str) -> Result<Option<String>, Failure> {
    let quoted = name.replace('\'', "''");
    let query = [
        ("$filter", format!("displayName eq '{quoted}'")),
        ("$select", "id".to_owned()),
        ("$top", "2".to_owned()),
    ];
    let page: Page = client.get_with(&["v1.0", "groups"], &query).await?;
    match page.value.as_slice() {
        [only] => Ok(only["id"].as_str().map(str::to_owned)),
        [] => Ok(None),
        _ => Err(Failure::new(format!(
            "several groups are called {name}; name one by its id"
        ))),
    }
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
