//! Reading and writing rows within a transaction.

use super::failure::failure;
use super::statement::{self, Statement};
use crate::{Key, Read, Row, Scan, StoreError, Table, Write};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result as Sql, ToSql};

/// A transaction that somebody else began and will end.
#[derive(Debug)]
pub(super) struct Session<'a>(&'a Connection);

impl<'a> Session<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }

    fn prepare(&self, statement: &Statement<'_>) -> Sql<CachedStatement<'a>> {
        let mut prepared = self.0.prepare_cached(&statement.sql)?;
        for (position, value) in statement.values.iter().enumerate() {
            prepared.raw_bind_parameter(position + 1, value.as_bytes())?;
        }
        Ok(prepared)
    }

    fn get_rows(&self, table: &Table, keys: &[Key]) -> Sql<Vec<Option<Row>>> {
        let mut statement = self.0.prepare_cached(&statement::get(table))?;
        let mut get = |key: &Key| {
            statement
                .query_row([key.as_bytes()], |row| read_row(row, table))
                .optional()
        };
        keys.iter().map(&mut get).collect()
    }

    fn scan_rows(&self, table: &Table, scan: &Scan) -> Sql<Vec<Row>> {
        let statement = statement::scan(table, scan);
        let mut prepared = self.prepare(&statement)?;
        let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX);
        prepared.raw_bind_parameter(statement.values.len() + 1, limit)?;
        let mut rows = prepared.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_row(row, table)?);
        }
        Ok(found)
    }

    fn count_rows(&self, table: &Table, index: Option<usize>, prefix: &Key) -> Sql<u64> {
        let mut prepared = self.prepare(&statement::count(table, index, prefix))?;
        let mut rows = prepared.raw_query();
        let count: i64 = rows.next()?.map_or(Ok(0), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    fn put_rows(&self, table: &Table, mut rows: Vec<Row>) -> Sql<()> {
        // Neighbours one after the other, so that a page is visited once. The order of equal keys stays.
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut statement = self.0.prepare_cached(&statement::put(table))?;
        for row in &rows {
            statement.raw_bind_parameter(1, row.key.as_bytes())?;
            for (position, place) in row.indexes.iter().enumerate() {
                statement.raw_bind_parameter(position + 2, place.as_ref().map(Key::as_bytes))?;
            }
            statement.raw_bind_parameter(row.indexes.len() + 2, Body(&row.body))?;
            statement.raw_execute()?;
        }
        Ok(())
    }

    fn delete_rows(&self, table: &Table, keys: &[Key]) -> Sql<()> {
        let mut statement = self.0.prepare_cached(&statement::delete(table))?;
        keys.iter()
            .try_for_each(|key| statement.execute([key.as_bytes()]).map(|_| ()))
    }
}

impl Read for Session<'_> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.get_rows(table, keys).map_err(failure)
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.scan_rows(table, scan).map_err(failure)
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.count_rows(table, index, prefix).map_err(failure)
    }
}

impl Write for Session<'_> {
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        self.put_rows(table, rows).map_err(failure)
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        self.delete_rows(table, keys).map_err(failure)
    }
}

/// A body is text where it can be, so that the `sqlite3` shell shows it and its JSON functions take it. The
/// first byte of a compact one is never the beginning of a text.
struct Body<'a>(&'a [u8]);

impl ToSql for Body<'_> {
    fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
        let value = match str::from_utf8(self.0) {
            Ok(_) => ValueRef::Text(self.0),
            Err(_) => ValueRef::Blob(self.0),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

fn read_row(row: &rusqlite::Row<'_>, table: &Table) -> Sql<Row> {
    let body = table.indexes.len() + 1;
    let place = |position: usize| -> Sql<Option<Key>> {
        let bytes = row.get_ref(position)?.as_blob_or_null()?;
        Ok(bytes.map(|bytes| Key::from_bytes(bytes.to_vec())))
    };
    Ok(Row {
        key: Key::from_bytes(row.get_ref(0)?.as_blob()?.to_vec()),
        indexes: (1..body).map(place).collect::<Sql<_>>()?,
        body: match row.get_ref(body)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
            other => return Err(not_a_body(body, &other)),
        },
    })
}

fn not_a_body(column: usize, found: &ValueRef<'_>) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "body".to_owned(), found.data_type())
}
