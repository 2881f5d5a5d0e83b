//! The userinfo endpoint.

use super::{Shared, issuers, no_store};
use crate::failure::Failure;
use crate::http::auth::bearer_token;
use crate::signin::people;
use crate::signin::request::Params;
use crate::signin::tokens::{self, Bearer};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

pub(super) async fn userinfo(
    State(service): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let form = Params::read(&body);
    let Some(token) = bearer_token(&headers).or_else(|| form.get("access_token")) else {
        return Ok(refuse(
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"lockstep\"",
        ));
    };
    let token = token.to_owned();
    let (issuers, now) = (issuers(&service), service.clock.now());
    let (audience, tenant) = (service.public_url.clone(), service.tenant);
    let person = service
        .read(
            move |tx| match tokens::bearer(tx, &token, &issuers, &audience, now)? {
                Some(Bearer::User { user, scopes, .. }) if scopes.openid => {
                    people::claims(tx, &user, tenant, scopes, &audience).map(|p| Ok(Some(p)))
                }
                Some(_) => Ok(Ok(None)),
                None => Ok(Err(())),
            },
        )
        .await?;
    Ok(match person {
        Ok(Some(person)) => (no_store(), Json(person)).into_response(),
        Ok(None) => refuse(
            StatusCode::FORBIDDEN,
            "Bearer realm=\"lockstep\", error=\"insufficient_scope\", scope=\"openid\"",
        ),
        Err(()) => refuse(
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"lockstep\", error=\"invalid_token\"",
        ),
    })
}

fn refuse(status: StatusCode, challenge: &'static str) -> Response {
    let challenge = HeaderValue::from_static(challenge);
    (status, no_store(), [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}
