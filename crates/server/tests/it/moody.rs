//! A store whose disk fails when a test says so.

use lockstep_store::{MemoryStore, Read, Store, StoreError, Write, records};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// A fake of a store whose disk takes so many transactions, then refuses some, and then takes them again; or which
/// cannot be read any more.
#[derive(Debug)]
pub(crate) struct MoodyStore {
    store: MemoryStore,
    /// How many it takes.
    good: AtomicI64,
    /// How many it refuses after that.
    bad: AtomicI64,
    is_unreadable: AtomicBool,
}

impl MoodyStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(&records::tables()),
            good: AtomicI64::new(i64::MAX),
            bad: AtomicI64::new(0),
            is_unreadable: AtomicBool::new(false),
        })
    }

    /// So many transactions are kept from now on, and so many are not after that.
    pub(crate) fn fail(&self, good: i64, bad: i64) {
        self.bad.store(bad, Ordering::SeqCst);
        self.good.store(good, Ordering::SeqCst);
    }

    /// Nothing can be read from now on.
    pub(crate) fn become_unreadable(&self) {
        self.is_unreadable.store(true, Ordering::SeqCst);
    }
}

impl Store for MoodyStore {
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.is_unreadable.load(Ordering::SeqCst) {
            true => Err(disk_error()),
            false => self.store.read(work),
        }
    }

    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let is_good = self.good.fetch_sub(1, Ordering::SeqCst) > 0;
        match !is_good && self.bad.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Err(disk_error()),
            false => self.store.write(work),
        }
    }

    fn statements(&self) -> u64 {
        self.store.statements()
    }
}

fn disk_error() -> StoreError {
    StoreError::Database {
        source: "disk I/O error".into(),
    }
}
