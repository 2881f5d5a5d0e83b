//! Staging: everything is planned, and nothing applied.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use lockstep_model::Guid;
use serde_json::{Value, json};

fn staged() -> (Corp, Vec<Guid>) {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    corp.ad().group("Club", &people);
    corp.apply(json!({"staging": true}));
    (corp, people)
}

fn actions(log: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut actions: Vec<_> = log
        .iter()
        .map(|entry| {
            (
                text(&entry["action"]),
                text(&entry["status"]),
                text(&entry["code"]),
            )
        })
        .collect();
    actions.sort();
    actions
}

#[test]
fn everything_is_planned_and_logged_once_and_nothing_is_applied() {
    let (corp, people) = staged();
    let cycle = corp.clean_cycle();
    let planned = cycle.planned.unwrap();
    assert_eq!((planned.creates, cycle.created), (4, 0));
    assert!(corp.users().is_empty() && corp.all("/v1.0/groups").is_empty());
    let created = (
        "Create".to_owned(),
        "Skipped".to_owned(),
        "Staging".to_owned(),
    );
    assert_eq!(actions(&corp.log()), vec![created.clone(); 4]);
    let quiet = corp.clean_cycle();
    assert_eq!(quiet.planned, cycle.planned);
    assert!(corp.log().is_empty());
    // What changes is told again, and nothing else.
    corp.ad().set(people[0], "displayName", "Somebody");
    corp.clean_cycle();
    assert_eq!(actions(&corp.log()), [created]);
}

#[test]
fn switched_off_it_applies_exactly_what_was_planned() {
    let (corp, people) = staged();
    corp.clean_cycle();
    corp.ad().delete(people[2]);
    corp.clean_cycle();
    let plan = corp.ask("POST", &format!("{CORP}/plan"), None);
    assert_eq!(plan["counts"]["creates"], 3, "{plan}");
    corp.apply(json!({}));
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.created, cycle.planned), (3, None));
    assert_eq!(corp.users(), ["person0", "person1"]);
    let groups = corp.all("/v1.0/groups?$select=id");
    let members = format!("/v1.0/groups/{}/members", groups[0]["id"].as_str().unwrap());
    assert_eq!(corp.all(&members).len(), 2);
}

#[test]
fn a_running_configuration_goes_to_staging_and_back_without_losing_a_change() {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
    corp.apply(json!({"staging": true}));
    corp.ad().set(people[0], "displayName", "Somebody");
    corp.ad().delete(people[1]);
    let cycle = corp.clean_cycle();
    let planned = cycle.planned.unwrap();
    assert_eq!((planned.updates, planned.deletes, cycle.deleted), (1, 1, 0));
    assert_eq!(corp.users().len(), 3);
    // The comparison with what is in the directory: old and new value.
    let plan = corp.ask("POST", &format!("{CORP}/plan"), None);
    let change = &plan["updates"][0]["changes"][0];
    assert_eq!(
        (&change["old"], &change["new"]),
        (&json!("person0"), &json!("Somebody"))
    );
    let wish = json!({"dn": "CN=person0,DC=corp,DC=test"});
    corp.ask("POST", &format!("{CORP}/provision"), Some(wish));
    assert_eq!(corp.user("person0")["displayName"], "person0");
    corp.apply(json!({}));
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, cycle.deleted), (1, 1));
    assert_eq!(corp.user("person0")["displayName"], "Somebody");
}

#[test]
fn what_an_object_refers_to_is_a_part_of_its_update_in_a_plan() {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    let club = corp.ad().group("Club", &people[..2]);
    corp.apply(json!({}));
    corp.clean_cycle();
    corp.apply(json!({"staging": true}));
    corp.ad().set(club, "displayName", "The Club");
    corp.ad().change(club, |entry| {
        entry.members.remove(&people[0]);
        entry.members.insert(people[2]);
    });
    corp.clean_cycle();
    let log = corp.log();
    assert_eq!(log.len(), 1, "{log:?}");
    let plan = corp.ask("POST", &format!("{CORP}/plan"), None);
    assert_eq!(plan["counts"]["updates"], 1, "{plan}");
    let changes = plan["updates"][0]["changes"].as_array().unwrap();
    let of = |property: &str| {
        let change = changes.iter().find(|change| change["property"] == property);
        change.map(|change| (change["old"].clone(), change["new"].clone()))
    };
    assert_eq!(
        of("displayName"),
        Some((json!("Club"), json!("The Club"))),
        "{plan}"
    );
    assert_eq!(
        of("members"),
        Some((json!(["person0"]), json!(["person2"]))),
        "{plan}"
    );
}
