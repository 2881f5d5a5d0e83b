//! The agent's side of the channel to the service: outbound HTTPS requests, each signed for.
//!
//! Start at [`Channel`]. A request is tried once by [`Channel::post`]; [`Channel::deliver`] tries again for
//! as long as the service cannot be reached. Every request is safe to repeat.

mod backoff;
mod enroll;
mod error;
mod record;
mod tls;

pub use backoff::Backoff;
pub use enroll::{Joined, enroll, fetch_ca};
pub use error::ChannelError;
pub(crate) use error::chain;
pub use record::Recorder;
pub use tls::Trust;

use crate::state::{AgentKey, Enrollment};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lockstep_api::channel::assertion::{Claims, LIFETIME};
use lockstep_api::channel::{Instruction, REMOVED, SUPERSEDED};
use lockstep_api::problem::Problem;
use lockstep_model::ids::{AgentId, TenantId};
use reqwest::{Method, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::RwLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

/// How long the service may hold a request for an instruction.
pub const LONG_POLL: Duration = Duration::from_secs(50);
/// Bodies above this size are compressed.
const COMPRESS_ABOVE: usize = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// A clock that is off by less is right: assertions live for a minute.
const TOLERATED_SECONDS: i64 = 5;

/// The channel of an enrolled agent.
#[derive(Debug)]
pub struct Channel {
    http: reqwest::Client,
    base: Url,
    agent: AgentId,
    tenant: TenantId,
    key: RwLock<AgentKey>,
    /// The service's clock minus ours, in seconds.
    clock_offset: AtomicI64,
    recorder: Option<Recorder>,
    /// Tells the service that this agent has been started anew.
    run: String,
}

impl Channel {
    /// Opens the channel of an enrolled agent. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Address`] or [`ChannelError::Certificate`] when what was stored cannot be used.
    pub fn new(
        enrollment: &Enrollment,
        key: AgentKey,
        trust: &Trust,
        recorder: Option<Recorder>,
    ) -> Result<Self, ChannelError> {
        Ok(Self {
            http: http_client(trust, enrollment.proxy.as_deref())?,
            base: base_url(&enrollment.service)?,
            agent: enrollment.agent,
            tenant: enrollment.tenant,
            key: RwLock::new(key),
            clock_offset: AtomicI64::new(0),
            recorder,
            run: random_text(),
        })
    }

    /// Where the service answers.
    #[must_use]
    pub fn service(&self) -> &str {
        self.base.as_str()
    }

    /// Signs with another key from now on.
    pub fn use_key(&self, key: AgentKey) {
        match self.key.write() {
            Ok(mut current) => *current = key,
            Err(poisoned) => *poisoned.into_inner() = key,
        }
    }

    /// How far the service's clock is ahead of ours, in seconds, as far as we had to learn it.
    #[must_use]
    pub fn clock_offset(&self) -> i64 {
        self.clock_offset.load(Ordering::Relaxed)
    }

    /// Waits for an instruction for as long as the service holds the request.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub async fn instruction(&self, wait: Duration) -> Result<Option<Instruction>, ChannelError> {
        let query = format!("wait={}&run={}", wait.as_secs(), self.run);
        let timeout = wait + Duration::from_secs(10);
        let request = Request {
            method: Method::GET,
            path: "/agent/v1/instructions",
            query: Some(&query),
            body: Bytes::new(),
            timeout,
        };
        let response = self.send(&request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        self.read(response).await.map(Some)
    }

    /// Sends a body and reads the answer; one try.
    ///
    /// # Errors
    ///
    /// See [`ChannelError`].
    pub async fn post<B, A>(&self, path: &str, body: &B) -> Result<A, ChannelError>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let request = Request::post(path, body)?;
        self.record(&request);
        let response = self.send(&request).await?;
        self.read(response).await
    }

    /// Sends a body for as long as it takes to reach the service.
    ///
    /// # Errors
    ///
    /// All of [`ChannelError`] but [`ChannelError::Lost`] and [`ChannelError::ProxyRefused`].
    pub async fn deliver<B, A>(&self, path: &str, body: &B) -> Result<A, ChannelError>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        self.persist(Request::post(path, body)?).await
    }

    /// The same for the requests of an instruction, which are counted, with those that are `open`: a copy of one
    /// that arrives after its answer is not carried out any more.
    ///
    /// # Errors
    ///
    /// All of [`ChannelError`] but [`ChannelError::Lost`].
    pub async fn deliver_numbered<B, A>(
        &self,
        path: &str,
        number: u64,
        open: &[u64],
        body: &B,
    ) -> Result<A, ChannelError>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let mut query = format!("request={number}");
        if !open.is_empty() {
            let open: Vec<String> = open.iter().map(u64::to_string).collect();
            query = format!("{query}&open={}", open.join(","));
        }
        let mut request = Request::post(path, body)?;
        request.query = Some(&query);
        self.persist(request).await
    }

    async fn persist<A: DeserializeOwned>(&self, request: Request<'_>) -> Result<A, ChannelError> {
        self.record(&request);
        let mut backoff = Backoff::default();
        loop {
            let answer = match self.send(&request).await {
                Ok(response) => self.read(response).await,
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if error.is_passing() => {
                    let (path, reason) = (request.path, error.chain());
                    tracing::warn!(path, reason, "the service was not reached; trying again");
                    backoff.pause().await;
                }
                answer => return answer,
            }
        }
    }

    /// Sends a request; when the clock turns out to be wrong, once more with the service's time.
    async fn send(&self, request: &Request<'_>) -> Result<Response, ChannelError> {
        let response = self.send_once(request).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.learn_time(&response) {
            let response = self.send_once(request).await?;
            return self.accepted(response).await;
        }
        self.accepted(response).await
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Response, ChannelError> {
        let mut url = self.url(request.path)?;
        url.set_query(request.query);
        let assertion = self.assertion(request.method.as_str(), request.path)?;
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .bearer_auth(assertion)
            .timeout(request.timeout);
        if request.method == Method::POST {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
            builder = with_body(builder, &request.body)?;
        }
        builder.send().await.map_err(|source| self.lost(source))
    }

    fn url(&self, path: &str) -> Result<Url, ChannelError> {
        join(&self.base, path)
    }

    /// Passes on what was answered with success.
    async fn accepted(&self, response: Response) -> Result<Response, ChannelError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem = problem_of(response).await;
        Err(match status {
            StatusCode::CONFLICT if problem.code == SUPERSEDED => ChannelError::Superseded,
            StatusCode::UNAUTHORIZED if problem.code == REMOVED => ChannelError::Removed {
                problem: problem.into(),
            },
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => self.unwell(problem),
            status if status.is_server_error() => self.unwell(problem),
            _ => ChannelError::Refused {
                problem: problem.into(),
            },
        })
    }

    async fn read<A: DeserializeOwned>(&self, response: Response) -> Result<A, ChannelError> {
        let bytes = response.bytes().await.map_err(|source| self.lost(source))?;
        serde_json::from_slice(&bytes).map_err(|source| ChannelError::Answer { source })
    }

    fn lost(&self, source: reqwest::Error) -> ChannelError {
        ChannelError::lost(&self.base, source)
    }

    fn unwell(&self, problem: Problem) -> ChannelError {
        ChannelError::Lost {
            service: self.base.to_string(),
            source: format!("{} {}", problem.status, problem.title).into(),
        }
    }

    /// Takes the service's time from its refusal; tells whether that changes anything.
    fn learn_time(&self, response: &Response) -> bool {
        let theirs = response
            .headers()
            .get(header::DATE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| httpdate::parse_http_date(text).ok())
            .map(seconds);
        let Some(theirs) = theirs else { return false };
        let offset = theirs - seconds(SystemTime::now());
        if (offset - self.clock_offset()).abs() < TOLERATED_SECONDS {
            return false;
        }
        tracing::warn!(
            seconds = offset,
            "this machine's clock differs from the service's; the service's is used"
        );
        self.clock_offset.store(offset, Ordering::Relaxed);
        true
    }

    /// Proves for one request who sends it.
    fn assertion(&self, method: &str, path: &str) -> Result<String, ChannelError> {
        let now = seconds(SystemTime::now()) + self.clock_offset();
        let claims = Claims {
            iss: self.agent.to_string(),
            aud: self.tenant.to_string(),
            iat: now,
            exp: now + LIFETIME,
            htm: method.to_owned(),
            htu: path.to_owned(),
        };
        let key = match self.key.read() {
            Ok(key) => EncodingKey::from_ed_der(key.pkcs8().expose()),
            Err(poisoned) => EncodingKey::from_ed_der(poisoned.into_inner().pkcs8().expose()),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key)
            .map_err(|source| ChannelError::Sign { source })
    }

    fn record(&self, request: &Request<'_>) {
        if let Some(recorder) = &self.recorder {
            recorder.request(request.method.as_str(), request.path, &request.body);
        }
    }
}

