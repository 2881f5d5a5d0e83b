//! References that lead out of a connector space: to other configurations of the domain, and where the
//! configuration joins them, to other domains and forests.
//!
//! Of a principal of another forest AD has an object that stands for it and bears its SID; of another domain's
//! or configuration's object the reference bears the GUID. Whoever of them is provisioned is found in the
//! directory, and whoever comes to be there has the references to it looked at again.

use super::references::Target;
use crate::configuration::known;
use crate::import::mark_all;
use crate::lane::Lane;
use crate::{configurations, directory, links};
use lockstep_directory::Kind;
use lockstep_directory::index::{Indexed, term_text};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, Sid};
use lockstep_store::records::connector_space::{
    ForeignPrincipal, LinkRow, StagedReference, Subject,
};
use lockstep_store::records::directory::IndexEntry;
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::{BTreeSet, HashMap};

/// How many objects may stand for one SID in a connector space: more than one is an oddity of replication.
const SAME: usize = 10;
/// The property of the directory that holds the SID.
const SID: &str = "onPremisesSecurityIdentifier";
/// Kinds of object that have a SID.
const PRINCIPALS: [Kind; 2] = [Kind::User, Kind::Group];

/// Whether members from other domains and forests are joined.
pub(super) fn crosses(configuration: &Configuration) -> bool {
    known(configuration).spec.references.cross_domain
}

/// Whether references of a configuration may lead to objects of another.
fn reaches(from: &Configuration, to: &Configuration) -> bool {
    from.domain == to.domain || crosses(from)
}

/// The other configurations.
fn others(tx: &mut (impl Read + ?Sized), lane: &Lane) -> Result<Vec<Configuration>, StoreError> {
    let own = [lane.owner(), lane.configuration.id];
    let all = configurations::all(tx)?.into_iter();
    Ok(all
        .filter(|row| !row.scratch && !own.contains(&row.id))
        .collect())
}

/// Who of the directory is meant by these GUIDs, of which nothing became here, or there is nothing left.
pub(super) fn resolve(
    tx: &mut dyn Read,
    lane: &Lane,
    guids: &[Guid],
) -> Result<HashMap<Guid, Target>, StoreError> {
    let mut found = HashMap::new();
    if guids.is_empty() {
        return Ok(found);
    }
    for other in others(tx, lane)? {
        if !reaches(&lane.configuration, &other) {
            continue;
        }
        let ids: Vec<_> = guids.iter().map(|guid| (other.id, *guid)).collect();
        let rows: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
        for row in rows.into_iter().flatten() {
            // Two configurations may have had it: the one that still has it counts.
            let known = found
                .get(&row.guid)
                .is_some_and(|known: &Target| !known.deleted);
            if !known {
                found.insert(row.guid, Target::of(&row));
            }
        }
    }
    if crosses(&lane.configuration) {
        let ids: Vec<_> = guids
            .iter()
            .map(|guid| (lane.configuration.id, *guid))
            .collect();
        let rows: Vec<Option<ForeignPrincipal>> = tx.fetch(&ids)?;
        for row in rows.into_iter().flatten() {
            if let Some(object) = by_sid(tx, &row.sid)? {
                let deleted = false;
                found.insert(row.guid, Target { object, deleted });
            }
        }
    }
    Ok(found)
}

/// The directory's object with this SID.
fn by_sid(tx: &mut dyn Read, sid: &Sid) -> Result<Option<ObjectId>, StoreError> {
    let text = term_text(&sid.to_string());
    for kind in PRINCIPALS {
        let prefix = IndexEntry::with_text(kind, Indexed::SecurityIdentifier, &text);
        let rows: Vec<IndexEntry> = tx.list(&Scan::of(prefix, 1))?;
        if let Some(row) = rows.into_iter().next() {
            return Ok(Some(row.object));
        }
    }
    Ok(None)
}

/// The edges of AD by which an object of the directory may be referred to that became of nothing here.
pub(super) fn edges_to(
    tx: &mut dyn Read,
    lane: &Lane,
    (source, attribute): (Guid, &str),
    object: ObjectId,
    links: &[LinkRow],
) -> Result<Vec<<StagedReference as Record>::Id>, StoreError> {
    let own = lane.configuration.id;
    let mut targets = Vec::new();
    for other in others(tx, lane)? {
        if reaches(&lane.configuration, &other) {
            let of_other = links.iter().filter(|row| row.configuration == other.id);
            targets.extend(of_other.map(|row| row.guid));
        }
    }
    if crosses(&lane.configuration) {
        // The SID that `by_sid` finds it with, whether or not a configuration has it still.
        let object = directory::objects(tx, &[object])?.pop().flatten();
        let sid = object.as_ref().and_then(|object| object.text(SID));
        if let Some(sid) = sid.and_then(|sid| sid.parse().ok()) {
            targets.extend(standing_for(tx, &sid, own)?);
        }
    }
    let edges = targets.into_iter();
    Ok(edges
        .map(|target| (own, source, attribute.to_owned(), target))
        .collect())
}

