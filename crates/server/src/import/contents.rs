//! What a controller said of objects: names, attributes, references.

use super::ImportError;
use super::marks::mark_all;
use super::offer::core_attributes;
use crate::lane::Lane;
use crate::policy;
use crate::scope_groups::marks_for_edge;
use lockstep_api::channel::{Links, ObjectUpdate};
use lockstep_api::problem::Problem;
use lockstep_engine::{ObjectClass, RowState, StagedObject};
use lockstep_model::{Dn, Guid, Rdn};
use lockstep_store::records::connector_space::{
    Doubtful, ForeignPrincipal, StagedReference, Subject,
};
use lockstep_store::records::job::Cycle;
use lockstep_store::{ReadRecords as _, Record, Scan, Write, WriteRecords as _};

/// How many references are swept in one go.
const SWEEP: usize = 1_000;

/// Works through one request: gathers what is written, so that each table is written once.
#[derive(Default)]
pub(super) struct Contents {
    /// What has to be looked at again.
    pub(super) marks: Vec<Subject>,
    added: Vec<StagedReference>,
    removed: Vec<<StagedReference as Record>::Id>,
    /// Values that may be gone.
    doubts: Vec<Doubtful>,
    /// Targets that stand for principals of other forests. An ordinary account may not see them themselves.
    foreign: Vec<ForeignPrincipal>,
    /// Sets that are complete now: source, attribute (none: every one that is read), and the reading that saw
    /// all of it.
    complete: Vec<(Guid, Option<String>, u64)>,
    /// How many references were told of.
    pub(super) references: usize,
}

impl Contents {
    /// Takes up what was said of one object.
    pub(super) fn take(
        &mut self,
        lane: &Lane,
        object: &mut StagedObject,
        update: &ObjectUpdate,
    ) -> Result<(), ImportError> {
        let is_new = is_new(object);
        if let Some(rdn) = &update.rdn {
            rename(object, rdn, &mut self.marks)?;
        }
        self.content(lane, object, update, is_new);
        Ok(())
    }

    /// Attributes and references.
    fn content(
        &mut self,
        lane: &Lane,
        object: &mut StagedObject,
        update: &ObjectUpdate,
        is_new: bool,
    ) {
        if object.class == Some(ObjectClass::Container) {
            if object.state == RowState::Unread {
                object.state = RowState::PlaceOnly;
                object.version += 1;
            }
            return;
        }
        let read_set = lane.policy.read_set;
        if !update.whole && !object.is_complete(read_set) {
            // The rest of it is not known, so neither is what this change makes of it.
            if object.state != RowState::Unread {
                object.state = RowState::Unread;
                object.version += 1;
            }
            return;
        }
        for links in &update.links {
            self.references(lane, object.guid, links, update, is_new);
        }
        if update.whole && !is_new {
            self.marks.push(Subject::From(object.guid));
            if !update.partial {
                // An attribute without values is not even named.
                self.complete
                    .push((object.guid, None, reading(lane, update)));
            }
        }
        // Slices before the last carry references only.
        if update.partial {
            object.version += 1;
            return;
        }
        let changed = self.attributes(lane, object, update);
        let state = RowState::Complete { read_set };
        if changed || object.state != state {
            object.state = state;
            object.version += 1;
            self.marks.push(Subject::Object(object.guid));
        }
    }

    /// Takes attributes over; says whether anything changed.
    fn attributes(
        &mut self,
        lane: &Lane,
        object: &mut StagedObject,
        update: &ObjectUpdate,
    ) -> bool {
        let received = core_attributes(&update.attributes);
        if !lane.job.hides_values {
            return object.merge(received, update.whole);
        }
        let (changed, kept) = object.merge_keeping(received, update.whole);
        self.doubts.extend(kept.into_iter().map(|name| Doubtful {
            configuration: lane.configuration.id,
            guid: object.guid,
            attribute: name.as_str().to_owned(),
        }));
        changed
    }

    /// The values of one linked attribute.
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
        let added = links.added.iter().map(|target| StagedReference {
            configuration,
            source,
            attribute: attribute.clone(),
            target: target.guid,
            reading,
        });
        self.added.extend(added);
        let foreign = links.added.iter().filter_map(|target| {
            Some(ForeignPrincipal {
                configuration,
                guid: target.guid,
                sid: target.foreign_sid.clone()?,
            })
        });
        self.foreign.extend(foreign);
        let removed = links.removed.iter();
        self.removed
            .extend(removed.map(|target| (configuration, source, attribute.clone(), target.guid)));
        self.references += links.added.len() + links.removed.len();
        for target in links.added.iter().chain(&links.removed) {
            self.marks
                .extend(marks_for_edge(lane, source, &attribute, target.guid));
        }
        // What is not in any slice of a whole object goes with the last.
        if is_new || (update.whole && links.replace) {
            return;
        }
        if links.replace {
            self.marks.push(Subject::From(source));
            if !update.partial {
                self.complete.push((source, Some(attribute), reading));
            }
        } else {
            let targets = links.added.iter().chain(&links.removed);
            self.marks
                .extend(targets.map(|t| Subject::Reference(source, attribute.clone(), t.guid)));
        }
    }

    /// Writes what was gathered, but for the objects themselves, of which there were so many. The caller stores the
    /// job.
    pub(super) fn finish(
        mut self,
        tx: &mut dyn Write,
        lane: &mut Lane,
        objects: usize,
    ) -> Result<(), ImportError> {
        tx.store(&self.added)?;
        tx.remove::<StagedReference>(&self.removed)?;
        tx.store(&self.doubts)?;
        tx.store(&self.foreign)?;
        let links = match self.complete.is_empty() {
            true => Vec::new(),
            false => policy::read_set_of(tx, lane.configuration.id)?.links,
        };
        for (source, attribute, reading) in self.complete {
            let attribute = attribute.as_deref();
            for (attribute, target) in sweep(tx, lane, source, (attribute, &links), reading)? {
                self.references += 1;
                self.marks
                    .extend(marks_for_edge(lane, source, &attribute, target));
                // It may be one that is known to lead nowhere.
                self.marks
                    .push(Subject::Reference(source, attribute, target));
            }
        }
        count(tx, lane, objects, self.references)?;
        Ok(mark_all(tx, &mut lane.job, self.marks)?)
    }
}

