//! The administration API as a client.

use crate::failure::Failure;
use crate::login::Login;
use lockstep_api::problem::Problem;
use reqwest::{Method, Response, StatusCode};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Longer than any request that waits for something.
const TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
const CONNECT: Duration = Duration::from_secs(10);
/// The variable that names a CA to trust.
const CA_FILE: &str = "LOCKSTEP_CA_FILE";

/// Speaks to one service.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    bearer: Bearer,
}

/// With what requests are signed.
#[derive(Debug)]
enum Bearer {
    /// A token of the service's own.
    Token(String),
    /// Somebody who is signed in on this machine.
    Login(Login),
}

impl Client {
    /// Finds the service: by its data folder on this machine, else by the environment, else where somebody is
    /// signed in.
    pub(crate) fn find(data_dir: Option<&Path>) -> Result<Self, Failure> {
        if let Some(dir) = data_dir {
            return Self::by_data_dir(dir);
        }
        if variable("LOCKSTEP_TOKEN").is_none()
            && variable("LOCKSTEP_TOKEN_FILE").is_none()
            && let Some(login) = Login::read()?
            && variable("LOCKSTEP_URL").is_none_or(|url| url.trim_end_matches('/') == login.url)
        {
            let (url, ca) = (login.url.clone(), login.ca_file.clone());
            return Self::new(&url, Bearer::Login(login), trusted(ca.as_deref())?);
        }
        Self::by_environment()
    }

    fn by_data_dir(dir: &Path) -> Result<Self, Failure> {
        let url = read(&dir.join("url")).map_err(|failure| {
            failure
                .remedy("start the service with `lockstep serve --data-dir …`, or name its folder")
        })?;
        let token = read(&dir.join("admin-token"))?;
        // The private CA may be there from a time before the service got a certificate of its own.
        let own = Some(dir.join("tls").join("ca.pem")).filter(|path| path.exists());
        let trusted = [own, variable(CA_FILE).map(PathBuf::from)];
        let mut roots = system_roots();
        for file in trusted.iter().flatten() {
            add_roots(&mut roots, file)?;
        }
        Self::new(url.trim(), Bearer::Token(token.trim().to_owned()), roots)
    }

    fn by_environment() -> Result<Self, Failure> {
        let url = variable("LOCKSTEP_URL").ok_or_else(|| {
            Failure::usage(
                "which service? Give --data-dir DIR, or set LOCKSTEP_URL and LOCKSTEP_TOKEN, or sign in with \
                 `lockstep login`",
            )
        })?;
        let token = match (variable("LOCKSTEP_TOKEN"), variable("LOCKSTEP_TOKEN_FILE")) {
            (Some(token), _) => token,
            (None, Some(file)) => read(Path::new(&file))?,
            (None, None) => {
                return Err(Failure::usage("set LOCKSTEP_TOKEN or LOCKSTEP_TOKEN_FILE"));
            }
        };
        let bearer = Bearer::Token(token.trim().to_owned());
        Self::new(
            &url,
            bearer,
            trusted(variable(CA_FILE).map(PathBuf::from).as_deref())?,
        )
    }

    fn new(url: &str, bearer: Bearer, roots: RootCertStore) -> Result<Self, Failure> {
        let base = Url::parse(url)
            .ok()
            .filter(|url| url.scheme() == "https" && url.has_host())
            .ok_or_else(|| {
                Failure::usage(format!(
                    "expected the service's address as https://HOST:PORT, received `{url}`"
                ))
            })?;
        let http = client_trusting(roots)?;
        Ok(Self { http, base, bearer })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let response = self.send(Method::GET, path, query, None::<&()>).await?;
        answer(response).await
    }

    /// The same, where nothing at the address is an answer too.
    pub(crate) async fn find_at<T: DeserializeOwned>(
        &self,
        path: &[&str],
    ) -> Result<Option<T>, Failure> {
        let request = self.request(Method::GET, path, &[]).await?;
        let response = request.send().await.map_err(|error| self.lost(error))?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer(accepted(response).await?).await.map(Some)
    }

