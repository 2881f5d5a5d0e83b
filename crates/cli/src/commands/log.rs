//! `lockstep log` and `lockstep audit`

use super::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::output::table;
use clap::builder::{PossibleValuesParser, RangedI64ValueParser, TypedValueParser};
use lockstep_api::admin::{AuditEntry, LogEntry, LogPage};
use lockstep_model::log::{Action, DISABLE, Status};
use lockstep_model::{Timestamp, UnknownWord};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often new entries are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Which entries of the provisioning log.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Of this configuration
    #[arg(long, value_name = "NAME")]
    configuration: Option<String>,
    /// About this object: a distinguished name, a user principal name, an account name or an anchor
    #[arg(long, value_name = "TEXT")]
    object: Option<String>,
    /// With this action; Disable: updates that disable a user
    #[arg(long, value_parser = actions(), ignore_case = true)]
    action: Option<String>,
    /// With this status
    #[arg(long, value_parser = one_of::<Status>(Status::WORDS), ignore_case = true)]
    status: Option<Status>,
    /// Of this cycle
    #[arg(long, value_name = "ID")]
    cycle: Option<String>,
    /// Not older than this: a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = limits())]
    limit: u32,
    /// Go on with new entries as they come, oldest first
    #[arg(long)]
    follow: bool,
}

/// Which entries of the audit log.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Done by this one
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this, such as ConfigurationChanged
    #[arg(long, value_name = "WHAT")]
    activity: Option<String>,
    /// Done to this
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Not older than this: a time such as 2026-01-31T12:00:00Z, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// At most so many
    #[arg(long, value_name = "N", default_value = "100", value_parser = limits())]
    limit: u32,
}

pub(super) async fn execute(args: &LogArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut query = Vec::new();
    for (name, value) in [
        ("configuration", &args.configuration),
        ("object", &args.object),
        ("action", &args.action),
        ("status", &args.status.map(|status| status.to_string())),
        ("cycle", &args.cycle),
        ("since", &args.since.map(|since| since.to_string())),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    query.push(("limit", args.limit.to_string()));
    let path = ["api", "v1", "log"];
    let page: LogPage = client.get_with(&path, &query).await?;
    // Of one object it is asked how it came to that.
    let steps = args.object.is_some();
    if !args.follow {
        show(&page.entries, steps, context)?;
        if let (Some(object), true) = (&args.object, page.entries.is_empty()) {
            context.output.say(&format!(
                "nothing was ever decided about {object}, as far as these entries go: it is out of scope, or \
                 not there"
            ));
        }
        return Ok(0);
    }
    let mut entries = page.entries;
    entries.reverse();
    show(&entries, steps, context)?;
    let mut last = entries.pop().map(|newest| newest.id);
    loop {
        tokio::time::sleep(LOOK).await;
        let next = async |after: Option<String>| {
            let mut query = query.clone();
            query.extend(after.map(|after| ("after", after)));
            client.get_with(&path, &query).await
        };
        let entries = newer(last.as_deref(), next).await?;
        show(&entries, steps, context)?;
        last = entries
            .into_iter()
            .next_back()
            .map(|newest| newest.id)
            .or(last);
    }
}

/// Everything that is newer than what was seen last, oldest first: as many pages as it takes.
async fn newer(
    last: Option<&str>,
    page: impl AsyncFn(Option<String>) -> Result<LogPage, Failure>,
) -> Result<Vec<LogEntry>, Failure> {
    let is_new = |entry: &LogEntry| last.is_none_or(|last| entry.id.as_str() > last);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let LogPage { entries, next } = page(after).await?;
        let goes_on = entries.last().is_some_and(&is_new);
        found.extend(entries.into_iter().filter(&is_new));
        after = next;
        if !goes_on || after.is_none() {
            found.reverse();
            return Ok(found);
        }
    }
}

/// The actions that there are, and what is asked for like one.
fn actions() -> PossibleValuesParser {
    PossibleValuesParser::new(Action::WORDS.iter().copied().chain([DISABLE]))
}

/// One of these words; they are offered for completion.
fn one_of<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = UnknownWord> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

/// How many entries the service gives at once.
fn limits() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=10_000)
}

