//! The service from outside, without a network.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

mod api;
mod batches;
mod changes;
mod cloud_only;
mod desk;
mod fixtures;
mod memory;
mod queries;
mod rules;
mod sign_in;
