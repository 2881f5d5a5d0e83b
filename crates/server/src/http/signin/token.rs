//! The token endpoint, and the revocation endpoint.

use super::{Shared, Tenancy, no_store};
use crate::failure::Failure;
use crate::service::Service;
use crate::signin::apps::{self, Proof};
use crate::signin::grants::{self, CodePresented, Redeemed};
use crate::signin::request::{Fault, Params, Scopes};
use crate::signin::tokens::{ACCESS, Issuer, Occasion};
use crate::signin::{people, trail};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_api::signin::{TokenError, Tokens};
use lockstep_model::{Secret, Timestamp};
use lockstep_store::records::signin::App;
use lockstep_store::{StoreError, Write};
use std::sync::Arc;
use url::form_urlencoded;

pub(super) async fn token(
    State(service): Shared,
    tenancy: Tenancy,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let params = Params::read(&body);
    match give(&service, &tenancy, &headers, &params).await {
        Ok(tokens) => (no_store(), Json(tokens)).into_response(),
        Err(stop) => stop.answer(&headers),
    }
}

/// The revocation endpoint (RFC 7009): ends what a refresh token belongs to. A token that is not known is no
/// fault.
pub(super) async fn revoke(
    State(service): Shared,
    _: Tenancy,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let params = Params::read(&body);
    match end(&service, &headers, &params).await {
        Ok(()) => (StatusCode::OK, no_store()).into_response(),
        Err(stop) => stop.answer(&headers),
    }
}

async fn end(service: &Arc<Service>, headers: &HeaderMap, params: &Params) -> Result<(), Stop> {
    let app = who(service, headers, params).await?;
    let token = Secret::new(required(params, "token")?.to_owned());
    service
        .write(move |tx| grants::revoke(tx, &app, &token))
        .await?;
    Ok(())
}

