//! What the guard and the limits hold, and what an administrator says of it: it stands in the row, and the next cycle
//! acts on it.

use crate::audit;
use crate::choice::{ChoiceField, Choosable, parsed, picked};
use crate::clock::time;
use crate::configurations::store_problem;
use crate::service::Service;
use lockstep_api::admin::{Chosen, HeldDelete as HeldView};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_model::MappedKind;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{Configuration, HeldDelete, HeldVerdict, Job};
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// How many are listed.
const LISTED: usize = 100_000;
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

    fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.verdict == OPEN
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

/// Everything that is held.
fn all(tx: &mut dyn Read, id: ConfigurationId) -> Result<Vec<Held>, StoreError> {
    let deletes: Vec<HeldDelete> = tx.list(&Scan::of(Key::empty().with(id), LISTED))?;
    let changes: Vec<HeldChange> = tx.list(&Scan::of(Key::empty().with(id), LISTED))?;
    let deletes = deletes.into_iter().map(Held::Delete);
    Ok(deletes
        .chain(changes.into_iter().map(Held::Change))
        .collect())
}

/// What the guard and the limits hold of a configuration, as far as a filter is true of it.
///
/// # Errors
///
/// A problem with status 400 when the filter cannot be read; those of the store.
pub async fn list(
    service: &Arc<Service>,
    id: ConfigurationId,
    filter: Option<&str>,
) -> Result<Vec<HeldView>, Problem> {
    let filter = parsed::<HeldView>(filter)?;
    let held = service.read(move |tx| all(tx, id)).await;
    let held = held.map_err(store_problem)?;
    let views = held.iter().map(Held::view);
    let fits = |view: &HeldView| filter.as_ref().is_none_or(|filter| filter.fits(view));
    Ok(views.filter(fits).collect())
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
) -> Result<u64, Problem> {
    let filter = parsed::<HeldView>(chosen.filter.as_deref())?;
    let now = service.clock.now();
    let (id, name) = (row.id, row.name.clone());
    let decided = service
        .write(move |tx| {
            let held = all(tx, id)?;
            let views: Vec<HeldView> = held.iter().map(Held::view).collect();
            let picked = match picked(&views, &chosen, filter.as_ref()) {
                Ok(picked) => held.into_iter().zip(picked),
                Err(unknown) => return Ok(Err(not_held(unknown))),
            };
            let picked = picked.filter(|(_, picked)| *picked).map(|(held, _)| held);
            let picked: Vec<Held> = picked.collect();
            keep(tx, &picked, verdict)?;
            if let Some(mut job) = tx.fetch_one::<Job>(&id)? {
                // What was allowed leaves in a cycle by hand; what was rejected is decided anew then.
                job.requested += 1;
                tx.store(&[job])?;
            }
            let activity = match verdict {
                HeldVerdict::Rejected => "DeletesRejected",
                _ => "DeletesAllowed",
            };
            let new = Some(format!("{}", picked.len()));
            audit::record(tx, now, &actor, activity, &name, None, new)?;
            Ok(Ok(picked.len() as u64))
        })
        .await;
    let count = decided.map_err(store_problem)??;
    service.jobs.raise();
    Ok(count)
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
