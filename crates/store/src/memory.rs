//! A store that forgets: for tests.

use crate::checked::Checked;
use crate::overlay::{Layers, Overlay};
use crate::sorted::SortedRows;
use crate::{Key, Read, Row, Scan, Store, StoreError, Table, Write};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps everything in memory, and nothing longer than that.
///
/// Readers share the state of the last commit and never wait. A writer collects its changes beside that
/// state and makes them at the commit, so that there is nothing to take back when it fails. A table is
/// copied when a reader still holds it at that moment, else it is changed in place.
#[derive(Debug)]
pub struct MemoryStore {
    tables: Vec<&'static Table>,
    committed: Mutex<Arc<State>>,
    writer: Mutex<()>,
    statements: AtomicU64,
}

type State = BTreeMap<&'static str, Arc<SortedRows>>;

/// The state that one transaction reads.
struct Snapshot(Arc<State>);

impl MemoryStore {
    /// An empty store with these tables.
    #[must_use]
    pub fn new(tables: &[&'static Table]) -> Self {
        let empty =
            |table: &&'static Table| (table.name, Arc::new(SortedRows::new(table.indexes.len())));
        Self {
            tables: tables.to_vec(),
            committed: Mutex::new(Arc::new(tables.iter().map(empty).collect())),
            writer: Mutex::new(()),
            statements: AtomicU64::new(0),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot(Arc::clone(&lock(&self.committed)))
    }

    fn commit(&self, layers: Layers) {
        let mut committed = lock(&self.committed);
        let state = Arc::make_mut(&mut committed);
        for (table, layer) in layers {
            if let Some(rows) = state.get_mut(table) {
                layer.apply(Arc::make_mut(rows));
            }
        }
    }
}

impl Store for MemoryStore {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        work(&mut Checked::new(
            self.snapshot(),
            &self.tables,
            &self.statements,
        ))
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let _alone = lock(&self.writer);
        let mut snapshot = self.snapshot();
        let mut transaction =
            Checked::new(Overlay::new(&mut snapshot), &self.tables, &self.statements);
        work(&mut transaction)?;
        let layers = transaction.finish()?.into_layers();
        drop(snapshot);
        self.commit(layers);
        Ok(())
    }

    fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Snapshot {
    fn with<R>(&self, table: &'static Table, read: impl FnOnce(&SortedRows) -> R) -> R
    where
        R: Default,
    {
        self.0
            .get(table.name)
            .map(|rows| read(rows))
            .unwrap_or_default()
    }
}

impl Read for Snapshot {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        let find = |rows: &SortedRows| {
            keys.iter()
                .map(|key| rows.get(key).map(|row| Row::clone(row)))
                .collect()
        };
        Ok(self.with(table, find))
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        let rows = self.with(table, |rows| rows.scan(scan));
        Ok(rows.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        Ok(self.with(table, |rows| rows.count(index, prefix)) as u64)
    }
}

/// A panic in `work` leaves nothing half done behind these locks, so their poison says nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
