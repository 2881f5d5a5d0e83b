//! Sign-in on the wire: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0, OAuth 2.0
//! (RFC 6749, 7009, 7636, 8414, 9068, 9207).
//!
//! | address | what |
//! |---|---|
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | [`Discovery`] |
//! | `GET /{tenant}/discovery/v2.0/keys` | [`KeySet`] |
//! | `GET`, `POST /{tenant}/oauth2/v2.0/authorize` | the sign-in page, and then the way back to the application |
//! | `POST /{tenant}/oauth2/v2.0/token` | [`Tokens`] or [`TokenError`] |
//! | `POST /{tenant}/oauth2/v2.0/revoke` | a refresh token given back; 200 or [`TokenError`] |
//! | `GET`, `POST /oidc/userinfo` | [`Person`] |
//! | `GET`, `POST /{tenant}/oauth2/v2.0/logout` | the end of the session in this browser |

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an application needs to know of the service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Discovery {
    /// Who signs tokens.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where an application gives back what it has.
    pub revocation_endpoint: String,
    /// Who it is.
    pub userinfo_endpoint: String,
    /// The keys that sign.
    pub jwks_uri: String,
    /// Where people sign out.
    pub end_session_endpoint: String,
    /// Scopes.
    pub scopes_supported: Vec<String>,
    /// `code` alone.
    pub response_types_supported: Vec<String>,
    /// How the code comes back.
    pub response_modes_supported: Vec<String>,
    /// What the token endpoint takes.
    pub grant_types_supported: Vec<String>,
    /// Everybody sees the same subject.
    pub subject_types_supported: Vec<String>,
    /// `RS256` alone.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// How applications say who they are.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `S256` alone.
    pub code_challenge_methods_supported: Vec<String>,
    /// What is said of people.
    pub claims_supported: Vec<String>,
    /// How the page can be asked to be.
    pub prompt_values_supported: Vec<String>,
    /// The way back says who sent it (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
    /// Requests come as parameters only.
    pub request_parameter_supported: bool,
    /// The same.
    pub request_uri_parameter_supported: bool,
    /// The same.
    pub claims_parameter_supported: bool,
}

/// Public keys (RFC 7517).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<Key>,
}

/// A public key of RSA.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Key {
    /// `RSA`.
    pub kty: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `RS256`.
    pub alg: String,
    /// Its name in tokens.
    pub kid: String,
    /// The modulus.
    pub n: String,
    /// The exponent.
    pub e: String,
}

/// What is said of a person, in an ID token and by the userinfo endpoint.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Person {
    /// The subject: the object's id, for every application the same.
    pub sub: String,
    /// The object's id in the directory.
    pub oid: String,
    /// The tenant's id.
    pub tid: String,
    /// The user principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The surname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Ids of the security groups, those of groups in groups included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// In place of `groups` when there are too many: which source tells them.
    #[serde(
        rename = "_claim_names",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub claim_names: Option<BTreeMap<String, String>>,
    /// Where that source is.
    #[serde(
        rename = "_claim_sources",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub claim_sources: Option<BTreeMap<String, ClaimSource>>,
}

/// Where a claim is told.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClaimSource {
    /// The address.
    pub endpoint: String,
}

/// The claims of an ID token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IdClaims {
    /// Who signed it.
    pub iss: String,
    /// For which application.
    pub aud: String,
    /// When it ends.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// When the password was typed.
    pub auth_time: i64,
    /// The application's nonce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The session at the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `2.0`.
    pub ver: String,
    /// Of whom.
    #[serde(flatten)]
    pub person: Person,
}

/// The claims of an access token (RFC 9068).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AccessClaims {
    /// Who signed it.
    pub iss: String,
    /// For whom: the service's interfaces.
    pub aud: String,
    /// Whose: the user's id, or the application's when it acts for itself.
    pub sub: String,
    /// The application.
    pub client_id: String,
    /// The same in the directory: the user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
    /// The tenant's id.
    pub tid: String,
    /// The grant it descends from; none: the application acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The scopes.
    pub scope: String,
    /// Its own id.
    pub jti: String,
    /// When it ends.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
}

/// What the token endpoint answers.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tokens {
    /// `Bearer`.
    pub token_type: String,
    /// For the service's interfaces.
    pub access_token: String,
    /// For how many seconds it is good.
    pub expires_in: i64,
    /// The scopes that were given.
    pub scope: String,
    /// Who signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// For the next access token, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Why the token endpoint gives none (RFC 6749 5.2).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TokenError {
    /// A word of the specification, such as `invalid_grant`.
    pub error: String,
    /// What was the matter.
    pub error_description: String,
}
