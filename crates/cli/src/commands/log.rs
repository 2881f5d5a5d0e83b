//! `lockstep log` and `lockstep audit`

use super::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::output::table;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lockstep_api::admin::{AuditEntry, LogEntry, LogPage};
use lockstep_model::log::{Action, DISABLE, Status};
use lockstep_model::{Timestamp, UnknownWord};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often new entries are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How many entries the service gives at once.
const PAGE: u32 = 10_000;

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
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
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
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
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
    let page = async |limit: u32, after: Option<String>| -> Result<LogPage, Failure> {
        let mut query = query.clone();
        query.push(("limit", limit.to_string()));
        query.extend(after.map(|after| ("after", after)));
        client.get_with(&["api", "v1", "log"], &query).await
    };
    // Of one object it is asked how it came to that.
    let steps = args.object.is_some();
    if !args.follow {
        let mut count = 0;
        let each = |entries: Vec<LogEntry>| {
            count += entries.len();
            show(&entries, steps, context)
        };
        let more = newest(args.limit, &page, each).await?;
        match &args.object {
            Some(object) if count == 0 => context.output.say(&format!(
                "nothing was ever decided about {object}, as far as these entries go: it is out of scope, or \
                 not there"
            )),
            _ => say_more(more, args.limit, context),
        }
        return Ok(0);
    }
    let mut entries = Vec::new();
    let each = |page: Vec<LogEntry>| {
        entries.extend(page);
        Ok(())
    };
    newest(args.limit, &page, each).await?;
    entries.reverse();
    show(&entries, steps, context)?;
    let mut last = entries.pop().map(|newest| newest.id);
    loop {
        tokio::time::sleep(LOOK).await;
        let next = async |after| page(PAGE, after).await;
        let entries = newer(last.as_deref(), next).await?;
        show(&entries, steps, context)?;
        last = entries
            .into_iter()
            .next_back()
            .map(|newest| newest.id)
            .or(last);
    }
}

/// So many of the newest entries, in as many pages as it takes. Says whether older ones may have been left out.
async fn newest(
    limit: u32,
    page: impl AsyncFn(u32, Option<String>) -> Result<LogPage, Failure>,
    mut each: impl FnMut(Vec<LogEntry>) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let (mut left, mut after) = (limit, None);
    loop {
        let LogPage { entries, next } = page(left.min(PAGE), after).await?;
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        each(entries)?;
        if left == 0 || next.is_none() {
            return Ok(next.is_some());
        }
        after = next;
    }
}

/// Says that these are not all.
fn say_more(more: bool, limit: u32, context: &Context<'_>) {
    if more {
        context.output.say(&format!(
            "these are the newest {limit}; there may be older ones, which a greater --limit shows"
        ));
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
    let mut query = Vec::new();
    for (name, value) in [
        ("actor", &args.actor),
        ("activity", &args.activity),
        ("target", &args.target),
        ("since", &args.since.map(|since| since.to_string())),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let page = async |limit: u32, after: Option<String>| -> Result<Vec<AuditEntry>, Failure> {
        let mut query = query.clone();
        query.push(("limit", limit.to_string()));
        query.extend(after.map(|after| ("after", after)));
        client.get_with(&["api", "v1", "audit"], &query).await
    };
    let (entries, more) = audited(args.limit, &page).await?;
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
    say_more(more, args.limit, context);
    Ok(0)
}

/// So many of the newest entries of the audit log, in as many pages as it takes, and whether older ones may have been
/// left out.
async fn audited(
    limit: u32,
    page: impl AsyncFn(u32, Option<String>) -> Result<Vec<AuditEntry>, Failure>,
) -> Result<(Vec<AuditEntry>, bool), Failure> {
    let mut found: Vec<AuditEntry> = Vec::new();
    loop {
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let wanted = limit.saturating_sub(count).min(PAGE);
        if wanted == 0 {
            return Ok((found, true));
        }
        let entries = page(wanted, found.last().map(|last| last.id.clone())).await?;
        let is_full = u32::try_from(entries.len()) == Ok(wanted);
        found.extend(entries);
        if !is_full {
            return Ok((found, false));
        }
    }
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

    /// Asks for so many of a log that has so many: the ids that were shown, how many were asked for at once, and whether
    /// older ones are said to be there.
    async fn asked(limit: u32, there: u32) -> (Vec<u32>, Vec<u32>, bool) {
        let sizes = RefCell::new(Vec::new());
        let page = async |size: u32, after: Option<String>| {
            sizes.borrow_mut().push(size);
            let below = after.map_or(there + 1, |after| after.parse().unwrap());
            let first = below.saturating_sub(size).max(1);
            let entries: Vec<LogEntry> = (first..below).rev().map(entry).collect();
            let next = entries.last().map(|entry| entry.id.clone());
            Ok(LogPage {
                next: next.filter(|_| first > 1),
                entries,
            })
        };
        let mut shown = Vec::new();
        let each = |entries: Vec<LogEntry>| {
            shown.extend(entries.iter().map(|entry| entry.id.parse::<u32>().unwrap()));
            Ok(())
        };
        let more = newest(limit, page, each).await.unwrap();
        (shown, sizes.take(), more)
    }

    #[tokio::test]
    async fn as_many_entries_as_are_asked_for_are_shown_in_as_many_pages_as_it_takes() {
        let down = |first: u32, last: u32| (first..=last).rev().collect::<Vec<_>>();
        assert_eq!(asked(100, 30).await, (down(1, 30), vec![100], false));
        assert_eq!(asked(100, 300).await, (down(201, 300), vec![100], true));
        assert_eq!(asked(300, 300).await, (down(1, 300), vec![300], false));
        let pages = vec![PAGE, PAGE, 5_000];
        assert_eq!(
            asked(25_000, 30_000).await,
            (down(5_001, 30_000), pages, true)
        );
        let pages = vec![PAGE, PAGE, PAGE];
        assert_eq!(
            asked(u32::MAX, 25_000).await,
            (down(1, 25_000), pages, false)
        );
    }

    #[tokio::test]
    async fn the_audit_log_is_read_in_pages_as_well() {
        let there = 25_000_u32;
        let page = async |size: u32, after: Option<String>| {
            let below: u32 = after.map_or(there + 1, |after| after.parse().unwrap());
            let entries = (below.saturating_sub(size).max(1)..below).rev().map(|id| {
                let entry = serde_json::json!({
                    "id": format!("{id:020}"), "at": "", "actor": "", "activity": "", "target": "",
                    "old": null, "new": null,
                });
                serde_json::from_value(entry).unwrap()
            });
            Ok(entries.collect::<Vec<AuditEntry>>())
        };
        for (limit, count, more) in [
            (30, 30, true),
            (20_000, 20_000, true),
            (90_000, 25_000, false),
        ] {
            let (found, is_more) = audited(limit, &page).await.unwrap();
            assert_eq!((found.len(), is_more), (count, more), "{limit}");
        }
    }

    #[test]
    fn a_line_ends_with_the_code_by_which_the_reason_is_looked_up() {
        assert!(line(&entry(1), false).ends_with(": it is in scope (InScope)\n"));
    }
}
