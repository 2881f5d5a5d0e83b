//! Objects of the directory that a full import has not seen: absence is no evidence, so it is left to an
//! administrator to say what is to become of each.
//!
//! What is said is a part of the object's row in the connector space, and input of its decision; what follows from
//! it is done by the next cycle, deletes under the guard. Seen again, the object is as if nothing had been said.

use crate::choice::{Choice, ChoiceField, ChoiceFilter, Choosable, Listing, Meant, parsed};
use crate::configurations::store_problem;
use crate::cycle::with_applied;
use crate::import::mark_all;
use crate::job::ask_for_cycle_unless_paused;
use crate::service::Service;
use crate::{audit, directory};
use lockstep_api::admin::{Chosen, ChosenDone, Missing as View};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_engine::{Presence, Reason, Word};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{CycleKind, Guid, PropertyValue};
use lockstep_store::records::connector_space::{LinkRow, Staged, Subject};
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many rows are looked at in one go.
const SLICE: usize = 5_000;
/// How many are named in one entry of the audit log.
const NAMED: usize = 1_000;
/// The verdict on what nothing was said of yet.
const OPEN: &str = "open";

impl Choosable for View {
    const FIELDS: &[&str] = &["id", "dn", "type", "reason", "since"];

    fn is_open(&self) -> bool {
        self.verdict == OPEN
    }

    fn number(&self) -> u64 {
        self.number
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
pub(crate) struct MissingListing {
    configuration: ConfigurationId,
    scan: Scan,
    filter: Option<ChoiceFilter>,
}

impl Listing for MissingListing {
    type One = View;

    fn next(&mut self, tx: &mut dyn Read) -> Result<Option<Vec<View>>, StoreError> {
        let rows: Vec<Staged> = tx.list(&self.scan)?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.scan = self.scan.clone().behind(last);
        let mut listed = Vec::new();
        for row in &rows {
            listed.extend(view(tx, self.configuration, row)?);
        }
        listed.retain(|one| self.filter.as_ref().is_none_or(|filter| filter.fits(one)));
        Ok(Some(listed))
    }
}

/// The objects of a configuration that are in the directory and missing in Active Directory, as far as a filter is
/// true of them.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read.
pub(crate) fn list(id: ConfigurationId, filter: Option<&str>) -> Result<MissingListing, Problem> {
    Ok(MissingListing {
        configuration: id,
        scan: Scan::along(Staged::BY_MISSING, Key::empty().with(id), SLICE),
        filter: parsed::<View>(filter)?,
    })
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
) -> Result<ChosenDone, Problem> {
    let choice = Choice::of::<View>(chosen)?;
    let (id, name) = (row.id, row.name.clone());
    let is_named = !choice.ids.is_empty();
    // They may be many: nobody has to wait who writes until they are listed.
    let picked = service.read(move |tx| match is_named {
        true => named(tx, id, &choice),
        false => all(tx, id, &choice).map(Ok),
    });
    let picked = picked.await.map_err(store_problem)?;
    let Picked { guids, newer } = picked.map_err(|unknown| not_missing(&unknown))?;
    let now = service.clock.now();
    let said = service
        .write(move |tx| {
            let said = say(tx, id, &guids, word, is_named)?;
            let activity = match word {
                Word::Gone => "MissingDeleted",
                Word::Stays => "MissingKept",
            };
            for slice in said.chunks(NAMED) {
                let objects: Vec<String> = slice.iter().map(|(guid, _)| guid.to_string()).collect();
                let words = slice.iter().map(|(guid, before)| {
                    (
                        guid.to_string(),
                        serde_json::Value::from(word_name(*before)),
                    )
                });
                let words: serde_json::Map<_, _> = words.collect();
                let old = serde_json::json!({ "verdicts": words }).to_string();
                let new = serde_json::json!({ "objects": objects }).to_string();
                audit::record(tx, now, &actor, activity, &name, Some(old), Some(new))?;
            }
            Ok(said.len() as u64)
        })
        .await;
    let count = said.map_err(store_problem)?;
    service.jobs.raise();
    Ok(ChosenDone { count, newer })
}

/// What is meant of what is missing.
#[derive(Default)]
struct Picked {
    guids: BTreeSet<Guid>,
    newer: u64,
}

impl Picked {
    fn look(&mut self, choice: &Choice, guid: Guid, view: &View) {
        match choice.meant(view) {
            Meant::Yes => {
                self.guids.insert(guid);
            }
            Meant::Later => self.newer += 1,
            Meant::No => {}
        }
    }
}

fn all(tx: &mut dyn Read, id: ConfigurationId, choice: &Choice) -> Result<Picked, StoreError> {
    let mut scan = Scan::along(Staged::BY_MISSING, Key::empty().with(id), SLICE);
    let mut picked = Picked::default();
    loop {
        let rows: Vec<Staged> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(picked);
        };
        scan = scan.behind(last);
        for row in &rows {
            if let Some(view) = view(tx, id, row)? {
                picked.look(choice, row.object.guid, &view);
            }
        }
    }
}

/// What is meant of what is named; gives the first id that nothing has.
fn named(
    tx: &mut dyn Read,
    id: ConfigurationId,
    choice: &Choice,
) -> Result<Result<Picked, String>, StoreError> {
    let mut picked = Picked::default();
    for text in &choice.ids {
        let row: Option<Staged> = match text.parse::<Guid>() {
            Ok(guid) => tx.fetch_one(&(id, guid))?,
            Err(_) => None,
        };
        let view = match &row {
            Some(row) => view(tx, id, row)?,
            None => None,
        };
        let Some((row, view)) = row.zip(view) else {
            return Ok(Err(text.clone()));
        };
        picked.look(choice, row.object.guid, &view);
    }
    Ok(Ok(picked))
}

fn not_missing(id: &str) -> Problem {
    let title = format!("{id} is not among what is missing; nothing was changed");
    Problem::new(404, "NotMissing", title).remedy("`lockstep missing list` shows the ids")
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
    if cycle.kind == CycleKind::Incremental && rows == job.history.missing_rows {
        return Ok(());
    }
    let mut scan = Scan::along(Staged::BY_MISSING, prefix, SLICE);
    let mut missing = 0;
    loop {
        let found: Vec<Staged> = tx.list(&scan)?;
        let Some(last) = found.last() else { break };
        scan = scan.behind(last);
        let ids: Vec<_> = found.iter().map(|row| (id, row.object.guid)).collect();
        let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
        let live = links.iter().flatten().filter(|link| !link.deleted);
        missing += live.count() as u64;
    }
    (job.history.missing, job.history.missing_rows) = (missing, rows);
    Ok(())
}

const fn word_name(word: Option<Word>) -> &'static str {
    match word {
        None => OPEN,
        Some(Word::Gone) => "gone",
        Some(Word::Stays) => "stays",
    }
}

