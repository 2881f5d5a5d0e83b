//! The end of a page: its cookie is stored with the changes before it, or not at all.

use super::ImportError;
use super::marks::mark_all;
use super::position::{CookieMismatch, Issued, Move, moved};
use crate::lane::Lane;
use crate::passwords;
use lockstep_api::channel::{Doubt, Found, PageAnswer, PageEnd, Presence as Answer, Settled};
use lockstep_api::problem::Problem;
use lockstep_engine::scope::Chain;
use lockstep_engine::{ObjectClass, Presence, RowState, StagedObject};
use lockstep_model::{AttributeName, Guid, Timestamp};
use lockstep_store::records::connector_space::{Doubtful, Staged, Subject};
use lockstep_store::records::job::Watermark;
use lockstep_store::{Key, ReadRecords as _, Scan, Write, WriteRecords as _};
use std::collections::BTreeSet;

/// How many objects are asked for by GUID in one go.
const READS: usize = 200;
/// The number of the first full import.
const FIRST_EPOCH: u64 = 1;
/// How many attributes are looked at in one go because they may be empty.
const DOUBTS: usize = 500;
/// How many rows are looked at in one go when a full import looks for what it has not seen.
const SWEEP: usize = 2_000;

/// Stores a page's cookie, and says what is to be read by GUID before the next page is asked for.
///
/// Sent again, it is answered again: a cookie that is stored already changes nothing.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `ReadSetChanged` for a page that was read with another list of
/// attributes, `CookieMismatch` for one that does not follow the stored one.
pub fn page(
    tx: &mut dyn Write,
    mut lane: Lane,
    page: &PageEnd,
    now: Timestamp,
) -> Result<PageAnswer, ImportError> {
    if page.read_set != lane.job.read_set {
        let title = "the list of attributes has changed since this page was asked for";
        return Err(ImportError::Refused(Problem::new(
            409,
            "ReadSetChanged",
            title,
        )));
    }
    let controller = lane.job.reading_from.clone().unwrap_or_default();
    let known = lane.job.controllers.get(&controller.to_lowercase());
    let issued = Issued {
        controller: &controller,
        at: now,
        controller_clock: known.and_then(|known| known.clock),
    };
    match moved(&lane.job.watermark, page, &issued) {
        Ok(Move::To(watermark)) => lane.job.watermark = watermark,
        Ok(Move::None) => {}
        Err(CookieMismatch) => {
            let title = "the page does not follow the one that is stored";
            return Err(ImportError::Refused(Problem::new(
                409,
                "CookieMismatch",
                title,
            )));
        }
    }
    remember(&mut lane, &controller, page);
    let mut marks = Vec::new();
    let asked: BTreeSet<Guid> = page.found.iter().map(|found| found.guid).collect();
    found(tx, &lane, &page.found, now, &mut marks)?;
    settle(tx, &lane, &page.settled, &mut marks)?;
    let mut read = BTreeSet::new();
    if !page.more {
        // Where something lies is known when all has been told: containers may come after what lies in them.
        read = unread(tx, &lane, &asked)?;
        if read.is_empty() {
            read = unseen(tx, &mut lane, &asked)?;
        }
    }
    let doubts = doubts(tx, &lane)?;
    mark_all(tx, &mut lane.job, marks)?;
    tx.store(&[lane.job])?;
    Ok(PageAnswer {
        read: read.into_iter().collect(),
        doubts,
    })
}

/// What the controller shows now, to recognise it by.
fn remember(lane: &mut Lane, controller: &str, page: &PageEnd) {
    let Some(known) = lane.job.controllers.get_mut(&controller.to_lowercase()) else {
        return;
    };
    if let Some(usn) = page.highest_usn {
        known.highest_usn = known.highest_usn.max(usn);
    }
    if let Some(canary) = &page.canary {
        known.canary = Some((canary.guid.to_string(), canary.usn_changed));
    }
}

