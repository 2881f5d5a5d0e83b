//! From the first cycle of a configuration to its end, and what becomes of its objects.

use crate::bed::{Bed, CONFIGURATION, by_hand_only, dump};
use lockstep_testkit::samba::{Domain, Forest, NewUser, Population, Template};
use serde_json::{Value, json};

fn staff(name: &str, ou: &str) -> String {
    format!(
        "name = \"{name}\"\ndomain = \"corp.test\"\npaused = true\n[scope]\norganizational-units = [\"{ou}\"]\n\
         [accidental-deletes]\nthreshold = 4\n"
    )
}

const STAFF: &str = "OU=Staff,DC=corp,DC=test";
const NOBODY: &str = "OU=Nobody,DC=corp,DC=test";

/// Five people and their group in one organizational unit, and an empty one.
fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    {
        let mut ad = bed.forest.ad();
        let staff = ad.add_ou("Staff", None)?;
        ad.add_ou("Nobody", None)?;
        let mut members = Vec::new();
        for account in ["ada", "bob", "cyd", "dee", "eve"] {
            members.push(ad.add_user(&NewUser {
                account,
                parent: Some(&staff),
                attributes: &[("displayName", account)],
                ..NewUser::default()
            })?);
        }
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let group = ad.add_group("Pilots", &members)?;
        ad.rename(&group, &format!("CN=Pilots,{staff}"))?;
    }
    bed.service.apply(&staff("corp", STAFF))?;
    bed.cycle()?;
    Ok(bed)
}

fn ids(bed: &Bed) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for account in ["ada", "bob", "cyd", "dee", "eve"] {
        ids.push(bed.user(account)?["id"].to_string());
    }
    ids.push(bed.group("Pilots")?);
    Ok(ids)
}

fn show(bed: &Bed, name: &str) -> anyhow::Result<Value> {
    bed.service.json(&["configuration", "show", name])
}

#[test]
fn a_scope_that_is_empty_removes_everybody_under_the_guard() {
    let bed = bed().unwrap();
    bed.service.apply(&staff("corp", NOBODY)).unwrap();
    let held = bed.service.cycle("corp").unwrap();
    assert_eq!(
        (&held["state"], &held["held"]),
        (&json!("quarantined"), &json!(6)),
        "{held}"
    );
    assert_eq!(ids(&bed).unwrap().len(), 6, "everybody is still there");
    bed.service
        .run(&["deletes", "allow", "corp", "--yes"])
        .unwrap();
    bed.cycle().unwrap();
    assert!(bed.users("ada").unwrap().is_empty() && bed.group("Pilots").is_err());
    let deleted = bed.service.json(&["deleted", "list"]).unwrap();
    assert_eq!(deleted.as_array().unwrap().len(), 5, "{deleted}");
}

#[test]
fn what_a_deleted_configuration_made_stays_and_is_the_clouds_when_it_is_handed_over() {
    let bed = bed().unwrap();
    let before = ids(&bed).unwrap();
    let refused = bed
        .service
        .command(&["configuration", "delete", "corp"])
        .unwrap();
    assert_eq!(refused.status.code(), Some(2), "there is nobody to ask");
    let delete = ["configuration", "delete", "corp"];
    let (status, shown) = bed.service.at_terminal(&delete, "n\n").unwrap();
    let question = "Delete the configuration corp of corp.test? Its 5 users, 1 groups and 0 contacts stay in the \
                    directory and are synchronised no more (--hand-over-to hands them over). [y/N]";
    assert!(shown.contains(question), "{shown}");
    assert!(shown.contains("nothing was changed"), "{shown}");
    assert_eq!(status, 1, "{shown}");
    let nobody = [
        "configuration",
        "delete",
        "corp",
        "--hand-over-to",
        "nobody",
        "--yes",
    ];
    assert_eq!(bed.service.command(&nobody).unwrap().status.code(), Some(1));
    assert_eq!(
        show(&bed, "corp").unwrap()["counts"]["users"],
        5,
        "nothing was changed"
    );

    let (status, shown) = bed
        .service
        .at_terminal(
            &["configuration", "delete", "corp", "--hand-over-to", "cloud"],
            "y\n",
        )
        .unwrap();
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("the cloud's from then on"), "{shown}");
    assert_eq!(ids(&bed).unwrap(), before);
    let ada = before[0].trim_matches('"');
    let (_, user) = bed
        .service
        .graph(&format!("users/{ada}?$select=onPremisesSyncEnabled"))
        .unwrap();
    assert_eq!(user["onPremisesSyncEnabled"], json!(false), "{user}");
    let path = format!("/v1.0/users/{ada}");
    let (status, text) = bed
        .service
        .send("PATCH", &path, "{\"department\":\"Cloud\"}")
        .unwrap();
    assert_eq!(status, 204, "{text}");
    assert_eq!(bed.members("Pilots").unwrap().len(), 5);
    let audit = bed
        .service
        .json(&["audit", "--activity", "ConfigurationDeleted"])
        .unwrap();
    assert_eq!(audit[0]["new"]["handOverTo"], "cloud", "{audit}");
    assert_eq!(audit[0]["old"]["name"], "corp", "{audit}");
}

