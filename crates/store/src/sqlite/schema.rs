//! Making the tables, and taking a file of an older build forward.
//!
//! The version of a file counts the steps that were made. A new table needs no step: it is made at the
//! next opening. A changed table, or bodies that must be rewritten, do.

use super::failure::failure;
use super::statement;
use crate::{StoreError, Table};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// SQL that takes a file from one version to the next, oldest first. A step that was released is never
/// changed. The first version is 1, so the first step leads from 1 to 2.
pub(super) const STEPS: &[&str] = &[
    // To 2: what is read for a configuration is no part of its job any more, and what an instruction says no part
    // of its row.
    r#"create table "read_sets" (key blob not null primary key, body not null);
       insert into "read_sets" (key, body)
         select key, json_set(
           body -> '$.read_set',
           '$.configuration', body ->> '$.configuration',
           '$.absent', json(coalesce(body -> '$.domain.absent', '[]'))
         ) from "jobs";
       update "jobs" set body = json_set(
         json_remove(body, '$.domain.absent'), '$.read_set', body ->> '$.read_set.version'
       );
       create table "orders" (key blob not null primary key, body not null);
       insert into "orders" (key, body)
         select key, json_object('instruction', body ->> '$.id', 'body', body ->> '$.body')
         from "instructions";
       update "instructions" set body = json_remove(body, '$.body');"#,
    // To 3: links of deleted objects and missing objects are found along indexes; links to users who have left the
    // recycle bin go. Where in their bodies it stands: whether an object was deleted behind its id and its kind; that
    // it is missing, since when, and what was said of it, first of all.
    r#"alter table "links" add column i1 blob;
       delete from "links" where substr(body, 20, 1) = x'f5' and not exists (
         select 1 from "directory_objects" as o where o.key = substr("links".body, 3, 16)
       );
       update "links" set i1 = substr(key, 1, 16) where substr(body, 20, 1) = x'f5';
       alter table "connector_space_objects" add column i2 blob;
       update "connector_space_objects" set i2 = cast(substr(key, 1, 16) || case
           when substr(body, 4, 2) <> x'821b' then x'00'
           when substr(body, 15, 1) = x'00' then x'01'
           else x'02'
         end as blob)
         where substr(body, 2, 2) = x'8201';"#,
];

/// Brings the file to the newest version and makes the tables that it does not have.
pub(super) fn prepare(
    connection: &mut Connection,
    tables: &[&'static Table],
    steps: &[&str],
) -> Result<(), StoreError> {
    let known = newest(steps);
    let found = not_newer(version(connection)?, known)?;
    // A new file has no version, and nothing that a step could change.
    for (step, to) in steps
        .iter()
        .zip(2..)
        .filter(|(_, to)| found > 0 && *to > found)
    {
        in_transaction(connection, |transaction| {
            transaction.execute_batch(step)?;
            set_version(transaction, to)
        })?;
    }
    in_transaction(connection, |transaction| {
        for table in tables {
            transaction.execute_batch(&statement::create(table))?;
        }
        set_version(transaction, known)
    })?;
    tables
        .iter()
        .try_for_each(|table| check_columns(connection, table))
}

/// The version of a file, which this build must know.
pub(super) fn known_version(connection: &Connection) -> Result<u32, StoreError> {
    match not_newer(version(connection)?, newest(STEPS))? {
        0 => Err(StoreError::Database {
            source: "it is no database of this service".into(),
        }),
        version => Ok(version),
    }
}

/// The version to which these steps lead.
fn newest(steps: &[&str]) -> u32 {
    u32::try_from(steps.len() + 1).unwrap_or(u32::MAX)
}

fn not_newer(found: u32, known: u32) -> Result<u32, StoreError> {
    match found > known {
        true => Err(StoreError::Newer { found, known }),
        false => Ok(found),
    }
}

/// Fixes what the transaction sees at this moment, rather than at its first statement.
pub(super) fn begin_snapshot(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    version(transaction).map(|_| ())
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    let mut statement = connection
        .prepare_cached("pragma user_version")
        .map_err(failure)?;
    statement.query_row([], |row| row.get(0)).map_err(failure)
}

fn set_version(transaction: &Transaction<'_>, version: u32) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "user_version", version)
}

fn in_transaction(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let begin = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begin.map_err(failure)?;
    work(&transaction).map_err(failure)?;
    transaction.commit().map_err(failure)
}

/// A table that got an index since the file was made, without a step that fills it, would give wrong
/// answers silently.
fn check_columns(connection: &Connection, table: &'static Table) -> Result<(), StoreError> {
    let columns = "select count(*) from pragma_table_info(?) where name not in ('key', 'body')";
    let found: u32 = connection
        .query_row(columns, [table.name], |row| row.get(0))
        .map_err(failure)?;
    let expected = table.indexes.len();
    if usize::try_from(found) == Ok(expected) {
        return Ok(());
    }
    let source = Box::new(WrongIndexes {
        table: table.name,
        found,
        expected,
    });
    Err(StoreError::Database { source })
}

/// A table of the file is not the table of this build.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} has {found} indexes, this build expects {expected}")]
struct WrongIndexes {
    table: &'static str,
    found: u32,
    expected: usize,
}
