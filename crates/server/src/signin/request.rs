//! What an application asks the sign-in page for, checked before anything else.
//!
//! Values in, values out. A request whose application or redirect URI is not known is refused on the page
//! and sent nowhere; any other fault goes back to the application as its specification says.

use lockstep_model::Timestamp;
use lockstep_store::records::signin::{App, Session};
use std::collections::BTreeSet;
use std::time::Duration;
use url::Url;
use url::form_urlencoded;
use zeroize::Zeroize as _;

/// Parameters of a request, as they came. Passwords are among them: erased when dropped, and not shown.
#[derive(Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Drop for Params {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl Params {
    /// Reads a query, or a form.
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text);
        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The value of a parameter. One without a value counts as left out (RFC 6749 3.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The same as a query.
    #[must_use]
    pub fn to_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    /// A parameter that occurs twice, which none may (RFC 6749 3.1).
    #[must_use]
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = BTreeSet::new();
        let mut names = self.0.iter().map(|(name, _)| name.as_str());
        names.find(|name| !seen.insert(*name))
    }
}

/// What an application wants to know, and for how long.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Scopes {
    /// Who it is: an ID token.
    pub openid: bool,
    /// Names.
    pub profile: bool,
    /// The mail address.
    pub email: bool,
    /// A refresh token.
    pub offline_access: bool,
}

impl Scopes {
    /// Every scope, by name.
    pub const NAMES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

    /// Reads scopes; unknown ones are left out, as OpenID Connect Core 3.1.2.1 wants.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let has = |name: &str| text.split(' ').any(|scope| scope == name);
        Self {
            openid: has("openid"),
            profile: has("profile"),
            email: has("email"),
            offline_access: has("offline_access"),
        }
    }

    /// Whether all of these are among them.
    #[must_use]
    pub fn include(self, others: Self) -> bool {
        let pairs = self.flags().into_iter().zip(others.flags());
        pairs.into_iter().all(|(own, other)| own || !other)
    }

    const fn flags(self) -> [bool; 4] {
        [self.openid, self.profile, self.email, self.offline_access]
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = Self::NAMES.into_iter().zip(self.flags());
        let given: Vec<&str> = named
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
            .collect();
        f.write_str(&given.join(" "))
    }
}

/// How the code comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseMode {
    /// In the address.
    Query,
    /// In a form that the browser sends.
    FormPost,
}

/// What the application wants the page to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prompt {
    /// As needed.
    AsNeeded,
    /// Not shown, even if that means an error.
    None,
    /// Shown, even if somebody is signed in.
    Always,
}

/// Where an answer goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnTo {
    /// One of the application's redirect URIs.
    pub redirect_uri: Url,
    /// How.
    pub mode: ResponseMode,
    /// What the application wants back.
    pub state: Option<String>,
}

/// A request that can be carried out.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub app: App,
    /// The redirect URI as it came: the token endpoint wants the same text.
    pub redirect_uri: String,
    /// Where the answer goes.
    pub return_to: ReturnTo,
    /// What is asked for.
    pub scopes: Scopes,
    /// The PKCE challenge, of method S256.
    pub challenge: String,
    /// The application's nonce.
    pub nonce: Option<String>,
    /// What the page is to be.
    pub prompt: Prompt,
    /// How old a password may be.
    pub max_age: Option<Duration>,
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
}

/// Why a request is not carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// For the person's eyes: nobody is known to whom it could be sent.
    Here(String),
    /// For the application.
    Back(Box<ReturnTo>, Fault),
}

/// A fault as OAuth names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// A word of the specification.
    pub error: &'static str,
    /// What was the matter.
    pub description: String,
}

impl Fault {
    /// Names a fault.
    #[must_use]
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            error,
            description: description.into(),
        }
    }
}

/// The longest values that are carried along.
const LONGEST: usize = 4_096;

