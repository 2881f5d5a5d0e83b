//! What Active Directory itself decides of the rules that scenarios show: which objects it calls critical, what its
//! attributes look like on the wire, what a reference out of scope is.
//!
//! One forest serves several of them, because to start one costs seconds.

use crate::bed::{Bed, CONFIGURATION, Cycle, by_hand_only};
use lockstep_testkit::samba::{NewUser, Population, Template};
use serde_json::{Value, json};

const USERS: &str = "CN=Users,DC=corp,DC=test";

fn in_users(name: &str) -> String {
    format!("CN={name},{USERS}")
}

fn with<'a>(account: &'a str, attributes: &'a [(&'a str, &'a str)]) -> NewUser<'a> {
    NewUser {
        account,
        attributes,
        ..NewUser::default()
    }
}

/// The entries about an object, newest first.
fn told(bed: &Bed, object: &str) -> anyhow::Result<Vec<Value>> {
    let text = bed
        .service
        .run(&["log", "--object", object, "-o", "json"])?;
    let lines = text.lines().map(|line| Ok(serde_json::from_str(line)?));
    lines.collect()
}

fn count(bed: &Bed, set: &str, name: &str) -> usize {
    let path = format!("{set}?$select=id&$filter=displayName eq '{name}'");
    bed.service.graph_all(&path).unwrap().len()
}

#[test]
fn what_is_never_synchronised_stays_home_and_the_log_says_why() {
    let bed = Bed::start(Template::default()).unwrap();
    let conflict = "CN=ghost\\0ACNF:6f0f3b52-3e6c-4f5b-9a43-0d1f5a6c7b80";
    {
        let mut ad = bed.forest.ad();
        ad.add_user(&with("ada", &[("displayName", "ada")]))
            .unwrap();
        ad.add_user(&with("fromcloud", &[("adminDescription", "User_4711")]))
            .unwrap();
        ad.add_user(&with("MSOL_4711", &[])).unwrap();
        ad.add_user(&with("AAD_4711", &[])).unwrap();
        let ghost = json!({
            "objectClass": ["top", "person", "organizationalPerson", "user"],
            "sAMAccountName": "ghost", "userAccountControl": "514",
        });
        ad.add(&format!("{conflict},{USERS}"), &ghost).unwrap();
        ad.add_group("Cloudborn", &[]).unwrap();
        ad.set(&in_users("Cloudborn"), "adminDescription", "Group_4711")
            .unwrap();
        // Neither critical nor otherwise special: a security group without an address.
        ad.add_group("Security", &[]).unwrap();
        for (name, mail) in [("Silent", None), ("Speaking", Some("speaking@corp.test"))] {
            let mut group = json!({
                "objectClass": ["top", "group"], "sAMAccountName": name, "groupType": "2",
            });
            let mut contact = json!({
                "objectClass": ["top", "person", "organizationalPerson", "contact"],
                "displayName": format!("{name} contact"),
            });
            if let Some(mail) = mail {
                group["mail"] = json!(mail);
                contact["mail"] = json!(format!("contact.{mail}"));
            }
            ad.add(&in_users(name), &group).unwrap();
            ad.add(&in_users(&format!("{name} contact")), &contact)
                .unwrap();
        }
    }
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.users("ada").unwrap().len(), 1);
    for account in ["Administrator", "krbtgt", "Guest"] {
        assert_eq!(bed.users(account).unwrap().len(), 0, "{account}");
    }
    for account in ["fromcloud", "MSOL_4711", "AAD_4711", "ghost"] {
        assert_eq!(bed.users(account).unwrap().len(), 0, "{account}");
        let entries = told(&bed, account).unwrap();
        assert_eq!(entries.len(), 1, "{account}: {entries:?}");
        assert_eq!(entries[0]["code"], "NeverSynced", "{account}");
        assert_eq!(entries[0]["steps"][1]["status"], "Skipped", "{account}");
    }
    for (name, expected) in [
        ("Domain Users", 0),
        ("Cloudborn", 0),
        ("Security", 1),
        ("Silent", 0),
        ("Speaking", 1),
    ] {
        assert_eq!(count(&bed, "groups", name), expected, "{name}");
    }
    for (name, expected) in [("Silent contact", 0), ("Speaking contact", 1)] {
        assert_eq!(count(&bed, "contacts", name), expected, "{name}");
    }
}

