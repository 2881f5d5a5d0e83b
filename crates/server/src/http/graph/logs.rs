//! The provisioning log as Graph shows it: `/auditLogs/provisioning`.

use super::Shared;
use super::error::GraphError;
use super::objects::Known;
use crate::log::readable;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::query::{FieldType, Fields, Filter, HasFields, Literal, Order, Test};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, MappedKind, PropertyValue, Timestamp};
use lockstep_store::records::job::{Configuration, Cycle};
use lockstep_store::records::log::{LogChange, LogEntry};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const DEFAULT_TOP: usize = 100;
const LARGEST_TOP: usize = 999;
/// How many entries one page looks at.
const MOST: usize = 50_000;
const SLICE: usize = 500;

/// What a filter can ask of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Id,
    At,
    Job,
    Cycle,
    Action,
    Status,
    Source,
    Anchor,
    SourceName,
    Target,
    ServicePrincipal,
}

/// What a filter may ask of an action: all of [`action`]'s words, and Graph's for what is never done here.
const ACTIONS: &[&str] = &[
    "create",
    "update",
    "delete",
    "restore",
    "stageddelete",
    "skip",
    "other",
    "disable",
    "unknownFutureValue",
];
/// The same of a status.
const STATUSES: &[&str] = &[
    "success",
    "skipped",
    "warning",
    "failure",
    "unknownFutureValue",
];

const FIELDS: [(&str, Field, FieldType); 14] = [
    ("id", Field::Id, FieldType::Text),
    ("activityDateTime", Field::At, FieldType::Time),
    ("jobId", Field::Job, FieldType::Text),
    ("cycleId", Field::Cycle, FieldType::Text),
    (
        "provisioningAction",
        Field::Action,
        FieldType::Word(ACTIONS),
    ),
    (
        "provisioningStatusInfo/status",
        Field::Status,
        FieldType::Word(STATUSES),
    ),
    (
        "statusInfo/status",
        Field::Status,
        FieldType::Word(STATUSES),
    ),
    ("status", Field::Status, FieldType::Word(STATUSES)),
    ("sourceIdentity/id", Field::Source, FieldType::Text),
    (
        "sourceIdentity/details/anchor",
        Field::Anchor,
        FieldType::ExactText,
    ),
    (
        "sourceIdentity/displayName",
        Field::SourceName,
        FieldType::Text,
    ),
    ("targetIdentity/id", Field::Target, FieldType::Text),
    (
        "servicePrincipal/id",
        Field::ServicePrincipal,
        FieldType::Text,
    ),
    ("changeId", Field::Id, FieldType::Text),
];

struct EntryFields;

impl Fields for EntryFields {
    type Field = Field;

    fn field(&self, name: &str) -> Result<(Field, FieldType), String> {
        let known = FIELDS
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let nearest = || {
            FIELDS
                .iter()
                .min_by_key(|f| lockstep_directory::distance(f.0, name))
        };
        known
            .map(|(_, field, kind)| (*field, *kind))
            .ok_or_else(|| nearest().map_or("jobId", |field| field.0).to_owned())
    }
}

/// An entry with what is known of its configuration.
struct Entry<'a> {
    row: &'a LogEntry,
    configuration: Option<&'a Configuration>,
}

impl HasFields<Field> for Entry<'_> {
    fn values(&self, field: &Field) -> Vec<Literal> {
        let row = self.row;
        let text = |text: &str| vec![Literal::text(text)];
        let optional =
            |text: Option<String>| text.map_or_else(Vec::new, |text| vec![Literal::text(&text)]);
        match field {
            Field::Id => text(&row.number.to_string()),
            Field::At => vec![Literal::Time(Timestamp::from_millis(row.at))],
            Field::Job => text(&row.configuration.to_string()),
            Field::Cycle => optional(row.cycle.map(|cycle| cycle.to_string())),
            Field::Action => text(action(row.action)),
            Field::Status => text(status(row.status)),
            Field::Source => text(&row.source.to_string()),
            Field::Anchor => vec![Literal::Text(row.anchor.clone())],
            Field::SourceName => optional(row.name.clone().or_else(|| row.dn.clone())),
            Field::Target => optional(row.target.map(|target| target.to_string())),
            Field::ServicePrincipal => {
                let principal = self.configuration.map(|c| c.service_principal.to_string());
                optional(principal)
            }
        }
    }
}

/// What is asked for.
struct Wish {
    filter: Option<Filter<Field>>,
    top: usize,
    after: Option<u64>,
    repeated: String,
}

