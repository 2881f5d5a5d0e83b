//! `lockstep escrow`

use super::Context;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::Escrow;

#[derive(Debug, Subcommand)]
pub(crate) enum EscrowCommand {
    /// List the objects that failed, with reason, attempts and the next attempt
    ///
    /// Each is tried again by itself: in the next cycle, after 6, 12 and 24 hours, then daily for 28 days, and at
    /// once when it or its cause changes.
    #[command(after_help = "Example:\n  lockstep escrow list corp.test -o json --data-dir DIR")]
    List {
        /// The configuration's name
        name: String,
    },
}

pub(super) async fn execute(command: EscrowCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let EscrowCommand::List { name } = command;
    let path = ["api", "v1", "configurations", &name, "escrows"];
    let found: Vec<Escrow> = context.client()?.get(&path).await?;
    context.output.data(&found, |found| {
        table(
            [
                "OBJECT",
                "TYPE",
                "ATTEMPTS",
                "SINCE",
                "NEXT ATTEMPT",
                "REASON",
            ],
            found.iter().map(row),
        )
    })?;
    Ok(0)
}

fn row(escrow: &Escrow) -> [String; 6] {
    let next = escrow.next_attempt.as_deref();
    [
        escrow.dn.clone(),
        escrow.kind.clone(),
        escrow.attempts.to_string(),
        escrow.first_failed.clone(),
        next.unwrap_or("when it changes").to_owned(),
        escrow.reason.clone(),
    ]
}
