//! Histories that break naive versions of this product.

use crate::bed::{Bed, CONFIGURATION};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, NewUser, Template};
use serde_json::json;

fn people(bed: &Bed, count: u32) -> anyhow::Result<()> {
    bed.add_users((0..count).map(|number| format!("person{number}")))
}

/// H2 (a)
#[test]
fn not_seen_is_not_taken_for_gone() {
    let bed = Bed::start(Template::default()).unwrap();
    let unit = bed.forest.ad().add_ou("Hidden", None).unwrap();
    let ada = NewUser {
        account: "ada",
        parent: Some(&unit),
        ..NewUser::default()
    };
    bed.forest.ad().add_user(&ada).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = format!("(D;CI;RPLCLORC;;;{sid})");
    bed.forest.ad().grant(&unit, &ace).unwrap();
    bed.service
        .run(&["restart", "corp", "--reset", "full"])
        .unwrap();
    let full = bed.cycle().unwrap();
    assert_eq!(
        (full.result["kind"].as_str(), full.count("deleted")),
        (Some("full"), 0)
    );
    assert_eq!(bed.users("ada").unwrap().len(), 1);
    bed.forest.ad().revoke(&unit, &ace).unwrap();
    bed.service
        .run(&["restart", "corp", "--reset", "full"])
        .unwrap();
    let full = bed.cycle().unwrap();
    assert_eq!(
        full.count("deleted") + full.count("created"),
        0,
        "{}",
        full.result
    );
}

/// H15
#[test]
fn a_cookie_older_than_the_tombstones_leads_to_a_full_import_and_to_no_deletes() {
    let bed = Bed::start(Template::default()).unwrap();
    people(&bed, 3).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    {
        let mut ad = bed.forest.ad();
        let settings =
            "CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,DC=corp,DC=test";
        ad.set(settings, "tombstoneLifetime", "0").unwrap();
        // Deleted and collected while nobody was looking.
        let dn = "CN=person1,CN=Users,DC=corp,DC=test";
        let guid = ad.guid_of(dn).unwrap();
        ad.delete(dn).unwrap();
        ad.operation(&json!({"op": "purge", "guid": guid})).unwrap();
    }
    let cycle = bed.cycle().unwrap();
    assert!(
        bed.service.log().contains("CookieTooOld"),
        "{}",
        bed.service.log()
    );
    assert_eq!(cycle.count("deleted"), 0, "{}", cycle.result);
    assert_eq!(bed.users("person1").unwrap().len(), 1);

    // Nobody can say any more what became of it: an administrator does.
    let missing = bed.service.json(&["missing", "list", "corp"]).unwrap();
    assert_eq!(missing.as_array().map(Vec::len), Some(1), "{missing}");
    assert_eq!(missing[0]["dn"], "CN=person1,CN=Users,DC=corp,DC=test");
    let unasked = ["missing", "delete", "corp"];
    let unasked = bed.service.command(&unasked).unwrap();
    assert_eq!(unasked.status.code(), Some(2), "there is nobody to ask");
    let id = missing[0]["id"].as_str().unwrap();
    bed.service
        .run(&["missing", "keep", "corp", id, "--yes"])
        .unwrap();
    assert_eq!(bed.cycle().unwrap().count("deleted"), 0);
    bed.service
        .run(&["missing", "delete", "corp", id, "--yes"])
        .unwrap();
    bed.cycle().unwrap();
    assert!(bed.users("person1").unwrap().is_empty());
    let log = bed
        .service
        .run(&["log", "--action", "Delete", "-o", "json"])
        .unwrap();
    assert!(
        log.contains("an administrator has said that it is gone"),
        "{log}"
    );
    let audit = bed.service.json(&["audit", "--target", "corp"]).unwrap();
    let activities: Vec<_> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["activity"].clone())
        .collect();
    assert!(
        activities.contains(&json!("MissingKept")) && activities.contains(&json!("MissingDeleted")),
        "{audit}"
    );
}

/// H24
#[test]
fn a_controller_that_was_set_back_and_written_on_is_noticed() {
    let mut bed = Bed::start(Template::default()).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    bed.forest.dc_mut().kill();
    let snapshot = bed.forest.dc().snapshot().unwrap();
    bed.forest.dc_mut().start().unwrap();
    people(&bed, 20).unwrap();
    bed.cycle().unwrap();
    bed.forest.dc_mut().kill();
    bed.forest.dc_mut().restore(&snapshot).unwrap();
    bed.forest.dc_mut().start().unwrap();
    // It counts on beyond the number that was remembered.
    {
        let mut ad = bed.forest.ad();
        let operations: Vec<_> = (0..60)
            .map(|number| {
                json!({"op": "add", "dn": format!("CN=later{number},CN=Users,DC=corp,DC=test"),
                    "attributes": {"objectClass": ["top", "person", "organizationalPerson", "user"],
                        "sAMAccountName": format!("later{number}"), "userAccountControl": "514"}})
            })
            .collect();
        ad.operation(&json!({"op": "batch", "operations": operations}))
            .unwrap();
    }
    let cycle = bed.cycle().unwrap();
    assert!(
        bed.service.log().contains("DatabaseSetBack"),
        "{}",
        bed.service.log()
    );
    // What the restore undid is not seen any more, which is no evidence; what came after it is there.
    assert_eq!(cycle.count("deleted"), 0);
    assert_eq!(bed.users("person7").unwrap().len(), 1);
    assert_eq!(bed.users("later59").unwrap().len(), 1);
}

