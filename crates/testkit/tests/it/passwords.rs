//! Passwords: from a domain controller by replication, and never more than a credential of them.

use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, Template};
use serde_json::Value;

const CHANGES: &str = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2";
const CHANGES_ALL: &str = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2";

/// What `lockstep-agent check` says of one thing.
fn check_of(agent: &Agent, name: &str) -> anyhow::Result<Value> {
    let output = agent.command(&["check", "-o", "json"])?;
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let found = checks.into_iter().find(|check| check["name"] == name);
    found.ok_or_else(|| anyhow::anyhow!("{name} was not checked"))
}

#[test]
fn the_check_says_which_right_is_missing_and_how_to_grant_it() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let agent = Agent::enroll(&service).unwrap();
    agent.add_domain(&forest).unwrap();
    let check = check_of(&agent, "readPasswordHashes").unwrap();
    assert_eq!(check["status"], "ok", "{check}");
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("dc1.corp.test:49"),
        "{check}"
    );
    let sid = forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = |right: &str| format!("(OA;;CR;{right};;{sid})");
    for (taken, lacking) in [
        (CHANGES_ALL, "Replicating Directory Changes All"),
        (CHANGES, "Replicating Directory Changes"),
    ] {
        forest.ad().revoke("DC=corp,DC=test", &ace(taken)).unwrap();
        let check = check_of(&agent, "readPasswordHashes").unwrap();
        assert_eq!(check["status"], "failed", "{check}");
        assert_eq!(check["code"], "MissingRight", "{check}");
        let message = check["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{lacking}`")), "{check}");
        let remedy = check["remedy"].as_str().unwrap();
        assert!(
            remedy.contains(&format!("CORP\\svc-lockstep:CA;{lacking}\"")),
            "{check}"
        );
        assert!(remedy.contains(&ace(taken)), "{check}");
    }
}
