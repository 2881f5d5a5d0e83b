//! What SQLite says, in the words of the contract.

use crate::StoreError;
use rusqlite::{Error, ErrorCode};

/// Tells why the database did not do what it was asked.
pub(super) fn failure(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        _ => StoreError::Database {
            source: Box::new(error),
        },
    }
}
