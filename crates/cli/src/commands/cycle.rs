//! `lockstep cycle`

use super::{Context, PARTLY};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{fields, table};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_api::admin::{Cycle, Passwords};
use lockstep_model::CycleState;
use reqwest::Method;
use std::time::{Duration, Instant};

#[derive(Debug, Subcommand)]
pub(crate) enum CycleCommand {
    /// Run a cycle now, also while paused
    ///
    /// If one is running, it is waited for and one more runs, so that the result covers every change made
    /// before the call.
    #[command(after_help = "Example:\n  lockstep cycle run corp.test --wait --data-dir DIR")]
    Run {
        /// The configuration's name
        name: String,
        /// Wait for the result, and print it
        #[arg(long)]
        wait: bool,
    },
    /// List the last hundred cycles, newest first
    #[command(after_help = "Example:\n  lockstep cycle list corp.test --data-dir DIR")]
    List {
        /// The configuration's name
        name: String,
    },
}

pub(super) async fn execute(command: CycleCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        CycleCommand::Run { name, wait: false } => {
            let path = ["api", "v1", "configurations", &name, "cycle"];
            client.order(Method::POST, &path, None::<&()>).await?;
            context.output.say("a cycle was asked for");
            Ok(0)
        }
        CycleCommand::Run { name, wait: true } => {
            let path = ["api", "v1", "configurations", &name, "cycle"];
            let query = [("wait", "true".to_owned())];
            let run = client.post_with::<Cycle>(&path, &query);
            let cycle = with_progress(&client, &name, context, run).await?;
            context.output.data(&cycle, shown)?;
            status(&cycle, context)
        }
        CycleCommand::List { name } => {
            let path = ["api", "v1", "configurations", &name, "cycles"];
            let cycles: Vec<Cycle> = client.get(&path).await?;
            context.output.data(&cycles, |cycles| {
                table(
                    [
                        "STARTED", "KIND", "STATE", "READ", "CREATED", "UPDATED", "DELETED",
                        "FAILED", "MS", "ERROR",
                    ],
                    cycles.iter().map(row),
                )
            })?;
            Ok(0)
        }
    }
}

/// The exit status that a cycle's result gives.
fn status(cycle: &Cycle, context: &Context<'_>) -> Result<u8, Failure> {
    if let Some(error) = &cycle.error {
        let request = error.request.as_ref();
        let text = format!(
            "{} ({}){}",
            error.message,
            error.code,
            request.map_or_else(String::new, |request| format!("\n  request: {request}"))
        );
        if cycle.state == CycleState::Failed.as_str() {
            return Err(Failure::new(text).remedy(error.remedy.clone()));
        }
        context
            .output
            .say(&format!("{text}\n  remedy: {}", error.remedy));
    }
    if cycle.held > 0 {
        context.output.say(&format!(
            "{} changes are held; `lockstep deletes list` shows them",
            cycle.held
        ));
    }
    let complete = cycle.held + cycle.failed + cycle.passwords.failed == 0;
    Ok(match complete && cycle.error.is_none() {
        true => 0,
        false => PARTLY,
    })
}

/// Shows how far the cycle is while it is waited for, if somebody is looking.
async fn with_progress(
    client: &Client,
    name: &str,
    context: &Context<'_>,
    run: impl Future<Output = Result<Cycle, Failure>>,
) -> Result<Cycle, Failure> {
    if !context.output.is_terminal() {
        return run.await;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let begun = Instant::now();
    tokio::pin!(run);
    let result = loop {
        tokio::select! {
            result = &mut run => break result,
            () = tokio::time::sleep(Duration::from_millis(400)) => {
                if let Some(line) = progress(client, name, begun).await {
                    bar.set_message(line);
                }
            }
        }
    };
    bar.finish_and_clear();
    result
}

async fn progress(client: &Client, name: &str, begun: Instant) -> Option<String> {
    let path = ["api", "v1", "configurations", name, "cycles"];
    let cycles: Vec<Cycle> = client.get(&path).await.ok()?;
    let is_running = |cycle: &Cycle| cycle.state == CycleState::Running.as_str();
    let running = cycles.into_iter().find(is_running)?;
    let applied = running.created + running.updated + running.deleted + running.restored;
    let planned = applied + running.unchanged + running.skipped;
    let rate = running.imported * 1_000 / u64::try_from(begun.elapsed().as_millis()).ok()?.max(1);
    Some(format!(
        "{} read, {planned} planned, {applied} applied, {rate}/s",
        running.imported
    ))
}

fn row(cycle: &Cycle) -> [String; 10] {
    let error = cycle.error.as_ref();
    [
        cycle.started_at.clone(),
        cycle.kind.clone(),
        cycle.state.clone(),
        cycle.imported.to_string(),
        cycle.created.to_string(),
        cycle.updated.to_string(),
        cycle.deleted.to_string(),
        cycle.failed.to_string(),
        cycle.duration_ms.to_string(),
        error.map_or_else(String::new, |error| error.code.clone()),
    ]
}

fn passwords(passwords: &Passwords) -> String {
    let Passwords {
        set,
        waiting,
        skipped,
        failed,
    } = passwords;
    format!("{set} set, {waiting} waiting, {skipped} skipped, {failed} failed")
}

fn shown(cycle: &Cycle) -> String {
    let mut lines = vec![
        ("cycle", format!("{} ({})", cycle.cycle_id, cycle.kind)),
        ("state", cycle.state.clone()),
        ("read", cycle.imported.to_string()),
        ("created", cycle.created.to_string()),
        ("updated", cycle.updated.to_string()),
        ("deleted", cycle.deleted.to_string()),
        ("restored", cycle.restored.to_string()),
        ("unchanged", cycle.unchanged.to_string()),
        ("skipped", cycle.skipped.to_string()),
        ("failed", cycle.failed.to_string()),
        ("held", cycle.held.to_string()),
        ("passwords", passwords(&cycle.passwords)),
        ("took", format!("{} ms", cycle.duration_ms)),
    ];
    if let Some(planned) = cycle.planned {
        let counts = format!(
            "{} creates, {} restores, {} updates, {} deletes; staging: nothing was applied",
            planned.creates, planned.restores, planned.updates, planned.deletes
        );
        lines.push(("planned", counts));
    }
    fields(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_list_of_cycles_ends_with_the_code_of_what_stopped_each() {
        let cycle = |error| -> Cycle {
            let passwords = json!({"set": 0, "waiting": 0, "skipped": 0, "failed": 0});
            let cycle = json!({
                "cycleId": "", "kind": "full", "state": "failed", "imported": 1, "created": 0, "updated": 0,
                "deleted": 0, "restored": 0, "unchanged": 0, "skipped": 0, "failed": 0, "held": 0,
                "passwords": passwords, "error": error, "startedAt": "", "endedAt": null, "durationMs": 5,
            });
            serde_json::from_value(cycle).unwrap()
        };
        let full = json!({"code": "DiskFull", "message": "full", "remedy": "make room"});
        let (stopped, fine) = (row(&cycle(full)), row(&cycle(json!(null))));
        assert_eq!((&*stopped[8], &*stopped[9]), ("5", "DiskFull"));
        assert_eq!(fine[9], "");
    }
}
