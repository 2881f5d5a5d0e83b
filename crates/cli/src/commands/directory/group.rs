//! `lockstep group`

use super::given::Given;
use super::{Context, Which, get, id_of, list, show};
use crate::client::Client;
use crate::failure::Failure;
use clap::Subcommand;
use lockstep_directory::Kind;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Show one group
    #[command(after_help = "Example:\n  lockstep group get ID --data-dir DIR")]
    Get {
        /// Its id, or its display name if that is unique
        id: String,
    },
    /// List the groups
    #[command(after_help = "Example:\n  lockstep group list --search pilot --data-dir DIR")]
    List(ListArgs),
    /// Make a group that the cloud owns
    #[command(
        after_help = "Example:\n  lockstep group create --display-name Pilots --set description='First of all' \
                      --data-dir DIR"
    )]
    Create(CreateArgs),
    /// Change a group that the cloud owns
    #[command(
        after_help = "Example:\n  lockstep group update Pilots --set description= --data-dir DIR"
    )]
    Update {
        /// Its id, or its display name if that is unique
        id: String,
        #[command(flatten)]
        given: Given,
    },
    /// Delete a group that the cloud owns, for good
    #[command(after_help = "Example:\n  lockstep group delete Pilots --yes --data-dir DIR")]
    Delete {
        /// Its id, or its display name if that is unique
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// See and change who is in a group
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:\n  lockstep group member list Pilots --data-dir DIR"
    )]
    Member(MemberCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// List the members
    #[command(after_help = "Example:\n  lockstep group member list Pilots --data-dir DIR")]
    List {
        /// The group's id, or its display name if that is unique
        group: String,
    },
    /// Add members to a group that the cloud owns
    #[command(
        after_help = "Example:\n  lockstep group member add Pilots ada@corp.test --data-dir DIR"
    )]
    Add {
        /// The group's id, or its display name if that is unique
        group: String,
        /// Ids, or user principal names
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Remove members from a group that the cloud owns
    #[command(
        after_help = "Example:\n  lockstep group member remove Pilots ada@corp.test --data-dir DIR"
    )]
    Remove {
        /// The group's id, or its display name if that is unique
        group: String,
        /// Ids, or user principal names
        #[arg(required = true)]
        members: Vec<String>,
    },
}

/// Which groups.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: Which,
}

/// A new group.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// How the group is called
    #[arg(long, value_name = "NAME")]
    display_name: String,
    /// The alias [default: letters, digits and signs of the display name]
    #[arg(long, value_name = "ALIAS")]
    mail_nickname: Option<String>,
    /// A group for mail, not for rights
    #[arg(long)]
    mail_enabled: bool,
    #[command(flatten)]
    given: Given,
}

const SHOWN: &str = "id,displayName,description,mail,mailNickname,mailEnabled,securityEnabled,\
                     proxyAddresses,createdDateTime,onPremisesSyncEnabled,onPremisesImmutableId,\
                     onPremisesDistinguishedName,onPremisesSamAccountName,onPremisesSecurityIdentifier,\
                     onPremisesDomainName,onPremisesLastSyncDateTime,onPremisesProvisioningErrors";

pub(super) async fn execute(command: GroupCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        GroupCommand::Get { id } => {
            let id = named(&client, id).await?;
            get(&client, "groups", &id, SHOWN, context).await
        }
        GroupCommand::List(args) => {
            let groups = list(&client, &["v1.0", "groups"], SHOWN, Some(&args.which)).await?;
            show(
                &groups,
                ["DISPLAY NAME", "SECURITY", "MAIL", "ID"],
                ["displayName", "securityEnabled", "mail", "id"],
                context,
            )
        }
        GroupCommand::Create(args) => create(&client, &args, context).await,
        GroupCommand::Update { id, given } => {
            let body = given.change(Kind::Group)?;
            let id = named(&client, id).await?;
            client
                .order(Method::PATCH, &["v1.0", "groups", &id], Some(&body))
                .await?;
            context.output.say("changed");
            Ok(0)
        }
        GroupCommand::Delete { id, yes } => {
            let question = format!("Delete the group {id} for good?");
            if !context.output.confirm(&question, yes)? {
                return Ok(0);
            }
            let id = named(&client, id).await?;
            client
                .order(Method::DELETE, &["v1.0", "groups", &id], None::<&()>)
                .await?;
            context.output.say("deleted");
            Ok(0)
        }
        GroupCommand::Member(command) => members(&client, command, context).await,
    }
}

async fn create(client: &Client, args: &CreateArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let alias = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let nickname = args.mail_nickname.clone();
    let nickname: String =
        nickname.unwrap_or_else(|| args.display_name.chars().filter(alias).collect());
    let mut body = Map::new();
    args.given.put_into(Kind::Group, &mut body)?;
    body.insert("displayName".into(), args.display_name.as_str().into());
    body.insert("mailNickname".into(), nickname.into());
    body.insert("mailEnabled".into(), args.mail_enabled.into());
    body.insert("securityEnabled".into(), (!args.mail_enabled).into());
    let made: Value = client
        .send_for(Method::POST, &["v1.0", "groups"], &body)
        .await?;
    let id = made["id"].as_str().unwrap_or_default();
    get(client, "groups", id, SHOWN, context).await
}

async fn members(
    client: &Client,
    command: MemberCommand,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    match command {
        MemberCommand::List { group } => {
            let group = named(client, group).await?;
            let select = "id,displayName,userPrincipalName,mail";
            let path = ["v1.0", "groups", &group, "members"];
            let mut members = list(client, &path, select, None).await?;
            for member in &mut members {
                let kind = member["@odata.type"].as_str().unwrap_or_default();
                let kind = kind.rsplit('.').next().unwrap_or_default().to_owned();
                if let Some(member) = member.as_object_mut() {
                    member.remove("@odata.type");
                    member.insert("type".into(), kind.into());
                }
            }
            show(
                &members,
                ["TYPE", "DISPLAY NAME", "USER PRINCIPAL NAME", "ID"],
                ["type", "displayName", "userPrincipalName", "id"],
                context,
            )
        }
        MemberCommand::Add { group, members } => {
            let group = named(client, group).await?;
            for member in members {
                let id = id_of(client, &member).await?;
                let body = json!({"@odata.id": format!("/v1.0/directoryObjects/{id}")});
                let path = ["v1.0", "groups", &group, "members", "$ref"];
                client.order(Method::POST, &path, Some(&body)).await?;
            }
            context.output.say("added");
            Ok(0)
        }
        MemberCommand::Remove { group, members } => {
            let group = named(client, group).await?;
            for member in members {
                let id = id_of(client, &member).await?;
                let path = ["v1.0", "groups", &group, "members", &id, "$ref"];
                client.order(Method::DELETE, &path, None::<&()>).await?;
            }
            context.output.say("removed");
            Ok(0)
        }
    }
}

/// The id of the only group with this display name, else what was given.
async fn named(client: &Client, name: String) -> Result<String, Failure> {
    let which = Which {
        filter: Some(format!("displayName eq '{}'", name.replace('\'', "''"))),
        search: None,
    };
    let found = list(client, &["v1.0", "groups"], "id", Some(&which)).await?;
    match found.as_slice() {
        [only] => Ok(only["id"].as_str().unwrap_or_default().to_owned()),
        [] => Ok(name),
        _ => Err(Failure::new(format!(
            "several groups are called {name}; name one by its id"
        ))),
    }
}
