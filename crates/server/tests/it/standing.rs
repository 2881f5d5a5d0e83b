//! The figures by which a configuration is watched: in its status, and for Prometheus.

use crate::api::Api;
use crate::corp::{Corp, DAY};
use crate::domain::HEAD;
use crate::moody::MoodyStore;
use lockstep_engine::mapping::MappedKind;
use lockstep_model::ids::{ConfigurationId, CycleId, InstructionId, ObjectId};
use lockstep_model::{Guid, SourceAnchor};
use lockstep_server::directory::upkeep;
use lockstep_server::metrics::Metrics;
use lockstep_store::records::connector_space::{Dirty, LinkRow, Subject, SubjectKind};
use lockstep_store::records::job::{
    Configuration, Cycle, CycleError, HeldDelete, HeldVerdict, Job, PasswordFailure, QuarantineRow,
};
use lockstep_store::records::password::{PasswordRow, PasswordStanding};
use lockstep_store::records::safety::{Escrow, HeldChange};
use lockstep_store::{Key, ReadRecords as _, Scan, Store, Write, WriteRecords as _};
use serde_json::json;
use std::sync::Arc;

const ID: ConfigurationId = ConfigurationId::new(Guid::from_bytes([0x51; 16]));
const RUNNING: CycleId = CycleId::new(Guid::from_bytes([0x60; 16]));

fn guid(n: u8) -> Guid {
    Guid::from_bytes([n; 16])
}

fn failed() -> CycleError {
    CycleError {
        code: "MissingRight".into(),
        message: "dc1 does not let the account replicate".into(),
        remedy: "grant it".into(),
        request: Some("read passwords of corp.test from dc1".into()),
    }
}

/// A configuration. Its name is its own: the process has one set of metrics.
fn configuration(id: ConfigurationId, name: &str, paused: bool) -> Configuration {
    Configuration {
        id,
        name: name.into(),
        domain: "corp.test".into(),
        paused,
        version: 1,
        spec: json!({
            "name": name, "domain": "corp.test", "schedule": {"interval": "1h"},
        })
        .to_string(),
        roots: None,
        excluded: Vec::new(),
        groups: Vec::new(),
        scratch: false,
        stands_for: None,
        heir: None,
        service_principal: ObjectId::new(guid(9)),
    }
}

/// A job that is in quarantine, and runs.
fn job(now: i64) -> Job {
    let mut job = Job::new(ID);
    job.history.last_success_started = Some(now - 90_000);
    job.history.failures = 4;
    job.history.exported = 321;
    job.history.drifting = 6;
    job.history.missing = 5;
    job.guard_tripped = true;
    job.updates_tripped = true;
    job.passwords.failing = Some(PasswordFailure {
        error: failed(),
        since: now - DAY,
        cycles: 7,
    });
    job.quarantine = Some(QuarantineRow {
        code: "DiskFull".into(),
        message: "the disk is full".into(),
        remedy: "make room".into(),
        request: "write what was decided to the database".into(),
        since: now - 60_000,
        series_since: now - 120_000,
        attempts: 3,
        last: now,
    });
    (job.cycle, job.instruction) = (Some(RUNNING), Some(InstructionId::new(guid(0x61))));
    job
}

fn held_delete(n: u8, since: i64) -> HeldDelete {
    HeldDelete {
        configuration: ID,
        guid: guid(n),
        object: ObjectId::new(guid(n)),
        name: String::new(),
        kind: Some(MappedKind::User),
        reason: String::new(),
        code: String::new(),
        since,
        verdict: HeldVerdict::Open,
        told: true,
        tripped: true,
        number: 1,
    }
}

fn held_change(n: u8, since: i64) -> HeldChange {
    HeldChange {
        configuration: ID,
        guid: guid(n),
        object: ObjectId::new(guid(n)),
        member: None,
        name: String::new(),
        member_name: String::new(),
        kind: Some(MappedKind::User),
        reason: String::new(),
        fingerprint: String::new(),
        since,
        verdict: HeldVerdict::Open,
        told: true,
        tripped: true,
        number: 2,
    }
}

