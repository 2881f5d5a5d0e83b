//! Tables for tests of stores. They are no part of a service's data.

use crate::{Layout, Table};

/// A table with three indexes.
pub const ITEMS: &Table = &Table {
    name: "conformance_items",
    indexes: &["by_place", "by_size", "by_note"],
    layout: Layout::Arrival,
};

/// The same, kept in the order of its keys.
pub const ORDERED_ITEMS: &Table = &Table {
    name: "conformance_ordered_items",
    indexes: &["by_place", "by_size", "by_note"],
    layout: Layout::Key,
};

/// A table without indexes.
pub const PLAIN: &Table = &Table {
    name: "conformance_plain",
    indexes: &[],
    layout: Layout::Arrival,
};

/// A table whose names are words of SQL.
pub const WORDS: &Table = &Table {
    name: "order",
    indexes: &["group"],
    layout: Layout::Key,
};

/// A table that no store of a check has.
pub const ABSENT: &Table = &Table {
    name: "conformance_absent",
    indexes: &[],
    layout: Layout::Arrival,
};

/// What a store is opened with for the checks.
pub const TABLES: &[&Table] = &[ITEMS, ORDERED_ITEMS, PLAIN, WORDS];
