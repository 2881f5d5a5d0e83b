//! A store that counts: what a cycle costs, in statements and in rows, and how much one transaction touches.

use lockstep_store::{Key, MemoryStore, Read, Row, Scan, Store, StoreError, Table, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was done since it was last asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cost {
    /// Calls of the store.
    pub(crate) statements: u64,
    /// Rows that were read.
    pub(crate) read: u64,
    /// Rows that were written or removed.
    pub(crate) written: u64,
    /// The rows of the transaction that touched the most.
    pub(crate) largest: u64,
}

/// A memory store that counts.
#[derive(Debug)]
pub(crate) struct CountingStore {
    inner: MemoryStore,
    cost: Mutex<Cost>,
}

impl CountingStore {
    pub(crate) fn over(inner: MemoryStore) -> Self {
        Self {
            inner,
            cost: Mutex::default(),
        }
    }

    /// What was done since the last call.
    pub(crate) fn take(&self) -> Cost {
        std::mem::take(&mut *self.cost())
    }

    fn cost(&self) -> MutexGuard<'_, Cost> {
        self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, own: Cost) {
        let mut cost = self.cost();
        cost.statements += own.statements;
        cost.read += own.read;
        cost.written += own.written;
        cost.largest = cost.largest.max(own.read + own.written);
    }
}

impl Store for CountingStore {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut cost = Cost::default();
        let done = self.inner.read(&mut |tx| {
            work(&mut Counted {
                inner: tx,
                cost: &mut cost,
            })
        });
        self.add(cost);
        done
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut cost = Cost::default();
        let done = self.inner.write(&mut |tx| {
            work(&mut Counted {
                inner: tx,
                cost: &mut cost,
            })
        });
        self.add(cost);
        done
    }

    fn statements(&self) -> u64 {
        self.inner.statements()
    }
}

/// When an agent was last heard of is noted as time passes, whatever there is to do.
const NOT_COUNTED: &str = "agents";

/// A transaction that is counted.
struct Counted<'a, T: ?Sized> {
    inner: &'a mut T,
    cost: &'a mut Cost,
}

fn rows(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

impl<T: Read + ?Sized> Read for Counted<'_, T> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.cost.statements += 1;
        self.cost.read += rows(keys.len());
        self.inner.get(table, keys)
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        let found = self.inner.scan(table, scan)?;
        self.cost.statements += 1;
        self.cost.read += rows(found.len());
        Ok(found)
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.cost.statements += 1;
        self.inner.count(table, index, prefix)
    }
}

impl Write for Counted<'_, dyn Write + '_> {
    fn put(&mut self, table: &'static Table, put: Vec<Row>) -> Result<(), StoreError> {
        if table.name != NOT_COUNTED {
            self.cost.statements += 1;
            self.cost.written += rows(put.len());
        }
        self.inner.put(table, put)
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        self.cost.statements += 1;
        self.cost.written += rows(keys.len());
        self.inner.delete(table, keys)
    }
}