/// Numbers the readings of whole sets, over all instructions.
fn reading(lane: &Lane, update: &ObjectUpdate) -> u64 {
    lane.job.lease << 32 | u64::from(update.reading)
}

/// Reads the own step of an object's name.
fn step_of(guid: Guid, rdn: &str) -> Result<Rdn, ImportError> {
    let bad = || {
        let title = format!("the name of object {guid} is none");
        ImportError::Refused(Problem::new(400, "BadRequest", title).detail("expected CN=Ada"))
    };
    let dn: Dn = rdn.parse().map_err(|_| bad())?;
    match dn.steps() {
        [step] => Ok(Rdn::clone(step)),
        _ => Err(bad()),
    }
}

/// Refuses what bears no name, before anything is written.
pub(super) fn check_names<'a>(
    mut names: impl Iterator<Item = (Guid, Option<&'a String>)>,
) -> Result<(), ImportError> {
    names.try_for_each(|(guid, rdn)| match rdn {
        Some(rdn) => step_of(guid, rdn).map(|_| ()),
        None => Ok(()),
    })
}

fn rename(
    object: &mut StagedObject,
    rdn: &str,
    marks: &mut Vec<Subject>,
) -> Result<(), ImportError> {
    let step = step_of(object.guid, rdn)?;
    if object.rdn.as_ref() == Some(&step) {
        return Ok(());
    }
    let is_new = is_new(object);
    object.rdn = Some(step);
    object.version += 1;
    match object.class {
        // What lies below a container that is new is still marked itself.
        Some(ObjectClass::Container) if is_new => {}
        // The names of everything below are made of this one.
        Some(ObjectClass::Container) => marks.push(Subject::Subtree(object.guid)),
        _ => marks.push(Subject::Object(object.guid)),
    }
    Ok(())
}

/// Whether nothing but the place of an object has ever been stored: there are no references that a reading of
/// all of them could show to be gone, and whoever makes the object in the directory looks at its references anyway.
fn is_new(object: &StagedObject) -> bool {
    object.version <= 1 && object.state == RowState::PlaceOnly && object.attributes.is_empty()
}

/// Removes what a reading of the whole set has not seen; gives the attribute and the target of what is linked no
/// more.
fn sweep(
    tx: &mut dyn Write,
    lane: &Lane,
    source: Guid,
    (attribute, links): (Option<&str>, &[String]),
    reading: u64,
) -> Result<Vec<(String, Guid)>, ImportError> {
    let configuration = lane.configuration.id;
    let mut gone = Vec::new();
    let set = match attribute {
        Some(attribute) => StagedReference::of(configuration, source, attribute),
        None => StagedReference::from(configuration, source),
    };
    // Where somebody belongs by the primary group is no linked attribute that is read.
    let is_read = |row: &StagedReference| links.contains(&row.attribute);
    let mut scan = Scan::of(set, SWEEP);
    loop {
        let rows: Vec<StagedReference> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(gone);
        };
        scan = scan.behind(last);
        let stale = rows.iter().filter(|row| row.reading != reading);
        let stale: Vec<_> = stale
            .filter(|row| attribute.is_some() || is_read(row))
            .collect();
        let unlinked = stale.iter().map(|row| (row.attribute.clone(), row.target));
        gone.extend(unlinked);
        let stale: Vec<_> = stale.into_iter().map(StagedReference::id).collect();
        tx.remove::<StagedReference>(&stale)?;
    }
}

/// Adds to the cycle's numbers of imported objects and references.
fn count(
    tx: &mut dyn Write,
    lane: &Lane,
    objects: usize,
    references: usize,
) -> Result<(), ImportError> {
    let Some(id) = lane.job.cycle.filter(|_| objects + references > 0) else {
        return Ok(());
    };
    if let Some(mut cycle) = tx.fetch_one::<Cycle>(&id)? {
        cycle.imported += objects as u64;
        cycle.imported_references += references as u64;
        tx.store(&[cycle])?;
    }
    Ok(())
}
