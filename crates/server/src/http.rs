//! Every HTTP interface of the service.

pub mod error;
