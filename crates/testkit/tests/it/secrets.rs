//! What must not be found: passwords, hashes, tokens and keys, in whatever form, anywhere but in their own files.

use crate::bed::Bed;
use crate::door::{Door, Entry};
use crate::sign_in::{ADA, CALLBACK, PASSWORD, bed, register, set_password};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use lockstep_directory::credential::nt_hash;
use lockstep_model::Secret;
use lockstep_testkit::relying_parties;
use lockstep_testkit::samba::NewUser;
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
    let mut bed = bed().unwrap();
    let registration = register(&bed, CALLBACK, &["--role", "reader"]).unwrap();
    let results = relying_parties::openid_client(&bed.service, &registration).unwrap();
    let mut forced = PASSWORD.to_owned();
    forced.push_str("second");
    set_password(&bed, &forced, &["--force-change"]).unwrap();
    let mut secrets = of_active_directory(&bed).unwrap();
    trouble(&bed).unwrap();

    secrets.extend(of_a_password("password", PASSWORD));
    secrets.extend(of_a_password("second password", &forced));
    let client_secret = registration.client_secret.unwrap();
    secrets.push(Hidden::new("application's secret", client_secret));
    for (number, secret) in results["secrets"].as_array().unwrap().iter().enumerate() {
        let secret = secret.as_str().unwrap();
        // Of a token the signature is what cannot be had otherwise.
        let tail = secret.rsplit('.').next().unwrap();
        secrets.push(Hidden::new(format!("token {number}"), tail));
    }
    assert!(secrets.len() > 20, "{results:#}");
    let own = own_files(&bed);
    secrets.extend(keys(&own));
    for (place, text) in &places(&mut bed, &own).unwrap() {
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

/// A password, and the hash that Active Directory keeps of it.
fn of_a_password(name: &str, password: &str) -> [Hidden; 2] {
    let hash = nt_hash(&Secret::new(password.to_owned()));
    [
        Hidden::new(name, password),
        Hidden::new(format!("NT hash of the {name}"), hash.expose().to_vec()),
    ]
}

/// People of Active Directory sign in, one changes the password; gives what must not be found of that.
fn of_active_directory(bed: &Bed) -> anyhow::Result<Vec<Hidden>> {
    let people = [
        ("bob", "Kräuter & 3 Bienen 🐝", "Bienen & 4 Kräuter 🌿"),
        ("eve", "  Plain.enough7 ", "Plain.enough8"),
    ];
    let dn = |account: &str| format!("CN={account},CN=Users,DC=corp,DC=test");
    for (account, first, _) in people {
        bed.forest.ad().add_user(&NewUser {
            account,
            ..NewUser::default()
        })?;
        bed.forest.ad().set_password(&dn(account), first)?;
    }
    bed.cycle()?;
    let door = Door::of(&bed.service)?;
    let mut secrets = Vec::new();
    for (account, first, second) in people {
        let upn = format!("{account}@corp.test");
        assert_eq!(door.try_to_enter(&upn, first)?, Entry::In, "{account}");
        bed.forest.ad().set_password(&dn(account), second)?;
        // Too early: it is refused, and said so in the audit log.
        assert_eq!(
            door.try_to_enter(&upn, second)?,
            Entry::Refused,
            "{account}"
        );
        bed.cycle()?;
        assert_eq!(door.try_to_enter(&upn, second)?, Entry::In, "{account}");
        for (name, password) in [("first", first), ("second", second)] {
            secrets.extend(of_a_password(&format!("{name} of {account}"), password));
        }
    }
    secrets.extend(of_a_password("password that ada never used", "Pw.ada"));
    let account = bed.forest.service_account().password;
    secrets.extend(of_a_password("password of the AD account", account));
    Ok(secrets)
}

/// Faults, each of which writes something somewhere: rights that are missing, a sign-in to the domain that fails.
fn trouble(bed: &Bed) -> anyhow::Result<()> {
    let sid = bed.forest.ad().sid_of("svc-lockstep")?;
    let ace = format!("(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;{sid})");
    bed.forest.ad().revoke("DC=corp,DC=test", &ace)?;
    let cycle = bed
        .service
        .command(&["cycle", "run", "corp", "--wait", "-o", "json"])?;
    let text = String::from_utf8(cycle.stdout)?;
    assert!(text.contains("MissingRight"), "{text}");
    let account = "CN=svc-lockstep,CN=Users,DC=corp,DC=test";
    bed.forest
        .ad()
        .set_password(account, "Changed.meanwhile7")?;
    bed.service
        .command(&["cycle", "run", "corp", "--wait", "-o", "json"])?;
    assert!(
        bed.agent.log().contains("svc-lockstep"),
        "{}",
        bed.agent.log()
    );
    Ok(())
}

/// Where a secret belongs: files that only their owner can read.
fn own_files(bed: &Bed) -> Vec<PathBuf> {
    let (data, state) = (bed.service.data_dir(), bed.agent.state_dir());
    let own = vec![
        data.join("admin-token"),
        data.join("keys/master.key"),
        data.join("tls/ca.key"),
        state.join("key.p8"),
        state.join("domains/corp.test.secret"),
    ];
    for path in &own {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    own
}

/// What these files hold, and whatever looks like a key or a verifier.
fn keys(own: &[PathBuf]) -> Vec<Hidden> {
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let agent_key = std::fs::read(&own[3]).unwrap();
    vec![
        Hidden::new("admin token", text(&own[0])),
        Hidden::new("master key", hex::decode(text(&own[1])).unwrap()),
        // PKCS #8 of Ed25519 ends with the key itself.
        Hidden::new("agent's key", &agent_key[agent_key.len() - 32..]),
        Hidden::new("private keys", "PRIVATE KEY"),
        Hidden::new("synced hash", "PPH1_MD4"),
        Hidden::new("Argon2id hash", "$argon2id$"),
    ]
}

/// Everything that both programs have written anywhere, by name; then both crash, and their logs tell of that too.
fn places(bed: &mut Bed, own: &[PathBuf]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut places = vec![("metrics".to_owned(), bed.service.metrics()?.into_bytes())];
    let audit = bed
        .service
        .run(&["audit", "--limit", "1000", "-o", "json"])?;
    assert!(audit.contains("SignInRefused") && audit.contains(ADA));
    places.push(("the audit log".into(), audit.into_bytes()));
    let log = bed.service.run(&["log", "--limit", "1000", "-o", "json"])?;
    assert!(log.contains("PasswordSet"));
    places.push(("the log of cycles".into(), log.into_bytes()));
    for status in [bed.service.abort()?, bed.agent.abort()?] {
        assert_eq!(status.signal(), Some(6));
    }
    let (data, state) = (bed.service.data_dir(), bed.agent.state_dir());
    let found = [files(&data)?, files(&state)?, vec![bed.agent.record()]].concat();
    for path in found.into_iter().filter(|path| !own.contains(path)) {
        places.push((path.display().to_string(), std::fs::read(&path)?));
    }
    assert!(places.iter().any(|(name, _)| name.ends_with("-wal")));
    places.push(("the service's log".into(), bed.service.log().into_bytes()));
    places.push(("the agent's log".into(), bed.agent.log().into_bytes()));
    Ok(places)
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
