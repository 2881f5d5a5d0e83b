//! The agent beside Active Directory: it reads, talks outbound only, and keeps no sync state.
//!
//! * [`run`]: the agent at work; [`reader`]: one instruction; [`watch`]: being told of changes;
//! * [`controller`] and [`ldap`]: the side of the domain;
//! * [`channel`]: the side of the service;
//! * [`check`] and [`cli`]: the side of the administrator; [`state`]: the agent's directory.

#![deny(missing_docs)]

pub mod channel;
pub mod check;
pub mod cli;
pub mod controller;
pub mod ldap;
pub mod reader;
pub mod run;
pub mod state;
pub mod watch;
