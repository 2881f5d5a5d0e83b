//! The guard against accidental deletes.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use lockstep_model::ids::ObjectId;
use lockstep_model::{CycleState, Guid, MappedKind};
use lockstep_server::job::Wake;
use lockstep_store::WriteRecords as _;
use lockstep_store::records::job::{HeldDelete, HeldVerdict};
use serde_json::{Value, json};

fn corp(people: usize) -> (Corp, Vec<Guid>) {
    let corp = Corp::start();
    let people = corp.people(people, HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
    (corp, people)
}

/// Has so many people leave the scope that all of them are held.
fn leave_scope(corp: &Corp, people: &[Guid], threshold: usize) {
    let elsewhere = corp.ad().ou("Elsewhere");
    corp.apply(json!({
        "scope": {"exclude-organizational-units": ["OU=Elsewhere,DC=corp,DC=test"]},
        "accidental-deletes": {"threshold": threshold},
    }));
    corp.clean_cycle();
    move_to(corp, people, elsewhere);
    assert_eq!(corp.cycle().held, people.len() as u64);
}

fn move_to(corp: &Corp, people: &[Guid], place: Guid) {
    let mut ad = corp.ad();
    for person in people {
        ad.move_to(*person, place);
    }
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
        (cycle.state, cycle.deleted, cycle.held),
        (CycleState::Quarantined, 0, 500)
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
    move_to(&corp, &people, elsewhere);
    assert_eq!(corp.cycle().held, 6);
    move_to(&corp, &people[..4], staff);
    // H6: the number fell below the threshold, and nothing leaves all the same.
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (0, 2));
    assert_eq!(corp.list("deletes").len(), 2);
    move_to(&corp, &people[4..], staff);
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
    leave_scope(&corp, &people[..4], 3);
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

fn say(corp: &Corp, verb: &str, chosen: Value) -> Value {
    corp.ask("POST", &format!("{CORP}/deletes/{verb}"), Some(chosen))
}

fn three_are_held() -> (Corp, Vec<Guid>) {
    let (corp, people) = corp(20);
    corp.apply(json!({"accidental-deletes": {"threshold": 3}}));
    corp.clean_cycle();
    delete(&corp, &people[..3]);
    assert_eq!(corp.cycle().held, 3);
    (corp, people)
}

#[test]
fn what_was_allowed_or_rejected_counts_towards_the_threshold_no_more() {
    let (corp, people) = three_are_held();
    assert_eq!(say(&corp, "allow", json!({}))["count"], 3);
    assert_eq!(corp.show()["status"], "active", "nothing is held any more");
    // What comes in the same cycle is counted for itself.
    delete(&corp, &people[3..5]);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, cycle.held), (5, 0));
    delete(&corp, &people[5..8]);
    assert_eq!(corp.cycle().held, 3);
    say(&corp, "reject", json!({}));
    delete(&corp, &people[8..10]);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, cycle.held), (2, 0));
    // Of a guard that has tripped everything is decided about, or it stays closed for what comes, too.
    delete(&corp, &people[10..13]);
    assert_eq!(corp.cycle().held, 3);
    let two = json!({"ids": [people[10].to_string(), people[11].to_string()]});
    say(&corp, "allow", two);
    delete(&corp, &people[13..14]);
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (2, 2));
}

#[test]
fn as_many_that_come_after_the_guard_was_opened_are_held_again() {
    let (corp, people) = three_are_held();
    say(&corp, "allow", json!({}));
    delete(&corp, &people[3..6]);
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (3, 3));
    assert_eq!(corp.show()["quarantine"]["code"], "TooManyDeletes");
}

/// H6
#[test]
fn what_is_held_stays_held_when_it_would_be_deleted_for_another_reason() {
    let (corp, people) = corp(8);
    leave_scope(&corp, &people[..3], 3);
    corp.ad().move_to(people[0], HEAD);
    delete(&corp, &people[1..3]);
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (0, 2));
}

