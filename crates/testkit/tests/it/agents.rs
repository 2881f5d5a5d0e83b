//! The life of agents: how they get in, take one another's place, change their keys, and are shut out.

use crate::bed::{Bed, CONFIGURATION, by_hand_only, dump, undisturbed};
use lockstep_testkit::front::{Front, Limits};
use lockstep_testkit::product::{Agent, Service, eventually, program};
use lockstep_testkit::samba::{Forest, NewUser, Population, Template};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

const UNLIMITED: Limits = Limits {
    page_size: 1_000,
    values: usize::MAX,
    changes: usize::MAX,
    change_bytes: usize::MAX,
    delay: Duration::ZERO,
};

fn user(account: &str) -> NewUser<'_> {
    NewUser {
        account,
        ..NewUser::default()
    }
}

/// How many readings an agent has begun.
fn begun(agent: &Agent) -> usize {
    let sent = agent.sent().unwrap_or_default();
    let path = |sent: &serde_json::Value| sent["path"].as_str().unwrap_or_default().to_owned();
    sent.iter()
        .filter(|sent| path(sent).contains("/begin"))
        .count()
}

/// 38
#[test]
fn three_agents_are_registered_killing_the_one_in_use_delays_the_cycle_but_loses_no_change() {
    let population = Population {
        users: 100,
        groups: 10,
        ous: 4,
        members: 8,
        largest_group: 60,
        hard_names: true,
    };
    let forest = Forest::start(Template::with(population)).unwrap();
    let front = Front::before(forest.dc(), UNLIMITED).unwrap();
    let service = Service::start().unwrap();
    service.run(&["domain", "add", "corp.test"]).unwrap();
    let mut agents = Vec::new();
    for _ in 0..3 {
        let mut agent = Agent::enroll(&service).unwrap();
        agent.add_domain_behind(&forest, &front).unwrap();
        agent.start().unwrap();
        agents.push(agent);
    }
    eventually("three agents are active", || {
        let listed = service.json(&["agent", "list"])?;
        let active = listed.as_array().into_iter().flatten();
        Ok(active
            .filter(|agent| agent["status"] == "active" && agent["domains"][0] == "corp.test")
            .count()
            == 3)
    })
    .unwrap();
    service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    let first = service.cycle("corp").unwrap();
    assert_eq!(first["state"], "succeeded", "{first}");

    forest.ad().add_user(&user("late")).unwrap();
    let group = forest.ad().search("(cn=Group 00001)", &["cn"]).unwrap();
    forest.ad().delete(&group[0].dn).unwrap();
    let before: Vec<usize> = agents.iter().map(begun).collect();
    let held = front.hold(|request| request.cookie.is_some());
    std::thread::scope(|scope| {
        let cycle = scope.spawn(|| service.cycle("corp").unwrap());
        held.reached().unwrap();
        let in_use = agents
            .iter()
            .zip(&before)
            .position(|(agent, before)| begun(agent) > *before);
        agents[in_use.unwrap()].kill();
        held.release();
        let result = cycle.join().unwrap();
        assert_eq!(result["state"], "succeeded", "{result}\n{}", service.log());
    });
    assert!(
        service
            .log()
            .contains("the agent fell silent; its lease is given on")
    );
    assert_eq!(dump(&service).unwrap(), undisturbed(&forest).unwrap());
}

/// 41
#[test]
fn a_slow_search_ends_by_the_configured_time_out_and_a_longer_one_lets_it_pass() {
    let (bed, front) = Bed::behind_front(Template::default(), UNLIMITED).unwrap();
    bed.forest.ad().add_user(&user("ada")).unwrap();
    bed.cycle().unwrap();
    let ada = "CN=ada,CN=Users,DC=corp,DC=test";
    bed.forest.ad().delete(ada).unwrap();
    bed.forest.ad().add_user(&user("bob")).unwrap();
    let wait_for = |time: &str| {
        let update = ["domain", "update", "corp.test", "--search-timeout", time];
        bed.agent.run(&update).unwrap();
    };
    wait_for("2s");
    let held = front.hold(|request| request.cookie.is_some());
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["state"], "failed", "{result}");
    assert_eq!(result["error"]["code"], "SearchTimeout", "{result}");
    let remedy = result["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("--search-timeout"), "{result}");
    assert_eq!(result["deleted"], 0, "{result}");
    assert_eq!(bed.users("ada").unwrap().len(), 1);
    held.release();

    wait_for("1m");
    let held = front.hold(|request| request.cookie.is_some());
    std::thread::scope(|scope| {
        let cycle = scope.spawn(|| bed.cycle().unwrap());
        held.reached().unwrap();
        // Longer than would have been waited for before.
        std::thread::sleep(Duration::from_secs(4));
        held.release();
        let cycle = cycle.join().unwrap();
        assert_eq!((cycle.count("created"), cycle.count("deleted")), (1, 1));
    });
    let refused = ["domain", "update", "corp.test", "--search-timeout", "soon"];
    let refused = bed.agent.command(&refused).unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// 43
#[test]
fn a_removed_agents_next_request_is_refused() {
    let bed = Bed::synced(Template::default()).unwrap();
    let agents = bed.service.json(&["agent", "list"]).unwrap();
    assert_eq!(agents[0]["status"], "active");
    let id = agents[0]["id"].as_str().unwrap();
    bed.service.run(&["agent", "remove", id]).unwrap();
    eventually("the agent stops", || {
        Ok(bed.agent.log().contains("has been removed"))
    })
    .unwrap();
    let check = bed.agent.command(&["check"]).unwrap();
    assert_eq!(check.status.code(), Some(1));
    // Nobody is left who would read the domain.
    bed.forest.ad().add_user(&user("late")).unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["error"]["code"], "NoActiveAgents", "{result}");
}

