//! The OpenID Connect endpoints and the pages of sign-in: see [`lockstep_api::signin`] for the addresses,
//! [`crate::signin`] for what stands behind them.
//!
//! The pages are plain forms that work without JavaScript. They carry what was asked for in their own
//! address, so the service keeps nothing for somebody who has not signed in.

mod authorize;
mod cookies;
mod discovery;
mod fault;
mod logout;
mod page;
mod password;
mod token;
mod userinfo;

use crate::failure::Failure;
use crate::service::Service;
use crate::signin::tokens::{self, Issuer};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::routing::{get, post};
use lockstep_api::problem::Problem;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::cors::{Any, CorsLayer};

type Shared = State<Arc<Service>>;

/// The largest form.
const LARGEST: usize = 32 << 10;

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer(pub IpAddr);

/// The routes of sign-in.
pub fn router() -> Router<Arc<Service>> {
    // Applications in a browser ask these from their own pages; none of them looks at cookies.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    let for_applications = Router::new()
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(discovery::document),
        )
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/{tenant}/oauth2/v2.0/token", post(token::token))
        .route("/{tenant}/oauth2/v2.0/revoke", post(token::revoke))
        .route(
            "/oidc/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo),
        )
        .layer(ServiceBuilder::new().layer(cors));
    Router::new()
        .route(
            "/{tenant}/oauth2/v2.0/authorize",
            get(authorize::by_address).post(authorize::by_form),
        )
        .route("/{tenant}/oauth2/v2.0/login", post(authorize::login))
        .route("/{tenant}/oauth2/v2.0/password", post(password::change))
        .route(
            "/{tenant}/oauth2/v2.0/logout",
            get(logout::by_address).post(logout::by_form),
        )
        .route("/sign-in.css", get(page::style))
        .merge(for_applications)
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// The tenant, by the name under which it was called.
#[derive(Clone, Debug)]
pub(super) struct Tenancy {
    /// Its id or its initial domain.
    name: String,
    issuer: Issuer,
}

impl Tenancy {
    fn of(service: &Service, name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let known = names(service).contains(&name);
        known.then(|| Self {
            issuer: Issuer {
                issuer: tokens::issuer(&service.public_url, &name),
                tenant: service.tenant,
                public_url: service.public_url.clone(),
            },
            name,
        })
    }

    /// An address of this tenant on this host.
    fn path(&self, rest: &str) -> String {
        format!("/{}/oauth2/v2.0/{rest}", self.name)
    }
}

/// What the tenant can be called by.
fn names(service: &Service) -> [String; 2] {
    let domain = service.tenant_rules().initial_domain.to_lowercase();
    [service.tenant.to_string(), domain]
}

/// Who may have signed a token.
pub(super) fn issuers(service: &Service) -> Vec<String> {
    names(service)
        .iter()
        .map(|name| tokens::issuer(&service.public_url, name))
        .collect()
}

impl FromRequestParts<Arc<Service>> for Tenancy {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Failure> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, service).await;
        let name = path.ok().and_then(|Path(mut path)| path.remove("tenant"));
        let name = name.unwrap_or_default();
        Self::of(service, &name).ok_or_else(|| {
            Problem::new(404, "TenantNotFound", format!("there is no tenant {name}"))
                .remedy("use the tenant's id or its initial domain")
                .into()
        })
    }
}

/// Answers that hold secrets stay out of every cache.
fn no_store() -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ]
}