    pub(crate) async fn send_for<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
    ) -> Result<T, Failure> {
        self.send_with(method, path, &[], body).await
    }

    /// The same with a query.
    pub(crate) async fn send_with<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: &B,
    ) -> Result<T, Failure> {
        let response = self.send(method, path, query, Some(body)).await?;
        answer(response).await
    }

    pub(crate) async fn post_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let response = self.send(Method::POST, path, query, None::<&()>).await?;
        answer(response).await
    }

    pub(crate) async fn order_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<(), Failure> {
        let sent = self.send(method, path, query, None::<&()>).await;
        sent.map(|_| ())
    }

    pub(crate) async fn order<B: Serialize>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&B>,
    ) -> Result<(), Failure> {
        self.send(method, path, &[], body).await.map(|_| ())
    }

    /// An address that the service gave: the next page of a set. It is asked for where the service is
    /// known to be, and the token goes nowhere else.
    pub(crate) async fn get_link<T: DeserializeOwned>(&self, link: &str) -> Result<T, Failure> {
        let link = Url::parse(link).map_err(|error| Failure::of(&error))?;
        let mut url = self.base.clone();
        url.set_path(link.path());
        url.set_query(link.query());
        let request = self.http.get(url).bearer_auth(self.token().await?);
        let response = request.send().await.map_err(|error| self.lost(error))?;
        answer(accepted(response).await?).await
    }

    /// What signs a request.
    async fn token(&self) -> Result<String, Failure> {
        match &self.bearer {
            Bearer::Token(token) => Ok(token.clone()),
            Bearer::Login(login) => login.access_token(&self.http).await,
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::usage("the service's address has no paths"))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let token = self.token().await?;
        Ok(self.http.request(method, url).bearer_auth(token))
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&B>,
    ) -> Result<Response, Failure> {
        let mut request = self.request(method, path, query).await?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.lost(error))?;
        accepted(response).await
    }

    fn lost(&self, error: reqwest::Error) -> Failure {
        let mut reason = String::new();
        let error = error.without_url();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = format!(": {cause}");
            source = cause.source();
        }
        Failure::new(format!(
            "could not reach the service at {}{reason}",
            self.base
        ))
        .remedy("see that `lockstep serve` is running")
    }
}

/// An HTTP client that trusts this CA, or those of the system.
pub(crate) fn http_client(ca: Option<&Path>) -> Result<reqwest::Client, Failure> {
    client_trusting(trusted(ca)?)
}

fn client_trusting(roots: RootCertStore) -> Result<reqwest::Client, Failure> {
    let tls = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .connect_timeout(CONNECT)
        .timeout(TIMEOUT)
        .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::of(&error))
}

/// Whoever names a CA trusts that one, and no other.
fn trusted(ca: Option<&Path>) -> Result<RootCertStore, Failure> {
    let Some(file) = ca else {
        return Ok(system_roots());
    };
    let mut roots = RootCertStore::empty();
    add_roots(&mut roots, file)?;
    Ok(roots)
}

/// A setting of the environment that is not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn accepted(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = response.bytes().await.unwrap_or_default();
    if let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) {
        return Err(problem.into());
    }
    let graph: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let message = graph
        .as_ref()
        .and_then(|body| body["error"]["message"].as_str());
    Err(Failure::new(match message {
        Some(message) => message.to_owned(),
        None => format!("the service answered {status}"),
    }))
}

async fn answer<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let bytes = response
        .bytes()
        .await
        .map_err(|error| Failure::of(&error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(format!("the service's answer was not understood: {error}")))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())))
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Adds the certificates of a file in PEM.
fn add_roots(roots: &mut RootCertStore, file: &Path) -> Result<(), Failure> {
    let pem = read(file)?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("{} holds no certificate: {error}", file.display()))
        };
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
        count += 1;
    }
    match count {
        0 => Err(Failure::new(format!(
            "expected certificates in PEM in {}, found none",
            file.display()
        ))),
        _ => Ok(()),
    }
}
