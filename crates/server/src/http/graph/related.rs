//! Objects that an object refers to, or that refer to it.

use super::Shared;
use super::answer::{self, Page, Place};
use super::error::GraphError;
use super::objects::named;
use super::options::Options;
use crate::directory;
use crate::http::auth::Caller;
use crate::http::error::HttpError;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use lockstep_directory::{Kind, Object};
use lockstep_model::ids::ObjectId;
use lockstep_store::records::directory::{DirectoryObject, DirectoryReference};
use lockstep_store::{Read, ReadRecords as _, StoreError};

type Known = Result<Caller, HttpError>;

/// One way from an object to others.
#[derive(Clone, Copy)]
struct Way {
    kind: Kind,
    property: &'static str,
    /// Against the arrow: who refers to it.
    backwards: bool,
}

const fn way(kind: Kind, property: &'static str, backwards: bool) -> Way {
    Way {
        kind,
        property,
        backwards,
    }
}

pub(super) async fn member_of(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::User, "members", true), state, caller, id, uri).await
}

pub(super) async fn group_member_of(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::Group, "members", true), state, caller, id, uri).await
}

pub(super) async fn contact_member_of(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::Contact, "members", true), state, caller, id, uri).await
}

pub(super) async fn direct_reports(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::User, "manager", true), state, caller, id, uri).await
}

pub(super) async fn members(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::Group, "members", false), state, caller, id, uri).await
}

pub(super) async fn owners(
    state: Shared,
    caller: Known,
    id: Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    related(way(Kind::Group, "owners", false), state, caller, id, uri).await
}

async fn related(
    way: Way,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    // Properties of several kinds may be selected; those of users are the most.
    let options = Options::read(Kind::User, &uri)?;
    if options.filter.is_some() {
        return Err(GraphError::bad_request(
            "$filter is not supported on this address.",
        ));
    }
    let sought = id.clone();
    let (options, page) = service
        .read(move |tx| {
            let Some(object) = live(tx, way.kind, &sought)? else {
                return Ok((options, None));
            };
            let page = page(tx, way, object.id, &options)?;
            Ok((options, Some(page)))
        })
        .await?;
    let page = page.ok_or_else(|| GraphError::not_found(&id))?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects",
        typed: true,
    };
    Ok(answer::page(&page, &options, &place))
}

fn live<T: Read + ?Sized>(
    tx: &mut T,
    kind: Kind,
    name: &str,
) -> Result<Option<Object>, StoreError> {
    Ok(named(tx, kind, name)?.filter(|object| object.deleted.is_none()))
}

fn page(
    tx: &mut dyn Read,
    way: Way,
    object: ObjectId,
    options: &Options,
) -> Result<Page, StoreError> {
    let after = options.after.map(ObjectId::new);
    let wanted = options.top + 1;
    let ids = if way.backwards {
        directory::sources(tx, object, way.property, after, wanted)?
    } else {
        directory::targets(tx, object, way.property, after, wanted)?
    };
    let more = ids.len() > options.top;
    let ids: Vec<ObjectId> = ids.into_iter().take(options.top).collect();
    let found: Vec<Option<DirectoryObject>> = tx.fetch(&ids)?;
    let objects = found
        .into_iter()
        .flatten()
        .map(|found| found.0)
        .filter(|object| object.deleted.is_none())
        .collect();
    let count = match options.count {
        false => None,
        true if way.backwards => {
            let prefix = DirectoryReference::to(object, way.property);
            let index = Some(DirectoryReference::BY_TARGET);
            Some(tx.how_many::<DirectoryReference>(index, &prefix)?)
        }
        true => {
            let prefix = DirectoryReference::of(object, way.property);
            Some(tx.how_many::<DirectoryReference>(None, &prefix)?)
        }
    };
    Ok(Page {
        objects,
        more,
        count,
    })
}

pub(super) async fn manager(
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read(Kind::User, &uri)?;
    let sought = id.clone();
    let manager = service
        .read(move |tx| {
            let Some(object) = live(tx, Kind::User, &sought)? else {
                return Ok(None);
            };
            let ids = directory::targets(tx, object.id, "manager", None, 1)?;
            let found: Vec<Option<DirectoryObject>> = tx.fetch(&ids)?;
            Ok(found.into_iter().flatten().map(|found| found.0).next())
        })
        .await?;
    let manager = manager.filter(|manager| manager.deleted.is_none());
    let manager = manager.ok_or_else(|| GraphError::not_found(&format!("{id}/manager")))?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects",
        typed: true,
    };
    Ok(answer::one(&manager, &options, &place))
}
