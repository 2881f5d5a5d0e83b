//! Passwords that an administrator sets, and what the tenant decides about passwords.

use super::{Json, Shared};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::signin::{Busy, people, sessions, trail};
use crate::{audit, credentials};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::{NewPassword, PasswordPolicy as View};
use lockstep_api::problem::Problem;
use lockstep_directory::Object;
use lockstep_directory::credential::accept_new;
use lockstep_model::Secret;
use lockstep_model::ids::ObjectId;
use lockstep_store::records::credential::PasswordPolicy;
use lockstep_store::{Read, StoreError, WriteRecords as _};
use std::sync::Arc;

/// Ten years.
const MOST_DAYS: u32 = 3_650;

/// Sets a user's password. Whoever is signed in with the old one is signed out.
pub(super) async fn set(
    State(service): Shared,
    caller: Caller,
    Path(wanted): Path<String>,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    let (password, force_change) = (Secret::new(new.password), new.force_change);
    let sought = wanted.clone();
    let user = service.read(move |tx| find(tx, &sought)).await?;
    let user = user.ok_or_else(|| {
        Problem::new(404, "UserNotFound", format!("there is no user {wanted}"))
            .remedy("name the user by id or user principal name")
    })?;
    accept_new(&password, &people::name(&user))
        .map_err(|weakness| Problem::new(400, "WeakPassword", weakness.to_string()))?;
    let verifier = service.sign_in.hash(password).await.map_err(busy)?;
    let (sealer, now) = (Arc::clone(&service.sealer), service.clock.now());
    service
        .write(move |tx| {
            credentials::set_cloud_password(tx, &sealer, user.id, verifier, force_change, now)?;
            sessions::end_all(tx, &[user.id])?;
            trail::password_changed(tx, now, &caller.name, &people::name(&user))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(tx: &mut dyn Read, wanted: &str) -> Result<Option<Object>, StoreError> {
    match wanted.parse::<ObjectId>() {
        Ok(id) => people::by_id(tx, id),
        Err(_) => people::by_name(tx, wanted),
    }
}

fn busy(_: Busy) -> Problem {
    Problem::new(503, "Busy", "too many people sign in at this moment").remedy("try again")
}

pub(super) async fn policy(
    State(service): Shared,
    caller: Caller,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Reader)?;
    let row = service.read(|tx| credentials::policy(tx)).await?;
    Ok(axum::Json(view(row)))
}

const fn view(row: PasswordPolicy) -> View {
    View {
        expires_after_days: row.expires_after_days,
        synced_passwords_expire: row.synced_passwords_expire,
    }
}

pub(super) async fn set_policy(
    State(service): Shared,
    caller: Caller,
    Json(wish): Json<View>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Administrator)?;
    let days = wish.expires_after_days;
    if days.is_some_and(|days| days == 0 || days > MOST_DAYS) {
        let title = format!("expiresAfterDays: expected 1 to {MOST_DAYS}, or none");
        return Err(Problem::new(400, "BadRequest", title).into());
    }
    let row = PasswordPolicy {
        expires_after_days: days,
        synced_passwords_expire: wish.synced_passwords_expire,
    };
    let now = service.clock.now();
    service
        .write(move |tx| {
            let json = |row| serde_json::to_string(&view(row)).ok();
            let old = json(credentials::policy(tx)?);
            let activity = "PasswordPolicyChanged";
            audit::record(tx, now, &caller.name, activity, "", old, json(row))?;
            tx.store(&[row])
        })
        .await?;
    Ok(axum::Json(view(row)))
}
