//! Active Directory on the wire, as codecs without I/O.
//!
//! * [`ldap`]: the requests that a reader sends, and answers as a stream of small events;
//! * the controls, names and codes that are Active Directory's own.

#![deny(missing_docs)]

pub mod ldap;
