//! The service from outside, without a network.

mod desk;
mod sign_in;
