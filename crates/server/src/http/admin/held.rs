//! What is set aside: changes that the guard or a limit holds, and objects that failed.

use super::configurations::named;
use super::{ChoiceQuery, Json, Query, Shared, listing, time};
use crate::failure::Failure;
use crate::held;
use crate::http::auth::{Caller, Role};
use crate::service::Service;
use axum::extract::{Path, State};
use axum::response::Response;
use lockstep_api::admin::{Chosen, ChosenDone, Escrow as EscrowView};
use lockstep_model::MappedKind;
use lockstep_store::records::job::HeldVerdict;
use lockstep_store::records::safety::Escrow;
use lockstep_store::{Key, ReadRecords as _, Scan};
use std::sync::Arc;

/// How many are listed.
const LISTED: usize = 100_000;

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
        kind: MappedKind::word_of(row.kind).to_owned(),
        request: serde_json::from_str(&row.request).unwrap_or_default(),
        code: row.code.clone(),
        reason: row.answer.clone(),
        attempts: row.attempts,
        first_failed: time(row.first),
        last_failed: time(row.last),
        next_attempt: row.next.map(time),
    }
}

/// What the guard and the limits hold.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<ChoiceQuery>,
) -> Result<Response, Failure> {
    let row = named(&service, &name).await?;
    let held = held::list(row.id, query.filter.as_deref())?;
    Ok(listing::array(service, held).await?)
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
    let done = held::decide(&service, &row, chosen, verdict, caller.name).await?;
    Ok(axum::Json(done))
}
