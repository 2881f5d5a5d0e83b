//! Attributes and references of wanted objects.

use super::ImportError;
use super::contents::{Contents, check_names};
use crate::lane::Lane;
use lockstep_api::channel::{Ack, Objects};
use lockstep_engine::Presence;
use lockstep_store::records::connector_space::Staged;
use lockstep_store::{ReadRecords as _, Write, WriteRecords as _};

/// Takes up what a controller said of wanted objects.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `BadRequest` for a name that is none.
pub fn objects(tx: &mut dyn Write, mut lane: Lane, batch: &Objects) -> Result<Ack, ImportError> {
    let updates = batch.objects.iter();
    check_names(updates.map(|update| (update.guid, update.rdn.as_ref())))?;
    let configuration = lane.configuration.id;
    let ids: Vec<_> = batch
        .objects
        .iter()
        .map(|update| (configuration, update.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut contents = Contents::default();
    let mut stored = Vec::new();
    for (update, row) in batch.objects.iter().zip(rows) {
        // What was not offered, or has been deleted meanwhile, is none of ours.
        let Some(mut row) = row else { continue };
        if row.object.presence == Presence::Deleted {
            continue;
        }
        contents.take(&lane, &mut row.object, update)?;
        stored.push(row);
    }
    tx.store(&stored)?;
    contents.finish(tx, &mut lane, stored.len())?;
    tx.store(&[lane.job])?;
    Ok(Ack {})
}
