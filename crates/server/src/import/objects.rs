//! Attributes and links of wanted objects.

use super::marks::mark_all;
use super::offer::core_attributes;
use super::{ImportError, Lane};
use crate::scope_groups::marks_for_edge;
use lockstep_api::channel::{Ack, Links, ObjectUpdate, Objects};
use lockstep_api::problem::Problem;
use lockstep_engine::{ObjectClass, Presence, RowState, StagedObject};
use lockstep_model::{Dn, Guid, Rdn};
use lockstep_store::records::connector_space::{Doubtful, Staged, StagedReference, Subject};
use lockstep_store::records::job::Cycle;
use lockstep_store::{ReadRecords as _, Record, Scan, Write, WriteRecords as _};

/// How many references are swept in one go.
const SWEEP: usize = 1_000;

/// Takes up what a controller said of wanted objects.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `BadRequest` for a name that is none.
pub fn objects(tx: &mut dyn Write, mut lane: Lane, batch: &Objects) -> Result<Ack, ImportError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = batch
        .objects
        .iter()
        .map(|update| (configuration, update.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut desk = Desk::default();
    let mut stored = Vec::new();
    for (update, row) in batch.objects.iter().zip(rows) {
        // What was not offered, or has been deleted meanwhile, is none of ours.
        let Some(mut row) = row else { continue };
        if row.object.presence == Presence::Deleted {
            continue;
        }
        if let Some(rdn) = &update.rdn {
            rename(&mut row, rdn, &mut desk.marks)?;
        }
        desk.content(&lane, &mut row, update);
        stored.push(row);
    }
    count(tx, &lane, stored.len())?;
    tx.store(&stored)?;
    desk.finish(tx, &mut lane)?;
    tx.store(&[lane.job])?;
    Ok(Ack {})
}

/// Works through one request: gathers what is written, so that each table is written once.
#[derive(Default)]
struct Desk {
    marks: Vec<Subject>,
    added: Vec<StagedReference>,
    removed: Vec<<StagedReference as Record>::Id>,
    /// Values that may be gone.
    doubts: Vec<Doubtful>,
    /// Sets that are complete now: source, attribute, and the reading that saw all of it.
    complete: Vec<(Guid, String, u64)>,
    /// Links that the object at their other end shows.
    incoming: Vec<StagedReference>,
}

fn rename(row: &mut Staged, rdn: &str, marks: &mut Vec<Subject>) -> Result<(), ImportError> {
    let bad = || {
        let title = format!("the name of object {} is none", row.object.guid);
        ImportError::Refused(Problem::new(400, "BadRequest", title).detail("expected CN=Ada"))
    };
    let dn: Dn = rdn.parse().map_err(|_| bad())?;
    let [step] = dn.steps() else {
        return Err(bad());
    };
    if row.object.rdn.as_ref() == Some(step) {
        return Ok(());
    }
    let is_container = row.object.class == Some(ObjectClass::Container);
    row.object.rdn = Some(Rdn::clone(step));
    row.object.version += 1;
    // The names of everything below are made of this one.
    marks.push(if is_container {
        Subject::Subtree(row.object.guid)
    } else {
        Subject::Object(row.object.guid)
    });
    Ok(())
}

impl Desk {
    /// Attributes and links.
    fn content(&mut self, lane: &Lane, row: &mut Staged, update: &ObjectUpdate) {
        if row.object.class == Some(ObjectClass::Container) {
            if row.object.state == RowState::Unread {
                row.object.state = RowState::PlaceOnly;
                row.object.version += 1;
            }
            return;
        }
        let read_set = lane.policy.read_set;
        if !update.whole && !row.object.is_complete(read_set) {
            // The rest of it is not known, so neither is what this change makes of it.
            if row.object.state != RowState::Unread {
                row.object.state = RowState::Unread;
                row.object.version += 1;
            }
            return;
        }
        let is_new = is_new(&row.object);
        for links in &update.links {
            self.references(lane, row.object.guid, links, update, is_new);
        }
        if update.whole && !is_new {
            self.marks.push(Subject::From(row.object.guid));
            if !update.partial {
                // An attribute without values is not even named.
                let reading = reading(lane, update);
                let links = lane.job.read_set.links.iter();
                self.complete
                    .extend(links.map(|links| (row.object.guid, links.clone(), reading)));
            }
        }
        // Slices before the last carry links only.
        if update.partial {
            row.object.version += 1;
            return;
        }
        let received = core_attributes(&update.attributes);
        let changed = match lane.job.hides_values {
            false => row.object.merge(received, update.whole),
            true => {
                let (changed, kept) = row.object.merge_keeping(received, update.whole);
                self.doubts.extend(kept.into_iter().map(|name| Doubtful {
                    configuration: row.configuration,
                    guid: row.object.guid,
                    attribute: name.as_str().to_owned(),
                }));
                changed
            }
        };
        let state = RowState::Complete { read_set };
        if changed || row.object.state != state {
            row.object.state = state;
            row.object.version += 1;
            self.marks.push(Subject::Object(row.object.guid));
        }
    }

    /// The values of one link attribute.
    fn references(
        &mut self,
        lane: &Lane,
        source: Guid,
        links: &Links,
        update: &ObjectUpdate,
        is_new: bool,
    ) {
        let configuration = lane.configuration.id;
        let attribute = links.attribute.to_ascii_lowercase();
        let reading = reading(lane, update);
        if links.incoming {
            let incoming = links.added.iter().map(|holder| StagedReference {
                configuration,
                source: holder.guid,
                attribute: attribute.clone(),
                target: source,
                reading,
            });
            self.incoming.extend(incoming);
            return;
        }
        let added = links.added.iter().map(|target| StagedReference {
            configuration,
            source,
            attribute: attribute.clone(),
            target: target.guid,
            reading,
        });
        self.added.extend(added);
        let removed = links.removed.iter();
        self.removed
            .extend(removed.map(|target| (configuration, source, attribute.clone(), target.guid)));
        for target in links.added.iter().chain(&links.removed) {
            self.marks
                .extend(marks_for_edge(lane, source, &attribute, target.guid));
        }
        if !links.replace {
            let targets = links.added.iter().chain(&links.removed);
            self.marks
                .extend(targets.map(|t| Subject::Reference(source, attribute.clone(), t.guid)));
        } else if !update.whole && !is_new {
            self.marks.push(Subject::From(source));
            if !update.partial {
                self.complete.push((source, attribute, reading));
            }
        }
    }

    fn finish(mut self, tx: &mut dyn Write, lane: &mut Lane) -> Result<(), ImportError> {
        tx.store(&self.added)?;
        tx.remove::<StagedReference>(&self.removed)?;
        tx.store(&self.doubts)?;
        self.show(tx, lane)?;
        for (source, attribute, reading) in self.complete {
            for target in sweep(tx, lane.configuration.id, source, &attribute, reading)? {
                self.marks
                    .extend(marks_for_edge(lane, source, &attribute, target));
            }
        }
        Ok(mark_all(tx, &mut lane.job, self.marks)?)
    }
}

impl Desk {
    /// Takes up the links of others that are known in full; those of the rest are read with them.
    fn show(&mut self, tx: &mut dyn Write, lane: &Lane) -> Result<(), ImportError> {
        let incoming = std::mem::take(&mut self.incoming);
        let ids: Vec<_> = incoming
            .iter()
            .map(|link| (link.configuration, link.source))
            .collect();
        let holders: Vec<Option<Staged>> = tx.fetch(&ids)?;
        let known: Vec<Option<StagedReference>> =
            tx.fetch(&incoming.iter().map(StagedReference::id).collect::<Vec<_>>())?;
        let complete = |row: &Option<Staged>| {
            row.as_ref()
                .is_some_and(|row| row.object.is_complete(lane.policy.read_set))
        };
        let fresh: Vec<StagedReference> = incoming
            .into_iter()
            .zip(holders.iter().zip(known))
            .filter(|(_, (holder, known))| complete(holder) && known.is_none())
            .map(|(link, _)| link)
            .collect();
        for link in &fresh {
            let (source, attribute, target) = (link.source, &link.attribute, link.target);
            self.marks
                .extend(marks_for_edge(lane, source, attribute, target));
            self.marks
                .push(Subject::Reference(source, attribute.clone(), target));
        }
        Ok(tx.store(&fresh)?)
    }
}

/// Numbers the readings of whole sets, over all instructions.
fn reading(lane: &Lane, update: &ObjectUpdate) -> u64 {
    lane.job.lease << 32 | u64::from(update.reading)
}

/// Whether nothing but the place of an object has ever been stored: there are no links that a reading of all
/// of them could show to be gone, and whoever makes the object in the directory looks at its links anyway.
fn is_new(object: &StagedObject) -> bool {
    object.version <= 1 && object.state == RowState::PlaceOnly && object.attributes.is_empty()
}

/// Removes what a reading of the whole set has not seen; gives the targets that are linked no more.
fn sweep(
    tx: &mut dyn Write,
    configuration: lockstep_model::ids::ConfigurationId,
    source: Guid,
    attribute: &str,
    reading: u64,
) -> Result<Vec<Guid>, ImportError> {
    let mut gone = Vec::new();
    let mut scan = Scan::of(StagedReference::of(configuration, source, attribute), SWEEP);
    loop {
        let rows: Vec<StagedReference> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(gone);
        };
        scan = scan.behind(last);
        let stale: Vec<_> = rows.iter().filter(|row| row.reading != reading).collect();
        gone.extend(stale.iter().map(|row| row.target));
        let stale: Vec<_> = stale.into_iter().map(StagedReference::id).collect();
        tx.remove::<StagedReference>(&stale)?;
    }
}

fn count(tx: &mut dyn Write, lane: &Lane, objects: usize) -> Result<(), ImportError> {
    let Some(id) = lane.job.cycle else {
        return Ok(());
    };
    if let Some(mut cycle) = tx.fetch_one::<Cycle>(&id)? {
        cycle.imported += objects as u64;
        tx.store(&[cycle])?;
    }
    Ok(())
}
