//! The administration API as a client.

use crate::failure::Failure;
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
    token: String,
}

impl Client {
    /// Finds the service: by its data folder on this machine, else by the environment.
    pub(crate) fn find(data_dir: Option<&Path>) -> Result<Self, Failure> {
        match data_dir {
            Some(dir) => Self::by_data_dir(dir),
            None => Self::by_environment(),
        }
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
        Self::new(url.trim(), token.trim(), roots)
    }

    fn by_environment() -> Result<Self, Failure> {
        let url = variable("LOCKSTEP_URL").ok_or_else(|| {
            Failure::usage(
                "which service? Give --data-dir DIR, or set LOCKSTEP_URL and LOCKSTEP_TOKEN",
            )
        })?;
        let token = match (variable("LOCKSTEP_TOKEN"), variable("LOCKSTEP_TOKEN_FILE")) {
            (Some(token), _) => token,
            (None, Some(file)) => read(Path::new(&file))?,
            (None, None) => {
                return Err(Failure::usage("set LOCKSTEP_TOKEN or LOCKSTEP_TOKEN_FILE"));
            }
        };
        // Whoever names a CA trusts that one, and no other.
        let roots = match variable(CA_FILE) {
            Some(file) => {
                let mut roots = RootCertStore::empty();
                add_roots(&mut roots, Path::new(&file))?;
                roots
            }
            None => system_roots(),
        };
        Self::new(&url, token.trim(), roots)
    }

    fn new(url: &str, token: &str, roots: RootCertStore) -> Result<Self, Failure> {
        let base = Url::parse(url)
            .ok()
            .filter(|url| url.scheme() == "https" && url.has_host())
            .ok_or_else(|| {
                Failure::usage(format!(
                    "expected the service's address as https://HOST:PORT, received `{url}`"
                ))
            })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(
                rustls::ClientConfig::builder()
                    .with_root_certificates(roots)
                    .with_no_client_auth(),
            )
            .https_only(true)
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::of(&error))?;
        Ok(Self {
            http,
            base,
            token: token.to_owned(),
        })
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
        let request = self.request(Method::GET, path, &[])?;
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
        let request = self.http.get(url).bearer_auth(&self.token);
        let response = request.send().await.map_err(|error| self.lost(error))?;
        answer(accepted(response).await?).await
    }

    fn request(
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
        Ok(self.http.request(method, url).bearer_auth(&self.token))
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&B>,
    ) -> Result<Response, Failure> {
        let mut request = self.request(method, path, query)?;
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

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
