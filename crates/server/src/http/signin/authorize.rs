//! The authorization endpoint and the sign-in page.

use super::fault::{Fault, notice};
use super::page::{self, SEND, Send, SignIn, page, with_cookies};
use super::{Peer, Shared, Tenancy, cookies, no_store};
use crate::service::Service;
use crate::signin::grants::{self, Authenticated};
use crate::signin::request::{
    AuthorizationRequest, Params, Prompt, Refusal, ResponseMode, ReturnTo,
};
use crate::signin::verify::{self, Attempt, Right, Verdict};
use crate::signin::{apps, people, sessions, trail};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use lockstep_directory::credential::Argon2Hash;
use lockstep_model::ids::ObjectId;
use lockstep_model::{Secret, Timestamp};
use lockstep_store::records::signin::Session;
use lockstep_store::{Read, StoreError};
use std::sync::Arc;

const WRONG: &str = "User name or password is wrong.";
const DISABLED: &str = "This account is disabled. Ask your administrator.";

/// A request to sign in that is being carried out.
pub(super) struct Flow {
    pub(super) service: Arc<Service>,
    pub(super) tenancy: Tenancy,
    pub(super) request: AuthorizationRequest,
    pub(super) headers: HeaderMap,
    pub(super) peer: Peer,
    /// The request as it came, for the addresses of forms.
    query: String,
}

pub(super) async fn by_address(
    State(service): Shared,
    tenancy: Tenancy,
    uri: Uri,
    headers: HeaderMap,
    Extension(peer): Extension<Peer>,
) -> Result<Response, Fault> {
    let params = Params::read(uri.query().unwrap_or_default().as_bytes());
    let flow = Flow::read(service, tenancy, params, headers, peer).await?;
    authorize(flow).await
}

