//! The provisioning log and the audit log.

use super::{Query, Shared, time, views};
use crate::ask::ask;
use crate::cycle::REFERENCE_FAILURE;
use crate::directory;
use crate::failure::Failure;
use crate::http::auth::Caller;
use crate::log;
use crate::service::Service;
use crate::{configurations, provision};
use axum::extract::State;
use lockstep_api::admin::{AuditEntry as AuditView, LogEntry as LogView, LogPage, LogStep};
use lockstep_api::channel::{self, Outcome, Resolve, ResolveBy, Resolved};
use lockstep_api::problem::Problem;
use lockstep_directory::UniqueValue;
use lockstep_engine::Reason;
use lockstep_model::ids::{ConfigurationId, CycleId, ObjectId};
use lockstep_model::log::{Action, DISABLE, Status};
use lockstep_model::{Dn, Guid, MappedKind, PropertyValue, SourceAnchor, Timestamp, UnknownWord};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::Configuration;
use lockstep_store::records::log::{AuditEntry, LogEntry};
use lockstep_store::records::service::Agent;
use lockstep_store::{Key, Read, ReadRecords as _, Record as _, Scan, StoreError};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 100;
const LONGEST: usize = 10_000;
/// Of how many objects of one name the references are looked at.
const FEW: usize = 10;
/// How many entries are looked through in one go.
const SLICE: usize = 1_000;

/// Which entries of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct LogQuery {
    configuration: Option<String>,
    object: Option<String>,
    action: Option<String>,
    status: Option<String>,
    cycle: Option<String>,
    since: Option<String>,
    limit: Option<usize>,
    /// Entries older than this one.
    after: Option<String>,
}

/// The same, checked.
#[derive(Clone)]
struct Wanted {
    configuration: Option<ConfigurationId>,
    object: Option<ObjectText>,
    action: Option<WantedAction>,
    status: Option<Status>,
    cycle: Option<CycleId>,
    since: i64,
    limit: usize,
    before: Option<u64>,
}

/// Which action is asked for.
#[derive(Clone, Copy)]
enum WantedAction {
    Is(Action),
    /// An update that disables a user.
    Disable,
}

/// What the administrator calls an object.
#[derive(Clone)]
struct ObjectText {
    text: String,
    guid: Option<Guid>,
}

pub(super) async fn provisioning(
    State(service): Shared,
    _: Caller,
    Query(query): Query<LogQuery>,
) -> Result<axum::Json<LogPage>, Failure> {
    let rows = service.read(|tx| configurations::all(tx)).await?;
    let names = rows.iter().map(|row| (row.id, row.name.clone())).collect();
    let names: Arc<BTreeMap<ConfigurationId, String>> = Arc::new(names);
    let mut wanted = checked(query, &names)?;
    let mut found = look(&service, &wanted, &names).await?;
    add_failing_references(&service, &rows, &wanted, &mut found).await?;
    let is_at_home = |page: &LogPage| page.entries.iter().all(|entry| entry.dn.is_none());
    let Some(object) = wanted.object.clone().filter(|_| is_at_home(&found)) else {
        return Ok(axum::Json(found));
    };
    // What stays home is known here by its GUID alone: its domain knows the name.
    let of_wanted = |row: &Configuration| wanted.configuration.is_none_or(|id| id == row.id);
    let rows: Vec<Configuration> = rows.into_iter().filter(of_wanted).collect();
    let domains = rows.iter().map(|row| row.domain.clone()).collect();
    let Some(known) = at_home(&service, &object, domains).await? else {
        return Ok(axum::Json(found));
    };
    wanted.object = Some(ObjectText {
        guid: Some(known.guid),
        ..object
    });
    let mut found = look(&service, &wanted, &names).await?;
    for entry in found.entries.iter_mut().filter(|entry| entry.dn.is_none()) {
        entry.dn = Some(known.dn.clone());
    }
    if found.entries.is_empty() && wanted.is_any(Action::Skip, Status::Skipped) {
        found.entries = left_out(&service, &rows, &known).await?;
    }
    Ok(axum::Json(found))
}

