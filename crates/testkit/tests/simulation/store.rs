//! A store that tells what was committed, and fails when it is told to.

use lockstep_directory::Object;
use lockstep_model::Guid;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::credential::CredentialRow;
use lockstep_store::records::directory::{DirectoryObject, DirectoryReference};
use lockstep_store::records::job::Configuration;
use lockstep_store::records::log::LogEntry;
use lockstep_store::records::tables;
use lockstep_store::{
    Key, MemoryStore, Read, Record, Row, Scan, SqliteStore, Store, StoreError, Table, Write,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tempfile::TempDir;

/// How a transaction fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StoreFault {
    /// The disk is full at its end: nothing is kept.
    Full,
    /// It is kept, and the answer is lost: whoever asked hears of a failure.
    AnswerLost,
}

/// What a committed transaction wrote, as far as the harness watches it.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Configuration(Box<Configuration>),
    /// An object of Active Directory became one of the directory.
    Joined(ConfigurationId, Guid, ObjectId),
    /// An object of the directory is there, or in the recycle bin.
    Object(Box<Object>),
    /// An object of the directory is gone for good.
    Removed(ObjectId),
    /// A reference of the directory was made, or was taken away.
    Reference {
        key: Key,
        made: bool,
    },
    /// The provisioning log has another entry.
    Log(Box<LogEntry>),
    /// A user's credential was written.
    Credential(ObjectId),
}

#[derive(Debug, Default)]
struct Ledger {
    fault: Option<StoreFault>,
    written: Vec<Written>,
    changes: u64,
}

/// A memory or SQLite store under watch.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    backing: RwLock<Backing>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug)]
enum Backing {
    Memory(MemoryStore),
    Sqlite(TempDir, Option<SqliteStore>),
}

impl WatchedStore {
    pub(crate) fn in_memory() -> Arc<Self> {
        Self::over(Backing::Memory(MemoryStore::new(&tables())))
    }

    /// A database in a folder of its own, which goes with it. The folder is one of memory where there is one:
    /// no machine loses its power in a history, so nothing is learnt from waiting for a disk.
    pub(crate) fn on_sqlite() -> Arc<Self> {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder can be made");
        let store = SqliteStore::open(folder.path(), &tables()).expect("the database opens");
        Self::over(Backing::Sqlite(folder, Some(store)))
    }

    fn over(backing: Backing) -> Arc<Self> {
        Arc::new(Self {
            backing: RwLock::new(backing),
            ledger: Mutex::default(),
        })
    }

    /// What the next process finds: a database is closed and opened again.
    pub(crate) fn reopen(&self) {
        let mut backing = self.backing.write().unwrap_or_else(PoisonError::into_inner);
        if let Backing::Sqlite(folder, store) = &mut *backing {
            drop(store.take());
            *store = SqliteStore::open(folder.path(), &tables()).ok();
            assert!(store.is_some(), "the database opens again");
        }
    }

    /// The next transaction that writes fails so.
    pub(crate) fn fail_next(&self, fault: StoreFault) {
        self.ledger().fault = Some(fault);
    }

    pub(crate) fn forget_fault(&self) {
        self.ledger().fault = None;
    }

    /// What has been committed since the last call.
    pub(crate) fn take_written(&self) -> Vec<Written> {
        std::mem::take(&mut self.ledger().written)
    }

    /// How many committed transactions changed anything.
    pub(crate) fn changes(&self) -> u64 {
        self.ledger().changes
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&dyn Store) -> T) -> T {
        let backing = self.backing.read().unwrap_or_else(PoisonError::into_inner);
        match &*backing {
            Backing::Memory(store) => work(store),
            Backing::Sqlite(_, store) => work(store.as_ref().expect("the database is open")),
        }
    }
}

impl Store for WatchedStore {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.with(|store| store.read(work))
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let fault = self.ledger().fault.take();
        let mut written = Vec::new();
        let mut changed = false;
        self.with(|store| {
            store.write(&mut |tx| {
                work(&mut Watched {
                    inner: tx,
                    written: &mut written,
                    changed: &mut changed,
                })?;
                match fault {
                    Some(StoreFault::Full) => Err(StoreError::Full),
                    _ => Ok(()),
                }
            })
        })?;
        let mut ledger = self.ledger();
        ledger.written.append(&mut written);
        ledger.changes += u64::from(changed);
        match fault {
            Some(StoreFault::AnswerLost) => Err(StoreError::Database {
                source: "the answer to the commit was lost".into(),
            }),
            _ => Ok(()),
        }
    }

    fn statements(&self) -> u64 {
        self.with(|store| store.statements())
    }
}

/// A transaction under watch.
struct Watched<'a> {
    inner: &'a mut dyn Write,
    written: &'a mut Vec<Written>,
    changed: &'a mut bool,
}

impl Read for Watched<'_> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.inner.get(table, keys)
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(table, scan)
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.inner.count(table, index, prefix)
    }
}

impl Write for Watched<'_> {
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        *self.changed |= !rows.is_empty();
        for row in &rows {
            self.written.extend(written(table, row));
        }
        self.inner.put(table, rows)
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        *self.changed |= !keys.is_empty();
        if table == DirectoryObject::TABLE {
            let ids = keys.iter().filter_map(|key| key.reader().guid());
            self.written
                .extend(ids.map(|id| Written::Removed(ObjectId::new(id))));
        }
        if table == DirectoryReference::TABLE {
            let gone = |key: &Key| Written::Reference {
                key: key.clone(),
                made: false,
            };
            self.written.extend(keys.iter().map(gone));
        }
        self.inner.delete(table, keys)
    }
}

fn written(table: &'static Table, row: &Row) -> Option<Written> {
    if table == DirectoryObject::TABLE {
        let written = DirectoryObject::decode(&row.key, &row.body).ok()?;
        return Some(Written::Object(Box::new(written.object)));
    }
    if table == LinkRow::TABLE {
        let joined = LinkRow::decode(&row.key, &row.body).ok()?;
        let written = Written::Joined(joined.configuration, joined.guid, joined.object);
        return (!joined.deleted).then_some(written);
    }
    if table == Configuration::TABLE {
        let configuration = Configuration::decode(&row.key, &row.body).ok()?;
        return Some(Written::Configuration(Box::new(configuration)));
    }
    if table == CredentialRow::TABLE {
        return Some(Written::Credential(ObjectId::new(row.key.reader().guid()?)));
    }
    if table == LogEntry::TABLE {
        let entry = LogEntry::decode(&row.key, &row.body).ok()?;
        return Some(Written::Log(Box::new(entry)));
    }
    (table == DirectoryReference::TABLE).then(|| Written::Reference {
        key: row.key.clone(),
        made: true,
    })
}
