//! Which objects fit a query, page by page.
//!
//! A page costs what the page costs, not what the directory does. Where indexes lead to what fits, they are
//! followed, one after the other; where none does, a page looks at a bounded number of objects and says
//! where to go on, with what it has found so far. What would need all of a large directory at once is
//! refused.

use lockstep_directory::index::{Indexed, first_with};
use lockstep_directory::query::{
    Field, Filter, HasFields as _, Literal, Lookup, first_owned, lookups,
};
use lockstep_directory::{Kind, Object};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::directory::{DirectoryObject, IndexEntry, UniqueOwner};
use lockstep_store::{Key, Read, ReadRecords as _, Record as _, Scan, StoreError};
use std::collections::BinaryHeap;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Objects of this kind.
    pub kind: Kind,
    /// Those in the recycle bin, instead of the live ones.
    pub deleted: bool,
    /// That fit this.
    pub filter: Option<Filter>,
    /// In this order; else in one that stays the same.
    pub order: Option<Sorting>,
    /// Behind this place of an earlier page.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: usize,
    /// How many there are in all is asked for too.
    pub count: bool,
}

/// An order of objects.
#[derive(Clone, Copy, Debug)]
pub struct Sorting {
    /// By the value of this field; objects without one come first.
    pub field: Field,
    /// Backwards.
    pub descending: bool,
}

/// Where a page ends. Opaque to those who are given one; stays good whatever is written meanwhile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Behind a row of one of the sources that are walked along.
    Row {
        /// Which source.
        source: u8,
        /// The row.
        key: Key,
    },
    /// Behind an object in an order.
    Rank(Rank),
}

/// What stands where in the order that was asked for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Rank(Key, ObjectId);

/// A page.
#[derive(Clone, Debug)]
pub struct Found {
    /// The objects. They may be fewer than asked for, or none, although there are more.
    pub objects: Vec<Object>,
    /// Where to go on; none: this was the last page.
    pub next: Option<Place>,
    /// How many there are in all.
    pub count: Option<u64>,
}

/// Why a query is not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unsupported {
    /// Sorting would have to look at too many objects.
    #[error(
        "the directory is too large to be sorted so: there are more than {MOST} objects to look at. Sort \
         by displayName or userPrincipalName in ascending order, or filter by a property that has an index"
    )]
    Sort,
    /// Counting would have to look at too many objects.
    #[error(
        "the directory is too large to count what fits: there are more than {MOST} objects to look at. \
         Leave out $count, or filter by a property that has an index"
    )]
    Count,
    /// The place is none that this query gave.
    #[error("expected the $skiptoken of an @odata.nextLink of the same query")]
    Place,
}

/// How many rows one page looks at.
pub const MOST: usize = 50_000;
/// How many rows are read in one go.
const SLICE: usize = 500;

impl Place {
    /// Reads the bytes of a place.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (way, bytes) = bytes.split_first()?;
        if *way == RANK {
            let (key, id) = bytes.split_last_chunk::<16>()?;
            let id = ObjectId::new(Guid::from_bytes(*id));
            return Some(Self::Rank(Rank(Key::from_bytes(key.to_vec()), id)));
        }
        Some(Self::Row {
            source: *way,
            key: Key::from_bytes(bytes.to_vec()),
        })
    }

    /// The bytes of a place.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (way, key) = match self {
            Self::Row { source, key } => (*source, key.clone()),
            Self::Rank(Rank(key, id)) => (RANK, key.clone().with(*id)),
        };
        let mut bytes = vec![way];
        bytes.extend_from_slice(key.as_bytes());
        bytes
    }
}

/// Stands in front of a rank, where the number of a source would.
const RANK: u8 = u8::MAX;

/// Finds a page of objects.
///
/// # Errors
///
/// Those of the store; inside, why the query is not answered.
pub fn find(tx: &mut dyn Read, query: &Query) -> Result<Result<Found, Unsupported>, StoreError> {
    let sources = sources(query);
    let Some(order) = query.order else {
        return walk(tx, query, &sources);
    };
    // Places of an order that is walked along are rows; else it was sorted, and goes on being sorted.
    let walked = matches!(query.after, Some(Place::Row { .. }));
    if !walked && let Some(found) = select(tx, query, &sources, order)? {
        return Ok(found);
    }
    match in_order(query, order) {
        Some(source) => walk(tx, query, &[source]),
        None => Ok(Err(Unsupported::Sort)),
    }
}

