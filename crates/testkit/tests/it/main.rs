//! The whole product on a real domain controller.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests and what they call"
)]

mod accounts;
mod agents;
mod backup;
mod bed;
mod changes;
mod command_line;
mod door;
mod drift;
mod durability;
mod faults;
mod first_sync;
mod front;
mod histories;
mod interruptions;
mod job_life;
mod passwords;
mod planning;
mod proxy;
mod references;
mod rules;
mod safety;
mod scope;
mod scope_groups;
mod secrets;
mod sign_in;
#[path = "../../../server/tests/it/sinks.rs"]
#[expect(dead_code, reason = "here nobody refuses what is posted")]
mod sinks;
mod testbed;
mod triggers;
mod two_controllers;
