//! Passwords: from a domain controller by replication, never more than a credential of them, and good for
//! signing in from then on.
//!
//! What people who know this kind of synchronisation expect of it, and where it is shown:
//!
//! | behaviour | test |
//! |---|---|
//! | a hash that comes before its user is set in the cycle that makes the user, and is no failure | [`crate::accounts`] |
//! | the credential of a known hash and salt is the published one, byte for byte; made of lower-case digits it does not verify | `lockstep_directory::credential` |
//! | the NT hash is in no message, file or log | [`crate::secrets`] |
//! | hashes leave only of users in scope | [`only_credentials_of_users_in_scope_leave_and_who_comes_into_scope_brings_the_newest`] |
//! | who must change the password has none here until that is done | [`a_password_that_must_be_changed_waits_until_that_is_lifted`] |
//! | with `force-change-at-logon` it is taken over with that demand | [`a_password_that_must_be_changed_comes_with_that_demand_where_it_is_wanted`] |
//! | `accountExpires` changes nothing; who is disabled stays, and cannot sign in | [`who_is_disabled_cannot_sign_in_and_whose_account_expires_can`] |
//! | a password from Active Directory does not expire unless the policy says so | [`crate::accounts`] |
//! | deletions arrive by replication where LDAP hides them | [`deletions_that_ldap_does_not_show_arrive_by_replication`] |
//! | an older password does not win | [`crate::two_controllers`], [`a_password_set_in_the_cloud_stands_until_active_directory_has_a_newer_one`] |

use crate::bed::{Bed, CONFIGURATION, by_hand_only};
use crate::door::{Door, Entry};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Ad, Forest, Template};
use serde_json::{Value, json};

const CHANGES: &str = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2";
pub(crate) const CHANGES_ALL: &str = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2";
pub(crate) const BASE: &str = "DC=corp,DC=test";

/// Starts everything, with these accounts and passwords in CN=Users, and runs the first cycle.
pub(crate) fn synced(people: &[(&str, &str)]) -> anyhow::Result<(Bed, Door)> {
    synced_with(people, "")
}

fn synced_with(people: &[(&str, &str)], more: &str) -> anyhow::Result<(Bed, Door)> {
    let bed = Bed::start(Template::default())?;
    for (account, password) in people {
        add(&bed, account, password)?;
    }
    bed.service.apply(&format!("{CONFIGURATION}{more}"))?;
    bed.cycle()?;
    let door = Door::of(&bed.service)?;
    Ok((bed, door))
}

pub(crate) fn add(bed: &Bed, account: &str, password: &str) -> anyhow::Result<()> {
    let attributes = json!({
        "objectClass": ["top", "person", "organizationalPerson", "user"],
        "sAMAccountName": account,
        "userPrincipalName": upn(account),
        "userAccountControl": "512",
    });
    let add =
        json!({"op": "add", "dn": dn(account), "attributes": attributes, "password": password});
    bed.forest.ad().operation(&add).map(|_| ())
}

pub(crate) fn dn(account: &str) -> String {
    format!("CN={account},CN=Users,{BASE}")
}

pub(crate) fn upn(account: &str) -> String {
    format!("{account}@corp.test")
}

pub(crate) fn enters(door: &Door, account: &str, password: &str) -> bool {
    door.try_to_enter(&upn(account), password).unwrap() == Entry::In
}

pub(crate) fn count(result: &Value, what: &str) -> u64 {
    result["passwords"][what].as_u64().unwrap_or(u64::MAX)
}

/// The entry of the log with this code.
pub(crate) fn entry_of<'a>(log: &'a [Value], code: &str) -> &'a Value {
    let found = log.iter().find(|entry| entry["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} in {log:#?}"))
}

/// The GUIDs whose credentials the agent has sent so far.
pub(crate) fn sent(agent: &Agent) -> Vec<String> {
    let requests = agent.sent().unwrap();
    let credentials = requests.iter().filter(|request| {
        request["path"]
            .as_str()
            .unwrap_or_default()
            .ends_with("/credentials")
    });
    let objects = credentials.flat_map(|request| request["body"]["objects"].as_array().unwrap());
    objects
        .map(|object| object["guid"].as_str().unwrap().to_owned())
        .collect()
}

/// What `lockstep-agent check` says of one thing.
fn check_of(agent: &Agent, name: &str) -> anyhow::Result<Value> {
    let output = agent.command(&["check", "-o", "json"])?;
    let checks: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let found = checks.into_iter().find(|check| check["name"] == name);
    found.ok_or_else(|| anyhow::anyhow!("{name} was not checked"))
}

