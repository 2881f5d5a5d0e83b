//! When cycles run by themselves.

use crate::bed::Bed;
use lockstep_testkit::product::eventually;
use lockstep_testkit::samba::{NewUser, Template};
use std::time::Duration;

/// How long it takes from a new user in AD until the directory has it.
fn appears(bed: &Bed, account: &str) -> anyhow::Result<Duration> {
    let user = NewUser {
        account,
        ..NewUser::default()
    };
    bed.forest.ad().add_user(&user)?;
    eventually(account, || Ok(bed.users(account)?.len() == 1))
}

#[test]
fn a_change_arrives_because_the_domain_controller_announces_it() {
    let bed = Bed::start(Template::default()).unwrap();
    let configuration = "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\ninterval = \"24h\"\n";
    bed.service.apply(configuration).unwrap();
    bed.cycle().unwrap();
    eventually("changes are announced", || {
        Ok(bed.agent.log().contains("changes are announced"))
    })
    .unwrap();
    for account in ["ada", "bob", "eve"] {
        let took = appears(&bed, account).unwrap();
        assert!(took < Duration::from_secs(4), "{account} took {took:?}");
    }
}

#[test]
fn a_change_arrives_by_the_schedule_where_nothing_is_announced() {
    let bed = Bed::start(Template::default()).unwrap();
    let configuration = "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\ninterval = \"10s\"\non-change = false\n";
    bed.service.apply(configuration).unwrap();
    appears(&bed, "ada").unwrap();
}

#[test]
fn a_paused_configuration_runs_by_hand_only() {
    let bed = Bed::synced(Template::default()).unwrap();
    bed.service
        .run(&["configuration", "pause", "corp"])
        .unwrap();
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(shown["status"], "paused");
    bed.cycle().unwrap();
    bed.service
        .run(&["configuration", "resume", "corp"])
        .unwrap();
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(shown["status"], "active");
}
