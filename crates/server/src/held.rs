//! What the guard and the limits hold, and what an administrator says of it: it stands in the row, and the next cycle
//! acts on it.

use crate::audit;
use crate::choice::{Choice, ChoiceField, ChoiceFilter, Choosable, Listing, Meant, parsed};
use crate::clock::time;
use crate::configurations::store_problem;
use crate::job::{Guard, ask_for_cycle_unless_paused};
use crate::service::Service;
use lockstep_api::admin::{Chosen, ChosenDone, HeldDelete as HeldView};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, MappedKind, Timestamp};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::{Configuration, HeldDelete, HeldVerdict, Job};
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many are looked at in one go, and named in one entry of the audit log.
const SLICE: usize = 1_000;
/// The verdict on what nothing was said of yet.
const OPEN: &str = "held";

/// What is held: a delete, or a change under a limit.
#[derive(Clone)]
enum Held {
    Delete(HeldDelete),
    Change(HeldChange),
}

impl Held {
    fn view(&self) -> HeldView {
        match self {
            Self::Delete(row) => HeldView {
                id: row.guid.to_string(),
                change: "delete".to_owned(),
                member: None,
                dn: row.name.clone(),
                kind: MappedKind::word_of(row.kind).to_owned(),
                reason: row.reason.clone(),
                since: time(row.since),
                verdict: verdict_name(row.verdict),
                number: row.number,
            },
            Self::Change(row) => HeldView {
                id: match row.member {
                    Some(member) => format!("{}:{member}", row.guid),
                    None => row.guid.to_string(),
                },
                change: match row.member {
                    Some(_) => "memberRemoval".to_owned(),
                    None => "update".to_owned(),
                },
                member: row.member.map(|_| row.member_name.clone()),
                dn: row.name.clone(),
                kind: MappedKind::word_of(row.kind).to_owned(),
                reason: row.reason.clone(),
                since: time(row.since),
                verdict: verdict_name(row.verdict),
                number: row.number,
            },
        }
    }
}

fn verdict_name(verdict: HeldVerdict) -> String {
    let name = match verdict {
        HeldVerdict::Open => OPEN,
        HeldVerdict::Allowed => "allowed",
        HeldVerdict::Rejected => "rejected",
    };
    name.to_owned()
}

impl Choosable for HeldView {
    const FIELDS: &[&str] = &["id", "dn", "type", "change", "member", "reason", "since"];

    fn is_open(&self) -> bool {
        self.verdict == OPEN
    }

    fn number(&self) -> u64 {
        self.number
    }
}

impl HasFields<ChoiceField> for HeldView {
    fn values(&self, field: &ChoiceField) -> Vec<Literal> {
        let text = match field.0 {
            "id" => Some(&self.id),
            "dn" => Some(&self.dn),
            "type" => Some(&self.kind),
            "change" => Some(&self.change),
            "reason" => Some(&self.reason),
            "member" => self.member.as_ref(),
            _ => return self.since.parse().map(Literal::Time).into_iter().collect(),
        };
        text.map(|text| Literal::text(text)).into_iter().collect()
    }
}

/// Goes through everything that is held: deletes, then changes.
struct Rows {
    configuration: ConfigurationId,
    scan: Scan,
    past_deletes: bool,
}

impl Rows {
    fn of(configuration: ConfigurationId) -> Self {
        Self {
            configuration,
            scan: Scan::of(Key::empty().with(configuration), SLICE),
            past_deletes: false,
        }
    }

    /// The next slice; empty: that was all.
    fn next(&mut self, tx: &mut dyn Read) -> Result<Vec<Held>, StoreError> {
        if !self.past_deletes {
            let rows: Vec<HeldDelete> = tx.list(&self.scan)?;
            if let Some(last) = rows.last() {
                self.scan = self.scan.clone().behind(last);
                return Ok(rows.into_iter().map(Held::Delete).collect());
            }
            *self = Self {
                past_deletes: true,
                ..Self::of(self.configuration)
            };
        }
        let rows: Vec<HeldChange> = tx.list(&self.scan)?;
        if let Some(last) = rows.last() {
            self.scan = self.scan.clone().behind(last);
        }
        Ok(rows.into_iter().map(Held::Change).collect())
    }
}

/// What the guard and the limits hold of a configuration, as far as a filter is true of it.
pub(crate) struct HeldListing {
    rows: Rows,
    filter: Option<ChoiceFilter>,
}

impl Listing for HeldListing {
    type One = HeldView;

    fn next(&mut self, tx: &mut dyn Read) -> Result<Option<Vec<HeldView>>, StoreError> {
        let rows = self.rows.next(tx)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let views = rows.iter().map(Held::view);
        let fits = |view: &HeldView| self.filter.as_ref().is_none_or(|filter| filter.fits(view));
        Ok(Some(views.filter(fits).collect()))
    }
}

/// What the guard and the limits hold of a configuration, as far as a filter is true of it.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read.
pub(crate) fn list(id: ConfigurationId, filter: Option<&str>) -> Result<HeldListing, Problem> {
    Ok(HeldListing {
        rows: Rows::of(id),
        filter: parsed::<HeldView>(filter)?,
    })
}

