//! `lockstep provision`

use super::{Context, PARTLY};
use crate::failure::Failure;
use lockstep_api::admin::{Provision, Provisioned};
use lockstep_model::log::Status;
use reqwest::Method;
use std::fmt::Write as _;

/// Which object.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProvisionArgs {
    /// The configuration
    name: String,
    /// The distinguished name of the object in Active Directory
    #[arg(long, value_name = "DN")]
    dn: String,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Provision it although it is out of scope; the next cycle that looks at it takes it away again
    #[arg(long)]
    ignore_scope: bool,
}

pub(super) async fn execute(args: &ProvisionArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let wish = Provision {
        dn: args.dn.clone(),
        dry_run: args.dry_run,
        ignore_scope: args.ignore_scope,
    };
    let path = ["api", "v1", "configurations", &args.name, "provision"];
    let told: Provisioned = context
        .client()?
        .send_for(Method::POST, &path, &wish)
        .await?;
    context.output.data(&told, shown)?;
    Ok(match told.status {
        Status::Failure => PARTLY,
        Status::Success | Status::Skipped | Status::Warning => 0,
    })
}

fn shown(told: &Provisioned) -> String {
    let mut text = String::new();
    for step in &told.steps {
        let _ = writeln!(
            text,
            "{:7} {:8} {}",
            step.name, step.status, step.description
        );
    }
    for change in &told.modified_properties {
        let value = |value: &Option<serde_json::Value>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let (old, new) = (value(&change.old), value(&change.new));
        let _ = writeln!(text, "    {}: {old} -> {new}", change.property);
    }
    text
}
