//! How an agent proves who it is: a JWT (RFC 7519) signed with its Ed25519 key, made for one request.
//!
//! `htm` and `htu` tie it to method and path, as DPoP does (RFC 9449 4.2). `aud` is the tenant. It lives
//! for [`LIFETIME`] seconds; an agent whose clock is off corrects itself by the `Date` header of the
//! refusal.

use serde::{Deserialize, Serialize};

/// For how many seconds an assertion is good.
pub const LIFETIME: i64 = 60;

/// The claims of an assertion.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claims {
    /// The agent's id.
    pub iss: String,
    /// The tenant's id.
    pub aud: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// Until when it is good, in seconds since 1970.
    pub exp: i64,
    /// The HTTP method.
    pub htm: String,
    /// The path of the request, without query.
    pub htu: String,
}
