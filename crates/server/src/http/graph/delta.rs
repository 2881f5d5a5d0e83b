//! Changes of a set, round by round: `/users/delta`, `/groups/delta`.

use super::Shared;
use super::answer::context;
use super::beside::PASSWORD_POLICIES;
use super::error::GraphError;
use super::json;
use super::objects::Known;
use super::options::Options;
use crate::directory::feed::{Entry, Inside, MemberChange, Part, Position, changes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::Kind;
use lockstep_store::records::directory::ChangeCounter;
use lockstep_store::{Key, ReadRecords as _};
use serde_json::{Map, Value, json};

pub(super) async fn delta(
    kind: Kind,
    State(service): Shared,
    caller: Known,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(kind, &uri)?;
    for (given, name) in [
        (options.filter.is_some(), "$filter or $search"),
        (options.order.is_some(), "$orderby"),
        (options.count, "$count"),
        (options.selects(PASSWORD_POLICIES), PASSWORD_POLICIES),
    ] {
        if given {
            return Err(GraphError::unsupported(format!(
                "{name} is not supported with delta."
            )));
        }
    }
    let start = start(&options)?;
    let limit = page_size(&headers).unwrap_or(options.top);
    let members = kind == Kind::Group && (options.select.is_none() || options.selects("members"));
    let part = service
        .read(move |tx| {
            let position = match start {
                Start::Beginning => None,
                Start::At(position) => Some(position),
                Start::Latest => {
                    let counter: ChangeCounter = tx.fetch_one(&())?.unwrap_or_default();
                    Some(latest(counter.last))
                }
            };
            changes(tx, kind, position, limit, members)
        })
        .await?;
    let part = part.map_err(|_| expired(&service.public_url, &uri))?;
    Ok(answer(kind, &service.public_url, &part, &options, members))
}

/// Where somebody wants to begin.
enum Start {
    Beginning,
    At(Position),
    Latest,
}

fn start(options: &Options) -> Result<Start, GraphError> {
    let bytes = match (&options.after, &options.delta) {
        (Some(bytes), _) => bytes.clone(),
        (None, Some(token)) if token.eq_ignore_ascii_case("latest") => return Ok(Start::Latest),
        (None, Some(token)) => URL_SAFE_NO_PAD.decode(token).unwrap_or_default(),
        (None, None) => return Ok(Start::Beginning),
    };
    let position = position(&bytes).ok_or_else(|| {
        GraphError::bad_request(
            "$deltatoken: expected the one of an @odata.deltaLink, or 'latest'; begin anew without it.",
        )
    })?;
    Ok(Start::At(position))
}

/// Behind everything that has happened.
fn latest(last: u64) -> Position {
    Position {
        since: Some(last),
        begun: last,
        change: last,
        object: [u8::MAX; 16],
        inside: None,
    }
}

/// `Prefer: odata.maxpagesize=50`
fn page_size(headers: &HeaderMap) -> Option<usize> {
    let prefer = headers.get("prefer")?.to_str().ok()?;
    let sizes = prefer
        .split([',', ';'])
        .filter_map(|part| part.trim().split_once('='));
    let mut sizes = sizes.filter(|(name, _)| name.eq_ignore_ascii_case("odata.maxpagesize"));
    sizes
        .next()?
        .1
        .trim()
        .parse()
        .ok()
        .filter(|size| (1..=999).contains(size))
}

fn expired(base: &str, uri: &Uri) -> GraphError {
    let message = "The $deltatoken is too old: what was deleted since is not remembered any more. Begin anew \
                   without it.";
    let anew = format!("{base}{}", uri.path());
    GraphError::new(410, "syncStateNotFound", message).with_header(header::LOCATION, &anew)
}

fn answer(kind: Kind, base: &str, part: &Part, options: &Options, members: bool) -> Response {
    let mut body = Map::new();
    let name = context(kind);
    body.insert(
        "@odata.context".into(),
        format!("{base}/v1.0/$metadata#{name}").into(),
    );
    let place = bytes(&part.position);
    let (link, address) = match part.ended {
        true => ("@odata.deltaLink", options.delta_link(base, &place)),
        false => ("@odata.nextLink", options.next_link(base, &place)),
    };
    body.insert(link.into(), address.into());
    let entries = part.entries.iter().map(|entry| match entry {
        Entry::Removed { id, restorable } => {
            let reason = if *restorable { "changed" } else { "deleted" };
            json!({"id": id.to_string(), "@removed": {"reason": reason}})
        }
        Entry::Present {
            object,
            members: came,
        } => {
            let mut shown = json::object(object, options.select.as_deref());
            if members && !came.is_empty() {
                shown.insert("members@delta".into(), came.iter().map(member).collect());
            }
            Value::Object(shown)
        }
    });
    body.insert("value".into(), entries.collect());
    axum::Json(Value::Object(body)).into_response()
}

fn member(change: &MemberChange) -> Value {
    let mut member = Map::new();
    let kind = change.kind.map(|kind| json::type_name(kind).into());
    member.extend(kind.map(|kind| ("@odata.type".to_owned(), kind)));
    member.insert("id".into(), change.id.to_string().into());
    if !change.present {
        member.insert("@removed".into(), json!({"reason": "deleted"}));
    }
    Value::Object(member)
}

/// A position as bytes, for those who are given it.
fn bytes(position: &Position) -> Vec<u8> {
    let guid = lockstep_model::Guid::from_bytes;
    let mut key = Key::empty()
        .with(VERSION)
        .with(u8::from(position.since.is_some()))
        .with(position.since.unwrap_or(0))
        .with(position.begun)
        .with(position.change)
        .with(guid(position.object));
    if let Some(inside) = position.inside {
        key = key
            .with(u8::from(inside.departed))
            .with(inside.change)
            .with(guid(inside.member));
    }
    key.as_bytes().to_vec()
}

/// Which way of writing positions this is.
const VERSION: u8 = 1;

fn position(bytes: &[u8]) -> Option<Position> {
    let key = Key::from_bytes(bytes.to_vec());
    let mut parts = key.reader();
    if parts.byte()? != VERSION {
        return None;
    }
    let later = parts.byte()? == 1;
    let since = parts.number()?;
    let (begun, change) = (parts.number()?, parts.number()?);
    let object = *parts.guid()?.as_bytes();
    let inside = match parts.byte() {
        None => None,
        Some(departed) => Some(Inside {
            departed: departed == 1,
            change: parts.number()?,
            member: *parts.guid()?.as_bytes(),
        }),
    };
    Some(Position {
        since: later.then_some(since),
        begun,
        change,
        object,
        inside,
    })
}
