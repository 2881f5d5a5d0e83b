//! What every implementation of the contract must show.
//!
//! [`run`] makes each of [`CHECKS`] on a store of its own. They are public one by one as well, so that a
//! test per check can name what failed. A check returns the store's errors and panics, as an assertion
//! does, when the store says something wrong.

mod order;
mod rows;
pub mod tables;
mod transactions;

use crate::{Key, Row, Scan, Store, StoreError, Table, Transact as _};
pub use order::*;
pub use rows::*;
pub use transactions::*;

/// One check, on a store that is empty and has the tables of [`tables::TABLES`].
pub type Check = fn(&dyn Store) -> Result<(), StoreError>;

macro_rules! checks {
    ($($check:ident),* $(,)?) => {
        /// All checks with their names.
        pub const CHECKS: &[(&str, Check)] = &[$((stringify!($check), $check)),*];
    };
}

checks![
    rows_come_in_the_order_of_their_keys,
    a_prefix_bounds_a_scan,
    a_prefix_of_highest_bytes_has_no_end,
    a_scan_goes_on_behind_a_place,
    a_place_before_the_prefix_changes_nothing,
    a_place_behind_the_prefix_leaves_nothing,
    a_limit_bounds_a_scan,
    pages_together_are_the_whole,
    an_index_orders_by_its_places_and_then_by_keys,
    a_row_without_a_place_is_not_in_the_index,
    an_empty_place_is_a_place,
    a_row_moves_when_its_place_changes,
    counts_agree_with_scans,
    a_layout_changes_no_answer,
    rows_come_back_as_they_were_put,
    rows_are_given_in_the_order_asked_for,
    nothing_is_asked_and_nothing_is_done,
    a_later_row_replaces_an_earlier_one,
    the_last_of_equal_keys_in_one_put_stays,
    deleted_rows_are_gone_from_table_and_indexes,
    deleting_what_is_not_there_is_no_error,
    tables_do_not_see_each_other,
    bodies_may_be_empty_large_or_no_text,
    ten_thousand_rows_are_written_and_found,
    what_does_not_fit_the_table_is_refused,
    a_transaction_sees_what_it_wrote,
    an_error_leaves_nothing,
    a_panic_leaves_nothing,
    a_refused_write_that_was_overlooked_leaves_nothing,
    a_reader_sees_one_state_while_a_writer_commits,
    a_reader_does_not_wait_for_a_writer,
    writers_come_one_after_the_other,
    every_call_is_counted,
];

/// Makes all checks, each on a new store from `make`.
///
/// # Panics
///
/// When a check fails.
pub fn run(make: &dyn Fn() -> Box<dyn Store>) {
    for (name, check) in CHECKS {
        let result = check(&*make());
        assert!(result.is_ok(), "{name}: {result:?}");
    }
}

/// Stores rows in a transaction of their own.
fn seed(store: &dyn Store, table: &'static Table, rows: &[Row]) -> Result<(), StoreError> {
    store.write(&mut |tx| tx.put(table, rows.to_vec()))
}

/// The bodies that a scan finds, as texts.
fn bodies(
    store: &dyn Store,
    table: &'static Table,
    scan: &Scan,
) -> Result<Vec<String>, StoreError> {
    let rows = store.reading(|tx| tx.scan(table, scan))?;
    Ok(rows
        .iter()
        .map(|row| String::from_utf8_lossy(&row.body).into_owned())
        .collect())
}

fn key(text: &str) -> Key {
    Key::from_bytes(text.as_bytes().to_vec())
}

/// A row of the table without indexes, whose body says its key.
fn plain(name: &str) -> Row {
    Row {
        key: key(name),
        indexes: Vec::new(),
        body: name.into(),
    }
}

/// A row of the table with indexes, with a place in the first and perhaps in the second.
fn item(name: &str, place: Option<&str>, size: Option<u64>) -> Row {
    let size = size.map(|size| Key::empty().with(size));
    Row {
        key: key(name),
        indexes: vec![place.map(key), size, None],
        body: name.into(),
    }
}
