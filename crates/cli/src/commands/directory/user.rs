//! `lockstep user`

use super::given::Given;
use super::{Context, Which, get, list, show};
use crate::client::Client;
use crate::commands::password;
use crate::failure::Failure;
use clap::Subcommand;
use lockstep_directory::Kind;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Show one user
    #[command(after_help = "Example:\n  lockstep user get ada@corp.test -o json --data-dir DIR")]
    Get {
        /// Its id or user principal name
        id: String,
    },
    /// List the users
    #[command(
        after_help = "Example:\n  lockstep user list --search ada --data-dir DIR\n  lockstep user list --filter \
                      \"department eq 'Engines'\" -o json --data-dir DIR"
    )]
    List(ListArgs),
    /// Make a user that the cloud owns
    #[command(
        after_help = "Example:\n  lockstep user create --user-principal-name ada@corp.test --display-name 'Ada \
                      Lovelace' --password-file FILE --set department=Engines --data-dir DIR"
    )]
    Create(CreateArgs),
    /// Change a user that the cloud owns, or what synchronisation leaves to it
    #[command(
        after_help = "Example:\n  lockstep user update ada@corp.test --set department=Engines --set jobTitle= \
                      --data-dir DIR"
    )]
    Update {
        /// Its id or user principal name
        id: String,
        #[command(flatten)]
        given: Given,
    },
    /// Delete a user that the cloud owns; for thirty days it can be restored
    #[command(after_help = "Example:\n  lockstep user delete ada@corp.test --data-dir DIR")]
    Delete {
        /// Its id or user principal name
        id: String,
    },
    /// Bring a user that the cloud owns back from the recycle bin
    #[command(after_help = "Example:\n  lockstep user restore ID --data-dir DIR")]
    Restore {
        /// Its id, or the user principal name that it had, if that is unique there
        id: String,
    },
}

/// Which users.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: Which,
}

/// A new user.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// How the user signs in, at a domain of the tenant
    #[arg(long, value_name = "NAME")]
    user_principal_name: String,
    /// How the user is called
    #[arg(long, value_name = "NAME")]
    display_name: String,
    /// The alias (what stands before the @ of the user principal name, if not given)
    #[arg(long, value_name = "ALIAS")]
    mail_nickname: Option<String>,
    /// A file with the first password, without its last line break; `-` is stdin [default: the user cannot sign
    /// in until `lockstep password set`]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The user may keep the first password
    #[arg(long, requires = "password_file")]
    keep_password: bool,
    /// The user cannot sign in for now
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    given: Given,
}

/// All that is of interest about one user.
pub(super) const SHOWN: &str = "id,userPrincipalName,displayName,givenName,surname,mail,mailNickname,accountEnabled,\
                                department,jobTitle,companyName,officeLocation,mobilePhone,businessPhones,city,country,\
                                employeeId,proxyAddresses,userType,roles,createdDateTime,onPremisesSyncEnabled,\
                                onPremisesImmutableId,onPremisesDistinguishedName,onPremisesSamAccountName,\
                                onPremisesUserPrincipalName,onPremisesSecurityIdentifier,onPremisesDomainName,\
                                onPremisesLastSyncDateTime,onPremisesProvisioningErrors,onPremisesExtensionAttributes";

pub(super) async fn execute(command: UserCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        UserCommand::Get { id } => get(&client, "users", &id, SHOWN, context).await,
        UserCommand::List(args) => {
            let users = list(&client, &["v1.0", "users"], SHOWN, Some(&args.which)).await?;
            show(
                &users,
                ["USER PRINCIPAL NAME", "DISPLAY NAME", "ENABLED", "ID"],
                ["userPrincipalName", "displayName", "accountEnabled", "id"],
                context,
            )
        }
        UserCommand::Create(args) => create(&client, &args, context).await,
        UserCommand::Update { id, given } => {
            let body = given.change(Kind::User)?;
            client
                .order(Method::PATCH, &["v1.0", "users", &id], Some(&body))
                .await?;
            context.output.say("changed");
            Ok(0)
        }
        UserCommand::Delete { id } => {
            client
                .order(Method::DELETE, &["v1.0", "users", &id], None::<&()>)
                .await?;
            context
                .output
                .say("deleted; `lockstep user restore` brings it back for thirty days");
            Ok(0)
        }
        UserCommand::Restore { id } => {
            let id = deleted_id(&client, id).await?;
            let path = ["v1.0", "directory", "deletedItems", &id, "restore"];
            client.order(Method::POST, &path, None::<&()>).await?;
            get(&client, "users", &id, SHOWN, context).await
        }
    }
}

async fn create(client: &Client, args: &CreateArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let name = &args.user_principal_name;
    let nickname = args.mail_nickname.clone();
    let nickname = nickname.unwrap_or_else(|| name.split('@').next().unwrap_or(name).to_owned());
    let password = match &args.password_file {
        Some(file) => password::read(file)?,
        // Nobody knows it, so nobody can sign in with it.
        None => password::unknown()?,
    };
    let mut body = Map::new();
    args.given.put_into(Kind::User, &mut body)?;
    body.insert("userPrincipalName".into(), name.as_str().into());
    body.insert("displayName".into(), args.display_name.as_str().into());
    body.insert("mailNickname".into(), nickname.into());
    body.insert("accountEnabled".into(), (!args.disabled).into());
    let profile = json!({
        "password": password,
        "forceChangePasswordNextSignIn": !args.keep_password,
    });
    body.insert("passwordProfile".into(), profile);
    let made: Value = client
        .send_for(Method::POST, &["v1.0", "users"], &body)
        .await?;
    let id = made["id"].as_str().unwrap_or_default();
    get(client, "users", id, SHOWN, context).await
}

/// The id of a user in the recycle bin.
async fn deleted_id(client: &Client, name: String) -> Result<String, Failure> {
    if !name.contains('@') {
        return Ok(name);
    }
    let path = ["v1.0", "directory", "deletedItems", "microsoft.graph.user"];
    let which = Which {
        filter: Some(format!(
            "userPrincipalName eq '{}'",
            name.replace('\'', "''")
        )),
        search: None,
    };
    let found = list(client, &path, "id", Some(&which)).await?;
    match found.as_slice() {
        [only] => Ok(only["id"].as_str().unwrap_or_default().to_owned()),
        [] => Err(
            Failure::new(format!("no user {name} is in the recycle bin"))
                .remedy("`lockstep deleted list` shows those that are"),
        ),
        _ => Err(Failure::new(format!(
            "several users in the recycle bin were called {name}; name one by its id"
        ))),
    }
}
