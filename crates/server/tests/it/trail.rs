//! What the logs tell: what was done to whom, and who changed which setting.

use crate::corp::{CORP, Corp};
use crate::domain::{AGENT, HEAD};
use lockstep_model::Guid;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_audit_log_tells_the_settings_of_a_configuration_before_and_after_a_change() {
    let corp = Corp::start();
    corp.apply(json!({"accidental-deletes": {"threshold": 3}}));
    corp.apply(json!({
        "accidental-deletes": {"threshold": 5},
        "limits": {"updates": "30%"},
    }));
    let audit = |activity: &str| {
        let entries = corp.ask("GET", &format!("/api/v1/audit?activity={activity}"), None);
        assert_eq!(entries.as_array().map(Vec::len), Some(1), "{entries}");
        entries[0].clone()
    };
    let made = audit("ConfigurationCreated");
    assert_eq!(made["old"], Value::Null);
    assert_eq!(made["new"]["accidental-deletes"]["threshold"], 3);
    let changed = audit("ConfigurationChanged");
    assert_eq!(
        (&changed["target"], &changed["old"]),
        (&json!("corp"), &made["new"])
    );
    assert_eq!(changed["new"]["accidental-deletes"]["threshold"], 5);
    assert_eq!(changed["new"]["limits"]["updates"], "30%");
    assert_eq!(changed["new"]["domain"], "corp.test");
}

