//! Objects of the directory that a full import has not seen: absence is no evidence, so it is left to an
//! administrator to say what is to become of each.
//!
//! What is said is a part of the object's row in the connector space, and input of its decision; what follows from
//! it is done by the next cycle, deletes under the guard. Seen again, the object is as if nothing had been said.

use crate::choice::{ChoiceField, Choosable, parsed, picked};
use crate::configurations::store_problem;
use crate::cycle::link;
use crate::import::mark_all;
use crate::service::Service;
use crate::{audit, directory};
use lockstep_api::admin::{Chosen, Missing as View};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_engine::{Presence, Reason, Word};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{Guid, PropertyValue, Timestamp};
use lockstep_store::records::connector_space::{Joined, Staged, Subject};
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many rows are looked at in one go.
const SLICE: usize = 5_000;
/// How many are listed.
const LISTED: usize = 100_000;

impl Choosable for View {
    const FIELDS: &[&str] = &["id", "dn", "type", "reason", "since"];

    fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.verdict == "open"
    }
}

impl HasFields<ChoiceField> for View {
    fn values(&self, field: &ChoiceField) -> Vec<Literal> {
        let text = match field.0 {
            "id" => &self.id,
            "dn" => &self.dn,
            "type" => &self.kind,
            "reason" => &self.reason,
            _ => return self.since.parse().map(Literal::Time).into_iter().collect(),
        };
        vec![Literal::text(text)]
    }
}

/// The objects of a configuration that are in the directory and missing in Active Directory, as far as a filter is
/// true of them.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read; those of the store.
pub async fn list(
    service: &Arc<Service>,
    id: ConfigurationId,
    filter: Option<&str>,
) -> Result<Vec<View>, Problem> {
    let filter = parsed::<View>(filter)?;
    let listed = service.read(move |tx| of(tx, id)).await;
    let mut listed = listed.map_err(store_problem)?;
    listed.retain(|one| filter.as_ref().is_none_or(|filter| filter.fits(one)));
    Ok(listed)
}

/// Says of what is chosen that it is gone, or that it stays. Says of how many.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read, with 404 when something that is named is not missing;
/// those of the store. Nothing is changed then.
pub async fn decide(
    service: &Arc<Service>,
    row: &Configuration,
    chosen: Chosen,
    word: Word,
    actor: String,
) -> Result<u64, Problem> {
    let filter = parsed::<View>(chosen.filter.as_deref())?;
    let (id, name) = (row.id, row.name.clone());
    // They may be many: nobody has to wait who writes until they are listed.
    let listed = service.read(move |tx| of(tx, id)).await;
    let listed = listed.map_err(store_problem)?;
    let picked = picked(&listed, &chosen, filter.as_ref()).map_err(not_missing)?;
    let picked = listed.iter().zip(picked).filter(|(_, picked)| *picked);
    let is_named = !chosen.ids.is_empty();
    let guids: BTreeSet<Guid> = picked.filter_map(|(one, _)| one.id.parse().ok()).collect();
    let now = service.clock.now();
    let said = service
        .write(move |tx| {
            let said = say(tx, id, &guids, word, is_named)?;
            let activity = match word {
                Word::Gone => "MissingDeleted",
                Word::Stays => "MissingKept",
            };
            let objects: Vec<String> = said.iter().map(Guid::to_string).collect();
            let new = serde_json::json!({ "objects": objects }).to_string();
            audit::record(tx, now, &actor, activity, &name, None, Some(new))?;
            Ok(said.len() as u64)
        })
        .await;
    let count = said.map_err(store_problem)?;
    service.jobs.raise();
    Ok(count)
}

fn not_missing(id: &str) -> Problem {
    let title = format!("{id} is not among what is missing; nothing was changed");
    Problem::new(404, "NotMissing", title).remedy("`lockstep missing list` shows the ids")
}

/// The objects of a configuration that are in the directory and missing in Active Directory.
fn of(tx: &mut dyn Read, id: ConfigurationId) -> Result<Vec<View>, StoreError> {
    let mut scan = Scan::along(Staged::BY_MISSING, Key::empty().with(id), SLICE);
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

/// Counts, at the end of a cycle, how many objects of the directory are missing and wait for somebody's word. They
/// come to be missing in a full import only, and otherwise are counted again when their number is another.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn count(tx: &mut dyn Read, job: &mut Job, cycle: &Cycle) -> Result<(), StoreError> {
    let id = job.configuration;
    let prefix = Staged::missing(id, None);
    let rows = tx.how_many::<Staged>(Some(Staged::BY_MISSING), &prefix)?;
    if cycle.kind == "incremental" && rows == job.history.missing_rows {
        return Ok(());
    }
    let mut scan = Scan::along(Staged::BY_MISSING, prefix, SLICE);
    let mut missing = 0;
    loop {
        let found: Vec<Staged> = tx.list(&scan)?;
        let Some(last) = found.last() else { break };
        scan = scan.behind(last);
        let ids: Vec<_> = found.iter().map(|row| (id, row.object.guid)).collect();
        let joined: Vec<Option<Joined>> = tx.fetch(&ids)?;
        let live = joined.iter().flatten().filter(|joined| !joined.deleted);
        missing += live.count() as u64;
    }
    (job.history.missing, job.history.missing_rows) = (missing, rows);
    Ok(())
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
        kind: joined.kind.to_string(),
        object: joined.object.to_string(),
        since: since.to_string(),
        verdict: verdict.to_owned(),
        reason: reason.to_string(),
    }))
}

/// Notes what is said of these objects, as far as they are still missing, and has them decided anew. Says of which.
/// Of those that are not named but chosen because nothing was said of them, something may have been said since.
fn say(
    tx: &mut dyn Write,
    id: ConfigurationId,
    guids: &BTreeSet<Guid>,
    said: Word,
    is_named: bool,
) -> Result<Vec<Guid>, StoreError> {
    let ids: Vec<_> = guids.iter().map(|guid| (id, *guid)).collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut changed = Vec::new();
    for mut row in rows.into_iter().flatten() {
        if let Presence::Missing { word, .. } = &mut row.object.presence
            && (is_named || word.is_none())
        {
            *word = Some(said);
            row.object.version += 1;
            changed.push(row);
        }
    }
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(Vec::new());
    };
    let guids: Vec<Guid> = changed.iter().map(|row| row.object.guid).collect();
    mark_all(tx, &mut job, guids.iter().copied().map(Subject::Object))?;
    // In a cycle by hand: deletes leave in it.
    job.requested += 1;
    tx.store(&changed)?;
    tx.store(&[job])?;
    Ok(guids)
}