/// Takes up what became of objects that were asked for by GUID.
fn found(
    tx: &mut dyn Write,
    lane: &Lane,
    answers: &[Found],
    now: Timestamp,
    marks: &mut Vec<Subject>,
) -> Result<(), ImportError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = answers
        .iter()
        .map(|found| (configuration, found.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let (mut changed, mut returned) = (Vec::new(), Vec::new());
    for (answer, row) in answers.iter().zip(rows) {
        let mut row = row.unwrap_or_else(|| Staged {
            configuration,
            object: lockstep_engine::StagedObject::new(answer.guid, lane.job.epoch),
        });
        let object = &mut row.object;
        match answer.presence {
            Answer::Alive => {
                // It has moved back since.
                if std::mem::take(&mut object.moved_away) {
                    object.version += 1;
                    returned.push(object.guid);
                    changed.push(row);
                }
                continue;
            }
            Answer::Tombstone if object.presence == Presence::Deleted && !object.moved_away => {
                // That is known, and was asked for once more before it leaves.
                object.forget_content();
                object.version += 1;
                changed.push(row);
                continue;
            }
            Answer::Tombstone => {
                object.moved_away = false;
                entomb(object, marks);
                changed.push(row);
                continue;
            }
            // Here it is: what moves to another domain leaves no tombstone.
            Answer::Silent if object.moved_away && object.presence != Presence::Deleted => {
                entomb(object, marks);
                changed.push(row);
                continue;
            }
            // Silence is no evidence: it may be that the account must not see the object.
            Answer::Silent => match object.presence {
                Presence::Alive { .. } => {
                    object.presence = Presence::Missing {
                        since: now,
                        word: None,
                    };
                }
                // Its tombstone could be seen, and can be seen no more: it came back to where the account sees nothing,
                // or that is so long ago that nothing tells of it any more.
                Presence::Deleted if lane.job.tombstones_visible && !object.moved_away => {
                    let word = None;
                    object.presence = Presence::Missing { since: now, word };
                }
                Presence::Missing { .. } | Presence::Deleted => continue,
            },
        }
        object.version += 1;
        marks.push(Subject::Object(object.guid));
        changed.push(row);
    }
    tx.store(&changed)?;
    Ok(passwords::moved_back(tx, configuration, &returned)?)
}

/// An object turns out to be gone.
pub(crate) fn entomb(object: &mut StagedObject, marks: &mut Vec<Subject>) {
    object.presence = Presence::Deleted;
    object.forget_content();
    object.version += 1;
    marks.extend([Subject::Gone(object.guid), Subject::Object(object.guid)]);
}

/// Takes up what became of attributes that were in doubt: what is empty goes now, what is hidden stays.
fn settle(
    tx: &mut dyn Write,
    lane: &Lane,
    settled: &[Settled],
    marks: &mut Vec<Subject>,
) -> Result<(), ImportError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = settled
        .iter()
        .map(|one| (configuration, one.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut changed = Vec::new();
    for (one, row) in settled.iter().zip(rows) {
        let prefix = Key::empty().with(configuration).with(one.guid);
        let asked: Vec<Doubtful> = tx.list(&Scan::of(prefix, DOUBTS))?;
        let asked: Vec<_> = asked.iter().map(Doubtful::id).collect();
        tx.remove::<Doubtful>(&asked)?;
        for attribute in &one.hidden {
            tracing::warn!(
                configuration = lane.configuration.name,
                object = %one.guid,
                attribute,
                "the agent's account must not read this attribute; it keeps the value it had"
            );
        }
        let Some(mut row) = row else { continue };
        let gone = one
            .empty
            .iter()
            .map(|name| (AttributeName::new(name), Vec::new()));
        if row.object.merge(gone.collect(), false) {
            row.object.version += 1;
            marks.push(Subject::Object(one.guid));
            changed.push(row);
        }
    }
    Ok(tx.store(&changed)?)
}

/// Attributes that are in doubt, some objects at a time.
fn doubts(tx: &mut dyn Write, lane: &Lane) -> Result<Vec<Doubt>, ImportError> {
    let prefix = Key::empty().with(lane.configuration.id);
    let rows: Vec<Doubtful> = tx.list(&Scan::of(prefix, DOUBTS))?;
    let more = rows.len() == DOUBTS;
    let mut doubts: Vec<Doubt> = Vec::new();
    for row in rows {
        match doubts.last_mut().filter(|doubt| doubt.guid == row.guid) {
            Some(doubt) => doubt.attributes.push(row.attribute),
            None => doubts.push(Doubt {
                guid: row.guid,
                attributes: vec![row.attribute],
            }),
        }
    }
    // Of the last one there may be more: it is asked for next time, as a whole.
    if more && doubts.len() > 1 {
        doubts.pop();
    }
    Ok(doubts)
}

/// Objects that wait to be read, and parents of which nothing is known.
fn unread(
    tx: &mut dyn Write,
    lane: &Lane,
    asked: &BTreeSet<Guid>,
) -> Result<BTreeSet<Guid>, ImportError> {
    let configuration = lane.configuration.id;
    let waiting = Scan::along(Staged::BY_UNREAD, Key::empty().with(configuration), READS);
    let rows: Vec<Staged> = tx.list(&waiting)?;
    let mut read = BTreeSet::new();
    let mut places = super::Places::new(configuration, lane.policy.naming_context);
    for mut row in rows {
        let chain = places.chain(tx, &row.object)?;
        match chain {
            Chain::Unknown { missing }
                if missing != row.object.guid && !asked.contains(&missing) =>
            {
                let parent: Option<Staged> = tx.fetch_one(&(configuration, missing))?;
                let silent =
                    parent.is_some_and(|p| matches!(p.object.presence, Presence::Missing { .. }));
                if !silent {
                    read.insert(missing);
                }
            }
            _ => {}
        }
        if asked.contains(&row.object.guid) {
            // It was read, and nothing that is wanted came: it stays home.
            if row.object.class == Some(ObjectClass::Container)
                || chain
                    != (Chain::Unknown {
                        missing: row.object.guid,
                    })
            {
                row.object.state = RowState::PlaceOnly;
                row.object.version += 1;
                tx.store(&[row])?;
            }
        } else {
            read.insert(row.object.guid);
        }
    }
    Ok(read)
}

/// Looks for objects that a full import has not seen; when there are no more, the import is complete.
fn unseen(
    tx: &mut dyn Write,
    lane: &mut Lane,
    asked: &BTreeSet<Guid>,
) -> Result<BTreeSet<Guid>, ImportError> {
    let mut unseen = BTreeSet::new();
    while let Watermark::Sweeping { cookie, position } = &lane.job.watermark {
        let (cookie, position) = (cookie.clone(), *position);
        if lane.job.epoch <= FIRST_EPOCH {
            // Nothing is older than the first import of all.
            lane.job.watermark = Watermark::Current(cookie);
            break;
        }
        let configuration = lane.configuration.id;
        let mut scan = Scan::of(Key::empty().with(configuration), SWEEP);
        let behind = Key::empty().with(configuration).with(position);
        scan.after = (position != Guid::NIL).then(|| (behind.clone(), behind));
        let rows: Vec<Staged> = tx.list(&scan)?;
        let Some(last) = rows.last().map(|row| row.object.guid) else {
            lane.job.watermark = Watermark::Current(cookie);
            break;
        };
        let epoch = lane.job.epoch;
        let is_old = |row: &&Staged| {
            matches!(row.object.presence, Presence::Alive { epoch: seen } if seen != epoch)
                && !asked.contains(&row.object.guid)
        };
        let old = rows.iter().filter(is_old).map(|row| row.object.guid);
        unseen.extend(old.take(READS));
        // An agent may end before it has answered: then these are looked for again.
        let position = if unseen.is_empty() { last } else { position };
        lane.job.watermark = Watermark::Sweeping { cookie, position };
        if !unseen.is_empty() {
            break;
        }
    }
    Ok(unseen)
}
