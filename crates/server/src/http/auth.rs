//! Who calls the administration API and the directory: a bearer token of the service's own, kept as its hash,
//! or an access token of sign-in, whose user or application has a role.

use crate::failure::Failure;
use crate::http::admin::token_hash;
use crate::http::signin;
use crate::service::Service;
use crate::signin::people;
use crate::signin::tokens::{self, Bearer};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use lockstep_api::problem::Problem;
pub use lockstep_directory::Role;
use lockstep_store::ReadRecords as _;
use lockstep_store::records::service::ApiToken;
use std::sync::Arc;

/// Who makes a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// How the audit log names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// Refuses whoever may not do what `role` may.
    ///
    /// # Errors
    ///
    /// A problem with status 403.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let title = format!("this needs the role {}", role.name());
        Err(Problem::new(403, "Forbidden", title)
            .detail(format!(
                "the token `{}` has the role {}",
                self.name,
                self.role.name()
            ))
            .remedy(
                "use the token of an administrator, as in the file admin-token of the data folder",
            ))
    }
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Failure> {
        let token = bearer_token(&parts.headers)
            .ok_or_else(|| unauthorized("the request carries no bearer token"))?;
        // Access tokens are JWTs, which have dots; the service's own tokens are hex.
        match token.contains('.') {
            true => by_access_token(service, token).await,
            false => by_own_token(service, token).await,
        }
    }
}

/// What a request carries as `Authorization: Bearer TOKEN`.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(header::AUTHORIZATION)?;
    header.to_str().ok()?.strip_prefix("Bearer ")
}

async fn by_own_token(service: &Arc<Service>, token: &str) -> Result<Caller, Failure> {
    let hash = token_hash(token);
    let row: Option<ApiToken> = service.read(move |tx| tx.fetch_one(&hash)).await?;
    let row = row.ok_or_else(|| unauthorized("the token is none of this service's"))?;
    let now = service.clock.now().as_millis();
    if row.expires.is_some_and(|expires| expires <= now) {
        return Err(unauthorized("the token has expired").into());
    }
    let role = Role::named(&row.role).ok_or_else(|| unauthorized("the token has no role"))?;
    Ok(Caller {
        name: row.name,
        role,
    })
}

async fn by_access_token(service: &Arc<Service>, token: &str) -> Result<Caller, Failure> {
    let (token, audience) = (token.to_owned(), service.public_url.clone());
    let (issuers, now) = (signin::issuers(service), service.clock.now());
    let bearer = service
        .read(move |tx| tokens::bearer(tx, &token, &issuers, &audience, now))
        .await?;
    let refused = || unauthorized("the access token is none of this service's, or has ended");
    let (name, role) = match bearer.ok_or_else(refused)? {
        Bearer::User { app, .. } if app.sign_in_only => {
            let title = format!("tokens of {} open no interface of the service", app.name);
            return Err(Problem::new(403, "SignInOnly", title).into());
        }
        Bearer::User { user, .. } => (people::name(&user), people::role(&user)),
        Bearer::App(app) => (app.name, app.role.as_deref().and_then(Role::named)),
    };
    let role = role.ok_or_else(|| {
        Problem::new(403, "Forbidden", format!("{name} has no role"))
            .remedy("an administrator gives one with `lockstep role assign`")
    })?;
    Ok(Caller { name, role })
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(401, "Unauthorized", "the caller is not known")
        .detail(detail)
        .remedy("send `Authorization: Bearer TOKEN` with a token of this service")
}
