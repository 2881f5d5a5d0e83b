//! Sets of objects, and one of them.

use super::Shared;
use super::answer::{self, Page, Place};
use super::error::GraphError;
use super::options::Options;
use crate::http::auth::Caller;
use crate::http::error::HttpError;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use lockstep_directory::query::{Field, Filter, Literal};
use lockstep_directory::{Kind, Object, Property, UniqueValue};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, SourceAnchor};
use lockstep_store::records::directory::{DirectoryObject, UniqueOwner};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};

/// How many objects are looked through in one go.
const SLICE: usize = 1_000;

type Known = Result<Caller, HttpError>;

const fn context(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "users",
        Kind::Group => "groups",
        Kind::Contact => "contacts",
        Kind::ServicePrincipal => "servicePrincipals",
    }
}

pub(super) async fn list(
    kind: Kind,
    State(service): Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(kind, &uri)?;
    let (options, page) = service
        .read(move |tx| {
            let page = find(tx, kind, false, &options)?;
            Ok((options, page))
        })
        .await?;
    let place = Place {
        base: &service.public_url,
        context: context(kind),
        typed: false,
    };
    Ok(answer::page(&page, &options, &place))
}

pub(super) async fn deleted_users(
    State(service): Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(Kind::User, &uri)?;
    let (options, page) = service
        .read(move |tx| {
            let page = find(tx, Kind::User, true, &options)?;
            Ok((options, page))
        })
        .await?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects/microsoft.graph.user",
        typed: false,
    };
    Ok(answer::page(&page, &options, &place))
}

/// A page of the live or the deleted objects of a kind.
fn find<T: Read + ?Sized>(
    tx: &mut T,
    kind: Kind,
    deleted: bool,
    options: &Options,
) -> Result<Page, StoreError> {
    if let Some(filter) = &options.filter
        && let Some(found) = look_up(tx, filter, kind)?
    {
        let fits = |object: &Object| {
            object.kind == kind && object.deleted.is_some() == deleted && filter.fits(object)
        };
        let objects: Vec<Object> = found.into_iter().filter(fits).collect();
        let count = options.count.then_some(objects.len() as u64);
        return Ok(Page {
            objects,
            more: false,
            count,
        });
    }
    let prefix = DirectoryObject::of_kind(kind, deleted);
    let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix.clone(), SLICE);
    scan.after = options
        .after
        .map(|guid| (prefix.clone(), Key::empty().with(guid)));
    let wanted = options.top + 1;
    if options.filter.is_none() {
        scan.limit = wanted;
    }
    let fits = |object: &Object| {
        options
            .filter
            .as_ref()
            .is_none_or(|filter| filter.fits(object))
    };
    let mut objects = Vec::new();
    while objects.len() < wanted {
        let rows: Vec<DirectoryObject> = tx.list(&scan)?;
        let Some(last) = rows.last() else { break };
        scan = scan.behind(last);
        objects.extend(rows.into_iter().map(|row| row.0).filter(fits));
    }
    let more = objects.len() > options.top;
    objects.truncate(options.top);
    let count = match (options.count, &options.filter) {
        (false, _) => None,
        (true, None) => {
            let index = Some(DirectoryObject::BY_KIND);
            Some(tx.how_many::<DirectoryObject>(index, &prefix)?)
        }
        (true, Some(filter)) => Some(count(tx, &prefix, filter)?),
    };
    Ok(Page {
        objects,
        more,
        count,
    })
}

fn count<T: Read + ?Sized>(tx: &mut T, prefix: &Key, filter: &Filter) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix.clone(), SLICE);
    loop {
        let rows: Vec<DirectoryObject> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        scan = scan.behind(last);
        count += rows.iter().filter(|row| filter.fits(&row.0)).count() as u64;
    }
}

