//! What applications need to know.

use super::{Shared, Tenancy};
use crate::failure::Failure;
use crate::signin::keys;
use crate::signin::request::Scopes;
use axum::Json;
use axum::extract::State;
use lockstep_api::signin::{Discovery, KeySet};

pub(super) async fn document(State(service): Shared, tenancy: Tenancy) -> Json<Discovery> {
    let base = &service.public_url;
    let at = |rest: &str| format!("{base}{}", tenancy.path(rest));
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Json(Discovery {
        issuer: tenancy.issuer.issuer.clone(),
        authorization_endpoint: at("authorize"),
        token_endpoint: at("token"),
        revocation_endpoint: at("revoke"),
        userinfo_endpoint: format!("{base}/oidc/userinfo"),
        jwks_uri: format!("{base}/{}/discovery/v2.0/keys", tenancy.name),
        end_session_endpoint: at("logout"),
        scopes_supported: list(&Scopes::NAMES),
        response_types_supported: list(&["code"]),
        response_modes_supported: list(&["query", "form_post"]),
        grant_types_supported: list(&["authorization_code", "refresh_token", "client_credentials"]),
        subject_types_supported: list(&["public"]),
        id_token_signing_alg_values_supported: list(&["RS256"]),
        token_endpoint_auth_methods_supported: list(&[
            "client_secret_basic",
            "client_secret_post",
            "none",
        ]),
        code_challenge_methods_supported: list(&["S256"]),
        claims_supported: list(&[
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "nbf",
            "auth_time",
            "nonce",
            "sid",
            "ver",
            "oid",
            "tid",
            "preferred_username",
            "name",
            "given_name",
            "family_name",
            "email",
            "groups",
        ]),
        prompt_values_supported: list(&["none", "login", "consent", "select_account"]),
        authorization_response_iss_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        claims_parameter_supported: false,
    })
}

pub(super) async fn keys(State(service): Shared, _: Tenancy) -> Result<Json<KeySet>, Failure> {
    Ok(Json(service.read(|tx| keys::published(tx)).await?))
}
