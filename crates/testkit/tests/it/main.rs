//! The whole product on a real domain controller.

mod first_sync;
mod testbed;
