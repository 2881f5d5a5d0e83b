//! `lockstep app`

use super::Context;
use super::token::Role;
use crate::failure::Failure;
use crate::output::{fields, table};
use clap::Subcommand;
use lockstep_api::admin::{App, AppMade, NewApp};
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Register an application; its secret is shown once
    #[command(
        after_help = "Example:\n  lockstep app create --name Wiki --redirect-uri https://wiki.example.com/callback \
                      --data-dir DIR"
    )]
    Create {
        /// Its name, as people see it when they sign in
        #[arg(long)]
        name: String,
        /// Where people may be sent back to after signing in, exactly; on loopback (http://127.0.0.1/…) a public
        /// application may have any port
        #[arg(long, value_name = "URI", num_args = 1..)]
        redirect_uri: Vec<String>,
        /// It keeps no secret: it runs in a browser, or on a person's own machine
        #[arg(long)]
        public: bool,
        /// What it may do when it acts for itself (client credentials) [default: nothing]
        #[arg(long, value_enum, conflicts_with = "public")]
        role: Option<Role>,
        /// Its tokens open no interface of the service, whatever role its user has
        #[arg(long)]
        sign_in_only: bool,
    },
    /// List the applications
    #[command(after_help = "Example:\n  lockstep app list --data-dir DIR")]
    List,
    /// Delete an application, and end what people gave it
    #[command(after_help = "Example:\n  lockstep app delete ID --data-dir DIR")]
    Delete {
        /// Its client id, as `app list` shows it
        id: String,
    },
}

pub(super) async fn execute(command: AppCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "apps"];
    match command {
        AppCommand::Create {
            name,
            redirect_uri,
            public,
            role,
            sign_in_only,
        } => {
            let wish = NewApp {
                name,
                redirect_uris: redirect_uri,
                public,
                role: role.map(|role| role.name().to_owned()),
                sign_in_only,
            };
            let made: AppMade = client.send_for(Method::POST, &path, &wish).await?;
            context.output.data(&made, |made| {
                let mut lines = vec![
                    ("clientId", made.client_id.clone()),
                    ("tenantId", made.tenant_id.clone()),
                    ("issuer", made.issuer.clone()),
                ];
                lines.extend(made.client_secret.clone().map(|s| ("clientSecret", s)));
                fields(&lines)
            })?;
        }
        AppCommand::List => {
            let apps: Vec<App> = client.get(&path).await?;
            context.output.data(&apps, |apps| {
                let row = |app: &App| {
                    let kind = if app.public { "public" } else { "confidential" };
                    [
                        app.name.clone(),
                        kind.to_owned(),
                        app.redirect_uris.join(", "),
                        app.client_id.clone(),
                    ]
                };
                let heading = ["NAME", "KIND", "REDIRECT URIS", "CLIENT ID"];
                table(heading, apps.iter().map(row))
            })?;
        }
        AppCommand::Delete { id } => {
            client
                .order(Method::DELETE, &["api", "v1", "apps", &id], None::<&()>)
                .await?;
            context.output.say("deleted");
        }
    }
    Ok(0)
}
