//! The job's safety against a real domain controller: what is held, what is planned only, what slows a job down.

use crate::bed::{Bed, CONFIGURATION, by_hand_only};
use lockstep_testkit::samba::Template;

const ACCOUNT: &str = "CN=svc-lockstep,CN=Users,DC=corp,DC=test";
const CLUB: &str = "CN=Club,CN=Users,DC=corp,DC=test";

/// A domain with five people in a group.
fn bed(keys: &str) -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    bed.add_users((0..5).map(|number| format!("person{number}")))?;
    let names: Vec<String> = (0..5).map(person).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    bed.forest.ad().add_group("Club", &names)?;
    bed.service
        .apply(&by_hand_only(&format!("{CONFIGURATION}{keys}")))?;
    Ok(bed)
}

fn person(number: u32) -> String {
    format!("CN=person{number},CN=Users,DC=corp,DC=test")
}

#[test]
fn an_emptied_group_keeps_its_members_until_somebody_says_so() {
    let bed = bed("[limits]\nmember-removals = 3\n").unwrap();
    bed.cycle().unwrap();
    bed.forest.ad().clear(CLUB, "member").unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(
        (&result["state"], &result["held"]),
        (&"quarantined".into(), &5.into()),
        "{result}"
    );
    assert_eq!(bed.members("Club").unwrap().len(), 5);
    // One comes back by itself, two are let go, the rest stays.
    bed.forest.ad().set(CLUB, "member", &person(0)).unwrap();
    let filter = "endswith(member,'CN=Users,DC=corp,DC=test') and (startswith(member,'CN=person1') or \
                  startswith(member,'CN=person2'))";
    bed.service
        .run(&["deletes", "allow", "corp", "--yes", "--filter", filter])
        .unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["held"], 2, "{result}");
    assert_eq!(
        bed.members("Club").unwrap(),
        ["person0", "person3", "person4"]
    );
}

#[test]
fn what_was_planned_in_staging_is_applied_when_it_is_switched_off() {
    let bed = bed("").unwrap();
    let staged = by_hand_only(&format!("staging = true\n{CONFIGURATION}"));
    bed.service.apply(&staged).unwrap();
    let cycle = bed.cycle().unwrap();
    let planned = cycle.result["planned"]["creates"].as_u64().unwrap();
    assert!(
        planned >= 6 && cycle.count("created") == 0,
        "{}",
        cycle.result
    );
    assert!(bed.users("person0").unwrap().is_empty());
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("created"), planned);
    assert_eq!(bed.members("Club").unwrap().len(), 5);
}

/// 75
#[test]
fn a_disabled_account_quarantines_the_job_until_it_is_enabled_again() {
    let bed = bed("").unwrap();
    bed.cycle().unwrap();
    bed.service
        .run(&["configuration", "resume", "corp"])
        .unwrap();
    bed.forest
        .ad()
        .set(ACCOUNT, "userAccountControl", "514")
        .unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["state"], "failed", "{result}");
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(shown["status"], "quarantine", "{shown}");
    assert!(shown["quarantine"]["nextAttempt"].is_string(), "{shown}");
    assert_eq!(bed.users("person0").unwrap().len(), 1);
    bed.forest
        .ad()
        .set(ACCOUNT, "userAccountControl", "512")
        .unwrap();
    bed.cycle().unwrap();
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(
        (&shown["status"], shown["quarantine"].is_null()),
        (&"active".into(), true)
    );
}
