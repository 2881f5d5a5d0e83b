//! Sets of objects, and one of them.

use super::Shared;
use super::answer::{self, Page, Place, context};
use super::beside::Beside;
use super::error::GraphError;
use super::options::Options;
use crate::directory;
use crate::directory::find::{self, Query};
use crate::failure::Failure;
use crate::http::auth::Caller;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use lockstep_directory::{Kind, Object};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::{Read, StoreError};

pub(super) type Known = Result<Caller, Failure>;

pub(super) async fn list(
    kind: Kind,
    service: Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    list_of(kind, false, context(kind), service, caller, uri).await
}

/// How many there are.
pub(super) async fn count(
    kind: Kind,
    State(service): Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let mut options = Options::read(kind, &uri)?;
    options.count = true;
    options.top = 0;
    options.order = None;
    let page = service
        .read(move |tx| find(tx, kind, false, &options))
        .await?;
    Ok(answer::count(&page?))
}

pub(super) async fn deleted_users(
    service: Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    let context = "directoryObjects/microsoft.graph.user";
    list_of(Kind::User, true, context, service, caller, uri).await
}

/// Groups are gone for good: there are none in the recycle bin.
pub(super) async fn deleted_groups(
    service: Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    let context = "directoryObjects/microsoft.graph.group";
    list_of(Kind::Group, true, context, service, caller, uri).await
}

async fn list_of(
    kind: Kind,
    deleted: bool,
    context: &str,
    State(service): Shared,
    caller: Known,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(kind, &uri)?;
    let (options, page) = service
        .read(move |tx| {
            let page = find(tx, kind, deleted, &options)?;
            Ok((options, page))
        })
        .await?;
    let place = Place {
        base: &service.public_url,
        context,
        typed: false,
    };
    Ok(answer::page(&page?, &options, &place))
}

/// A page of the live or the deleted objects of a kind.
fn find(
    tx: &mut dyn Read,
    kind: Kind,
    deleted: bool,
    options: &Options,
) -> Result<Result<Page, GraphError>, StoreError> {
    let after = match &options.after {
        None => None,
        Some(bytes) => match find::Place::from_bytes(bytes) {
            Some(place) => Some(place),
            None => return Ok(Err(find::Unsupported::Place.into())),
        },
    };
    let query = Query {
        kind,
        deleted,
        filter: options.filter.clone(),
        order: options.order,
        after,
        limit: options.top,
        count: options.count,
    };
    let found = match find::find(tx, &query)? {
        Ok(found) => found,
        Err(unsupported) => return Ok(Err(unsupported.into())),
    };
    let mut objects = Vec::with_capacity(found.objects.len());
    for object in found.objects {
        let beside = Beside::of(tx, &object, options)?;
        objects.push((object, beside));
    }
    Ok(Ok(Page {
        objects,
        next: found.next.map(|place| place.to_bytes()),
        count: found.count,
    }))
}

/// An object by id; a user also by user principal name. It may be in the recycle bin.
pub(super) fn named(
    tx: &mut dyn Read,
    kind: Kind,
    name: &str,
) -> Result<Option<Object>, StoreError> {
    let found = match name.parse::<Guid>() {
        Ok(guid) => directory::objects(tx, &[ObjectId::new(guid)])?,
        Err(_) if kind == Kind::User => directory::users_by_name(tx, &[name.to_owned()])?,
        Err(_) => Vec::new(),
    };
    Ok(found
        .into_iter()
        .flatten()
        .find(|object| object.kind == kind))
}

/// A live object by id; a user also by user principal name.
pub(super) fn live(
    tx: &mut dyn Read,
    kind: Kind,
    name: &str,
) -> Result<Option<Object>, StoreError> {
    Ok(named(tx, kind, name)?.filter(|object| object.deleted.is_none()))
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
    let (options, found) = service
        .read(move |tx| {
            let found = live(tx, kind, &sought)?;
            let found = match found {
                Some(object) => Some((Beside::of(tx, &object, &options)?, object)),
                None => None,
            };
            Ok((options, found))
        })
        .await?;
    let (beside, object) = found.ok_or_else(|| GraphError::not_found(&id))?;
    let place = Place {
        base: &service.public_url,
        context: context(kind),
        typed: false,
    };
    Ok(answer::one(&object, &beside, &options, &place))
}

/// An object of any kind, by id.
pub(super) async fn directory_object(
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    by_id(State(service), caller, id, uri, false).await
}

pub(super) async fn deleted_object(
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    by_id(State(service), caller, id, uri, true).await
}

async fn by_id(
    State(service): Shared,
    caller: Known,
    id: String,
    uri: Uri,
    deleted: bool,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read_mixed(&uri)?;
    let guid: Guid = id.parse().map_err(|_| GraphError::not_found(&id))?;
    let found = service
        .read(move |tx| directory::objects(tx, &[ObjectId::new(guid)]))
        .await?;
    let object = found
        .into_iter()
        .flatten()
        .find(|object| object.deleted.is_some() == deleted);
    let object = object.ok_or_else(|| GraphError::not_found(&id))?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects",
        typed: true,
    };
    Ok(answer::one(&object, &Beside::default(), &options, &place))
}
