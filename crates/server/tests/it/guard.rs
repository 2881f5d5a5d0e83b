//! The guard against accidental deletes.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use lockstep_model::Guid;
use lockstep_server::job::Wake;
use serde_json::{Value, json};

fn corp(people: usize) -> (Corp, Vec<Guid>) {
    let corp = Corp::start();
    let people = corp.people(people, HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
    (corp, people)
}

fn delete(corp: &Corp, people: &[Guid]) {
    let mut ad = corp.ad();
    for person in people {
        ad.delete(*person);
    }
}

/// 28 and 33
#[test]
fn four_hundred_and_ninety_nine_deletes_go_through_in_one_cycle_after_another() {
    let (corp, people) = corp(1_000);
    for half in [&people[..499], &people[499..899]] {
        delete(&corp, half);
        let cycle = corp.clean_cycle();
        assert_eq!((cycle.deleted, cycle.held), (half.len() as u64, 0));
    }
    assert_eq!(corp.show()["status"], "active");
}

/// 29, 30 and 31
#[test]
fn five_hundred_deletes_are_all_held_and_leave_when_they_are_allowed() {
    let (corp, people) = corp(501);
    delete(&corp, &people[..500]);
    let cycle = corp.cycle();
    assert_eq!(
        (cycle.state.as_str(), cycle.deleted, cycle.held),
        ("quarantined", 0, 500)
    );
    let shown = corp.show();
    assert_eq!(shown["status"], "quarantine");
    assert_eq!(shown["quarantine"]["code"], "TooManyDeletes");
    let log = corp.log();
    assert_eq!(log.len(), 500);
    assert!(log.iter().all(|entry| entry["action"] == "StagedDelete"));
    assert!(log[0]["dn"].as_str().unwrap().starts_with("CN=person"));
    // Told once.
    corp.cycle();
    assert!(corp.log().is_empty());
    corp.ask("POST", &format!("{CORP}/deletes/allow"), None);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, cycle.held), (500, 0));
    assert_eq!(
        (corp.show()["status"].clone(), corp.users().len()),
        (json!("active"), 1)
    );
}

/// 32
#[test]
fn putting_the_cause_right_empties_the_list_object_by_object() {
    let corp = Corp::start();
    let (staff, elsewhere) = {
        let mut ad = corp.ad();
        (ad.ou("Staff"), ad.ou("Elsewhere"))
    };
    let people = corp.people(6, staff);
    let keys = json!({
        "scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]},
        "accidental-deletes": {"threshold": 5},
    });
    corp.apply(keys);
    corp.clean_cycle();
    people
        .iter()
        .for_each(|person| corp.ad().move_to(*person, elsewhere));
    assert_eq!(corp.cycle().held, 6);
    people[..4]
        .iter()
        .for_each(|person| corp.ad().move_to(*person, staff));
    // H6: the number fell below the threshold, and nothing leaves all the same.
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (0, 2));
    assert_eq!(corp.list("deletes").len(), 2);
    people[4..]
        .iter()
        .for_each(|person| corp.ad().move_to(*person, staff));
    corp.clean_cycle();
    assert!(corp.list("deletes").is_empty());
    corp.ask("POST", &format!("{CORP}/restart"), None);
    assert_eq!(corp.clean_cycle().deleted, 0);
    assert_eq!(corp.users().len(), 6);
}

/// H6
#[test]
fn deletes_that_changes_stage_one_by_one_are_counted_together() {
    let (corp, people) = corp(10);
    corp.apply(json!({"accidental-deletes": {"threshold": 5}}));
    for person in &people[..6] {
        corp.ad().delete(*person);
        assert_eq!(corp.woken_by(Wake::Change).deleted, 0);
    }
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (0, 6));
}

#[test]
fn what_waits_for_the_clock_only_is_not_said_to_be_held() {
    let (corp, people) = corp(7);
    let club = corp.ad().group("Club", &people[..2]);
    corp.apply(json!({
        "accidental-deletes": {"threshold": 3},
        "limits": {"updates": 4, "member-removals": 3},
    }));
    corp.clean_cycle();
    let held = |corp: &Corp| corp.show()["job"]["held"].clone();
    corp.ad().delete(people[6]);
    corp.ad().set(people[0], "displayName", "Somebody");
    corp.ad().change(club, |group| {
        group.members.remove(&people[1]);
    });
    corp.woken_by(Wake::Change);
    assert_eq!(corp.list("deletes").len(), 3, "what waits is listed");
    assert_eq!(held(&corp), 0);
    assert_eq!(corp.clean_cycle().held, 0);
    delete(&corp, &people[2..5]);
    assert_eq!(corp.cycle().held, 3);
    assert_eq!(held(&corp), 3);
    corp.ad().set(people[0], "displayName", "Somebody else");
    corp.woken_by(Wake::Change);
    assert_eq!(held(&corp), 3);
}

/// H8
#[test]
fn an_allowed_delete_is_decided_anew_and_a_rejected_one_stays() {
    let (corp, people) = corp(8);
    let elsewhere = corp.ad().ou("Elsewhere");
    corp.apply(json!({
        "scope": {"exclude-organizational-units": ["OU=Elsewhere,DC=corp,DC=test"]},
        "accidental-deletes": {"threshold": 3},
    }));
    corp.clean_cycle();
    people[..4]
        .iter()
        .for_each(|person| corp.ad().move_to(*person, elsewhere));
    assert_eq!(corp.cycle().held, 4);
    let ids = |range: std::ops::Range<usize>| -> Value {
        people[range].iter().map(ToString::to_string).collect()
    };
    corp.ask(
        "POST",
        &format!("{CORP}/deletes/reject"),
        Some(json!({"ids": ids(0..1)})),
    );
    corp.ask(
        "POST",
        &format!("{CORP}/deletes/allow"),
        Some(json!({"ids": ids(1..4)})),
    );
    corp.ad().move_to(people[1], HEAD);
    let cycle = corp.cycle();
    assert_eq!(cycle.deleted, 2);
    assert_eq!(corp.users().len(), 6);
    let left = corp.list("deletes");
    assert_eq!(
        (left.len(), left[0]["verdict"].clone()),
        (1, json!("rejected"))
    );
}
