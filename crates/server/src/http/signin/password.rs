//! The page on which a user chooses a new password, because the present one has to be changed.

use super::authorize::Flow;
use super::fault::{Fault, notice};
use super::page::{NewPassword, page, with_cookies};
use super::{Peer, Shared, Tenancy, cookies};
use crate::credentials;
use crate::sealing::Purpose;
use crate::signin::request::Params;
use crate::signin::{people, trail};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::Object;
use lockstep_directory::credential::{Argon2Hash, Checked, Verifier, Weakness, accept_new};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// How long the page may be open.
const PATIENCE: Duration = Duration::from_secs(900);
/// What tickets are sealed for.
const PLACE: &[u8] = b"new password";

/// Says that somebody typed the present password of a user, and when.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Ticket {
    user: ObjectId,
    generation: u64,
    at: Timestamp,
}

impl Ticket {
    fn seal(self, flow: &Flow) -> String {
        let mut text = self.user.guid().as_bytes().to_vec();
        text.extend(self.generation.to_be_bytes());
        text.extend(self.at.as_millis().to_be_bytes());
        let sealer = &flow.service.sealer;
        URL_SAFE_NO_PAD.encode(sealer.seal(Purpose::Page, PLACE, &Secret::new(text)))
    }

    fn open(flow: &Flow, text: &str) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let sealer = &flow.service.sealer;
        let text = sealer.open_sealed(Purpose::Page, PLACE, &sealed).ok()?;
        let (user, rest) = text.expose().split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let (at, _) = rest.split_first_chunk::<8>()?;
        let at = Timestamp::from_millis(i64::from_be_bytes(*at));
        let is_current = at.plus(PATIENCE) > flow.service.clock.now();
        is_current.then(|| Self {
            user: ObjectId::new(Guid::from_bytes(*user)),
            generation: u64::from_be_bytes(*generation),
            at,
        })
    }
}

/// Asks for a new password.
pub(super) fn ask(flow: &Flow, user: &Object, generation: u64) -> Response {
    let ticket = Ticket {
        user: user.id,
        generation,
        at: flow.service.clock.now(),
    };
    show(flow, user, ticket, None)
}

fn show(flow: &Flow, user: &Object, ticket: Ticket, message: Option<&str>) -> Response {
    let of_browser = cookies::flow(&flow.headers);
    let new_password = NewPassword {
        app: &flow.request.app.name,
        action: &flow.action("password"),
        flow: &of_browser,
        ticket: &ticket.seal(flow),
        user: &people::name(user),
        synced: user.mastery.is_some(),
        shortest: Weakness::SHORTEST,
        message,
    };
    let page = page(StatusCode::OK, &new_password);
    with_cookies(page, [cookies::set_flow(&of_browser)])
}

pub(super) async fn change(
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
    let Some(ticket) = Ticket::open(&flow, form.get("ticket").unwrap_or_default()) else {
        return Ok(expired());
    };
    let Some((user, present)) = known(&flow, ticket).await? else {
        return Ok(expired());
    };
    let typed = |name: &str| Secret::new(form.get(name).unwrap_or_default().to_owned());
    let (new, again) = (typed("new_password"), typed("new_password_again"));
    if new.expose() != again.expose() {
        let text = "The two new passwords are not the same.";
        return Ok(show(&flow, &user, ticket, Some(text)));
    }
    let is_present = || flow.service.sign_in.check(Some(present), new.clone());
    let weakness = match accept_new(&new, &people::name(&user)) {
        Err(weakness) => Some(weakness),
        Ok(()) if matches!(is_present().await?, Checked::Right { .. }) => Some(Weakness::Same),
        Ok(()) => None,
    };
    if let Some(weakness) = weakness {
        let text = sentence(&weakness.to_string());
        return Ok(show(&flow, &user, ticket, Some(&text)));
    }
    let verifier = flow.service.sign_in.hash(new).await?;
    let is_own = cookies::is_flow(&flow.headers, form.get("flow"));
    match set(&flow, ticket, verifier).await? {
        // What was set is the next generation of it.
        true => {
            let done = flow
                .complete(ticket.user, ticket.generation + 1, None, is_own)
                .await?;
            Ok(done.unwrap_or_else(expired))
        }
        false => Ok(expired()),
    }
}

/// The user of a ticket and the present password, if that is still the one of the ticket.
async fn known(flow: &Flow, ticket: Ticket) -> Result<Option<(Object, Verifier)>, StoreError> {
    let sealer = Arc::clone(&flow.service.sealer);
    flow.service
        .read(move |tx| {
            let held = credentials::held(tx, &sealer, ticket.user)?;
            let held = held.filter(|held| held.generation == ticket.generation);
            let user = people::in_good_standing(tx, ticket.user)?;
            Ok(user.zip(held.map(|held| held.credential.verifier)))
        })
        .await
}

/// Sets the password, if the present one is still the one of the ticket.
async fn set(flow: &Flow, ticket: Ticket, verifier: Argon2Hash) -> Result<bool, StoreError> {
    let (sealer, now) = (Arc::clone(&flow.service.sealer), flow.service.clock.now());
    flow.service
        .write(move |tx| {
            let Some(user) = people::in_good_standing(tx, ticket.user)? else {
                return Ok(false);
            };
            let held = credentials::held(tx, &sealer, ticket.user)?;
            if held.is_none_or(|held| held.generation != ticket.generation) {
                return Ok(false);
            }
            credentials::set_cloud_password(tx, &sealer, ticket.user, verifier, false, now)?;
            trail::password_changed(tx, now, &people::name(&user), &people::name(&user))?;
            Ok(true)
        })
        .await
}

fn expired() -> Response {
    let text = "This page was open for too long, or your password was changed meanwhile. Go back to the \
                application and sign in again.";
    notice(StatusCode::BAD_REQUEST, "Start again", text)
}

/// A message as a sentence for people.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
