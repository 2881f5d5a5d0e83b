//! `cargo xtask fixtures`: what later versions have to understand, kept as it is today. A fixture that is there is
//! never replaced: it is what was released.
//!
//! * `schema-N.db.zst`: the database of a service that has synchronised a domain, at schema version N. Whoever adds
//!   a step to the schema runs this before, and keeps the file of the version that the step leads from.
//! * `channel-V.jsonl.zst`: what an agent sent for it, by version V of the channel, as it recorded it.

use crate::output;
use anyhow::Context as _;
use lockstep_api::channel::PROTOCOL_VERSIONS;
use lockstep_store::{check_copy, copy};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, NewUser, Template};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FOLDER: &str = "crates/server/tests/fixtures";
/// Passwords stay out: of them the record says only that there were some.
const CONFIGURATION: &str = "name = \"corp\"\ndomain = \"corp.test\"\npaused = true\n[password-hash-sync]\nenabled = false\n";

/// Writes those that are not there.
pub(crate) fn run() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(FOLDER);
    fs::create_dir_all(&folder)?;
    let scratch = tempfile::tempdir()?;
    output::step("fixtures: a forest, a service, an agent");
    let forest = Forest::start(Template::default())?;
    populate(&forest)?;
    let service = Service::start()?;
    let agent = Agent::of(&service, &forest)?;
    service.run(&["domain", "add", "corp.test"])?;
    service.apply(CONFIGURATION)?;
    let result = service.cycle("corp")?;
    anyhow::ensure!(result["state"] == "succeeded", "{result}");
    let record = fs::read_to_string(agent.record())?;
    forest.ad().delete("CN=Gone,CN=Users,DC=corp,DC=test")?;
    service.cycle("corp")?;
    let secret = scratch.path().join("password");
    fs::write(&secret, "Correct horse 7")?;
    let secret = secret.to_string_lossy();
    service.run(&[
        "password",
        "set",
        "ada@corp.test",
        "--password-file",
        &secret,
    ])?;
    service.run(&["role", "assign", "ada@corp.test", "--role", "reader"])?;
    let app = [
        "app",
        "create",
        "--name",
        "Wiki",
        "--redirect-uri",
        "https://wiki.test/cb",
    ];
    service.run(&app)?;
    let database = scratch.path().join("copy.db");
    copy(&service.data_dir(), &database)?;
    let version = check_copy(&database)?;
    keep(
        &folder,
        &format!("schema-{version}.db.zst"),
        &fs::read(&database)?,
    )?;
    let [version, ..] = PROTOCOL_VERSIONS;
    let transcript = of_readings(&record)?;
    keep(
        &folder,
        &format!("channel-{version}.jsonl.zst"),
        transcript.as_bytes(),
    )
}

fn populate(forest: &Forest) -> anyhow::Result<()> {
    let mut ad = forest.ad();
    let mut members = Vec::new();
    for account in ["ada", "bob", "Gone"] {
        let attributes = [("displayName", account), ("department", "Sales")];
        members.push(ad.add_user(&NewUser {
            account,
            attributes: &attributes,
            ..NewUser::default()
        })?);
    }
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    ad.add_group("Pilots", &members)?;
    ad.set(
        "CN=bob,CN=Users,DC=corp,DC=test",
        "manager",
        members.first().copied().unwrap_or_default(),
    )
}

/// Only what was sent for readings: answers to questions of the administration depend on when they were asked.
fn of_readings(record: &str) -> anyhow::Result<String> {
    let mut readings = BTreeSet::new();
    let mut lines = Vec::new();
    for line in record.lines() {
        let value: Value = serde_json::from_str(line)?;
        let path = value["path"].as_str().context("a line without a path")?;
        let instruction = instruction(path).map(str::to_owned);
        if path.ends_with("/begin") {
            readings.extend(instruction.clone());
        }
        lines.push((line, path.ends_with("/session"), instruction));
    }
    let kept = lines.into_iter().filter(|(_, session, instruction)| {
        *session || instruction.as_ref().is_some_and(|id| readings.contains(id))
    });
    Ok(kept.map(|(line, ..)| format!("{line}\n")).collect())
}

/// Of `/agent/v1/instructions/ID/begin` the id.
fn instruction(path: &str) -> Option<&str> {
    let behind = path.strip_prefix("/agent/v1/instructions/")?;
    behind.split('/').next()
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    if path.exists() {
        output::words(&format!("{name} is there and stays as it is\n"));
        return Ok(());
    }
    fs::write(&path, zstd::encode_all(bytes, 19)?)?;
    output::words(&format!("{name} written\n"));
    Ok(())
}
