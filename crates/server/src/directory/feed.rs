//! What has changed since somebody looked: objects of one kind in the order of their last changes.
//!
//! A round begins with all there is, or behind what an earlier round has shown, and ends when nothing
//! newer is there. An object that changes while a round goes on moves to its end and is shown again, so a
//! round that is slow misses nothing. Whoever has a position that is too old has to begin anew.

use lockstep_directory::{Kind, Object};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::directory::{
    ChangeCounter, DepartedReference, DirectoryObject, DirectoryReference, GoneObject,
};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};

/// Up to where somebody has seen what there is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Position {
    /// What had this number or an earlier one was seen in earlier rounds; none: this round is the first.
    pub since: Option<u64>,
    /// The number of the last change when the round began.
    pub begun: u64,
    /// Behind which change the round goes on.
    pub change: u64,
    /// Behind which object with that number.
    pub object: ObjectIdBytes,
    /// Behind which member of that object, if not all of them were shown.
    pub inside: Option<Inside>,
}

/// The bytes of an object's id.
pub type ObjectIdBytes = [u8; 16];

/// A place among the changes of one group's members.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inside {
    /// Among those who went, instead of those who came.
    pub departed: bool,
    /// Behind the change with this number.
    pub change: u64,
    /// Behind this member.
    pub member: ObjectIdBytes,
}

/// What a round shows.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An object as it is now.
    Present {
        /// The object.
        object: Box<Object>,
        /// Members that came and went, when they were asked for.
        members: Vec<MemberChange>,
    },
    /// An object that is not there any more.
    Removed {
        /// Which.
        id: ObjectId,
        /// It is in the recycle bin.
        restorable: bool,
    },
}

/// A member that came or went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemberChange {
    /// Which object.
    pub id: ObjectId,
    /// What it is; none: it is not there any more.
    pub kind: Option<Kind>,
    /// It is a member now.
    pub present: bool,
}

/// A part of a round.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it shows.
    pub entries: Vec<Entry>,
    /// Where to go on.
    pub position: Position,
    /// Nothing newer is there: the round has ended, and the next one begins at the position.
    pub ended: bool,
}

/// The position is older than what is remembered of what went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expired;

/// How many members one part shows.
const MEMBERS: usize = 1_000;
/// How many rows one part looks at.
const MOST: usize = 10_000;

/// The next part of a round.
///
/// # Errors
///
/// Those of the store; inside, that the position is too old.
pub fn changes(
    tx: &mut dyn Read,
    kind: Kind,
    position: Option<Position>,
    limit: usize,
    members: bool,
) -> Result<Result<Part, Expired>, StoreError> {
    let counter: ChangeCounter = tx.fetch_one(&())?.unwrap_or_default();
    let position = position.unwrap_or(Position {
        begun: counter.last,
        ..Position::default()
    });
    // A number that was not given yet comes from before a backup was brought back.
    let seen = position.since.unwrap_or(position.begun);
    let first = position.since.is_none() && position.begun == counter.last;
    if !first && (seen < counter.forgotten || position.change > counter.last) {
        return Ok(Err(Expired));
    }
    let mut reader = Reader {
        tx,
        kind,
        position,
        members,
        budget: MEMBERS,
        entries: Vec::new(),
    };
    let ended = reader.run(limit)?;
    let Reader {
        entries,
        mut position,
        ..
    } = reader;
    if ended {
        position.since = Some(position.change.max(position.since.unwrap_or(0)));
        position.begun = counter.last;
    }
    Ok(Ok(Part {
        entries,
        position,
        ended,
    }))
}

struct Reader<'a> {
    tx: &'a mut dyn Read,
    kind: Kind,
    position: Position,
    members: bool,
    budget: usize,
    entries: Vec<Entry>,
}

/// A change of an object: which one, and the object unless it is gone.
type Row = (u64, ObjectId, Option<Object>);