#[test]
fn the_check_says_which_right_is_missing_and_how_to_grant_it() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let agent = Agent::enroll(&service).unwrap();
    agent.add_domain(&forest).unwrap();
    let check = check_of(&agent, "readPasswordHashes").unwrap();
    assert_eq!(check["status"], "ok", "{check}");
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("dc1.corp.test:49"),
        "{check}"
    );
    let sid = forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = |right: &str| format!("(OA;;CR;{right};;{sid})");
    for (taken, lacking) in [
        (CHANGES_ALL, "Replicating Directory Changes All"),
        (CHANGES, "Replicating Directory Changes"),
    ] {
        forest.ad().revoke(BASE, &ace(taken)).unwrap();
        let check = check_of(&agent, "readPasswordHashes").unwrap();
        assert_eq!(check["status"], "failed", "{check}");
        assert_eq!(check["code"], "MissingRight", "{check}");
        let message = check["message"].as_str().unwrap();
        assert!(message.contains(&format!("`{lacking}`")), "{check}");
        let remedy = check["remedy"].as_str().unwrap();
        let windows = format!("CORP\\svc-lockstep:CA;{lacking}\"");
        assert!(remedy.contains(&windows), "{check}");
        assert!(remedy.contains(&ace(taken)), "{check}");
    }
}

#[test]
fn everybody_signs_in_with_the_password_of_active_directory_and_with_nothing_else() {
    let long = "Aé1.".repeat(31);
    let people = [
        ("ascii", "Correct.horse7"),
        ("umlauts", "Grüße.Jürgen7"),
        ("emoji", "🔑 Schlüssel 🗝️ 7"),
        ("padded", "  Padded.word7  "),
        ("long", long.as_str()),
    ];
    let (bed, door) = synced(&people).unwrap();
    for (account, password) in people {
        assert!(enters(&door, account, password), "{account}");
        for other in [
            format!("{password} "),
            password.to_uppercase(),
            password.trim().to_owned() + "x",
        ] {
            assert!(!enters(&door, account, &other), "{account} with `{other}`");
        }
    }
    let quiet = bed.cycle().unwrap();
    assert_eq!(count(&quiet.result, "set"), 0, "{}", quiet.result);
    assert_eq!(count(&quiet.result, "waiting"), 0, "{}", quiet.result);
    assert!(quiet.log.is_empty(), "{:#?}", quiet.log);

    let changed = bed
        .after(|ad| ad.set_password(&dn("ascii"), "Another.horse8"))
        .unwrap();
    assert_eq!(count(&changed.result, "set"), 1, "{}", changed.result);
    // That it was changed is an update of the user, the password itself is none.
    assert_eq!(changed.log.len(), 2, "{:#?}", changed.log);
    let entry = entry_of(&changed.log, "PasswordSet");
    assert_eq!(entry["status"], "Success", "{entry}");
    assert!(enters(&door, "ascii", "Another.horse8"));
    assert!(!enters(&door, "ascii", "Correct.horse7"));
}

#[test]
fn a_password_that_must_be_changed_waits_until_that_is_lifted() {
    let (bed, door) = synced(&[("bob", "First.word7")]).unwrap();
    let reset = |ad: &mut Ad| {
        ad.set_password(&dn("bob"), "Second.word8")?;
        ad.set(&dn("bob"), "pwdLastSet", "0")
    };
    let cycle = bed.after(reset).unwrap();
    assert_eq!(count(&cycle.result, "set"), 0, "{}", cycle.result);
    assert_eq!(count(&cycle.result, "waiting"), 1, "{}", cycle.result);
    entry_of(&cycle.log, "PasswordMustChange");
    assert!(!enters(&door, "bob", "Second.word8"));
    assert!(enters(&door, "bob", "First.word7"));
    // Only pwdLastSet changes: nothing but the state tells that the password is wanted now.
    let cycle = bed
        .after(|ad| ad.set(&dn("bob"), "pwdLastSet", "-1"))
        .unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    assert_eq!(count(&cycle.result, "waiting"), 0, "{}", cycle.result);
    assert!(enters(&door, "bob", "Second.word8"));
    assert!(!enters(&door, "bob", "First.word7"));
}