/// References of the wanted object that fail, where no entry tells of them: there may have been too many at once.
async fn add_failing_references(
    service: &Arc<Service>,
    rows: &[Configuration],
    wanted: &Wanted,
    found: &mut LogPage,
) -> Result<(), Failure> {
    let told = |entry: &LogView| entry.code == REFERENCE_FAILURE;
    if wanted.object.is_none()
        || !wanted.is_any(Action::Other, Status::Warning)
        || found.entries.iter().any(told)
    {
        return Ok(());
    }
    // What an object is called, its entries tell; one that is named by its GUID need not have any.
    let sources = found.entries.iter().filter_map(|entry| {
        let row = rows.iter().find(|row| row.name == entry.configuration)?;
        Some((row.id, entry.source.parse::<Guid>().ok()?))
    });
    let named = wanted.object.as_ref().and_then(|object| object.guid);
    let named = named
        .into_iter()
        .flat_map(|guid| rows.iter().map(move |row| (row.id, guid)));
    let sources: BTreeSet<(ConfigurationId, Guid)> = sources.chain(named).collect();
    for (id, guid) in sources.into_iter().take(FEW) {
        if wanted.configuration.is_some_and(|wanted| wanted != id) {
            continue;
        }
        let configuration = rows.iter().find(|row| row.id == id);
        let name = configuration.map_or("", |row| row.name.as_str());
        for (item, since) in provision::unresolved(service, id, guid).await? {
            let entry =
                log::outside_of_cycles(item, Status::Warning, Timestamp::from_millis(since));
            let view = LogView {
                id: String::new(),
                ..views::log_entry(&entry, name, None)
            };
            found.entries.insert(0, view);
        }
    }
    Ok(())
}

/// Why an object takes no part in these configurations. Who lies outside of a scope is not logged one by one:
/// the reason is found when somebody asks.
async fn left_out(
    service: &Arc<Service>,
    rows: &[Configuration],
    known: &Resolved,
) -> Result<Vec<LogView>, Failure> {
    let mut entries = Vec::new();
    for row in rows.iter().filter(|row| !row.scratch) {
        let Some(one) = provision::left_out(service, row.id, known.guid).await? else {
            continue;
        };
        entries.push(LogView {
            id: String::new(),
            at: time(service.clock.now().as_millis()),
            configuration: row.name.clone(),
            cycle: None,
            action: Action::Skip,
            status: Status::Skipped,
            kind: MappedKind::word_of(one.kind()).to_owned(),
            anchor: SourceAnchor::from_object_guid(known.guid).to_string(),
            name: None,
            dn: Some(known.dn.clone()),
            source: known.guid.to_string(),
            target: None,
            code: one.reason.code().to_owned(),
            reason: one.reason.to_string(),
            initiated_by: log::DEMAND.to_owned(),
            duration_ms: 0,
            steps: left_out_steps(&one.reason),
            modified_properties: Vec::new(),
        });
    }
    Ok(entries)
}

fn left_out_steps(reason: &Reason) -> Vec<LogStep> {
    let step = |name: &str, status, description: String| LogStep {
        name: name.to_owned(),
        status,
        description,
    };
    let read = "what is known of it here was read from Active Directory".to_owned();
    vec![
        step("import", Status::Success, read),
        step("scope", Status::Skipped, reason.to_string()),
    ]
}

impl Wanted {
    /// Whether an entry of the wanted object with this action and status would be shown, whenever it was.
    fn is_any(&self, action: Action, status: Status) -> bool {
        self.cycle.is_none() && self.before.is_none() && self.is_of(action, status)
    }

    fn is_of(&self, action: Action, status: Status) -> bool {
        let is_wanted = |wanted| match wanted {
            WantedAction::Is(wanted) => wanted == action,
            WantedAction::Disable => action == Action::Update,
        };
        self.action.is_none_or(is_wanted) && self.status.is_none_or(|wanted| wanted == status)
    }
}