pub(super) async fn provisioning(
    State(service): Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let wish = wish(&uri)?;
    let tenant = service.tenant.to_string();
    let base = service.public_url.clone();
    let body = service
        .read(move |tx| {
            let all = crate::configurations::all(tx)?;
            let configurations: BTreeMap<_, _> = all.into_iter().map(|c| (c.id, c)).collect();
            let (rows, next) = page(tx, &wish, &configurations)?;
            let cycles = crate::log::cycles_of(tx, &rows)?;
            let shown = rows.iter().map(|row| {
                let cycle = row.cycle.and_then(|id| cycles.get(&id));
                shown(row, configurations.get(&row.configuration), cycle, &tenant)
            });
            let mut body = Map::new();
            let context = format!("{base}/v1.0/$metadata#auditLogs/provisioning");
            body.insert("@odata.context".into(), context.into());
            if let Some(next) = next {
                let separator = if wish.repeated.is_empty() { "" } else { "&" };
                let token = URL_SAFE_NO_PAD.encode(next.to_be_bytes());
                let link = format!(
                    "{base}/v1.0/auditLogs/provisioning?{}{separator}%24skiptoken={token}",
                    wish.repeated
                );
                body.insert("@odata.nextLink".into(), link.into());
            }
            body.insert("value".into(), shown.collect());
            Ok(body)
        })
        .await?;
    Ok(axum::Json(body).into_response())
}

fn wish(uri: &Uri) -> Result<Wish, GraphError> {
    let mut wish = Wish {
        filter: None,
        top: DEFAULT_TOP,
        after: None,
        repeated: String::new(),
    };
    let mut repeated = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()) {
        if name != "$skiptoken" {
            repeated.append_pair(&name, &value);
        }
        match name.as_ref() {
            "$filter" => {
                let filter = Filter::parse(&value, &EntryFields);
                wish.filter = Some(filter.map_err(|error| GraphError::option("$filter", &error))?);
            }
            "$top" => {
                let top = value
                    .parse()
                    .ok()
                    .filter(|top| (1..=LARGEST_TOP).contains(top));
                wish.top = top.ok_or_else(|| {
                    GraphError::bad_request(format!(
                        "$top: expected a number from 1 to {LARGEST_TOP}, found '{value}'."
                    ))
                })?;
            }
            "$skiptoken" => {
                let bytes = URL_SAFE_NO_PAD.decode(value.as_bytes()).unwrap_or_default();
                let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| {
                    GraphError::bad_request("$skiptoken: expected the one of an @odata.nextLink.")
                })?;
                wish.after = Some(u64::from_be_bytes(bytes));
            }
            // It is the order of the log.
            "$orderby" if value.eq_ignore_ascii_case("activityDateTime desc") => {}
            other => {
                return Err(GraphError::unsupported(format!(
                    "The query option '{other}' is not supported here. Supported are $filter, $top, \
                     $skiptoken and $orderby=activityDateTime desc."
                )));
            }
        }
    }
    wish.repeated = repeated.finish();
    Ok(wish)
}

/// What a filter demands of a field, when it does so on its own.
fn demanded(filter: &Filter<Field>, wanted: Field) -> Option<&Test> {
    match filter {
        Filter::And(parts) => parts.iter().find_map(|part| demanded(part, wanted)),
        Filter::Test(field, test) if *field == wanted => Some(test),
        _ => None,
    }
}

fn demanded_id(filter: Option<&Filter<Field>>, wanted: Field) -> Option<Guid> {
    match demanded(filter?, wanted)? {
        Test::Equal(Literal::Text(text)) => text.parse().ok(),
        _ => None,
    }
}

/// A page of entries, newest first, along the narrowest index that fits, and where to go on.
fn page(
    tx: &mut dyn Read,
    wish: &Wish,
    configurations: &BTreeMap<lockstep_model::ids::ConfigurationId, Configuration>,
) -> Result<(Vec<LogEntry>, Option<u64>), StoreError> {
    let filter = wish.filter.as_ref();
    let indexes = [
        (Field::Source, LogEntry::BY_OBJECT),
        (Field::Cycle, LogEntry::BY_CYCLE),
        (Field::Job, LogEntry::BY_CONFIGURATION),
    ];
    let index = indexes
        .iter()
        .find_map(|(field, index)| demanded_id(filter, *field).map(|guid| (*index, guid)));
    let prefix = index.map_or_else(Key::empty, |(_, guid)| Key::empty().with(guid));
    let mut scan = match index {
        Some((index, _)) => Scan::along(index, prefix.clone(), SLICE),
        None => Scan::of(prefix.clone(), SLICE),
    };
    scan.after = wish.after.map(|number| {
        let own = Key::empty().with(u64::MAX - number);
        (prefix.with(u64::MAX - number), own)
    });
    // Older entries than these do not fit: the log is in order of time.
    let oldest = match filter.and_then(|filter| demanded(filter, Field::At)) {
        Some(Test::Compare(Order::GreaterOrEqual | Order::Greater, Literal::Time(time))) => {
            time.as_millis()
        }
        _ => i64::MIN,
    };
    let mut found: Vec<LogEntry> = Vec::new();
    let mut looked_at = 0;
    loop {
        let rows: Vec<LogEntry> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok((found, None));
        };
        scan = scan.behind(last);
        looked_at += rows.len();
        let reached = last.number;
        for row in rows {
            if row.at < oldest {
                return Ok((found, None));
            }
            let entry = Entry {
                row: &row,
                configuration: configurations.get(&row.configuration),
            };
            if filter.is_none_or(|filter| filter.fits(&entry)) {
                if found.len() == wish.top {
                    let next = found.last().map(|row| row.number);
                    return Ok((found, next));
                }
                found.push(row);
            }
        }
        if looked_at >= MOST {
            return Ok((found, Some(reached)));
        }
    }
}

