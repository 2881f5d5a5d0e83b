//! A service in memory, people in it, and a browser.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::{Change, Kind, Property};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, Secret};
use lockstep_server::http::router;
use lockstep_server::http::signin::Peer;
use lockstep_server::sealing::Sealer;
use lockstep_server::service::{Parts, Service};
use lockstep_server::signin::{self, keys};
use lockstep_server::{credentials, directory, ids};
use lockstep_store::records::signin::App;
use lockstep_store::{MemoryStore, WriteRecords as _, records};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;
use url::form_urlencoded;

/// Where the service says it is.
pub(crate) const URL: &str = "https://sync.test";
/// Where the application wants people back.
pub(crate) const CALLBACK: &str = "https://wiki.test/cb";
pub(crate) const PASSWORD: &str = "Correct horse 7";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A service and its interfaces.
pub(crate) struct Desk {
    pub(crate) service: Arc<Service>,
    app: Router,
    /// The application that lets people sign in.
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A browser: it keeps cookies.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let store = MemoryStore::new(&records::tables());
        let service = Service::new(Parts {
            store: Arc::new(store),
            public_url: URL.into(),
            ca: None,
            initial_domain: "local.lockstep".into(),
            agent_silence: Duration::from_secs(45),
            sealer: Sealer::new(&Secret::new([1; 32])),
        });
        let service = Arc::new(service.unwrap());
        keys::keep(&service).await.unwrap();
        let secret = ids::random_token();
        let app = App {
            id: ids::random_guid(),
            name: "Wiki".into(),
            redirect_uris: vec![CALLBACK.into()],
            secret_hash: Some(signin::hash(&Secret::new(secret.clone()))),
            role: Some("reader".into()),
            sign_in_only: false,
            created: 0,
        };
        let client_id = app.id.to_string();
        service.write(move |tx| tx.store(&[app])).await.unwrap();
        Self {
            app: router::app(Arc::clone(&service)),
            service,
            client_id,
            secret,
        }
    }

    /// Makes a user with [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str) -> ObjectId {
        let values = [
            ("userPrincipalName", PropertyValue::Text(name.into())),
            ("displayName", PropertyValue::Text("Ada King".into())),
            ("mail", PropertyValue::Text(name.into())),
            ("accountEnabled", PropertyValue::Boolean(true)),
        ];
        let id = self.object(Kind::User, &values).await;
        self.set_password(id, PASSWORD, false).await;
        id
    }

    pub(crate) async fn set_password(&self, id: ObjectId, password: &str, force_change: bool) {
        let hash = self.service.sign_in.hash(Secret::new(password.to_owned()));
        let hash = hash.await.unwrap();
        let (sealer, now) = (Arc::clone(&self.service.sealer), self.service.clock.now());
        self.service
            .write(move |tx| {
                credentials::set_cloud_password(tx, &sealer, id, hash, force_change, now)
            })
            .await
            .unwrap();
    }

    pub(crate) async fn object(&self, kind: Kind, values: &[(&str, PropertyValue)]) -> ObjectId {
        let id = ObjectId::new(ids::random_guid());
        let values = values
            .iter()
            .map(|(name, value)| (Property::named(kind, name).unwrap(), Some(value.clone())))
            .collect();
        let create = Change::Create {
            id,
            kind,
            mastery: None,
            values,
        };
        self.change(create).await;
        id
    }

    pub(crate) async fn change(&self, change: Change) {
        let (rules, now) = (self.service.tenant_rules(), self.service.clock.now());
        let outcomes = self
            .service
            .write(move |tx| directory::write(tx, &rules, vec![change], now))
            .await
            .unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    }

    pub(crate) async fn enable(&self, id: ObjectId, enabled: bool) {
        let property = Property::named(Kind::User, "accountEnabled").unwrap();
        let value = Some(PropertyValue::Boolean(enabled));
        self.change(Change::Update {
            id,
            values: BTreeMap::from([(property, value)]),
        })
        .await;
    }

    /// The address of an authorization request, with these parameters changed.
    pub(crate) fn authorize(&self, changes: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut pairs = vec![
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access"),
            ("state", "state-1"),
            ("nonce", "nonce-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        let tenant = self.service.tenant;
        format!("/{tenant}/oauth2/v2.0/authorize?{}", form(&pairs))
    }

    /// Signs in with a browser of its own; gives the code.
    pub(crate) async fn code(&self, name: &str, password: &str) -> String {
        let mut browser = Browser::default();
        let answer = browser.sign_in(self, name, password).await;
        answer.code()
    }

    /// Asks the token endpoint, as the application.
    pub(crate) async fn token(&self, pairs: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut all = vec![
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.secret.as_str()),
        ];
        all.extend(pairs);
        let path = format!("/{}/oauth2/v2.0/token", self.service.tenant);
        let body = form(&all);
        let mut client = Browser::default();
        let answer = client.send(self, Method::POST, &path, Some(&body)).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    pub(crate) async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, token: &Value) -> (StatusCode, Value) {
        let token = token.as_str().unwrap();
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    /// Asks for something with an access token.
    pub(crate) async fn with_token(&self, path: &str, token: &Value) -> (StatusCode, Value) {
        let token = token.as_str().unwrap_or_default();
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = self.ask(request.body(Body::empty()).unwrap()).await;
        let body = serde_json::from_str(&answer.text).unwrap_or_default();
        (answer.status, body)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = Browser::default().send(self, Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    async fn ask(&self, mut request: Request<Body>) -> Answer {
        let peer = Peer("192.0.2.7".parse().unwrap());
        request.extensions_mut().insert(peer);
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}

impl Browser {
    /// Opens the sign-in page and sends it.
    pub(crate) async fn sign_in(&mut self, desk: &Desk, name: &str, password: &str) -> Answer {
        let path = desk.authorize(&[]);
        let page = self.send(desk, Method::GET, &path, None).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        self.submit(desk, &page, &[("username", name), ("password", password)])
            .await
    }

    /// Fills in the form of a page and sends it.
    pub(crate) async fn submit(
        &mut self,
        desk: &Desk,
        page: &Answer,
        values: &[(&str, &str)],
    ) -> Answer {
        let (action, hidden) = page.form();
        let mut pairs: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        pairs.extend(values);
        self.send(desk, Method::POST, &action, Some(&form(&pairs)))
            .await
    }

    pub(crate) async fn send(
        &mut self,
        desk: &Desk,
        method: Method,
        path: &str,
        form: Option<&str>,
    ) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut request = Request::builder().method(method).uri(path);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = Body::from(form.unwrap_or_default().to_owned());
        let answer = desk.ask(request.body(body).unwrap()).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(
                line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"),
                "{line}"
            );
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        answer
    }

    pub(crate) fn forget_cookies(&mut self) {
        self.cookies.clear();
    }
}

impl Answer {
    /// The parameters with which the browser is sent to the application.
    pub(crate) fn sent_back(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        let location = self.headers[header::LOCATION].to_str().unwrap();
        let query = location.strip_prefix(&format!("{CALLBACK}?"));
        let query = query.unwrap_or_else(|| panic!("sent to {location}"));
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    pub(crate) fn code(&self) -> String {
        let back = self.sent_back();
        assert_eq!(back["state"], "state-1");
        assert!(back["iss"].starts_with(URL));
        back["code"].clone()
    }

    /// Where the page's form goes, and its hidden fields.
    fn form(&self) -> (String, Vec<(String, String)>) {
        let attribute = |tag: &str, name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            let value = rest.split('"').next()?;
            // Askama writes what must be escaped as numbers.
            let value = value.replace("&#38;", "&").replace("&amp;", "&");
            Some(value.replace("&#34;", "\"").replace("&#39;", "'"))
        };
        let tags = || self.text.split('<').skip(1);
        let action = tags().find_map(|tag| attribute(tag.strip_prefix("form ")?, "action"));
        let hidden = tags().filter(|tag| tag.contains("type=\"hidden\""));
        let hidden =
            hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
        (
            action.unwrap_or_else(|| panic!("no form: {}", self.text)),
            hidden.collect(),
        )
    }
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// What a token says.
pub(crate) fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
