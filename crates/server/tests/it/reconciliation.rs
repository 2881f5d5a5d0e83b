//! Comparing everything once a day: when, what is told, and what is put right.

use crate::corp::{CORP, Corp, DAY, HOUR};
use crate::domain::HEAD;
use lockstep_directory::{Change, Property};
use lockstep_model::PropertyValue;
use lockstep_server::{directory, job};
use lockstep_store::records::connector_space::{LinkRow, Staged};
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::log::LastDecision;
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use serde_json::{Value, json};

fn corp() -> Corp {
    let corp = Corp::start();
    let people = corp.people(2, HEAD);
    corp.ad().group("Club", &people);
    corp.apply(json!({}));
    corp.clean_cycle();
    corp
}

fn write(corp: &Corp, change: impl Fn(&mut dyn Write) -> Result<(), StoreError>) {
    corp.api.service.store.write(&mut |tx| change(tx)).unwrap();
}

fn called(tx: &mut dyn Write, name: &str) -> Result<DirectoryObject, StoreError> {
    let rows: Vec<DirectoryObject> = tx.list(&Scan::of(Key::empty(), 1_000))?;
    let found = rows
        .into_iter()
        .find(|row| row.object.text("displayName") == Some(name));
    Ok(found.unwrap())
}

/// What a fault, or somebody with the database in an editor, could do: a value is otherwise, and a group is gone.
fn spoil(corp: &Corp) {
    let tenant = corp.api.service.tenant_rules();
    let now = corp.api.service.clock.now();
    write(corp, |tx| {
        let mut person = called(tx, "person0")?;
        let name = Property::named(person.object.kind, "displayName").unwrap();
        let value = PropertyValue::Text("Mallory".into());
        person.object.values.insert(name, value);
        tx.store(&[person])?;
        let id = called(tx, "Club")?.object.id;
        directory::write(tx, &tenant, vec![Change::Delete { id }], now).map(|_| ())
    });
}

/// Lets the clock look whose turn it is.
fn look(corp: &Corp) {
    let looked = job::reconcile_due(&corp.api.service);
    corp.api.runtime.block_on(looked).unwrap();
}

/// Code and reason of every warning.
fn told(corp: &Corp) -> Vec<(String, String)> {
    let page = corp.ask("GET", "/api/v1/log?status=Warning&limit=1000", None);
    let entries = page["entries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| (text(&entry["code"]), text(&entry["reason"])))
        .collect();
    told.sort();
    told
}

#[test]
fn once_a_day_everything_is_compared_and_what_drifted_is_told_and_left() {
    let corp = corp();
    spoil(&corp);
    look(&corp);
    let first = told(&corp);
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(
        first
            .iter()
            .all(|(_, reason)| reason.starts_with("it has drifted")),
        "{first:?}"
    );
    assert_eq!(corp.show()["job"]["drifting"], 2);
    assert_eq!(corp.user("person0")["displayName"], "Mallory");
    let requested = corp.job().requested;
    // It was compared just now.
    look(&corp);
    corp.wait(23 * HOUR);
    look(&corp);
    assert_eq!(told(&corp).len(), 2);
    corp.wait(HOUR);
    look(&corp);
    assert_eq!(told(&corp).len(), 4);
    assert_eq!(corp.job().requested, requested, "nothing is to be repaired");
    corp.clean_cycle();
    assert_eq!(corp.all("/v1.0/groups").len(), 0);
}

#[test]
fn with_repair_it_is_put_right_by_a_cycle_that_is_asked_for() {
    let corp = corp();
    corp.apply(json!({"reconciliation": {"repair": true}}));
    corp.clean_cycle();
    spoil(&corp);
    let requested = corp.job().requested;
    look(&corp);
    let told = told(&corp);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .all(|(_, reason)| reason.starts_with("it had drifted")),
        "{told:?}"
    );
    assert_eq!(corp.job().requested, requested + 1);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.created, cycle.failed), (1, 0));
    let groups = corp.all("/v1.0/groups?$select=id");
    let members = format!("/v1.0/groups/{}/members", groups[0]["id"].as_str().unwrap());
    assert_eq!(corp.all(&members).len(), 2);
    assert_eq!(corp.user("person0")["displayName"], "person0");
    corp.wait(DAY);
    look(&corp);
    assert_eq!(corp.show()["job"]["drifting"], 0);
}

