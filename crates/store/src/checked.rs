//! What every transaction does before it reaches its database: it counts, and refuses what does not fit
//! the table.

use crate::{Key, Read, Row, Scan, StoreError, Table, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// A transaction of one store.
///
/// INVARIANT: after a call that failed, no further call reaches `inner`. A database that rolled the
/// transaction back by itself would otherwise keep what comes afterwards, statement by statement.
#[derive(Debug)]
pub(crate) struct Checked<'a, T> {
    inner: T,
    tables: &'a [&'static Table],
    statements: &'a AtomicU64,
    failed: bool,
}

/// What does not fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("the store was opened without a table {0}")]
    Table(&'static str),
    #[error("there is no index number {0}")]
    Index(usize),
    #[error("the row has {found} index places, its table {expected}")]
    Places { found: usize, expected: usize },
    #[error("an earlier statement of the transaction failed")]
    Failed,
}

impl<'a, T> Checked<'a, T> {
    pub(crate) const fn new(
        inner: T,
        tables: &'a [&'static Table],
        statements: &'a AtomicU64,
    ) -> Self {
        Self {
            inner,
            tables,
            statements,
            failed: false,
        }
    }

    /// Gives the transaction back for its commit, unless a statement in it failed: work that overlooked
    /// the error must not have half of what it wrote kept.
    pub(crate) fn finish(self) -> Result<T, StoreError> {
        if self.failed {
            Err(abandoned())
        } else {
            Ok(self.inner)
        }
    }

    fn call<R>(
        &mut self,
        table: &'static Table,
        call: impl FnOnce(&mut T) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        if self.failed {
            return Err(abandoned());
        }
        let result = known(self.tables, table).and_then(|()| call(&mut self.inner));
        self.failed = result.is_err();
        result
    }
}

impl<T: Read> Read for Checked<'_, T> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.call(table, |inner| inner.get(table, keys))
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.call(table, |inner| {
            check_index(table, scan.index).and_then(|()| inner.scan(table, scan))
        })
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.call(table, |inner| {
            check_index(table, index).and_then(|()| inner.count(table, index, prefix))
        })
    }
}

impl<T: Write> Write for Checked<'_, T> {
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        self.call(table, |inner| {
            check_rows(table, &rows).and_then(|()| inner.put(table, rows))
        })
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        self.call(table, |inner| inner.delete(table, keys))
    }
}

/// Refuses an index that the table does not have.
pub(crate) fn check_index(table: &'static Table, index: Option<usize>) -> Result<(), StoreError> {
    match index {
        Some(index) if index >= table.indexes.len() => Err(misfit(table, Misfit::Index(index))),
        _ => Ok(()),
    }
}

/// Refuses rows that do not have one place for each index of the table.
pub(crate) fn check_rows(table: &'static Table, rows: &[Row]) -> Result<(), StoreError> {
    let expected = table.indexes.len();
    match rows
        .iter()
        .map(|row| row.indexes.len())
        .find(|found| *found != expected)
    {
        Some(found) => Err(misfit(table, Misfit::Places { found, expected })),
        None => Ok(()),
    }
}

fn known(tables: &[&'static Table], table: &'static Table) -> Result<(), StoreError> {
    if tables
        .iter()
        .any(|known| std::ptr::eq(*known, table) || *known == table)
    {
        Ok(())
    } else {
        Err(StoreError::Database {
            source: Box::new(Misfit::Table(table.name)),
        })
    }
}

fn misfit(table: &'static Table, source: Misfit) -> StoreError {
    StoreError::Row {
        table: table.name,
        source: Box::new(source),
    }
}

fn abandoned() -> StoreError {
    StoreError::Abandoned {
        source: Box::new(Misfit::Failed),
    }
}
