//! The whole product on a real domain controller.

mod bed;
mod changes;
mod first_sync;
mod testbed;
