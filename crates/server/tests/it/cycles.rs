//! What a cycle does and what it leaves alone.

use crate::corp::{CORP, Corp, DAY, HOUR};
use crate::domain::HEAD;
use lockstep_model::{CycleKind, CycleState};
use lockstep_server::job::Wake;
use serde_json::{Value, json};

/// A domain with an organizational unit in scope and one that is not.
fn corp() -> (Corp, lockstep_model::Guid, lockstep_model::Guid) {
    let corp = Corp::start();
    let (staff, elsewhere) = {
        let mut ad = corp.ad();
        (ad.ou("Staff"), ad.ou("Elsewhere"))
    };
    corp.apply(json!({"scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]}}));
    corp.clean_cycle();
    (corp, staff, elsewhere)
}

/// 1
#[test]
fn a_user_created_in_a_scoped_unit_appears_in_the_next_cycle() {
    let (corp, staff, elsewhere) = corp();
    corp.ad().user("ada", staff);
    corp.ad().user("bob", elsewhere);
    assert_eq!(corp.next_in_minutes(), Some(2));
    let cycle = corp.clean_cycle();
    assert_eq!(cycle.created, 1);
    assert_eq!(corp.users(), ["ada"]);
}

/// 3
#[test]
fn a_cycle_without_a_change_exports_nothing() {
    let (corp, staff, _) = corp();
    corp.ad().user("ada", staff);
    corp.clean_cycle();
    let quiet = corp.clean_cycle();
    let exports = quiet.created + quiet.updated + quiet.deleted + quiet.restored;
    assert_eq!((exports, quiet.imported, corp.log().len()), (0, 0, 0));
}

/// 4
#[test]
fn after_a_broken_reading_the_next_one_goes_on_from_the_stored_watermark() {
    let (corp, staff, _) = corp();
    let before = corp.ad().full_readings;
    corp.people(3, staff);
    corp.ad().failure = Some(("DomainControllerUnreachable", "no controller answers"));
    assert_eq!(corp.cycle().state, CycleState::Failed);
    corp.ad().failure = None;
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.kind, cycle.created), (CycleKind::Incremental, 3));
    assert_eq!(corp.ad().full_readings, before);
}

#[test]
fn what_is_read_while_the_configuration_changes_is_asked_for_anew_by_the_new_one() {
    let (corp, staff, elsewhere) = corp();
    corp.ad().user("ada", staff);
    corp.ad().user("bob", elsewhere);
    let before = corp.job().lease;
    corp.apply_while_reading(
        json!({"scope": {"organizational-units": ["OU=Elsewhere,DC=corp,DC=test"]}}),
    );
    let last = corp.list("cycles");
    assert_eq!(last[0]["state"], "succeeded", "{last:#?}");
    assert_eq!(corp.users(), ["bob"]);
    assert!(corp.job().lease >= before + 2);
}

/// 5 and 7
#[test]
fn a_restart_evaluates_everything_anew_and_keeps_the_links() {
    let (corp, staff, _) = corp();
    corp.people(3, staff);
    corp.clean_cycle();
    let id = corp.user("person1")["id"].clone();
    corp.ask("POST", &format!("{CORP}/restart"), None);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.kind, cycle.unchanged), (CycleKind::Full, 3));
    assert_eq!(cycle.created + cycle.updated, 0);
    assert_eq!(corp.user("person1")["id"], id);
}

/// 35 and 36
#[test]
fn a_scope_of_an_empty_unit_deletes_under_the_guard_and_a_deleted_configuration_leaves_everything()
{
    let (corp, staff, _) = corp();
    corp.people(4, staff);
    corp.ad().ou("Empty");
    corp.clean_cycle();
    let empty = json!({"organizational-units": ["OU=Empty,DC=corp,DC=test"]});
    corp.apply(json!({"scope": empty, "accidental-deletes": {"threshold": 4}}));
    let held = corp.cycle();
    assert_eq!((held.state, held.held), (CycleState::Quarantined, 4));
    corp.apply(json!({"scope": empty, "accidental-deletes": {"threshold": 5}}));
    corp.ask("POST", &format!("{CORP}/deletes/allow"), None);
    assert_eq!(corp.clean_cycle().deleted, 4);
    assert!(corp.users().is_empty());
    corp.apply(json!({}));
    corp.clean_cycle();
    assert_eq!(corp.users().len(), 4);
    let gone = corp.api.send("DELETE", CORP, None);
    assert_eq!(gone.status, 204);
    assert_eq!(corp.users().len(), 4);
}

/// 37
#[test]
fn paused_and_resumed_it_goes_on_from_the_watermark() {
    let (corp, staff, _) = corp();
    let before = corp.ad().full_readings;
    corp.ask("POST", &format!("{CORP}/pause"), None);
    assert_eq!(
        (corp.next_cycle(), corp.show()["status"].clone()),
        (None, json!("paused"))
    );
    corp.ad().user("ada", staff);
    corp.ask("POST", &format!("{CORP}/resume"), None);
    assert!(corp.next_cycle().is_some());
    assert_eq!(corp.clean_cycle().created, 1);
    assert_eq!(corp.ad().full_readings, before);
}

