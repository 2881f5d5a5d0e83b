//! The service from outside, without a network.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

mod agents;
mod anchors;
mod api;
mod batches;
mod changes;
mod cloud_only;
mod corp;
mod cycles;
mod desk;
mod domain;
mod escrow;
mod extensions;
mod fixtures;
mod guard;
mod limits;
mod memory;
mod moody;
mod notices;
mod planning;
mod quarantine;
mod queries;
mod reconciliation;
mod removal;
mod rules;
mod sign_in;
mod sinks;
mod staging;
mod standing;
mod trail;
mod unknown;
