//! The test bed itself.

use lockstep_testkit::samba::{Domain, Forest, NewUser, Population, Template};
use std::process::Command;

/// A DirSync search as the service account; gives what `ldapsearch` prints.
fn dir_sync(forest: &Forest) -> anyhow::Result<String> {
    let account = forest.service_account();
    let output = Command::new("ldapsearch")
        .args([
            "-x",
            "-LLL",
            "-H",
            &format!("ldaps://{}", forest.dc().address()),
        ])
        .args([
            "-D",
            &format!("{}@{}", account.name, forest.domain().name()),
        ])
        .args(["-w", account.password, "-b", forest.domain().dn()])
        .args(["-E", "!dirSync=0/0", "(objectClass=user)", "name"])
        .env("LDAPTLS_REQCERT", "never")
        .output()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_service_account_reads_changes_of_a_running_forest() {
    let forest = Forest::start(Template::default()).unwrap();
    let user = NewUser {
        account: "ada",
        attributes: &[("extensionAttribute7", "seven")],
        ..NewUser::default()
    };
    forest.ad().add_user(&user).unwrap();
    assert!(dir_sync(&forest).unwrap().contains("name: ada"));
}

#[test]
fn two_forests_run_side_by_side() {
    let corp = Forest::start(Template::default()).unwrap();
    let acme = Forest::start(Template {
        domain: Domain::Acme,
        exchange: false,
        population: Population::default(),
    })
    .unwrap();
    assert_ne!(corp.dc().address(), acme.dc().address());
    assert!(dir_sync(&corp).unwrap().contains("DC=corp,DC=test"));
    assert!(dir_sync(&acme).unwrap().contains("DC=acme,DC=test"));
}

#[test]
fn a_controller_survives_a_kill_and_can_be_set_back() {
    let mut forest = Forest::start(Template::default()).unwrap();
    let user = |account| NewUser {
        account,
        ..NewUser::default()
    };
    forest.ad().add_user(&user("before")).unwrap();
    forest.dc_mut().kill();
    let snapshot = forest.dc().snapshot().unwrap();
    forest.dc_mut().start().unwrap();
    forest.ad().add_user(&user("after")).unwrap();
    assert!(dir_sync(&forest).unwrap().contains("name: after"));
    forest.dc_mut().kill();
    forest.dc_mut().restore(&snapshot).unwrap();
    forest.dc_mut().start().unwrap();
    let found = dir_sync(&forest).unwrap();
    assert!(found.contains("name: before") && !found.contains("name: after"));
}

#[test]
fn nothing_is_left_of_a_forest_that_is_dropped() {
    let forest = Forest::start(Template::default()).unwrap();
    let dir = forest.dc().dir().to_owned();
    let address = forest.dc().address().to_owned();
    drop(forest);
    assert!(!dir.exists());
    assert!(std::net::TcpStream::connect((address, 389)).is_err());
}