/// Why an application does not get what it asks for.
enum Stop {
    /// It is told.
    Fault(Fault),
    /// It is not told: the database.
    Store(StoreError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stop {
    fn answer(self, headers: &HeaderMap) -> Response {
        match self {
            Self::Fault(fault) => refuse(&fault, headers.contains_key(header::AUTHORIZATION)),
            Self::Store(error) => Failure::from(error).into_response(),
        }
    }
}

/// RFC 6749 5.2: 401 with a challenge for an application that tried HTTP authentication, else 400 or 401.
fn refuse(fault: &Fault, by_header: bool) -> Response {
    let status = match fault.error {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = TokenError {
        error: fault.error.to_owned(),
        error_description: fault.description.clone(),
    };
    let mut response = (status, no_store(), Json(body)).into_response();
    if by_header && status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"lockstep\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn give(
    service: &Arc<Service>,
    tenancy: &Tenancy,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Tokens, Stop> {
    let app = who(service, headers, params).await?;
    let wish = Wish::read(params, &app, &service.public_url)?;
    let (shared, issuer) = (Arc::clone(service), tenancy.issuer.clone());
    let now = service.clock.now();
    // A fault is no error of the transaction: what it ended stays ended.
    let answer = service
        .write(move |tx| wish.fulfil(tx, &shared, &issuer, &app, now))
        .await?;
    Ok(answer?)
}

/// Which application asks.
async fn who(service: &Arc<Service>, headers: &HeaderMap, params: &Params) -> Result<App, Stop> {
    if let Some(name) = params.repeated() {
        let text = format!("`{name}` was given twice");
        return Err(Fault::new("invalid_request", text).into());
    }
    let proof = proof(headers, params)?;
    let client_id = proof.client_id.clone();
    let app = service
        .read(move |tx| apps::by_client_id(tx, &client_id))
        .await?;
    let app = app.filter(|app| apps::accepts(app, &proof));
    app.ok_or_else(|| {
        let text = "the application is not known, or its secret is another";
        Fault::new("invalid_client", text).into()
    })
}

/// The value of a parameter that must be there.
fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, Fault> {
    let missing = || Fault::new("invalid_request", format!("{name}: expected one"));
    params.get(name).ok_or_else(missing)
}

/// What an application asks for.
enum Wish {
    /// Tokens for a code.
    Code(CodePresented),
    /// Tokens for a refresh token.
    Refresh(Secret<String>, Option<Scopes>),
    /// A token for itself.
    Own,
}

impl Wish {
    fn read(params: &Params, app: &App, public_url: &str) -> Result<Self, Fault> {
        let required = |name| required(params, name);
        match required("grant_type")? {
            "authorization_code" => Ok(Self::Code(CodePresented {
                code: Secret::new(required("code")?.to_owned()),
                redirect_uri: required("redirect_uri")?.to_owned(),
                verifier: Secret::new(required("code_verifier")?.to_owned()),
            })),
            "refresh_token" => Ok(Self::Refresh(
                Secret::new(required("refresh_token")?.to_owned()),
                params.get("scope").map(Scopes::read),
            )),
            "client_credentials" if app.secret_hash.is_none() => {
                let text = "a public application cannot act for itself";
                Err(Fault::new("unauthorized_client", text))
            }
            "client_credentials" => match params.get("scope") {
                Some(scope) if scope != format!("{public_url}/.default") => {
                    let text = format!("scope: expected `{public_url}/.default`, or none");
                    Err(Fault::new("invalid_scope", text))
                }
                _ => Ok(Self::Own),
            },
            _ => {
                let text = "grant_type: expected `authorization_code`, `refresh_token` or \
                            `client_credentials`";
                Err(Fault::new("unsupported_grant_type", text))
            }
        }
    }

    fn fulfil(
        self,
        tx: &mut dyn Write,
        service: &Service,
        issuer: &Issuer,
        app: &App,
        now: Timestamp,
    ) -> Result<Result<Tokens, Fault>, StoreError> {
        let redeemed = match self {
            Self::Own => return own(tx, service, issuer, app, now).map(Ok),
            Self::Code(presented) => grants::redeem(tx, app, &presented, now)?,
            Self::Refresh(token, narrower) => grants::refresh(tx, app, &token, narrower, now)?,
        };
        match redeemed {
            Ok(redeemed) => tokens(tx, service, issuer, redeemed, now).map(Ok),
            Err(fault) => {
                trail::count(match fault.error {
                    "invalid_grant" => "GrantRefused",
                    _ => "TokenRefused",
                });
                Ok(Err(fault))
            }
        }
    }
}

fn own(
    tx: &mut dyn Write,
    service: &Service,
    issuer: &Issuer,
    app: &App,
    now: Timestamp,
) -> Result<Tokens, StoreError> {
    let signer = service.sign_in.keys.signer(tx, &service.sealer, now)?;
    let token = issuer.app_token(&signer, app.id, now)?;
    Ok(Tokens {
        token_type: "Bearer".into(),
        access_token: token.expose().clone(),
        expires_in: lifetime(),
        scope: format!("{}/.default", service.public_url),
        id_token: None,
        refresh_token: None,
    })
}

fn tokens(
    tx: &mut dyn Write,
    service: &Service,
    issuer: &Issuer,
    redeemed: Redeemed,
    now: Timestamp,
) -> Result<Tokens, StoreError> {
    let Redeemed {
        grant,
        user,
        scopes,
        nonce,
        refresh_token,
    } = redeemed;
    let signer = service.sign_in.keys.signer(tx, &service.sealer, now)?;
    let access = issuer.access_token(&signer, &grant, scopes, now)?;
    let id_token = match scopes.openid {
        true => {
            let url = &service.public_url;
            let person = people::claims(tx, &user, service.tenant, scopes, url)?;
            let occasion = Occasion {
                app: grant.app,
                authenticated: grant.authenticated,
                nonce,
                session: grant.session.clone(),
            };
            Some(issuer.id_token(&signer, person, occasion, now)?)
        }
        false => None,
    };
    Ok(Tokens {
        token_type: "Bearer".into(),
        access_token: access.expose().clone(),
        expires_in: lifetime(),
        scope: scopes.to_string(),
        id_token: id_token.map(|token| token.expose().clone()),
        refresh_token: refresh_token.map(|token| token.expose().clone()),
    })
}

fn lifetime() -> i64 {
    i64::try_from(ACCESS.as_secs()).unwrap_or(i64::MAX)
}

/// Who the application says it is: by HTTP Basic (RFC 6749 2.3.1), or in the form, but not both.
fn proof(headers: &HeaderMap, params: &Params) -> Result<Proof, Fault> {
    let in_form = params.get("client_secret");
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        let client_id = params.get("client_id").map(str::to_owned);
        return Ok(Proof {
            client_id: client_id
                .ok_or_else(|| Fault::new("invalid_client", "client_id: expected one"))?,
            secret: in_form.map(|secret| Secret::new(secret.to_owned())),
        });
    };
    if in_form.is_some() {
        let text = "the application proves who it is in two ways";
        return Err(Fault::new("invalid_request", text));
    }
    let proof = header.to_str().ok().and_then(basic).ok_or_else(|| {
        let text = "Authorization: expected `Basic` with client id and secret";
        Fault::new("invalid_client", text)
    })?;
    match params.get("client_id") {
        Some(other) if other != proof.client_id => {
            let text = "client_id: expected the one of the Authorization header";
            Err(Fault::new("invalid_request", text))
        }
        _ => Ok(proof),
    }
}

fn basic(header: &str) -> Option<Proof> {
    let (scheme, value) = header.split_once(' ')?;
    let text = Secret::new(STANDARD.decode(value.trim()).ok()?);
    let text = std::str::from_utf8(text.expose()).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        let pair = format!("x={text}");
        let value = form_urlencoded::parse(pair.as_bytes()).next();
        value.map(|(_, value)| value.into_owned())
    };
    scheme.eq_ignore_ascii_case("basic").then_some(Proof {
        client_id: decoded(id)?,
        secret: Some(Secret::new(decoded(secret)?)),
    })
}