#[test]
fn who_is_paused_was_never_synchronised_or_does_not_want_it_has_no_turn() {
    let corp = corp();
    spoil(&corp);
    for keys in [
        json!({"paused": true}),
        json!({"reconciliation": {"interval": "never"}}),
    ] {
        corp.apply(keys);
        look(&corp);
        assert_eq!(corp.job().history.reconciled, None);
    }
    let new = Corp::start();
    new.apply(json!({}));
    look(&new);
    assert_eq!(new.job().history.reconciled, None);
    assert!(told(&new).is_empty());
}

#[test]
fn an_object_that_nothing_in_ad_is_known_of_is_told_in_the_log_and_left_alone() {
    let corp = corp();
    let (id, guid) = (corp.configuration().id, corp.guid_of("person1"));
    corp.apply(json!({"reconciliation": {"repair": true}}));
    corp.clean_cycle();
    write(&corp, |tx| {
        tx.remove::<LinkRow>(&[(id, guid)])?;
        tx.remove::<Staged>(&[(id, guid)])
    });
    let reconciled = corp.ask("POST", &format!("{CORP}/reconcile"), None);
    let drifts = reconciled["drifts"].as_array().unwrap();
    let of_it = |drift: &&Value| drift["code"] == "NothingInAd";
    let drift = drifts.iter().find(of_it).unwrap();
    let told = told(&corp);
    assert!(
        told.iter()
            .any(|(code, reason)| code == "NothingInAd" && drift["reason"] == **reason),
        "{told:?}"
    );
    corp.cycle();
    assert_eq!(corp.users(), ["person0", "person1"]);
}

/// What is written down of single decisions.
fn noted(corp: &Corp) -> usize {
    let of_it = Key::empty().with(corp.configuration().id);
    let rows: Vec<LastDecision> = corp.row(|tx| tx.list(&Scan::of(of_it.clone(), 1_000)));
    rows.len()
}

fn drifting(corp: &Corp) -> Value {
    corp.ask("POST", &format!("{CORP}/reconcile"), None)
}

fn read_everything(corp: &Corp) {
    let full = Some(json!({"reset": ["full"]}));
    corp.ask("POST", &format!("{CORP}/restart"), full);
    corp.clean_cycle();
}

#[test]
fn an_object_that_was_missing_and_is_seen_again_is_compared_like_any_other() {
    let corp = corp();
    let person = corp.guid_of("person0");
    corp.ad().hide(person, true);
    read_everything(&corp);
    assert_eq!(noted(&corp), 1);
    corp.ad().hide(person, false);
    read_everything(&corp);
    assert_eq!(
        (noted(&corp), corp.user("person0")["displayName"].clone()),
        (0, json!("person0"))
    );
    spoil(&corp);
    let found = drifting(&corp);
    assert_eq!(found["drifting"], 2, "{found}");
}

#[test]
fn what_staging_planned_and_the_cycle_finds_as_it_should_be_is_compared() {
    let corp = corp();
    let person = corp.guid_of("person0");
    corp.apply(json!({"staging": true}));
    corp.ad().set(person, "displayName", "Mallory");
    corp.clean_cycle();
    assert_eq!(noted(&corp), 1);
    corp.ad().set(person, "displayName", "person0");
    // It is read before anything may be applied again.
    corp.clean_cycle();
    corp.apply(json!({}));
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.updated, noted(&corp)), (0, 0));
    spoil(&corp);
    assert_eq!(drifting(&corp)["drifting"], 2);
}

#[test]
fn what_is_known_to_fail_is_no_drift_and_not_said_to_have_been_compared() {
    let corp = corp();
    let all = drifting(&corp)["compared"].as_u64().unwrap();
    let failing = json!({"user": [{"target": "jobTitle", "expression": "Error([displayName])"}]});
    corp.apply(json!({"mapping": failing}));
    assert_eq!(corp.cycle().failed, 2);
    spoil(&corp);
    let found = drifting(&corp);
    let drifts = found["drifts"].as_array().unwrap();
    assert_eq!(
        (drifts.len(), &drifts[0]["type"]),
        (1, &json!("group")),
        "{found}"
    );
    assert_eq!(found["compared"].as_u64().unwrap(), all - 2);
}
