//! Connections to domain controllers: found, protected, signed in, asked.
//!
//! Start at [`Connector::open`], which goes through a domain's controllers until one answers, and at
//! [`Connection::search`]. A connection answers one search after the other.

mod connection;
mod connector;
mod discover;
mod error;
mod root_dse;
mod tls;
mod transport;

pub use crate::security::Account;
pub use connection::{Connection, Entry, Search, SearchEnd};
pub use connector::{Connector, Opened};
pub use error::LdapError;
pub use root_dse::RootDse;
