//! Drift: what the directory has otherwise than it should, and how it is put right.

use crate::bed::{Bed, CONFIGURATION, dump};
use lockstep_directory::{Change, Property, TenantRules};
use lockstep_model::{PropertyValue, Timestamp};
use lockstep_server::directory;
use lockstep_store::records::directory::{DirectoryObject, DirectoryReference};
use lockstep_store::{
    Key, ReadRecords as _, Scan, SqliteStore, Store as _, StoreError, Write, WriteRecords as _,
    records,
};
use lockstep_testkit::samba::{NewUser, Template};

fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    {
        let mut ad = bed.forest.ad();
        let mut members = Vec::new();
        for account in ["ada", "bob", "cyd", "dee"] {
            let attributes = [("department", "Sales"), ("displayName", account)];
            members.push(ad.add_user(&NewUser {
                account,
                attributes: &attributes,
                ..NewUser::default()
            })?);
        }
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        ad.add_group("Pilots", &members)?;
        ad.add_group("Empty", &[])?;
    }
    bed.service.apply(CONFIGURATION)?;
    bed.cycle()?;
    Ok(bed)
}

fn called(tx: &mut dyn Write, name: &str) -> Result<DirectoryObject, StoreError> {
    let rows: Vec<DirectoryObject> = tx.list(&Scan::of(Key::empty(), 10_000))?;
    let found = rows
        .into_iter()
        .find(|row| row.object.text("displayName") == Some(name));
    found.ok_or(StoreError::ReadOnly)
}

/// What a fault, or somebody with the database in an editor, could do.
fn spoil(tx: &mut dyn Write) -> Result<(), StoreError> {
    // A value that is shown, and one that is remembered as written.
    let mut ada = called(tx, "ada")?;
    let property =
        |row: &DirectoryObject, name: &str| Property::named(row.object.kind, name).unwrap();
    let title = property(&ada, "department");
    ada.object
        .values
        .insert(title, PropertyValue::Text("Mallory".into()));
    let mut bob = called(tx, "bob")?;
    let department = property(&bob, "department");
    for values in [&mut bob.object.values, &mut bob.object.wanted] {
        values.insert(department, PropertyValue::Text("Spies".into()));
    }
    tx.store(&[ada, bob])?;
    // A member who is gone from the group.
    let pilots = called(tx, "Pilots")?.object.id;
    let members: Vec<DirectoryReference> =
        tx.list(&Scan::of(DirectoryReference::from(pilots), 10))?;
    tx.remove::<DirectoryReference>(&[members[0].id()])?;
    // A group that is gone altogether.
    let gone = Change::Delete {
        id: called(tx, "Empty")?.object.id,
    };
    let tenant = TenantRules {
        initial_domain: "local.lockstep".into(),
        domains: vec!["corp.test".into()],
    };
    directory::write(tx, &tenant, vec![gone], Timestamp::from_millis(0)).map(|_| ())
}

#[test]
fn what_drifted_is_told_and_repaired_and_nothing_else_is_touched() {
    let mut bed = bed().unwrap();
    let before = dump(&bed.service).unwrap();
    let quiet = bed.service.json(&["reconcile", "corp"]).unwrap();
    assert_eq!(quiet["drifting"], 0, "{quiet:#}");
    assert!(quiet["compared"].as_u64() > Some(5), "{quiet:#}");

    bed.service.stop().unwrap();
    let store = SqliteStore::open(&bed.service.data_dir(), &records::tables()).unwrap();
    store.write(&mut |tx| spoil(tx)).unwrap();
    drop(store);
    bed.service.resume().unwrap();
    assert_ne!(dump(&bed.service).unwrap(), before);

    let output = bed
        .service
        .command(&["reconcile", "corp", "-o", "json"])
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let drifts = found["drifts"].as_array().unwrap();
    let mut told: Vec<String> = drifts
        .iter()
        .map(|drift| {
            let dn = drift["dn"].as_str().unwrap_or_default();
            let name = dn.split(',').next().unwrap_or_default();
            format!(
                "{} {} {}",
                name,
                drift["action"].as_str().unwrap(),
                drift["code"].as_str().unwrap()
            )
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "CN=Empty Create InScope",
            "CN=Pilots Update ReferencesDrifted",
            "CN=ada Update ValuesDrifted",
            "CN=bob Update InScope",
        ],
        "{found:#}"
    );
    let shown = bed
        .service
        .json(&["configuration", "show", "corp"])
        .unwrap();
    assert_eq!(shown["job"]["drifting"], 4);
    assert_eq!(
        bed.service
            .metric("lockstep_objects_drifting{configuration=\"corp\"}")
            .unwrap(),
        4
    );
    let log = bed
        .service
        .run(&["log", "--status", "Warning", "-o", "json"])
        .unwrap();
    assert_eq!(log.lines().count(), 4, "{log}");
    assert_ne!(dump(&bed.service).unwrap(), before, "it was only told");

    let repaired = bed
        .service
        .json(&["reconcile", "corp", "--repair"])
        .unwrap();
    assert_eq!(repaired["repaired"], 4, "{repaired:#}");
    assert_eq!(dump(&bed.service).unwrap(), before);
    let quiet = bed.service.json(&["reconcile", "corp"]).unwrap();
    assert_eq!(quiet["drifting"], 0, "{quiet:#}");
}

#[test]
fn before_a_cycle_has_succeeded_nobody_knows_what_should_be_there() {
    let bed = Bed::start(Template::default()).unwrap();
    bed.service
        .apply(&crate::bed::by_hand_only(CONFIGURATION))
        .unwrap();
    let output = bed.service.command(&["reconcile", "corp"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("WorkWaiting") && said.contains("cycle run"),
        "{said}"
    );
}