#[test]
fn a_password_that_must_be_changed_comes_with_that_demand_where_it_is_wanted() {
    let forced = "[password-hash-sync]\nforce-change-at-logon = true\n";
    let (bed, door) = synced_with(&[("bob", "First.word7")], forced).unwrap();
    let cycle = bed
        .after(|ad| {
            ad.set_password(&dn("bob"), "Second.word8")?;
            ad.set(&dn("bob"), "pwdLastSet", "0")
        })
        .unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    let entry = |password: &str| door.try_to_enter(&upn("bob"), password).unwrap();
    assert_eq!(entry("Second.word8"), Entry::MustChange);
    assert_eq!(entry("First.word7"), Entry::Refused);
    bed.after(|ad| ad.set(&dn("bob"), "pwdLastSet", "-1"))
        .unwrap();
    assert_eq!(entry("Second.word8"), Entry::In);
    // The same wish, applied later, brings what has been waiting.
    bed.service.apply(CONFIGURATION).unwrap();
    bed.after(|ad| {
        ad.set_password(&dn("bob"), "Third.word9")?;
        ad.set(&dn("bob"), "pwdLastSet", "0")
    })
    .unwrap();
    assert_eq!(entry("Third.word9"), Entry::Refused);
    bed.service
        .apply(&format!("{CONFIGURATION}{forced}"))
        .unwrap();
    bed.cycle().unwrap();
    assert_eq!(entry("Third.word9"), Entry::MustChange);
}

#[test]
fn who_is_disabled_cannot_sign_in_and_whose_account_expires_can() {
    let (bed, door) = synced(&[("bob", "First.word7"), ("eve", "First.word7")]).unwrap();
    bed.after(|ad| {
        ad.set(&dn("bob"), "userAccountControl", "514")?;
        ad.set(&dn("eve"), "accountExpires", "131000000000000000")
    })
    .unwrap();
    assert_eq!(bed.user("bob").unwrap()["accountEnabled"], false);
    assert!(!enters(&door, "bob", "First.word7"));
    assert!(
        enters(&door, "eve", "First.word7"),
        "expiry stays on premises"
    );
    bed.after(|ad| ad.set(&dn("bob"), "userAccountControl", "512"))
        .unwrap();
    assert!(enters(&door, "bob", "First.word7"));

    let following = format!("{CONFIGURATION}[password-hash-sync]\nfollow-account-expiry = true\n");
    bed.service.apply(&following).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "skipped"), 1, "{}", cycle.result);
    entry_of(&cycle.log, "AccountExpired");
    assert!(!enters(&door, "eve", "First.word7"));
    assert!(enters(&door, "bob", "First.word7"));
    bed.after(|ad| ad.set(&dn("eve"), "accountExpires", "0"))
        .unwrap();
    assert!(enters(&door, "eve", "First.word7"));
}

#[test]
fn only_credentials_of_users_in_scope_leave_and_who_comes_into_scope_brings_the_newest() {
    let bed = Bed::start(Template::default()).unwrap();
    let staff = bed.forest.ad().add_ou("Staff", None).unwrap();
    for account in ["inside", "outside"] {
        add(&bed, account, "First.word7").unwrap();
    }
    let moved = format!("CN=inside,{staff}");
    bed.forest.ad().rename(&dn("inside"), &moved).unwrap();
    let scope = format!("[scope]\norganizational-units = [\"{staff}\"]\n");
    let configuration = by_hand_only(&format!("{CONFIGURATION}{scope}"));
    bed.service.apply(&configuration).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    bed.after(|ad| ad.set_password(&dn("outside"), "Second.word8"))
        .unwrap();
    let guids = [&moved, &dn("outside")].map(|dn| bed.forest.ad().guid_of(dn).unwrap());
    assert_eq!(sent(&bed.agent), guids[..1]);

    let cycle = bed
        .after(|ad| ad.rename(&dn("outside"), &format!("CN=outside,{staff}")))
        .unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    assert_eq!(sent(&bed.agent), guids);
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "outside", "Second.word8"));

    // Out of scope, with a new password meanwhile, and back: the old one must not be good again.
    let away = dn("outside");
    bed.after(|ad| ad.rename(&format!("CN=outside,{staff}"), &away))
        .unwrap();
    assert!(!enters(&door, "outside", "Second.word8"));
    bed.after(|ad| ad.set_password(&away, "Third.word9"))
        .unwrap();
    bed.after(|ad| ad.rename(&away, &format!("CN=outside,{staff}")))
        .unwrap();
    assert!(enters(&door, "outside", "Third.word9"));
    assert!(!enters(&door, "outside", "Second.word8"));
}

