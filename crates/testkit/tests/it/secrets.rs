//! What must not be found: passwords, hashes, tokens and keys, in whatever form, anywhere but in their own files.

use crate::sign_in::{ADA, CALLBACK, PASSWORD, bed, register, set_password};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use lockstep_directory::credential::nt_hash;
use lockstep_model::Secret;
use lockstep_testkit::relying_parties;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A secret by name.
struct Hidden {
    name: String,
    bytes: Vec<u8>,
}

impl Hidden {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let hidden = Self {
            name: name.into(),
            bytes: bytes.into(),
        };
        assert!(
            hidden.bytes.len() >= 6,
            "{}: too short to look for",
            hidden.name
        );
        hidden
    }

    /// Every form in which it could be written down.
    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let bytes = &self.bytes;
        let mut forms = vec![
            ("raw", bytes.clone()),
            ("hex", hex::encode(bytes).into_bytes()),
            ("upper-case hex", hex::encode_upper(bytes).into_bytes()),
        ];
        if let Ok(text) = std::str::from_utf8(bytes) {
            let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            forms.push(("UTF-16LE", wide));
            let escaped = serde_json::Value::from(text).to_string();
            forms.push(("JSON", escaped.trim_matches('"').as_bytes().to_vec()));
        }
        // In Base64 a text looks different with each of the three places in which it can begin; the first and the
        // last letters depend on its neighbours.
        for (ahead, cut) in [(0, 0), (1, 2), (2, 3)] {
            let padded = [&vec![0; ahead][..], bytes].concat();
            for (name, text) in [
                ("Base64", STANDARD_NO_PAD.encode(&padded)),
                ("URL-safe Base64", URL_SAFE_NO_PAD.encode(&padded)),
            ] {
                let inner = &text[cut..text.len() - 2];
                forms.push((name, inner.as_bytes().to_vec()));
            }
        }
        forms
    }
}

fn contains(text: &[u8], sought: &[u8]) -> bool {
    text.windows(sought.len()).any(|window| window == sought)
}

/// All files below a folder.
fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

#[test]
fn a_search_finds_a_secret_in_each_of_its_forms() {
    let hidden = Hidden::new("password", "Grüße, 7 Pferde");
    let password = "Grüße, 7 Pferde";
    for ahead in 0..3 {
        let around = format!("{}{password}yz", "x".repeat(ahead));
        for text in [
            around.clone().into_bytes(),
            hex::encode(&around).into_bytes(),
            STANDARD.encode(&around).into_bytes(),
            URL_SAFE_NO_PAD.encode(&around).into_bytes(),
            around.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ] {
            let found = hidden.forms().iter().any(|(_, form)| contains(&text, form));
            assert!(found, "{}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn no_secret_is_found_outside_its_own_file() {
    let bed = bed().unwrap();
    let registration = register(&bed, CALLBACK, &["--role", "reader"]).unwrap();
    let results = relying_parties::openid_client(&bed.service, &registration).unwrap();
    let mut forced = PASSWORD.to_owned();
    forced.push_str("second");
    set_password(&bed, &forced, &["--force-change"]).unwrap();

    let nt = nt_hash(&Secret::new(PASSWORD.to_owned()));
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let data = bed.service.data_dir();
    let master = read(data.join("keys/master.key"));
    let mut secrets = vec![
        Hidden::new("password", PASSWORD),
        Hidden::new("second password", forced),
        Hidden::new("NT hash", nt.expose().to_vec()),
        Hidden::new("application's secret", registration.client_secret.unwrap()),
        Hidden::new(
            "password of the AD account",
            bed.forest.service_account().password,
        ),
        Hidden::new("admin token", read(data.join("admin-token")).trim()),
        Hidden::new("master key", hex::decode(master.trim()).unwrap()),
        Hidden::new("private keys", "PRIVATE KEY"),
        Hidden::new("synced hash", "PPH1_MD4"),
        Hidden::new("Argon2id hash", "$argon2id$"),
    ];
    for (number, secret) in results["secrets"].as_array().unwrap().iter().enumerate() {
        let secret = secret.as_str().unwrap();
        // Of a token the signature is what cannot be had otherwise.
        let tail = secret.rsplit('.').next().unwrap();
        secrets.push(Hidden::new(format!("token {number}"), tail));
    }
    assert!(secrets.len() > 16, "{results:#}");

    let own = [
        data.join("admin-token"),
        data.join("keys/master.key"),
        data.join("tls/ca.key"),
    ];
    for path in &own {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let mut places: Vec<(String, Vec<u8>)> = files(&data)
        .unwrap()
        .into_iter()
        .filter(|path| !own.contains(path))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    assert!(places.iter().any(|(name, _)| name.ends_with("-wal")));
    places.push(("the service's log".into(), bed.service.log().into_bytes()));
    places.push(("the agent's log".into(), bed.agent.log().into_bytes()));
    places.push((
        "what the agent sent".into(),
        std::fs::read(bed.agent.record()).unwrap(),
    ));
    places.push((
        "metrics".into(),
        bed.service.metrics().unwrap().into_bytes(),
    ));
    let audit = bed
        .service
        .run(&["audit", "--limit", "1000", "-o", "json"])
        .unwrap();
    assert!(audit.contains("SignInRefused") && audit.contains(ADA));
    places.push(("the audit log".into(), audit.into_bytes()));
    for (place, text) in &places {
        for secret in &secrets {
            for (form, bytes) in secret.forms() {
                assert!(
                    !contains(text, &bytes),
                    "{} as {form} in {place}",
                    secret.name
                );
            }
        }
    }
}

#[test]
fn a_crash_leaves_no_core() {
    // What these processes would inherit lets them write cores of any size.
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    setrlimit(Resource::Core, unlimited).unwrap();
    let mut bed = bed().unwrap();
    for (name, id) in [("service", bed.service.id()), ("agent", bed.agent.id())] {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", id.unwrap())).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let words: Vec<&str> = core.unwrap().split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{name}: {words:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut other = Command::new("sleep")
        .arg("60")
        .current_dir(dir.path())
        .spawn()
        .unwrap();
    let id = rustix::process::Pid::from_child(&other);
    rustix::process::kill_process(id, rustix::process::Signal::ABORT).unwrap();
    let dumped = other.wait().unwrap().core_dumped();
    assert!(
        dumped,
        "this machine writes no cores at all, so the rest shows nothing"
    );
    for status in [bed.service.abort().unwrap(), bed.agent.abort().unwrap()] {
        assert_eq!(status.signal(), Some(6));
        assert!(!status.core_dumped());
    }
}