/// H18
#[test]
fn of_two_configurations_that_claim_the_same_objects_the_second_goes_on_when_the_first_ends() {
    let bed = bed().unwrap();
    let (before, members) = (ids(&bed).unwrap(), bed.members("Pilots").unwrap());
    bed.service.apply(&staff("second", STAFF)).unwrap();
    let second = bed.service.cycle("second").unwrap();
    assert_eq!(
        (&second["created"], &second["failed"]),
        (&json!(0), &json!(6)),
        "{second}"
    );
    let claims = show(&bed, "second").unwrap()["claims"].clone();
    let claims = claims.as_array().unwrap();
    assert_eq!(claims.len(), 6, "{claims:#?}");
    assert!(
        claims.iter().all(|claim| claim["owner"] == "corp"),
        "{claims:#?}"
    );

    bed.service
        .run(&[
            "configuration",
            "delete",
            "corp",
            "--hand-over-to",
            "second",
            "--yes",
        ])
        .unwrap();
    let result = bed.service.cycle("second").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    assert_eq!(ids(&bed).unwrap(), before);
    assert_eq!(bed.members("Pilots").unwrap(), members);
    let shown = show(&bed, "second").unwrap();
    assert_eq!(shown["counts"]["users"], 5, "{shown:#}");
    assert!(shown["claims"].is_null(), "{shown:#}");
    let deletes = bed
        .service
        .run(&["log", "--action", "Delete", "-o", "json"])
        .unwrap();
    assert!(deletes.is_empty(), "{deletes}");

    // The new owner follows what changes.
    bed.forest
        .ad()
        .set(&format!("CN=ada,{STAFF}"), "department", "Sales")
        .unwrap();
    bed.service.cycle("second").unwrap();
    assert_eq!(bed.user("ada").unwrap()["department"], "Sales");
}

#[test]
fn each_kind_of_reset_forgets_what_it_names_and_loses_nothing() {
    let bed = bed().unwrap();
    let (before, everything) = (ids(&bed).unwrap(), dump(&bed.service).unwrap());
    let restart = |what: &str| {
        bed.service
            .run(&["restart", "corp", "--reset", what])
            .unwrap()
    };
    for (reset, kind) in [
        ("watermark", "full"),
        ("escrows", "incremental"),
        ("quarantine", "incremental"),
        ("links", "incremental"),
        ("full", "full"),
        ("watermark,escrows,quarantine", "full"),
        ("full,links", "full"),
    ] {
        restart(reset);
        let result = bed.service.cycle("corp").unwrap();
        assert_eq!(
            (&result["state"], &result["kind"]),
            (&json!("succeeded"), &json!(kind)),
            "{reset}: {result}"
        );
        assert_eq!(
            (&result["created"], &result["deleted"]),
            (&json!(0), &json!(0)),
            "{reset}: {result}"
        );
        assert_eq!(ids(&bed).unwrap(), before, "{reset}");
        assert_eq!(dump(&bed.service).unwrap(), everything, "{reset}");
    }
    let audit = bed
        .service
        .json(&["audit", "--activity", "JobRestarted"])
        .unwrap();
    assert_eq!(
        audit[0]["new"]["reset"],
        json!(["watermark", "escrows", "quarantine", "links"]),
        "{audit}"
    );

    // What is held no restart lets go, as long as the cause is there.
    bed.service.apply(&staff("corp", NOBODY)).unwrap();
    assert_eq!(bed.service.cycle("corp").unwrap()["held"], 6);
    restart("quarantine");
    assert_eq!(show(&bed, "corp").unwrap()["job"]["held"], 6);
    assert_eq!(bed.service.cycle("corp").unwrap()["held"], 6);
    bed.service.apply(&staff("corp", STAFF)).unwrap();
    restart("quarantine");
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(
        (&result["held"], &result["deleted"]),
        (&json!(0), &json!(0)),
        "{result}"
    );
    assert_eq!(ids(&bed).unwrap(), before);
}

