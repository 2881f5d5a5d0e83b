//! What goes wrong is told with cause and remedy, deletes nobody, and heals by itself.

use crate::bed::{Bed, CONFIGURATION};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, Template};
use serde_json::{Value, json};
use std::process::Command;

const SERVICE_ACCOUNT: &str = "CN=svc-lockstep,CN=Users,DC=corp,DC=test";
/// What its password is changed to.
const NEW_PASSWORD: &str = "Another.1";

/// A bed with one user besides the service account.
fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    bed.add_users(["bob".to_owned()])?;
    bed.service.apply(CONFIGURATION)?;
    bed.cycle()?;
    Ok(bed)
}

/// Runs a cycle that must fail with this code, and checks that nothing was deleted.
fn fails_with(bed: &Bed, code: &str) -> anyhow::Result<Value> {
    let result = bed.service.cycle("corp")?;
    assert_eq!(result["state"], "failed", "{result}");
    assert_eq!(result["error"]["code"], code, "{result}");
    assert_eq!(result["deleted"], 0);
    let remedy = result["error"]["remedy"].as_str().unwrap_or_default();
    assert!(!remedy.is_empty(), "{result}");
    bed.user("bob")?;
    Ok(result["error"].clone())
}

/// Tells the agent the password that its account has now.
fn tell_new_password(bed: &Bed) -> anyhow::Result<()> {
    let file = bed.agent.secret("new", NEW_PASSWORD)?;
    let update = ["domain", "update", "corp.test", "--password-file", &file];
    bed.agent.run(&update).map(|_| ())
}

#[test]
fn a_changed_password_is_told_and_taken_up_without_restart() {
    let bed = bed().unwrap();
    bed.forest
        .ad()
        .set_password(SERVICE_ACCOUNT, NEW_PASSWORD)
        .unwrap();
    fails_with(&bed, "WrongCredentials").unwrap();
    tell_new_password(&bed).unwrap();
    bed.cycle().unwrap();
}

#[test]
fn an_account_that_must_not_sign_in_says_why() {
    let bed = bed().unwrap();
    for (attribute, bad, good, code) in [
        ("userAccountControl", "514", "512", "AccountDisabled"),
        (
            "accountExpires",
            "131000000000000000",
            "0",
            "AccountExpired",
        ),
        ("pwdLastSet", "0", "-1", "PasswordMustChange"),
    ] {
        bed.forest
            .ad()
            .set(SERVICE_ACCOUNT, attribute, bad)
            .unwrap();
        fails_with(&bed, code).unwrap();
        bed.forest
            .ad()
            .set(SERVICE_ACCOUNT, attribute, good)
            .unwrap();
        bed.cycle().unwrap();
    }
}

#[test]
fn an_expired_password_is_told_and_a_new_one_heals_it() {
    let mut bed = bed().unwrap();
    let age = |age: &str| {
        json!({"op": "modify", "dn": "DC=corp,DC=test",
            "changes": [{"kind": "replace", "attribute": "maxPwdAge", "values": [age]}]})
    };
    bed.forest.ad().operation(&age("-36288000000000")).unwrap();
    // Only the controller itself may say when a password was set.
    let long_ago = json!({"op": "modify", "dn": SERVICE_ACCOUNT,
        "controls": ["local_oid:1.3.6.1.4.1.7165.4.3.12:0"],
        "changes": [{"kind": "replace", "attribute": "pwdLastSet", "values": ["132000000000000000"]}]});
    bed.forest.dc_mut().kill();
    bed.forest.dc().offline(&long_ago).unwrap();
    bed.forest.dc_mut().start().unwrap();
    fails_with(&bed, "PasswordExpired").unwrap();
    let mut ad = bed.forest.ad();
    ad.set_password(SERVICE_ACCOUNT, NEW_PASSWORD).unwrap();
    drop(ad);
    tell_new_password(&bed).unwrap();
    bed.cycle().unwrap();
}

#[test]
fn a_controller_that_does_not_answer_is_named_and_the_next_cycle_recovers() {
    let mut bed = bed().unwrap();
    let address = bed.forest.dc().address().to_owned();
    bed.forest.dc_mut().kill();
    let error = fails_with(&bed, "DomainControllerUnreachable").unwrap();
    assert!(
        error["message"].as_str().unwrap().contains(&address),
        "{error}"
    );
    bed.forest.dc_mut().start().unwrap();
    bed.cycle().unwrap();
}

#[test]
fn a_missing_right_is_named_with_the_command_that_grants_it() {
    let bed = bed().unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = format!("(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{sid})");
    bed.forest.ad().revoke("DC=corp,DC=test", &ace).unwrap();
    fails_with(&bed, "MissingRight").unwrap();
    let check = bed.agent.command(&["check"]).unwrap();
    assert_eq!(check.status.code(), Some(1));
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(text.contains("FAIL  corp.test readChanges"), "{text}");
    assert!(text.contains(&format!("--sddl=\"{ace}\"")), "{text}");
    assert!(
        text.contains("dsacls \"DC=corp,DC=test\" /G \"CORP\\svc-lockstep:CA;Replicating"),
        "{text}"
    );
    bed.forest.ad().grant("DC=corp,DC=test", &ace).unwrap();
    bed.cycle().unwrap();
}

