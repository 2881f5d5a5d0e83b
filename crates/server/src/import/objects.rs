//! Attributes and links of wanted objects.

use super::marks::mark_all;
use super::offer::core_attributes;
use super::{ImportError, Lane};
use lockstep_api::channel::{Ack, Links, ObjectUpdate, Objects};
use lockstep_api::problem::Problem;
use lockstep_engine::{ObjectClass, Presence, RowState};
use lockstep_model::{Dn, Guid, Rdn};
use lockstep_store::records::connector_space::{Staged, StagedReference, Subject};
use lockstep_store::records::job::Cycle;
use lockstep_store::{ReadRecords as _, Scan, Write, WriteRecords as _};

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
    let mut marks = Vec::new();
    let mut stored = Vec::new();
    for (update, row) in batch.objects.iter().zip(rows) {
        // What was not offered, or has been deleted meanwhile, is none of ours.
        let Some(mut row) = row else { continue };
        if row.object.presence == Presence::Deleted {
            continue;
        }
        if let Some(rdn) = &update.rdn {
            rename(&mut row, rdn, &mut marks)?;
        }
        content(tx, &lane, &mut row, update, &mut marks)?;
        stored.push(row);
    }
    count(tx, &lane, stored.len())?;
    tx.store(&stored)?;
    mark_all(tx, &mut lane.job, marks)?;
    tx.store(&[lane.job])?;
    Ok(Ack {})
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

/// Attributes and links.
fn content(
    tx: &mut dyn Write,
    lane: &Lane,
    row: &mut Staged,
    update: &ObjectUpdate,
    marks: &mut Vec<Subject>,
) -> Result<(), ImportError> {
    if row.object.class == Some(ObjectClass::Container) {
        if row.object.state == RowState::Unread {
            row.object.state = RowState::PlaceOnly;
            row.object.version += 1;
        }
        return Ok(());
    }
    let read_set = lane.policy.read_set;
    if !update.whole && !row.object.is_complete(read_set) {
        // The rest of it is not known, so neither is what this change makes of it.
        if row.object.state != RowState::Unread {
            row.object.state = RowState::Unread;
            row.object.version += 1;
        }
        return Ok(());
    }
    // Slices before the last carry links only.
    if !update.partial {
        let changed = row
            .object
            .merge(core_attributes(&update.attributes), update.whole);
        let state = RowState::Complete { read_set };
        if changed || row.object.state != state {
            row.object.state = state;
            row.object.version += 1;
            marks.push(Subject::Object(row.object.guid));
        }
    }
    let source = row.object.guid;
    for links in &update.links {
        references(tx, lane, source, links, update, marks)?;
    }
    if update.whole {
        marks.push(Subject::From(source));
    }
    if update.whole && !update.partial {
        // An attribute without values is not even named.
        let configuration = lane.configuration.id;
        for attribute in &lane.job.read_set.links {
            sweep(tx, configuration, source, attribute, reading(lane, update))?;
        }
    }
    Ok(())
}

/// Numbers the readings of whole sets, over all instructions.
fn reading(lane: &Lane, update: &ObjectUpdate) -> u64 {
    lane.job.lease << 32 | u64::from(update.reading)
}

/// The values of one link attribute.
fn references(
    tx: &mut dyn Write,
    lane: &Lane,
    source: Guid,
    links: &Links,
    update: &ObjectUpdate,
    marks: &mut Vec<Subject>,
) -> Result<(), ImportError> {
    let configuration = lane.configuration.id;
    let attribute = links.attribute.to_ascii_lowercase();
    let reading = reading(lane, update);
    let added: Vec<StagedReference> = links
        .added
        .iter()
        .map(|target| StagedReference {
            configuration,
            source,
            attribute: attribute.clone(),
            target: target.guid,
            reading,
        })
        .collect();
    tx.store(&added)?;
    let removed: Vec<_> = links
        .removed
        .iter()
        .map(|target| (configuration, source, attribute.clone(), target.guid))
        .collect();
    tx.remove::<StagedReference>(&removed)?;
    if update.whole {
        // What is not in any of its slices goes with the last.
    } else if links.replace {
        if !update.partial {
            sweep(tx, configuration, source, &attribute, reading)?;
        }
        marks.push(Subject::From(source));
    } else {
        let targets = links.added.iter().chain(&links.removed);
        marks.extend(targets.map(|t| Subject::Reference(source, attribute.clone(), t.guid)));
    }
    Ok(())
}

/// Removes what a reading of the whole set has not seen.
fn sweep(
    tx: &mut dyn Write,
    configuration: lockstep_model::ids::ConfigurationId,
    source: Guid,
    attribute: &str,
    reading: u64,
) -> Result<(), ImportError> {
    let mut scan = Scan::of(StagedReference::of(configuration, source, attribute), SWEEP);
    loop {
        let rows: Vec<StagedReference> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        scan = scan.behind(last);
        let stale: Vec<_> = rows
            .iter()
            .filter(|row| row.reading != reading)
            .map(StagedReference::id)
            .collect();
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
