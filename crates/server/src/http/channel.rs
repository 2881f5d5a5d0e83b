//! The agents' channel, `/agent/v1`: see [`lockstep_api::channel`].

mod assertion;
mod body;

use crate::agents::{self, Sender};
use crate::failure::Failure;
use crate::service::Service;
use assertion::Caller;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use body::Body;
use lockstep_api::channel::{
    Accounts, AccountsAnswer, Ack, Alive, Begin, BeginAnswer, ChangeNotice, Credentials,
    EnrollAnswer, EnrollRequest, Finish, KeyRotation, Objects, Offer, OfferAnswer,
    PROTOCOL_VERSIONS, PageAnswer, PageEnd, ReplicationAnswer, ReplicationBegin, ReplicationEnd,
    ReplicationOpening, SessionAnswer, SessionRequest, Stamps, StampsAnswer, Watch,
};
use lockstep_api::problem::Problem;
use lockstep_model::codes;
use lockstep_model::ids::AgentId;
use lockstep_store::records::job::Configuration;
use lockstep_store::records::service::{Agent, EnrollmentTokenRow};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use serde::Deserialize;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// The longest that an agent may ask to wait, in seconds: proxies cut idle requests after a minute.
const LONGEST_WAIT: u64 = 55;

type Shared = State<Arc<Service>>;

/// The routes of the channel.
pub fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/agent/v1/ca", get(ca))
        .route("/agent/v1/enroll", post(enroll))
        .route("/agent/v1/session", post(session))
        .route("/agent/v1/instructions", get(next_instruction))
        .route("/agent/v1/instructions/{id}/begin", post(begin))
        .route("/agent/v1/instructions/{id}/offer", post(offer))
        .route("/agent/v1/instructions/{id}/objects", post(objects))
        .route("/agent/v1/instructions/{id}/page", post(page))
        .route("/agent/v1/instructions/{id}/replication", post(replication))
        .route("/agent/v1/instructions/{id}/accounts", post(accounts))
        .route("/agent/v1/instructions/{id}/stamps", post(stamps))
        .route("/agent/v1/instructions/{id}/credentials", post(credentials))
        .route("/agent/v1/instructions/{id}/replicated", post(replicated))
        .route("/agent/v1/instructions/{id}/alive", post(alive))
        .route("/agent/v1/instructions/{id}/finish", post(finish))
        .route("/agent/v1/changes", post(changes))
        .route("/agent/v1/key", post(key))
}

async fn ca(State(service): Shared) -> Result<Response, Failure> {
    let ca = service.ca.as_ref().ok_or_else(|| {
        Problem::new(
            404,
            "NoOwnCa",
            "the service's certificate is of a public authority",
        )
    })?;
    Ok((
        [(header::CONTENT_TYPE, "application/x-pem-file")],
        ca.pem.clone(),
    )
        .into_response())
}

/// Which version both sides speak.
fn negotiate(offered: &[u16]) -> Result<u16, Problem> {
    PROTOCOL_VERSIONS.iter().copied().find(|version| offered.contains(version)).ok_or_else(|| {
        let title = format!(
            "the agent speaks versions {offered:?} of the channel, this service {PROTOCOL_VERSIONS:?}"
        );
        Problem::new(426, "ProtocolVersion", title).remedy("install an agent of the service's version")
    })
}

async fn enroll(
    State(service): Shared,
    Body(request): Body<EnrollRequest>,
) -> Result<Json<EnrollAnswer>, Failure> {
    let protocol = negotiate(&request.protocol)?;
    assertion::public_key(&request.public_key)?;
    let now = service.clock.now();
    let tenant = service.tenant;
    let hash = super::admin::token_hash(&request.secret);
    let agent = Agent {
        id: AgentId::new(crate::ids::random_guid()),
        name: request.name.clone(),
        version: request.version.clone(),
        public_key: request.public_key.clone(),
        domains: Vec::new(),
        enrolled: now.as_millis(),
        seen: now.as_millis(),
    };
    let id = agent.id;
    let refused = service
        .write(move |tx| {
            let Some(mut token) = tx.fetch_one::<EnrollmentTokenRow>(&hash)? else {
                return Ok(Some((
                    "TokenUnknown",
                    "the enrolment token is none of this service's",
                )));
            };
            if token.used_by.is_some() {
                return Ok(Some((
                    "TokenUsed",
                    "the enrolment token has been used already",
                )));
            }
            if token.expires < now.as_millis() {
                return Ok(Some(("TokenExpired", "the enrolment token has expired")));
            }
            token.used_by = Some(agent.id);
            tx.store(&[token])?;
            tx.store(&[agent])?;
            Ok(None)
        })
        .await?;
    if let Some((code, title)) = refused {
        let problem = Problem::new(403, code, title)
            .remedy("make a new one with `lockstep agent token`, at the service that it is for");
        return Err(problem.into());
    }
    tracing::info!(agent = %id, name = request.name, "agent enrolled");
    Ok(Json(EnrollAnswer {
        protocol,
        agent: id,
        tenant,
    }))
}

