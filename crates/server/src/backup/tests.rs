//! Backups made and restored; how they are refused.

use super::*;
use lockstep_store::records::service::ApiToken;
use lockstep_store::{
    Key, ReadRecords as _, Scan, Store as _, Transact as _, WriteRecords as _, records,
};
use std::os::unix::fs::PermissionsExt as _;

/// A data folder as a service leaves it, with one token in its database.
fn data(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir, &records::tables()).unwrap();
    Sealer::open(&dir.join("keys"), &store).unwrap();
    files::make_private_dir(&dir.join("tls")).unwrap();
    files::write_public(&dir.join("tls/ca.pem"), b"ca").unwrap();
    files::write_private(&dir.join("admin-token"), b"secret\n").unwrap();
    put(&store, "first");
    store
}

fn put(store: &SqliteStore, name: &str) {
    let row = ApiToken {
        hash: name.into(),
        name: name.into(),
        role: "reader".into(),
        expires: None,
    };
    store
        .write(&mut |tx| tx.store(std::slice::from_ref(&row)))
        .unwrap();
}

fn tokens(dir: &Path) -> Vec<String> {
    let store = SqliteStore::open(dir, &records::tables()).unwrap();
    let rows = store.reading(|tx| tx.list::<ApiToken>(&Scan::of(Key::empty(), 10)));
    rows.unwrap().into_iter().map(|row| row.name).collect()
}

#[test]
fn what_was_backed_up_beside_a_running_service_is_restored_and_the_rest_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (here, file) = (dir.path().join("here"), dir.path().join("backup.tar"));
    let running = data(&here);
    let manifest = make(&here, &file, "now".into()).unwrap();
    put(&running, "second");
    drop(running);
    let names: Vec<&str> = manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "lockstep.db",
            "admin-token",
            "keys/master.key",
            "tls/ca.pem"
        ]
    );
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "nothing is left beside the backup"
    );

    let there = dir.path().join("there");
    let restored = restore(&file, &there).unwrap();
    assert_eq!((restored.manifest, restored.replaced), (manifest, None));
    assert_eq!(tokens(&there), ["first"]);
    for name in ["keys/master.key", "admin-token", "tls/ca.pem"] {
        let read = |dir: &Path| fs::read(dir.join(name)).unwrap();
        assert_eq!(read(&there), read(&here), "{name}");
    }

    let replaced = restore(&file, &here).unwrap().replaced.unwrap();
    assert_eq!(tokens(&here), ["first"]);
    assert_eq!(tokens(&replaced), ["first", "second"]);
}

#[test]
fn a_folder_on_which_a_service_runs_is_not_restored_into() {
    let dir = tempfile::tempdir().unwrap();
    let (here, file) = (dir.path().join("here"), dir.path().join("backup.tar"));
    drop(data(&here));
    make(&here, &file, String::new()).unwrap();
    let _lock = lock(&here).unwrap();
    let refused = restore(&file, &here);
    assert!(
        matches!(refused, Err(BackupError::Folder(ServeError::Busy { .. }))),
        "{refused:?}"
    );
}

#[test]
fn a_backup_that_is_damaged_cut_short_foreign_or_too_new_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (here, file) = (dir.path().join("here"), dir.path().join("backup.tar"));
    drop(data(&here));
    make(&here, &file, String::new()).unwrap();
    let whole = fs::read(&file).unwrap();
    let refuse = |bytes: &[u8], expected: &str| {
        fs::write(&file, bytes).unwrap();
        let error = restore(&file, &here).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(tokens(&here), ["first"]);
        let left = fs::read_dir(&here).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.iter()
                .all(|name| !name.to_string_lossy().contains("restore")),
            "{left:?}"
        );
    };
    refuse(&whole[..whole.len() / 2], "cut short");
    refuse(b"no archive at all", "no backup");
    let mut damaged = whole.clone();
    // Within the first page of the database.
    damaged[2_000] ^= 1;
    refuse(&damaged, "missing or was changed");
    let text = "\"format\": 1";
    let at = whole
        .windows(text.len())
        .position(|part| part == text.as_bytes());
    let mut newer = whole.clone();
    newer[at.unwrap() + text.len() - 1] = b'2';
    refuse(&newer, "form 2");

    // The key of another service.
    let other = dir.path().join("other");
    drop(data(&other));
    fs::copy(here.join("keys/master.key"), other.join("keys/master.key")).unwrap();
    let foreign = dir.path().join("foreign.tar");
    make(&other, &foreign, String::new()).unwrap();
    let refused = restore(&foreign, &here);
    assert!(
        matches!(
            refused,
            Err(BackupError::Sealing(SealingError::Foreign { .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(tokens(&here), ["first"]);
}

#[test]
fn names_that_lead_out_of_the_folder_have_no_place_in_a_backup() {
    for name in [
        "lockstep.db",
        "admin-token",
        "keys/master.key",
        "tls/server.key",
    ] {
        assert!(belongs(name), "{name}");
    }
    for name in [
        "",
        "..",
        "/etc/passwd",
        "../x",
        "keys/../x",
        "keys/",
        "keys/..",
        "keys/a/b",
        "other",
        "url",
        "keys/a\\b",
        "./lockstep.db",
        "serve.lock",
    ] {
        assert!(!belongs(name), "{name}");
    }
}

#[test]
fn where_there_is_no_service_nothing_is_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("backup.tar");
    let refused = make(dir.path(), &file, String::new());
    assert!(matches!(refused, Err(BackupError::NoService { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
