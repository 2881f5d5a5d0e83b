//! Every kind of change in AD arrives as exactly that change.

use crate::bed::Bed;
use lockstep_testkit::samba::{NewUser, Template};

const CORP: &str = "DC=corp,DC=test";

fn user<'a>(account: &'a str, attributes: &'a [(&'a str, &'a str)]) -> NewUser<'a> {
    NewUser {
        account,
        attributes,
        ..NewUser::default()
    }
}

/// A bed with two users and two organizational units.
fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    {
        let mut ad = bed.forest.ad();
        ad.add_ou("Staff", None)?;
        ad.add_ou("Team", Some("OU=Staff,DC=corp,DC=test"))?;
        ad.add_ou("Alumni", None)?;
        let ada = NewUser {
            parent: Some("OU=Team,OU=Staff,DC=corp,DC=test"),
            ..user("ada", &[("displayName", "Ada"), ("department", "Engines")])
        };
        ad.add_user(&ada)?;
        ad.add_user(&user("bob", &[("displayName", "Bob")]))?;
    }
    bed.service.apply(crate::bed::CONFIGURATION)?;
    bed.cycle()?;
    Ok(bed)
}

const ADA: &str = "CN=ada,OU=Team,OU=Staff,DC=corp,DC=test";
const BOB: &str = "CN=bob,CN=Users,DC=corp,DC=test";

#[test]
fn attributes_set_changed_and_cleared_arrive_one_by_one() {
    let bed = bed().unwrap();
    let set = bed.after(|ad| ad.set(BOB, "department", "Looms")).unwrap();
    assert_eq!(set.only_change().unwrap(), ("department", &"Looms".into()));
    let changed = bed
        .after(|ad| ad.set(BOB, "department", "Letters"))
        .unwrap();
    assert_eq!(
        changed.only_change().unwrap(),
        ("department", &"Letters".into())
    );
    let cleared = bed.after(|ad| ad.clear(BOB, "department")).unwrap();
    assert_eq!(
        cleared.only_change().unwrap(),
        ("department", &serde_json::Value::Null)
    );
    assert_eq!(
        bed.user("bob").unwrap()["department"],
        serde_json::Value::Null
    );
}

#[test]
fn a_renamed_moved_disabled_and_enabled_user_is_the_same_object() {
    let bed = bed().unwrap();
    let id = bed.user("bob").unwrap()["id"].clone();
    let renamed = bed
        .after(|ad| ad.rename(BOB, "CN=Robert\\, B.,CN=Users,DC=corp,DC=test"))
        .unwrap();
    assert_eq!(renamed.actions(), ["Update CN=Robert\\"]);
    let moved = bed
        .after(|ad| {
            let from = "CN=Robert\\, B.,CN=Users,DC=corp,DC=test";
            ad.rename(from, "CN=Robert\\, B.,OU=Staff,DC=corp,DC=test")
        })
        .unwrap();
    let (property, value) = moved.only_change().unwrap();
    assert_eq!(property, "onPremisesDistinguishedName");
    assert_eq!(value, "CN=Robert\\, B.,OU=Staff,DC=corp,DC=test");
    let dn = "CN=Robert\\, B.,OU=Staff,DC=corp,DC=test";
    let disabled = bed
        .after(|ad| ad.set(dn, "userAccountControl", "514"))
        .unwrap();
    assert_eq!(
        disabled.only_change().unwrap(),
        ("accountEnabled", &false.into())
    );
    let enabled = bed
        .after(|ad| ad.set(dn, "userAccountControl", "512"))
        .unwrap();
    assert_eq!(
        enabled.only_change().unwrap(),
        ("accountEnabled", &true.into())
    );
    assert_eq!(bed.user("bob").unwrap()["id"], id);
}

/// H14 (b)
#[test]
fn an_organizational_unit_that_is_renamed_or_moved_takes_everyone_below_along() {
    let bed = bed().unwrap();
    let dn = |bed: &Bed| bed.user("ada").unwrap()["onPremisesDistinguishedName"].clone();
    let renamed = bed
        .after(|ad| ad.rename("OU=Staff,DC=corp,DC=test", "OU=People,DC=corp,DC=test"))
        .unwrap();
    assert_eq!(renamed.actions(), ["Update CN=ada"]);
    assert_eq!(dn(&bed), "CN=ada,OU=Team,OU=People,DC=corp,DC=test");
    let moved = bed
        .after(|ad| {
            let from = "OU=Team,OU=People,DC=corp,DC=test";
            ad.rename(from, "OU=Team,OU=Alumni,DC=corp,DC=test")
        })
        .unwrap();
    assert_eq!(moved.actions(), ["Update CN=ada"]);
    assert_eq!(dn(&bed), "CN=ada,OU=Team,OU=Alumni,DC=corp,DC=test");
}

