//! What is set aside: changes that the guard or a limit holds, and objects that failed.

use super::choice::{ChoiceField, ChoiceQuery, Choosable, parsed, picked};
use super::configurations::named;
use super::{Json, Query, Shared, time};
use crate::audit;
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::service::Service;
use axum::extract::{Path, State};
use lockstep_api::admin::{Chosen, ChosenDone, Escrow as EscrowView, HeldDelete as HeldView};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{HeldDelete, HeldVerdict, Job};
use lockstep_store::records::safety::{Escrow, HeldChange};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// How many are listed.
const LISTED: usize = 100_000;
/// The verdict on what nothing was said of yet.
const OPEN: &str = "held";

/// The objects that failed.
pub(super) async fn escrows(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Vec<EscrowView>>, Failure> {
    let row = named(&service, &name).await?;
    let escrows: Vec<Escrow> = service
        .read(move |tx| tx.list(&Scan::of(Key::empty().with(row.id), LISTED)))
        .await?;
    Ok(axum::Json(escrows.iter().map(escrow).collect()))
}

fn escrow(row: &Escrow) -> EscrowView {
    EscrowView {
        id: row.guid.to_string(),
        dn: row.name.clone(),
        kind: row.kind.clone(),
        request: serde_json::from_str(&row.request).unwrap_or_default(),
        code: row.code.clone(),
        reason: row.answer.clone(),
        attempts: row.attempts,
        first_failed: time(row.first),
        last_failed: time(row.last),
        next_attempt: row.next.map(time),
    }
}

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
                kind: row.kind.clone(),
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
                kind: row.kind.clone(),
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

/// What the guard and the limits hold.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<ChoiceQuery>,
) -> Result<axum::Json<Vec<HeldView>>, Failure> {
    let row = named(&service, &name).await?;
    let filter = parsed::<HeldView>(query.filter.as_deref())?;
    let held = service.read(move |tx| all(tx, row.id)).await?;
    let views = held.iter().map(Held::view);
    let fits = |view: &HeldView| filter.as_ref().is_none_or(|filter| filter.fits(view));
    Ok(axum::Json(views.filter(fits).collect()))
}

pub(super) async fn allow(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, Failure> {
    choose(service, caller, name, chosen, HeldVerdict::Allowed).await
}

pub(super) async fn reject(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, Failure> {
    choose(service, caller, name, chosen, HeldVerdict::Rejected).await
}

async fn choose(
    service: Arc<Service>,
    caller: Caller,
    name: String,
    chosen: Chosen,
    verdict: HeldVerdict,
) -> Result<axum::Json<ChosenDone>, Failure> {
    caller.require(Role::Operator)?;
    let row = named(&service, &name).await?;
    let filter = parsed::<HeldView>(chosen.filter.as_deref())?;
    let now = service.clock.now();
    let count = service
        .write(move |tx| {
            let held = all(tx, row.id)?;
            let views: Vec<HeldView> = held.iter().map(Held::view).collect();
            let picked = match picked(&views, &chosen, filter.as_ref()) {
                Ok(picked) => held.into_iter().zip(picked),
                Err(unknown) => return Ok(Err(not_held(unknown))),
            };
            let picked = picked.filter(|(_, picked)| *picked).map(|(held, _)| held);
            let picked: Vec<Held> = picked.collect();
            keep(tx, &picked, verdict)?;
            if let Some(mut job) = tx.fetch_one::<Job>(&row.id)? {
                // What was allowed leaves in a cycle by hand; what was rejected is decided anew then.
                job.requested += 1;
                tx.store(&[job])?;
            }
            let activity = match verdict {
                HeldVerdict::Rejected => "DeletesRejected",
                _ => "DeletesAllowed",
            };
            let new = Some(format!("{}", picked.len()));
            audit::record(tx, now, &caller.name, activity, &name, None, new)?;
            Ok(Ok(picked.len() as u64))
        })
        .await??;
    service.jobs.raise();
    Ok(axum::Json(ChosenDone { count }))
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
