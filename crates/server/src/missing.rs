//! Objects of the directory that a full import has not seen: absence is no evidence, so it is left to an
//! administrator to say what is to become of each.
//!
//! What is said is a part of the object's row in the connector space, and input of its decision; what follows from
//! it is done by the next cycle, deletes under the guard. Seen again, the object is as if nothing had been said.

use crate::cycle::link;
use crate::directory;
use crate::import::mark_all;
use lockstep_api::admin::Missing as View;
use lockstep_engine::{Presence, Reason, Word};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{Guid, PropertyValue, Timestamp};
use lockstep_store::records::connector_space::{Joined, Staged, Subject};
use lockstep_store::records::job::Job;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;

/// How many rows are looked at in one go.
const SLICE: usize = 5_000;
/// How many are listed.
const LISTED: usize = 100_000;

/// The objects of a configuration that are in the directory and missing in Active Directory.
///
/// # Errors
///
/// Those of the store.
pub fn of(tx: &mut dyn Read, id: ConfigurationId) -> Result<Vec<View>, StoreError> {
    let mut scan = Scan::of(Key::empty().with(id), SLICE);
    let mut listed = Vec::new();
    loop {
        let rows: Vec<Staged> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(listed);
        };
        scan = scan.behind(last);
        let missing = rows.iter().filter_map(|row| match row.object.presence {
            Presence::Missing { since, word } => Some((row.object.guid, since, word)),
            Presence::Alive { .. } | Presence::Deleted => None,
        });
        for (guid, since, word) in missing {
            listed.extend(view(tx, id, guid, since, word)?);
            if listed.len() == LISTED {
                return Ok(listed);
            }
        }
    }
}

fn view(
    tx: &mut dyn Read,
    id: ConfigurationId,
    guid: Guid,
    since: Timestamp,
    word: Option<Word>,
) -> Result<Option<View>, StoreError> {
    let joined: Option<Joined> = tx.fetch_one(&(id, guid))?;
    let Some(joined) = joined.filter(|joined| !joined.deleted) else {
        return Ok(None);
    };
    let object = directory::objects(tx, &[joined.object])?.pop().flatten();
    let applied = link(&joined, object).applied;
    let dn = applied.get("onPremisesDistinguishedName");
    let dn = dn.and_then(PropertyValue::as_text);
    let (verdict, reason) = match word {
        None => ("open", Reason::Missing { since }),
        Some(Word::Gone) => ("gone", Reason::SaidGone { since }),
        Some(Word::Stays) => ("stays", Reason::SaidToStay { since }),
    };
    Ok(Some(View {
        id: guid.to_string(),
        dn: dn.map_or_else(|| guid.to_string(), str::to_owned),
        kind: joined.kind.name().to_owned(),
        object: joined.object.to_string(),
        since: since.to_string(),
        verdict: verdict.to_owned(),
        reason: reason.to_string(),
    }))
}

/// Notes what is said of these objects, as far as they are missing, and has them decided anew. Says of how many.
///
/// # Errors
///
/// Those of the store.
pub fn say(
    tx: &mut dyn Write,
    id: ConfigurationId,
    guids: &BTreeSet<Guid>,
    said: Word,
) -> Result<u64, StoreError> {
    let ids: Vec<_> = guids.iter().map(|guid| (id, *guid)).collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut changed = Vec::new();
    for mut row in rows.into_iter().flatten() {
        if let Presence::Missing { word, .. } = &mut row.object.presence {
            *word = Some(said);
            row.object.version += 1;
            changed.push(row);
        }
    }
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(0);
    };
    let subjects = changed.iter().map(|row| Subject::Object(row.object.guid));
    mark_all(tx, &mut job, subjects.collect::<Vec<_>>())?;
    // In a cycle by hand: deletes leave in it.
    job.requested += 1;
    tx.store(&changed)?;
    tx.store(&[job])?;
    Ok(changed.len() as u64)
}
