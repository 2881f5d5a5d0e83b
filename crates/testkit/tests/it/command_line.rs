//! Bad input is refused with field, expectation and remedy; nothing is half done.

use crate::bed::Bed;
use crate::sinks::{SmtpSink, WebhookSink};
use lockstep_testkit::product::{Agent, Service, eventually};
use lockstep_testkit::samba::{Forest, NewUser, Population, Template};
use serde_json::Value;
use std::process::Output;
use std::time::{Duration, Instant};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_configuration_files_are_refused_as_a_whole() {
    let bed = Bed::start(Template::default()).unwrap();
    bed.forest.ad().add_ou("Staff", None).unwrap();
    let apply = |toml: &str| {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("corp.toml");
        std::fs::write(&path, toml)?;
        let path = path.to_string_lossy().into_owned();
        let output = bed.service.command(&["apply", &path, "--yes"])?;
        anyhow::Ok((output.status.code(), stderr(&output)))
    };
    for (toml, expected) in [
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scop]\n",
            "corp.toml:3: unknown field `scop`",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scop]\n",
            "did you mean `scope`?",
        ),
        (
            "name = \"corp\"\ndomain = \"nonsense\"\n",
            "corp.toml:2: domain: expected the DNS name",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scope]\norganizational-units = []\n",
            "leave the key out for the whole domain",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scope]\ngroups = [\"CN=x\"]\n",
            "corp.toml:4: scope.groups[0]: expected a distinguished name within DC=corp,DC=test",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\n[scope]\n\
             organizational-units = [\"OU=Stuff,DC=corp,DC=test\"]\n",
            "did you mean OU=Staff,DC=corp,DC=test?",
        ),
        (
            "name = \"corp\"\ndomain = \"corp.test\"\npaused = maybe\n",
            "corp.toml:3:",
        ),
    ] {
        let (status, text) = apply(toml).unwrap();
        assert!(matches!(status, Some(1 | 2)), "{toml}: {status:?}");
        assert!(text.contains(expected), "{toml}: {text}");
    }
    let none = bed.service.json(&["configuration", "list"]).unwrap();
    assert_eq!(none.as_array().map(Vec::len), Some(0));
    // Without a yes and without a terminal nothing is changed.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("corp.toml");
    std::fs::write(&path, crate::bed::CONFIGURATION).unwrap();
    let output = bed
        .service
        .command(&["apply", &path.to_string_lossy()])
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--yes"));
}

#[test]
fn a_second_service_on_the_same_folder_is_refused_and_the_first_stops_in_order() {
    let mut service = Service::start().unwrap();
    // The agent asks for work, and an answer may take up to a minute.
    let mut agent = Agent::enroll(&service).unwrap();
    agent.start().unwrap();
    eventually("the agent is there", || {
        Ok(service.json(&["agent", "list"])?[0]["status"] == "active")
    })
    .unwrap();
    let second = service
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        stderr(&second).contains("`lockstep serve` is running"),
        "{}",
        stderr(&second)
    );
    let (status, text) = service.send("GET", "/healthz", "").unwrap();
    assert_eq!((status, text.as_str()), (200, "ok\n"));
    let (status, text) = service.send("GET", "/metrics", "").unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("lockstep_agents"), "{text}");
    let begun = Instant::now();
    assert_eq!(service.stop().unwrap().code(), Some(0), "{}", service.log());
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_long_cycle_shows_its_progress_on_a_terminal_and_nowhere_else() {
    let population = Population {
        users: 300,
        groups: 10,
        ous: 5,
        members: 10,
        largest_group: 50,
        hard_names: false,
    };
    let bed = Bed::start(Template::with(population)).unwrap();
    bed.service.apply(crate::bed::CONFIGURATION).unwrap();
    let program = lockstep_testkit::product::program("lockstep").unwrap();
    let data_dir = bed.service.data_dir();
    let command = format!(
        "{} cycle run corp --wait --data-dir {}",
        program.display(),
        data_dir.display()
    );
    // `script` gives the command a terminal, and tells what appeared on it.
    let on_terminal = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&on_terminal.stdout).into_owned();
    assert!(on_terminal.status.success(), "{shown}");
    let is_progress = |line: &str| {
        [" read, ", " planned, ", " applied, ", "/s"]
            .iter()
            .all(|part| line.contains(part))
    };
    assert!(shown.split(['\r', '\n']).any(is_progress), "{shown:?}");
    assert!(shown.contains("succeeded"), "{shown:?}");

    bed.service
        .run(&["restart", "corp", "--reset", "full"])
        .unwrap();
    let piped = bed
        .service
        .command(&["cycle", "run", "corp", "--wait"])
        .unwrap();
    assert!(piped.status.success());
    assert_eq!(stderr(&piped), "");
}

#[test]
fn what_synchronisation_owns_cannot_be_changed_through_the_api() {
    let bed = Bed::synced(Template::default()).unwrap();
    let id = bed.user("svc-lockstep").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1.0/users/{id}");
    for (method, body) in [("PATCH", "{\"department\":\"x\"}"), ("DELETE", "")] {
        let (status, text) = bed.service.send(method, &path, body).unwrap();
        assert_eq!(status, 400);
        assert!(text.contains("mastered on-premises"), "{text}");
    }
    let principal = bed.service.graph_all("servicePrincipals").unwrap()[0].clone();
    let path = format!(
        "/v1.0/servicePrincipals/{}",
        principal["id"].as_str().unwrap()
    );
    let (status, _) = bed.service.send("DELETE", &path, "").unwrap();
    assert_eq!(status, 403);
    let (status, body) = bed.service.graph("users?$filter=departmnt eq 'x'").unwrap();
    assert_eq!(status, 400);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("department"),
        "{body}"
    );
}

