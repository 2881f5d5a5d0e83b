//! Tokens of the administration API.

use super::{Json, Shared, time, token_hash};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::{audit, ids};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::{ApiToken as View, NewToken, TokenMade};
use lockstep_api::problem::Problem;
use lockstep_store::records::service::ApiToken;
use lockstep_store::{Key, ReadRecords as _, Scan, WriteRecords as _};
use std::time::Duration;

/// How much of a token's hash names it.
const ID_LENGTH: usize = 16;

fn id(token: &ApiToken) -> String {
    token.hash.chars().take(ID_LENGTH).collect()
}

pub(super) async fn list(
    State(service): Shared,
    caller: Caller,
) -> Result<axum::Json<Vec<View>>, Failure> {
    caller.require(Role::Administrator)?;
    let tokens: Vec<ApiToken> = service
        .read(|tx| tx.list(&Scan::of(Key::empty(), usize::MAX)))
        .await?;
    let view = |token: ApiToken| View {
        id: id(&token),
        name: token.name,
        role: token.role,
        expires_at: token.expires.map(time),
    };
    Ok(axum::Json(tokens.into_iter().map(view).collect()))
}

pub(super) async fn create(
    State(service): Shared,
    caller: Caller,
    Json(wish): Json<NewToken>,
) -> Result<axum::Json<TokenMade>, Failure> {
    caller.require(Role::Administrator)?;
    let role = Role::named(&wish.role).ok_or_else(|| {
        let title = format!(
            "role: expected administrator, operator or reader, received `{}`",
            wish.role
        );
        Problem::new(400, "BadRequest", title)
    })?;
    let token = ids::random_token();
    let now = service.clock.now();
    let expires = wish
        .expires_in_seconds
        .map(|seconds| now.plus(Duration::from_secs(seconds)).as_millis());
    let row = ApiToken {
        hash: token_hash(&token),
        name: wish.name.unwrap_or_else(|| role.name().to_owned()),
        role: role.name().to_owned(),
        expires,
    };
    let made = TokenMade {
        id: id(&row),
        token,
        role: row.role.clone(),
        expires_at: expires.map(time),
    };
    service
        .write(move |tx| {
            let new = shown(&row);
            audit::record(tx, now, &caller.name, "TokenMade", &row.name, None, new)?;
            tx.store(&[row])
        })
        .await?;
    Ok(axum::Json(made))
}

/// A token as the audit log shows it: not what it is, but what it opens.
fn shown(row: &ApiToken) -> Option<String> {
    let shown = serde_json::json!({
        "id": id(row), "role": row.role, "expiresAt": row.expires.map(time),
    });
    Some(shown.to_string())
}

pub(super) async fn revoke(
    State(service): Shared,
    caller: Caller,
    Path(wanted): Path<String>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    let now = service.clock.now();
    let sought = wanted.clone();
    let known = service
        .write(move |tx| {
            let tokens: Vec<ApiToken> = tx.list(&Scan::of(Key::empty(), usize::MAX))?;
            let Some(token) = tokens.into_iter().find(|token| id(token) == sought) else {
                return Ok(false);
            };
            audit::record(
                tx,
                now,
                &caller.name,
                "TokenRevoked",
                &token.name,
                shown(&token),
                None,
            )?;
            tx.remove::<ApiToken>(&[token.hash])?;
            Ok(true)
        })
        .await?;
    known.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let title = format!("there is no token {wanted}");
        Problem::new(404, "TokenNotFound", title)
            .remedy("`lockstep token list` shows those that there are")
            .into()
    })
}
