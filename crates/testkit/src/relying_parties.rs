//! Programs that others wrote, as relying parties: openid-client and Authlib, with our few lines around them, and
//! axe, which looks for pages that not everybody can use.

use crate::product::Service;
use crate::{packages, testbed};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Our files: lists of what is installed, and the scripts.
const FILES: [(&str, &str); 5] = [
    (
        "package.json",
        include_str!("../relying-parties/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../relying-parties/package-lock.json"),
    ),
    (
        "requirements.txt",
        include_str!("../relying-parties/requirements.txt"),
    ),
    (
        "relying_party.mjs",
        include_str!("../relying-parties/relying_party.mjs"),
    ),
    (
        "relying_party.py",
        include_str!("../relying-parties/relying_party.py"),
    ),
];

/// The oldest Node.js that openid-client runs on.
const NODE: u32 = 20;

/// An application that is registered with a service, and somebody who signs in to it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its client id.
    pub client_id: String,
    /// Its secret; none: it is public.
    pub client_secret: Option<String>,
    /// Its issuer.
    pub issuer: String,
    /// Where people come back to.
    pub redirect_uri: String,
    /// Who signs in.
    pub user: String,
    /// With which password.
    pub password: String,
}

/// Runs the relying party made with openid-client; gives what it found.
///
/// # Errors
///
/// When it cannot be installed, or ends with an error.
pub fn openid_client(service: &Service, registration: &Registration) -> anyhow::Result<Value> {
    let dir = ready()?;
    let mut command = Command::new("node");
    command.arg(dir.join("relying_party.mjs"));
    command.env("NODE_EXTRA_CA_CERTS", service.data_dir().join("tls/ca.pem"));
    run(command, registration)
}

/// Runs the relying party made with Authlib; gives what it found.
///
/// # Errors
///
/// When it cannot be installed, or ends with an error.
pub fn authlib(service: &Service, registration: &Registration) -> anyhow::Result<Value> {
    let dir = ready()?;
    let mut command = Command::new("python3");
    command.arg(dir.join("relying_party.py"));
    command.env("PYTHONPATH", dir.join("python"));
    command.env("REQUESTS_CA_BUNDLE", service.data_dir().join("tls/ca.pem"));
    run(command, registration)
}

/// The source of axe.
///
/// # Errors
///
/// When it cannot be installed.
pub fn axe() -> anyhow::Result<String> {
    let path = ready()?.join("node_modules/axe-core/axe.min.js");
    fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
}

fn run(mut command: Command, registration: &Registration) -> anyhow::Result<Value> {
    let output = command
        .env("ISSUER", &registration.issuer)
        .env("CLIENT_ID", &registration.client_id)
        .env(
            "CLIENT_SECRET",
            registration.client_secret.as_deref().unwrap_or_default(),
        )
        .env("REDIRECT_URI", &registration.redirect_uri)
        .env("USER_NAME", &registration.user)
        .env("PASSWORD", &registration.password)
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Installs everything, once for each state of the lists; gives the folder.
///
/// # Errors
///
/// When a package source does not answer, or Node.js is too old.
pub fn ready() -> anyhow::Result<PathBuf> {
    let mut digest = Sha256::new();
    for (_, text) in FILES {
        digest.update(text);
    }
    let name = format!("relying-parties-{}", hex::encode(&digest.finalize()[..8]));
    let dir = testbed::dir().join(name);
    if dir.is_dir() {
        return Ok(dir);
    }
    let _lock = testbed::lock("relying-parties")?;
    if dir.is_dir() {
        return Ok(dir);
    }
    tools()?;
    // Made beside its place: a folder that is there is whole.
    let making = dir.with_extension("new");
    let _ = fs::remove_dir_all(&making);
    fs::create_dir_all(&making)?;
    for (name, text) in FILES {
        fs::write(making.join(name), text)?;
    }
    install(
        &making,
        "npm",
        &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    )?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        "python",
        "--requirement",
        "requirements.txt",
    ];
    install(&making, "python3", &pip)?;
    fs::rename(&making, &dir)?;
    Ok(dir)
}

fn install(dir: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {program}"))?;
    ensure!(
        output.status.success(),
        "`{program} {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Node.js with npm, and Python with pip: those that are there, else Debian's.
fn tools() -> anyhow::Result<()> {
    let missing: Vec<&str> = [("node", "nodejs"), ("npm", "npm")]
        .into_iter()
        .filter(|(program, _)| !packages::has(program))
        .map(|(_, package)| package)
        .collect();
    packages::ensure(&missing)?;
    let pip = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output();
    if !pip.is_ok_and(|output| output.status.success()) {
        packages::ensure(&["python3-pip"])?;
    }
    let output = Command::new("node").arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.trim().trim_start_matches('v').split('.').next();
    let version: u32 = version.unwrap_or_default().parse().unwrap_or(0);
    ensure!(
        version >= NODE,
        "openid-client needs Node.js {NODE} or newer, this machine has {}: install a newer one",
        text.trim()
    );
    Ok(())
}