#[test]
fn an_answer_is_about_what_was_listed_when_it_was_asked_for() {
    let (corp, people) = three_are_held();
    let listed = corp.list("deletes");
    let until = listed.iter().filter_map(|one| one["number"].as_u64()).max();
    delete(&corp, &people[3..7]);
    corp.woken_by(Wake::Change);
    assert_eq!(corp.list("deletes").len(), 7);
    let newer = json!({"ids": [people[3].to_string()], "until": until});
    assert_eq!(say(&corp, "allow", newer), json!({"count": 0, "newer": 1}));
    let done = say(&corp, "allow", json!({"until": until}));
    assert_eq!(done, json!({"count": 3, "newer": 4}));
    let cycle = corp.cycle();
    assert_eq!((cycle.deleted, cycle.held), (3, 4));
    // Without it, everything is meant that is held by now.
    let done = say(&corp, "reject", json!({}));
    assert_eq!(done, json!({"count": 4, "newer": 0}));
}

#[test]
fn the_audit_log_names_what_was_allowed_and_what_was_rejected() {
    let (corp, people) = three_are_held();
    say(&corp, "reject", json!({"ids": [people[0].to_string()]}));
    say(&corp, "allow", json!({}));
    let new = |activity: &str| {
        let audit = corp.ask("GET", &format!("/api/v1/audit?activity={activity}"), None);
        assert_eq!(audit.as_array().map(Vec::len), Some(1), "{audit}");
        audit[0]["new"].clone()
    };
    assert_eq!(
        new("DeletesRejected"),
        json!({"objects": [people[0].to_string()]})
    );
    let mut allowed: Vec<String> =
        serde_json::from_value(new("DeletesAllowed")["objects"].clone()).unwrap();
    allowed.sort();
    assert_eq!(allowed, [people[1], people[2]].map(|guid| guid.to_string()));
}