async fn look(
    service: &Arc<Service>,
    wanted: &Wanted,
    names: &Arc<BTreeMap<ConfigurationId, String>>,
) -> Result<LogPage, Failure> {
    let (wanted, names) = (wanted.clone(), Arc::clone(names));
    Ok(service.read(move |tx| page(tx, &wanted, &names)).await?)
}

/// The object that bears a name in one of these domains, as far as agents can be asked. None is waited for.
async fn at_home(
    service: &Arc<Service>,
    object: &ObjectText,
    domains: BTreeSet<String>,
) -> Result<Option<Resolved>, Failure> {
    let now = service.clock.now().as_millis();
    let agents: Vec<Agent> = service
        .read(|tx| tx.list(&Scan::of(Key::empty(), usize::MAX)))
        .await?;
    let is_served = |domain: &String| {
        let mut agents = agents.iter().filter(|agent| agent.is_active(now));
        agents.any(|agent| agent.domains.contains(domain))
    };
    let (by, value) = match object.guid {
        Some(guid) => (ResolveBy::Guid, guid.to_string()),
        None if object
            .text
            .parse::<Dn>()
            .is_ok_and(|dn| !dn.steps().is_empty()) =>
        {
            (ResolveBy::Dn, object.text.clone())
        }
        None => (ResolveBy::Name, object.text.clone()),
    };
    for domain in domains.iter().filter(|domain| is_served(domain)) {
        let action = channel::Action::Resolve(Resolve {
            by,
            value: value.clone(),
        });
        // A domain that does not answer leaves the entries as they are: without a name.
        if let Ok(Outcome::Resolved { objects }) = ask(service, domain, action).await
            && let Some(known) = objects.into_iter().next()
        {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

fn checked(query: LogQuery, names: &BTreeMap<ConfigurationId, String>) -> Result<Wanted, Problem> {
    let bad = |title: String| Problem::new(400, "BadRequest", title);
    let configuration = match query.configuration {
        Some(name) => {
            let found = names.iter().find(|(_, known)| **known == name);
            Some(*found.ok_or_else(|| configurations::not_found(&name))?.0)
        }
        None => None,
    };
    let since = time_of(query.since.as_deref())?;
    let cycle = match query.cycle {
        Some(text) => Some(text.parse().map_err(|_| {
            bad(format!(
                "cycle: expected the id of a cycle, received `{text}`"
            ))
        })?),
        None => None,
    };
    let before = match query.after {
        Some(text) => Some(
            text.parse()
                .map_err(|_| bad("after: expected what `next` of a page before says".into()))?,
        ),
        None => None,
    };
    Ok(Wanted {
        configuration,
        object: query.object.map(|text| ObjectText {
            guid: text.parse().ok().or_else(|| {
                text.parse::<SourceAnchor>()
                    .ok()
                    .and_then(|anchor| anchor.guid())
            }),
            text: text.to_lowercase(),
        }),
        action: action(query.action.as_deref())?,
        status: word("status", query.status.as_deref())?,
        cycle,
        since,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LONGEST),
        before,
    })
}

fn page(
    tx: &mut dyn Read,
    wanted: &Wanted,
    names: &BTreeMap<ConfigurationId, String>,
) -> Result<LogPage, StoreError> {
    let (entries, more) = match &wanted.object {
        Some(object) => {
            let mut entries = Vec::new();
            for source in sources(tx, object)? {
                let prefix = Key::empty().with(source);
                entries.extend(along(tx, wanted, Some(LogEntry::BY_OBJECT), prefix)?.0);
            }
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.number));
            let more = entries.len() >= wanted.limit;
            entries.truncate(wanted.limit);
            (entries, more)
        }
        None => {
            // The narrowest index that fits.
            let (index, prefix) = match (wanted.cycle, wanted.configuration) {
                (Some(cycle), _) => (Some(LogEntry::BY_CYCLE), Key::empty().with(cycle)),
                (_, Some(id)) => (Some(LogEntry::BY_CONFIGURATION), Key::empty().with(id)),
                _ => (None, Key::empty()),
            };
            along(tx, wanted, index, prefix)?
        }
    };
    let next = entries.last().filter(|_| more);
    let next = next.map(|last| last.number.to_string());
    shown(tx, &entries, names, next)
}