#[test]
fn the_log_names_an_object_that_stays_home_when_it_is_asked_for() {
    let bed = Bed::synced(Template::default()).unwrap();
    let entries = |object: &str| {
        let text = bed
            .service
            .run(&["log", "--object", object, "-o", "json"])?;
        let lines = text.lines().map(|line| Ok(serde_json::from_str(line)?));
        lines.collect::<anyhow::Result<Vec<Value>>>()
    };
    let dn = "CN=Domain Controllers,CN=Users,DC=corp,DC=test";
    let by_name = entries("domain controllers").unwrap();
    assert_eq!(by_name.len(), 1, "{by_name:?}");
    assert_eq!(by_name[0]["action"], "Skip");
    assert_eq!(by_name[0]["code"], "NeverSynced");
    assert_eq!(by_name[0]["dn"], dn);
    assert_eq!(entries(dn).unwrap(), by_name);
    let anchor = by_name[0]["anchor"].as_str().unwrap();
    assert_eq!(entries(anchor).unwrap(), by_name);
    // Nobody has told the service its name: it is not in the store.
    let all = bed
        .service
        .run(&["log", "--limit", "10000", "-o", "json"])
        .unwrap();
    assert!(!all.contains("Domain Controllers,CN=Users"), "{all}");

    let nobody = bed.service.command(&["log", "--object", "nobody"]).unwrap();
    assert!(nobody.status.success() && nobody.stdout.is_empty());
    assert!(stderr(&nobody).contains("nothing was ever decided about nobody"));
}

/// The log of the provisioning from a moment on, by the command.
fn log_since(bed: &Bed, moment: &str) -> Vec<Value> {
    let arguments = ["log", "--since", moment, "--limit", "1000", "-o", "json"];
    let text = bed.service.run(&arguments).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn the_log_is_asked_from_a_moment_on_by_command_and_api() {
    let bed = Bed::synced(Template::default()).unwrap();
    let earlier = log_since(&bed, "30d");
    assert!(!earlier.is_empty());
    let later = bed
        .after(|ad| {
            let newcomer = NewUser {
                account: "newcomer",
                ..NewUser::default()
            };
            ad.add_user(&newcomer)
        })
        .unwrap();
    let began = later.result["startedAt"].as_str().unwrap();
    let since = log_since(&bed, began);
    assert_eq!(since.len(), later.log.len(), "{since:#?}");
    let is_later = |entry: &Value| entry["cycle"] == later.result["cycleId"];
    assert!(
        !since.is_empty() && since.iter().all(is_later),
        "{since:#?}"
    );
    assert_eq!(log_since(&bed, "30d").len(), earlier.len() + since.len());
    assert!(log_since(&bed, "2999-01-01T00:00:00Z").is_empty());

    let (status, page) = bed
        .service
        .send("GET", &format!("/api/v1/log?since={began}&limit=1000"), "")
        .unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        (status, page["entries"].as_array().map(Vec::len)),
        (200, Some(since.len()))
    );
    let graph = |filter: &str| {
        let path = format!("auditLogs/provisioning?$filter=activityDateTime {filter}");
        bed.service.graph_all(&path).unwrap().len()
    };
    assert_eq!(graph(&format!("ge {began}")), since.len());
    assert_eq!(graph(&format!("lt {began}")), earlier.len());

    let audit = |moment: &str| {
        let shown = bed.service.json(&["audit", "--since", moment]).unwrap();
        shown.as_array().map_or(0, Vec::len)
    };
    assert!(audit("1h") > 0);
    assert_eq!(audit("2999-01-01T00:00:00Z"), 0);
}

#[test]
fn a_cycle_that_fails_is_told_by_mail_and_by_webhook() {
    let (mail, hook) = (SmtpSink::start(), WebhookSink::start());
    let forest = Forest::start(Template::default()).unwrap();
    let url = format!("smtp://{}", mail.address());
    let from = ["--smtp-url", &url, "--smtp-from", "lockstep@corp.test"];
    let service = Service::start_with(&from).unwrap();
    let mut agent = Agent::enroll(&service).unwrap();
    agent.add_domain(&forest).unwrap();
    agent.start().unwrap();
    let toml = format!(
        "{}[notifications]\nemail = [\"ops@corp.test\"]\nwebhook = \"{}\"\n",
        crate::bed::CONFIGURATION,
        hook.address()
    );
    service.apply(&toml).unwrap();
    assert_eq!(service.cycle("corp").unwrap()["state"], "succeeded");
    agent.kill();
    let failed = service.cycle("corp").unwrap();
    assert_eq!(failed["error"]["code"], "NoActiveAgents", "{failed}");
    eventually("both are told", || {
        Ok(!mail.received().is_empty() && !hook.received().is_empty())
    })
    .unwrap();
    let mails = mail.received();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    for part in [
        "From: lockstep@corp.test",
        "To: ops@corp.test",
        "NoActiveAgents",
    ] {
        assert!(mails[0].contains(part), "{part} in {}", mails[0]);
    }
    assert_eq!(hook.received()[0]["code"], "NoActiveAgents");
}