#[test]
fn however_much_is_held_all_of_it_is_listed_and_each_is_found_by_its_id() {
    const MANY: u32 = 100_010;
    let (corp, _) = corp(1);
    let id = corp.configuration().id;
    let guid = |number: u32| {
        let mut bytes = [8; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Guid::from_bytes(bytes)
    };
    let row = |number| HeldDelete {
        configuration: id,
        guid: guid(number),
        object: ObjectId::new(guid(number)),
        name: format!("CN=u{number}"),
        kind: Some(MappedKind::User),
        reason: "deleted".into(),
        code: "DeletedInAd".into(),
        since: 0,
        verdict: HeldVerdict::Open,
        told: true,
        tripped: true,
        number: 1,
    };
    let rows: Vec<HeldDelete> = (0..MANY).map(row).collect();
    let store = &corp.api.service.store;
    store.write(&mut |tx| tx.store(&rows)).unwrap();
    assert_eq!(corp.list("deletes").len(), rows.len());
    let filtered = format!("{CORP}/deletes?filter=dn eq 'CN=u{}'", MANY - 1);
    let filtered = corp.ask("GET", &filtered, None);
    assert_eq!(filtered.as_array().map(Vec::len), Some(1));
    let last = json!({"ids": [guid(MANY - 1).to_string().to_uppercase()]});
    assert_eq!(say(&corp, "reject", last)["count"], 1);
    assert_eq!(say(&corp, "allow", json!({}))["count"], MANY - 1);
    let unknown = Some(json!({"ids": [guid(0).to_string(), guid(MANY).to_string()]}));
    let path = format!("{CORP}/deletes/reject");
    let answer = corp.api.send("POST", &path, unknown);
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert!(
        answer.text.contains(&guid(MANY).to_string()),
        "{}",
        answer.text
    );
}

/// H6, and unknown is not empty.
#[test]
fn what_is_held_stays_held_while_nobody_can_tell_any_more_whether_it_is_to_go() {
    for rejected in [false, true] {
        let (corp, people) = corp(9);
        leave_scope(&corp, &people[..5], 4);
        move_to(&corp, &people[3..5], HEAD);
        assert_eq!(corp.cycle().held, 3);
        if rejected {
            say(&corp, "reject", json!({}));
        }
        // The account must not see them for a time, and everything is read anew twice.
        for hidden in [true, false] {
            people[..3]
                .iter()
                .for_each(|person| corp.ad().hide(*person, hidden));
            corp.ask(
                "POST",
                &format!("{CORP}/restart"),
                Some(json!({"reset": ["watermark"]})),
            );
            let cycle = corp.cycle();
            assert_eq!((cycle.deleted, corp.list("deletes").len()), (0, 3));
            assert_eq!(corp.list("missing").len(), if hidden { 3 } else { 0 });
        }
        assert_eq!(corp.cycle().deleted, 0);
        assert_eq!(corp.users().len(), 9);
    }
}

/// H8, and unknown is not empty.
#[test]
fn who_was_restored_to_where_the_account_sees_nothing_is_not_deleted() {
    for allowed in [false, true] {
        let (corp, people) = corp(3);
        corp.apply(json!({"accidental-deletes": {"threshold": if allowed { 1 } else { 500 }}}));
        corp.clean_cycle();
        delete(&corp, &people[..1]);
        if allowed {
            assert_eq!(corp.cycle().held, 1);
        } else {
            assert_eq!(corp.woken_by(Wake::Change).deleted, 0);
        }
        corp.ad().hide(people[0], true);
        if allowed {
            say(&corp, "allow", json!({}));
        }
        assert_eq!(corp.cycle().deleted, 0);
        assert_eq!(corp.users().len(), 3);
        assert_eq!(corp.list("missing").len(), 1);
        let again = corp.cycle();
        assert_eq!(
            (again.deleted, again.skipped),
            (0, 0),
            "nothing more is done about it"
        );
        corp.ad().hide(people[0], false);
        corp.ad().change(people[0], |_| ());
        assert_eq!(corp.cycle().deleted, 1, "its tombstone can be seen again");
    }
}

#[test]
fn an_answer_about_what_is_held_lets_nothing_leave_while_the_configuration_is_paused() {
    let (corp, people) = corp(6);
    delete(&corp, &people[..3]);
    assert_eq!(corp.woken_by(Wake::Change).deleted, 0);
    corp.ask("POST", &format!("{CORP}/pause"), None);
    let before = corp.job().requested;
    say(&corp, "reject", json!({"ids": [people[0].to_string()]}));
    say(&corp, "allow", json!({"ids": [people[1].to_string()]}));
    assert_eq!(corp.job().requested, before, "nobody asks for a cycle");
    corp.ask("POST", &format!("{CORP}/resume"), None);
    assert_eq!(corp.clean_cycle().deleted, 2);
    assert_eq!(corp.users().len(), 4);
}

#[test]
fn a_cycle_that_a_change_woke_tells_what_is_held_and_lets_go_what_was_allowed() {
    let (corp, people) = corp(12);
    corp.apply(json!({
        "accidental-deletes": {"threshold": 3},
        "limits": {"updates": 3},
    }));
    corp.clean_cycle();
    delete(&corp, &people[..3]);
    people[3..6]
        .iter()
        .for_each(|person| corp.ad().set(*person, "displayName", "Somebody"));
    assert_eq!(corp.cycle().held, 6);
    corp.ad().set(people[6], "displayName", "Somebody");
    let cycle = corp.woken_by(Wake::Change);
    assert_eq!((cycle.state, cycle.held), (CycleState::Quarantined, 7));
    let chosen = json!({"ids": [people[0].to_string(), people[3].to_string()]});
    say(&corp, "allow", chosen);
    let cycle = corp.woken_by(Wake::Change);
    assert_eq!((cycle.deleted, cycle.updated, cycle.held), (1, 1, 5));
}

#[test]
fn a_restart_opens_no_guard_and_forgets_no_verdict() {
    let (corp, people) = corp(20);
    corp.apply(json!({"accidental-deletes": {"threshold": 5}}));
    leave_scope(&corp, &people[..6], 5);
    move_to(&corp, &people[..2], HEAD);
    for reset in [None, Some(json!({"reset": ["full"]}))] {
        corp.ask("POST", &format!("{CORP}/restart"), reset);
        let cycle = corp.cycle();
        assert_eq!(
            (cycle.deleted, cycle.held),
            (0, 4),
            "fewer than the threshold"
        );
    }
    say(&corp, "reject", json!({}));
    corp.ask("POST", &format!("{CORP}/restart"), None);
    assert_eq!(corp.clean_cycle().deleted, 0);
    let chosen = json!({"ids": [people[2].to_string()]});
    assert_eq!(
        say(&corp, "allow", chosen)["count"],
        1,
        "a word can be taken back"
    );
    assert_eq!(corp.clean_cycle().deleted, 1);
}
