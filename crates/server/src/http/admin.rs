//! The administration API, `/api/v1`: see [`lockstep_api::admin`].

mod agents;
mod apps;
mod configurations;
mod extensions;
mod held;
mod listing;
mod logs;
mod missing;
mod passwords;
mod roles;
mod tenant;
mod tokens;
mod views;

pub use tenant::is_dns_suffix;

use super::auth::Caller;
use crate::clock::time;
use crate::failure::Failure;
use crate::service::Service;
use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::routing::{delete, get, post, put};
use lockstep_api::problem::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The query of what is listed to be chosen from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceQuery {
    #[serde(default)]
    filter: Option<String>,
}

type Shared = State<Arc<Service>>;

/// The largest body: a configuration with some thousand organizational units.
const LARGEST: usize = 4 << 20;

/// The routes of the administration API.
pub fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/v1/tenant", get(tenant::show))
        .route("/api/v1/domains", get(tenant::show).post(tenant::add))
        .route("/api/v1/domains/{name}", delete(tenant::remove))
        .route("/api/v1/agents", get(agents::list))
        .route("/api/v1/agents/tokens", post(agents::token))
        .route("/api/v1/agents/{id}", delete(agents::remove))
        .route("/api/v1/configurations", get(configurations::list))
        .route(
            "/api/v1/configurations/{name}",
            get(configurations::show)
                .put(configurations::apply)
                .delete(configurations::remove),
        )
        .route("/api/v1/plan", post(configurations::plan_file))
        .route(
            "/api/v1/configurations/{name}/plan",
            post(configurations::plan),
        )
        .route(
            "/api/v1/configurations/{name}/provision",
            post(configurations::provision),
        )
        .route(
            "/api/v1/configurations/{name}/pause",
            post(configurations::pause),
        )
        .route(
            "/api/v1/configurations/{name}/resume",
            post(configurations::resume),
        )
        .route(
            "/api/v1/configurations/{name}/cycle",
            post(configurations::cycle),
        )
        .route(
            "/api/v1/configurations/{name}/restart",
            post(configurations::restart),
        )
        .route(
            "/api/v1/configurations/{name}/cycles",
            get(configurations::cycles),
        )
        .route(
            "/api/v1/configurations/{name}/reconcile",
            post(configurations::reconcile),
        )
        .route("/api/v1/configurations/{name}/escrows", get(held::escrows))
        .route("/api/v1/configurations/{name}/deletes", get(held::list))
        .route(
            "/api/v1/configurations/{name}/deletes/allow",
            post(held::allow),
        )
        .route(
            "/api/v1/configurations/{name}/deletes/reject",
            post(held::reject),
        )
        .route("/api/v1/configurations/{name}/missing", get(missing::list))
        .route(
            "/api/v1/configurations/{name}/missing/delete",
            post(missing::delete),
        )
        .route(
            "/api/v1/configurations/{name}/missing/keep",
            post(missing::keep),
        )
        .route("/api/v1/extensions", get(extensions::list))
        .route("/api/v1/extensions/{name}", delete(extensions::remove))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/log", get(logs::provisioning))
        .route("/api/v1/audit", get(logs::audit))
        .route("/api/v1/apps", get(apps::list).post(apps::create))
        .route("/api/v1/apps/{id}", delete(apps::remove))
        .route("/api/v1/users/{id}/password", put(passwords::set))
        .route(
            "/api/v1/password-policy",
            get(passwords::policy).put(passwords::set_policy),
        )
        .route(
            "/api/v1/signing-keys/replace",
            post(apps::replace_signing_keys),
        )
        .route("/api/v1/roles", get(roles::list))
        .route(
            "/api/v1/roles/{role}/users/{id}",
            put(roles::assign).delete(roles::remove),
        )
        .route("/api/v1/tokens", get(tokens::list).post(tokens::create))
        .route("/api/v1/tokens/{id}", delete(tokens::revoke))
}

/// The API, described for programs.
async fn openapi(_: Caller) -> axum::Json<utoipa::openapi::OpenApi> {
    axum::Json(lockstep_api::openapi::document())
}

/// Under what a token is kept: whoever reads the database learns no token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// A JSON body, or none where all of it has defaults. What is wrong with it is told as a problem.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let bytes = bytes.map_err(|_| Problem::new(413, "TooLarge", "the body is too large"))?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| {
            Problem::new(
                400,
                "BadRequest",
                "the body is not what this address expects",
            )
            .detail(error.to_string())
            .into()
        })
    }
}

/// The query of an address. What is wrong with it is told as a problem.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let title = "the query is not what this address expects";
                Err(Problem::new(400, "BadRequest", title)
                    .detail(rejection.body_text())
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_everything_described_has_a_route() {
        // The router does not tell its routes; they stand in this file.
        let (routes, _) = include_str!("admin.rs").split_once("#[cfg(test)]").unwrap();
        let routed: BTreeSet<&str> = routes
            .split('"')
            .filter(|text| text.starts_with("/api/v1/"))
            .collect();
        let document = lockstep_api::openapi::document();
        let described: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
        assert_eq!(routed, described, "see lockstep_api::openapi");
    }
}
