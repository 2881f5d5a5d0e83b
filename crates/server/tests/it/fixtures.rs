//! Databases and agents of earlier versions, kept by `cargo xtask fixtures`.

use crate::api::{Answer, Api};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lockstep_api::channel::assertion::{Claims, LIFETIME};
use lockstep_api::channel::{EnrollmentToken, Instruction, PROTOCOL_VERSIONS};
use lockstep_api::configuration::Spec;
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_server::http::router;
use lockstep_server::job::{Wake, run_cycle};
use lockstep_store::records::{connector_space, credential, directory, job, log, service, signin};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, SqliteStore, Store as _, WriteRecords as _, records,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tower::ServiceExt as _;

fn fixtures(beginning: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let all = std::fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(beginning)
    });
    found.sort();
    found
}

fn unpacked(path: &Path) -> Vec<u8> {
    zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap()
}

/// The schema that a new database has.
fn newest_schema() -> u32 {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.db");
    drop(SqliteStore::open(dir.path(), &records::tables()).unwrap());
    lockstep_store::copy(dir.path(), &copy).unwrap();
    lockstep_store::check_copy(&copy).unwrap()
}

/// Every row can be read by its record; gives how many there are.
fn read_all<R: Record>(tx: &mut dyn Read) -> usize {
    let rows: Vec<R> = tx.list(&Scan::of(Key::empty(), 100_000)).unwrap();
    rows.len()
}

#[test]
fn a_database_of_every_earlier_schema_is_taken_forward_and_read() {
    let databases = fixtures("schema-");
    let newest = newest_schema();
    for version in 1..newest {
        let name = format!("schema-{version}.db.zst");
        let is_kept = databases.iter().any(|path| path.ends_with(&name));
        assert!(is_kept, "{name} is not kept, and {newest} is the newest");
    }
    for path in databases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("lockstep.db"), unpacked(&path)).unwrap();
        let store = SqliteStore::open(dir.path(), &records::tables()).unwrap();
        store
            .read(&mut |tx| {
                for (what, count) in [
                    ("tenant", read_all::<service::Tenant>(tx)),
                    ("agents", read_all::<service::Agent>(tx)),
                    ("API tokens", read_all::<service::ApiToken>(tx)),
                    ("configurations", read_all::<job::Configuration>(tx)),
                    ("jobs", read_all::<job::Job>(tx)),
                    ("read sets", read_all::<job::ReadSet>(tx)),
                    ("cycles", read_all::<job::Cycle>(tx)),
                    ("staged objects", read_all::<connector_space::Staged>(tx)),
                    (
                        "references",
                        read_all::<connector_space::StagedReference>(tx),
                    ),
                    ("links", read_all::<connector_space::LinkRow>(tx)),
                    (
                        "directory objects",
                        read_all::<directory::DirectoryObject>(tx),
                    ),
                    (
                        "directory references",
                        read_all::<directory::DirectoryReference>(tx),
                    ),
                    ("unique values", read_all::<directory::UniqueOwner>(tx)),
                    ("log entries", read_all::<log::LogEntry>(tx)),
                    ("audit entries", read_all::<log::AuditEntry>(tx)),
                    ("credentials", read_all::<credential::CredentialRow>(tx)),
                    ("apps", read_all::<signin::App>(tx)),
                ] {
                    assert!(count > 0, "{}: no {what}", path.display());
                }
                for known in tx.list::<job::Job>(&Scan::of(Key::empty(), 100))? {
                    let read_set: job::ReadSet = tx.fetch_one(&known.configuration)?.unwrap();
                    assert_eq!(read_set.version, known.read_set);
                    let has = |list: &[String], name: &str| list.iter().any(|own| own == name);
                    assert!(has(&read_set.attributes, "displayname"));
                    assert!(has(&read_set.links, "member"));
                    assert!(has(&read_set.decision, "admindescription"));
                }
                Ok(())
            })
            .unwrap();
    }
}

/// An agent that says what another one said.
struct Ghost {
    id: String,
    key: EncodingKey,
}