/// Lets what is chosen leave in the next cycle, if it is still decided so, or keeps it for as long as it would leave
/// for the same reason. Says how many it is.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read, with 404 when something that is named is not held; those
/// of the store. Nothing is changed then.
pub async fn decide(
    service: &Arc<Service>,
    row: &Configuration,
    chosen: Chosen,
    verdict: HeldVerdict,
    actor: String,
) -> Result<ChosenDone, Problem> {
    let choice = Choice::of::<HeldView>(chosen)?;
    let decider = Decider {
        configuration: row.id,
        name: row.name.clone(),
        choice,
        verdict,
        actor,
        now: service.clock.now(),
    };
    let decided = service
        .write(move |tx| {
            let done = match decider.choice.ids.is_empty() {
                true => decider.all(tx)?,
                false => match decider.named(tx)? {
                    Ok(done) => done,
                    Err(unknown) => return Ok(Err(not_held(&unknown))),
                },
            };
            if let Some(mut job) = tx.fetch_one::<Job>(&decider.configuration)? {
                for guard in Guard::ALL {
                    guard.settle(tx, &mut job, decider.configuration)?;
                }
                // What was allowed leaves in a cycle by hand; what was rejected is decided anew then.
                ask_for_cycle_unless_paused(tx, &mut job)?;
                tx.store(&[job])?;
            }
            Ok(Ok(done))
        })
        .await;
    let done = decided.map_err(store_problem)??;
    service.jobs.raise();
    Ok(done)
}

/// What an administrator says of what is held.
struct Decider {
    configuration: ConfigurationId,
    name: String,
    choice: Choice,
    verdict: HeldVerdict,
    actor: String,
    now: Timestamp,
}

impl Decider {
    /// Of all that is held.
    fn all(&self, tx: &mut dyn Write) -> Result<ChosenDone, StoreError> {
        let mut rows = Rows::of(self.configuration);
        let mut done = ChosenDone::default();
        loop {
            let slice = rows.next(tx)?;
            if slice.is_empty() {
                return Ok(done);
            }
            self.say(tx, slice, &mut done)?;
        }
    }

    /// Of what is named; gives the first id that nothing has.
    fn named(&self, tx: &mut dyn Write) -> Result<Result<ChosenDone, String>, StoreError> {
        let mut done = ChosenDone::default();
        let mut seen = BTreeSet::new();
        let mut named = Vec::new();
        for id in &self.choice.ids {
            let Some(name) = name_of(id) else {
                return Ok(Err(id.clone()));
            };
            if !seen.insert(name) {
                continue;
            }
            let found = by_name(tx, self.configuration, name)?;
            if found.is_empty() {
                return Ok(Err(id.clone()));
            }
            named.extend(found);
        }
        while !named.is_empty() {
            let slice = named.drain(..named.len().min(SLICE)).collect();
            self.say(tx, slice, &mut done)?;
        }
        Ok(Ok(done))
    }

    /// Of those that are meant among these. The audit log names them, in as many entries as it takes.
    fn say(
        &self,
        tx: &mut dyn Write,
        slice: Vec<Held>,
        done: &mut ChosenDone,
    ) -> Result<(), StoreError> {
        let (mut picked, mut ids) = (Vec::new(), Vec::new());
        let mut verdicts = serde_json::Map::new();
        for one in slice {
            let view = one.view();
            match self.choice.meant(&view) {
                Meant::Yes => {
                    picked.push(one);
                    verdicts.insert(view.id.clone(), view.verdict.into());
                    ids.push(view.id);
                }
                Meant::Later => done.newer += 1,
                Meant::No => {}
            }
        }
        if picked.is_empty() {
            return Ok(());
        }
        keep(tx, &picked, self.verdict)?;
        done.count += picked.len() as u64;
        let activity = match self.verdict {
            HeldVerdict::Rejected => "DeletesRejected",
            _ => "DeletesAllowed",
        };
        let new = serde_json::json!({ "objects": ids }).to_string();
        let old = serde_json::json!({ "verdicts": verdicts }).to_string();
        let (actor, name) = (&self.actor, &self.name);
        audit::record(tx, self.now, actor, activity, name, Some(old), Some(new))
    }
}

/// The object of AD that an id names, and the member that would leave it.
fn name_of(id: &str) -> Option<(Guid, Option<ObjectId>)> {
    match id.split_once(':') {
        Some((group, member)) => Some((group.parse().ok()?, Some(member.parse().ok()?))),
        None => Some((id.parse().ok()?, None)),
    }
}

/// What is held under a name: of one object there may be a delete and an update.
fn by_name(
    tx: &mut dyn Read,
    configuration: ConfigurationId,
    (guid, member): (Guid, Option<ObjectId>),
) -> Result<Vec<Held>, StoreError> {
    let mut found = Vec::new();
    if member.is_none() {
        let row: Option<HeldDelete> = tx.fetch_one(&(configuration, guid))?;
        found.extend(row.map(Held::Delete));
    }
    let link: Option<LinkRow> = tx.fetch_one(&(configuration, guid))?;
    if let Some(link) = link {
        let row: Option<HeldChange> = tx.fetch_one(&(configuration, link.object, member))?;
        found.extend(row.map(Held::Change));
    }
    Ok(found)
}

fn not_held(id: &str) -> Problem {
    let title = format!("{id} is not among what is held; nothing was changed");
    Problem::new(404, "HeldDeleteNotFound", title).remedy("`lockstep deletes list` shows the ids")
}

fn keep(tx: &mut dyn Write, picked: &[Held], verdict: HeldVerdict) -> Result<(), StoreError> {
    let deletes = picked.iter().filter_map(|held| match held {
        Held::Delete(row) => Some(HeldDelete {
            verdict,
            ..row.clone()
        }),
        Held::Change(_) => None,
    });
    let deletes: Vec<HeldDelete> = deletes.collect();
    let changes = picked.iter().filter_map(|held| match held {
        Held::Change(row) => Some(HeldChange {
            verdict,
            ..row.clone()
        }),
        Held::Delete(_) => None,
    });
    let changes: Vec<HeldChange> = changes.collect();
    tx.store(&deletes)?;
    tx.store(&changes)
}
