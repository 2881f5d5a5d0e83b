//! How restored data comes to its place. Several files cannot be moved at once; two names of one folder say
//! how far it has come, and whoever opens the data folder next goes on from there.
//!
//! | folder | what it means |
//! |---|---|
//! | `restore.unpacking` | not checked yet: it is thrown away |
//! | `restore.ready` | checked: what is in the data folder is being set aside |
//! | `restore.moving` | all was set aside: what is in here is moved out |

use crate::files::{self, FileError};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const UNPACKING: &str = "restore.unpacking";
const READY: &str = "restore.ready";
const MOVING: &str = "restore.moving";
/// Where the data from before is until all is done.
const REPLACED: &str = "restore.replaced";
/// What the service makes in its data folder.
const OWN: [&str; 6] = [
    "lockstep.db-wal",
    "lockstep.db-shm",
    "lockstep.db",
    "keys",
    "tls",
    "admin-token",
];

/// An empty folder to unpack into.
pub(super) fn begin(dir: &Path) -> Result<PathBuf, FileError> {
    let unpacking = dir.join(UNPACKING);
    remove(&unpacking)?;
    files::make_private_dir(&unpacking)?;
    Ok(unpacking)
}

/// Takes what was unpacked, and checked. Says where the data from before is.
pub(super) fn take(dir: &Path) -> Result<Option<PathBuf>, FileError> {
    move_to(&dir.join(UNPACKING), &dir.join(READY))?;
    complete(dir)
}

/// Goes on with a restoration that was interrupted, if there is one. Says where the data from before is.
///
/// # Errors
///
/// [`FileError`].
pub fn complete(dir: &Path) -> Result<Option<PathBuf>, FileError> {
    let (ready, moving, replaced) = (dir.join(READY), dir.join(MOVING), dir.join(REPLACED));
    remove(&dir.join(UNPACKING))?;
    if ready.exists() {
        files::make_private_dir(&replaced)?;
        move_all(dir, &replaced)?;
        move_to(&ready, &moving)?;
    }
    if !moving.exists() {
        return Ok(None);
    }
    move_all(&moving, dir)?;
    sync(dir)?;
    let kept = keep(dir, &replaced)?;
    // Last: as long as it is there, all of this is done again.
    remove(&moving)?;
    Ok(kept)
}

/// Moves everything that the service makes from one folder to another.
fn move_all(from: &Path, to: &Path) -> Result<(), FileError> {
    for name in OWN {
        let (from, to) = (from.join(name), to.join(name));
        if from.exists() {
            move_to(&from, &to)?;
        }
    }
    sync(to)
}

/// Gives the data from before a name of its own; an empty folder goes.
fn keep(dir: &Path, replaced: &Path) -> Result<Option<PathBuf>, FileError> {
    let failed = |error| FileError::new("read the folder", replaced, error);
    if !replaced.exists() {
        return Ok(None);
    }
    if fs::read_dir(replaced).map_err(failed)?.next().is_none() {
        remove(replaced)?;
        return Ok(None);
    }
    let mut number = 1;
    let kept = loop {
        let kept = dir.join(format!("replaced-{number}"));
        if !kept.exists() {
            break kept;
        }
        number += 1;
    };
    move_to(replaced, &kept)?;
    Ok(Some(kept))
}

fn move_to(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(|error| FileError::new("move", from, error))
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", path, error))
        }
        _ => Ok(()),
    }
}

fn sync(dir: &Path) -> Result<(), FileError> {
    let folder = File::open(dir).and_then(|folder| folder.sync_all());
    folder.map_err(|error| FileError::new("write", dir, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(dir: &Path, name: &str) -> String {
        fs::read_to_string(dir.join(name)).unwrap_or_default()
    }

    /// A data folder with old data, and new data that was unpacked and checked.
    fn prepared() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("lockstep.db", "old"),
            ("lockstep.db-wal", "old"),
            ("keys/master.key", "old"),
            ("restore.ready/lockstep.db", "new"),
            ("restore.ready/keys/master.key", "new"),
            ("restore.ready/tls/ca.pem", "new"),
        ] {
            write(dir.path(), name, text);
        }
        dir
    }

    fn assert_restored(dir: &Path) {
        for name in ["lockstep.db", "keys/master.key", "tls/ca.pem"] {
            assert_eq!(read(dir, name), "new", "{name}");
        }
        assert!(!dir.join("lockstep.db-wal").exists());
        for name in ["lockstep.db", "lockstep.db-wal", "keys/master.key"] {
            assert_eq!(read(&dir.join("replaced-1"), name), "old", "{name}");
        }
        assert!(!dir.join(READY).exists() && !dir.join(MOVING).exists());
    }

    #[test]
    fn what_is_ready_takes_the_place_of_what_was_there_and_that_is_kept() {
        let dir = prepared();
        let kept = complete(dir.path()).unwrap();
        assert_eq!(kept, Some(dir.path().join("replaced-1")));
        assert_restored(dir.path());
        assert_eq!(complete(dir.path()).unwrap(), None);
        assert_restored(dir.path());
    }

    #[test]
    fn a_restoration_that_was_interrupted_is_gone_on_with_from_wherever_it_stopped() {
        // As it is done without a crash, step by step; before each step the process may die.
        let steps: [(&str, &str); 7] = [
            ("lockstep.db-wal", "restore.replaced/lockstep.db-wal"),
            ("lockstep.db", "restore.replaced/lockstep.db"),
            ("keys", "restore.replaced/keys"),
            ("restore.ready", "restore.moving"),
            ("restore.moving/lockstep.db", "lockstep.db"),
            ("restore.moving/keys", "keys"),
            ("restore.moving/tls", "tls"),
        ];
        for done in 0..=steps.len() {
            let dir = prepared();
            fs::create_dir(dir.path().join(REPLACED)).unwrap();
            for (from, to) in &steps[..done] {
                fs::rename(dir.path().join(from), dir.path().join(to)).unwrap();
            }
            complete(dir.path()).unwrap();
            assert_restored(dir.path());
        }
    }

    #[test]
    fn what_was_not_checked_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "lockstep.db", "old");
        write(dir.path(), "restore.unpacking/lockstep.db", "new");
        assert_eq!(complete(dir.path()).unwrap(), None);
        assert_eq!(read(dir.path(), "lockstep.db"), "old");
        assert!(!dir.path().join(UNPACKING).exists());
    }
}
