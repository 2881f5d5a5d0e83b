//! Configurations and their cycles.

use super::{Json, Query, Shared, views};
use crate::configurations::{self, Forget, not_found};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::service::Service;
use crate::{claims, job, plan, provision, removal};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use lockstep_api::admin::{
    Configuration as View, Cycle as CycleView, Plan, Provision, Provisioned, Reconciled, Restart,
};
use lockstep_api::configuration::Spec;
use lockstep_api::problem::Problem;
use lockstep_directory::distance;
use lockstep_model::Reset;
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::{Key, ReadRecords as _, Scan};
use serde::Deserialize;
use std::sync::Arc;

/// How many cycles are listed.
const CYCLES: usize = 100;

pub(super) async fn list(
    State(service): Shared,
    _: Caller,
) -> Result<axum::Json<Vec<View>>, Failure> {
    let now = service.clock.now();
    let views = service
        .read(move |tx| {
            let rows = configurations::all(tx)?;
            rows.iter()
                .map(|row| views::configuration(tx, row, now))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(axum::Json(views))
}

pub(super) async fn show(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<View>, Failure> {
    view(&service, name).await
}

async fn view(service: &Arc<Service>, name: String) -> Result<axum::Json<View>, Failure> {
    let now = service.clock.now();
    let sought = name.clone();
    let view = service
        .read(move |tx| match configurations::by_name(tx, &sought)? {
            Some(row) => {
                let mut view = views::configuration(tx, &row, now)?;
                (view.claims, view.more_claims) = claims::of(tx, row.id)?;
                Ok(Some(view))
            }
            None => Ok(None),
        })
        .await?;
    view.map(axum::Json).ok_or_else(|| not_found(&name).into())
}

pub(super) async fn apply(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<ApplyQuery>,
    Json(spec): Json<Spec>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Administrator)?;
    if spec.name != name {
        let title = format!(
            "name: expected `{name}` as in the address, found `{}`",
            spec.name
        );
        return Err(Problem::new(400, "BadConfiguration", title).into());
    }
    let checked = configurations::check(&service, spec).await?;
    configurations::apply(&service, checked, query.planned, caller.name).await?;
    view(&service, name).await
}

/// What the next cycle would do if this were applied. Nothing is changed.
pub(super) async fn plan_file(
    State(service): Shared,
    _: Caller,
    Json(spec): Json<Spec>,
) -> Result<axum::Json<Plan>, Failure> {
    let checked = configurations::check(&service, spec).await?;
    Ok(axum::Json(plan::of_file(&service, checked).await?))
}

/// What the next cycle would do. Nothing is changed.
pub(super) async fn plan(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Plan>, Failure> {
    Ok(axum::Json(plan::of_configuration(&service, &name).await?))
}

pub(super) async fn remove(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    removal::delete(&service, &name, query.hand_over_to, caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Compares the directory with what should be there.
pub(super) async fn reconcile(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<ReconcileQuery>,
) -> Result<axum::Json<Reconciled>, Failure> {
    caller.require(Role::Operator)?;
    let done = job::reconcile(&service, &name, query.repair).await?;
    Ok(axum::Json(done))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RemoveQuery {
    /// `cloud`, or the name of a configuration.
    #[serde(default)]
    hand_over_to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReconcileQuery {
    #[serde(default)]
    repair: bool,
}

pub(super) async fn pause(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Operator)?;
    configurations::set_paused(&service, &name, true, caller.name).await?;
    view(&service, name).await
}

pub(super) async fn resume(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Operator)?;
    configurations::set_paused(&service, &name, false, caller.name).await?;
    view(&service, name).await
}

/// One object, now.
pub(super) async fn provision(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(wish): Json<Provision>,
) -> Result<axum::Json<Provisioned>, Failure> {
    caller.require(Role::Operator)?;
    Ok(axum::Json(provision::one(&service, &name, &wish).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplyQuery {
    /// The version of the configuration that a plan was made from.
    #[serde(default)]
    planned: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct CycleQuery {
    #[serde(default)]
    wait: bool,
}

pub(super) async fn cycle(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<CycleQuery>,
) -> Result<Response, Failure> {
    caller.require(Role::Operator)?;
    let row = named(&service, &name).await?;
    if !query.wait {
        job::ask_for_cycle(&service, row.id).await?;
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let cycle = job::cycle_by_hand(&service, row.id).await?;
    let cycle = cycle.ok_or_else(|| not_found(&name))?;
    let view = views::cycle(&cycle, service.clock.now());
    Ok(axum::Json(view).into_response())
}

pub(super) async fn restart(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Json(body): Json<Restart>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Operator)?;
    let resets = match body.reset {
        Some(words) => words.iter().map(|word| reset(word)).collect(),
        None => Ok(Reset::DEFAULT.to_vec()),
    };
    let resets: Vec<Reset> = resets?;
    let full = resets.contains(&Reset::Full);
    let forget = Forget {
        watermark: full || resets.contains(&Reset::Watermark),
        escrows: full || resets.contains(&Reset::Escrows),
        quarantine: full || resets.contains(&Reset::Quarantine),
        links: resets.contains(&Reset::Links),
    };
    configurations::restart(&service, &name, forget, caller.name).await?;
    view(&service, name).await
}

/// What a word asks a job to forget.
fn reset(word: &str) -> Result<Reset, Problem> {
    word.parse::<Reset>().map_err(|error| {
        let nearest = Reset::WORDS
            .iter()
            .min_by_key(|known| distance(known, word));
        let nearest = nearest.unwrap_or(&"full");
        let title = format!("reset: {error}; did you mean {nearest}?");
        Problem::new(400, "BadRequest", title)
    })
}

pub(super) async fn cycles(
    State(service): Shared,
    _: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Vec<CycleView>>, Failure> {
    let row = named(&service, &name).await?;
    let now = service.clock.now();
    let cycles: Vec<Cycle> = service
        .read(move |tx| {
            let prefix = Key::empty().with(row.id);
            let mut cycles: Vec<Cycle> =
                tx.list(&Scan::along(Cycle::BY_CONFIGURATION, prefix, CYCLES))?;
            // The running one is of interest first of all.
            if let Some(running) = tx.fetch_one::<Job>(&row.id)?.and_then(|job| job.cycle)
                && !cycles.iter().any(|cycle| cycle.id == running)
            {
                cycles.extend(tx.fetch_one::<Cycle>(&running)?);
            }
            Ok(cycles)
        })
        .await?;
    Ok(axum::Json(
        cycles
            .iter()
            .map(|cycle| views::cycle(cycle, now))
            .collect(),
    ))
}

pub(super) async fn named(service: &Arc<Service>, name: &str) -> Result<Configuration, Failure> {
    let sought = name.to_owned();
    let found = service
        .read(move |tx| configurations::by_name(tx, &sought))
        .await?;
    found.ok_or_else(|| not_found(name).into())
}
