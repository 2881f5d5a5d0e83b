//! Which agent a request comes from: see [`lockstep_api::channel::assertion`].

use crate::failure::Failure;
use crate::http::auth::bearer_token;
use crate::service::Service;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lockstep_api::channel::REMOVED;
use lockstep_api::channel::assertion::{Claims, LIFETIME};
use lockstep_api::problem::Problem;
use lockstep_model::ids::AgentId;
use lockstep_store::ReadRecords as _;
use lockstep_store::records::service::Agent;
use std::sync::Arc;

/// How far the clocks may be apart, in seconds.
const LEEWAY: i64 = 30;

/// The agent that makes a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) agent: AgentId,
}

/// Reads an Ed25519 public key.
pub(super) fn public_key(base64: &str) -> Result<DecodingKey, Problem> {
    let bad = || {
        Problem::new(400, "BadKey", "the agent's public key is none")
            .detail("expected the 32 bytes of an Ed25519 key in Base64")
    };
    let bytes = STANDARD.decode(base64).map_err(|_| bad())?;
    if bytes.len() != 32 {
        return Err(bad());
    }
    DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(bytes)).map_err(|_| bad())
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Failure> {
        let token = bearer_token(&parts.headers).ok_or_else(missing)?;
        let issuer = issuer(token).ok_or_else(missing)?;
        let agent: Option<Agent> = service.read(move |tx| tx.fetch_one(&issuer)).await?;
        let agent = agent.ok_or_else(|| {
            Problem::new(401, REMOVED, "this agent has been removed")
                .remedy("enrol it anew with a token of `lockstep agent token`")
        })?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[service.tenant.to_string()]);
        // The clock is the service's own, which tests can set: times are checked below.
        validation.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &public_key(&agent.public_key)?, &validation)
                .map_err(|_| refused("the signature is not the agent's"))?
                .claims;
        let now = service.clock.now().as_millis() / 1_000;
        if claims.exp < now - LEEWAY
            || claims.iat > now + LEEWAY
            || claims.exp > claims.iat + LIFETIME
        {
            return Err(refused("the assertion is not of this moment").into());
        }
        if claims.htm != parts.method.as_str() || claims.htu != parts.uri.path() {
            return Err(refused("the assertion was made for another request").into());
        }
        Ok(Self { agent: agent.id })
    }
}

/// The agent that a token names, before anything of it is believed.
fn issuer(token: &str) -> Option<AgentId> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    claims.iss.parse().ok()
}

fn missing() -> Problem {
    refused("the request carries none")
}

fn refused(detail: &str) -> Problem {
    Problem::new(401, "BadAssertion", "the agent's assertion is refused").detail(detail)
}
