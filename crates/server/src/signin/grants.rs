//! Codes, grants, refresh tokens.
//!
//! A code is good once, for a minute. Used a second time it tells that somebody else has it, and the grant
//! that came of it ends. The same holds for a refresh token, which is replaced at each use. Faults come back
//! as values, so that the transaction that ends the grant is kept.

use super::people;
use super::request::{AuthorizationRequest, Fault, Scopes};
use super::tokens::ACCESS;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::Object;
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_store::records::signin::{App, Code, Grant, Session};
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long a code is good.
const CODE: Duration = Duration::from_secs(60);
/// How long a used code is remembered.
const USED_CODE: Duration = Duration::from_secs(24 * 3_600);
/// How long a refresh token is good that is not used.
const IDLE: Duration = Duration::from_secs(14 * 24 * 3_600);
/// How long a grant goes on at most; then the password is asked for again.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3_600);

/// What tokens are made of.
#[derive(Debug)]
pub struct Redeemed {
    /// The grant they descend from.
    pub grant: Grant,
    /// Who.
    pub user: Object,
    /// What for.
    pub scopes: Scopes,
    /// The application's nonce.
    pub nonce: Option<String>,
    /// The refresh token that is good now.
    pub refresh_token: Option<Secret<String>>,
}

/// A password that was typed, now or in this session.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub user: ObjectId,
    /// When.
    pub at: i64,
    /// The session, if the browser keeps one.
    pub session: Option<String>,
}

impl From<&Session> for Authenticated {
    fn from(session: &Session) -> Self {
        Self {
            user: session.user,
            at: session.authenticated,
            session: Some(session.hash.clone()),
        }
    }
}

/// Makes a code.
///
/// # Errors
///
/// Those of the store.
pub fn code(
    tx: &mut dyn Write,
    request: &AuthorizationRequest,
    who: Authenticated,
    now: Timestamp,
) -> Result<Secret<String>, StoreError> {
    let code = Secret::new(crate::ids::random_token());
    tx.store(&[Code {
        hash: super::hash(&code),
        grant: crate::ids::random_guid(),
        app: request.app.id,
        user: who.user,
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        scope: request.scopes.to_string(),
        session: who.session,
        authenticated: who.at,
        used: false,
        ends: now.plus(CODE).as_millis(),
    }])?;
    Ok(code)
}

/// What an application shows to turn a code into tokens.
#[derive(Debug)]
pub struct CodePresented {
    /// The code.
    pub code: Secret<String>,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What the PKCE challenge was made of.
    pub verifier: Secret<String>,
}

/// Turns a code into a grant.
///
/// # Errors
///
/// Those of the store.
pub fn redeem(
    tx: &mut dyn Write,
    app: &App,
    presented: &CodePresented,
    now: Timestamp,
) -> Result<Result<Redeemed, Fault>, StoreError> {
    let invalid = |text: &str| Ok(Err(Fault::new("invalid_grant", text)));
    let found: Option<Code> = tx.fetch_one(&super::hash(&presented.code))?;
    let Some(mut code) = found.filter(|code| code.app == app.id) else {
        return invalid("the code is not known, or has ended");
    };
    if code.used {
        tx.remove::<Grant>(&[code.grant])?;
        return invalid("the code was used before; what it gave has ended");
    }
    if code.ends <= now.as_millis() {
        return invalid("the code is not known, or has ended");
    }
    if code.redirect_uri != presented.redirect_uri {
        return invalid("redirect_uri: expected the one of the authorization request");
    }
    if !is_verifier(&code.challenge, &presented.verifier) {
        return invalid("code_verifier: it does not fit the code_challenge");
    }
    let Some(user) = people::in_good_standing(tx, code.user)? else {
        return invalid("the user cannot sign in any more");
    };
    code.used = true;
    code.ends = now.plus(USED_CODE).as_millis();
    let scopes = Scopes::read(&code.scope);
    let mut grant = Grant {
        id: code.grant,
        app: app.id,
        user: code.user,
        scope: code.scope.clone(),
        session: code.session.clone(),
        authenticated: code.authenticated,
        refresh_hash: None,
        created: now.as_millis(),
        ends: now.plus(ACCESS).as_millis(),
    };
    let refresh_token = scopes.offline_access.then(|| renew(&mut grant, now));
    let nonce = code.nonce.clone();
    tx.store(&[code])?;
    tx.store(std::slice::from_ref(&grant))?;
    Ok(Ok(Redeemed {
        grant,
        user,
        scopes,
        nonce,
        refresh_token,
    }))
}

