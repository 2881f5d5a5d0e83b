//! The end session endpoint (OpenID Connect RP-Initiated Logout 1.0).
//!
//! An ID token of the person who is signed in ends the session at once. Without one the person is asked:
//! otherwise any page could sign people out.

use super::fault::{Fault, notice};
use super::page::{SignOut, page, with_cookies};
use super::{Shared, Tenancy, cookies, issuers, no_store};
use crate::service::Service;
use crate::signin::request::{Params, is_after_sign_out};
use crate::signin::{apps, sessions, tokens};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use lockstep_model::ids::ObjectId;
use lockstep_store::StoreError;
use lockstep_store::records::signin::{App, Session};
use std::sync::Arc;
use url::Url;

pub(super) async fn by_address(
    State(service): Shared,
    tenancy: Tenancy,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let params = Params::read(uri.query().unwrap_or_default().as_bytes());
    logout(service, tenancy, params, headers, false).await
}

/// The same from a form: an application's, or the page's own with the answer to its question.
pub(super) async fn by_form(
    State(service): Shared,
    tenancy: Tenancy,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Fault> {
    let form = Params::read(&body);
    let is_confirmed =
        form.get("confirmed").is_some() && cookies::is_flow(&headers, form.get("flow"));
    let params = match form.get("confirmed") {
        Some(_) => Params::read(uri.query().unwrap_or_default().as_bytes()),
        None => form,
    };
    logout(service, tenancy, params, headers, is_confirmed).await
}

/// What is known of a sign-out.
struct Known {
    session: Option<Session>,
    app: Option<App>,
    /// Whose ID token was given.
    hinted: Option<ObjectId>,
}

async fn logout(
    service: Arc<Service>,
    tenancy: Tenancy,
    params: Params,
    headers: HeaderMap,
    is_confirmed: bool,
) -> Result<Response, Fault> {
    let known = look(&service, &params, &headers).await?;
    let Some(session) = &known.session else {
        return Ok(farewell(&params, &known));
    };
    if !is_confirmed && known.hinted != Some(session.user) {
        let flow = cookies::flow(&headers);
        let sign_out = SignOut {
            action: &format!("{}?{}", tenancy.path("logout"), params.to_query()),
            flow: &flow,
        };
        let page = page(StatusCode::OK, &sign_out);
        return Ok(with_cookies(page, [cookies::set_flow(&flow)]));
    }
    let (ended, app) = (session.clone(), known.app.as_ref().map(|app| app.id));
    service
        .write(move |tx| sessions::end(tx, &ended, app))
        .await?;
    let response = farewell(&params, &known);
    Ok(with_cookies(response, [Some(cookies::end_session())]))
}

async fn look(
    service: &Arc<Service>,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Known, StoreError> {
    let (cookie, now) = (cookies::session(headers), service.clock.now());
    let hint = params.get("id_token_hint").map(str::to_owned);
    let client_id = params.get("client_id").map(str::to_owned);
    let issuers = issuers(service);
    service
        .read(move |tx| {
            let session = match cookie {
                Some(cookie) => sessions::current(tx, &cookie, now)?,
                None => None,
            };
            let hinted = match hint {
                Some(hint) => tokens::hint(tx, &hint, &issuers)?,
                None => None,
            };
            let app = match (&hinted, client_id) {
                (Some((_, app)), None) => apps::by_id(tx, *app)?,
                (Some((_, app)), Some(id)) => {
                    let hinted = apps::by_id(tx, *app)?;
                    hinted.filter(|app| app.id.to_string() == id)
                }
                (None, Some(id)) => apps::by_client_id(tx, &id)?,
                (None, None) => None,
            };
            Ok(Known {
                session,
                app,
                hinted: hinted.map(|(user, _)| user),
            })
        })
        .await
}

/// Sends the browser where the application wants it, if that is the application's own.
fn farewell(params: &Params, known: &Known) -> Response {
    let to = params.get("post_logout_redirect_uri");
    let allowed = to.filter(|uri| {
        let app = known.app.as_ref();
        app.is_some_and(|app| is_after_sign_out(app, uri))
    });
    let Some(mut url) = allowed.and_then(|uri| Url::parse(uri).ok()) else {
        return notice(StatusCode::OK, "Signed out", "You can close this page.");
    };
    if let Some(state) = params.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    match HeaderValue::from_str(url.as_str()) {
        Ok(location) => {
            let location = [(header::LOCATION, location)];
            (StatusCode::SEE_OTHER, no_store(), location).into_response()
        }
        Err(_) => notice(StatusCode::OK, "Signed out", "You can close this page."),
    }
}
