//! For how long is remembered what, and what the recycle bin gives back.

use crate::api::{Api, configuration_id};
use crate::corp::Corp;
use crate::domain::HEAD;
use lockstep_model::ids::{CycleId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{CycleState, Guid, MappedKind, Timestamp};
use lockstep_server::directory::upkeep;
use lockstep_server::retention::{Retention, forget};
use lockstep_store::records::credential::CredentialRow;
use lockstep_store::records::job::{Cycle, Job};
use lockstep_store::records::log::{AuditEntry, LogEntry};
use lockstep_store::{Key, ReadRecords as _, Record, Scan, Transact as _, WriteRecords as _};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3_600 * 1_000;

fn entry(at: i64, n: u64) -> LogEntry {
    LogEntry {
        number: (u64::try_from(at).unwrap() << 20) + n,
        at,
        configuration: configuration_id(),
        cycle: None,
        source: Guid::from_bytes([1; 16]),
        target: None,
        anchor: "AQEBAQEBAQEBAQEBAQEBAQ==".into(),
        kind: Some(MappedKind::User),
        name: None,
        dn: None,
        action: Action::Update,
        status: Status::Success,
        reason: "it is in scope".into(),
        code: "InScope".into(),
        changes: Vec::new(),
        took: None,
    }
}

fn audited(at: i64, n: u64, activity: &str) -> AuditEntry {
    AuditEntry {
        number: (u64::try_from(at).unwrap() << 20) + n,
        at,
        actor: "ops".into(),
        activity: activity.into(),
        target: "corp".into(),
        old: None,
        new: None,
    }
}

fn cycle(n: u32, started: i64) -> Cycle {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Cycle {
        state: CycleState::Succeeded,
        ended: Some(started + 10),
        ..Cycle::begun(
            CycleId::new(Guid::from_bytes(id)),
            configuration_id(),
            started,
        )
    }
}

fn all<R: Record>(api: &Api) -> Vec<R> {
    let all = Scan::of(Key::empty(), 100_000);
    api.service.store.reading(|tx| tx.list(&all)).unwrap()
}

#[test]
fn logs_and_cycles_are_kept_as_long_as_is_said_and_what_the_status_shows_longer() {
    let api = Api::start();
    api.configuration();
    let now = api.service.clock.now().as_millis();
    let (old, recent) = (now - 31 * DAY, now - 29 * DAY);
    api.service
        .store
        .write(&mut |tx| {
            let entries: Vec<LogEntry> = (0..2_500).map(|n| entry(old - 5, n)).collect();
            tx.store(&entries)?;
            tx.store(&[entry(recent, 1), entry(recent, 2)])?;
            let sign_ins: Vec<AuditEntry> =
                (0..1_500).map(|n| audited(old, n, "SignedIn")).collect();
            tx.store(&sign_ins)?;
            tx.store(&[
                audited(old, 2_000, "ConfigurationChanged"),
                audited(now - 366 * DAY, 1, "ConfigurationCreated"),
                audited(recent, 1, "SignInRefused"),
            ])?;
            let cycles: Vec<Cycle> = (0..1_200).map(|n| cycle(n, old + i64::from(n))).collect();
            tx.store(&cycles)?;
            tx.store(&[cycle(5_000, recent)])?;
            let mut job = Job::new(configuration_id());
            job.last_cycle = Some(cycle(5_000, 0).id);
            job.history.last_success = Some(cycle(7, 0).id);
            job.history.last_export = Some(cycle(8, 0).id);
            tx.store(&[job])
        })
        .unwrap();
    api.block_on(forget(&api.service, Retention::default()))
        .unwrap();
    let left: Vec<i64> = all::<LogEntry>(&api).iter().map(|entry| entry.at).collect();
    assert_eq!(left, [recent, recent]);
    let left: Vec<AuditEntry> = all(&api);
    let mut left: Vec<&str> = left.iter().map(|entry| entry.activity.as_str()).collect();
    // The domain that the service of the test was given.
    left.retain(|activity| *activity != "DomainAdded");
    assert_eq!(left, ["SignInRefused", "ConfigurationChanged"]);
    let mut left: Vec<CycleId> = all::<Cycle>(&api).iter().map(|cycle| cycle.id).collect();
    left.sort();
    assert_eq!(left, [7, 8, 5_000].map(|n| cycle(n, 0).id));
    let shown = api.get("/api/v1/configurations/corp").json();
    assert!(shown["job"]["lastSuccessfulCycle"].is_object(), "{shown:#}");
}

#[test]
fn a_restored_user_has_groups_and_password_again_and_a_purged_one_leaves_nothing() {
    let api = Api::start();
    let ada = api.user("ada");
    let group = api.group("g");
    assert_eq!(api.add_member(&group, &ada).status, 204);
    let id: ObjectId = ada.parse().unwrap();
    let credential = || {
        all::<CredentialRow>(&api)
            .into_iter()
            .find(|row| row.user == id)
    };
    let before = credential().unwrap();

    assert_eq!(
        api.send("DELETE", &format!("/v1.0/users/{ada}"), None)
            .status,
        204
    );
    api.service.clock.advance(29 * DAY);
    api.block_on(upkeep::once(&api.service)).unwrap();
    let path = format!("/v1.0/directory/deletedItems/{ada}/restore");
    assert_eq!(api.send("POST", &path, None).status, 200);
    let groups = api.get(&format!("/v1.0/users/{ada}/memberOf")).values();
    assert_eq!(groups.len(), 1, "{groups:#?}");
    assert_eq!(credential(), Some(before));

    assert_eq!(
        api.send("DELETE", &format!("/v1.0/users/{ada}"), None)
            .status,
        204
    );
    api.service.clock.advance(31 * DAY);
    api.block_on(upkeep::once(&api.service)).unwrap();
    assert_eq!(api.send("POST", &path, None).status, 404);
    assert_eq!(credential(), None);
    let group = &api.get("/v1.0/groups?$expand=members").values()[0];
    assert_eq!(group["members"], json!([]), "{group:#}");
}

#[test]
fn the_bin_is_emptied_in_bounded_transactions_however_many_are_in_it() {
    let api = Api::start();
    let count = 1_100;
    let id = |n: u16| {
        let mut bytes = [3; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        ObjectId::new(Guid::from_bytes(bytes))
    };
    let made = (0..count).map(|n| lockstep_directory::Change::Create {
        id: id(n),
        kind: lockstep_directory::Kind::User,
        mastery: None,
        values: std::collections::BTreeMap::new(),
    });
    api.sync(made.collect());
    let gone = (0..count).map(|n| lockstep_directory::Change::Delete { id: id(n) });
    api.sync(gone.collect());
    let (tenant, now) = (api.service.tenant_rules(), api.service.clock.now());
    let later = Timestamp::from_millis(now.as_millis() + 31 * DAY);
    let mut after = None;
    let mut left = Vec::new();
    loop {
        let store = &api.service.store;
        let emptied = store.writing(|tx| upkeep::empty_bin(tx, &tenant, later, after));
        after = emptied.unwrap();
        let rows: Vec<lockstep_store::records::directory::DirectoryObject> = all(&api);
        left.push(
            rows.iter()
                .filter(|row| row.object.deleted.is_some())
                .count(),
        );
        if after.is_none() {
            break;
        }
    }
    assert_eq!(left, [600, 100, 0], "at most 500 at a time");
}

#[test]
fn the_log_tells_of_a_deleted_object_by_every_name_and_id_that_it_had() {
    let corp = Corp::start();
    let ada = corp.ad().user("ada", HEAD);
    let club = corp.ad().group("Club", &[ada]);
    corp.apply(json!({}));
    corp.clean_cycle();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let user = corp.user("ada");
    let group = corp
        .all("/v1.0/groups?$select=id,onPremisesImmutableId")
        .remove(0);
    corp.ad().delete(ada);
    corp.ad().delete(club);
    assert_eq!(corp.clean_cycle().deleted, 2);
    let names = [
        text(&user["userPrincipalName"]),
        text(&user["id"]),
        ada.to_string(),
        "cn=ada,dc=corp,dc=test".to_owned(),
        text(&group["id"]),
        text(&group["onPremisesImmutableId"]).replace('+', "%2B"),
        club.to_string(),
        "CN=Club,DC=corp,DC=test".to_owned(),
    ];
    for name in names {
        let page = corp.ask("GET", &format!("/api/v1/log?object={name}"), None);
        let entries = page["entries"].as_array().cloned().unwrap_or_default();
        let actions: Vec<String> = entries.iter().map(|entry| text(&entry["action"])).collect();
        let ends = (actions.first(), actions.last());
        let expected = (Some(&"Delete".to_owned()), Some(&"Create".to_owned()));
        assert_eq!(ends, expected, "{name}: {actions:?}");
    }
    // Page by page it is the same.
    let name = text(&user["userPrincipalName"]);
    let first = corp.ask("GET", &format!("/api/v1/log?object={name}&limit=1"), None);
    assert_eq!(first["entries"][0]["action"], "Delete");
    let after = text(&first["next"]);
    let rest = corp.ask(
        "GET",
        &format!("/api/v1/log?object={name}&limit=9&after={after}"),
        None,
    );
    let rest = rest["entries"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        rest.last().map(|entry| text(&entry["action"])),
        Some("Create".to_owned())
    );
}

#[test]
fn every_change_of_a_setting_tells_who_and_old_and_new_value() {
    let api = Api::start();
    api.configuration();
    api.send("POST", "/api/v1/configurations/corp/pause", None);
    api.send(
        "POST",
        "/api/v1/domains",
        Some(json!({"name": "acme.test"})),
    );
    api.send("DELETE", "/api/v1/domains/acme.test", None);
    api.send(
        "POST",
        "/api/v1/tokens",
        Some(json!({"role": "reader", "name": "probe"})),
    );
    let restart = json!({"reset": ["links"]});
    api.send("POST", "/api/v1/configurations/corp/restart", Some(restart));
    let app = json!({"name": "Wiki", "redirectUris": ["https://wiki.test/cb"], "public": true});
    api.send("POST", "/api/v1/apps", Some(app));
    let told = |activity: &str| {
        let entries = api
            .get(&format!("/api/v1/audit?activity={activity}"))
            .json();
        let entry = entries[0].clone();
        assert_eq!(entry["actor"], "administrator", "{activity}: {entries}");
        (entry["old"].clone(), entry["new"].clone())
    };
    assert_eq!(told("ConfigurationPaused").1, json!({"paused": true}));
    let (old, new) = told("DomainRemoved");
    assert_eq!(old["domains"], json!(["acme.test", "corp.test"]));
    assert_eq!(new["domains"], json!(["corp.test"]));
    assert_eq!(told("TokenMade").1["role"], "reader");
    assert_eq!(told("JobRestarted").1, json!({"reset": ["links"]}));
    assert_eq!(
        told("AppMade").1["redirectUris"],
        json!(["https://wiki.test/cb"])
    );
    let all = api.get("/api/v1/audit?limit=1000").text;
    assert!(!all.contains("secret"), "{all}");
    let none = api.get("/api/v1/audit?actor=somebody").json();
    assert_eq!(none, json!([]));
}
