//! `lockstep reconcile`

use super::{Context, PARTLY};
use crate::failure::Failure;
use crate::output::table;
use lockstep_api::admin::{Drift, Reconciled};

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReconcileArgs {
    /// The configuration's name
    name: String,
    /// Repair what drifted, under the guard like everything else
    #[arg(long)]
    repair: bool,
}

pub(super) async fn execute(args: &ReconcileArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "configurations", &args.name, "reconcile"];
    let query = [("repair", args.repair.to_string())];
    let done: Reconciled = client.post_with(&path, &query).await?;
    context.output.data(&done, shown)?;
    Ok(if done.drifting > done.repaired {
        PARTLY
    } else {
        0
    })
}

fn shown(done: &Reconciled) -> String {
    let summary = format!(
        "{} compared, {} drifting, {} repaired\n",
        done.compared, done.drifting, done.repaired
    );
    if done.drifts.is_empty() {
        return summary;
    }
    let row = |drift: &Drift| {
        [
            drift.dn.clone().unwrap_or_else(|| drift.anchor.clone()),
            drift.kind.clone(),
            drift.action.to_string(),
            drift.reason.clone(),
        ]
    };
    let rows = done.drifts.iter().map(row);
    let left_out = done.drifting.saturating_sub(done.drifts.len() as u64);
    let more = match left_out {
        0 => String::new(),
        more => format!("… and {more} more\n"),
    };
    format!(
        "{}{more}{summary}",
        table(["OBJECT", "TYPE", "REMEDY", "REASON"], rows)
    )
}
