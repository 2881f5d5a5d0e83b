//! Who takes part, and what stays home.

use crate::bed::Bed;
use lockstep_testkit::samba::{NewUser, Template};
use serde_json::Value;

const STAFF: &str = "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\non-change = false\n\
                     interval = \"24h\"\n[scope]\norganizational-units = [\"OU=Staff,DC=corp,DC=test\"]\n";
const ADA: &str = "CN=ada,OU=Staff,DC=corp,DC=test";
const BOB: &str = "CN=bob,OU=Elsewhere,DC=corp,DC=test";

fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    {
        let mut ad = bed.forest.ad();
        let staff = ad.add_ou("Staff", None)?;
        let elsewhere = ad.add_ou("Elsewhere", None)?;
        for (account, parent) in [("ada", &staff), ("bob", &elsewhere)] {
            ad.add_user(&NewUser {
                account,
                parent: Some(parent),
                attributes: &[("department", "Unspeakable"), ("displayName", "Whoever")],
                ..NewUser::default()
            })?;
        }
    }
    bed.service.apply(STAFF)?;
    bed.cycle()?;
    Ok(bed)
}

/// Whatever the agent has said of an object is identity and place, and of its attributes at most these: what
/// decides whether it takes part. Gives all that the agent has said.
pub(crate) fn only_identity_and_place_left(
    sent: &[Value],
    guid: &str,
    deciding: &[&str],
) -> String {
    const IDENTITY_AND_PLACE: [&str; 10] = [
        "guid",
        "class",
        "parent",
        "sid",
        "primaryGroup",
        "whole",
        "deleted",
        "undeleted",
        "renamed",
        "elsewhere",
    ];
    let mut told = 0;
    for object in sent
        .iter()
        .flat_map(|sent| sent["body"]["objects"].as_array().into_iter().flatten())
        .filter(|object| object["guid"] == guid)
    {
        told += 1;
        for (key, value) in object.as_object().into_iter().flatten() {
            match key.as_str() {
                "decision" => {
                    for name in value.as_object().into_iter().flat_map(|names| names.keys()) {
                        let decides = deciding.iter().any(|own| own.eq_ignore_ascii_case(name));
                        assert!(decides, "{name} of {object}");
                    }
                }
                key => assert!(IDENTITY_AND_PLACE.contains(&key), "{object}"),
            }
        }
    }
    assert!(told > 0, "nothing was said of {guid}");
    sent.iter().map(ToString::to_string).collect()
}

/// H14 (a)
#[test]
fn what_is_out_of_scope_never_leaves_but_for_identity_and_place() {
    let bed = bed().unwrap();
    assert_eq!(bed.users("ada").unwrap().len(), 1);
    assert!(bed.users("bob").unwrap().is_empty());
    let guid = bed.forest.ad().guid_of(BOB).unwrap();
    bed.after(|ad| ad.set(BOB, "department", "Unheard"))
        .unwrap();
    let text = only_identity_and_place_left(&bed.agent.sent().unwrap(), &guid, &[]);
    for secret in ["bob", "Unheard", "Elsewhere"] {
        assert!(!text.contains(secret), "{secret} has left");
    }
    assert!(text.contains("Staff") && text.contains("Unspeakable"));
}

/// H9
#[test]
fn who_leaves_the_scope_is_deleted_and_comes_back_with_what_changed_meanwhile() {
    let bed = bed().unwrap();
    let id = bed.user("ada").unwrap()["id"].clone();
    let left = bed
        .after(|ad| ad.rename(ADA, "CN=ada,OU=Elsewhere,DC=corp,DC=test"))
        .unwrap();
    assert_eq!(left.count("deleted"), 1);
    let reason = left.log[0]["reason"].as_str().unwrap();
    assert!(reason.contains("organizational unit"), "{reason}");
    // Nobody is told of this change: the row knows nothing of her any more.
    let away = "CN=ada,OU=Elsewhere,DC=corp,DC=test";
    bed.after(|ad| ad.set(away, "department", "Stars")).unwrap();
    let back = bed.after(|ad| ad.rename(away, ADA)).unwrap();
    assert_eq!(back.count("restored"), 1, "{}", back.result);
    let ada = bed.user("ada").unwrap();
    assert_eq!((&ada["id"], &ada["department"]), (&id, &"Stars".into()));
}

#[test]
fn the_scope_is_followed_when_its_organizational_unit_is_renamed_or_moved() {
    let bed = bed().unwrap();
    let renamed = bed
        .after(|ad| {
            ad.rename(
                "OU=Staff,DC=corp,DC=test",
                "OU=Crew,OU=Elsewhere,DC=corp,DC=test",
            )
        })
        .unwrap();
    assert_eq!(renamed.actions(), ["Update CN=ada"]);
    let dn = bed.user("ada").unwrap()["onPremisesDistinguishedName"].clone();
    assert_eq!(dn, "CN=ada,OU=Crew,OU=Elsewhere,DC=corp,DC=test");
    let made = bed
        .after(|ad| {
            ad.add_user(&NewUser {
                account: "eve",
                parent: Some("OU=Crew,OU=Elsewhere,DC=corp,DC=test"),
                ..NewUser::default()
            })
        })
        .unwrap();
    assert_eq!(made.count("created"), 1);
}

#[test]
fn a_scope_that_cannot_be_found_stops_the_cycle_and_deletes_nobody() {
    let bed = bed().unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    // Nobody but the administrator sees the unit any more.
    let ace = format!("(D;CI;RPLCLORC;;;{sid})");
    bed.forest
        .ad()
        .grant("OU=Staff,DC=corp,DC=test", &ace)
        .unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["error"]["code"], "ScopeObjectNotFound", "{result}");
    assert_eq!(bed.users("ada").unwrap().len(), 1);
}

/// H23
#[test]
fn an_exclusion_that_cannot_be_found_stops_the_cycle_and_brings_nobody_in() {
    let bed = bed().unwrap();
    let whole = STAFF.replace(
        "organizational-units = [\"OU=Staff,DC=corp,DC=test\"]",
        "exclude-organizational-units = [\"OU=Elsewhere,DC=corp,DC=test\"]",
    );
    bed.service.apply(&whole).unwrap();
    bed.cycle().unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = format!("(D;;RPLCLORC;;;{sid})");
    let unit = "OU=Elsewhere,DC=corp,DC=test";
    bed.forest.ad().grant(unit, &ace).unwrap();
    bed.service
        .run(&["restart", "corp", "--reset", "full"])
        .unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["error"]["code"], "ScopeObjectNotFound", "{result}");
    assert!(bed.users("bob").unwrap().is_empty());
    bed.forest.ad().revoke(unit, &ace).unwrap();
    bed.cycle().unwrap();
    assert!(bed.users("bob").unwrap().is_empty());
}

#[test]
fn a_wider_scope_brings_in_and_an_exclusion_takes_out() {
    let bed = bed().unwrap();
    let wider = STAFF.replace(
        "[\"OU=Staff,DC=corp,DC=test\"]",
        "[\"OU=Staff,DC=corp,DC=test\", \"OU=Elsewhere,DC=corp,DC=test\"]",
    );
    bed.service.apply(&wider).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("created"), 1, "{}", cycle.result);
    assert_eq!(bed.user("bob").unwrap()["department"], "Unspeakable");
    let narrower =
        format!("{wider}exclude-organizational-units = [\"OU=Elsewhere,DC=corp,DC=test\"]\n");
    bed.service.apply(&narrower).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("deleted"), 1, "{}", cycle.result);
    assert!(bed.users("bob").unwrap().is_empty());
}