#[test]
fn attributes_of_every_kind_arrive_and_the_anchor_is_the_consistency_guid() {
    let bed = Bed::start(Template::default()).unwrap();
    let modify = |dn: &str, attribute: &str, values: Value| {
        let change = json!({"kind": "replace", "attribute": attribute, "values": values});
        let modify = json!({"op": "modify", "dn": dn, "changes": [change]});
        bed.forest.ad().operation(&modify).unwrap();
    };
    let ada = in_users("ada");
    {
        let mut ad = bed.forest.ad();
        ad.add_user(&with("bob", &[("displayName", "Bob")]))
            .unwrap();
        let long = "d".repeat(500);
        ad.add_user(&with(
            "ada",
            &[
                ("extensionAttribute1", "  one  "),
                ("extensionAttribute15", "fifteen "),
                ("description", long.as_str()),
                ("msExchHideFromAddressLists", "TRUE"),
                ("msExchRecipientTypeDetails", "2147483648"),
                ("msExchRecipientDisplayType", "-2147483642"),
                ("msDS-HABSeniorityIndex", "7"),
                ("msDS-PhoneticDisplayName", "eida"),
                ("msExchAssistantName", "Charles"),
                ("assistant", "CN=bob,CN=Users,DC=corp,DC=test"),
            ],
        ))
        .unwrap();
    }
    // A certificate may be of any bytes here; so may a picture.
    let certificates = json!([{"b64": "MIIB/w=="}, {"b64": "MIIC/w=="}]);
    modify(&ada, "userCertificate", certificates);
    modify(&ada, "userSMIMECertificate", json!([{"b64": "AAEC"}]));
    modify(&ada, "thumbnailPhoto", json!([{"b64": "/9j/4A=="}]));
    let guid = "EREREREREREREREREREREQ==";
    modify(&ada, "mS-DS-ConsistencyGuid", json!([{ "b64": guid }]));
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    bed.cycle().unwrap();
    let select = "id,onPremisesImmutableId,extensionAttribute1,extensionAttribute15,description,\
                  msExchHideFromAddressLists,msExchRecipientTypeDetails,msExchRecipientDisplayType,\
                  msDsHabSeniorityIndex,msDsPhoneticDisplayName,msExchAssistantName,userCertificate,\
                  userSMIMECertificate,thumbnailPhoto";
    let shown = || {
        let filter =
            "$filter=onPremisesSamAccountName eq 'ada'&$expand=assistant($select=displayName)";
        let found = bed
            .service
            .graph_all(&format!("users?$select={select}&{filter}"));
        found.unwrap()[0].clone()
    };
    let found = shown();
    for (property, expected) in [
        ("onPremisesImmutableId", json!(guid)),
        ("extensionAttribute1", json!("one")),
        ("extensionAttribute15", json!("fifteen")),
        ("description", json!("d".repeat(448))),
        ("msExchHideFromAddressLists", json!(true)),
        ("msExchRecipientTypeDetails", json!(2_147_483_648_i64)),
        ("msExchRecipientDisplayType", json!(-2_147_483_642)),
        ("msDsHabSeniorityIndex", json!(7)),
        ("msDsPhoneticDisplayName", json!("eida")),
        ("msExchAssistantName", json!("Charles")),
        ("userCertificate", json!(["MIIB/w==", "MIIC/w=="])),
        ("userSMIMECertificate", json!(["AAEC"])),
        ("thumbnailPhoto", json!("/9j/4A==")),
    ] {
        assert_eq!(found[property], expected, "{property}: {found}");
    }
    assert_eq!(found["assistant"]["displayName"], "Bob", "{found}");
    // What the schema of this domain lacks was left out, and that can be seen.
    let configuration = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    let absent = configuration["absentAttributes"].to_string();
    assert!(absent.contains("\"authOrig\"") && absent.contains("\"msRTCSIP-Line\""));
    assert!(!absent.contains("assistant") && !absent.contains("userCertificate"));

    // One certificate and the assistant go, then the picture; nothing else changes.
    let changed = |cycle: &Cycle| {
        let entries = cycle.log.iter();
        let changes = entries.flat_map(|entry| entry["modifiedProperties"].as_array());
        let names = changes.flatten().map(|change| change["property"].clone());
        let mut names: Vec<Value> = names.collect();
        names.sort_by_key(Value::to_string);
        names
    };
    modify(&ada, "userCertificate", json!([{"b64": "MIIB/w=="}]));
    modify(&ada, "assistant", json!([]));
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("updated"), 1, "{:?}", cycle.log);
    let both = ["assistant", "userCertificate"];
    assert_eq!(changed(&cycle), both, "{:?}", cycle.log);
    modify(&ada, "thumbnailPhoto", json!([]));
    let cycle = bed.cycle().unwrap();
    assert_eq!(changed(&cycle), ["thumbnailPhoto"], "{:?}", cycle.log);
    let found = shown();
    assert_eq!(found["userCertificate"], json!(["MIIB/w=="]), "{found}");
    assert_eq!(found["thumbnailPhoto"], Value::Null, "{found}");
    assert!(found["assistant"].is_null(), "{found}");

    // The anchor never changes under an object.
    modify(
        &ada,
        "mS-DS-ConsistencyGuid",
        json!([{"b64": "IiIiIiIiIiIiIiIiIiIiIg=="}]),
    );
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.count("failed"), 1, "{}", cycle.result);
    assert_eq!(cycle.log[0]["code"], "AnchorChanged", "{:?}", cycle.log);
    assert_eq!(shown()["onPremisesImmutableId"], guid);
}

