//! The agent beside Active Directory: it reads, talks outbound only, and keeps no sync state.
//!
//! * [`run`]: the agent at work; [`reader`]: one instruction; [`watch`]: being told of changes;
//! * [`controller`], [`ldap`] and [`drs`]: the side of the domain; [`rights`]: what an account needs there;
//! * [`channel`]: the side of the service;
//! * [`check`] and [`cli`]: the side of the administrator; [`state`]: the agent's directory.

#![deny(missing_docs)]

pub mod channel;
pub mod check;
pub mod cli;
pub mod controller;
pub mod drs;
pub mod ldap;
pub mod reader;
pub mod rights;
pub mod run;
mod security;
pub mod state;
pub mod watch;