/// H1
#[test]
fn deletes_that_never_arrive_end_the_cycle_as_deletions_not_visible() {
    let mut bed = bed().unwrap();
    // Replication would show them.
    let without = format!("{CONFIGURATION}[password-hash-sync]\nenabled = false\n");
    bed.service.apply(&without).unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    // Nobody may change that access control list but the system itself.
    let system = |forest: &mut Forest, verb: &str| {
        let operation = json!({
            "op": verb, "dn": "CN=Deleted Objects,DC=corp,DC=test", "ace": format!("(A;;RPLC;;;{sid})"),
            "show_deleted": true,
        });
        forest.dc_mut().kill();
        forest.dc().offline(&operation).unwrap();
        forest.dc_mut().start().unwrap();
    };
    system(&mut bed.forest, "revoke");
    fails_with(&bed, "DeletionsNotVisible").unwrap();
    bed.forest
        .ad()
        .delete("CN=bob,CN=Users,DC=corp,DC=test")
        .unwrap();
    fails_with(&bed, "DeletionsNotVisible").unwrap();
    let check = bed.agent.command(&["check"]).unwrap();
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(
        text.contains("ldbmodify") && text.contains("/takeownership"),
        "{text}"
    );
    system(&mut bed.forest, "grant");
    // The deletion went by while nobody could see it: only a full import finds it again.
    bed.service.run(&["restart", "corp"]).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("deleted"), 1, "{}", cycle.result);
}

#[test]
fn ldaps_and_starttls_read_and_a_wrong_name_in_the_certificate_is_refused() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let ca = forest.dc().ca_file().to_string_lossy().into_owned();
    let mut agent = Agent::enroll(&service).unwrap();
    agent.add_domain(&forest).unwrap();
    for security in ["ldaps", "starttls"] {
        let update = [
            "domain",
            "update",
            "corp.test",
            "--security",
            security,
            "--ca-file",
            &ca,
        ];
        agent.run(&update).unwrap();
        let check = agent.command(&["check", "-o", "json"]).unwrap();
        let text = String::from_utf8(check.stdout).unwrap();
        assert!(text.contains("CertificateNameMismatch"), "{text}");
        assert!(
            text.contains("name the server with --server as its certificate does"),
            "{text}"
        );
    }
    // By the name in the certificate, looked up at the domain's own DNS server.
    forest.register_address().unwrap();
    agent.set_environment("LOCKSTEP_DNS_SERVERS", forest.dc().address());
    for security in ["ldaps", "starttls"] {
        let update = [
            "domain",
            "update",
            "corp.test",
            "--security",
            security,
            "--server",
            "dc1.corp.test",
        ];
        agent.run(&update).unwrap();
        let text = agent.run(&["check"]).unwrap();
        assert!(text.contains("with TLS"), "{text}");
    }
    agent.start().unwrap();
    service.apply(CONFIGURATION).unwrap();
    assert_eq!(service.cycle("corp").unwrap()["state"], "succeeded");
}

#[test]
fn controllers_are_found_by_dns_and_all_ways_of_writing_the_account_work() {
    let forest = Forest::start(Template::default()).unwrap();
    forest.register_address().unwrap();
    let service = Service::start().unwrap();
    let mut agent = Agent::enroll(&service).unwrap();
    agent.set_environment("LOCKSTEP_DNS_SERVERS", forest.dc().address());
    agent.add_domain_at(&forest, &[]).unwrap();
    for account in [
        "svc-lockstep",
        "CORP\\svc-lockstep",
        "svc-lockstep@corp.test",
    ] {
        agent
            .run(&["domain", "update", "corp.test", "--username", account])
            .unwrap();
        let text = agent.run(&["check"]).unwrap();
        assert!(text.contains("with Kerberos"), "{account}: {text}");
    }
}

#[test]
fn a_keytab_signs_in_and_with_it_a_wrong_clock_names_both_times() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let mut agent = Agent::enroll(&service).unwrap();
    agent.add_domain(&forest).unwrap();
    let keytab = forest.dc().dir().join("svc.keytab");
    let made = Command::new("samba-tool")
        .args(["domain", "exportkeytab", "--principal=svc-lockstep", "-s"])
        .arg(forest.dc().dir().join("etc/smb.conf"))
        .arg(&keytab)
        .env("SMB_CONF_PATH", forest.dc().dir().join("empty.conf"))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let keytab = keytab.to_string_lossy().into_owned();

    // With a password the wrong clock is a warning.
    agent.set_clock("+11m");
    let text = agent.run(&["check"]).unwrap();
    assert!(
        text.contains("warn  corp.test connect") && text.contains("with NTLM"),
        "{text}"
    );

    agent
        .run(&["domain", "update", "corp.test", "--keytab", &keytab])
        .unwrap();
    let check = agent.command(&["check", "-o", "json"]).unwrap();
    let text = String::from_utf8(check.stdout).unwrap();
    assert!(
        text.contains("\"ClockSkew\"") && text.contains("this machine's says"),
        "{text}"
    );

    agent.set_clock("+0");
    let text = agent.run(&["check"]).unwrap();
    assert!(text.contains("with Kerberos"), "{text}");
}

#[test]
fn without_an_agent_a_cycle_fails_in_time_and_says_so() {
    let mut bed = bed().unwrap();
    bed.agent.kill();
    fails_with(&bed, "NoActiveAgents").unwrap();
    bed.agent.start().unwrap();
    bed.cycle().unwrap();
}
