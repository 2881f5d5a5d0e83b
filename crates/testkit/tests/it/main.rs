//! The whole product on a real domain controller.

mod bed;
mod changes;
mod command_line;
mod door;
mod faults;
mod first_sync;
mod histories;
mod interruptions;
mod passwords;
mod planning;
mod scope;
mod scope_groups;
mod testbed;
mod triggers;
