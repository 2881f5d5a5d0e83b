//! What could not be read is not taken for gone.

use crate::corp::{CORP, Corp, DAY};
use crate::domain::HEAD;
use lockstep_model::Guid;
use serde_json::json;

fn corp() -> (Corp, Guid, Vec<Guid>) {
    let corp = Corp::start();
    let staff = corp.ad().ou("Staff");
    let people = corp.people(20, staff);
    corp.apply(json!({}));
    corp.clean_cycle();
    (corp, staff, people)
}

fn read_everything(corp: &Corp) {
    corp.ask(
        "POST",
        &format!("{CORP}/restart"),
        Some(json!({"reset": ["full"]})),
    );
}

/// H2
#[test]
fn a_domain_that_suddenly_has_no_users_loses_none() {
    let (corp, _, people) = corp();
    people.iter().for_each(|person| corp.ad().forget(*person));
    read_everything(&corp);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.kind.as_str(), cycle.deleted), ("full", 0));
    assert_eq!(corp.users().len(), 20);
    let log = corp.log();
    let missing = log.iter().filter(|entry| entry["code"] == "Missing");
    assert_eq!(missing.count(), 20);
    assert!(
        log[0]["reason"]
            .as_str()
            .unwrap()
            .contains("it is left as it is")
    );
    // Nobody is deleted later either.
    corp.wait(DAY);
    assert_eq!(corp.clean_cycle().deleted, 0);
}

/// H2 (a)
#[test]
fn taken_away_rights_delete_nobody_and_given_back_they_change_nothing() {
    let (corp, _, people) = corp();
    people
        .iter()
        .for_each(|person| corp.ad().hide(*person, true));
    read_everything(&corp);
    assert_eq!(corp.clean_cycle().deleted, 0);
    people
        .iter()
        .for_each(|person| corp.ad().hide(*person, false));
    read_everything(&corp);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, cycle.created, cycle.updated), (0, 0, 0));
}

#[test]
fn a_tombstone_that_a_full_reading_finds_by_guid_deletes() {
    let (corp, _, people) = corp();
    corp.ad().delete(people[3]);
    read_everything(&corp);
    assert_eq!(corp.clean_cycle().deleted, 1);
}

#[test]
fn an_expired_credential_stops_the_cycle_and_deletes_nobody() {
    let (corp, _, people) = corp();
    corp.ad().delete(people[0]);
    corp.ad().failure = Some(("PasswordExpired", "the account's password has expired"));
    let cycle = corp.cycle();
    assert_eq!((cycle.state.as_str(), cycle.deleted), ("failed", 0));
    assert_eq!(corp.users().len(), 20);
}

/// H23
#[test]
fn a_scoping_unit_that_cannot_be_found_stops_the_cycle_and_deletes_nobody() {
    let (corp, staff, people) = corp();
    corp.apply(json!({"scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]}}));
    corp.clean_cycle();
    corp.ad().hide(staff, true);
    corp.ad().delete(people[0]);
    let cycle = corp.cycle();
    let code = cycle.error.map(|error| error.code);
    assert_eq!(
        (code.as_deref(), cycle.deleted),
        (Some("ScopeObjectNotFound"), 0)
    );
    assert_eq!(corp.users().len(), 20);
}

/// 22, as it is decided here
#[test]
fn a_deleted_scoping_group_stops_the_cycle_and_its_members_stay() {
    let corp = Corp::start();
    let people = corp.people(5, HEAD);
    let group = corp.ad().group("Pilot", &people);
    corp.apply(json!({"scope": {"groups": ["CN=Pilot,DC=corp,DC=test"]}}));
    corp.clean_cycle();
    assert_eq!(corp.users().len(), 5);
    corp.ad().delete(group);
    let cycle = corp.cycle();
    let code = cycle.error.map(|error| error.code);
    assert_eq!(
        (code.as_deref(), cycle.deleted),
        (Some("ScopeObjectNotFound"), 0)
    );
    assert_eq!(corp.users().len(), 5);
}

/// H15
#[test]
fn a_watermark_older_than_half_the_tombstones_lifetime_is_not_gone_on_from() {
    let (corp, _, people) = corp();
    let before = corp.ad().full_readings;
    // Deleted, and collected, while nobody was looking.
    corp.ad().forget(people[0]);
    corp.wait(91 * DAY);
    let cycle = corp.clean_cycle();
    assert_eq!((corp.ad().full_readings, cycle.deleted), (before + 1, 0));
    assert_eq!(corp.users().len(), 20);
}