/// A status in Graph's words.
const fn status(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::Skipped => "skipped",
        Status::Warning => "warning",
        Status::Failure => "failure",
    }
}

/// An action in Graph's words, as far as Graph has one.
const fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Restore => "restore",
        Action::StagedDelete => "stageddelete",
        Action::Skip => "skip",
        Action::Other => "other",
    }
}

fn shown(
    row: &LogEntry,
    configuration: Option<&Configuration>,
    cycle: Option<&Cycle>,
    tenant: &str,
) -> Value {
    let at = Timestamp::from_millis(row.at).to_string();
    let name = row.name.clone().or_else(|| row.dn.clone());
    let failed = row.status != Status::Success;
    json!({
        "id": row.number.to_string(),
        "activityDateTime": at,
        "tenantId": tenant,
        "jobId": row.configuration.to_string(),
        "cycleId": row.cycle.map(|cycle| cycle.to_string()),
        "changeId": row.number.to_string(),
        "provisioningAction": action(row.action),
        "durationInMilliseconds": crate::log::duration(row, cycle),
        "initiatedBy": {
            "initiatorType": "system",
            "id": crate::log::initiated_by(row, cycle),
            "displayName": "Lockstep Provisioning",
        },
        "servicePrincipal": {
            "id": configuration.map(|c| c.service_principal.to_string()),
            "displayName": configuration.map(|c| c.name.clone()),
        },
        "sourceSystem": {
            "id": configuration.map(|c| c.domain.clone()),
            "displayName": "Active Directory",
            "details": {},
        },
        "targetSystem": {"id": tenant, "displayName": "Lockstep", "details": {}},
        "sourceIdentity": {
            "id": row.source.to_string(),
            "displayName": name,
            "identityType": MappedKind::word_of(row.kind),
            "details": {"anchor": row.anchor, "distinguishedName": row.dn},
        },
        "targetIdentity": {
            "id": row.target.map(|target| target.to_string()).unwrap_or_default(),
            "displayName": row.name,
            "identityType": MappedKind::word_of(row.kind),
            "details": {},
        },
        "provisioningStatusInfo": {
            "status": status(row.status),
            "errorInformation": failed.then(|| json!({
                "errorCode": row.code,
                "reason": row.reason,
                "additionalDetails": null,
                "errorCategory": "nonServiceFailure",
                "recommendedAction": lockstep_api::troubles::find(&row.code).map(|known| known.remedy),
            })),
        },
        "provisioningSteps": steps(row),
        "modifiedProperties": row.changes.iter().map(modified).collect::<Vec<_>>(),
    })
}

/// The steps that led to an entry, in Graph's words.
fn steps(row: &LogEntry) -> Vec<Value> {
    let (came, went) = match row.action {
        Action::Create => ("EntryImportAdd", "EntryExportAdd"),
        Action::Delete | Action::StagedDelete => ("EntryImportDelete", "EntryExportDelete"),
        Action::Update | Action::Restore | Action::Skip | Action::Other => {
            ("EntryImport", "EntryExportUpdate")
        }
    };
    let shown = |step: crate::log::Step| {
        let (name, kind) = match step.name {
            "import" => (came, "import"),
            "scope" => ("EntrySynchronizationScoping", "scoping"),
            "match" => ("EntryImport", "matching"),
            _ => (went, "export"),
        };
        json!({
            "name": name,
            "provisioningStepType": kind,
            "status": status(step.status),
            "description": step.description,
            "details": {},
        })
    };
    crate::log::steps(row).into_iter().map(shown).collect()
}

fn modified(change: &LogChange) -> Value {
    // Graph tells values as text, lists in JSON.
    let text = |value: &Option<PropertyValue>| match value.as_ref().map(readable) {
        None => Value::Null,
        Some(Value::String(text)) => text.into(),
        Some(other) => other.to_string().into(),
    };
    json!({
        "displayName": change.property,
        "oldValue": text(&change.old),
        "newValue": text(&change.new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_may_ask_for_every_word_that_is_shown() {
        for one in Action::ALL {
            assert!(ACTIONS.contains(&action(*one)), "{one}");
        }
        for one in Status::ALL {
            assert!(STATUSES.contains(&status(*one)), "{one}");
        }
    }
}