#[test]
fn a_cycle_woken_by_a_change_stages_deletes_and_the_clock_lets_them_leave() {
    let (corp, staff, _) = corp();
    let people = corp.people(2, staff);
    corp.clean_cycle();
    corp.ad().delete(people[0]);
    assert_eq!(corp.woken_by(Wake::Change).deleted, 0);
    assert_eq!(corp.users().len(), 2);
    assert_eq!(corp.clean_cycle().deleted, 1);
    assert_eq!(corp.users(), ["person1"]);
}

#[test]
fn whoever_is_read_in_a_later_round_of_the_cycle_is_not_said_to_be_missing() {
    let corp = Corp::start();
    {
        let mut ad = corp.ad();
        let bob = ad.user("bob", HEAD);
        let club = ad.group("Club", &[bob]);
        ad.group("Outer", &[club]);
    }
    corp.apply(json!({"scope": {"groups": ["CN=Outer,DC=corp,DC=test"], "nested-groups": true}}));
    assert_eq!(corp.clean_cycle().created, 3);
    let told = |log: &[Value]| {
        let about = log.iter().map(|entry| entry["code"].clone());
        let about = about.filter(|code| code == "ReferenceFailure" || code == "Healed");
        about.collect::<Vec<_>>()
    };
    assert_eq!(told(&corp.log()), Vec::<Value>::new());
    // Who is out of scope is still not there when all has been read.
    let elsewhere = corp.ad().ou("Elsewhere");
    let cid = corp.ad().user("cid", elsewhere);
    let club = corp.guid_of("Club");
    corp.apply(
        json!({"scope": {"exclude-organizational-units": ["OU=Elsewhere,DC=corp,DC=test"]}}),
    );
    corp.clean_cycle();
    corp.ad().change(club, |group| {
        group.members.insert(cid);
    });
    corp.clean_cycle();
    assert_eq!(told(&corp.log()), ["ReferenceFailure"], "{:#?}", corp.log());
    // It ends later, and that is told.
    corp.ad().move_to(cid, HEAD);
    assert_eq!(corp.clean_cycle().created, 1);
    let log = corp.log();
    let ends = log
        .iter()
        .filter(|entry| entry["source"] == club.to_string());
    let ends: Vec<&str> = ends.filter_map(|entry| entry["reason"].as_str()).collect();
    assert!(
        ends.len() == 1 && ends[0].ends_with("and was not before"),
        "{log:#?}"
    );
}

#[test]
fn a_clock_that_was_a_day_ahead_and_is_put_right_stops_neither_cycles_nor_what_is_tried_again() {
    let corp = Corp::start();
    corp.ad().user("ada", HEAD);
    corp.apply(json!({
        "mapping": {"user": [{"target": "jobTitle", "expression": "Error(\"no\")"}]},
    }));
    corp.wait(DAY);
    for _ in 0..2 {
        assert_eq!(corp.cycle().failed, 1);
    }
    corp.wait(-DAY);
    assert_eq!(corp.next_in_minutes(), Some(0));
    let tried = || corp.list("escrows")[0]["attempts"].clone();
    assert_eq!(tried(), 2);
    corp.clean_cycle();
    assert_eq!((tried(), corp.next_in_minutes()), (json!(3), Some(2)));
    // From now on it is tried as always.
    corp.wait(6 * HOUR);
    corp.clean_cycle();
    assert_eq!(tried(), 4);
    // A job that is slowed down too.
    corp.wait(DAY);
    corp.ad().failure = Some(("WrongCredentials", "wrong password"));
    corp.cycle();
    corp.wait(-DAY);
    assert_eq!(corp.next_in_minutes(), Some(0));
    corp.cycle();
    assert_eq!(corp.next_in_minutes(), Some(8));
}

#[test]
fn a_synchronised_user_comes_back_from_the_recycle_bin_with_the_account_and_not_by_hand() {
    let (corp, staff, _) = corp();
    let ada = corp.ad().user("ada", staff);
    corp.clean_cycle();
    let id = corp.user("ada")["id"].clone();
    corp.ad().delete(ada);
    assert_eq!(corp.clean_cycle().deleted, 1);
    let path = format!(
        "/v1.0/directory/deletedItems/{}/restore",
        id.as_str().unwrap()
    );
    let refused = corp.api.send("POST", &path, None);
    assert!(refused.status >= 400, "{}", refused.text);
    let remedy = "restore the user in Active Directory";
    assert!(refused.text.contains(remedy), "{}", refused.text);
    corp.ad().change(ada, |entry| entry.deleted = false);
    assert_eq!(corp.clean_cycle().restored, 1);
    assert_eq!(corp.user("ada")["id"], id);
}
