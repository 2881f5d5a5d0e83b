//! Agents and their enrolment.

use super::{Json, Query, Shared, time, token_hash};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::{audit, ids};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::{Agent as View, EnrollmentTokenMade, NewEnrollmentToken};
use lockstep_api::channel::EnrollmentToken;
use lockstep_api::problem::Problem;
use lockstep_model::ids::AgentId;
use lockstep_store::records::service::{Agent, EnrollmentTokenRow};
use lockstep_store::{Key, ReadRecords as _, Scan, WriteRecords as _};
use serde::Deserialize;
use std::time::Duration;

const DEFAULT_LIFETIME: u64 = 3_600;
const LONGEST_LIFETIME: u64 = 30 * 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentQuery {
    /// Also those that have not been heard of for ten days.
    #[serde(default)]
    all: bool,
}

pub(super) async fn list(
    State(service): Shared,
    _: Caller,
    Query(query): Query<AgentQuery>,
) -> Result<axum::Json<Vec<View>>, Failure> {
    let now = service.clock.now().as_millis();
    let mut agents: Vec<Agent> = service
        .read(|tx| tx.list(&Scan::of(Key::empty(), usize::MAX)))
        .await?;
    agents.retain(|agent| query.all || agent.is_listed(now));
    agents.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    let view = |agent: Agent| View {
        status: match agent.is_active(now) {
            true => "active".into(),
            false => "inactive".into(),
        },
        id: agent.id.to_string(),
        name: agent.name,
        version: agent.version,
        domains: agent.domains,
        last_seen: time(agent.seen),
    };
    Ok(axum::Json(agents.into_iter().map(view).collect()))
}

pub(super) async fn token(
    State(service): Shared,
    caller: Caller,
    Json(wish): Json<NewEnrollmentToken>,
) -> Result<axum::Json<EnrollmentTokenMade>, Failure> {
    caller.require(Role::Administrator)?;
    let lifetime = wish.expires_in_seconds.unwrap_or(DEFAULT_LIFETIME);
    if !(1..=LONGEST_LIFETIME).contains(&lifetime) {
        let title = "expiresInSeconds: expected a time between one second and thirty days";
        return Err(Problem::new(400, "BadRequest", title).into());
    }
    let secret = ids::random_token();
    let now = service.clock.now();
    let expires = now.plus(Duration::from_secs(lifetime)).as_millis();
    let token = EnrollmentToken {
        url: service.public_url.clone(),
        secret: secret.clone(),
        ca_fingerprint: service.ca.as_ref().map(|ca| ca.fingerprint.clone()),
    };
    let row = EnrollmentTokenRow {
        hash: token_hash(&secret),
        expires,
        used_by: None,
    };
    service
        .write(move |tx| {
            tx.store(&[row])?;
            audit::record(
                tx,
                now,
                &caller.name,
                "EnrollmentTokenMade",
                "agent",
                None,
                Some(serde_json::json!({ "expiresAt": time(expires) }).to_string()),
            )
        })
        .await?;
    Ok(axum::Json(EnrollmentTokenMade {
        token: token.to_text(),
        expires_at: time(expires),
    }))
}

pub(super) async fn remove(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    let not_found = || {
        Problem::new(404, "AgentNotFound", format!("there is no agent {id}"))
            .remedy("`lockstep agent list` shows those that there are")
    };
    let agent: AgentId = id.parse().map_err(|_| not_found())?;
    let now = service.clock.now();
    let known = service
        .write(move |tx| {
            let Some(row) = tx.fetch_one::<Agent>(&agent)? else {
                return Ok(false);
            };
            tx.remove::<Agent>(&[agent])?;
            let old = serde_json::json!({"id": row.id.to_string(), "domains": row.domains});
            let old = Some(old.to_string());
            audit::record(tx, now, &caller.name, "AgentRemoved", &row.name, old, None)?;
            Ok(true)
        })
        .await?;
    known
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| not_found().into())
}
