//! Who takes part by way of groups and filters.

use crate::bed::{Bed, CONFIGURATION};
use crate::scope::only_identity_and_place_left;
use lockstep_engine::never_synced::DECISION_ATTRIBUTES;
use lockstep_testkit::samba::{NewUser, Template};
use serde_json::Value;

const USERS: &str = "CN=Users,DC=corp,DC=test";

/// ada is in Pilot, bob in Inner, which is in Pilot, cid in neither.
fn bed(scope: &str) -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    {
        let mut ad = bed.forest.ad();
        for account in ["ada", "bob", "cid"] {
            let kind = if account == "cid" { "C" } else { "E" };
            ad.add_user(&NewUser {
                account,
                attributes: &[("employeeType", kind), ("displayName", account)],
                ..NewUser::default()
            })?;
        }
        let inner = ad.add_group("Inner", &[&person("bob")])?;
        ad.add_group("Pilot", &[&person("ada"), &inner])?;
    }
    bed.service.apply(&format!("{CONFIGURATION}{scope}"))?;
    bed.cycle()?;
    Ok(bed)
}

fn person(account: &str) -> String {
    format!("CN={account},{USERS}")
}

fn group(name: &str) -> String {
    format!("CN={name},{USERS}")
}

const PILOT: &str = "[scope]\ngroups = [\"CN=Pilot,CN=Users,DC=corp,DC=test\"]\n";
const NESTED: &str =
    "[scope]\ngroups = [\"CN=Pilot,CN=Users,DC=corp,DC=test\"]\nnested-groups = true\n";

/// The users that the directory has, by account, sorted.
fn accounts(bed: &Bed) -> anyhow::Result<Vec<String>> {
    let users = bed
        .service
        .graph_all("users?$select=onPremisesSamAccountName&$top=999")?;
    let name = |user: &Value| {
        user["onPremisesSamAccountName"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut names: Vec<String> = users.iter().map(name).collect();
    names.sort();
    Ok(names)
}

#[test]
fn a_nested_group_inside_a_scoping_group_contributes_none_of_its_members() {
    let bed = bed(PILOT).unwrap();
    assert_eq!(accounts(&bed).unwrap(), ["ada"]);
    // Both groups take part: one is named, the other is its direct member.
    assert_eq!(bed.members("Pilot").unwrap(), ["Inner", "ada"]);
    let sent: String = bed
        .agent
        .sent()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        !sent.contains("\"cid\"") && !sent.contains("CN=cid"),
        "cid has left"
    );
}

/// H14 (a), where groups are the scope
#[test]
fn of_who_is_in_no_scoping_group_nothing_leaves_but_identity_and_place() {
    let bed = bed(PILOT).unwrap();
    let guid = bed.forest.ad().guid_of(&person("cid")).unwrap();
    bed.after(|ad| ad.set(&person("cid"), "department", "Unheard"))
        .unwrap();
    let sent = only_identity_and_place_left(&bed, &guid, &[]);
    assert!(!sent.contains("Unheard") && !sent.contains("\"cid\""));
}

#[test]
fn the_scoping_group_is_followed_member_by_member_and_by_its_guid() {
    let bed = bed(PILOT).unwrap();
    let id = bed.user("ada").unwrap()["id"].clone();
    let joined = bed
        .after(|ad| ad.add_members(&group("Pilot"), &[&person("cid")]))
        .unwrap();
    assert_eq!(joined.count("created"), 1, "{}", joined.result);
    let left = bed
        .after(|ad| ad.remove_members(&group("Pilot"), &[&person("ada")]))
        .unwrap();
    assert_eq!(left.count("deleted"), 1, "{}", left.result);
    assert_eq!(accounts(&bed).unwrap(), ["cid"]);
    let back = bed
        .after(|ad| ad.add_members(&group("Pilot"), &[&person("ada")]))
        .unwrap();
    assert_eq!(back.count("restored"), 1, "{}", back.result);
    assert_eq!(bed.user("ada").unwrap()["id"], id);
    // Renaming a scoping group deletes no member.
    let renamed = bed
        .after(|ad| ad.rename(&group("Pilot"), &group("Early birds")))
        .unwrap();
    assert_eq!(renamed.count("deleted"), 0, "{}", renamed.result);
    assert_eq!(accounts(&bed).unwrap(), ["ada", "cid"]);
}

#[test]
fn deleting_a_scoping_group_stops_the_cycle_and_deletes_nobody() {
    let bed = bed(PILOT).unwrap();
    bed.forest.ad().delete(&group("Pilot")).unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["error"]["code"], "ScopeObjectNotFound", "{result}");
    assert_eq!(result["deleted"], 0);
    assert_eq!(accounts(&bed).unwrap(), ["ada"]);
}

