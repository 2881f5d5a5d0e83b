//! `lockstep configuration` and `lockstep restart`

use super::Context;
use crate::failure::Failure;
use crate::output::{fields, table};
use clap::Subcommand;
use lockstep_api::admin::{Configuration, Restart};
use reqwest::Method;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigurationCommand {
    /// List the configurations
    #[command(after_help = "Example:\n  lockstep configuration list --data-dir DIR")]
    List,
    /// Show one configuration and how its job stands
    #[command(
        after_help = "Example:\n  lockstep configuration show corp.test -o json --data-dir DIR"
    )]
    Show {
        /// Its name
        name: String,
    },
    /// No more cycles by clock or change; `cycle run` still works
    #[command(after_help = "Example:\n  lockstep configuration pause corp.test --data-dir DIR")]
    Pause {
        /// Its name
        name: String,
    },
    /// Cycles by clock and change again
    #[command(after_help = "Example:\n  lockstep configuration resume corp.test --data-dir DIR")]
    Resume {
        /// Its name
        name: String,
    },
    /// Delete a configuration; what it provisioned stays in the directory
    ///
    /// To remove what it provisioned, apply the configuration with an empty organizational unit as its scope first.
    #[command(
        after_help = "Example:\n  lockstep configuration delete corp.test --yes --data-dir DIR\n  lockstep configuration \
                      delete corp.test --hand-over-to cloud --data-dir DIR"
    )]
    Delete {
        /// Its name
        name: String,
        /// Whose the objects are from then on: `cloud`, or the name of a configuration that has them in its scope
        #[arg(long, value_name = "NAME")]
        hand_over_to: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What a job is to forget.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestartArgs {
    /// The configuration's name
    name: String,
    /// What to forget, separated by commas [default: watermark,escrows,quarantine]
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    reset: Vec<Reset>,
}

/// What can be forgotten.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Reset {
    /// Where reading goes on; the next cycle is a full one
    Watermark,
    /// Objects that wait for their next attempt; they are tried at once
    Escrows,
    /// Why the job is held or slowed down
    Quarantine,
    /// Which object belongs to which; they are matched anew
    Links,
    /// All but the links; the next cycle is a full one
    Full,
}

impl Reset {
    const fn name(self) -> &'static str {
        let reset = match self {
            Self::Watermark => lockstep_model::Reset::Watermark,
            Self::Escrows => lockstep_model::Reset::Escrows,
            Self::Quarantine => lockstep_model::Reset::Quarantine,
            Self::Links => lockstep_model::Reset::Links,
            Self::Full => lockstep_model::Reset::Full,
        };
        reset.as_str()
    }
}

pub(super) async fn execute(
    command: ConfigurationCommand,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        ConfigurationCommand::List => {
            let found: Vec<Configuration> = client.get(&["api", "v1", "configurations"]).await?;
            context.output.data(&found, |found| {
                table(
                    [
                        "NAME",
                        "DOMAIN",
                        "STATUS",
                        "LAST CYCLE",
                        "USERS",
                        "GROUPS",
                        "CONTACTS",
                    ],
                    found.iter().map(row),
                )
            })?;
        }
        ConfigurationCommand::Show { name } => {
            let found: Configuration = client.get(&["api", "v1", "configurations", &name]).await?;
            context.output.data(&found, shown)?;
        }
        ConfigurationCommand::Pause { name } => switch(&client, &name, "pause", context).await?,
        ConfigurationCommand::Resume { name } => switch(&client, &name, "resume", context).await?,
        ConfigurationCommand::Delete {
            name,
            hand_over_to,
            yes,
        } => {
            let path = ["api", "v1", "configurations", &name];
            // One whose deletion has begun is not listed any more, and there is nothing to ask: the service goes on
            // with it, or says that there is none.
            let found: Option<Configuration> = client.find_at(&path).await?;
            let question = found.map(|found| format!(
                "Delete the configuration {} of {}? Its {} users, {} groups and {} contacts stay in the \
                 directory {}.",
                found.name,
                found.domain,
                found.counts.users,
                found.counts.groups,
                found.counts.contacts,
                heir(hand_over_to.as_deref())
            ));
            if let Some(question) = question
                && !context.output.confirm(&question, yes)?
            {
                context.output.say("nothing was changed");
                return Ok(1);
            }
            let query: Vec<_> = hand_over_to
                .map(|to| ("handOverTo", to))
                .into_iter()
                .collect();
            client.order_with(Method::DELETE, &path, &query).await?;
            context.output.say("deleted");
        }
    }
    Ok(0)
}

