//! The directory replication interface ([MS-DRSR]): reading a naming context, password hashes included.
//!
//! The order of calls, each a stub for [`crate::rpc::Association::call`]:
//!
//! 1. [`BindRequest`] ([`operation::BIND`]), answered by a [`Bound`] with the [`Handle`] of all other calls;
//!    once more with the server's replication epoch where that is not zero;
//! 2. [`ChangesRequest`] ([`operation::GET_CHANGES`]), answered by a [`Changes`]: page by page of a whole naming
//!    context under a [`Replication`], which knows how one page follows another, or a single object;
//! 3. [`Handle::unbind`] ([`operation::UNBIND`]).
//!
//! [`SessionKeys`] turn what stands in a reply into a password hash.
//!
//! Only what a reader needs is here. Requests are version 8; the only reply that is read is version 6, not
//! compressed: [`BindRequest`] does not claim to understand anything else, and a server that sends it all
//! the same is refused by name. Values of links are passed over: LDAP gives them faster.
//!
//! # Example
//!
//! From a value of `unicodePwd`, as it stands in a reply, to the hash:
//!
//! ```
//! use lockstep_model::credential::nt_hash;
//! use lockstep_ad_proto::drsuapi::SessionKeys;
//! use lockstep_model::Secret;
//!
//! let mut keys = SessionKeys::default();
//! keys.add(Secret::new(vec![0x11; 16])); // from the security context of the association
//! let value = [
//!     // A salt of sixteen bytes, then checksum and hash, encrypted.
//!     0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, //
//!     0x32, 0x69, 0x70, 0x0d, 0x83, 0x65, 0xf0, 0x75, 0x2d, 0x2d, 0x7c, 0xc2, 0xaf, 0xb9, 0xae, 0xed, //
//!     0xe8, 0x32, 0x04, 0x90,
//! ];
//! let rid = 1103; // the last number of the object's SID
//! let hash = keys.open_nt_hash(rid, &value)?;
//! assert_eq!(hash.expose(), nt_hash(&Secret::new("Pa$$w0rd".to_owned())).expose());
//! # Ok::<(), lockstep_ad_proto::drsuapi::SecretError>(())
//! ```

mod attribute;
mod bind;
mod error;
mod name;
mod replication;
mod reply;
mod request;
mod secret;
mod stamp;
mod vector;

pub use attribute::AttributeId;
pub use bind::{BindRequest, Bound, Handle};
pub use error::{DrsError, Status};
pub use name::ObjectName;
pub use replication::{Progress, Replication, Watermark};
pub use reply::{Attribute, Changes, Object};
pub use request::{ChangesRequest, Extent};
pub use secret::{SecretError, SessionKeys};
pub use stamp::Stamp;
pub use vector::{UpToDateVector, UsnVector};

use crate::rpc::Syntax;
use lockstep_model::Guid;

/// The interface `drsuapi` ([MS-DRSR] 2.2.2).
pub const INTERFACE: Syntax = Syntax {
    uuid: Guid::from_bytes([
        0xe3, 0x51, 0x42, 0x35, 0x4b, 0x06, 0x11, 0xd1, 0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc,
        0xd2,
    ]),
    version: 4,
};

/// Operations of the interface ([MS-DRSR] 3.1.4).
pub mod operation {
    /// `IDL_DRSBind`.
    pub const BIND: u16 = 0;
    /// `IDL_DRSUnbind`.
    pub const UNBIND: u16 = 1;
    /// `IDL_DRSGetNCChanges`.
    pub const GET_CHANGES: u16 = 3;
}
