//! What could not be read is not taken for gone.

use crate::corp::{CORP, Corp, DAY};
use crate::domain::HEAD;
use lockstep_model::{CycleKind, CycleState, Guid};
use serde_json::json;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

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
    assert_eq!((cycle.kind, cycle.deleted), (CycleKind::Full, 0));
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

/// H2: absence is no evidence, an administrator's word is.
#[test]
fn what_is_missing_goes_or_stays_at_an_administrators_word_and_comes_back_when_it_is_seen() {
    let (corp, _, people) = corp();
    let say = |verb: &str, person: Guid| {
        let path = format!("{CORP}/missing/{verb}");
        corp.ask("POST", &path, Some(json!({"ids": [person.to_string()]})))["count"].clone()
    };
    let listed = || -> Vec<_> {
        let listed = corp.list("missing");
        listed
            .iter()
            .map(|one| (one["id"].clone(), one["verdict"].clone()))
            .collect()
    };
    let is = |person: Guid, verdict: &str| (json!(person.to_string()), json!(verdict));
    people[..3]
        .iter()
        .for_each(|person| corp.ad().hide(*person, true));
    read_everything(&corp);
    assert_eq!(corp.clean_cycle().deleted, 0);
    assert_eq!(listed().len(), 3);
    assert_eq!(
        (say("keep", people[0]), say("delete", people[1])),
        (json!(1), json!(1))
    );
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, corp.users().len()), (1, 19));
    let mut left = vec![is(people[0], "stays"), is(people[2], "open")];
    left.sort_by_key(|(id, _)| id.to_string());
    let mut found = listed();
    found.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(found, left);
    // Whoever is not missing is not deleted by a word.
    let alive = json!({"ids": [people[5].to_string()]});
    let refused = corp
        .api
        .send("POST", &format!("{CORP}/missing/delete"), Some(alive));
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (404, json!("NotMissing"))
    );

    people[..3]
        .iter()
        .for_each(|person| corp.ad().hide(*person, false));
    read_everything(&corp);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.restored, cycle.deleted), (1, 0));
    assert!(listed().is_empty());
    // What was said was said of that time.
    corp.ad().hide(people[1], true);
    read_everything(&corp);
    assert_eq!(corp.clean_cycle().deleted, 0);
    assert_eq!(listed(), [is(people[1], "open")]);
    let audit = corp.ask("GET", "/api/v1/audit?activity=MissingDeleted", None);
    assert_eq!(audit[0]["new"]["objects"], json!([people[1].to_string()]));
}

#[test]
fn what_is_missing_is_looked_for_while_somebody_else_writes() {
    let (corp, _, people) = corp();
    let store = Arc::clone(&corp.api.service.store);
    let ((begun, begins), (end, ends)) = (mpsc::channel(), mpsc::channel::<()>());
    let writer = thread::spawn(move || {
        store.write(&mut |_| {
            begun.send(()).unwrap();
            // Until the test has its answer, or has failed.
            let _ = ends.recv();
            Ok(())
        })
    });
    begins.recv().unwrap();
    let alive = json!({"ids": [people[5].to_string()]});
    let path = format!("{CORP}/missing/delete");
    let refused = corp.api.block_on(async {
        let answer = corp.api.answer("POST", &path, Some(alive));
        tokio::time::timeout(Duration::from_secs(20), answer).await
    });
    drop(end);
    writer.join().unwrap().unwrap();
    let refused = refused.expect("it needs no turn among those who write");
    assert_eq!(refused.json()["code"], "NotMissing", "{}", refused.text);
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
    assert_eq!((cycle.state, cycle.deleted), (CycleState::Failed, 0));
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
