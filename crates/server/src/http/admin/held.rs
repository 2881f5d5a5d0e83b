//! What is set aside: changes that the guard or a limit holds, and objects that failed.

use super::configurations::named;
use super::{ChoiceQuery, Json, Query, Shared, listing, time};
use crate::choice::Listing;
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
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError};
use std::sync::Arc;

/// How many failures are looked at in one go.
const SLICE: usize = 1_000;

/// The objects that failed.
pub(super) async fn escrows(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<Response, Failure> {
    let row = named(&service, &name).await?;
    let escrows = Escrows(Scan::of(Key::empty().with(row.id), SLICE));
    Ok(listing::array(service, escrows).await?)
}

/// Goes through the objects of a configuration that failed.
struct Escrows(Scan);

impl Listing for Escrows {
    type One = EscrowView;

    fn next(&mut self, tx: &mut dyn Read) -> Result<Option<Vec<EscrowView>>, StoreError> {
        let rows: Vec<Escrow> = tx.list(&self.0)?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.0 = self.0.clone().behind(last);
        Ok(Some(rows.iter().map(escrow).collect()))
    }
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
