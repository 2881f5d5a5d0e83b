//! `lockstep agent`

use super::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::{Agent, EnrollmentTokenMade, NewEnrollmentToken};
use reqwest::Method;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Print a one-use enrolment token, alone on stdout
    ///
    /// It carries the service's address, a one-time secret and the CA's fingerprint. Treat it as a password.
    #[command(
        after_help = "Example:\n  lockstep agent token --expires-in 15m --data-dir DIR > token.txt"
    )]
    Token {
        /// For how long it is good
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
        expires_in: Duration,
    },
    /// List the agents
    #[command(after_help = "Example:\n  lockstep agent list --data-dir DIR")]
    List {
        /// Also those that have not been heard of for ten days
        #[arg(long)]
        all: bool,
    },
    /// Remove an agent; it is refused from now on
    #[command(after_help = "Example:\n  lockstep agent remove ID --data-dir DIR")]
    Remove {
        /// Its id, as `agent list` shows it
        id: String,
    },
}

pub(super) async fn execute(command: AgentCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        AgentCommand::Token { expires_in } => {
            let wish = NewEnrollmentToken {
                expires_in_seconds: Some(expires_in.as_secs()),
            };
            let path = ["api", "v1", "agents", "tokens"];
            let made: EnrollmentTokenMade = client.send_for(Method::POST, &path, &wish).await?;
            context
                .output
                .data(&made, |made| format!("{}\n", made.token))?;
        }
        AgentCommand::List { all } => {
            let query = [("all", all.to_string())];
            let agents: Vec<Agent> = client.get_with(&["api", "v1", "agents"], &query).await?;
            context.output.data(&agents, |agents| {
                let row = |agent: &Agent| {
                    [
                        agent.name.clone(),
                        agent.status.clone(),
                        agent.domains.join(", "),
                        agent.version.clone(),
                        agent.last_seen.clone(),
                        agent.id.clone(),
                    ]
                };
                table(
                    ["NAME", "STATUS", "DOMAINS", "VERSION", "LAST SEEN", "ID"],
                    agents.iter().map(row),
                )
            })?;
        }
        AgentCommand::Remove { id } => {
            client
                .order(Method::DELETE, &["api", "v1", "agents", &id], None::<&()>)
                .await?;
            context
                .output
                .say("removed; the agent is refused from now on");
        }
    }
    Ok(0)
}