/// A time, or how long ago it was.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = duration(text).map_err(|_| {
        format!(
            "expected a time such as 2026-01-31T12:00:00Z, or 90s, 10m, 2h or 7d, received `{text}`"
        )
    })?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_millis(millis).minus(ago))
}

fn show(entries: &[LogEntry], steps: bool, context: &Context<'_>) -> Result<(), Failure> {
    if context.output.is_json() {
        return entries
            .iter()
            .try_for_each(|entry| context.output.json_line(entry));
    }
    let text: String = entries.iter().map(|entry| line(entry, steps)).collect();
    context.output.raw(text.as_bytes())
}

fn line(entry: &LogEntry, steps: bool) -> String {
    let name = entry.dn.as_deref().unwrap_or(&entry.anchor);
    let mut text = format!(
        "{} {} {} {} {name}: {} ({})\n",
        entry.at, entry.status, entry.action, entry.kind, entry.reason, entry.code
    );
    if steps {
        let steps = entry.steps.iter();
        let steps: Vec<String> = steps
            .map(|step| format!("{} {}", step.name, step.status))
            .collect();
        text.push_str(&format!(
            "    {} ({} ms)\n",
            steps.join(", "),
            entry.duration_ms
        ));
    }
    // What an object is made with is told by the directory; here it would hide the other entries.
    let changes = match entry.action {
        Action::Create => &[][..],
        _ => &entry.modified_properties,
    };
    for change in changes {
        let shown = |value: &Option<serde_json::Value>| match value {
            None => "nothing".to_owned(),
            Some(value) => value.to_string(),
        };
        text.push_str(&format!(
            "    {}: {} -> {}\n",
            change.property,
            shown(&change.old),
            shown(&change.new)
        ));
    }
    text
}

pub(super) async fn audit(args: &AuditArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let client = context.client()?;
    let mut query = vec![("limit", args.limit.to_string())];
    for (name, value) in [
        ("actor", &args.actor),
        ("activity", &args.activity),
        ("target", &args.target),
        ("since", &args.since.map(|since| since.to_string())),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let entries: Vec<AuditEntry> = client.get_with(&["api", "v1", "audit"], &query).await?;
    context.output.data(&entries, |entries| {
        let row = |entry: &AuditEntry| {
            [
                entry.at.clone(),
                entry.actor.clone(),
                entry.activity.clone(),
                entry.target.clone(),
            ]
        };
        table(["TIME", "WHO", "WHAT", "TARGET"], entries.iter().map(row))
    })?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn entry(number: u32) -> LogEntry {
        let entry = serde_json::json!({
            "id": format!("{number:020}"), "at": "", "configuration": "corp", "cycle": null,
            "action": "Create", "status": "Success", "type": "user", "anchor": "", "dn": null,
            "target": null, "code": "InScope", "reason": "it is in scope",
        });
        serde_json::from_value(entry).unwrap()
    }

    /// A log of so many entries in pages of ten; it counts the pages that are asked for.
    async fn found(last: u32, newest: u32) -> (Vec<u32>, usize) {
        let pages = RefCell::new(0);
        let page = async |after: Option<String>| {
            *pages.borrow_mut() += 1;
            let below = after.map_or(newest + 1, |after| after.parse().unwrap());
            let entries: Vec<LogEntry> = (0..below).rev().take(10).map(entry).collect();
            let next = entries.last().map(|entry| entry.id.clone());
            Ok(LogPage {
                next: next.filter(|_| entries.len() == 10),
                entries,
            })
        };
        let last = entry(last).id;
        let found = newer(Some(&last), page).await.unwrap();
        let numbers = found.iter().map(|entry| entry.id.parse().unwrap());
        (numbers.collect(), pages.take())
    }

    #[tokio::test]
    async fn however_many_entries_come_at_once_each_is_followed_once_and_in_order() {
        assert_eq!(found(3, 50).await, ((4..=50).collect(), 5));
        assert_eq!(found(49, 50).await, (vec![50], 1));
        assert_eq!(found(50, 50).await, (vec![], 1));
        // All of a page is new: whether there is more tells the next one.
        assert_eq!(found(40, 50).await, ((41..=50).collect(), 2));
    }

    #[test]
    fn a_line_ends_with_the_code_by_which_the_reason_is_looked_up() {
        assert!(line(&entry(1), false).ends_with(": it is in scope (InScope)\n"));
    }
}
