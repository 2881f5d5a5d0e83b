//! `lockstep login` and `lockstep logout`

use super::Context;
use crate::client::http_client;
use crate::failure::Failure;
use crate::login::{Login, ask};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_api::signin::Discovery;
use lockstep_server::signin::apps::COMMAND_LINE;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the browser may take to send its request.
const REQUEST: Duration = Duration::from_secs(10);
const LONGEST_REQUEST: usize = 16 << 10;
const PATH: &str = "/signed-in";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoginArgs {
    /// Where the service is reached
    #[arg(long, value_name = "URL", env = "LOCKSTEP_URL")]
    url: String,
    /// The tenant's id or initial domain
    #[arg(long, value_name = "NAME", default_value = "local.lockstep")]
    tenant: String,
    /// The CA that the service's certificate comes from [default: those of the system]
    #[arg(long, value_name = "FILE", env = "LOCKSTEP_CA_FILE")]
    ca_file: Option<PathBuf>,
}

pub(super) async fn login(args: LoginArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let url = args.url.trim_end_matches('/').to_owned();
    let http = http_client(args.ca_file.as_deref())?;
    let discovery = discover(&http, &url, &args.tenant).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.map_err(|error| Failure::of(&error))?;
    let port = listener
        .local_addr()
        .map_err(|error| Failure::of(&error))?
        .port();
    let wish = Wish {
        redirect_uri: format!("http://127.0.0.1:{port}{PATH}"),
        state: random()?,
        verifier: random()?,
    };
    context.output.say(&format!(
        "Open this address in a browser on this machine, and sign in:\n\n{}\n",
        wish.address(&discovery)?
    ));
    let answer = tokio::time::timeout(PATIENCE, wait(&listener, &wish, &discovery.issuer)).await;
    let code = answer.map_err(|_| Failure::new("nobody signed in"))??;
    let client_id = COMMAND_LINE.to_string();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id.as_str()),
        ("code", &code),
        ("redirect_uri", &wish.redirect_uri),
        ("code_verifier", &wish.verifier),
    ];
    let tokens = ask(&http, &discovery.token_endpoint, &form).await?;
    let ca_file = args.ca_file.map(std::path::absolute).transpose();
    let ca_file = ca_file.map_err(|error| Failure::of(&error))?;
    Login::new(url, ca_file, discovery, client_id, tokens)?.write()?;
    context.output.say("signed in");
    Ok(0)
}

pub(super) async fn logout(context: &Context<'_>) -> Result<u8, Failure> {
    let Some(login) = Login::read()? else {
        context.output.say("nobody was signed in");
        return Ok(0);
    };
    let http = http_client(login.ca_file.as_deref())?;
    login.forget(&http).await?;
    context.output.say("signed out");
    Ok(0)
}

async fn discover(http: &reqwest::Client, url: &str, tenant: &str) -> Result<Discovery, Failure> {
    let address = format!("{url}/{tenant}/v2.0/.well-known/openid-configuration");
    let lost = |error: reqwest::Error| {
        Failure::of(&error.without_url()).remedy(format!(
            "see that the service answers at {url}, and that the tenant is called {tenant}"
        ))
    };
    let response = http.get(&address).send().await.map_err(lost)?;
    let response = response.error_for_status().map_err(lost)?;
    let bytes = response.bytes().await.map_err(lost)?;
    let discovery: Discovery =
        serde_json::from_slice(&bytes).map_err(|error| Failure::of(&error))?;
    // Whoever says to be somebody else is not to be asked (OpenID Connect Discovery 4.3).
    match discovery.issuer == format!("{url}/{tenant}/v2.0") {
        true => Ok(discovery),
        false => Err(
            Failure::new(format!("the service says that it is {}", discovery.issuer))
                .remedy("give its public address with --url"),
        ),
    }
}

/// What one sign-in is known by.
struct Wish {
    redirect_uri: String,
    state: String,
    verifier: String,
}

impl Wish {
    fn address(&self, discovery: &Discovery) -> Result<Url, Failure> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
        let pairs = [
            ("client_id", COMMAND_LINE.to_string()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("response_type", "code".into()),
            ("scope", "openid profile offline_access".into()),
            ("state", self.state.clone()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".into()),
        ];
        Url::parse_with_params(&discovery.authorization_endpoint, pairs)
            .map_err(|error| Failure::of(&error))
    }
}

/// Waits until the browser brings the code. Anything else that comes is answered, and not believed.
async fn wait(listener: &TcpListener, wish: &Wish, issuer: &str) -> Result<String, Failure> {
    loop {
        let (mut stream, _) = listener
            .accept()
            .await
            .map_err(|error| Failure::of(&error))?;
        let read = tokio::time::timeout(REQUEST, request(&mut stream)).await;
        let Ok(Some(target)) = read else { continue };
        let outcome = outcome(&target, wish, issuer);
        let text = match &outcome {
            Some(Ok(_)) => "Signed in. You can close this page.",
            Some(Err(_)) => "Not signed in. The command line says why.",
            None => "There is nothing here.",
        };
        let page =
            format!("<!doctype html><html lang=\"en\"><title>Lockstep</title><p>{text}</p></html>");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        // The browser may be gone already.
        let _ = stream.write_all(answer.as_bytes()).await;
        if let Some(outcome) = outcome {
            return outcome;
        }
    }
}

/// The target of a request, such as `/signed-in?code=…`.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 1_024];
        let length = stream.read(&mut piece).await.ok()?;
        if length == 0 || bytes.len() > LONGEST_REQUEST {
            return None;
        }
        bytes.extend_from_slice(&piece[..length]);
    }
    let text = String::from_utf8(bytes).ok()?;
    let target = text.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.to_owned())
}

/// What a request brings; `None`: it is not the one that is waited for.
fn outcome(target: &str, wish: &Wish, issuer: &str) -> Option<Result<String, Failure>> {
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let is_expected = url.path() == PATH
        && pairs.get("state") == Some(&wish.state)
        && pairs.get("iss").map(String::as_str) == Some(issuer);
    if !is_expected {
        return None;
    }
    Some(pairs.get("code").cloned().ok_or_else(|| {
        let why = pairs.get("error_description").or(pairs.get("error"));
        let why = why.map_or("the service did not say why", String::as_str);
        Failure::new(format!("not signed in: {why}"))
    }))
}

/// 256 random bits, in URL-safe Base64: 43 characters, as PKCE wants them.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_that_is_waited_for_is_believed() {
        let wish = Wish {
            redirect_uri: "http://127.0.0.1:1/signed-in".into(),
            state: "s".into(),
            verifier: "v".into(),
        };
        let read = |target: &str| outcome(target, &wish, "https://i").map(Result::ok);
        let good = "/signed-in?code=c&state=s&iss=https%3A%2F%2Fi";
        assert_eq!(read(good), Some(Some("c".into())));
        for other in [
            "/favicon.ico",
            "/signed-in?code=c&iss=https%3A%2F%2Fi",
            "/signed-in?code=c&state=x&iss=https%3A%2F%2Fi",
            "/signed-in?code=c&state=s",
            "/signed-in?code=c&state=s&iss=https%3A%2F%2Fj",
            "/other?code=c&state=s&iss=https%3A%2F%2Fi",
            "//evil.test/signed-in?code=c&state=x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        let refused = "/signed-in?error=access_denied&state=s&iss=https%3A%2F%2Fi";
        assert_eq!(read(refused), Some(None));
    }
}