#[test]
fn h23_groups_that_hold_only_each_other_keep_nobody_in_scope() {
    let bed = bed(NESTED).unwrap();
    assert_eq!(accounts(&bed).unwrap(), ["ada", "bob"]);
    // Pilot has Inner, Inner has Outer, Outer has Inner.
    bed.after(|ad| {
        let inner = group("Inner");
        let outer = ad.add_group("Outer", &[&person("cid"), &inner])?;
        ad.add_members(&inner, &[&outer])
    })
    .unwrap();
    assert_eq!(accounts(&bed).unwrap(), ["ada", "bob", "cid"]);
    let cut = bed
        .after(|ad| ad.remove_members(&group("Pilot"), &[&group("Inner")]))
        .unwrap();
    // bob, cid and both groups.
    assert_eq!(cut.count("deleted"), 4, "{}", cut.result);
    assert_eq!(accounts(&bed).unwrap(), ["ada"]);
}

#[test]
fn h7_a_scoping_group_that_becomes_the_primary_group_keeps_its_member() {
    let bed = bed(PILOT).unwrap();
    let sid = bed.forest.ad().sid_of("Pilot").unwrap();
    let rid = sid.rsplit('-').next().unwrap();
    let moved = bed
        .after(|ad| ad.set(&person("ada"), "primaryGroupID", rid))
        .unwrap();
    assert_eq!(moved.count("deleted"), 0, "{}", moved.result);
    assert_eq!(accounts(&bed).unwrap(), ["ada"]);
    let full = bed
        .service
        .run(&["restart", "corp"])
        .and_then(|_| bed.cycle())
        .unwrap();
    assert_eq!(full.count("deleted"), 0, "{}", full.result);
}

#[test]
fn a_filter_restricts_objects_of_its_type_and_h14_only_its_attribute_leaves() {
    let filter = "[scope]\nfilters = [[{ object = \"user\", attribute = \"employeeType\", operator = \
                  \"equals\", value = \"E\" }]]\n";
    let bed = bed(filter).unwrap();
    assert_eq!(accounts(&bed).unwrap(), ["ada", "bob"]);
    assert_eq!(bed.members("Inner").unwrap(), ["bob"]);
    let guid = bed.forest.ad().guid_of(&person("cid")).unwrap();
    bed.after(|ad| ad.set(&person("cid"), "department", "Unheard"))
        .unwrap();
    let mut deciding = DECISION_ATTRIBUTES.to_vec();
    deciding.push("employeeType");
    let sent = only_identity_and_place_left(&bed, &guid, &deciding);
    assert!(
        !sent.contains("Unheard"),
        "what no filter asks about has left"
    );
    let hired = bed
        .after(|ad| ad.set(&person("cid"), "employeeType", "E"))
        .unwrap();
    assert_eq!(hired.count("created"), 1, "{}", hired.result);
    let left = bed
        .after(|ad| ad.clear(&person("ada"), "employeeType"))
        .unwrap();
    assert_eq!(left.count("deleted"), 1, "{}", left.result);
    let reason = left.log[0]["reason"].as_str().unwrap();
    assert!(reason.contains("employeeType equals \"E\""), "{reason}");
}
