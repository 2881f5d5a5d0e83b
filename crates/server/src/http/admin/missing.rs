//! Objects that a full import has not seen, and what is said of them.

use super::configurations::named;
use super::{ChoiceQuery, Json, Query, Shared, listing};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::missing;
use crate::service::Service;
use axum::extract::{Path, State};
use axum::response::Response;
use lockstep_api::admin::{Chosen, ChosenDone};
use lockstep_engine::Word;
use std::sync::Arc;

/// What is in the directory and was not seen.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<ChoiceQuery>,
) -> Result<Response, Failure> {
    let row = named(&service, &name).await?;
    let missing = missing::list(row.id, query.filter.as_deref())?;
    Ok(listing::array(service, missing).await?)
}

pub(super) async fn delete(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, Failure> {
    say(service, caller, name, chosen, Word::Gone).await
}

pub(super) async fn keep(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<axum::Json<ChosenDone>, Failure> {
    say(service, caller, name, chosen, Word::Stays).await
}

async fn say(
    service: Arc<Service>,
    caller: Caller,
    name: String,
    chosen: Chosen,
    word: Word,
) -> Result<axum::Json<ChosenDone>, Failure> {
    caller.require(Role::Operator)?;
    let row = named(&service, &name).await?;
    let done = missing::decide(&service, &row, chosen, word, caller.name).await?;
    Ok(axum::Json(done))
}
