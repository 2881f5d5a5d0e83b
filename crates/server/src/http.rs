//! Every HTTP interface of the service.

pub mod admin;
pub mod auth;
pub mod channel;
mod error;
pub mod graph;
pub mod router;
pub mod signin;
