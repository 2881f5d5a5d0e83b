//! A copy of the database, made while others write.

use super::failure::failure;
use super::{Access, connect, folder, schema};
use crate::StoreError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};
use std::path::Path;

/// Writes the database of a folder, as it is at this moment, into a file that can be opened as
/// `lockstep.db`, replacing a file with that name. Whoever has the folder goes on meanwhile: this process or
/// another one.
///
/// # Errors
///
/// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Database`].
pub fn copy(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let database = dir.join(folder::DATABASE);
    // SQLite would make an empty one.
    std::fs::metadata(&database).map_err(|error| folder::failure(&database, error))?;
    folder::remove_if_there(path)?;
    let source = connect(&database, Access::Read)?;
    let mut target = Connection::open(path).map_err(failure)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(failure)?;
        // All pages in one step, so that it sees one state however much is written meanwhile.
        match backup.step(-1).map_err(failure)? {
            StepResult::Done => (),
            _ => return Err(unfinished()),
        }
    }
    target.close().map_err(|(_, error)| failure(error))?;
    folder::sync(path)
}

/// Looks through a copy; gives the version of its schema.
///
/// # Errors
///
/// [`StoreError::Newer`], and [`StoreError::Database`] when it is damaged or no database.
pub fn check_copy(path: &Path) -> Result<u32, StoreError> {
    let connection = connect(path, Access::Read)?;
    let version = schema::known_version(&connection)?;
    let found: String = connection
        .query_row("pragma integrity_check(1)", [], |row| row.get(0))
        .map_err(failure)?;
    match found.as_str() {
        "ok" => Ok(version),
        _ => Err(StoreError::Database {
            source: format!("it is damaged: {found}").into(),
        }),
    }
}

fn unfinished() -> StoreError {
    failure(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error {
            code: ErrorCode::DatabaseBusy,
            extended_code: rusqlite::ffi::SQLITE_BUSY,
        },
        None,
    ))
}
