//! Agents as they are listed.

use crate::corp::{Corp, DAY, HOUR, MINUTE};
use crate::domain::AGENT;
use lockstep_store::records::service::Agent;
use lockstep_store::{ReadRecords as _, WriteRecords as _};
use serde_json::Value;

/// An agent that has asked for work at this moment.
fn corp() -> Corp {
    let corp = Corp::start();
    let now = corp.api.service.clock.now().as_millis();
    let mut heard = |tx: &mut dyn lockstep_store::Write| {
        let mut agent: Agent = tx.fetch_one(&AGENT)?.expect("it is enrolled");
        agent.seen = now;
        tx.store(&[agent])
    };
    corp.api.service.store.write(&mut heard).unwrap();
    corp
}

fn listed(corp: &Corp, path: &str) -> Vec<String> {
    let agents = corp.api.send("GET", path, None).json();
    let status = |agent: &Value| agent["status"].as_str().unwrap_or_default().to_owned();
    agents
        .as_array()
        .into_iter()
        .flatten()
        .map(status)
        .collect()
}

/// The published figure is an hour; an administrator who looks for the reason of a failed cycle is not to
/// see an agent called active that has been silent for that long.
#[test]
fn a_stopped_agent_turns_inactive_after_two_minutes_and_vanishes_from_the_list_after_ten_days() {
    const AGENTS: &str = "/api/v1/agents";
    let corp = corp();
    assert_eq!(listed(&corp, AGENTS), ["active"]);
    corp.wait(MINUTE);
    assert_eq!(listed(&corp, AGENTS), ["active"]);
    corp.wait(MINUTE + 1);
    assert_eq!(listed(&corp, AGENTS), ["inactive"]);
    corp.wait(10 * DAY - HOUR);
    assert_eq!(listed(&corp, AGENTS), ["inactive"]);
    corp.wait(HOUR);
    assert!(listed(&corp, AGENTS).is_empty());
    // It is not forgotten: it can be seen and removed, and one that comes back is welcome.
    assert_eq!(listed(&corp, "/api/v1/agents?all=true"), ["inactive"]);
    let asks = lockstep_server::agents::next_instruction(&corp.api.service, AGENT, "another");
    assert_eq!(corp.api.block_on(asks).unwrap(), None);
    assert_eq!(listed(&corp, AGENTS), ["active"]);
}
