//! What is set aside: deletes that the guard holds, and objects that failed.

use super::configurations::named;
use super::{Json, Shared, time, views};
use crate::http::auth::{Caller, Role};
use crate::http::error::HttpError;
use crate::service::Service;
use crate::{audit, cycle};
use axum::extract::{Path, State};
use lockstep_api::admin::{Chosen, ChosenDone, Escrow as EscrowView, HeldDelete as HeldView};
use lockstep_api::problem::Problem;
use lockstep_model::Guid;
use lockstep_store::records::job::{HeldDelete, Job};
use lockstep_store::records::safety::Escrow;
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// How many are listed.
const LISTED: usize = 100_000;

/// The objects that failed.
pub(super) async fn escrows(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Vec<EscrowView>>, HttpError> {
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

pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Vec<HeldView>>, HttpError> {
    let row = named(&service, &name).await?;
    let held: Vec<HeldDelete> = service
        .read(move |tx| tx.list(&Scan::of(Key::empty().with(row.id), LISTED)))
        .await?;
    Ok(axum::Json(held.iter().map(views::held_delete).collect()))
}

pub(super) async fn allow(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, HttpError> {
    choose(
        service,
        caller,
        name,
        chosen,
        "DeletesAllowed",
        cycle::allow,
    )
    .await
}

pub(super) async fn reject(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, HttpError> {
    choose(
        service,
        caller,
        name,
        chosen,
        "DeletesRejected",
        cycle::reject,
    )
    .await
}

type Choice =
    fn(&mut dyn Write, lockstep_model::ids::ConfigurationId, &[Guid]) -> Result<u64, StoreError>;

async fn choose(
    service: Arc<Service>,
    caller: Caller,
    name: String,
    chosen: Chosen,
    activity: &'static str,
    choice: Choice,
) -> Result<axum::Json<ChosenDone>, HttpError> {
    caller.require(Role::Operator)?;
    let row = named(&service, &name).await?;
    let guids: Result<Vec<Guid>, _> = chosen.ids.iter().map(|id| id.parse()).collect();
    let guids = guids.map_err(|_| {
        let title = "ids: expected the ids that `lockstep deletes list` shows";
        Problem::new(400, "BadRequest", title)
    })?;
    let now = service.clock.now();
    let count = service
        .write(move |tx| {
            let known: Vec<Option<HeldDelete>> =
                tx.fetch(&guids.iter().map(|guid| (row.id, *guid)).collect::<Vec<_>>())?;
            let missing = guids.iter().zip(&known).find(|(_, row)| row.is_none());
            if let Some((guid, _)) = missing {
                let title = format!("{guid} is not among the held deletes; nothing was changed");
                return Ok(Err(Problem::new(404, "HeldDeleteNotFound", title)));
            }
            let count = choice(tx, row.id, &guids)?;
            if let Some(mut job) = tx.fetch_one::<Job>(&row.id)? {
                // What was allowed leaves in a cycle by hand; what was rejected is decided anew then.
                job.requested += 1;
                tx.store(&[job])?;
            }
            let new = Some(format!("{count}"));
            audit::record(tx, now, &caller.name, activity, &name, None, new)?;
            Ok(Ok(count))
        })
        .await??;
    service.jobs.raise();
    Ok(axum::Json(ChosenDone { count }))
}