impl Ghost {
    /// Enrols by the front door, offering these versions.
    fn enroll(api: &Api, protocol: &[u16]) -> Result<Self, Box<Answer>> {
        let made = api.send("POST", "/api/v1/agents/tokens", None).json();
        let token: EnrollmentToken = made["token"].as_str().unwrap().parse().unwrap();
        let document = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document.as_ref()).unwrap();
        let body = json!({
            "protocol": protocol, "secret": token.secret, "name": "ghost", "version": "0.0.1",
            "publicKey": STANDARD.encode(pair.public_key().as_ref()),
        });
        let answer = api.send("POST", "/agent/v1/enroll", Some(body));
        if answer.status != 200 {
            return Err(answer.into());
        }
        let enrolled = answer.json();
        assert_eq!(enrolled["protocol"], PROTOCOL_VERSIONS[0], "{enrolled}");
        Ok(Self {
            id: enrolled["agent"].as_str().unwrap().to_owned(),
            key: EncodingKey::from_ed_der(document.as_ref()),
        })
    }

    /// Sends a request as this agent; gives status and body.
    async fn send(&self, api: &Api, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let now = i64::try_from(now).unwrap();
        let (address, _) = path.split_once('?').unwrap_or((path, ""));
        let claims = Claims {
            iss: self.id.clone(),
            aud: api.service.tenant.to_string(),
            iat: now,
            exp: now + LIFETIME,
            htm: method.to_owned(),
            htu: address.to_owned(),
        };
        let assertion =
            jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.key).unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {assertion}"))
            .header("content-type", "application/json")
            .body(match method {
                "GET" => Body::empty(),
                _ => Body::from(body.to_string()),
            })
            .unwrap();
        let app = router::app(Arc::clone(&api.service));
        let (head, body) = app.oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let value = serde_json::from_slice(&bytes).unwrap_or_default();
        (head.status.as_u16(), value)
    }

    /// Says all that stands in a transcript, for the instructions that the service gives now.
    async fn replay(&self, api: &Api, transcript: &[Value]) {
        let mut current: Option<(String, Instruction)> = None;
        for line in transcript {
            let path = line["path"].as_str().unwrap();
            let method = line["method"].as_str().unwrap();
            let Some(behind) = path.strip_prefix("/agent/v1/instructions/") else {
                let (status, answer) = self.send(api, method, path, &line["body"]).await;
                assert!(status < 300, "{path}: {answer}");
                continue;
            };
            let (recorded, step) = behind.split_once('/').unwrap();
            if current.as_ref().is_none_or(|(known, _)| known != recorded) {
                let next = self
                    .send(api, "GET", "/agent/v1/instructions?wait=5", &Value::Null)
                    .await;
                let given: Instruction = serde_json::from_value(next.1).unwrap();
                current = Some((recorded.to_owned(), given));
            }
            let (_, given) = current.as_ref().unwrap();
            let mut body = line["body"].clone();
            if !body["lease"].is_null() {
                body["lease"] = given.lease.into();
            }
            let path = format!("/agent/v1/instructions/{}/{step}", given.id);
            let (status, answer) = self.send(api, method, &path, &body).await;
            assert!(status < 300, "{path}: {status} {answer}");
        }
    }
}

/// A configuration as the transcript was recorded for, without looking anything up.
fn configure(api: &Api) -> ConfigurationId {
    let id = ConfigurationId::new(Guid::from_bytes([9; 16]));
    let spec: Spec = serde_json::from_value(json!({
        "name": "corp", "domain": "corp.test", "paused": true, "password-hash-sync": {"enabled": false},
    }))
    .unwrap();
    let row = job::Configuration {
        id,
        name: spec.name.clone(),
        domain: spec.domain.clone(),
        spec: serde_json::to_string(&spec).unwrap(),
        version: 1,
        roots: None,
        excluded: Vec::new(),
        groups: Vec::new(),
        paused: true,
        scratch: false,
        stands_for: None,
        heir: None,
        service_principal: ObjectId::new(Guid::from_bytes([8; 16])),
    };
    api.service
        .store
        .write(&mut |tx| {
            tx.store(std::slice::from_ref(&row))?;
            tx.store(&[job::Job::new(id)])
        })
        .unwrap();
    id
}

#[test]
fn what_an_agent_of_every_earlier_version_sent_is_understood() {
    let transcripts = fixtures("channel-");
    assert!(!transcripts.is_empty());
    for path in transcripts {
        let text = String::from_utf8(unpacked(&path)).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let api = Api::start();
        let id = configure(&api);
        let ghost = Ghost::enroll(&api, &PROTOCOL_VERSIONS)
            .map_err(|answer| answer.text)
            .unwrap();
        api.block_on(async {
            let cycle = run_cycle(&api.service, id, Wake::Hand);
            let (ran, ()) = tokio::join!(cycle, ghost.replay(&api, &lines));
            ran.unwrap();
        });
        let shown = api.get("/api/v1/configurations/corp").json();
        assert_eq!(shown["lastCycle"]["state"], "succeeded", "{shown:#}");
        let created = shown["lastCycle"]["created"].as_u64();
        assert!(created > Some(0), "{shown:#}");
    }
}

#[test]
fn the_version_of_the_channel_is_agreed_on_and_who_knows_none_in_common_is_told() {
    let api = Api::start();
    let newest = PROTOCOL_VERSIONS[0];
    let ghost = Ghost::enroll(&api, &[newest + 7, newest, 0])
        .map_err(|answer| answer.text)
        .unwrap();
    let session =
        |protocol: Vec<u16>| json!({"protocol": protocol, "version": "9.9", "domains": []});
    api.block_on(async {
        let path = "/agent/v1/session";
        let (status, answer) = ghost
            .send(&api, "POST", path, &session(vec![newest + 7, newest]))
            .await;
        assert_eq!(
            (status, &answer["protocol"]),
            (200, &json!(newest)),
            "{answer}"
        );
        let (status, answer) = ghost
            .send(&api, "POST", path, &session(vec![newest + 7]))
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (426, &json!("ProtocolVersion")),
            "{answer}"
        );
        assert!(answer["remedy"].as_str().is_some(), "{answer}");
    });
    let refused = Ghost::enroll(&api, &[newest + 7]).err().unwrap();
    assert_eq!(refused.status, 426, "{}", refused.text);
}
