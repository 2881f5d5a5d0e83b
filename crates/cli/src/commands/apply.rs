//! `lockstep apply`

use super::choice::{Choosable as _, listed};
use super::{Context, plan};
use crate::client::Client;
use crate::failure::Failure;
use crate::spec_file;
use lockstep_api::admin::{Configuration, HeldDelete};
use lockstep_api::configuration::Spec;
use reqwest::Method;
use std::path::PathBuf;

/// Which file.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// The configuration file
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn execute(args: &ApplyArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let file = spec_file::read(&args.file)?;
    let spec = file.spec.clone();
    let client = context.client()?;
    let path = ["api", "v1", "configurations", &spec.name];
    let before: Option<Configuration> = client.find_at(&path).await?;
    if let Some(before) = &before {
        warn(&client, &before.configuration, &spec, context).await?;
    }
    let mut query = Vec::new();
    if !args.yes {
        context.output.can_ask()?;
        let plan = plan::of_file(&client, &file, context).await?;
        if let Some(before) = &before {
            context
                .output
                .say(&difference(&before.configuration, &spec));
        }
        context.output.say(&plan::shown(&plan));
        let question = match &before {
            Some(_) => format!("Change the configuration {}?", spec.name),
            None => format!(
                "Create the configuration {} of the domain {}?",
                spec.name, spec.domain
            ),
        };
        if !context.output.confirm(&question, false)? {
            context.output.say("nothing was changed");
            return Ok(1);
        }
        query.push(("planned", plan.configuration_version.to_string()));
    }
    let applied = client.send_with(Method::PUT, &path, &query, &spec).await;
    let applied: Configuration = applied.map_err(|failure| file.refused(failure))?;
    let word = match before {
        Some(_) => "changed",
        None => "created",
    };
    context
        .output
        .data(&applied, |applied| format!("{} {word}\n", applied.name))?;
    Ok(0)
}

/// Says how much of what is held is let go by a guard that is switched off, or a limit that is lifted: nobody is asked
/// about it any more.
async fn warn(
    client: &Client,
    before: &Spec,
    after: &Spec,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let (old, new) = (&before.limits, &after.limits);
    let off = before.accidental_deletes.enabled && !after.accidental_deletes.enabled;
    let opened = [
        ("delete", "deletes", off),
        (
            "update",
            "updates",
            old.updates.is_some() && new.updates.is_none(),
        ),
        (
            "memberRemoval",
            "removals of members",
            old.member_removals.is_some() && new.member_removals.is_none(),
        ),
    ];
    if !opened.iter().any(|(_, _, opened)| *opened) {
        return Ok(());
    }
    let held: Vec<HeldDelete> = listed(client, &after.name, None).await?;
    for (change, what, _) in opened.into_iter().filter(|(_, _, opened)| *opened) {
        let is_let_go = |held: &&HeldDelete| held.change == change && held.is_open();
        let count = held.iter().filter(is_let_go).count();
        if count > 0 {
            context.output.say(&format!(
                "warning: nothing guards {what} any more: {count} that are held or wait leave with the next cycle"
            ));
        }
    }
    Ok(())
}

/// What changes in the configuration itself, setting by setting.
fn difference(before: &Spec, after: &Spec) -> String {
    let settings = |spec: &Spec| {
        let value = serde_json::to_value(spec).unwrap_or_default();
        let mut settings = Vec::new();
        flatten("", &value, &mut settings);
        settings
    };
    let (old, new) = (settings(before), settings(after));
    let find = |list: &[(String, String)], key: &str| {
        let found = list.iter().find(|(known, _)| known == key);
        found.map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = old.iter().chain(&new).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter_map(|key| {
            let (old, new) = (find(&old, key), find(&new, key));
            (old != new).then(|| format!("  {key}: {old} -> {new}\n"))
        })
        .collect()
}

fn flatten(prefix: &str, value: &serde_json::Value, settings: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, value) in map {
                let key = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                flatten(&key, value, settings);
            }
        }
        other => settings.push((prefix.to_owned(), other.to_string())),
    }
}
