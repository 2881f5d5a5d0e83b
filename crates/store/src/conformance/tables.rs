//! Tables for tests of stores. They are no part of a service's data.

use crate::Table;

/// A table with three indexes.
pub const ITEMS: &Table = &Table {
    name: "conformance_items",
    indexes: &["by_place", "by_size", "by_note"],
};

/// A table without indexes.
pub const PLAIN: &Table = &Table {
    name: "conformance_plain",
    indexes: &[],
};

/// A table whose names are words of SQL.
pub const WORDS: &Table = &Table {
    name: "order",
    indexes: &["group"],
};

/// A table that no store of a check has.
pub const ABSENT: &Table = &Table {
    name: "conformance_absent",
    indexes: &[],
};

/// What a store is opened with for the checks.
pub const TABLES: &[&Table] = &[ITEMS, PLAIN, WORDS];
