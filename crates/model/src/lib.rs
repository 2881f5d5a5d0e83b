//! The words that every room of Lockstep shares.
//!
//! Identities of Active Directory ([`Guid`], [`Sid`], [`Dn`]), attribute names and values, the
//! [`SourceAnchor`] that survives renames and moves, ids that cannot be mixed up ([`ids`]), the kinds of
//! object that are provisioned ([`MappedKind`]), what the log says of them ([`log`]), codes that are acted on ([`codes`]), which cycle it is and how it
//! stands ([`CycleKind`], [`CycleState`], [`Wake`]), what a job is told to forget ([`Reset`]), time as a value
//! ([`Timestamp`]), [`Secret`], and the form in which a password leaves Active Directory ([`credential`]). Values in,
//! values out: nothing here reads a clock, a file or a random number, and nothing is serialisable; what leaves a
//! process has types of its own in `api` and `store`.

#![deny(missing_docs)]

mod anchor;
mod attribute;
pub mod codes;
pub mod credential;
mod cycle;
mod dn;
mod guid;
pub mod ids;
mod kind;
pub mod log;
mod property;
mod reset;
mod secret;
mod sid;
mod timestamp;
mod word;

pub use anchor::{SourceAnchor, SourceAnchorError};
pub use attribute::{AttributeName, Attributes, Value};
pub use cycle::{CycleKind, CycleState, Wake};
pub use dn::{Dn, DnError, Rdn};
pub use guid::{Guid, GuidError};
pub use kind::{MappedKind, OTHER};
pub use property::PropertyValue;
pub use reset::Reset;
pub use secret::Secret;
pub use sid::{Sid, SidError};
pub use timestamp::{Timestamp, TimestampError};
pub use word::UnknownWord;
