//! Every check on every implementation.

use crate::adapters::{InFolder, Layered};
use lockstep_store::MemoryStore;
use lockstep_store::conformance::{self, CHECKS, tables::TABLES};

macro_rules! checks {
    ($($check:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($check)),*];
        checks!(memory, MemoryStore::new(TABLES), $($check)*);
        checks!(sqlite, InFolder::new(TABLES), $($check)*);
        checks!(overlay_over_nothing, Layered::in_memory(TABLES, 0), $($check)*);
        checks!(overlay_over_one_transaction, Layered::in_memory(TABLES, 1), $($check)*);
    };
    ($implementation:ident, $store:expr, $($check:ident)*) => {
        mod $implementation {
            use super::*;
            $(
                #[test]
                fn $check() {
                    conformance::$check(&$store).unwrap();
                }
            )*
        }
    };
}

checks! {
    rows_come_in_the_order_of_their_keys
    a_prefix_bounds_a_scan
    a_prefix_of_highest_bytes_has_no_end
    a_scan_goes_on_behind_a_place
    a_place_before_the_prefix_changes_nothing
    a_place_behind_the_prefix_leaves_nothing
    a_limit_bounds_a_scan
    pages_together_are_the_whole
    an_index_orders_by_its_places_and_then_by_keys
    a_row_without_a_place_is_not_in_the_index
    an_empty_place_is_a_place
    a_row_moves_when_its_place_changes
    counts_agree_with_scans
    a_layout_changes_no_answer
    rows_come_back_as_they_were_put
    rows_are_given_in_the_order_asked_for
    nothing_is_asked_and_nothing_is_done
    a_later_row_replaces_an_earlier_one
    the_last_of_equal_keys_in_one_put_stays
    deleted_rows_are_gone_from_table_and_indexes
    deleting_what_is_not_there_is_no_error
    tables_do_not_see_each_other
    bodies_may_be_empty_large_or_no_text
    ten_thousand_rows_are_written_and_found
    what_does_not_fit_the_table_is_refused
    a_transaction_sees_what_it_wrote
    an_error_leaves_nothing
    a_panic_leaves_nothing
    a_refused_write_that_was_overlooked_leaves_nothing
    a_reader_sees_one_state_while_a_writer_commits
    a_reader_does_not_wait_for_a_writer
    writers_come_one_after_the_other
    every_call_is_counted
}

#[test]
fn no_check_is_forgotten() {
    let checks: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(NAMES, checks);
}

#[test]
fn all_checks_can_be_run_at_once() {
    conformance::run(&|| Box::new(MemoryStore::new(TABLES)));
}