/// 44
#[test]
fn a_used_expired_or_foreign_token_is_refused() {
    let service = Service::start().unwrap();
    let other = Service::start().unwrap();
    let agent = Agent::enroll(&service).unwrap();
    let enroll = |token: &str| {
        let dir = tempfile::tempdir()?;
        let state = dir.path().join("state").to_string_lossy().into_owned();
        let output = Command::new(program("lockstep-agent")?)
            .args(["enroll", "--state-dir", &state, "--token", token])
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::Ok((output.status.code(), stderr))
    };
    let used = fs::read_to_string(agent.state_dir().parent().unwrap().join("token")).unwrap();
    let (status, text) = enroll(used.trim()).unwrap();
    assert_eq!(status, Some(1));
    assert!(
        text.contains("used already") && text.contains("lockstep agent token"),
        "{text}"
    );

    let expired = service
        .run(&["agent", "token", "--expires-in", "1s"])
        .unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let (status, text) = enroll(expired.trim()).unwrap();
    assert_eq!(status, Some(1));
    assert!(text.contains("has expired"), "{text}");

    // A token of one service at the address of another: its CA has another fingerprint.
    let mut foreign: lockstep_api::channel::EnrollmentToken =
        other.run(&["agent", "token"]).unwrap().parse().unwrap();
    service.url().clone_into(&mut foreign.url);
    let (status, text) = enroll(&foreign.to_text()).unwrap();
    assert_eq!(status, Some(1));
    assert!(text.contains("fingerprint"), "{text}");

    let (status, text) = enroll("lockstep1.nonsense").unwrap();
    assert_eq!(status, Some(2));
    assert!(text.contains("expected an enrolment token"), "{text}");
}

/// 45
#[test]
fn the_agents_key_rotates_by_itself() {
    let mut bed = Bed::synced(Template::default()).unwrap();
    let key = bed.agent.state_dir().join("key.p8");
    let before = fs::read(&key).unwrap();
    // Somebody took a copy of the agent's folder while the key was the old one.
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("state");
    copy_folder(&bed.agent.state_dir(), &copied);
    bed.agent.kill();
    let long_ago = SystemTime::now() - Duration::from_secs(31 * 86_400);
    fs::File::options()
        .append(true)
        .open(&key)
        .and_then(|file| file.set_modified(long_ago))
        .unwrap();
    bed.agent.start().unwrap();
    eventually(
        "the agent has another key",
        || Ok(fs::read(&key)? != before),
    )
    .unwrap();
    bed.forest.ad().add_user(&user("late")).unwrap();
    assert_eq!(bed.cycle().unwrap().count("created"), 1);
    let agents = bed.service.json(&["agent", "list"]).unwrap();
    assert_eq!(agents.as_array().map(Vec::len), Some(1), "{agents}");

    // The old key opens nothing any more.
    let check = Command::new(program("lockstep-agent").unwrap())
        .args(["check", "--state-dir"])
        .arg(&copied)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(said.contains("FAIL  service"), "{said}");
}

fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}

/// 46
#[test]
fn an_agent_reconnects_after_the_services_restart() {
    let mut bed = Bed::synced(Template::default()).unwrap();
    for (account, killed) in [("one", false), ("two", true)] {
        match killed {
            true => bed.service.kill(),
            false => assert!(bed.service.stop().unwrap().success()),
        }
        bed.forest.ad().add_user(&user(account)).unwrap();
        bed.service.resume().unwrap();
        let cycle = bed.cycle().unwrap();
        assert_eq!(cycle.result["kind"], "incremental", "{}", cycle.result);
        assert_eq!(cycle.count("created"), 1, "{}", cycle.result);
    }
    let agents = bed.service.json(&["agent", "list"]).unwrap();
    assert_eq!(agents[0]["status"], "active", "{agents}");
}
