//! Objects that an object refers to, or that refer to it.

use super::Shared;
use super::answer::{self, Page, Place};
use super::beside::Beside;
use super::error::GraphError;
use super::objects::{Known, live};
use super::options::Options;
use crate::directory;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use lockstep_directory::{Kind, Object};
use lockstep_engine::mapping::{REFERENCES, Reference};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::directory::DirectoryReference;
use lockstep_store::{Read, ReadRecords as _, StoreError};

/// One way from an object to others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// What the object is.
    pub(super) kind: Kind,
    /// The property that refers.
    property: &'static str,
    /// Against the arrow: who refers to it.
    backwards: bool,
    /// It leads to one object at most.
    pub(super) single: bool,
}

/// What objects of a kind refer to others by.
fn references(kind: Kind) -> impl Iterator<Item = &'static Reference> {
    let has = move |own: &&Reference| kind.mapped().is_some_and(|kind| own.kinds.contains(&kind));
    REFERENCES.iter().filter(has)
}

impl Way {
    /// The way of this name from objects of a kind.
    pub(super) fn named(kind: Kind, name: &str) -> Option<Self> {
        let backwards = match (kind, name) {
            (Kind::User, "directReports") => Some("manager"),
            (Kind::User | Kind::Group | Kind::Contact, "memberOf") => Some("members"),
            _ => None,
        };
        if let Some(property) = backwards {
            return Some(Self {
                kind,
                property,
                backwards: true,
                single: false,
            });
        }
        let forwards = references(kind).find(|reference| reference.property == name)?;
        Some(Self {
            kind,
            property: forwards.property,
            backwards: false,
            // On premises a group has one; in the cloud it may have several.
            single: forwards.single && forwards.property != "owners",
        })
    }

    /// The ways from objects of a kind, by name.
    pub(super) fn all(kind: Kind) -> impl Iterator<Item = (&'static str, Self)> {
        let names = references(kind).map(|reference| reference.property);
        let names = names.chain(["directReports", "memberOf"]);
        names.filter_map(move |name| Some((name, Self::named(kind, name)?)))
    }

    /// Some of the objects at its end, in order of their ids, and the last id that was looked at.
    fn follow(
        self,
        tx: &mut dyn Read,
        from: ObjectId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<(Vec<Object>, Option<ObjectId>), StoreError> {
        let mut ids = match self.backwards {
            true => directory::sources(tx, from, self.property, after, limit + 1)?,
            false => directory::targets(tx, from, self.property, after, limit + 1)?,
        };
        let more = ids.len() > limit;
        ids.truncate(limit);
        let last = ids.last().copied().filter(|_| more);
        let objects = directory::objects(tx, &ids)?.into_iter().flatten();
        Ok((
            objects.filter(|object| object.deleted.is_none()).collect(),
            last,
        ))
    }

    /// How many there are: exactly, unless there are very many, of whom some may be in the recycle bin.
    fn count(self, tx: &mut dyn Read, from: ObjectId) -> Result<u64, StoreError> {
        let all = match self.backwards {
            true => {
                let prefix = DirectoryReference::to(from, self.property);
                tx.how_many::<DirectoryReference>(Some(DirectoryReference::BY_TARGET), &prefix)?
            }
            false => {
                let prefix = DirectoryReference::of(from, self.property);
                tx.how_many::<DirectoryReference>(None, &prefix)?
            }
        };
        if all > COUNTED_ONE_BY_ONE {
            return Ok(all);
        }
        let mut count = 0;
        let mut after = None;
        loop {
            let (objects, last) = self.follow(tx, from, after, SLICE)?;
            count += objects.len() as u64;
            if last.is_none() {
                return Ok(count);
            }
            after = last;
        }
    }
}

/// Up to how many are counted one by one.
const COUNTED_ONE_BY_ONE: u64 = 2_000;
const SLICE: usize = 500;

pub(super) async fn list(
    way: Way,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read_mixed(&uri)?;
    let after = match &options.after {
        None => None,
        Some(bytes) => Some(place(bytes)?),
    };
    let sought = id.clone();
    let (options, page) = service
        .read(move |tx| {
            let Some(object) = live(tx, way.kind, &sought)? else {
                return Ok((options, None));
            };
            let (objects, last) = way.follow(tx, object.id, after, options.top)?;
            let count = match options.count {
                true => Some(way.count(tx, object.id)?),
                false => None,
            };
            let page = Page {
                objects: objects
                    .into_iter()
                    .map(|object| (object, Beside::default()))
                    .collect(),
                next: last.map(|id| id.guid().as_bytes().to_vec()),
                count,
            };
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

fn place(bytes: &[u8]) -> Result<ObjectId, GraphError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| {
        GraphError::bad_request("$skiptoken: expected the one of an @odata.nextLink.")
    })?;
    Ok(ObjectId::new(Guid::from_bytes(bytes)))
}

pub(super) async fn count(
    way: Way,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Response, GraphError> {
    caller?;
    let sought = id.clone();
    let count = service
        .read(move |tx| match live(tx, way.kind, &sought)? {
            Some(object) => way.count(tx, object.id).map(Some),
            None => Ok(None),
        })
        .await?;
    let page = Page {
        objects: Vec::new(),
        next: None,
        count: Some(count.ok_or_else(|| GraphError::not_found(&id))?),
    };
    Ok(answer::count(&page))
}

/// The one object at the end of a way.
pub(super) async fn one(
    way: Way,
    State(service): Shared,
    caller: Known,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, GraphError> {
    caller?;
    let options = Options::read_mixed(&uri)?;
    let sought = id.clone();
    let found = service
        .read(move |tx| {
            let Some(object) = live(tx, way.kind, &sought)? else {
                return Ok(None);
            };
            let (found, _) = way.follow(tx, object.id, None, 1)?;
            Ok(found.into_iter().next())
        })
        .await?;
    let missing = || GraphError::not_found(&format!("{id}/{}", way.property));
    let found = found.ok_or_else(missing)?;
    let place = Place {
        base: &service.public_url,
        context: "directoryObjects",
        typed: true,
    };
    Ok(answer::one(&found, &Beside::default(), &options, &place))
}

/// What is shown of others with an object.
#[derive(Debug)]
pub(super) struct Related {
    pub(super) name: String,
    pub(super) select: Option<Vec<String>>,
    pub(super) single: bool,
    pub(super) objects: Vec<Object>,
    /// There are more than are shown.
    pub(super) more: bool,
}

/// How many objects of a relation are shown with an object, as in Graph.
const EXPANDED: usize = 20;

/// What `$expand` asks for.
pub(super) fn expanded(
    tx: &mut dyn Read,
    object: &Object,
    options: &Options,
) -> Result<Vec<Related>, StoreError> {
    let mut related = Vec::with_capacity(options.expand.len());
    for expand in &options.expand {
        let Some(way) = Way::named(object.kind, &expand.name) else {
            continue;
        };
        let (objects, last) = way.follow(tx, object.id, None, EXPANDED)?;
        related.push(Related {
            name: expand.name.clone(),
            select: expand.select.clone(),
            single: way.single,
            objects,
            more: last.is_some(),
        });
    }
    Ok(related)
}