/// Takes a refresh token for the next one.
///
/// # Errors
///
/// Those of the store.
pub fn refresh(
    tx: &mut dyn Write,
    app: &App,
    token: &Secret<String>,
    narrower: Option<Scopes>,
    now: Timestamp,
) -> Result<Result<Redeemed, Fault>, StoreError> {
    let invalid = |text: &str| Ok(Err(Fault::new("invalid_grant", text)));
    let Some(id) = grant_of(token) else {
        return invalid("the refresh token is not known, or has ended");
    };
    let found: Option<Grant> = tx.fetch_one(&id)?;
    let found = found.filter(|grant| grant.app == app.id && grant.ends > now.as_millis());
    let Some(mut grant) = found else {
        return invalid("the refresh token is not known, or has ended");
    };
    let is_current = grant
        .refresh_hash
        .as_ref()
        .is_some_and(|known| super::hash(token).as_bytes().ct_eq(known.as_bytes()).into());
    if !is_current {
        tx.remove::<Grant>(&[grant.id])?;
        return invalid("the refresh token was used before; what came of it has ended");
    }
    let Some(user) = people::in_good_standing(tx, grant.user)? else {
        tx.remove::<Grant>(&[grant.id])?;
        return invalid("the user cannot sign in any more");
    };
    let granted = Scopes::read(&grant.scope);
    let scopes = narrower.unwrap_or(granted);
    if !granted.include(scopes) {
        let text = "scope: expected no more than was given at first";
        return Ok(Err(Fault::new("invalid_scope", text)));
    }
    let refresh_token = Some(renew(&mut grant, now));
    tx.store(std::slice::from_ref(&grant))?;
    Ok(Ok(Redeemed {
        grant,
        user,
        scopes,
        nonce: None,
        refresh_token,
    }))
}

/// Ends a grant by its refresh token, whichever of them, when the application asks for it (RFC 7009).
///
/// # Errors
///
/// Those of the store.
pub fn revoke(tx: &mut dyn Write, app: &App, token: &Secret<String>) -> Result<(), StoreError> {
    let Some(id) = grant_of(token) else {
        return Ok(());
    };
    let found: Option<Grant> = tx.fetch_one(&id)?;
    match found.filter(|grant| grant.app == app.id) {
        Some(grant) => tx.remove::<Grant>(&[grant.id]),
        None => Ok(()),
    }
}

/// The grant that a refresh token names.
fn grant_of(token: &Secret<String>) -> Option<Guid> {
    let (id, _) = token.expose().split_once('.')?;
    id.parse().ok()
}

/// Gives a grant its next refresh token.
fn renew(grant: &mut Grant, now: Timestamp) -> Secret<String> {
    let token = Secret::new(format!("{}.{}", grant.id, crate::ids::random_token()));
    grant.refresh_hash = Some(super::hash(&token));
    let longest = Timestamp::from_millis(grant.created).plus(LONGEST);
    grant.ends = now.plus(IDLE).min(longest).as_millis();
    token
}

/// Whether the challenge was made of this verifier (RFC 7636 4.6).
fn is_verifier(challenge: &str, verifier: &Secret<String>) -> bool {
    let verifier = verifier.expose();
    let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let made = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    (43..=128).contains(&verifier.len())
        && verifier.chars().all(is_unreserved)
        && bool::from(made.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_fits_and_nothing_else_does() {
        // RFC 7636, appendix B.
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let verifier = |text: &str| Secret::new(text.to_owned());
        let good = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_verifier(challenge, &verifier(good)));
        assert!(!is_verifier(challenge, &verifier(&good.to_lowercase())));
        assert!(!is_verifier(challenge, &verifier(challenge)));
        assert!(!is_verifier(challenge, &verifier("")));
    }
}