fn standing_for(
    tx: &mut (impl Read + ?Sized),
    sid: &Sid,
    configuration: ConfigurationId,
) -> Result<Vec<Guid>, StoreError> {
    let prefix = ForeignPrincipal::of(sid, configuration);
    let scan = Scan::along(ForeignPrincipal::BY_SID, prefix, SAME);
    let rows: Vec<ForeignPrincipal> = tx.list(&scan)?;
    Ok(rows.into_iter().map(|row| row.guid).collect())
}

/// Objects have come to be in the directory: other configurations look again at what refers to them.
pub(super) fn tell(
    tx: &mut dyn Write,
    lane: &Lane,
    made: &[(Guid, Option<Sid>)],
) -> Result<(), StoreError> {
    if made.is_empty() {
        return Ok(());
    }
    for other in others(tx, lane)? {
        if !reaches(&other, &lane.configuration) {
            continue;
        }
        let mut marks = Vec::new();
        for (guid, sid) in made {
            let scan = Scan::along(
                StagedReference::BY_TARGET,
                StagedReference::to(other.id, *guid),
                1,
            );
            let referring: Vec<StagedReference> = tx.list(&scan)?;
            marks.extend(referring.first().map(|_| Subject::To(*guid)));
            if let Some(sid) = sid.as_ref().filter(|_| crosses(&other)) {
                let standing = standing_for(tx, sid, other.id)?;
                marks.extend(standing.into_iter().map(Subject::To));
            }
        }
        if !marks.is_empty()
            && let Some(mut job) = tx.fetch_one::<Job>(&other.id)?
        {
            mark_all(tx, &mut job, marks)?;
            tx.store(&[job])?;
        }
    }
    Ok(())
}

/// A configuration is being removed: whatever refers to what it had in another one is looked at again, from a place on.
/// Nobody would notice any more when AD takes them out. Gives the place from which it goes on, and who was marked last.
///
/// # Errors
///
/// Those of the store.
pub fn forsake(
    tx: &mut dyn Write,
    from: &Configuration,
    other: &Configuration,
    scan: &Scan,
    marked: Option<Guid>,
) -> Result<(Option<Scan>, Option<Guid>), StoreError> {
    let rows: Vec<StagedReference> = tx.list(scan)?;
    let Some(last) = rows.last() else {
        return Ok((None, marked));
    };
    let next = scan.clone().behind(last);
    let targets: BTreeSet<Guid> = rows.iter().map(|row| row.target).collect();
    let targets: Vec<Guid> = targets.into_iter().collect();
    let ids: Vec<_> = targets.iter().map(|guid| (from.id, *guid)).collect();
    let had: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let mut had: BTreeSet<Guid> = had.into_iter().flatten().map(|row| row.guid).collect();
    if crosses(other) {
        let ids: Vec<_> = targets.iter().map(|guid| (other.id, *guid)).collect();
        let standing: Vec<Option<ForeignPrincipal>> = tx.fetch(&ids)?;
        for row in standing.into_iter().flatten() {
            if let Some(object) = by_sid(tx, &row.sid)?
                && links::own(tx, object, from.id)?.is_some()
            {
                had.insert(row.guid);
            }
        }
    }
    // Rows are in the order of who refers: each is marked once.
    let referring = rows.iter().filter(|row| had.contains(&row.target));
    let mut holders: Vec<Guid> = referring.map(|row| row.source).collect();
    holders.dedup();
    holders.retain(|holder| Some(*holder) != marked);
    let marked = holders.last().copied().or(marked);
    if let Some(mut job) = tx.fetch_one::<Job>(&other.id)?
        && !holders.is_empty()
    {
        mark_all(tx, &mut job, holders.into_iter().map(Subject::From))?;
        tx.store(&[job])?;
    }
    Ok((Some(next), marked))
}

/// Whether any configuration that is there provisions an object of the directory.
pub(super) fn is_provisioned(tx: &mut dyn Read, object: ObjectId) -> Result<bool, StoreError> {
    for link in links::to(tx, object)?.iter().filter(|link| !link.deleted) {
        let row: Option<Configuration> = tx.fetch_one(&link.configuration)?;
        if row.is_some_and(|row| !row.scratch) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The configurations whose references may lead to what this one has.
///
/// # Errors
///
/// Those of the store.
pub fn reaching(tx: &mut dyn Read, to: &Configuration) -> Result<Vec<Configuration>, StoreError> {
    let all = configurations::all(tx)?.into_iter();
    Ok(all
        .filter(|row| !row.scratch && row.id != to.id && reaches(row, to))
        .collect())
}

/// Whether references lead out of the connector space was changed: all are looked at again.
///
/// # Errors
///
/// Those of the store.
pub fn reconsider(tx: &mut dyn Write, configuration: ConfigurationId) -> Result<(), StoreError> {
    const SLICE: usize = 5_000;
    let Some(mut job) = tx.fetch_one::<Job>(&configuration)? else {
        return Ok(());
    };
    let mut scan = Scan::of(Key::empty().with(configuration), SLICE);
    loop {
        let rows: Vec<LinkRow> = tx.list(&scan)?;
        let subjects = rows.iter().map(|row| Subject::From(row.guid));
        mark_all(tx, &mut job, subjects.collect::<Vec<_>>())?;
        match rows.last() {
            Some(last) if rows.len() == SLICE => scan = scan.behind(last),
            _ => break,
        }
    }
    tx.store(&[job])
}
