//! Tokens: what stands in them, how they are signed, and whose an access token is.

use super::keys::{self, Signer};
use super::request::Scopes;
use super::{apps, people};
use jsonwebtoken::{Algorithm, Header, Validation};
use lockstep_api::signin::{AccessClaims, IdClaims, Person};
use lockstep_directory::Object;
use lockstep_model::ids::{ObjectId, TenantId};
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_store::records::signin::{App, Grant};
use lockstep_store::{Read, ReadRecords as _, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long an access token, and an ID token, is good.
pub const ACCESS: Duration = Duration::from_secs(3_600);
/// What an access token says it is (RFC 9068 2.1).
const ACCESS_TYPE: &str = "at+jwt";
const ID_TYPE: &str = "JWT";

/// Who signs, by one of the tenant's two names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issuer {
    /// As it stands in tokens.
    pub issuer: String,
    /// The tenant.
    pub tenant: TenantId,
    /// Where the service is reached: the audience of access tokens.
    pub public_url: String,
}

/// The issuer of a tenant that is called by this name, its id or its initial domain.
#[must_use]
pub fn issuer(public_url: &str, name: &str) -> String {
    format!("{public_url}/{name}/v2.0")
}

/// What an ID token says beside who it is.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The application.
    pub app: Guid,
    /// When the password was typed, in milliseconds since 1970.
    pub authenticated: i64,
    /// The application's nonce.
    pub nonce: Option<String>,
    /// The session, by the hash of its cookie.
    pub session: Option<String>,
}

/// Whose an access token is, and what for.
#[derive(Debug)]
pub enum Bearer {
    /// A user's, through an application.
    User {
        /// The user.
        user: Box<Object>,
        /// The application.
        app: App,
        /// What the token is for.
        scopes: Scopes,
    },
    /// An application's own.
    App(App),
}

impl Issuer {
    /// Signs an ID token.
    ///
    /// # Errors
    ///
    /// When the key cannot sign.
    pub fn id_token(
        &self,
        signer: &Signer,
        person: Person,
        occasion: Occasion,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let claims = IdClaims {
            iss: self.issuer.clone(),
            aud: occasion.app.to_string(),
            exp: seconds(now.plus(ACCESS)),
            iat: seconds(now),
            nbf: seconds(now),
            auth_time: occasion.authenticated / 1_000,
            nonce: occasion.nonce,
            sid: occasion.session.as_deref().map(session_name),
            ver: "2.0".into(),
            person,
        };
        sign(signer, ID_TYPE, &claims)
    }

    /// Signs an access token for a user.
    ///
    /// # Errors
    ///
    /// When the key cannot sign.
    pub fn access_token(
        &self,
        signer: &Signer,
        grant: &Grant,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let user = grant.user.to_string();
        let mut claims = self.access_claims(&user, grant.app, now);
        claims.oid = Some(user);
        claims.grant = Some(grant.id.to_string());
        claims.scope = scopes.to_string();
        sign(signer, ACCESS_TYPE, &claims)
    }

    /// Signs an access token for an application that acts for itself.
    ///
    /// # Errors
    ///
    /// When the key cannot sign.
    pub fn app_token(
        &self,
        signer: &Signer,
        app: Guid,
        now: Timestamp,
    ) -> Result<Secret<String>, StoreError> {
        let claims = self.access_claims(&app.to_string(), app, now);
        sign(signer, ACCESS_TYPE, &claims)
    }

    fn access_claims(&self, subject: &str, app: Guid, now: Timestamp) -> AccessClaims {
        AccessClaims {
            iss: self.issuer.clone(),
            aud: self.public_url.clone(),
            sub: subject.to_owned(),
            client_id: app.to_string(),
            oid: None,
            tid: self.tenant.to_string(),
            grant: None,
            scope: String::new(),
            jti: crate::ids::random_guid().to_string(),
            exp: seconds(now.plus(ACCESS)),
            iat: seconds(now),
            nbf: seconds(now),
        }
    }
}

/// Whose an access token is; `None` unless it is one of this service's, in its time, of a user and an
/// application that are still there and of a grant that goes on.
///
/// # Errors
///
/// Those of the store.
pub fn bearer(
    tx: &mut dyn Read,
    token: &str,
    issuers: &[String],
    audience: &str,
    now: Timestamp,
) -> Result<Option<Bearer>, StoreError> {
    let Some(claims) = verified::<AccessClaims>(tx, token, ACCESS_TYPE)? else {
        return Ok(None);
    };
    let at = seconds(now);
    let is_ours = issuers.contains(&claims.iss) && claims.aud == audience;
    if !is_ours || at >= claims.exp || at < claims.nbf {
        return Ok(None);
    }
    let Some(app) = apps::by_client_id(tx, &claims.client_id)? else {
        return Ok(None);
    };
    let Some(grant) = &claims.grant else {
        return Ok(Some(Bearer::App(app)));
    };
    let Ok(grant) = grant.parse::<Guid>() else {
        return Ok(None);
    };
    let grant: Option<Grant> = tx.fetch_one(&grant)?;
    let Some(grant) = grant.filter(|grant| grant.ends > now.as_millis()) else {
        return Ok(None);
    };
    let user = people::in_good_standing(tx, grant.user)?;
    Ok(user.map(|user| Bearer::User {
        user: Box::new(user),
        app,
        scopes: Scopes::read(&claims.scope),
    }))
}

/// The user and the application of an ID token of this service, however old: a hint at who signs out.
///
/// # Errors
///
/// Those of the store.
pub fn hint(
    tx: &mut dyn Read,
    token: &str,
    issuers: &[String],
) -> Result<Option<(ObjectId, Guid)>, StoreError> {
    let claims = verified::<IdClaims>(tx, token, ID_TYPE)?;
    let claims = claims.filter(|claims| issuers.contains(&claims.iss));
    Ok(claims.and_then(|claims| {
        let user = claims.person.sub.parse().ok()?;
        Some((user, claims.aud.parse().ok()?))
    }))
}

/// The claims of a token that one of the tenant's keys signed. Times and audience are the caller's to look at,
/// because the clock is the service's own.
fn verified<T: DeserializeOwned>(
    tx: &mut dyn Read,
    token: &str,
    kind: &str,
) -> Result<Option<T>, StoreError> {
    let Ok(header) = jsonwebtoken::decode_header(token) else {
        return Ok(None);
    };
    let is_kind = header.typ.as_deref() == Some(kind) && header.alg == Algorithm::RS256;
    let Some(id) = header.kid.filter(|_| is_kind) else {
        return Ok(None);
    };
    let Some(key) = keys::checking(tx, &id)? else {
        return Ok(None);
    };
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<T>(token, &key, &validation);
    Ok(decoded.ok().map(|decoded| decoded.claims))
}

fn sign<T: Serialize>(
    signer: &Signer,
    kind: &str,
    claims: &T,
) -> Result<Secret<String>, StoreError> {
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some(kind.to_owned());
    header.kid = Some(signer.id.clone());
    let token = jsonwebtoken::encode(&header, claims, &signer.key);
    token
        .map(Secret::new)
        .map_err(|source| StoreError::Abandoned {
            source: source.into(),
        })
}

/// How applications know a session: not by the hash under which it is kept.
fn session_name(hash: &str) -> String {
    let token = Secret::new(hash.to_owned());
    super::hash(&token).chars().take(32).collect()
}

const fn seconds(time: Timestamp) -> i64 {
    time.as_millis() / 1_000
}