/// Entries that fit, newest first, along an index; and whether there may be more.
fn along(
    tx: &mut dyn Read,
    wanted: &Wanted,
    index: Option<usize>,
    prefix: Key,
) -> Result<(Vec<LogEntry>, bool), StoreError> {
    let mut scan = match index {
        Some(index) => Scan::along(index, prefix.clone(), SLICE),
        None => Scan::of(prefix.clone(), SLICE),
    };
    if let Some(before) = wanted.before {
        let own = Key::empty().with(u64::MAX - before);
        let place = match index {
            Some(_) => prefix.with(u64::MAX - before),
            None => own.clone(),
        };
        scan.after = Some((place, own));
    }
    let mut entries = Vec::new();
    loop {
        let rows: Vec<LogEntry> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok((entries, false));
        };
        scan = scan.behind(last);
        for row in rows {
            if row.at < wanted.since {
                return Ok((entries, false));
            }
            if fits(&row, wanted) {
                entries.push(row);
                if entries.len() == wanted.limit {
                    return Ok((entries, true));
                }
            }
        }
    }
}

/// The objects of AD that are, or once were, called so: what became of one that was deleted is asked for by the
/// name that it had, and not every entry names it.
fn sources(tx: &mut dyn Read, object: &ObjectText) -> Result<BTreeSet<Guid>, StoreError> {
    let mut sources: BTreeSet<Guid> = object.guid.into_iter().collect();
    // A GUID may be that of the object in the cloud directory.
    let of_directory = match object.guid {
        Some(guid) => vec![ObjectId::new(guid)],
        None => {
            let name = UniqueValue::user_principal_name(&object.text);
            let owners = directory::owners(tx, &[name])?;
            owners.into_iter().flatten().collect()
        }
    };
    for id in of_directory {
        let scan = Scan::along(LinkRow::BY_OBJECT, Key::empty().with(id), SLICE);
        let links: Vec<LinkRow> = tx.list(&scan)?;
        sources.extend(links.iter().map(|link| link.guid));
    }
    if let Some(guid) = object.guid {
        let known = Scan::along(LogEntry::BY_OBJECT, Key::empty().with(guid), 1);
        let known: Vec<LogEntry> = tx.list(&known)?;
        if !known.is_empty() || sources.len() > 1 {
            return Ok(sources);
        }
    }
    let mut scan = Scan::of(Key::empty(), SLICE);
    loop {
        let rows: Vec<LogEntry> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(sources);
        };
        scan = scan.behind(last);
        let named = rows.iter().filter(|row| is_called(row, object));
        sources.extend(named.map(|row| row.source));
    }
}

/// Whether an entry is about an object that is called so.
fn is_called(row: &LogEntry, object: &ObjectText) -> bool {
    if let Some(guid) = object.guid {
        return row.target == Some(ObjectId::new(guid));
    }
    let named = [&row.dn, &row.name].into_iter().flatten();
    let mut named = named.map(|name| name.to_lowercase());
    named.any(|name| name == object.text) || names_it(row, &object.text)
}

/// The entries with what is known of their configurations and cycles.
fn shown(
    tx: &mut dyn Read,
    entries: &[LogEntry],
    names: &BTreeMap<ConfigurationId, String>,
    next: Option<String>,
) -> Result<LogPage, StoreError> {
    let cycles = log::cycles_of(tx, entries)?;
    let view = |row: &LogEntry| {
        let name = names.get(&row.configuration).map_or("", String::as_str);
        let cycle = row.cycle.and_then(|id| cycles.get(&id));
        views::log_entry(row, name, cycle)
    };
    Ok(LogPage {
        entries: entries.iter().map(view).collect(),
        next,
    })
}

fn fits(row: &LogEntry, wanted: &Wanted) -> bool {
    wanted
        .configuration
        .is_none_or(|id| id == row.configuration)
        && wanted.cycle.is_none_or(|id| row.cycle == Some(id))
        && wanted.is_of(row.action, row.status)
        && (!matches!(wanted.action, Some(WantedAction::Disable)) || disables(row))
}