#[test]
fn a_paused_configuration_goes_on_from_where_it_stood() {
    let bed = Bed::start(Template::default()).unwrap();
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    bed.cycle().unwrap();
    let user = NewUser {
        account: "late",
        ..NewUser::default()
    };
    bed.forest.ad().add_user(&user).unwrap();
    bed.service
        .run(&["configuration", "resume", "corp"])
        .unwrap();
    bed.service
        .run(&["configuration", "pause", "corp"])
        .unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.result["kind"], "incremental");
    assert_eq!(bed.users("late").unwrap().len(), 1);
    let audit = bed
        .service
        .json(&["audit", "--target", "corp", "--limit", "1"])
        .unwrap();
    assert_eq!(
        (&audit[0]["old"]["paused"], &audit[0]["new"]["paused"]),
        (&json!(false), &json!(true))
    );
}

/// H18
#[test]
fn who_moves_from_one_forest_to_another_stays_the_same_person() {
    let bed = Bed::start(Template::default()).unwrap();
    let ada = |name: &'static str| NewUser {
        account: "ada",
        attributes: match name {
            "Ada" => &[("displayName", "Ada")],
            _ => &[("displayName", "Ada of Acme")],
        },
        ..NewUser::default()
    };
    let here = bed.forest.ad().add_user(&ada("Ada")).unwrap();
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    bed.cycle().unwrap();
    let before = bed.user("ada").unwrap();

    // The account is made anew in the other forest, with the anchor of the old one, while that still works.
    let acme = Forest::start(Template {
        domain: Domain::Acme,
        exchange: false,
        population: Population::default(),
    })
    .unwrap();
    let there = acme.ad().add_user(&ada("Ada of Acme")).unwrap();
    let change = json!({
        "kind": "replace", "attribute": "mS-DS-ConsistencyGuid",
        "values": [{ "b64": before["onPremisesImmutableId"] }],
    });
    let modify = json!({"op": "modify", "dn": there, "changes": [change]});
    acme.ad().operation(&modify).unwrap();
    bed.agent.add_domain(&acme).unwrap();
    let other = by_hand_only(&CONFIGURATION.replace("corp", "acme"));
    bed.service.apply(&other).unwrap();
    let refused = bed.service.cycle("acme").unwrap();
    assert_eq!(refused["failed"], 1, "{refused}");
    let claims = show(&bed, "acme").unwrap()["claims"].clone();
    assert_eq!(
        (claims.as_array().map(Vec::len), &claims[0]["owner"]),
        (Some(1), &json!("corp")),
        "{claims}"
    );
    let user = bed.user("ada").unwrap();
    assert_eq!(
        (&user["id"], &user["displayName"]),
        (&before["id"], &json!("Ada"))
    );

    bed.forest.ad().delete(&here).unwrap();
    bed.cycle().unwrap();
    let taken = bed.service.cycle("acme").unwrap();
    assert_eq!(
        (&taken["state"], &taken["failed"]),
        (&json!("succeeded"), &json!(0)),
        "{taken}"
    );
    let user = bed.user("ada").unwrap();
    assert_eq!(
        (&user["id"], &user["displayName"]),
        (&before["id"], &json!("Ada of Acme")),
        "{user}"
    );
    assert!(show(&bed, "acme").unwrap()["claims"].is_null());
    // The old forest has no more to say.
    bed.cycle().unwrap();
    assert_eq!(bed.user("ada").unwrap()["displayName"], "Ada of Acme");
}