#[test]
fn whoever_was_disabled_is_found_in_the_log_by_the_action_disable() {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    corp.ad().set(people[2], "userAccountControl", "514");
    corp.apply(json!({}));
    corp.clean_cycle();
    let disabled = || {
        let page = corp.ask("GET", "/api/v1/log?action=disable", None);
        let entries = page["entries"].as_array().cloned().unwrap();
        let of = |entry: Value| (entry["source"].clone(), entry["action"].clone());
        entries.into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(disabled(), [], "made disabled is made");
    corp.ad().set(people[0], "userAccountControl", "514");
    corp.ad().set(people[1], "displayName", "Somebody");
    assert_eq!(corp.clean_cycle().updated, 2);
    let first = (json!(people[0].to_string()), json!("Update"));
    assert_eq!(disabled(), std::slice::from_ref(&first));
    // Enabled again is something else.
    corp.ad().set(people[0], "userAccountControl", "512");
    assert_eq!(corp.clean_cycle().updated, 1);
    assert_eq!(disabled(), [first]);
}

/// What changes a setting, with whether there is an old value, and a new one.
const SETTINGS: [(&str, bool, bool); 22] = [
    ("AgentRemoved", true, false),
    ("AppMade", false, true),
    ("AppRemoved", true, false),
    ("ConfigurationChanged", true, true),
    ("ConfigurationCreated", false, true),
    ("ConfigurationDeleted", true, true),
    ("ConfigurationPaused", true, true),
    ("ConfigurationResumed", true, true),
    ("DeletesAllowed", true, true),
    ("DeletesRejected", true, true),
    ("DomainAdded", true, true),
    ("DomainRemoved", true, true),
    ("EnrollmentTokenMade", false, true),
    ("ExtensionRemoved", true, false),
    ("JobRestarted", true, true),
    ("MissingDeleted", true, true),
    ("MissingKept", true, true),
    ("PasswordPolicyChanged", true, true),
    ("RolesChanged", true, true),
    // Keys are told to nobody.
    ("SigningKeysReplaced", false, false),
    ("TokenMade", false, true),
    ("TokenRevoked", true, false),
];

/// Every setting is changed once; gives those of whom something is said below.
fn change_every_setting(corp: &Corp) -> Vec<Guid> {
    let send = |corp: &Corp, method: &str, path: &str, body: Value| {
        let answer = corp.api.send(method, path, Some(body));
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
        answer.json()
    };
    let none = || json!({});
    let people = corp.people(4, HEAD);
    let extension = "extension_trail_department";
    corp.apply(json!({
        "mapping": {"user": [{"target": extension, "attribute": "department"}]},
    }));
    corp.apply(json!({"accidental-deletes": {"threshold": 2}}));
    let path = format!("/api/v1/extensions/{extension}");
    send(corp, "DELETE", &path, none());
    corp.clean_cycle();
    // Two are held by the guard.
    people[..2]
        .iter()
        .for_each(|person| corp.ad().delete(*person));
    assert_eq!(corp.cycle().held, 2);
    let one = json!({"ids": [people[0].to_string()]});
    send(corp, "POST", &format!("{CORP}/deletes/reject"), one.clone());
    send(corp, "POST", &format!("{CORP}/deletes/allow"), one);
    // Two are missing.
    people[2..]
        .iter()
        .for_each(|person| corp.ad().forget(*person));
    let full = json!({"reset": ["full", "links"]});
    send(corp, "POST", &format!("{CORP}/restart"), full);
    corp.cycle();
    for verb in ["keep", "delete"] {
        let one = json!({"ids": [people[2].to_string()]});
        send(corp, "POST", &format!("{CORP}/missing/{verb}"), one);
    }
    for verb in ["pause", "resume"] {
        send(corp, "POST", &format!("{CORP}/{verb}"), none());
    }
    send(
        corp,
        "POST",
        "/api/v1/domains",
        json!({"name": "acme.test"}),
    );
    send(corp, "DELETE", "/api/v1/domains/acme.test", none());
    send(corp, "POST", "/api/v1/agents/tokens", none());
    send(corp, "DELETE", &format!("/api/v1/agents/{AGENT}"), none());
    let app = json!({"name": "Wiki", "redirectUris": ["https://wiki.test/cb"], "public": true});
    let app = send(corp, "POST", "/api/v1/apps", app);
    let path = format!("/api/v1/apps/{}", app["clientId"].as_str().unwrap());
    send(corp, "DELETE", &path, none());
    let policy = json!({"expiresAfterDays": 90, "syncedPasswordsExpire": false});
    send(corp, "PUT", "/api/v1/password-policy", policy);
    send(corp, "POST", "/api/v1/signing-keys/replace", none());
    let eve = corp.api.user_with("eve", none());
    let path = format!("/api/v1/roles/reader/users/{eve}");
    send(corp, "PUT", &path, none());
    let token = send(corp, "POST", "/api/v1/tokens", json!({"role": "reader"}));
    let path = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
    send(corp, "DELETE", &path, none());
    send(corp, "DELETE", &format!("{CORP}?handOverTo=cloud"), none());
    people
}

#[test]
fn every_change_of_a_setting_is_told_with_who_and_with_the_value_before_and_after() {
    let corp = Corp::start();
    let people = change_every_setting(&corp);
    let entries = corp
        .api
        .send("GET", "/api/v1/audit?limit=1000", None)
        .json();
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    for entry in entries.as_array().unwrap() {
        assert_eq!(entry["actor"], "administrator", "{entry}");
        let activity = entry["activity"].as_str().unwrap().to_owned();
        told.insert(activity, entry.clone());
    }
    for (activity, has_old, has_new) in SETTINGS {
        let entry = told.get(activity).expect(activity);
        let has = |side: &str| !entry[side].is_null();
        assert_eq!((has("old"), has("new")), (has_old, has_new), "{entry}");
    }
    let verdict = |activity: &str| told[activity]["old"]["verdicts"].clone();
    let (held, missing) = (people[0].to_string(), people[2].to_string());
    assert_eq!(verdict("DeletesRejected"), json!({&held: "held"}));
    assert_eq!(verdict("DeletesAllowed"), json!({&held: "rejected"}));
    assert_eq!(verdict("MissingKept"), json!({&missing: "open"}));
    assert_eq!(verdict("MissingDeleted"), json!({&missing: "stays"}));
    let reset = &told["JobRestarted"];
    assert_eq!(reset["old"]["watermark"]["controller"], "dc1.corp.test");
    assert_eq!(reset["old"]["links"], 4, "{reset}");
    assert!(told["ExtensionRemoved"]["old"]["declared"].is_string());
}

/// What is written to the audit log somewhere in the service, but for what people do to objects of the directory, and
/// who signs in.
#[test]
fn no_change_of_a_setting_is_left_out_of_the_list_above() {
    let listed: BTreeSet<&str> = SETTINGS.iter().map(|(activity, ..)| *activity).collect();
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let mut found = 0;
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let is_of_objects = ["directory/edit.rs", "signin/trail.rs"];
        if is_of_objects.iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let calls = text.matches("audit::record(").count();
        let named = text.split('"').filter(|name| listed.contains(name)).count();
        assert!(
            calls <= named,
            "{}: an activity that is not in the list",
            path.display()
        );
        found += calls;
    }
    assert!(found >= 14, "only {found} places were found");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
