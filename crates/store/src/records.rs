//! What stands in the tables.