/// H24
#[test]
fn a_changed_invocation_id_leads_to_a_full_import() {
    let mut bed = Bed::start(Template::default()).unwrap();
    people(&bed, 3).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    bed.forest.dc_mut().kill();
    let operation = json!({"op": "invocation_id"});
    bed.forest.dc().offline(&operation).unwrap();
    bed.forest.dc_mut().start().unwrap();
    let cycle = bed.cycle().unwrap();
    assert!(
        bed.service.log().contains("DatabaseReplaced"),
        "{}",
        bed.service.log()
    );
    assert_eq!(
        cycle.count("deleted") + cycle.count("created"),
        0,
        "{}",
        cycle.result
    );
}

/// H24
#[test]
fn another_domain_of_the_same_name_is_refused() {
    let bed = Bed::synced(Template::default()).unwrap();
    let other = Forest::start(Template {
        exchange: false,
        ..Template::default()
    })
    .unwrap();
    let update = [
        "domain",
        "update",
        "corp.test",
        "--server",
        other.dc().address(),
    ];
    bed.agent.run(&update).unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["error"]["code"], "ForeignDomain", "{result}");
    assert_eq!(result["deleted"], 0);
}

/// H5
#[test]
fn an_attribute_that_is_mapped_later_arrives_as_it_is_by_then() {
    let bed = Bed::start(Template::default()).unwrap();
    people(&bed, 1).unwrap();
    let person = "CN=person0,CN=Users,DC=corp,DC=test";
    bed.forest.ad().set(person, "carLicense", "old").unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    // The cookie goes beyond this change, which nobody has asked for.
    let unseen = bed.after(|ad| ad.set(person, "carLicense", "new")).unwrap();
    assert_eq!(unseen.count("updated"), 0);
    let mapped = format!(
        "{CONFIGURATION}[[mapping.user]]\ntarget = \"faxNumber\"\nattribute = \"carLicense\"\n"
    );
    bed.service.apply(&mapped).unwrap();
    bed.cycle().unwrap();
    let fax = || {
        let filter = "$filter=onPremisesSamAccountName eq 'person0'";
        let users = bed
            .service
            .graph_all(&format!("users?$select=faxNumber&{filter}"));
        users.unwrap()[0]["faxNumber"].clone()
    };
    assert_eq!(fax(), "new");
    bed.after(|ad| ad.set(person, "carLicense", "newest"))
        .unwrap();
    assert_eq!(fax(), "newest");
}

/// H20
#[test]
fn an_attribute_that_must_not_be_read_is_not_taken_for_a_cleared_one() {
    let bed = Bed::start(Template::default()).unwrap();
    people(&bed, 2).unwrap();
    let person = |number: u32| format!("CN=person{number},CN=Users,DC=corp,DC=test");
    for number in 0..2 {
        let mut ad = bed.forest.ad();
        ad.set(&person(number), "department", "Engines").unwrap();
        // In no set of attributes, so that it is read by another entry of the list.
        ad.set(&person(number), "employeeType", "E").unwrap();
    }
    let mapped = format!(
        "{CONFIGURATION}[[mapping.user]]\ntarget = \"faxNumber\"\nattribute = \"employeeType\"\n"
    );
    bed.service.apply(&mapped).unwrap();
    bed.cycle().unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let department = "bf96794f-0de6-11d0-a285-00aa003049e2";
    let ace = format!("(OD;;RP;{department};;{sid})");
    bed.forest.ad().grant(&person(0), &ace).unwrap();
    // Changed where it must not be read, and cleared where it may.
    bed.after(|ad| {
        ad.set(&person(0), "department", "Looms")?;
        ad.clear(&person(1), "department")?;
        ad.clear(&person(1), "employeeType")
    })
    .unwrap();
    let shown = |bed: &Bed, account: &str| {
        let select = "$select=department,faxNumber";
        let filter = format!("$filter=onPremisesSamAccountName eq '{account}'");
        let users = bed.service.graph_all(&format!("users?{select}&{filter}"));
        let user = users.unwrap().remove(0);
        (user["department"].clone(), user["faxNumber"].clone())
    };
    let null = serde_json::Value::Null;
    assert_eq!(shown(&bed, "person0"), ("Engines".into(), "E".into()));
    assert_eq!(shown(&bed, "person1"), (null.clone(), null));
    assert!(bed.service.log().contains("must not read this attribute"));
    // A full import, which does not even name the attribute, takes nothing away either.
    let full = ["restart", "corp", "--reset", "full"];
    bed.service.run(&full).unwrap();
    bed.cycle().unwrap();
    assert_eq!(shown(&bed, "person0").0, "Engines");
    bed.forest.ad().revoke(&person(0), &ace).unwrap();
    bed.service.run(&full).unwrap();
    bed.cycle().unwrap();
    assert_eq!(shown(&bed, "person0").0, "Looms");
}

