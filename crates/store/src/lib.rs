//! Where the service keeps what it must not lose.
//!
//! Start at [`Store`]: transactions over [`Table`]s of rows, in slices, never row by row. What stands in
//! the rows is said by [`Record`] and the types in [`records`]; nobody outside this crate knows how a
//! row looks. One store is one tenant.
//!
//! * [`MemoryStore`] for most tests, [`SqliteStore`] by default; both prove themselves by
//!   [`conformance`].
//! * [`Transact`] gives back what a transaction found.
//! * [`Overlay`] is a transaction that never reaches its store: a preview is the real cycle on an
//!   overlay.

#![deny(missing_docs)]

mod checked;
pub mod conformance;
mod contract;
mod key;
mod memory;
mod overlay;
mod record;
pub mod records;
mod sorted;
mod sqlite;
mod transact;

pub use contract::{Layout, Read, Row, Scan, Store, StoreError, Table, Write};
pub use key::{Key, KeyPart, KeyReader};
pub use memory::MemoryStore;
pub use overlay::Overlay;
pub use record::{ReadRecords, Record, WriteRecords};
pub use sqlite::{SqliteStore, check_copy, copy};
pub use transact::Transact;
