//! A person who is signed in on this machine: tokens in a file that only its owner may read.
//!
//! Refresh tokens are good once, so whoever takes one holds the file's lock until the next one is written; two
//! commands at once do not end each other.

use crate::failure::Failure;
use lockstep_api::signin::{Discovery, TokenError, Tokens};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token that ends within this time is taken for ended.
const MARGIN: Duration = Duration::from_secs(60);

/// Where somebody is signed in, and with what.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login {
    /// The service.
    pub(crate) url: String,
    /// Its CA, if it is no public one.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where refresh tokens are taken.
    token_endpoint: String,
    /// Where they are given back.
    revocation_endpoint: String,
    /// As whom this program asks.
    client_id: String,
    access_token: String,
    refresh_token: String,
    /// When the access token ends, in seconds since 1970.
    ends: u64,
}

impl Login {
    /// Takes tokens that were just given.
    pub(crate) fn new(
        url: String,
        ca_file: Option<PathBuf>,
        discovery: Discovery,
        client_id: String,
        tokens: Tokens,
    ) -> Result<Self, Failure> {
        let mut login = Self {
            url,
            ca_file,
            token_endpoint: discovery.token_endpoint,
            revocation_endpoint: discovery.revocation_endpoint,
            client_id,
            access_token: String::new(),
            refresh_token: String::new(),
            ends: 0,
        };
        login.take(tokens)?;
        Ok(login)
    }

    /// Who is signed in on this machine, if anybody.
    pub(crate) fn read() -> Result<Option<Self>, Failure> {
        // Where there is no home, nobody has signed in.
        let Ok(path) = path() else { return Ok(None) };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|_| {
            Failure::new(format!("{} was not understood", path.display()))
                .remedy("sign in again with `lockstep login`")
        })
    }

    /// Keeps it.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let path = path()?;
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| failed("make", dir, &error))?;
        let text = serde_json::to_vec(self).map_err(|error| Failure::of(&error))?;
        let beside = path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &path));
        written.map_err(|error| failed("write", &path, &error))
    }

    /// Forgets it, here and at the service. The file goes even if the service does not answer.
    pub(crate) async fn forget(self, http: &reqwest::Client) -> Result<(), Failure> {
        let path = path()?;
        fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
        let pairs = [
            ("client_id", self.client_id.as_str()),
            ("token", &self.refresh_token),
        ];
        let response = send(http, &self.revocation_endpoint, &pairs).await;
        let given_back = response.is_ok_and(|response| response.status() == StatusCode::OK);
        given_back.then_some(()).ok_or_else(|| {
            Failure::new("signed out here, but the service did not answer").remedy(
                "what was given to this machine ends within two weeks, or by a reset of the password",
            )
        })
    }

    /// An access token that is good, for which the refresh token is taken if need be.
    pub(crate) async fn access_token(&self, http: &reqwest::Client) -> Result<String, Failure> {
        if self.is_good() {
            return Ok(self.access_token.clone());
        }
        let _lock = lock()?;
        // Another command may have been faster.
        let mut current = Self::read()?.unwrap_or_else(|| self.clone());
        if !current.is_good() {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", &current.client_id),
                ("refresh_token", &current.refresh_token),
            ];
            let tokens = ask(http, &current.token_endpoint, &form).await;
            let tokens =
                tokens.map_err(|failure| failure.remedy("sign in again with `lockstep login`"))?;
            current.take(tokens)?;
            current.write()?;
        }
        Ok(current.access_token)
    }

    fn is_good(&self) -> bool {
        now() + MARGIN.as_secs() < self.ends
    }

    fn take(&mut self, tokens: Tokens) -> Result<(), Failure> {
        self.refresh_token = tokens
            .refresh_token
            .ok_or_else(|| Failure::new("the service gave no refresh token"))?;
        self.access_token = tokens.access_token;
        self.ends = now() + u64::try_from(tokens.expires_in).unwrap_or(0);
        Ok(())
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Asks a token endpoint.
pub(crate) async fn ask(
    http: &reqwest::Client,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<Tokens, Failure> {
    let lost = |error: reqwest::Error| Failure::of(&error.without_url());
    let response = send(http, endpoint, form).await.map_err(lost)?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(lost)?;
    if status == StatusCode::OK {
        return serde_json::from_slice(&bytes).map_err(|error| Failure::of(&error));
    }
    Err(match serde_json::from_slice::<TokenError>(&bytes) {
        Ok(error) => Failure::new(format!("not signed in: {}", error.error_description)),
        Err(_) => Failure::new(format!("not signed in: the service answered {status}")),
    })
}

async fn send(
    http: &reqwest::Client,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<reqwest::Response, reqwest::Error> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = http
        .post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await
}

fn path() -> Result<PathBuf, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let base = base.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    let base = base.ok_or_else(|| Failure::new("neither HOME nor XDG_CONFIG_HOME is set"))?;
    Ok(base.join("lockstep").join("login.json"))
}

fn lock() -> Result<File, Failure> {
    let path = path()?.with_extension("lock");
    let file = File::create(&path).map_err(|error| failed("open", &path, &error))?;
    file.lock().map_err(|error| failed("lock", &path, &error))?;
    Ok(file)
}

fn failed(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("could not {action} {}: {error}", path.display()))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
