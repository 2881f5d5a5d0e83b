//! The service from outside, without a network.

mod api;
mod batches;
mod changes;
mod cloud_only;
mod desk;
mod queries;
mod rules;
mod sign_in;