/// What can be walked along.
enum Source {
    /// All objects of the kind, by id.
    Kind { deleted: bool },
    /// What a lookup finds.
    Lookup(Lookup),
}

/// The sources in which, together, all that fits is found.
fn sources(query: &Query) -> Vec<Source> {
    let ways = match (&query.filter, query.deleted) {
        (Some(filter), false) => lookups(filter),
        _ => None,
    };
    match ways {
        Some(ways) if ways.len() < usize::from(RANK) => {
            ways.into_iter().map(Source::Lookup).collect()
        }
        _ => vec![Source::Kind {
            deleted: query.deleted,
        }],
    }
}

/// The source that leads along an order, if an index has it.
fn in_order(query: &Query, order: Sorting) -> Option<Source> {
    let Field::Property(property) = order.field else {
        return None;
    };
    if order.descending || query.deleted {
        return None;
    }
    match (property.name(), query.kind) {
        ("displayName", _) => Some(Source::Lookup(Lookup::Terms(
            Indexed::DisplayName,
            String::new(),
        ))),
        ("userPrincipalName", Kind::User) => Some(Source::Lookup(Lookup::all_names())),
        _ => None,
    }
}

/// A row of a source: where it stands, and its object if it is listed there.
type Row = (Key, Option<Object>);

impl Source {
    /// The next rows behind a place.
    fn slice(
        &self,
        tx: &mut dyn Read,
        kind: Kind,
        after: Option<&Key>,
        size: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let along = |prefix: Key| Scan {
            after: after.map(|key| (key.clone(), key.clone())),
            ..Scan::of(prefix, size)
        };
        let way = match self {
            Self::Kind { deleted } => {
                let prefix = DirectoryObject::of_kind(kind, *deleted);
                let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix.clone(), size);
                scan.after = after.map(|key| (prefix, key.clone()));
                let rows: Vec<DirectoryObject> = tx.list(&scan)?;
                return Ok(rows
                    .into_iter()
                    .map(|row| (row.key(), Some(row.object)))
                    .collect());
            }
            Self::Lookup(way) => way,
        };
        match way {
            Lookup::Id(guid) => one(tx, after, Some(ObjectId::new(*guid))),
            Lookup::Owner(value) => {
                let owner = super::owners(tx, std::slice::from_ref(value))?
                    .pop()
                    .flatten();
                one(tx, after, owner)
            }
            Lookup::Anchor(anchor) => {
                let prefix = DirectoryObject::with_anchor(anchor);
                let mut scan = Scan::along(DirectoryObject::BY_ANCHOR, prefix.clone(), size);
                scan.after = after.map(|key| (prefix, key.clone()));
                let rows: Vec<DirectoryObject> = tx.list(&scan)?;
                Ok(rows
                    .into_iter()
                    .map(|row| (row.key(), Some(row.object)))
                    .collect())
            }
            Lookup::Owners(value) => {
                let rows: Vec<UniqueOwner> = tx.list(&along(UniqueOwner::beginning(value)))?;
                let listed = |row: &UniqueOwner, object: &Object| {
                    first_owned(object, value).is_some_and(|first| first == row.value)
                };
                listed_rows(tx, rows, |row| row.owner, listed)
            }
            Lookup::Term(indexed, text) => {
                let prefix = IndexEntry::with_text(kind, *indexed, text);
                let rows: Vec<IndexEntry> = tx.list(&along(prefix))?;
                listed_rows(tx, rows, |row| row.object, |_, _| true)
            }
            Lookup::Terms(indexed, text) => {
                let prefix = IndexEntry::beginning(kind, *indexed, text);
                let rows: Vec<IndexEntry> = tx.list(&along(prefix))?;
                let listed = |row: &IndexEntry, object: &Object| {
                    first_with(object, *indexed, text).is_some_and(|first| first == row.term)
                };
                listed_rows(tx, rows, |row| row.object, listed)
            }
        }
    }
}

