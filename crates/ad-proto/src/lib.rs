//! Active Directory on the wire, as codecs without I/O.
//!
//! * [`ldap`]: the requests that a reader sends, and answers as a stream of small events, with the controls,
//!   names and codes that are Active Directory's own;
//! * [`drsuapi`]: directory replication, which alone gives password hashes; over [`rpc`], written in [`ndr`],
//!   found by [`epm`];
//! * [`access`]: whether an account may read an attribute.
//!
//! Everything here is bytes in, values out, or the reverse: sockets and security contexts are the caller's.
//! What a server sends is bounded before it is believed, and ends in an error rather than a panic.

#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::string_slice)]

pub mod access;
pub mod drsuapi;
pub mod epm;
pub mod ldap;
pub mod ndr;
pub mod rpc;
