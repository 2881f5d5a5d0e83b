//! The persistence contract: what every implementation promises, and
//! [`conformance`](crate::conformance) checks.
//!
//! Deliberately small: ordered tables with up to three secondary indexes. Everything that knows what a
//! row means stands above, once, for all implementations; so does every scan that must be bounded. The
//! methods block: a unit of work is milliseconds long and runs on a thread made for blocking, which
//! keeps the engine's code and its tests free of a runtime (docs/design/0002-store.md).

use crate::Key;
use std::path::PathBuf;

/// An ordered table.
///
/// INVARIANT: tables are known at compile time, by [`Record`](crate::Record); implementations make
/// them from this description.
#[derive(Debug, Eq, PartialEq)]
pub struct Table {
    /// Its name, in snake_case, of letters and underscores only.
    pub name: &'static str,
    /// Names of its secondary indexes, at most three.
    pub indexes: &'static [&'static str],
    /// How its rows are best kept.
    pub layout: Layout,
}

/// How the rows of a table are best kept. It changes how fast an implementation is, never what it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// In the order in which they came, beside an index of the keys: right for rows whose bodies are larger
    /// than their keys, which come in no order.
    Arrival,
    /// In the order of their keys, which are stored once: right for rows that are little more than keys.
    Key,
}

/// One row: a key, a place in each index, and a body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// Where it stands in the table. Unique.
    pub key: Key,
    /// Where it stands in each index of the table, in their order; `None`: not in that index. Need not
    /// be unique; rows with equal index keys are ordered by their keys.
    pub indexes: Vec<Option<Key>>,
    /// What it says: JSON where an administrator may want to look at it with the database's own tools, a
    /// compact form where there are many rows.
    pub body: Vec<u8>,
}

/// A bounded stretch of a table, in order.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The index to go along; `None`: the table itself.
    pub index: Option<usize>,
    /// Only rows whose key in that order begins with this.
    pub prefix: Key,
    /// Only rows behind this place: the key in that order, and the row's own key. For a scan of the table
    /// itself both are the row's key.
    pub after: Option<(Key, Key)>,
    /// At most so many rows.
    pub limit: usize,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing of the transaction was kept.
    #[error("the disk that holds the service's data is full")]
    Full,
    /// The database cannot be written. Nothing of the transaction was kept.
    #[error("the service's database cannot be written")]
    ReadOnly,
    /// Another process holds the database.
    #[error("the service's data in {path} is in use by another process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data was written by a newer build.
    #[error(
        "the service's data has schema version {found}, this build knows versions up to {known}"
    )]
    Newer {
        /// The version in the file.
        found: u32,
        /// The newest that this build can read.
        known: u32,
    },
    /// A row is not what its record expects: damage, or a fault of ours.
    #[error("a row of {table} cannot be read")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else that the database says.
    #[error("the service's database failed")]
    Database {
        /// What it says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The work in a transaction gave up; nothing of it was kept.
    #[error("the transaction was given up")]
    Abandoned {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reading: one consistent state, however long it takes.
pub trait Read {
    /// The rows with these keys, in the order asked for; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError>;

    /// A stretch of rows in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError>;

    /// How many rows a scan with this index and prefix would find.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`].
    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError>;
}

/// Reading and writing; what is written is seen by later reads of the same transaction.
pub trait Write: Read {
    /// Stores rows, replacing those with the same keys. A key that occurs twice: the later row stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Database`].
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError>;

    /// Removes the rows with these keys; a key without a row is no error.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Database`].
    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError>;
}

/// A store: transactions, one after the other for writing, side by side for reading.
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Runs `work` on a consistent state. Does not wait for writers.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of beginning the transaction.
    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn Read) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Runs `work` alone. When it returns `Ok`, everything it wrote is kept, durably, before this
    /// returns; when it returns an error or panics, or the process dies before, nothing of it is.
    /// `work` runs once.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of beginning or committing the transaction.
    fn write(
        &self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// How many calls of [`Read`] and [`Write`] there were since the store was opened: what a cycle
    /// costs, for metrics and for tests that say it does not grow.
    fn statements(&self) -> u64;
}