#[test]
fn a_reference_out_of_scope_is_told_once_and_is_there_when_its_target_comes_into_scope() {
    let bed = Bed::start(Template::default()).unwrap();
    let staff = bed.forest.ad().add_ou("Staff", None).unwrap();
    let elsewhere = bed.forest.ad().add_ou("Elsewhere", None).unwrap();
    let ada = format!("CN=ada,{staff}");
    let bob = format!("CN=bob,{elsewhere}");
    {
        let mut ad = bed.forest.ad();
        for (account, parent) in [("ada", &staff), ("bob", &elsewhere)] {
            ad.add_user(&NewUser {
                parent: Some(parent),
                ..with(account, &[("displayName", account)])
            })
            .unwrap();
        }
        let group = json!({
            "objectClass": ["top", "group"], "sAMAccountName": "Engineers",
            "member": [ada, bob], "managedBy": bob,
        });
        ad.add(&format!("CN=Engineers,{staff}"), &group).unwrap();
        ad.set(&ada, "manager", &bob).unwrap();
    }
    let scope = format!("{CONFIGURATION}[scope]\norganizational-units = [\"{staff}\"]\n");
    bed.service.apply(&by_hand_only(&scope)).unwrap();
    let first = bed.cycle().unwrap();
    assert_eq!(first.count("failed"), 0, "{}", first.result);
    assert_eq!(bed.manager("ada").unwrap(), None);
    assert_eq!(bed.members("Engineers").unwrap(), ["ada"]);
    let failures = || {
        let entries = told(&bed, &ada).unwrap();
        let failing = entries
            .iter()
            .filter(|entry| entry["code"] == "ReferenceFailure");
        failing.cloned().collect::<Vec<Value>>()
    };
    let failure = failures();
    assert_eq!(failure.len(), 1, "{failure:?}");
    let reason = failure[0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("`manager` leads to") && reason.contains("outside of every"),
        "{reason}"
    );
    // Whoever stays home stays without a name.
    assert!(!reason.contains("bob") && !reason.contains("Elsewhere"));
    assert!(bed.cycle().unwrap().log.is_empty());
    bed.service.run(&["restart", "corp"]).unwrap();
    bed.cycle().unwrap();
    assert_eq!(failures().len(), 1);

    let moved = bed
        .after(|ad| ad.rename(&bob, &format!("CN=bob,{staff}")))
        .unwrap();
    assert_eq!(moved.count("created"), 1, "{}", moved.result);
    assert_eq!(bed.manager("ada").unwrap().as_deref(), Some("bob"));
    assert_eq!(bed.members("Engineers").unwrap(), ["ada", "bob"]);
    let healed = told(&bed, &ada).unwrap();
    let reason = healed[0]["reason"].as_str().unwrap();
    assert!(reason.contains("was not before"), "{healed:?}");
}

