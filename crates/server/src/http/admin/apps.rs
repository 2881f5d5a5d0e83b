//! Applications that let people sign in, and the keys that sign their tokens.

use super::{Json, Shared, time};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::signin::request::accept_redirect_uri;
use crate::signin::{apps, keys, tokens};
use crate::{audit, ids};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::{App as View, AppMade, NewApp};
use lockstep_api::problem::Problem;
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_store::WriteRecords as _;
use lockstep_store::records::signin::App;

const LONGEST_NAME: usize = 120;

pub(super) async fn list(
    State(service): Shared,
    caller: Caller,
) -> Result<axum::Json<Vec<View>>, Failure> {
    caller.require(Role::Reader)?;
    let apps = service.read(|tx| apps::all(tx)).await?;
    let view = |app: App| View {
        client_id: app.id.to_string(),
        name: app.name,
        redirect_uris: app.redirect_uris,
        public: app.secret_hash.is_none(),
        role: app.role,
        sign_in_only: app.sign_in_only,
        created_at: time(app.created),
    };
    Ok(axum::Json(apps.into_iter().map(view).collect()))
}

pub(super) async fn create(
    State(service): Shared,
    caller: Caller,
    Json(wish): Json<NewApp>,
) -> Result<axum::Json<AppMade>, Failure> {
    caller.require(Role::Administrator)?;
    let secret = (!wish.public).then(|| Secret::new(ids::random_token()));
    let now = service.clock.now();
    let app = checked(wish, secret.as_ref(), now)?;
    let made = AppMade {
        client_id: app.id.to_string(),
        tenant_id: service.tenant.to_string(),
        issuer: tokens::issuer(&service.public_url, &service.tenant.to_string()),
        client_secret: secret.map(|secret| secret.expose().clone()),
    };
    service
        .write(move |tx| {
            let new = shown(&app);
            audit::record(tx, now, &caller.name, "AppMade", &app.name, None, new)?;
            tx.store(&[app])
        })
        .await?;
    Ok(axum::Json(made))
}

/// An application as the audit log shows it: without its secret.
fn shown(app: &App) -> Option<String> {
    let shown = serde_json::json!({
        "clientId": app.id.to_string(), "redirectUris": app.redirect_uris, "role": app.role,
        "public": app.secret_hash.is_none(), "signInOnly": app.sign_in_only,
    });
    Some(shown.to_string())
}

/// The application, if what is wished for can be had.
fn checked(wish: NewApp, secret: Option<&Secret<String>>, now: Timestamp) -> Result<App, Problem> {
    let bad = |title: String| Problem::new(400, "BadRequest", title);
    let name = wish.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(bad(format!(
            "name: expected 1 to {LONGEST_NAME} characters"
        )));
    }
    if wish.redirect_uris.is_empty() && (wish.public || wish.role.is_none()) {
        return Err(bad("redirectUris: expected at least one".into())
            .remedy("name the address to which people come back after signing in"));
    }
    for uri in &wish.redirect_uris {
        accept_redirect_uri(uri, wish.public)
            .map_err(|expected| bad(format!("redirectUris: `{uri}`: {expected}")))?;
    }
    if let Some(role) = &wish.role
        && (wish.public || Role::named(role).is_none())
    {
        let expected =
            "expected administrator, operator or reader, for an application with a secret";
        return Err(bad(format!("role: {expected}, received `{role}`")));
    }
    Ok(App {
        id: ids::random_guid(),
        name,
        redirect_uris: wish.redirect_uris,
        secret_hash: secret.map(crate::signin::hash),
        role: wish.role,
        sign_in_only: wish.sign_in_only,
        created: now.as_millis(),
    })
}

pub(super) async fn remove(
    State(service): Shared,
    caller: Caller,
    Path(wanted): Path<String>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    let now = service.clock.now();
    let id: Option<Guid> = wanted.parse().ok();
    let removed = service
        .write(move |tx| {
            let Some(app) = id.map(|id| apps::remove(tx, id)).transpose()?.flatten() else {
                return Ok(false);
            };
            let old = shown(&app);
            audit::record(tx, now, &caller.name, "AppRemoved", &app.name, old, None)?;
            Ok(true)
        })
        .await?;
    removed.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let title = format!("there is no application {wanted}");
        Problem::new(404, "AppNotFound", title)
            .remedy("`lockstep app list` shows those that there are")
            .into()
    })
}

pub(super) async fn replace_signing_keys(
    State(service): Shared,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    keys::replace_all(&service).await.map_err(|error| {
        tracing::error!(%error, "the keys that sign tokens could not be replaced");
        Problem::new(500, "Internal", "the keys could not be replaced")
            .remedy("the service's log tells the cause; nothing was changed")
    })?;
    let now = service.clock.now();
    service
        .write(move |tx| {
            audit::record(tx, now, &caller.name, "SigningKeysReplaced", "", None, None)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
