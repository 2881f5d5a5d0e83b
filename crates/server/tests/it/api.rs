//! A service in memory, and requests to it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use lockstep_directory::{Change, Kind, Mastery, Property};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, PropertyValue, Secret, SourceAnchor};
use lockstep_server::directory;
use lockstep_server::http::admin::token_hash;
use lockstep_server::http::router;
use lockstep_server::sealing::Sealer;
use lockstep_server::service::{Parts, Service};
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::records::service::ApiToken;
use lockstep_store::{MemoryStore, Store, Transact as _, WriteRecords as _, records};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

pub(crate) const BASE: &str = "https://directory.test";

/// A service in memory.
pub(crate) struct Api {
    pub(crate) service: Arc<Service>,
    pub(crate) runtime: tokio::runtime::Runtime,
    token: &'static str,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The entries of a set.
    pub(crate) fn values(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["value"].as_array().cloned().unwrap_or_default()
    }

    /// Code and target of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status, text(&error["code"]), text(&error["target"]))
    }
}

impl Api {
    pub(crate) fn start() -> Self {
        Self::start_on(Arc::new(MemoryStore::new(&records::tables())))
    }

    /// The same on a store of one's own.
    pub(crate) fn start_on(store: Arc<dyn Store>) -> Self {
        let service = Service::new(Parts {
            store: Arc::clone(&store),
            public_url: BASE.into(),
            ca: None,
            initial_domain: "local.lockstep".into(),
            agent_silence: Duration::from_secs(45),
            sealer: Sealer::new(&Secret::new([1; 32])),
        })
        .unwrap();
        let tokens = ["administrator", "operator", "reader"].map(|role| ApiToken {
            hash: token_hash(role),
            name: role.into(),
            role: role.into(),
            expires: None,
        });
        store.write(&mut |tx| tx.store(&tokens)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let api = Self {
            service: Arc::new(service),
            runtime: runtime.unwrap(),
            token: "administrator",
        };
        let answer = api.send(
            "POST",
            "/api/v1/domains",
            Some(json!({"name": "corp.test"})),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
        api
    }

    /// Runs what waits for the service.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The same service for somebody with another role.
    pub(crate) fn with_role<T>(&mut self, role: &'static str, work: impl FnOnce(&Self) -> T) -> T {
        let before = std::mem::replace(&mut self.token, role);
        let result = work(self);
        self.token = before;
        result
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.runtime.block_on(self.answer(method, path, body))
    }

    /// The answer to a request, for whoever has to do something else meanwhile.
    pub(crate) async fn answer(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = path.strip_prefix(BASE).unwrap_or(path);
        let encoded = path.replace(' ', "%20").replace('"', "%22");
        let request = Request::builder()
            .method(method)
            .uri(encoded)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let app = router::app(Arc::clone(&self.service));
        let response = app.oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// A set with everything behind its next links.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let mut values = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let answer = self.get(&path);
            values.extend(answer.values());
            next = answer.json()["@odata.nextLink"].as_str().map(str::to_owned);
        }
        values
    }

    /// Does upkeep, as the service does every hour.
    pub(crate) fn upkeep(&self) {
        self.runtime
            .block_on(directory::upkeep::once(&self.service))
            .unwrap();
    }

    /// Makes a user that the cloud owns; gives its id.
    pub(crate) fn user(&self, name: &str) -> String {
        self.user_with(name, json!({}))
    }

    /// The same with more values.
    pub(crate) fn user_with(&self, name: &str, more: Value) -> String {
        let mut user = json!({
            "accountEnabled": true,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": format!("{name}@corp.test"),
            "passwordProfile": {"password": "Correct horse 7"},
        });
        for (name, value) in more.as_object().unwrap() {
            user[name] = value.clone();
        }
        let answer = self.send("POST", "/v1.0/users", Some(user));
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Makes a group that the cloud owns; gives its id.
    pub(crate) fn group(&self, name: &str) -> String {
        let group = json!({
            "displayName": name,
            "mailEnabled": false,
            "mailNickname": name,
            "securityEnabled": true,
        });
        let answer = self.send("POST", "/v1.0/groups", Some(group));
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn add_member(&self, group: &str, member: &str) -> Answer {
        let address = format!("{BASE}/v1.0/directoryObjects/{member}");
        let path = format!("/v1.0/groups/{group}/members/$ref");
        self.send("POST", &path, Some(json!({"@odata.id": address})))
    }

    /// Changes the directory as synchronisation does.
    pub(crate) fn sync(&self, changes: Vec<Change>) {
        let (tenant, now) = (self.service.tenant_rules(), self.service.clock.now());
        let store = &self.service.store;
        let outcomes = store.writing(|tx| directory::write(tx, &tenant, changes, now));
        for outcome in outcomes.unwrap() {
            outcome.result.unwrap();
        }
    }

    /// A configuration that provisions what [`synced`] makes.
    pub(crate) fn configuration(&self) {
        let configuration = Configuration {
            id: configuration_id(),
            name: "corp".into(),
            domain: "corp.test".into(),
            paused: false,
            version: 1,
            spec: json!({"name": "corp", "domain": "corp.test"}).to_string(),
            roots: None,
            excluded: Vec::new(),
            groups: Vec::new(),
            scratch: false,
            stands_for: None,
            heir: None,
            service_principal: ObjectId::new(Guid::from_bytes([9; 16])),
        };
        let rows = [configuration];
        let jobs = [Job::new(configuration_id())];
        self.service
            .store
            .write(&mut |tx| {
                tx.store(&rows)?;
                tx.store(&jobs)
            })
            .unwrap();
    }
}

/// The configuration of [`Api::configuration`].
pub(crate) fn configuration_id() -> ConfigurationId {
    ConfigurationId::new(Guid::from_bytes([7; 16]))
}

/// The id of a synchronised object.
pub(crate) fn id(n: u8) -> ObjectId {
    ObjectId::new(Guid::from_bytes([n; 16]))
}

/// Values of a kind of object.
pub(crate) fn values(
    kind: Kind,
    texts: &[(&str, &str)],
) -> BTreeMap<Property, Option<PropertyValue>> {
    let one = |(name, text): &(&str, &str)| {
        let value = match *name {
            "proxyAddresses" => PropertyValue::texts(text.split(' ').map(str::to_owned).collect()),
            _ => PropertyValue::Text((*text).to_owned()),
        };
        (Property::named(kind, name).unwrap(), Some(value))
    };
    texts.iter().map(one).collect()
}

/// An object that synchronisation makes.
pub(crate) fn synced(n: u8, kind: Kind, texts: &[(&str, &str)]) -> Change {
    Change::Create {
        id: id(n),
        kind,
        mastery: Some(Mastery {
            configuration: configuration_id(),
            anchor: SourceAnchor::from_object_guid(Guid::from_bytes([n; 16])),
        }),
        values: values(kind, texts),
    }
}
