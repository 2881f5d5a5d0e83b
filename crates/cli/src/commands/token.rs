//! `lockstep token`

use super::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{ApiToken, NewToken, TokenMade};
use reqwest::Method;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it is shown once
    #[command(after_help = "Example:\n  lockstep token create --role operator --data-dir DIR")]
    Create {
        /// What its holder may do
        #[arg(long, value_enum)]
        role: Role,
        /// How it is listed
        #[arg(long)]
        name: Option<String>,
        /// For how long it is good [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires_in: Option<Duration>,
    },
    /// List the tokens
    #[command(after_help = "Example:\n  lockstep token list --data-dir DIR")]
    List,
    /// Revoke a token
    #[command(after_help = "Example:\n  lockstep token revoke ID --data-dir DIR")]
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
    },
}

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Role {
    /// Everything
    Administrator,
    /// Run, pause, restart, allow and reject
    Operator,
    /// Look
    Reader,
}

impl Role {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Reader => "reader",
        }
    }
}

pub(super) async fn execute(command: TokenCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "tokens"];
    match command {
        TokenCommand::Create {
            role,
            name,
            expires_in,
        } => {
            let wish = NewToken {
                role: role.name().to_owned(),
                name,
                expires_in_seconds: expires_in.map(|time| time.as_secs()),
            };
            let made: TokenMade = client.send_for(Method::POST, &path, &wish).await?;
            context
                .output
                .data(&made, |made| format!("{}\n", made.token))?;
        }
        TokenCommand::List => {
            let tokens: Vec<ApiToken> = client.get(&path).await?;
            context.output.data(&tokens, |tokens| {
                let row = |token: &ApiToken| {
                    let expires = token.expires_at.clone();
                    [
                        token.name.clone(),
                        token.role.clone(),
                        expires.unwrap_or_else(|| "never".into()),
                        token.id.clone(),
                    ]
                };
                table(["NAME", "ROLE", "EXPIRES", "ID"], tokens.iter().map(row))
            })?;
        }
        TokenCommand::Revoke { id } => {
            client
                .order(Method::DELETE, &["api", "v1", "tokens", &id], None::<&()>)
                .await?;
            context.output.say("revoked");
        }
    }
    Ok(0)
}
