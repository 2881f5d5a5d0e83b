//! LDAP (RFC 4511) as a reader of Active Directory needs it.
//!
//! Start at [`Request`] for what is sent and at [`Decoder`] for what comes back. There is no add, modify,
//! rename or delete: what cannot be encoded cannot be sent.
//!
//! One answer of Active Directory may have a hundred megabytes (a group with a million members), so
//! answers are decoded value by value, and no message is ever held as a whole.

mod ber;
mod control;
mod decoder;
mod extended_dn;
mod filter;
mod proxied;
mod range;
mod request;
mod result;

pub use control::{Control, DirSync, DirSyncAnswer, ReceivedControl};
pub use decoder::{DecodeError, Decoder, Event};
pub use extended_dn::{ExtendedDn, ExtendedDnError};
pub use filter::Filter;
pub use proxied::{ProxiedObjectName, ProxiedObjectNameError, ProxyKind};
pub use range::{RangeEnd, attribute_range};
pub use request::{Request, SearchScope};
pub use result::{BindFailure, LdapResult, ResultCode};
