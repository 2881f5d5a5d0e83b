//! The store of a service that runs alone: one SQLite file.
//!
//! [`SqliteStore`] holds the connections: one that writes, and a few that read beside it, which the
//! write-ahead log lets them do without waiting. What is said to the database is in `statement`, how
//! tables come to be in `schema`, how its failures are told in `failure`, how a copy is made in `copy`.

mod copy;
mod failure;
mod folder;
mod schema;
mod session;
mod statement;

use crate::checked::Checked;
use crate::{Read, Store, StoreError, Table, Write};
pub use copy::{check_copy, copy};
use failure::failure;
use folder::Folder;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use session::Session;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keeps everything in `lockstep.db` in one folder.
///
/// The folder belongs to one process at a time. Other programs may read the file meanwhile, the
/// `sqlite3` shell for instance.
#[derive(Debug)]
pub struct SqliteStore {
    tables: Vec<&'static Table>,
    writer: Mutex<Connection>,
    /// Connections that nobody reads with at the moment.
    readers: Mutex<Vec<Connection>>,
    statements: AtomicU64,
    /// Dropped last: nobody else opens the database before it is closed here.
    folder: Folder,
}

/// A reading connection, on its way back to the others.
struct Lent<'a> {
    store: &'a SqliteStore,
    connection: Option<Connection>,
}

impl SqliteStore {
    /// Opens the store in a folder, or makes it, with these tables.
    ///
    /// Tables that the file does not have yet are made; those it has beside them stay as they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`], [`StoreError::Newer`], and those of reading and writing.
    pub fn open(dir: &Path, tables: &[&'static Table]) -> Result<Self, StoreError> {
        let folder = Folder::claim(dir)?;
        let mut writer = connect(&folder.database(), Access::Write)?;
        schema::prepare(&mut writer, tables, schema::STEPS)?;
        Ok(Self {
            tables: tables.to_vec(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            statements: AtomicU64::new(0),
            folder,
        })
    }

    fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let idle = lock(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.folder.database(), Access::Read)?,
        };
        Ok(Lent {
            store: self,
            connection: Some(connection),
        })
    }
}

impl SqliteStore {
    fn write_once(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut writer = lock(&self.writer);
        // Rolls back when it is dropped without a commit: after an error as after a panic.
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failure)?;
        let mut session = Checked::new(Session::new(&transaction), &self.tables, &self.statements);
        work(&mut session)?;
        session.finish()?;
        transaction.commit().map_err(failure)
    }
}

impl Store for SqliteStore {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut lent = self.lend()?;
        let transaction = lent.connection_mut()?.transaction().map_err(failure)?;
        schema::begin_snapshot(&transaction)?;
        work(&mut Checked::new(
            Session::new(&transaction),
            &self.tables,
            &self.statements,
        ))
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write_once(work).map_err(|error| match error {
            StoreError::Database { .. } if self.folder.is_read_only() => StoreError::ReadOnly,
            error => error,
        })
    }

    fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Lent<'_> {
    fn connection_mut(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or_else(no_connection)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = lock(&self.store.readers);
        // One that is still in a transaction did not end it, which is no state to go on from.
        if idle.len() < IDLE_READERS
            && self
                .connection
                .as_ref()
                .is_some_and(Connection::is_autocommit)
        {
            idle.extend(self.connection.take());
        }
    }
}

enum Access {
    Read,
    Write,
}

fn connect(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    // An administrator's shell may hold the file for a moment.
    connection.busy_timeout(BUSY).map_err(failure)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // A statement is planned once. Otherwise SQLite plans a scan along a partial index anew for each value
    // that is bound, in case the value matters.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failure)?;
    let settings = match access {
        Access::Read => READER_SETTINGS,
        Access::Write => WRITER_SETTINGS,
    };
    connection.execute_batch(settings).map_err(failure)?;
    Ok(connection)
}

fn no_connection() -> StoreError {
    StoreError::Database {
        source: "a connection was given back too early".into(),
    }
}

/// A transaction that panicked was rolled back by then, so the locks' poison says nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const BUSY: Duration = Duration::from_secs(10);

/// Connections kept open for the next reader. More readers than that open their own.
const IDLE_READERS: usize = 8;

/// Enough for every statement about every table.
const PREPARED_STATEMENTS: usize = 1024;

/// * `page_size`: measured, fewer and larger pages are faster at every size of row; for a new file only.
/// * `wal_autocheckpoint`: up to 64 MiB of log, so that a page that many transactions change is copied into
///   the database once.
/// * `synchronous = full`: a commit is on the disk before it returns, not only in the log's order.
/// * No `mmap_size`: a disk that fails would end the process instead of returning an error.
const WRITER_SETTINGS: &str = "
    pragma page_size = 16384;
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma wal_autocheckpoint = 4000;
    pragma journal_size_limit = 67108864;
    pragma cache_size = -65536;
    pragma temp_store = memory;
    pragma trusted_schema = off;
";

const READER_SETTINGS: &str = "
    pragma query_only = on;
    pragma cache_size = -8192;
    pragma temp_store = memory;
    pragma trusted_schema = off;
";

#[cfg(test)]
mod tests;