/// The objects that a filter can fit at all, when an index knows them.
fn look_up<T: Read + ?Sized>(
    tx: &mut T,
    filter: &Filter,
    kind: Kind,
) -> Result<Option<Vec<Object>>, StoreError> {
    if let Some(Literal::Text(id)) = filter.required(&Field::Id) {
        return Ok(Some(match id.parse::<Guid>() {
            Ok(guid) => by_id(tx, guid)?.into_iter().collect(),
            Err(_) => Vec::new(),
        }));
    }
    if let Some(Literal::Text(anchor)) = filter.required(&Field::ImmutableId) {
        let Ok(anchor) = anchor.parse::<SourceAnchor>() else {
            return Ok(Some(Vec::new()));
        };
        let prefix = DirectoryObject::with_anchor(&anchor);
        let rows: Vec<DirectoryObject> =
            tx.list(&Scan::along(DirectoryObject::BY_ANCHOR, prefix, SLICE))?;
        return Ok(Some(rows.into_iter().map(|row| row.0).collect()));
    }
    let Ok(name) = Property::named(kind, "userPrincipalName") else {
        return Ok(None);
    };
    match filter.required(&Field::Property(name)) {
        Some(Literal::Text(name)) => Ok(Some(by_name(tx, name)?.into_iter().collect())),
        _ => Ok(None),
    }
}

fn by_id<T: Read + ?Sized>(tx: &mut T, guid: Guid) -> Result<Option<Object>, StoreError> {
    let found: Option<DirectoryObject> = tx.fetch_one(&ObjectId::new(guid))?;
    Ok(found.map(|found| found.0))
}

fn by_name<T: Read + ?Sized>(tx: &mut T, name: &str) -> Result<Option<Object>, StoreError> {
    let owner: Option<UniqueOwner> = tx.fetch_one(&UniqueValue::user_principal_name(name))?;
    match owner {
        Some(owner) => by_id(tx, owner.owner.guid()),
        None => Ok(None),
    }
}

/// An object by id; a user also by user principal name.
pub(super) fn named<T: Read + ?Sized>(
    tx: &mut T,
    kind: Kind,
    name: &str,
) -> Result<Option<Object>, StoreError> {
    let found = match name.parse::<Guid>() {
        Ok(guid) => by_id(tx, guid)?,
        Err(_) if kind == Kind::User => by_name(tx, name)?,
        Err(_) => None,
    };
    Ok(found.filter(|object| object.kind == kind))
}

pub(super) async fn one(
    kind: Kind,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(kind, &uri)?;
    let sought = id.clone();
    let object = service.read(move |tx| named(tx, kind, &sought)).await?;
    let object = object.filter(|object| object.deleted.is_none());
    let object = object.ok_or_else(|| GraphError::not_found(&id))?;
    let place = Place {
        base: &service.public_url,
        context: context(kind),
        typed: false,
    };
    Ok(answer::one(&object, &options, &place))
}

pub(super) async fn deleted_user(
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(Kind::User, &uri)?;
    let sought = id.clone();
    let object = service
        .read(move |tx| named(tx, Kind::User, &sought))
        .await?;
    let object = object.filter(|object| object.deleted.is_some());
    let object = object.ok_or_else(|| GraphError::not_found(&id))?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects",
        typed: true,
    };
    Ok(answer::one(&object, &options, &place))
}

/// A change of an object. Every object comes from Active Directory, or stands for a configuration.
pub(super) async fn refuse_change(
    kind: Kind,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Response, GraphError> {
    caller?;
    let sought = id.clone();
    let object = service.read(move |tx| named(tx, kind, &sought)).await?;
    object.ok_or_else(|| GraphError::not_found(&id))?;
    if kind == Kind::ServicePrincipal {
        return Err(GraphError::new(
            403,
            "Authorization_RequestDenied",
            "The service principal of a configuration cannot be changed. It goes with its configuration.",
        ));
    }
    Err(GraphError::mastered())
}

pub(super) async fn mastered(caller: Known) -> Result<Response, GraphError> {
    caller?;
    Err(GraphError::mastered())
}

/// Restoring a synchronised user: Active Directory decides that.
pub(super) async fn restore(
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Response, GraphError> {
    caller?;
    let sought = id.clone();
    let object = service
        .read(move |tx| named(tx, Kind::User, &sought))
        .await?;
    let object = object.filter(|object| object.deleted.is_some());
    object.ok_or_else(|| GraphError::not_found(&id))?;
    Err(GraphError::new(
        400,
        "Request_BadRequest",
        "The user is mastered on-premises: restore it in Active Directory, and the next cycle restores this \
         same object.",
    ))
}
