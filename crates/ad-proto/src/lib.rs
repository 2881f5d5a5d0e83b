//! Active Directory on the wire, as codecs without I/O.
//!
//! * [`ldap`]: the requests that a reader sends, and answers as a stream of small events, with the controls,
//!   names and codes that are Active Directory's own;
//! * [`drsuapi`]: directory replication, which alone gives password hashes; over [`rpc`], written in [`ndr`],
//!   found by [`epm`];
//! * [`access`]: whether an account may read an attribute.
//!
//! | specification | where |
//! |---|---|
//! | RFC 4511, RFC 2696, [MS-ADTS] 3.1.1.3 (controls, extended names, ranges) | [`ldap`] |
//! | C706 chapter 12, [MS-RPCE] 2.2 and 3.3: fragments, binding, packet privacy | [`rpc`] |
//! | C706 chapter 14: NDR20, little-endian | [`ndr`] |
//! | C706 appendices I and L, [MS-RPCE] 2.2.1.2: towers, `ept_map` | [`epm`] |
//! | [MS-DRSR] 4.1.3 `IDL_DRSBind`, 4.1.25 `IDL_DRSUnbind` | [`drsuapi::BindRequest`], [`drsuapi::Bound`] |
//! | [MS-DRSR] 4.1.10 `IDL_DRSGetNCChanges`, requests of version 8, replies of version 6 | [`drsuapi::ChangesRequest`], [`drsuapi::Changes`] |
//! | [MS-DRSR] 1.3.2: cycles of replication | [`drsuapi::Replication`] |
//! | [MS-DRSR] 4.1.10.2.20 and [MS-SAMR] 2.2.11.1: secrets | [`drsuapi::SessionKeys`] |
//!
//! Examples stand at the modules; `examples/changes.rs` reads a recorded reply, and `examples/replicate.rs` of
//! `lockstep-agent` shows sockets and security contexts around it.
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