/// H12
#[test]
fn links_to_the_dead_do_not_rise_again() {
    let bed = Bed::start(Template::default()).unwrap();
    people(&bed, 2).unwrap();
    let person = "CN=person0,CN=Users,DC=corp,DC=test";
    bed.forest
        .ad()
        .add_group("Club", &[person, "CN=person1,CN=Users,DC=corp,DC=test"])
        .unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.members("Club").unwrap(), ["person0", "person1"]);
    let guid = bed.forest.ad().guid_of(person).unwrap();
    bed.after(|ad| ad.delete(person)).unwrap();
    assert_eq!(bed.members("Club").unwrap(), ["person1"]);
    let back = bed.after(|ad| ad.undelete(&guid, person)).unwrap();
    assert_eq!(back.count("restored"), 1);
    // In AD the membership is gone for good.
    assert_eq!(bed.members("Club").unwrap(), ["person1"]);
}

#[test]
fn five_hundred_deletes_are_held_and_leave_only_when_they_are_allowed() {
    let bed = Bed::start(Template::default()).unwrap();
    people(&bed, 6).unwrap();
    let guarded = format!("{CONFIGURATION}[accidental-deletes]\nthreshold = 5\n");
    bed.service.apply(&guarded).unwrap();
    bed.cycle().unwrap();
    {
        let mut ad = bed.forest.ad();
        for number in 0..5 {
            ad.delete(&format!("CN=person{number},CN=Users,DC=corp,DC=test"))
                .unwrap();
        }
    }
    let output = bed
        .service
        .command(&["cycle", "run", "corp", "--wait", "-o", "json"])
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&result["state"], &result["held"]),
        (&"quarantined".into(), &5.into())
    );
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(shown["status"], "quarantine");
    let held = bed.service.json(&["deletes", "list", "corp"]).unwrap();
    assert_eq!(held.as_array().map(Vec::len), Some(5), "{held}");
    // Without a yes and without a terminal nothing is changed.
    let asked = bed.service.command(&["deletes", "allow", "corp"]).unwrap();
    assert_eq!(asked.status.code(), Some(2));
    let first = held[0]["id"].as_str().unwrap();
    bed.service
        .run(&["deletes", "reject", "corp", first, "--yes"])
        .unwrap();
    bed.service
        .run(&["deletes", "allow", "corp", "--yes"])
        .unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    let left = bed
        .service
        .graph_all("users?$filter=startswith(displayName,'person')")
        .unwrap();
    assert_eq!(
        left.len(),
        2,
        "the one that was never deleted, and the one whose delete was rejected"
    );
}

#[test]
fn a_duplicate_user_principal_name_is_held_back_and_released() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let agent = Agent::of(&service, &forest).unwrap();
    service.run(&["domain", "add", "corp.test"]).unwrap();
    let bed = Bed {
        agent,
        service,
        forest,
    };
    people(&bed, 2).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    let person = "CN=person1,CN=Users,DC=corp,DC=test";
    let address = "SMTP:shared@corp.test";
    bed.after(|ad| {
        ad.set(
            "CN=person0,CN=Users,DC=corp,DC=test",
            "proxyAddresses",
            address,
        )
    })
    .unwrap();
    bed.after(|ad| ad.set(person, "proxyAddresses", address))
        .unwrap();
    let shown = |bed: &Bed| {
        let select = "$select=proxyAddresses,onPremisesProvisioningErrors";
        let filter = "$filter=onPremisesSamAccountName eq 'person1'";
        bed.service
            .graph_all(&format!("users?{select}&{filter}"))
            .unwrap()[0]
            .clone()
    };
    let held = shown(&bed);
    let errors = &held["onPremisesProvisioningErrors"];
    assert_eq!(
        errors[0]["propertyCausingError"], "ProxyAddresses",
        "{held}"
    );
    bed.after(|ad| ad.clear("CN=person0,CN=Users,DC=corp,DC=test", "proxyAddresses"))
        .unwrap();
    let released = shown(&bed);
    assert!(
        released["onPremisesProvisioningErrors"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(
        released["proxyAddresses"]
            .to_string()
            .contains("shared@corp.test"),
        "{released}"
    );
}
