//! Objects that a full import has not seen, and what is said of them.

use super::configurations::named;
use super::{ChoiceQuery, Json, Query, Shared};
use crate::audit;
use crate::choice::{ChoiceField, Choosable, parsed, picked};
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

impl Choosable for Missing {
    const FIELDS: &[&str] = &["id", "dn", "type", "reason", "since"];

    fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.verdict == "open"
    }
}

impl HasFields<ChoiceField> for Missing {
    fn values(&self, field: &ChoiceField) -> Vec<Literal> {
        let text = match field.0 {
            "id" => &self.id,
            "dn" => &self.dn,
            "type" => &self.kind,
            "reason" => &self.reason,
            _ => return self.since.parse().map(Literal::Time).into_iter().collect(),
        };
        vec![Literal::text(text)]
    }
}

/// What is in the directory and was not seen.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
    Query(query): Query<ChoiceQuery>,
) -> Result<axum::Json<Vec<Missing>>, Failure> {
    let row = named(&service, &name).await?;
    let filter = parsed::<Missing>(query.filter.as_deref())?;
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
    let filter = parsed::<Missing>(chosen.filter.as_deref())?;
    let now = service.clock.now();
    let count = service
        .write(move |tx| {
            let listed = missing::of(tx, row.id)?;
            let picked = match picked(&listed, &chosen, filter.as_ref()) {
                Ok(picked) => listed.iter().zip(picked),
                Err(unknown) => return Ok(Err(not_missing(unknown))),
            };
            let picked = picked.filter(|(_, picked)| *picked).map(|(one, _)| one);
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
