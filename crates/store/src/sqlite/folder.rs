//! The folder that holds the database, and who may open it.

use crate::StoreError;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A folder that belongs to this process as long as the value lives, and no longer than the process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Holds the lock. SQLite's own locks would not do: they admit several processes, in turn.
    lock: File,
}

impl Folder {
    /// Takes the folder, making it when it is not there.
    pub(super) fn claim(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(|error| failure(path, error))?;
        let lock_file = path.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_file)
            .map_err(|error| failure(&lock_file, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(failure(&lock_file, error)),
        }
    }

    /// Whether the file system has become read-only under the open files, as it does after an error of the disk:
    /// SQLite tells that as any other failed write.
    pub(super) fn is_read_only(&self) -> bool {
        let written = self.lock.write_at(b" ", 0);
        written.is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem)
    }

    /// Where the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// Removes a file, or finds that it is not there.
pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failure(path, error)),
        _ => Ok(()),
    }
}

/// Waits until what was written into a file is on the disk.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    let file = File::open(path).map_err(|error| failure(path, error))?;
    file.sync_all().map_err(|error| failure(path, error))
}

/// Tells why a file could not be handled.
pub(super) fn failure(path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full,
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => StoreError::Database {
            source: Box::new(FileError {
                path: path.to_owned(),
                source: error,
            }),
        },
    }
}

/// A file that could not be handled.
#[derive(Debug, thiserror::Error)]
#[error("could not open or write {path}")]
struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

pub(super) const DATABASE: &str = "lockstep.db";
const LOCK: &str = "lockstep.lock";