async fn session(
    State(service): Shared,
    caller: Caller,
    Body(request): Body<SessionRequest>,
) -> Result<Json<SessionAnswer>, Failure> {
    let protocol = negotiate(&request.protocol)?;
    let now = service.clock.now();
    let domains: Vec<String> = request
        .domains
        .iter()
        .map(|status| status.domain.to_lowercase())
        .collect();
    for status in request
        .domains
        .iter()
        .filter(|status| status.error.is_some())
    {
        tracing::warn!(
            domain = status.domain,
            error = status.error,
            "the agent reports a problem"
        );
    }
    let watched = service
        .write(move |tx| {
            let Some(mut agent) = tx.fetch_one::<Agent>(&caller.agent)? else {
                return Ok(vec![]);
            };
            agent.version = request.version;
            agent.domains.clone_from(&domains);
            agent.seen = now.as_millis();
            tx.store(&[agent])?;
            watched(tx, domains)
        })
        .await?;
    let watch = watched.into_iter().map(|domain| Watch { domain }).collect();
    Ok(Json(SessionAnswer { protocol, watch }))
}

/// Of these domains, those with a configuration that wants to know of changes at once.
fn watched(tx: &mut dyn Write, domains: Vec<String>) -> Result<Vec<String>, StoreError> {
    let mut watched = Vec::new();
    for domain in domains {
        let prefix = Key::empty().with(domain.as_str());
        let scan = Scan::along(Configuration::BY_DOMAIN, prefix, usize::MAX);
        let wanted = tx
            .list::<Configuration>(&scan)?
            .iter()
            .any(|configuration| {
                crate::configuration::spec_of(configuration)
                    .schedule
                    .on_change
            });
        watched.extend(wanted.then_some(domain));
    }
    Ok(watched)
}

#[derive(Deserialize)]
struct WaitQuery {
    #[serde(default)]
    wait: u64,
    /// Another one whenever the agent has been started anew.
    #[serde(default)]
    run: String,
}

/// The long poll.
async fn next_instruction(
    State(service): Shared,
    caller: Caller,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Failure> {
    let limit = Duration::from_secs(query.wait.min(LONGEST_WAIT));
    let begun = Instant::now();
    agents::forsake(&service, caller.agent, &query.run).await?;
    let mut listener = service.instructions.listen();
    loop {
        let taken = agents::next_instruction(&service, caller.agent, &query.run).await?;
        if let Some(body) = taken {
            return Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response());
        }
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        listener.wait(left.min(Duration::from_secs(5))).await;
    }
}

/// Which of the requests of an instruction this is.
#[derive(Deserialize)]
struct Numbered {
    #[serde(default)]
    request: u64,
    #[serde(default)]
    open: String,
}

fn sender(caller: Caller, id: &str, numbered: &Numbered) -> Result<Sender, Problem> {
    let open = numbered
        .open
        .split_terminator(',')
        .map(str::parse)
        .collect();
    let bad = |_| {
        let title = format!("open={:?} names no requests", numbered.open);
        Problem::new(400, "BadRequest", title).detail("expected numbers with commas, as 7,9")
    };
    Ok(Sender {
        agent: caller.agent,
        instruction: id.parse().map_err(|_| agents::superseded())?,
        number: numbered.request,
        open: Result::map_err(open, bad)?,
    })
}

async fn begin(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Begin>,
) -> Result<Json<BeginAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::begin(&service, sender, body).await?))
}

async fn offer(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Offer>,
) -> Result<Json<OfferAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::offer(&service, sender, body).await?))
}

async fn objects(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Objects>,
) -> Result<Json<Ack>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::objects(&service, sender, body).await?))
}

async fn page(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<PageEnd>,
) -> Result<Json<PageAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::page(&service, sender, body).await?))
}

async fn replication(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<ReplicationBegin>,
) -> Result<Json<ReplicationOpening>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::replication(&service, sender, body).await?))
}

async fn accounts(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Accounts>,
) -> Result<Json<AccountsAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::accounts(&service, sender, body).await?))
}

async fn stamps(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Stamps>,
) -> Result<Json<StampsAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::stamps(&service, sender, body).await?))
}

async fn credentials(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Credentials>,
) -> Result<Json<Ack>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::credentials(&service, sender, body).await?))
}

async fn replicated(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<ReplicationEnd>,
) -> Result<Json<ReplicationAnswer>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::replicated(&service, sender, body).await?))
}

async fn alive(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Alive>,
) -> Result<Json<Ack>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::alive(&service, sender, body).await?))
}

async fn finish(
    State(service): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Query(numbered): Query<Numbered>,
    Body(body): Body<Finish>,
) -> Result<Json<Ack>, Failure> {
    let sender = sender(caller, &id, &numbered)?;
    Ok(Json(agents::finish(&service, sender, body).await?))
}

async fn changes(
    State(service): Shared,
    caller: Caller,
    Body(body): Body<ChangeNotice>,
) -> Result<Json<Ack>, Failure> {
    let domain = body.domain.to_lowercase();
    let serves = service
        .read(move |tx| {
            Ok(tx
                .fetch_one::<Agent>(&caller.agent)?
                .map(|agent| agent.domains))
        })
        .await?;
    if !serves.is_some_and(|domains| domains.contains(&domain)) {
        let title = format!("the agent does not serve the domain {domain}");
        return Err(Problem::new(403, codes::FOREIGN_DOMAIN, title).into());
    }
    service
        .changed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(domain);
    service.jobs.raise();
    Ok(Json(Ack {}))
}

async fn key(
    State(service): Shared,
    caller: Caller,
    Body(body): Body<KeyRotation>,
) -> Result<Json<Ack>, Failure> {
    assertion::public_key(&body.public_key)?;
    service
        .write(move |tx| {
            if let Some(mut agent) = tx.fetch_one::<Agent>(&caller.agent)? {
                agent.public_key = body.public_key;
                tx.store(&[agent])?;
            }
            Ok(())
        })
        .await?;
    tracing::info!(agent = %caller.agent, "the agent has a new key");
    Ok(Json(Ack {}))
}