/// What becomes of the objects.
fn heir(hand_over_to: Option<&str>) -> String {
    match hand_over_to {
        None => "and are synchronised no more (--hand-over-to hands them over)".to_owned(),
        Some("cloud") => "and are the cloud's from then on".to_owned(),
        Some(name) => format!("; {name} takes over those that it has in its scope"),
    }
}

async fn switch(
    client: &crate::client::Client,
    name: &str,
    what: &str,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let path = ["api", "v1", "configurations", name, what];
    let changed: Configuration = client.post_with(&path, &[]).await?;
    context
        .output
        .data(&changed, |changed| format!("{}\n", changed.status))
}

pub(super) async fn restart(args: RestartArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let path = ["api", "v1", "configurations", &args.name, "restart"];
    let body = Restart {
        reset: (!args.reset.is_empty()).then(|| names(&args.reset)),
    };
    let changed: Configuration = client.send_for(Method::POST, &path, &body).await?;
    context
        .output
        .data(&changed, |changed| format!("{}\n", changed.status))?;
    Ok(0)
}

fn names(resets: &[Reset]) -> Vec<String> {
    resets.iter().map(|reset| reset.name().to_owned()).collect()
}

fn last_cycle(configuration: &Configuration) -> String {
    let last = configuration.last_cycle.as_ref();
    last.map_or_else(
        || "none".into(),
        |cycle| {
            format!(
                "{} {}",
                cycle.state,
                cycle.ended_at.as_deref().unwrap_or("")
            )
        },
    )
}

fn row(configuration: &Configuration) -> [String; 7] {
    [
        configuration.name.clone(),
        configuration.domain.clone(),
        configuration.status.clone(),
        last_cycle(configuration),
        configuration.counts.users.to_string(),
        configuration.counts.groups.to_string(),
        configuration.counts.contacts.to_string(),
    ]
}