/// The only row of a source that finds one object.
fn one(
    tx: &mut dyn Read,
    after: Option<&Key>,
    id: Option<ObjectId>,
) -> Result<Vec<Row>, StoreError> {
    let (None, Some(id)) = (after, id) else {
        return Ok(Vec::new());
    };
    let object = super::objects(tx, &[id])?.pop().flatten();
    Ok(vec![(Key::empty().with(id), object)])
}

/// Rows of an index with their objects, each where it is listed and not where it stands again.
fn listed_rows<R: lockstep_store::Record>(
    tx: &mut dyn Read,
    rows: Vec<R>,
    id: impl Fn(&R) -> ObjectId,
    listed: impl Fn(&R, &Object) -> bool,
) -> Result<Vec<Row>, StoreError> {
    let ids: Vec<ObjectId> = rows.iter().map(id).collect();
    let objects = super::objects(tx, &ids)?;
    let row = |(row, object): (R, Option<Object>)| {
        (row.key(), object.filter(|object| listed(&row, object)))
    };
    Ok(rows.into_iter().zip(objects).map(row).collect())
}

/// Goes along sources, one after the other.
struct Walker<'a> {
    query: &'a Query,
    sources: &'a [Source],
    source: usize,
    after: Option<Key>,
    size: usize,
    /// How many rows it has looked at.
    looked_at: usize,
}

/// A row, and its object if it fits and is listed there.
struct Step {
    source: u8,
    key: Key,
    object: Option<Object>,
}

impl<'a> Walker<'a> {
    const fn new(query: &'a Query, sources: &'a [Source], size: usize) -> Self {
        Self {
            query,
            sources,
            source: 0,
            after: None,
            size,
            looked_at: 0,
        }
    }

    /// The next steps; none: there are no more.
    fn steps(&mut self, tx: &mut dyn Read) -> Result<Option<Vec<Step>>, StoreError> {
        while let Some(source) = self.sources.get(self.source) {
            let rows = source.slice(tx, self.query.kind, self.after.as_ref(), self.size)?;
            if rows.is_empty() {
                self.source += 1;
                self.after = None;
                continue;
            }
            self.looked_at += rows.len();
            self.after = rows.last().map(|(key, _)| key.clone());
            let number = u8::try_from(self.source).unwrap_or(RANK);
            let step = |(key, object): Row| Step {
                source: number,
                key,
                object: object.filter(|object| self.fits(object)),
            };
            return Ok(Some(rows.into_iter().map(step).collect()));
        }
        Ok(None)
    }

    fn fits(&self, object: &Object) -> bool {
        let query = self.query;
        object.kind == query.kind
            && object.deleted.is_some() == query.deleted
            && query
                .filter
                .as_ref()
                .is_none_or(|filter| filter.fits(object))
            && !self.was_shown(object)
    }

    /// An earlier source has found it as well.
    fn was_shown(&self, object: &Object) -> bool {
        let earlier = self.sources.get(..self.source).unwrap_or_default();
        earlier.iter().any(|source| match source {
            Source::Kind { .. } => true,
            Source::Lookup(way) => way.finds(object),
        })
    }
}

fn walk(
    tx: &mut dyn Read,
    query: &Query,
    sources: &[Source],
) -> Result<Result<Found, Unsupported>, StoreError> {
    // Without a filter every row counts.
    let size = match query.filter {
        None => query.limit + 1,
        Some(_) => SLICE,
    };
    let mut walker = Walker::new(query, sources, size);
    match &query.after {
        None => {}
        Some(Place::Row { source, .. }) if usize::from(*source) >= sources.len() => {
            return Ok(Err(Unsupported::Place));
        }
        Some(Place::Row { source, key }) => {
            walker.source = usize::from(*source);
            walker.after = Some(key.clone());
        }
        Some(Place::Rank(_)) => return Ok(Err(Unsupported::Place)),
    }
    let (mut objects, mut last, mut next) = (Vec::new(), None, None);
    'pages: while let Some(steps) = walker.steps(tx)? {
        for Step {
            source,
            key,
            object,
        } in steps
        {
            if let Some(object) = object {
                if objects.len() == query.limit {
                    next = last;
                    break 'pages;
                }
                objects.push(object);
                last = Some(Place::Row { source, key });
            }
        }
        if walker.looked_at >= MOST
            && let Some(key) = walker.after.clone()
        {
            let source = u8::try_from(walker.source).unwrap_or(RANK);
            next = Some(Place::Row { source, key });
            break;
        }
    }
    let count = match query.count {
        false => None,
        true => match count(tx, query, sources)? {
            Some(count) => Some(count),
            None => return Ok(Err(Unsupported::Count)),
        },
    };
    Ok(Ok(Found {
        objects,
        next,
        count,
    }))
}