fn link(n: u8, deleted: bool) -> LinkRow {
    LinkRow {
        configuration: ID,
        guid: guid(n),
        object: ObjectId::new(guid(n)),
        kind: MappedKind::User,
        anchor: SourceAnchor::from_object_guid(guid(n)),
        deleted,
    }
}

fn escrow(n: u8, now: i64) -> Escrow {
    Escrow {
        configuration: ID,
        guid: guid(n),
        object: None,
        name: String::new(),
        kind: Some(MappedKind::User),
        request: "{}".into(),
        code: "MappingFailed".into(),
        content: String::new(),
        answer: "no".into(),
        cycle: RUNNING,
        first: now,
        last: now,
        attempts: 1,
        next: None,
        obstacle: None,
    }
}

fn marks(number: u64, count: u8) -> Dirty {
    Dirty {
        configuration: ID,
        kind: SubjectKind::Object,
        number,
        subjects: (0..count).map(|n| Subject::Object(guid(n))).collect(),
        position: None,
    }
}

fn failing_password(n: u8) -> PasswordRow {
    let mut row = PasswordRow::unread(ID, guid(n), ObjectId::new(guid(n)));
    row.standing = PasswordStanding::Failed("BadHash".into());
    row
}

/// The configuration `measured`, of which everything that is counted is there.
fn measured(api: &Api) {
    let now = api.service.clock.now().as_millis();
    let cycle = Cycle {
        imported: 30,
        imported_references: 12,
        created: 2,
        unchanged: 3,
        ..Cycle::begun(RUNNING, ID, now)
    };
    let mut store = |tx: &mut dyn Write| {
        tx.store(&[configuration(ID, "measured", false)])?;
        tx.store(&[job(now)])?;
        tx.store(std::slice::from_ref(&cycle))?;
        tx.store(&[marks(1, 4), marks(2, 5)])?;
        tx.store(&[1, 2, 3].map(|n| held_delete(n, now)))?;
        tx.store(&[held_change(1, now)])?;
        // Of the two that fail one is in the directory; the fourth was deleted.
        let links = [(1, false), (2, false), (3, false), (4, true)];
        tx.store(&links.map(|(n, deleted)| link(n, deleted)))?;
        tx.store(&[escrow(1, now), escrow(5, now)])?;
        tx.store(&[failing_password(1), failing_password(2)])
    };
    api.service.store.write(&mut store).unwrap();
}

/// The configuration `unmeasured`, which is paused and never ran.
fn unmeasured(api: &Api) {
    let id = ConfigurationId::new(guid(0x52));
    let mut store = |tx: &mut dyn Write| {
        tx.store(&[configuration(id, "unmeasured", true)])?;
        tx.store(&[Job::new(id)])
    };
    api.service.store.write(&mut store).unwrap();
}