fn shown(configuration: &Configuration) -> String {
    let scope = &configuration.configuration.scope;
    let units = match &scope.organizational_units {
        Some(units) => units.join("; "),
        None => "the whole domain".into(),
    };
    let mut lines = vec![
        ("name", configuration.name.clone()),
        ("domain", configuration.domain.clone()),
        ("status", configuration.status.clone()),
        ("scope", units),
    ];
    if configuration.configuration.staging {
        lines.push(("staging", "everything is planned, nothing applied".into()));
    }
    if !scope.exclude_organizational_units.is_empty() {
        lines.push(("excluded", scope.exclude_organizational_units.join("; ")));
    }
    if let Some(quarantine) = &configuration.quarantine {
        lines.push((
            "quarantine",
            format!(
                "{}: {} (since {})",
                quarantine.reason, quarantine.message, quarantine.since
            ),
        ));
        lines.extend(quarantine.request.clone().map(|text| ("request", text)));
        lines.push(("remedy", quarantine.remedy.clone()));
        if let Some(began) = &quarantine.series_began {
            let tried = quarantine.series_count;
            lines.push(("tried", format!("{tried} times in vain since {began}")));
        }
        let next = quarantine.next_attempt.clone();
        lines.push((
            "next attempt",
            next.unwrap_or_else(|| "when somebody asks for it".into()),
        ));
    }
    lines.push(("last cycle", last_cycle(configuration)));
    let job = &configuration.job;
    if let Some(running) = &job.running {
        lines.push((
            "running",
            format!("{} since {}", running.kind, running.started_at),
        ));
    }
    if let Some(progress) = &job.progress {
        let text = format!(
            "{}; {} objects decided, {} waiting",
            progress.stage, progress.decided, progress.waiting
        );
        lines.push(("progress", text));
    }
    if let Some(lag) = job.lag_seconds {
        lines.push(("lag", format!("{lag} s")));
    }
    if job.successive_failures > 0 {
        lines.push((
            "failures",
            format!("{} one after the other", job.successive_failures),
        ));
    }
    if let Some(error) = &job.password_error {
        let text = format!(
            "not read in {} cycles: {} ({})",
            job.password_failures, error.message, error.code
        );
        lines.push(("passwords", text));
        lines.extend(error.request.clone().map(|text| ("request", text)));
        lines.push(("remedy", error.remedy.clone()));
    }
    if job.escrowed > 0 {
        let text = format!(
            "{} of {}; `lockstep escrow list`",
            job.escrowed, job.entitled
        );
        lines.push(("failing", text));
    }
    if job.missing > 0 {
        let text = format!("{}; `lockstep missing list`", job.missing);
        lines.push(("missing", text));
    }
    if job.drifting > 0 {
        let at = job.last_reconciled.as_deref().unwrap_or_default();
        lines.push(("drifting", format!("{} at {at}", job.drifting)));
    }
    let absent = configuration.absent_attributes.len();
    if absent > 0 {
        let text =
            format!("{absent} attributes that the domain's schema lacks; -o json names them");
        lines.push(("left out", text));
    }
    for claim in &configuration.claims {
        let owner = claim.owner.as_deref().unwrap_or("nobody");
        let text = format!("{} claims what {owner} has: {}", claim.id, claim.reason);
        lines.push(("claim", text));
    }
    if configuration.more_claims {
        let text = format!(
            "there are more; `lockstep escrow list {}` lists them all",
            configuration.name
        );
        lines.push(("claims", text));
    }
    if let Some(error) = configuration
        .last_cycle
        .as_ref()
        .and_then(|cycle| cycle.error.as_ref())
    {
        lines.push(("error", format!("{} ({})", error.message, error.code)));
        lines.extend(error.request.clone().map(|text| ("request", text)));
        lines.push(("remedy", error.remedy.clone()));
    }
    let counts = configuration.counts;
    lines.push(("users", counts.users.to_string()));
    lines.push(("groups", counts.groups.to_string()));
    lines.push(("contacts", counts.contacts.to_string()));
    fields(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_that_is_slowed_down_tells_the_request_its_series_and_what_fails_beside_it() {
        let error = |request: &str| json!({"code": "X", "message": "no", "remedy": "do", "request": request});
        let configuration = json!({
            "id": "", "name": "corp", "domain": "corp.test", "status": "quarantine",
            "quarantine": {
                "reason": "DiskFull", "message": "the disk is full", "remedy": "make room",
                "request": "write what was decided", "since": "now", "seriesBegan": "before", "seriesCount": 3,
                "nextAttempt": null,
            },
            "lastCycle": null,
            "job": {
                "successiveFailures": 3, "exported": 0, "held": 0, "drifting": 0, "troubleshooting": "",
                "escrowed": 2, "entitled": 9, "missing": 4, "passwordFailures": 7,
                "passwordError": error("read passwords from dc1"),
                "progress": {"stage": "reading", "decided": 5, "waiting": 6},
            },
            "counts": {"users": 0, "groups": 0, "contacts": 0}, "servicePrincipal": "",
            "configuration": {"name": "corp", "domain": "corp.test"},
        });
        let configuration: Configuration = serde_json::from_value(configuration).unwrap();
        let text = shown(&configuration);
        for line in [
            "request       write what was decided\n",
            "tried         3 times in vain since before\n",
            "progress      reading; 5 objects decided, 6 waiting\n",
            "passwords     not read in 7 cycles: no (X)\n",
            "request       read passwords from dc1\n",
            "failing       2 of 9; `lockstep escrow list`\n",
            "missing       4; `lockstep missing list`\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