/// An object, if it is in the directory and missing in Active Directory.
fn view(tx: &mut dyn Read, id: ConfigurationId, row: &Staged) -> Result<Option<View>, StoreError> {
    let Presence::Missing { since, word } = row.object.presence else {
        return Ok(None);
    };
    let guid = row.object.guid;
    let link: Option<LinkRow> = tx.fetch_one(&(id, guid))?;
    let Some(link) = link.filter(|link| !link.deleted) else {
        return Ok(None);
    };
    let object = directory::objects(tx, &[link.object])?.pop().flatten();
    let applied = with_applied(&link, object).applied;
    let dn = applied.get("onPremisesDistinguishedName");
    let dn = dn.and_then(PropertyValue::as_text);
    let reason = match word {
        None => Reason::Missing { since },
        Some(Word::Gone) => Reason::SaidGone { since },
        Some(Word::Stays) => Reason::SaidToStay { since },
    };
    Ok(Some(View {
        id: guid.to_string(),
        dn: dn.map_or_else(|| guid.to_string(), str::to_owned),
        kind: link.kind.to_string(),
        object: link.object.to_string(),
        since: since.to_string(),
        verdict: word_name(word).to_owned(),
        reason: reason.to_string(),
        // One full import after the other finds them, page after page.
        number: u64::try_from(since.as_millis()).unwrap_or(0),
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
) -> Result<Vec<(Guid, Option<Word>)>, StoreError> {
    let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
        return Ok(Vec::new());
    };
    let ids: Vec<_> = guids.iter().map(|guid| (id, *guid)).collect();
    let mut changed = Vec::new();
    for ids in ids.chunks(SLICE) {
        let rows: Vec<Option<Staged>> = tx.fetch(ids)?;
        let mut rows: Vec<Staged> = rows.into_iter().flatten().collect();
        rows.retain_mut(|row| match &mut row.object.presence {
            Presence::Missing { word, .. } if is_named || word.is_none() => {
                changed.push((row.object.guid, word.replace(said)));
                row.object.version += 1;
                true
            }
            _ => false,
        });
        tx.store(&rows)?;
    }
    let subjects = changed.iter().map(|(guid, _)| Subject::Object(*guid));
    mark_all(tx, &mut job, subjects)?;
    // In a cycle by hand: deletes leave in it.
    ask_for_cycle_unless_paused(tx, &mut job)?;
    tx.store(&[job])?;
    Ok(changed)
}