#[test]
fn more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change() {
    let population = Population {
        users: 5_001,
        groups: 1,
        largest_group: 5_000,
        ..Population::default()
    };
    let bed = Bed::start(Template::with(population)).unwrap();
    let members: Vec<String> = {
        let mut ad = bed.forest.ad();
        ad.add_group("Pilot", &[]).unwrap();
        let found = ad.search("(&(objectClass=user)(sAMAccountName=user00*))", &["cn"]);
        let found = found.unwrap().into_iter().map(|entry| entry.dn);
        found.take(1_600).collect()
    };
    assert_eq!(members.len(), 1_600);
    let scope = format!(
        "{CONFIGURATION}[password-hash-sync]\nenabled = false\n[scope]\ngroups = \
         [\"CN=Pilot,{USERS}\"]\n"
    );
    bed.service.apply(&by_hand_only(&scope)).unwrap();
    let before = bed.cycle().unwrap();
    assert_eq!(before.count("created"), 1, "{}", before.result);
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let joined = bed
        .after(|ad| ad.add_members(&in_users("Pilot"), &members))
        .unwrap();
    assert_eq!(joined.count("created"), 1_600, "{}", joined.result);
    assert_eq!(joined.count("failed"), 0, "{}", joined.result);
    assert_eq!(bed.members("Pilot").unwrap().len(), 1_600);

    // One of them on demand, and the group, however large it is.
    for dn in [members[0], &in_users("Pilot")] {
        let told = bed
            .service
            .json(&["provision", "corp", "--dn", dn])
            .unwrap();
        let steps = told["steps"].as_array().unwrap();
        let names: Vec<&str> = steps
            .iter()
            .filter_map(|step| step["name"].as_str())
            .collect();
        assert_eq!(names, ["import", "scope", "match", "action"], "{told}");
        assert_eq!(
            steps[3]["details"]["skipReason"], "RedundantExport",
            "{told}"
        );
    }
    let outside = in_users("Administrator");
    let told = bed
        .service
        .json(&["provision", "corp", "--dn", &outside])
        .unwrap();
    assert_eq!(told["steps"][1]["status"], "Skipped", "{told}");
}

