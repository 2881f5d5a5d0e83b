//! Objects that failed: set aside one by one, tried again, healed.
//!
//! What is kept is the object and the reason, never a request to replay: a retry marks the object, and it is
//! decided anew. What stands in its way in the cloud directory is named: whoever changes that has the object tried
//! again, however long ago it failed.

use super::Context;
use super::objects::Case;
use crate::import::mark_all;
use crate::lane::Lane;
use crate::log::{REDACTED, readable};
use lockstep_engine::escrow::{Attempt, Failures};
use lockstep_engine::mapping::{MappedValues, Unmade};
use lockstep_engine::{Decision, Reason, wanted};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, PropertyValue, Timestamp};
use lockstep_store::records::connector_space::Subject;
use lockstep_store::records::job::Job;
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::safety::{Escrow, Obstacle};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The code under which the log tells that something is as it should be again.
pub(super) const HEALED: &str = "Healed";
/// How many are looked at in one go.
const SLICE: usize = 1_000;
/// How many letters a line has of an expression or a value.
const BRIEF: usize = 200;
/// How many properties a line names.
const NAMED: usize = 5;

/// Marks everything whose next attempt is due, so that the cycle decides it anew. The caller stores the job.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn wake(tx: &mut dyn Write, job: &mut Job, now: Timestamp) -> Result<(), StoreError> {
    let configuration = job.configuration;
    let mut scan = Scan::along(Escrow::BY_DUE, Key::empty().with(configuration), SLICE);
    loop {
        let rows: Vec<Escrow> = tx.list(&scan)?;
        let is_due = |row: &&Escrow| row.next.is_some_and(|next| next <= now.as_millis());
        let due: Vec<Subject> = rows
            .iter()
            .filter(is_due)
            .map(|row| Subject::Object(row.guid))
            .collect();
        let all_due = due.len() == rows.len();
        mark_all(tx, job, due)?;
        match rows.last() {
            Some(last) if all_due => scan = scan.behind(last),
            _ => return Ok(()),
        }
    }
}

/// Marks everything that failed at a time that is still to come, because the clock was put right since: by that clock its
/// next attempt would be too late. The caller stores the job.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn wake_from_ahead(
    tx: &mut dyn Write,
    job: &mut Job,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut scan = Scan::of(Key::empty().with(job.configuration), SLICE);
    loop {
        let rows: Vec<Escrow> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        scan = scan.behind(last);
        let ahead = rows.iter().filter(|row| row.last > now.as_millis());
        mark_all(tx, job, ahead.map(|row| Subject::Object(row.guid)))?;
    }
}

/// Those of these objects that failed before.
pub(super) fn of(
    tx: &mut dyn Read,
    lane: &Lane,
    guids: &[Guid],
) -> Result<BTreeMap<Guid, Escrow>, StoreError> {
    let owner = lane.owner();
    let any: Vec<Escrow> = tx.list(&Scan::of(Key::empty().with(owner), 1))?;
    if any.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<_> = guids.iter().map(|guid| (owner, *guid)).collect();
    let rows: Vec<Option<Escrow>> = tx.fetch(&ids)?;
    Ok(rows
        .into_iter()
        .flatten()
        .map(|row| (row.guid, row))
        .collect())
}

/// Keeps an object that failed, with what was wanted, what came of it, what stands in its way, and when it is tried
/// again. Says whether it is the first time in this cycle.
pub(super) fn keep(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &Context<'_>,
    case: &Case,
    answer: &str,
    code: &str,
    obstacle: Option<ObjectId>,
) -> Result<bool, StoreError> {
    let (owner, guid) = (lane.owner(), case.object.guid);
    let before: Option<Escrow> = tx.fetch_one(&(owner, guid))?;
    let again = before
        .as_ref()
        .is_some_and(|row| row.cycle == context.cycle);
    let named = before.as_ref().and_then(|row| row.obstacle);
    if let Some(named) = named.filter(|named| Some(*named) != obstacle) {
        tx.remove::<Obstacle>(&[(named, owner, guid)])?;
    }
    // Whoever is read anew and found as before has failed in the same way.
    let content = content(case);
    let before =
        before.filter(|row| row.content == content && row.code == code && row.obstacle == obstacle);
    if again && before.is_some() {
        return Ok(false);
    }
    let failures = match &before {
        Some(row) => failures(row).again(context.now),
        None => Failures::first(context.now),
    };
    tx.store(&[Escrow {
        configuration: owner,
        guid,
        object: case.link.as_ref().map(|link| link.object),
        name: case.known_as(lane),
        kind: case.kind(),
        request: request(lane, context, case).to_string(),
        content,
        code: code.to_owned(),
        answer: answer.to_owned(),
        cycle: context.cycle,
        first: failures.first.as_millis(),
        last: failures.last.as_millis(),
        attempts: failures.attempts,
        next: match failures.next() {
            Attempt::From(moment) => Some(moment.as_millis()),
            Attempt::OnChange => None,
        },
        obstacle,
    }])?;
    let obstacle = obstacle.map(|object| Obstacle {
        object,
        configuration: owner,
        guid,
    });
    tx.store(obstacle.as_slice())?;
    Ok(!again)
}

/// What is known of an object, as a digest.
fn content(case: &Case) -> String {
    crate::ids::digest_of(&case.object.attributes)
}

const fn failures(row: &Escrow) -> Failures {
    Failures {
        first: Timestamp::from_millis(row.first),
        last: Timestamp::from_millis(row.last),
        attempts: row.attempts,
    }
}

