//! Objects that a full import has not seen, and what is said of them.

use super::configurations::named;
use super::held::{HeldField, HeldQuery, parsed};
use super::{Json, Query, Shared};
use crate::audit;
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::missing;
use crate::service::Service;
use axum::extract::{Path, State};
use lockstep_api::admin::{Chosen, ChosenDone, Missing};
use lockstep_api::problem::Problem;
use lockstep_directory::query::{HasFields, Literal};
use lockstep_engine::Word;
use lockstep_model::Guid;
use std::collections::BTreeSet;
use std::sync::Arc;

impl HasFields<HeldField> for Missing {
    fn values(&self, field: &HeldField) -> Vec<Literal> {
        let text = match field.0 {
            "id" => Some(&self.id),
            "dn" => Some(&self.dn),
            "type" => Some(&self.kind),
            "reason" => Some(&self.reason),
            "since" => return self.since.parse().map(Literal::Time).into_iter().collect(),
            _ => None,
        };
        text.map(|text| Literal::text(text)).into_iter().collect()
    }
}

/// What is in the directory and was not seen.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<HeldQuery>,
) -> Result<axum::Json<Vec<Missing>>, Failure> {
    let row = named(&service, &name).await?;
    let filter = parsed(query.filter.as_deref())?;
    let mut listed = service.read(move |tx| missing::of(tx, row.id)).await?;
    listed.retain(|one| filter.as_ref().is_none_or(|filter| filter.fits(one)));
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
    let filter = parsed(chosen.filter.as_deref())?;
    let now = service.clock.now();
    let count = service
        .write(move |tx| {
            let listed = missing::of(tx, row.id)?;
            let unknown = chosen
                .ids
                .iter()
                .find(|id| !listed.iter().any(|one| one.id.eq_ignore_ascii_case(id)));
            if let Some(unknown) = unknown {
                return Ok(Err(not_missing(unknown)));
            }
            let picked = listed.iter().filter(|one| {
                let fits = filter.as_ref().is_none_or(|filter| filter.fits(*one));
                let named = chosen.ids.iter().any(|id| one.id.eq_ignore_ascii_case(id));
                fits && match chosen.ids.is_empty() {
                    true => one.verdict == "open",
                    false => named,
                }
            });
            let picked: Vec<&Missing> = picked.collect();
            let guids: BTreeSet<Guid> = picked
                .iter()
                .filter_map(|one| one.id.parse().ok())
                .collect();
            let count = missing::say(tx, row.id, &guids, word)?;
            let activity = match word {
                Word::Gone => "MissingDeleted",
                Word::Stays => "MissingKept",
            };
            let objects: Vec<&str> = picked.iter().map(|one| one.id.as_str()).collect();
            let new = serde_json::json!({ "objects": objects }).to_string();
            audit::record(tx, now, &caller.name, activity, &name, None, Some(new))?;
            Ok(Ok(count))
        })
        .await??;
    service.jobs.raise();
    Ok(axum::Json(ChosenDone { count }))
}

fn not_missing(id: &str) -> Problem {
    let title = format!("{id} is not among what is missing; nothing was changed");
    Problem::new(404, "NotMissing", title).remedy("`lockstep missing list` shows the ids")
}
