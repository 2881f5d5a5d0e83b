//! Objects that a full import has not seen, and what is said of them.

use super::configurations::named;
use super::{ChoiceQuery, Json, Query, Shared};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::missing;
use crate::service::Service;
use axum::extract::{Path, State};
use lockstep_api::admin::{Chosen, ChosenDone, Missing};
use lockstep_engine::Word;
use std::sync::Arc;

/// What is in the directory and was not seen.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<ChoiceQuery>,
) -> Result<axum::Json<Vec<Missing>>, Failure> {
    let row = named(&service, &name).await?;
    let listed = missing::list(&service, row.id, query.filter.as_deref()).await?;
    Ok(axum::Json(listed))
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
    let count = missing::decide(&service, &row, chosen, word, caller.name).await?;
    Ok(axum::Json(ChosenDone { count }))
}
