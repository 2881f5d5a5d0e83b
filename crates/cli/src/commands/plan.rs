//! `lockstep plan`

use super::Context;
use crate::client::Client;
use crate::failure::Failure;
use crate::spec_file::{self, SpecFile};
use indicatif::{ProgressBar, ProgressStyle};
use lockstep_api::admin::{Plan, PlanEntry};
use reqwest::Method;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How many objects of a kind a person is shown one by one.
const SHOWN: usize = 200;

/// Of what.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// A configuration file: what the first cycle after applying it would do
    #[arg(required_unless_present = "configuration")]
    file: Option<PathBuf>,
    /// A configuration as it is: what its next cycle would do
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    configuration: Option<String>,
}

pub(super) async fn execute(args: &PlanArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let plan = match (&args.file, &args.configuration) {
        (Some(path), _) => of_file(&client, &spec_file::read(path)?, context).await?,
        (None, Some(name)) => {
            let path = ["api", "v1", "configurations", name, "plan"];
            waiting(context, client.post_with(&path, &[])).await?
        }
        (None, None) => return Err(Failure::usage("expected a file, or --configuration NAME")),
    };
    context.output.data(&plan, shown)?;
    Ok(0)
}

/// The plan of a file.
pub(super) async fn of_file(
    client: &Client,
    file: &SpecFile,
    context: &Context<'_>,
) -> Result<Plan, Failure> {
    let plan = client.send_for(Method::POST, &["api", "v1", "plan"], &file.spec);
    waiting(context, plan)
        .await
        .map_err(|failure| file.refused(failure))
}

/// Shows that something is under way, if somebody is looking: a plan may have to read AD.
async fn waiting<T>(
    context: &Context<'_>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    if !context.output.is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new_spinner().with_message("reading and deciding");
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let result = work.await;
    bar.finish_and_clear();
    result
}

/// A plan for people: a line for each object, then the counts.
pub(super) fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for (sign, list) in [
        ('+', &plan.creates),
        ('^', &plan.restores),
        ('~', &plan.updates),
        ('-', &plan.deletes),
        (' ', &plan.skipped),
    ] {
        for entry in list.iter().take(SHOWN) {
            line(&mut text, sign, entry);
        }
        if list.len() > SHOWN {
            let _ = writeln!(
                text,
                "{sign} … and {} more (all of them with -o json)",
                list.len() - SHOWN
            );
        }
    }
    let counts = &plan.counts;
    let _ = writeln!(
        text,
        "{} to create, {} to restore, {} to update, {} to delete; {} skipped, {} not possible, {} unchanged",
        counts.creates,
        counts.restores,
        counts.updates,
        counts.deletes,
        counts.skipped,
        counts.failed,
        counts.unchanged
    );
    if counts.held > 0 {
        let _ = writeln!(text, "the deletes would be held: they reach the threshold");
    }
    if counts.replaced_upns > 0 {
        let _ = writeln!(
            text,
            "{} users get a name at the initial domain, because the tenant does not own their suffix; \
             `lockstep domain add SUFFIX` avoids that",
            counts.replaced_upns
        );
    }
    text
}

fn line(text: &mut String, sign: char, entry: &PlanEntry) {
    let name = entry.dn.as_deref().unwrap_or(&entry.anchor);
    let _ = writeln!(text, "{sign} {} {name}: {}", entry.kind, entry.reason);
    // What a new object gets is the whole mapping: of interest one by one, in JSON.
    if sign == '+' {
        return;
    }
    for change in &entry.changes {
        let value = |value: &Option<serde_json::Value>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let _ = writeln!(
            text,
            "    {}: {} -> {}",
            change.property,
            value(&change.old),
            value(&change.new)
        );
    }
}