#[test]
fn each_figure_is_that_of_the_store_and_a_database_that_cannot_be_read_is_told() {
    let store = MoodyStore::new();
    let api = Api::start_on(Arc::clone(&store) as Arc<dyn Store>);
    measured(&api);
    unmeasured(&api);
    let metrics = Metrics::install();
    let text = api.block_on(metrics.render(&api.service));
    let value = |text: &str, metric: &str, name: &str| -> Option<f64> {
        let line = format!("{metric}{{configuration=\"{name}\"}} ");
        text.lines()
            .find_map(|found| found.strip_prefix(&line)?.parse().ok())
    };
    for (metric, expected) in [
        ("lockstep_successive_failures", 4.0),
        ("lockstep_deletes_held", 3.0),
        ("lockstep_changes_held", 1.0),
        ("lockstep_objects_failing", 2.0),
        ("lockstep_objects_drifting", 6.0),
        ("lockstep_objects_missing", 5.0),
        ("lockstep_exported_total", 321.0),
        ("lockstep_passwords_failing", 2.0),
        ("lockstep_successive_password_failures", 7.0),
        ("lockstep_interval_seconds", 3_600.0),
        ("lockstep_never_succeeded", 0.0),
        ("lockstep_quarantined", 1.0),
        ("lockstep_paused", 0.0),
    ] {
        assert_eq!(value(&text, metric, "measured"), Some(expected), "{metric}");
    }
    let lag = value(&text, "lockstep_lag_seconds", "measured").unwrap();
    assert!((90.0..150.0).contains(&lag), "{lag}");
    assert_eq!(value(&text, "lockstep_lag_seconds", "unmeasured"), None);
    assert_eq!(
        value(&text, "lockstep_never_succeeded", "unmeasured"),
        Some(1.0)
    );
    assert_eq!(value(&text, "lockstep_paused", "unmeasured"), Some(1.0));
    assert!(
        text.contains("\nlockstep_database_unreadable 0\n"),
        "{text}"
    );

    store.become_unreadable();
    let text = api.block_on(metrics.render(&api.service));
    assert!(
        text.contains("\nlockstep_database_unreadable 1\n"),
        "{text}"
    );
}

#[test]
fn the_status_tells_the_series_of_a_quarantine_the_progress_and_who_takes_part() {
    let api = Api::start();
    measured(&api);
    let shown = api.get("/api/v1/configurations/measured").json();
    let quarantine = &shown["quarantine"];
    assert_eq!(
        quarantine["request"],
        "write what was decided to the database"
    );
    assert_eq!(quarantine["seriesCount"], 3);
    let (began, since) = (&quarantine["seriesBegan"], &quarantine["since"]);
    assert!(
        began.as_str().unwrap() < since.as_str().unwrap(),
        "{quarantine}"
    );
    let job = &shown["job"];
    assert_eq!(
        job["progress"],
        json!({"stage": "reading", "decided": 5, "waiting": 9})
    );
    assert_eq!((&job["entitled"], &job["escrowed"]), (&json!(4), &json!(2)));
    assert_eq!(job["missing"], 5);
    assert_eq!(job["running"]["importedReferences"], 12);
    assert_eq!(job["passwordFailures"], 7);
    assert_eq!(job["passwordError"]["code"], "MissingRight");
    assert_eq!(
        job["passwordError"]["request"],
        "read passwords of corp.test from dc1"
    );
}

#[test]
fn references_that_were_read_are_counted_apart_from_objects() {
    let corp = Corp::start();
    let people = corp.people(3, HEAD);
    let group = corp.ad().group("team", &people);
    corp.apply(json!({}));
    assert_eq!(corp.clean_cycle().imported_references, 3);
    corp.ad().change(group, |entry| {
        entry.members.pop_first();
    });
    assert!(corp.clean_cycle().imported_references > 0);
    assert_eq!(corp.clean_cycle().imported_references, 0);
}

#[test]
fn of_a_user_who_left_the_recycle_bin_no_link_stays_and_who_comes_back_is_made_anew() {
    let corp = Corp::start();
    let (staff, elsewhere) = {
        let mut ad = corp.ad();
        (ad.ou("Staff"), ad.ou("Elsewhere"))
    };
    let ada = corp.ad().user("ada", staff);
    corp.apply(json!({"scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]}}));
    corp.clean_cycle();
    let before = corp.user("ada")["id"].clone();
    corp.ad().move_to(ada, elsewhere);
    assert_eq!(corp.clean_cycle().deleted, 1);
    let links = || corp.row(|tx| tx.list::<LinkRow>(&Scan::of(Key::empty(), 9)));
    assert_eq!(links().len(), 1);
    corp.wait(31 * DAY);
    corp.api.block_on(upkeep::once(&corp.api.service)).unwrap();
    assert!(links().is_empty());
    corp.ad().move_to(ada, staff);
    assert_eq!(corp.clean_cycle().created, 1);
    assert_ne!(corp.user("ada")["id"], before);
}