/// A request before it is signed for.
struct Request<'a> {
    method: Method,
    path: &'a str,
    query: Option<&'a str>,
    body: Bytes,
    timeout: Duration,
}

impl<'a> Request<'a> {
    fn post<B: Serialize>(path: &'a str, body: &B) -> Result<Self, ChannelError> {
        let body = serde_json::to_vec(body).map_err(|source| ChannelError::Body { source })?;
        Ok(Self {
            method: Method::POST,
            path,
            query: None,
            body: body.into(),
            timeout: REQUEST_TIMEOUT,
        })
    }
}

/// Puts a body in, compressed when that is worth it.
fn with_body(
    builder: reqwest::RequestBuilder,
    body: &Bytes,
) -> Result<reqwest::RequestBuilder, ChannelError> {
    if body.len() <= COMPRESS_ABOVE {
        return Ok(builder.body(body.clone()));
    }
    let compressed =
        zstd::bulk::compress(body, 1).map_err(|source| ChannelError::Compress { source })?;
    Ok(builder
        .header(header::CONTENT_ENCODING, "zstd")
        .body(compressed))
}

/// What a refusal says, or at least its status.
async fn problem_of(response: Response) -> Problem {
    let status = response.status();
    let bytes = response.bytes().await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        let title = format!("the service answered {status}");
        Problem::new(status.as_u16(), "UnexpectedAnswer", title)
    })
}

fn http_client(trust: &Trust, proxy: Option<&str>) -> Result<reqwest::Client, ChannelError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(trust)?)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("lockstep-agent/", env!("CARGO_PKG_VERSION")));
    if let Some(url) = proxy {
        let proxy = reqwest::Proxy::all(url).map_err(|_| ChannelError::Proxy {
            received: url.to_owned(),
        })?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()));
    }
    builder.build().map_err(|source| ChannelError::Lost {
        service: String::new(),
        source: Box::new(source),
    })
}

/// A text that nobody else has; where there is no randomness, one that says nothing.
fn random_text() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        Err(_) => String::new(),
    }
}

fn base_url(text: &str) -> Result<Url, ChannelError> {
    let error = || ChannelError::Address {
        received: text.to_owned(),
    };
    let url = Url::parse(text).map_err(|_| error())?;
    if url.scheme() == "https" && url.has_host() {
        Ok(url)
    } else {
        Err(error())
    }
}

/// The address of a path below the service's, which may itself have one.
fn join(base: &Url, path: &str) -> Result<Url, ChannelError> {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}{path}"));
    Ok(url)
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