/// How many there are in all; none when too many would have to be looked at.
fn count(tx: &mut dyn Read, query: &Query, sources: &[Source]) -> Result<Option<u64>, StoreError> {
    if query.filter.is_none() {
        return how_many(tx, query).map(Some);
    }
    let mut walker = Walker::new(query, sources, SLICE);
    let mut count = 0;
    while let Some(steps) = walker.steps(tx)? {
        count += steps.iter().filter(|step| step.object.is_some()).count() as u64;
        if walker.looked_at >= MOST {
            return Ok(None);
        }
    }
    Ok(Some(count))
}

fn how_many(tx: &mut dyn Read, query: &Query) -> Result<u64, StoreError> {
    let prefix = DirectoryObject::of_kind(query.kind, query.deleted);
    tx.how_many::<DirectoryObject>(Some(DirectoryObject::BY_KIND), &prefix)
}

/// The first objects behind a place in an order, out of all that the sources have. Only the page is kept in
/// memory. None: there is too much to look at.
fn select(
    tx: &mut dyn Read,
    query: &Query,
    sources: &[Source],
    order: Sorting,
) -> Result<Option<Result<Found, Unsupported>>, StoreError> {
    if matches!(sources, [Source::Kind { .. }]) && how_many(tx, query)? > MOST as u64 {
        return Ok(None);
    }
    // Where an index has the order and everything would have to be looked at, walking is cheaper.
    if matches!(sources, [Source::Kind { .. }]) && in_order(query, order).is_some() {
        return Ok(None);
    }
    let after = match &query.after {
        Some(Place::Rank(rank)) => Some(rank),
        _ => None,
    };
    let mut walker = Walker::new(query, sources, SLICE);
    let mut page: BinaryHeap<Rank> = BinaryHeap::new();
    let mut count = 0;
    while let Some(steps) = walker.steps(tx)? {
        for object in steps.into_iter().filter_map(|step| step.object) {
            count += 1;
            let rank = Rank(sort_key(&object, order), object.id);
            if after.is_none_or(|after| rank > *after) {
                page.push(rank);
                if page.len() > query.limit + 1 {
                    page.pop();
                }
            }
        }
        if walker.looked_at >= MOST {
            return Ok(None);
        }
    }
    let mut ranks = page.into_sorted_vec();
    let more = ranks.len() > query.limit;
    ranks.truncate(query.limit);
    let next = ranks.last().filter(|_| more).cloned().map(Place::Rank);
    let ids: Vec<ObjectId> = ranks.into_iter().map(|Rank(_, id)| id).collect();
    let objects = super::objects(tx, &ids)?.into_iter().flatten().collect();
    Ok(Some(Ok(Found {
        objects,
        next,
        count: query.count.then_some(count),
    })))
}

/// How many letters of a text count when objects are sorted.
const SORTED: usize = 200;

/// A key that sorts as the values of a field do; backwards when that is asked for.
fn sort_key(object: &Object, order: Sorting) -> Key {
    let number = |number: i64| number.cast_unsigned() ^ (1 << 63);
    let empty = Key::empty();
    let key = match object.values(&order.field).into_iter().next() {
        None | Some(Literal::Null) => empty.with(0_u8),
        Some(Literal::Boolean(value)) => empty.with(1_u8).with(u8::from(value)),
        Some(Literal::Integer(value)) => empty.with(2_u8).with(number(value)),
        Some(Literal::Time(time)) => empty.with(3_u8).with(number(time.as_millis())),
        Some(Literal::Text(text)) => {
            let text: String = text.chars().take(SORTED).collect();
            empty.with(4_u8).with(text.as_str())
        }
    };
    match order.descending {
        true => Key::from_bytes(key.as_bytes().iter().map(|byte| !byte).collect()),
        false => key,
    }
}