pub(super) async fn by_form(
    State(service): Shared,
    tenancy: Tenancy,
    headers: HeaderMap,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<Response, Fault> {
    let flow = Flow::read(service, tenancy, Params::read(&body), headers, peer).await?;
    authorize(flow).await
}

async fn authorize(flow: Flow) -> Result<Response, Fault> {
    if let Some(session) = flow.session().await?
        && let Some(response) = flow.by_session(session).await?
    {
        return Ok(response);
    }
    if flow.request.prompt == Prompt::None {
        return Ok(flow.refuse("login_required", "nobody is signed in, or too long ago"));
    }
    let user = flow.request.login_hint.clone().unwrap_or_default();
    Ok(flow.sign_in_page(StatusCode::OK, &user, None))
}

pub(super) async fn login(
    State(service): Shared,
    tenancy: Tenancy,
    uri: Uri,
    headers: HeaderMap,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<Response, Fault> {
    let params = Params::read(uri.query().unwrap_or_default().as_bytes());
    let flow = Flow::read(service, tenancy, params, headers, peer).await?;
    let form = Params::read(&body);
    let attempt = Attempt {
        name: form.get("username").unwrap_or_default().to_owned(),
        password: Secret::new(form.get("password").unwrap_or_default().to_owned()),
        address: peer.0,
        app: flow.request.app.name.clone(),
    };
    let is_own = cookies::is_flow(&flow.headers, form.get("flow"));
    match verify::verify(&flow.service, &attempt).await? {
        Verdict::Right(right) => {
            let Right {
                user,
                generation,
                upgrade,
            } = *right;
            let done = flow.complete(user.id, generation, upgrade, is_own).await?;
            Ok(done
                .unwrap_or_else(|| flow.sign_in_page(StatusCode::OK, &attempt.name, Some(WRONG))))
        }
        Verdict::MustChange(right) => {
            Ok(super::password::ask(&flow, &right.user, right.generation))
        }
        Verdict::Wrong => Ok(flow.sign_in_page(StatusCode::OK, &attempt.name, Some(WRONG))),
        Verdict::Disabled => {
            Ok(flow.sign_in_page(StatusCode::FORBIDDEN, &attempt.name, Some(DISABLED)))
        }
        Verdict::TooMany { until } => Ok(flow.too_many(&attempt.name, until)),
    }
}

impl Flow {
    /// Reads a request; what is wrong with it is answered here.
    pub(super) async fn read(
        service: Arc<Service>,
        tenancy: Tenancy,
        params: Params,
        headers: HeaderMap,
        peer: Peer,
    ) -> Result<Self, Fault> {
        let client_id = params.get("client_id").unwrap_or_default().to_owned();
        let app = service
            .read(move |tx| apps::by_client_id(tx, &client_id))
            .await?;
        let request = match AuthorizationRequest::read(&params, app) {
            Ok(request) => request,
            Err(Refusal::Here(text)) => {
                let page = notice(StatusCode::BAD_REQUEST, "This sign-in cannot go on", &text);
                return Err(Fault::Answered(Box::new(page)));
            }
            Err(Refusal::Back(to, fault)) => {
                let fields = [
                    ("error", fault.error.to_owned()),
                    ("error_description", fault.description),
                ];
                let response = answer(&tenancy, &to, fields.into());
                return Err(Fault::Answered(Box::new(response)));
            }
        };
        Ok(Self {
            query: params.to_query(),
            service,
            tenancy,
            request,
            headers,
            peer,
        })
    }

    /// Where a form of this flow goes.
    pub(super) fn action(&self, to: &str) -> String {
        format!("{}?{}", self.tenancy.path(to), self.query)
    }

    async fn session(&self) -> Result<Option<Session>, StoreError> {
        let Some(cookie) = cookies::session(&self.headers) else {
            return Ok(None);
        };
        let now = self.service.clock.now();
        let find = move |tx: &mut dyn Read| sessions::current(tx, &cookie, now);
        let session = self.service.read(find).await?;
        Ok(session.filter(|session| self.request.accepts(session, now)))
    }

    /// Lets somebody in who is signed in already.
    async fn by_session(&self, session: Session) -> Result<Option<Response>, StoreError> {
        let (request, address) = (self.request.clone(), self.peer.0);
        let now = self.service.clock.now();
        let code = self
            .service
            .write(move |tx| {
                let Some(user) = people::in_good_standing(tx, session.user)? else {
                    return Ok(None);
                };
                let (who, app) = (people::name(&user), &request.app.name);
                trail::signed_in(tx, now, &who, app, address, "session")?;
                grants::code(tx, &request, Authenticated::from(&session), now).map(Some)
            })
            .await?;
        Ok(code.map(|code| self.send_code(&code)))
    }

    /// Lets somebody in whose password of this generation was right; `None` if it is another by now.
    pub(super) async fn complete(
        &self,
        user: ObjectId,
        generation: u64,
        upgrade: Option<Argon2Hash>,
        is_own: bool,
    ) -> Result<Option<Response>, StoreError> {
        let (request, address) = (self.request.clone(), self.peer.0);
        let (service, now) = (Arc::clone(&self.service), self.service.clock.now());
        let done = self
            .service
            .write(move |tx| {
                let accepted = verify::accept(tx, &service, user, generation, upgrade, address)?;
                let Some(user) = accepted else {
                    return Ok(None);
                };
                let (who, app) = (people::name(&user), &request.app.name);
                trail::signed_in(tx, now, &who, app, address, "password")?;
                let session = match is_own {
                    true => Some(sessions::start(tx, user.id, now)?),
                    false => None,
                };
                let who = Authenticated {
                    user: user.id,
                    at: now.as_millis(),
                    session: session.as_ref().map(|(_, session)| session.hash.clone()),
                };
                let code = grants::code(tx, &request, who, now)?;
                Ok(Some((code, session.map(|(cookie, _)| cookie))))
            })
            .await?;
        Ok(done.map(|(code, session)| {
            trail::count(trail::SIGNED_IN);
            let cookie = session.as_ref().and_then(cookies::set_session);
            with_cookies(self.send_code(&code), [cookie])
        }))
    }

    fn send_code(&self, code: &Secret<String>) -> Response {
        let fields = vec![("code", code.expose().clone())];
        answer(&self.tenancy, &self.request.return_to, fields)
    }

    fn refuse(&self, error: &str, description: &str) -> Response {
        let fields = vec![
            ("error", error.to_owned()),
            ("error_description", description.to_owned()),
        ];
        answer(&self.tenancy, &self.request.return_to, fields)
    }

    fn sign_in_page(&self, status: StatusCode, user: &str, message: Option<&str>) -> Response {
        let flow = cookies::flow(&self.headers);
        let sign_in = SignIn {
            app: &self.request.app.name,
            action: &self.action("login"),
            flow: &flow,
            user,
            message,
        };
        with_cookies(page(status, &sign_in), [cookies::set_flow(&flow)])
    }

    fn too_many(&self, user: &str, until: Timestamp) -> Response {
        let wait = until.as_millis() - self.service.clock.now().as_millis();
        let seconds = (wait.max(0) / 1_000) + 1;
        let text = format!("Too many wrong passwords. Try again in {seconds} seconds.");
        let mut response = self.sign_in_page(StatusCode::TOO_MANY_REQUESTS, user, Some(&text));
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

/// Sends the browser back to the application, with what it asked for or why not.
pub(super) fn answer(
    tenancy: &Tenancy,
    to: &ReturnTo,
    mut fields: Vec<(&'static str, String)>,
) -> Response {
    fields.extend(to.state.clone().map(|state| ("state", state)));
    fields.push(("iss", tenancy.issuer.issuer.clone()));
    match to.mode {
        ResponseMode::Query => {
            let mut url = to.redirect_uri.clone();
            url.query_pairs_mut().extend_pairs(&fields);
            let Ok(mut location) = HeaderValue::from_str(url.as_str()) else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            location.set_sensitive(true);
            let headers = [
                (header::LOCATION, location),
                (
                    header::REFERRER_POLICY,
                    HeaderValue::from_static("no-referrer"),
                ),
            ];
            (StatusCode::SEE_OTHER, no_store(), headers).into_response()
        }
        ResponseMode::FormPost => {
            let send = Send {
                action: to.redirect_uri.as_str(),
                fields: &fields,
                script: SEND,
            };
            page::page(StatusCode::OK, &send)
        }
    }
}
