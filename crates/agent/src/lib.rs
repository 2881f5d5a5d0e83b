//! The agent beside Active Directory: it reads, talks outbound only, and keeps no sync state.

#![deny(missing_docs)]

pub mod channel;
pub mod state;