#[test]
fn a_password_set_in_the_cloud_stands_until_active_directory_has_a_newer_one() {
    let (bed, door) = synced(&[("bob", "First.word7")]).unwrap();
    let file = bed.agent.secret("cloud", "Cloud.word9").unwrap();
    let set = ["password", "set", "bob@corp.test", "--password-file", &file];
    bed.service.run(&set).unwrap();
    assert!(enters(&door, "bob", "Cloud.word9"));
    // Everything is replicated anew, the unchanged password among it.
    bed.service.run(&["restart", "corp"]).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "set"), 0, "{}", cycle.result);
    assert!(enters(&door, "bob", "Cloud.word9"));
    assert!(!enters(&door, "bob", "First.word7"));
    bed.after(|ad| ad.set_password(&dn("bob"), "Second.word8"))
        .unwrap();
    assert!(enters(&door, "bob", "Second.word8"));
    assert!(!enters(&door, "bob", "Cloud.word9"));
}

#[test]
fn objects_are_synchronised_without_the_right_to_passwords_and_the_cycle_says_what_is_missing() {
    let bed = Bed::start(Template::default()).unwrap();
    add(&bed, "bob", "First.word7").unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = format!("(OA;;CR;{CHANGES_ALL};;{sid})");
    bed.forest.ad().revoke(BASE, &ace).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    let output = bed
        .service
        .command(&["cycle", "run", "corp", "--wait", "-o", "json"])
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "done, but not all of it");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    assert_eq!(result["error"]["code"], "MissingRight", "{result}");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`Replicating Directory Changes All`"),
        "{result}"
    );
    assert!(
        result["error"]["remedy"].as_str().unwrap().contains(&ace),
        "{result}"
    );
    assert!(count(&result, "waiting") >= 1, "{result}");
    bed.user("bob").unwrap();

    bed.forest.ad().grant(BASE, &ace).unwrap();
    let cycle = bed.cycle().unwrap();
    assert!(cycle.result["error"].is_null(), "{}", cycle.result);
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "bob", "First.word7"));
}

#[test]
fn deletions_that_ldap_does_not_show_arrive_by_replication() {
    let (mut bed, door) = synced(&[("bob", "First.word7")]).unwrap();
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    // Nobody may change that access control list but the system itself.
    let revoke = json!({
        "op": "revoke", "dn": "CN=Deleted Objects,DC=corp,DC=test", "ace": format!("(A;;RPLC;;;{sid})"),
        "show_deleted": true,
    });
    bed.forest.dc_mut().kill();
    bed.forest.dc().offline(&revoke).unwrap();
    bed.forest.dc_mut().start().unwrap();
    let check = check_of(&bed.agent, "deletedObjects").unwrap();
    assert_eq!(check["status"], "ok", "{check}");
    let cycle = bed.after(|ad| ad.delete(&dn("bob"))).unwrap();
    assert_eq!(cycle.count("deleted"), 1, "{}", cycle.result);
    assert!(!enters(&door, "bob", "First.word7"));
}

#[test]
fn who_is_restored_signs_in_with_the_password_of_then() {
    let (bed, door) = synced(&[("bob", "First.word7")]).unwrap();
    let guid = bed.forest.ad().guid_of(&dn("bob")).unwrap();
    bed.after(|ad| ad.delete(&dn("bob"))).unwrap();
    // A tombstone lists the password without a value: that is not a cleared one.
    bed.after(|ad| ad.undelete(&guid, &dn("bob"))).unwrap();
    assert_eq!(bed.users("bob").unwrap().len(), 1);
    // Active Directory gives no password back, until somebody sets one.
    bed.after(|ad| {
        ad.set_password(&dn("bob"), "Second.word8")?;
        ad.set(&dn("bob"), "userAccountControl", "512")?;
        ad.set(&dn("bob"), "userPrincipalName", &upn("bob"))
    })
    .unwrap();
    assert!(enters(&door, "bob", "Second.word8"));
    assert!(!enters(&door, "bob", "First.word7"));
}

#[test]
fn without_password_hash_sync_no_password_is_read() {
    let off = "[password-hash-sync]\nenabled = false\n";
    let (bed, door) = synced_with(&[("bob", "First.word7")], off).unwrap();
    let requests = bed.agent.sent().unwrap();
    let replicates = |request: &Value| {
        let path = request["path"].as_str().unwrap_or_default();
        path.ends_with("/replication") || path.ends_with("/stamps")
    };
    assert!(!requests.iter().any(replicates));
    assert!(!enters(&door, "bob", "First.word7"));
    bed.service.apply(CONFIGURATION).unwrap();
    let cycle = bed.cycle().unwrap();
    assert!(count(&cycle.result, "set") >= 1, "{}", cycle.result);
    assert!(enters(&door, "bob", "First.word7"));
}
