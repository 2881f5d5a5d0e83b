//! `lockstep escrow`

use super::Context;
use crate::failure::Failure;
use crate::output::table;
use clap::Subcommand;
use lockstep_api::admin::Escrow;
use serde_json::Value;

/// How many properties of a request are named.
const NAMED: usize = 3;

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
                "REQUEST",
                "CODE",
                "REASON",
            ],
            found.iter().map(row),
        )
    })?;
    Ok(0)
}

fn row(escrow: &Escrow) -> [String; 8] {
    let next = escrow.next_attempt.as_deref();
    [
        escrow.dn.clone(),
        escrow.kind.clone(),
        escrow.attempts.to_string(),
        escrow.first_failed.clone(),
        next.unwrap_or("when it changes").to_owned(),
        request(&escrow.request),
        escrow.code.clone(),
        escrow.reason.clone(),
    ]
}

/// What was to be done, and to what; the values would hide the other rows, and stand in the JSON.
fn request(request: &Value) -> String {
    let action = request["action"].as_str().unwrap_or_default();
    let values = request["values"].as_object();
    let names: Vec<&str> = values
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut text = match names.len() {
        0 => action.to_owned(),
        1..=NAMED => format!("{action} {}", names.join(", ")),
        more => format!("{action} {}, … ({more})", names[..NAMED].join(", ")),
    };
    for failed in request["failed"].as_array().into_iter().flatten() {
        let target = failed["target"].as_str().unwrap_or_default();
        text.push_str(&format!("; not {target}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_told_with_the_names_of_a_few_properties_and_no_value() {
        let values = json!({"city": "x", "mail": "y", "state": "z", "street": null});
        for (given, expected) in [
            (json!({"action": "Delete"}), "Delete"),
            (
                json!({"action": "Update", "values": {"mail": "y"}}),
                "Update mail",
            ),
            (
                json!({"action": "Create", "values": values}),
                "Create city, mail, state, … (4)",
            ),
            (
                json!({"action": "Update", "values": {"mail": "y"}, "failed": [{"target": "city"}]}),
                "Update mail; not city",
            ),
            (json!(null), ""),
        ] {
            assert_eq!(request(&given), expected);
        }
    }
}