/// What was to be done, to what, and with which values; of what cannot be made, of what it was to be.
fn request(lane: &Lane, context: &Context<'_>, case: &Case) -> Value {
    let kind = case.kind();
    let values = |values: &MappedValues| -> Value {
        let shown = values.iter().map(|(name, value)| {
            let hidden = kind.is_some_and(|kind| lane.policy.mapping.is_redacted(kind, name));
            (name.clone(), shown(value.as_ref(), hidden))
        });
        Value::Object(shown.collect())
    };
    let request = |action: Action, object: Option<ObjectId>, made: Option<&MappedValues>| {
        let mut request = json!({"action": action.as_str()});
        if let Some(object) = object {
            request["object"] = json!(object.to_string());
        }
        if let Some(made) = made {
            request["values"] = values(made);
        }
        request
    };
    let (decision, reason) = case.decide(lane, context);
    match decision {
        Decision::Create(desired) => request(Action::Create, None, Some(&desired.values)),
        Decision::Join(object, _, desired) => {
            request(Action::Update, Some(object), Some(&desired.values))
        }
        Decision::Restore(object, desired) => {
            request(Action::Restore, Some(object), Some(&desired.values))
        }
        Decision::Update {
            object, changes, ..
        } => request(Action::Update, Some(object), Some(&changes)),
        Decision::Delete(object) => request(Action::Delete, Some(object), None),
        Decision::Fail => {
            let situation = case.situation(context.phase, context.now);
            let Some(wanted) = wanted(&situation, &lane.policy, &reason) else {
                return request(Action::Other, None, None);
            };
            let mut request = request(wanted.action, wanted.object, Some(&wanted.values));
            if !wanted.unmade.is_empty() {
                request["failed"] = wanted.unmade.iter().map(unmade).collect();
            }
            request
        }
        // What did not fail is not kept.
        Decision::Unchanged | Decision::Skip | Decision::Wait | Decision::Read(_) => {
            request(Action::Other, None, None)
        }
    }
}

fn shown(value: Option<&PropertyValue>, hidden: bool) -> Value {
    match value {
        Some(_) if hidden => json!(REDACTED),
        Some(value) => readable(value),
        None => Value::Null,
    }
}

/// A value that could not be made, and what it was to be made of.
fn unmade(unmade: &Unmade) -> Value {
    let input = unmade.input.iter().map(|input| {
        let value = shown(input.value.as_ref(), input.hidden);
        (input.attribute.clone(), value)
    });
    let input = Value::Object(input.collect());
    let mut told = json!({"target": unmade.target, "input": input, "reason": unmade.reason});
    if let Some(expression) = &unmade.expression {
        told["expression"] = json!(expression);
    }
    told
}

/// A request as people read it in one line: what was to be done, with the names of some properties, and what could not
/// be made.
pub(crate) fn in_words(request: &str) -> String {
    let request: Value = serde_json::from_str(request).unwrap_or_default();
    let mut words = request["action"].as_str().unwrap_or_default().to_owned();
    let values = request["values"].as_object().into_iter().flatten();
    let names: Vec<&str> = values.map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        words.push_str(" with ");
        words.push_str(&names.get(..NAMED).unwrap_or(&names).join(", "));
        if names.len() > NAMED {
            words.push_str(&format!(", … ({})", names.len()));
        }
    }
    for failed in request["failed"].as_array().into_iter().flatten() {
        let target = failed["target"].as_str().unwrap_or_default();
        words.push_str(&format!("; {target} cannot be made"));
        if let Some(expression) = failed["expression"].as_str() {
            words.push_str(&format!(" by `{}`", brief(expression)));
        }
        let input = failed["input"].as_object().into_iter().flatten();
        let input: Vec<String> = input
            .map(|(attribute, value)| format!("{attribute} = {}", brief(&value.to_string())))
            .collect();
        if !input.is_empty() {
            words.push_str(&format!(" of {}", input.join(", ")));
        }
    }
    words
}

/// The beginning of a text.
fn brief(text: &str) -> String {
    match text.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// An object has healed; what the log adds.
pub(super) fn healed(context: &mut Context<'_>, row: &Escrow) -> String {
    if row.cycle == context.cycle {
        // It was counted before the rest of it had been read.
        let failed = &mut context.report.tally.failed;
        *failed = failed.saturating_sub(1);
    }
    format!(
        "; it had failed since {}, {} times: {}",
        Timestamp::from_millis(row.first),
        row.attempts,
        row.answer
    )
}

/// Nothing of a failure is left.
pub(crate) fn forget(tx: &mut dyn Write, row: &Escrow) -> Result<(), StoreError> {
    let obstacle = row
        .obstacle
        .map(|object| (object, row.configuration, row.guid));
    tx.remove::<Obstacle>(obstacle.as_slice())?;
    tx.remove::<Escrow>(&[(row.configuration, row.guid)])
}

/// Forgets some failures of a configuration. Says whether there may be more.
///
/// # Errors
///
/// Those of the store.
pub(crate) fn forget_some(tx: &mut dyn Write, owner: ConfigurationId) -> Result<bool, StoreError> {
    let rows: Vec<Escrow> = tx.list(&Scan::of(Key::empty().with(owner), SLICE))?;
    for row in &rows {
        forget(tx, row)?;
    }
    Ok(rows.len() == SLICE)
}

/// An object that failed is as it should be, or takes no part any more.
pub(super) fn heal(
    tx: &mut dyn Write,
    lane: &Lane,
    context: &mut Context<'_>,
    row: &Escrow,
    case: &Case,
    reason: &Reason,
) -> Result<(), StoreError> {
    let target = case.link.as_ref().map(|link| link.object);
    let mut item = case.item(lane, Action::Other, reason, target);
    item.reason.push_str(&healed(context, row));
    item.code = HEALED;
    forget(tx, row)?;
    tx.remove::<LastDecision>(&[(row.configuration, row.guid)])?;
    crate::log::record(tx, context, Status::Success, item)
}