#[test]
fn a_deleted_user_goes_to_the_recycle_bin_and_comes_back_as_the_same_object() {
    let bed = bed().unwrap();
    let id = bed.user("bob").unwrap()["id"].clone();
    let guid = bed.forest.ad().guid_of(BOB).unwrap();
    let deleted = bed.after(|ad| ad.delete(BOB)).unwrap();
    assert_eq!(deleted.count("deleted"), 1);
    assert!(bed.users("bob").unwrap().is_empty());
    let bin = "directory/deletedItems/microsoft.graph.user";
    let bin = bed.service.graph_all(bin).unwrap();
    assert_eq!(bin[0]["id"], id);
    let back = bed.after(|ad| ad.undelete(&guid, BOB)).unwrap();
    assert_eq!(back.count("restored"), 1, "{}", back.result);
    assert_eq!(bed.user("bob").unwrap()["id"], id);
}

#[test]
fn a_user_deleted_and_made_again_under_the_same_name_is_two_objects() {
    let bed = bed().unwrap();
    let before = bed.user("bob").unwrap();
    let cycle = bed
        .after(|ad| {
            ad.delete(BOB)?;
            ad.add_user(&user("bob", &[("displayName", "Bob the second")]))
        })
        .unwrap();
    assert_eq!(
        (cycle.count("deleted"), cycle.count("created")),
        (1, 1),
        "{}",
        cycle.result
    );
    let after = bed.user("bob").unwrap();
    assert_ne!(before["id"], after["id"]);
    // The name is free when its owner has gone, at the latest with the next cycle.
    bed.cycle().unwrap();
    assert_eq!(
        bed.user("bob").unwrap()["userPrincipalName"],
        "bob@corp.test"
    );
}

#[test]
fn members_come_and_go_one_by_one_and_groups_nest() {
    let bed = bed().unwrap();
    let made = bed
        .after(|ad| {
            ad.add_group("Inner", &[ADA])?;
            ad.add_group("Outer", &["CN=Inner,CN=Users,DC=corp,DC=test"])
        })
        .unwrap();
    assert_eq!(made.count("created"), 2);
    assert_eq!(bed.members("Inner").unwrap(), ["Ada"]);
    assert_eq!(bed.members("Outer").unwrap(), ["Inner"]);
    let inner = "CN=Inner,CN=Users,DC=corp,DC=test";
    let added = bed.after(|ad| ad.add_members(inner, &[BOB])).unwrap();
    assert_eq!(added.count("updated"), 1);
    assert_eq!(bed.members("Inner").unwrap(), ["Ada", "Bob"]);
    let removed = bed.after(|ad| ad.remove_members(inner, &[ADA])).unwrap();
    assert_eq!(removed.count("updated"), 1);
    assert_eq!(bed.members("Inner").unwrap(), ["Bob"]);
    let emptied = bed.after(|ad| ad.remove_members(inner, &[BOB])).unwrap();
    assert_eq!(emptied.count("updated"), 1);
    assert!(bed.members("Inner").unwrap().is_empty());
    let gone = bed.after(|ad| ad.delete(inner)).unwrap();
    assert_eq!(gone.count("deleted"), 1);
    assert!(bed.members("Outer").unwrap().is_empty());
}

#[test]
fn one_more_member_of_a_large_group_is_one_value_on_the_way() {
    let population = lockstep_testkit::samba::Population {
        users: 5_001,
        groups: 1,
        largest_group: 5_000,
        ..Default::default()
    };
    let bed = Bed::synced(Template::with(population)).unwrap();
    assert_eq!(bed.members("Group 00000").unwrap().len(), 5_000);
    let before = bed.agent.sent().unwrap().len();
    let group = format!("CN=Group 00000,CN=Users,{CORP}");
    let outsider = {
        let mut ad = bed.forest.ad();
        let members = ad.search(
            "(&(objectClass=user)(!(memberOf=*))(sAMAccountName=user*))",
            &["cn"],
        );
        members.unwrap()[0].dn.clone()
    };
    bed.after(|ad| ad.add_members(&group, &[&outsider]))
        .unwrap();
    let sent = bed.agent.sent().unwrap().split_off(before);
    let text: String = sent.iter().map(ToString::to_string).collect();
    assert_eq!(text.matches("\"g\":").count(), 1, "{text}");
    assert_eq!(bed.members("Group 00000").unwrap().len(), 5_001);
}

#[test]
fn a_manager_is_changed_and_may_arrive_after_the_report() {
    let bed = bed().unwrap();
    let set = bed.after(|ad| ad.set(BOB, "manager", ADA)).unwrap();
    assert_eq!(set.count("updated"), 1);
    assert_eq!(bed.manager("bob").unwrap().as_deref(), Some("Ada"));
    let changed = bed
        .after(|ad| {
            ad.add_user(&user("eve", &[("displayName", "Eve")]))?;
            ad.set(BOB, "manager", "CN=eve,CN=Users,DC=corp,DC=test")
        })
        .unwrap();
    assert_eq!((changed.count("created"), changed.count("updated")), (1, 1));
    assert_eq!(bed.manager("bob").unwrap().as_deref(), Some("Eve"));
    let cleared = bed.after(|ad| ad.clear(BOB, "manager")).unwrap();
    assert_eq!(cleared.count("updated"), 1);
    assert_eq!(bed.manager("bob").unwrap(), None);
}