impl Reader<'_> {
    /// Shows up to `limit` entries; says whether the round has ended.
    fn run(&mut self, limit: usize) -> Result<bool, StoreError> {
        if !self.finish_members()? {
            return Ok(false);
        }
        let mut looked_at = 0;
        loop {
            let rows = self.rows(limit)?;
            if rows.is_empty() {
                return Ok(true);
            }
            for row in rows {
                if self.entries.len() >= limit || self.budget == 0 {
                    return Ok(false);
                }
                looked_at += 1;
                if !self.show(row)? {
                    return Ok(false);
                }
            }
            if looked_at >= MOST {
                return Ok(false);
            }
        }
    }

    /// The next changes, those of objects that are gone among them.
    fn rows(&mut self, limit: usize) -> Result<Vec<Row>, StoreError> {
        let after = |prefix: Key| {
            let place = prefix.with(self.position.change);
            (place, Key::from_bytes(self.position.object.to_vec()))
        };
        let prefix = DirectoryObject::changes_of(self.kind);
        let mut scan = Scan::along(DirectoryObject::BY_CHANGE, prefix.clone(), limit);
        scan.after = Some(after(prefix));
        let present: Vec<DirectoryObject> = self.tx.list(&scan)?;
        let prefix = GoneObject::changes_of(self.kind);
        let mut scan = Scan::along(GoneObject::BY_CHANGE, prefix.clone(), limit);
        scan.after = Some(after(prefix));
        let gone: Vec<GoneObject> = self.tx.list(&scan)?;
        let present = present
            .into_iter()
            .map(|row| (row.change, row.object.id, Some(row.object)));
        let gone = gone.into_iter().map(|row| (row.change, row.id, None));
        let mut rows: Vec<Row> = present.chain(gone).collect();
        rows.sort_by_key(|(change, id, _)| (*change, *id));
        // Behind the end of the shorter list the other one may have more.
        rows.truncate(limit);
        Ok(rows)
    }

    /// Shows one change; says whether all of it was shown.
    fn show(&mut self, (change, id, object): Row) -> Result<bool, StoreError> {
        self.position.change = change;
        self.position.object = *id.guid().as_bytes();
        match object {
            None => {
                self.show_removed(change, id, false);
                Ok(true)
            }
            Some(object) if object.deleted.is_some() => {
                self.show_removed(change, id, true);
                Ok(true)
            }
            Some(object) if self.members => {
                self.position.inside = Some(Inside {
                    departed: false,
                    change: self.position.since.unwrap_or(0),
                    member: if self.position.since.is_some() {
                        [u8::MAX; 16]
                    } else {
                        [0; 16]
                    },
                });
                self.show_members(object)
            }
            Some(object) => {
                self.entries.push(Entry::Present {
                    object: Box::new(object),
                    members: Vec::new(),
                });
                Ok(true)
            }
        }
    }

    /// Whoever sees the directory for the first time need not hear of what was gone before.
    fn show_removed(&mut self, change: u64, id: ObjectId, restorable: bool) {
        if self.position.since.is_some() || change > self.position.begun {
            self.entries.push(Entry::Removed { id, restorable });
        }
    }

    /// Goes on with the members of the object at which the part before had to stop.
    fn finish_members(&mut self) -> Result<bool, StoreError> {
        if self.position.inside.is_none() {
            return Ok(true);
        }
        let id = ObjectId::new(Guid::from_bytes(self.position.object));
        let found: Option<DirectoryObject> = self.tx.fetch_one(&id)?;
        match found
            .map(|row| row.object)
            .filter(|object| object.deleted.is_none())
        {
            Some(object) => self.show_members(object),
            None => {
                self.position.inside = None;
                Ok(true)
            }
        }
    }

    /// Shows members of an object from [`Position::inside`] on, as many as the budget allows.
    fn show_members(&mut self, object: Object) -> Result<bool, StoreError> {
        let mut members = Vec::new();
        while let Some(inside) = self.position.inside.filter(|_| self.budget > 0) {
            let came = !inside.departed;
            let targets = match came {
                true => self.came(object.id, inside)?,
                false => self.departed(object.id, inside)?,
            };
            let full = targets.len() == self.budget;
            self.budget -= targets.len();
            self.position.inside = match targets.last() {
                Some((change, member)) if full => Some(Inside {
                    change: *change,
                    member: *member.guid().as_bytes(),
                    ..inside
                }),
                _ if came => Some(self.beginning_of_departed()),
                _ => None,
            };
            let ids: Vec<ObjectId> = targets.into_iter().map(|(_, id)| id).collect();
            members.extend(self.member_changes(object.id, &ids, came)?);
        }
        self.entries.push(Entry::Present {
            object: Box::new(object),
            members,
        });
        Ok(self.position.inside.is_none())
    }

    /// Where those who went begin: in a first round, with those who were there when it began.
    fn beginning_of_departed(&self) -> Inside {
        Inside {
            departed: true,
            change: self.position.since.unwrap_or(self.position.begun),
            member: [u8::MAX; 16],
        }
    }

    /// Members that came, with the numbers of the changes: in a first round all there are, by id.
    fn came(
        &mut self,
        group: ObjectId,
        inside: Inside,
    ) -> Result<Vec<(u64, ObjectId)>, StoreError> {
        let prefix = DirectoryReference::of(group, super::NUMBERED);
        let own = prefix.clone().with(Guid::from_bytes(inside.member));
        let scan = match self.position.since {
            None => Scan {
                after: (inside.member != [0; 16]).then(|| (own.clone(), own)),
                ..Scan::of(prefix, self.budget)
            },
            Some(_) => Scan {
                after: Some((prefix.clone().with(inside.change), own)),
                ..Scan::along(DirectoryReference::BY_CHANGE, prefix, self.budget)
            },
        };
        let rows: Vec<DirectoryReference> = self.tx.list(&scan)?;
        Ok(rows
            .into_iter()
            .map(|row| (row.change.unwrap_or(0), row.target))
            .collect())
    }

    /// Members that went.
    fn departed(
        &mut self,
        group: ObjectId,
        inside: Inside,
    ) -> Result<Vec<(u64, ObjectId)>, StoreError> {
        let prefix = DirectoryReference::of(group, super::NUMBERED);
        let own = prefix
            .clone()
            .with(inside.change)
            .with(Guid::from_bytes(inside.member));
        let mut scan = Scan::of(prefix, self.budget);
        scan.after = Some((own.clone(), own));
        let rows: Vec<DepartedReference> = self.tx.list(&scan)?;
        Ok(rows
            .into_iter()
            .map(|row| (row.change, row.target))
            .collect())
    }

    /// What there is to say of these members now. Of one who went and came back only that it came.
    fn member_changes(
        &mut self,
        group: ObjectId,
        ids: &[ObjectId],
        came: bool,
    ) -> Result<Vec<MemberChange>, StoreError> {
        let references: Vec<_> = ids
            .iter()
            .map(|id| (group, super::NUMBERED.to_owned(), *id))
            .collect();
        let present: Vec<Option<DirectoryReference>> = match came {
            true => Vec::new(),
            false => self.tx.fetch(&references)?,
        };
        let objects = super::objects(self.tx, ids)?;
        let mut changes = Vec::with_capacity(ids.len());
        for (index, (id, object)) in ids.iter().zip(objects).enumerate() {
            let back = present.get(index).is_some_and(Option::is_some);
            let live = object.filter(|object| object.deleted.is_none());
            if back || came && live.is_none() {
                continue;
            }
            changes.push(MemberChange {
                id: *id,
                kind: live.map(|object| object.kind),
                present: came,
            });
        }
        Ok(changes)
    }
}
