//! A plan shows what the next cycle does, and changes nothing.

use crate::bed::{Bed, CONFIGURATION};
use lockstep_testkit::samba::{NewUser, Template};
use serde_json::Value;

const STAFF: &str = "[scope]\norganizational-units = [\"OU=Staff,DC=corp,DC=test\"]\n";

fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    let mut ad = bed.forest.ad();
    let staff = ad.add_ou("Staff", None)?;
    let elsewhere = ad.add_ou("Elsewhere", None)?;
    for (account, parent) in [("ada", &staff), ("bob", &staff), ("cid", &elsewhere)] {
        ad.add_user(&NewUser {
            account,
            parent: Some(parent),
            attributes: &[("department", "Engines"), ("displayName", account)],
            ..NewUser::default()
        })?;
    }
    drop(ad);
    Ok(bed)
}

/// The names in one list of a plan, by the first step, sorted.
fn names(plan: &Value, list: &str) -> Vec<String> {
    let entries = plan[list].as_array().into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| {
            let dn = entry["dn"].as_str().unwrap_or("at home");
            dn.split(',').next().unwrap_or_default().to_owned()
        })
        .collect();
    names.sort();
    names
}

/// What the plan says is what the cycle then does.
fn as_planned(bed: &Bed, plan: &Value) -> anyhow::Result<()> {
    let cycle = bed.cycle()?;
    for (planned, done) in [
        ("creates", "created"),
        ("restores", "restored"),
        ("updates", "updated"),
        ("deletes", "deleted"),
    ] {
        assert_eq!(
            plan["counts"][planned], cycle.result[done],
            "{planned}: {plan}\n{}",
            cycle.result
        );
    }
    let mut planned: Vec<String> = Vec::new();
    for (list, action) in [
        ("creates", "Create"),
        ("restores", "Restore"),
        ("updates", "Update"),
        ("deletes", "Delete"),
    ] {
        planned.extend(
            names(plan, list)
                .into_iter()
                .map(|name| format!("{action} {name}")),
        );
    }
    planned.sort();
    let done: Vec<String> = cycle
        .actions()
        .into_iter()
        .filter(|action| !action.starts_with("Skip"))
        .collect();
    assert_eq!(planned, done);
    Ok(())
}

#[test]
fn a_plan_of_a_new_configuration_changes_nothing_and_comes_true() {
    let bed = bed().unwrap();
    let toml = format!("paused = true\n{CONFIGURATION}{STAFF}");
    let plan = bed.service.plan(&toml).unwrap();
    assert_eq!(names(&plan, "creates"), ["CN=ada", "CN=bob"], "{plan}");
    assert!(
        plan["creates"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("in scope")
    );
    let skipped = plan["skipped"].as_array().unwrap();
    assert!(
        skipped.iter().any(|entry| entry["dn"].is_null()),
        "cid stays home: {plan}"
    );
    assert_eq!(
        bed.service.json(&["configuration", "list"]).unwrap(),
        Value::Array(vec![])
    );
    assert!(bed.service.graph_all("users?$top=999").unwrap().is_empty());
    bed.service.apply(&toml).unwrap();
    as_planned(&bed, &plan).unwrap();
    let again = bed
        .service
        .json(&["plan", "--configuration", "corp"])
        .unwrap();
    for list in ["creates", "updates", "deletes", "restores"] {
        assert!(names(&again, list).is_empty(), "{again}");
    }
}

#[test]
fn changes_in_ad_and_in_the_configuration_are_planned_together() {
    let bed = bed().unwrap();
    bed.service
        .apply(&format!("{CONFIGURATION}{STAFF}"))
        .unwrap();
    bed.cycle().unwrap();
    {
        let mut ad = bed.forest.ad();
        ad.set("CN=ada,OU=Staff,DC=corp,DC=test", "department", "Looms")
            .unwrap();
        ad.delete("CN=bob,OU=Staff,DC=corp,DC=test").unwrap();
    }
    let plan = bed
        .service
        .json(&["plan", "--configuration", "corp"])
        .unwrap();
    assert_eq!(names(&plan, "updates"), ["CN=ada"], "{plan}");
    let change = &plan["updates"][0]["changes"][0];
    assert_eq!(
        (&change["property"], &change["old"], &change["new"]),
        (&"department".into(), &"Engines".into(), &"Looms".into())
    );
    assert_eq!(names(&plan, "deletes"), ["CN=bob"], "{plan}");
    assert_eq!(
        bed.user("ada").unwrap()["department"],
        "Engines",
        "a plan changes nothing"
    );

    // A wider scope, a constant, and a mapping that is left out: three things at once.
    let wider = format!(
        "{CONFIGURATION}[[mapping.user]]\ntarget = \"jobTitle\"\nconstant = \"Person\"\n\
         [[mapping.user]]\ntarget = \"department\"\nnone = true\n[scope]\norganizational-units = \
         [\"OU=Staff,DC=corp,DC=test\", \"OU=Elsewhere,DC=corp,DC=test\"]\n"
    );
    let plan = bed.service.plan(&wider).unwrap();
    assert_eq!(names(&plan, "creates"), ["CN=cid"], "{plan}");
    assert_eq!(names(&plan, "updates"), ["CN=ada"], "{plan}");
    assert_eq!(names(&plan, "deletes"), ["CN=bob"], "{plan}");
    let changes = plan["updates"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{plan}");
    assert_eq!(changes[0]["property"], "jobTitle");
    bed.service.apply(&wider).unwrap();
    as_planned(&bed, &plan).unwrap();
    assert_eq!(
        bed.user("ada").unwrap()["department"],
        "Engines",
        "left alone from now on"
    );
}

#[test]
fn a_wrong_configuration_is_refused_as_a_whole_with_line_and_nearest_name() {
    let bed = bed().unwrap();
    bed.service
        .apply(&format!("{CONFIGURATION}{STAFF}"))
        .unwrap();
    let before = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    for (toml, line, says) in [
        (
            "[[mapping.user]]\ntarget = \"departement\"\nattribute = \"info\"\n",
            7,
            "the nearest is `department`",
        ),
        (
            "[[mapping.user]]\ntarget = \"department\"\nattribute = \"departement\"\n",
            8,
            "the nearest is `department`",
        ),
        (
            "[[mapping.user]]\ntarget = \"department\"\nattribute = \"lastLogon\"\n",
            8,
            "lastLogonTimestamp",
        ),
        (
            "[scope]\ngroups = [\n  \"CN=Domain Usres,CN=Users,DC=corp,DC=test\",\n]\n",
            8,
            "did you mean CN=Domain Users,CN=Users,DC=corp,DC=test?",
        ),
        (
            "[scope]\nfilters = [[{ object = \"user\", attribute = \"title\", operator = \"like\", value = \"x\" }]]\n",
            7,
            "one of equals",
        ),
        ("[scoped]\n", 6, "did you mean `scope`?"),
    ] {
        let said = bed
            .service
            .refuses(&format!("{CONFIGURATION}{toml}"))
            .unwrap();
        assert!(
            said.contains(&format!("configuration.toml:{line}: ")),
            "{said}"
        );
        assert!(said.contains(says), "{said}");
        assert!(
            said.to_lowercase().contains("nothing was changed"),
            "{said}"
        );
    }
    let after = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(before["configuration"], after["configuration"]);
}