#[test]
fn an_attribute_reaches_an_extension_which_a_restart_and_a_backup_keep() {
    let mut bed = Bed::start(Template::default()).unwrap();
    let ada = in_users("ada");
    {
        let mut ad = bed.forest.ad();
        ad.add_user(&with("ada", &[("carLicense", "B-AL 1815")]))
            .unwrap();
        ad.add_user(&with("bob", &[])).unwrap();
    }
    let mapped = |target: &str, attribute: &str| {
        by_hand_only(&format!(
            "{CONFIGURATION}[[mapping.user]]\ntarget = \"{target}\"\nattribute = \"{attribute}\"\n"
        ))
    };
    let shown = |bed: &Bed, account: &str| {
        let path = format!(
            "users?$select=extension_corp_carLicense&$filter=onPremisesSamAccountName eq '{account}'"
        );
        let found = bed.service.graph_all(&path).unwrap();
        found[0]["extension_corp_carLicense"].clone()
    };
    let select = "/v1.0/users?$select=extension_corp_carLicense";
    // Names that none can have, and sources that tell of no change.
    for (target, attribute, expected) in [
        (
            "extension_corp-carLicense",
            "carLicense",
            "mapping.user[0].target",
        ),
        ("extension_corp_carLicense", "carLicence", "`carLicense`"),
        ("extension_corp_carLicense", "memberOf", "back-link"),
        (
            "extension_corp_carLicense",
            "lastLogon",
            "lastLogonTimestamp",
        ),
    ] {
        let said = bed.service.refuses(&mapped(target, attribute)).unwrap();
        assert!(said.contains(expected), "{target} {attribute}: {said}");
    }
    // A plan declares nothing, nor does whoever asks for a name.
    let file = mapped("extension_corp_carLicense", "carLicense");
    let plan = bed.service.plan(&file).unwrap().to_string();
    assert!(plan.contains("B-AL 1815"), "{plan}");
    let (status, said) = bed.service.send("GET", select, "").unwrap();
    assert_eq!(status, 400, "{said}");
    let listed = bed.service.json(&["extension", "list"]).unwrap();
    assert_eq!(listed, json!([]));

    bed.service.apply(&file).unwrap();
    bed.cycle().unwrap();
    assert_eq!(shown(&bed, "ada"), "B-AL 1815");
    assert_eq!(shown(&bed, "bob"), Value::Null);
    let listed = bed.service.json(&["extension", "list"]).unwrap();
    assert_eq!(listed[0]["name"], "extension_corp_carLicense");
    let mapping = json!({"configuration": "corp", "object": "user", "source": "carLicense"});
    assert_eq!(listed[0]["mappings"], json!([mapping]));
    let filter = format!("{select}&$filter=extension_corp_carLicense eq 'b-al 1815'");
    let (status, found) = bed.service.send("GET", &filter, "").unwrap();
    assert!(status == 200 && found.contains("B-AL 1815"), "{found}");

    // What comes from Active Directory is changed there; what the cloud owns it may change.
    let id = bed.user("ada").unwrap()["id"].clone();
    let body = json!({"extension_corp_carLicense": "X"}).to_string();
    let path = format!("/v1.0/users/{}", id.as_str().unwrap());
    let (status, said) = bed.service.send("PATCH", &path, &body).unwrap();
    assert!(
        status == 400 && said.contains("on-premises"),
        "{status} {said}"
    );
    let group = ["group", "create", "--display-name", "Pilots", "--set"];
    let value = ["extension_corp_carLicense=none"];
    bed.service.run(&[&group[..], &value[..]].concat()).unwrap();

    let file = bed.service.data_dir().with_file_name("backup.tar");
    let file = file.to_string_lossy().into_owned();
    bed.service.json(&["backup", &file]).unwrap();
    bed.service.kill();
    bed.service.resume().unwrap();
    assert_eq!(shown(&bed, "ada"), "B-AL 1815");
    let cycle = bed
        .after(|ad| ad.set(&ada, "carLicense", "B-CB 1791"))
        .unwrap();
    let change = &cycle.log[0]["modifiedProperties"][0];
    assert_eq!(change["property"], "extension_corp_carLicense", "{change}");
    assert_eq!(shown(&bed, "ada"), "B-CB 1791");
    let clear = json!({"kind": "replace", "attribute": "carLicense", "values": []});
    let clear = json!({"op": "modify", "dn": ada, "changes": [clear]});
    bed.after(|ad| ad.operation(&clear)).unwrap();
    assert_eq!(shown(&bed, "ada"), Value::Null);

    bed.service.kill();
    let restored = bed.service.command(&["restore", &file]).unwrap();
    assert!(restored.status.success(), "{restored:?}");
    bed.service.resume().unwrap();
    assert_eq!(shown(&bed, "ada"), "B-AL 1815");
    let pilots = "groups?$select=extension_corp_carLicense&$filter=displayName eq 'Pilots'";
    let found = bed.service.graph_all(pilots).unwrap();
    assert_eq!(found[0]["extension_corp_carLicense"], "none");
    let removed = bed
        .service
        .command(&["extension", "remove", "extension_corp_carLicense"])
        .unwrap();
    let words = String::from_utf8_lossy(&removed.stderr);
    assert!(
        !removed.status.success() && words.contains("the mapping of corp"),
        "{words}"
    );
}
