//! The cloud side of Lockstep: jobs, import, apply, the agents' channel and every HTTP interface.

pub mod clock;
pub mod http;
pub mod service;