impl AuthorizationRequest {
    /// Reads a request of this application; none: there is no such application.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn read(params: &Params, app: Option<App>) -> Result<Self, Refusal> {
        let here = |text: &str| Refusal::Here(text.to_owned());
        let app = app.ok_or_else(|| {
            here("The application that sent you here is not known to this directory.")
        })?;
        let redirect_uri = params.get("redirect_uri").ok_or_else(|| {
            here("The application that sent you here did not say where to send you back.")
        })?;
        let url = registered(&app, redirect_uri).ok_or_else(|| {
            here(
                "The application that sent you here wants you sent back to an address that is not registered for it.",
            )
        })?;
        if let Some(name @ ("redirect_uri" | "client_id" | "state")) = params.repeated() {
            return Err(Refusal::Here(format!(
                "The application that sent you here gave `{name}` twice."
            )));
        }
        let return_to = ReturnTo {
            redirect_uri: url,
            mode: match params.get("response_mode") {
                Some("form_post") => ResponseMode::FormPost,
                _ => ResponseMode::Query,
            },
            state: params.get("state").map(str::to_owned),
        };
        match Self::rest(params, app, redirect_uri.to_owned(), return_to.clone()) {
            Ok(request) => Ok(request),
            Err(fault) => Err(Refusal::Back(Box::new(return_to), fault)),
        }
    }

    fn rest(
        params: &Params,
        app: App,
        redirect_uri: String,
        return_to: ReturnTo,
    ) -> Result<Self, Fault> {
        let invalid = |text: String| Fault::new("invalid_request", text);
        if let Some(name) = params.repeated() {
            return Err(invalid(format!("`{name}` was given twice")));
        }
        if params.get("request").is_some() {
            return Err(Fault::new("request_not_supported", "use parameters"));
        }
        if params.get("request_uri").is_some() {
            return Err(Fault::new("request_uri_not_supported", "use parameters"));
        }
        match params.get("response_type") {
            Some("code") => {}
            None => return Err(invalid("response_type: expected `code`".into())),
            Some(_) => {
                let text = "response_type: expected `code`";
                return Err(Fault::new("unsupported_response_type", text));
            }
        }
        if let Some(mode) = params.get("response_mode")
            && !["query", "form_post"].contains(&mode)
        {
            return Err(invalid(
                "response_mode: expected `query` or `form_post`".into(),
            ));
        }
        let challenge = challenge(params)?;
        let prompt = prompt(params)?;
        let max_age = params.get("max_age").map(str::parse::<u32>).transpose();
        let max_age = max_age.map_err(|_| invalid("max_age: expected seconds".into()))?;
        let max_age = max_age.map(|seconds| Duration::from_secs(u64::from(seconds)));
        let nonce = params.get("nonce").map(str::to_owned);
        let carried = [&nonce, &return_to.state];
        if carried
            .into_iter()
            .flatten()
            .any(|text| text.len() > LONGEST)
        {
            return Err(invalid("state and nonce may have 4096 bytes each".into()));
        }
        Ok(Self {
            scopes: Scopes::read(params.get("scope").unwrap_or_default()),
            app,
            redirect_uri,
            return_to,
            challenge,
            nonce,
            prompt,
            max_age,
            login_hint: params.get("login_hint").map(str::to_owned),
        })
    }

    /// Whether a session is good enough for this request.
    #[must_use]
    pub fn accepts(&self, session: &Session, now: Timestamp) -> bool {
        let since = Timestamp::from_millis(session.authenticated);
        let is_fresh = self.max_age.is_none_or(|age| since.plus(age) > now);
        self.prompt != Prompt::Always && is_fresh
    }
}

/// PKCE is wanted of every application, and with S256 alone.
fn challenge(params: &Params) -> Result<String, Fault> {
    let invalid = |text: &str| Fault::new("invalid_request", text);
    let challenge = params
        .get("code_challenge")
        .ok_or_else(|| invalid("code_challenge: expected one (PKCE, RFC 7636)"))?;
    if params.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method: expected `S256`"));
    }
    // SHA-256 in URL-safe Base64 without padding.
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if challenge.len() != 43 || !challenge.chars().all(is_base64) {
        return Err(invalid(
            "code_challenge: expected 43 characters of URL-safe Base64",
        ));
    }
    Ok(challenge.to_owned())
}

fn prompt(params: &Params) -> Result<Prompt, Fault> {
    let invalid = |text: &str| Err(Fault::new("invalid_request", text));
    let words: Vec<&str> = params
        .get("prompt")
        .map(|text| text.split(' ').collect())
        .unwrap_or_default();
    let known = ["none", "login", "consent", "select_account"];
    if words.iter().any(|word| !known.contains(word)) {
        return invalid("prompt: expected `none`, `login`, `consent` or `select_account`");
    }
    if words.contains(&"none") {
        return match words.len() {
            1 => Ok(Prompt::None),
            _ => invalid("prompt: `none` goes with nothing else"),
        };
    }
    let asks = words.contains(&"login") || words.contains(&"select_account");
    Ok(if asks {
        Prompt::Always
    } else {
        Prompt::AsNeeded
    })
}

/// The address, if it is one of the application's: the same text, or for a native application the same
/// loopback address at whatever port it has (RFC 8252 7.3).
#[must_use]
pub fn registered(app: &App, uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let same = |known: &String| {
        known == uri
            || Url::parse(known).is_ok_and(|known| {
                is_loopback(&known)
                    && is_loopback(&url)
                    && without_port(known) == without_port(url.clone())
            })
    };
    app.redirect_uris.iter().any(same).then_some(url)
}

/// Whether a browser may be sent there after signing out: to a redirect URI of the application, or elsewhere
/// on the same site.
#[must_use]
pub fn is_after_sign_out(app: &App, uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    let same_site = |known: &String| {
        Url::parse(known).is_ok_and(|known| {
            let origin = known.origin();
            origin.is_tuple() && origin == url.origin()
        })
    };
    registered(app, uri).is_some() || app.redirect_uris.iter().any(same_site)
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && url.username().is_empty()
        && matches!(url.host_str(), Some("127.0.0.1" | "[::1]"))
}

fn without_port(mut url: Url) -> Url {
    // Only addresses without a host refuse a port.
    let _ = url.set_port(None);
    url
}

/// Looks at an address that is to be registered.
///
/// # Errors
///
/// What was expected.
pub fn accept_redirect_uri(uri: &str, public: bool) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "expected an absolute address")?;
    if url.fragment().is_some() {
        return Err("expected an address without a fragment");
    }
    if uri.contains('*') {
        return Err("expected the whole address, without wildcards");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("expected an address without user name and password");
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_loopback(&url) || url.host_str() == Some("localhost") => Ok(()),
        "http" => Err("expected https; plain http only on loopback"),
        // A private-use scheme (RFC 8252 7.1): only whoever keeps no secret needs one.
        scheme if public && scheme.contains('.') => Ok(()),
        _ => Err(
            "expected https, http on loopback, or for a public application a scheme of its own such as com.example.app",
        ),
    }
}

#[cfg(test)]
mod tests;