/// Whether an entry tells that a user was disabled: an update like any other, which may change more besides.
fn disables(row: &LogEntry) -> bool {
    let disabled = Some(PropertyValue::Boolean(false));
    let mut changes = row.changes.iter();
    row.action == Action::Update
        && changes.any(|change| change.property == "accountEnabled" && change.new == disabled)
}

/// Whether an entry's changes name the object so.
fn names_it(row: &LogEntry, text: &str) -> bool {
    const NAMES: [&str; 4] = [
        "userPrincipalName",
        "onPremisesUserPrincipalName",
        "onPremisesSamAccountName",
        "mail",
    ];
    row.changes
        .iter()
        .filter(|change| NAMES.contains(&change.property.as_str()))
        .flat_map(|change| [&change.old, &change.new])
        .flatten()
        .any(|value| {
            value
                .as_text()
                .is_some_and(|value| value.to_lowercase() == text)
        })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    limit: Option<usize>,
    actor: Option<String>,
    activity: Option<String>,
    target: Option<String>,
    since: Option<String>,
    /// Entries older than this one.
    after: Option<String>,
}

pub(super) async fn audit(
    State(service): Shared,
    _: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<axum::Json<Vec<AuditView>>, Failure> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LONGEST);
    let since = time_of(query.since.as_deref())?;
    let before: Option<u64> = match &query.after {
        Some(text) => Some(text.parse().map_err(|_| {
            let title = format!("after: expected the id of an entry, received `{text}`");
            Problem::new(400, "BadRequest", title)
        })?),
        None => None,
    };
    let rows: Vec<AuditEntry> = service
        .read(move |tx| audited(tx, &query, since, before, limit))
        .await?;
    let json = |text: Option<String>| {
        text.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    };
    let view = |row: AuditEntry| AuditView {
        id: format!("{:020}", row.number),
        at: time(row.at),
        actor: row.actor,
        activity: row.activity,
        target: row.target,
        old: json(row.old),
        new: json(row.new),
    };
    Ok(axum::Json(rows.into_iter().map(view).collect()))
}

/// An action that is asked for.
fn action(text: Option<&str>) -> Result<Option<WantedAction>, Problem> {
    if text.is_some_and(|text| text.eq_ignore_ascii_case(DISABLE)) {
        return Ok(Some(WantedAction::Disable));
    }
    Ok(word("action", text)?.map(WantedAction::Is))
}

/// A word that is asked for.
fn word<T: FromStr<Err = UnknownWord>>(
    parameter: &str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|error| Problem::new(400, "BadRequest", format!("{parameter}: {error}")))
}

/// The time from which on entries are wanted; all, unless one is given.
fn time_of(text: Option<&str>) -> Result<i64, Problem> {
    let Some(text) = text else {
        return Ok(i64::MIN);
    };
    let time = text.parse::<Timestamp>().map_err(|_| {
        let title =
            format!("since: expected a time such as 2026-01-31T12:00:00Z, received `{text}`");
        Problem::new(400, "BadRequest", title)
    })?;
    Ok(time.as_millis())
}

/// The newest entries of the audit log that are asked for.
fn audited<T: Read + ?Sized>(
    tx: &mut T,
    query: &AuditQuery,
    since: i64,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let same = |wanted: &Option<String>, own: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
    };
    let mut scan = Scan::of(Key::empty(), SLICE);
    scan.after = before.map(|before| {
        let place = AuditEntry::key_of(&before);
        (place.clone(), place)
    });
    let mut found = Vec::new();
    loop {
        let rows: Vec<AuditEntry> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        scan = scan.behind(last);
        for row in rows {
            if row.at < since || found.len() == limit {
                return Ok(found);
            }
            if same(&query.actor, &row.actor)
                && same(&query.activity, &row.activity)
                && same(&query.target, &row.target)
            {
                found.push(row);
            }
        }
    }
}
