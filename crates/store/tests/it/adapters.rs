//! Stores for tests: SQLite in a folder that goes away, and an overlay that acts as a store.

use lockstep_store::{
    Key, MemoryStore, Overlay, Read, Row, Scan, SqliteStore, Store, StoreError, Table, Write,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// A SQLite store with its folder.
#[derive(Debug)]
pub(crate) struct InFolder {
    store: SqliteStore,
    _dir: TempDir,
}

impl InFolder {
    pub(crate) fn new(tables: &[&'static Table]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            store: SqliteStore::open(dir.path(), tables).unwrap(),
            _dir: dir,
        }
    }
}

impl Store for InFolder {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.read(work)
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.write(work)
    }

    fn statements(&self) -> u64 {
        self.store.statements()
    }
}

/// A store whose first transactions are in a base, and whose later ones are only ever in overlays: each
/// transaction begins by making them again.
#[derive(Debug)]
pub(crate) struct Layered {
    base: Box<dyn Store>,
    /// How many transactions go to the base.
    below: usize,
    log: Mutex<Log>,
    writer: Mutex<()>,
    statements: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Log {
    transactions: usize,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Put(&'static Table, Vec<Row>),
    Delete(&'static Table, Vec<Key>),
}

impl Layered {
    pub(crate) fn new(base: Box<dyn Store>, below: usize) -> Self {
        Self {
            base,
            below,
            log: Mutex::default(),
            writer: Mutex::default(),
            statements: AtomicU64::new(0),
        }
    }

    /// Over a base in memory.
    pub(crate) fn in_memory(tables: &[&'static Table], below: usize) -> Self {
        Self::new(Box::new(MemoryStore::new(tables)), below)
    }

    fn log(&self) -> Log {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write_below(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let before = self.base.statements();
        let result = self.base.write(work);
        self.statements
            .fetch_add(self.base.statements() - before, Ordering::Relaxed);
        result
    }

    fn write_above(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<Vec<Change>, StoreError> {
        let log = self.log();
        let mut made = Vec::new();
        self.base.read(&mut |base| {
            let overlay = replay(base, &log)?;
            let mut recorder = Recorder {
                overlay,
                made: Vec::new(),
                failed: false,
                statements: &self.statements,
            };
            work(&mut recorder)?;
            if recorder.failed {
                return Err(StoreError::Abandoned {
                    source: "a statement failed".into(),
                });
            }
            made = recorder.made;
            Ok(())
        })?;
        Ok(made)
    }
}

impl Store for Layered {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let log = self.log();
        self.base.read(&mut |base| {
            let overlay = replay(base, &log)?;
            let statements = &self.statements;
            work(&mut Recorder {
                overlay,
                made: Vec::new(),
                failed: false,
                statements,
            })
        })
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let _alone = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match self.log().transactions < self.below {
            true => self.write_below(work).map(|()| Vec::new())?,
            false => self.write_above(work)?,
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.transactions += 1;
        log.changes.extend(made);
        Ok(())
    }

    fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

fn replay<'a>(base: &'a mut dyn Read, log: &Log) -> Result<Overlay<'a>, StoreError> {
    let mut overlay = Overlay::new(base);
    for change in &log.changes {
        match change {
            Change::Put(table, rows) => overlay.put(table, rows.clone())?,
            Change::Delete(table, keys) => overlay.delete(table, keys)?,
        }
    }
    Ok(overlay)
}

/// Remembers what was written, so that it can be written again.
struct Recorder<'a> {
    overlay: Overlay<'a>,
    made: Vec<Change>,
    failed: bool,
    statements: &'a AtomicU64,
}

impl Recorder<'_> {
    fn statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }
}

impl Read for Recorder<'_> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.statement();
        self.overlay.get(table, keys)
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.statement();
        self.overlay.scan(table, scan)
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.statement();
        self.overlay.count(table, index, prefix)
    }
}

impl Write for Recorder<'_> {
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        self.statement();
        // The overlay knows no list of tables; its base does.
        let known = self.overlay.count(table, None, &Key::empty());
        let result = known.and_then(|_| self.overlay.put(table, rows.clone()));
        self.failed |= result.is_err();
        self.made.push(Change::Put(table, rows));
        result
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        self.statement();
        self.made.push(Change::Delete(table, keys.to_vec()));
        self.overlay.delete(table, keys)
    }
}
