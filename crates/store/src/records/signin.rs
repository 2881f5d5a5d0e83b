//! Sign-in: applications, signing keys, sessions, codes, grants, and wrong passwords.
//!
//! Secrets that a client presents (a session's cookie, a code, a refresh token, an application's secret)
//! are kept as SHA-256 only. Rows that end by themselves stand in an index by when they do, so that they
//! can be swept away; nobody believes one that has ended and is still there.

use super::json_record;
use crate::{Key, Layout, Table};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&APPS, &KEYS, &SESSIONS, &CODES, &GRANTS, &ATTEMPTS, &SEAL];

const BY_END: &str = "by_end";

static APPS: Table = Table {
    name: "sign_in_apps",
    indexes: &[],
    layout: Layout::Key,
};
static KEYS: Table = Table {
    name: "sign_in_keys",
    indexes: &[],
    layout: Layout::Key,
};
static SESSIONS: Table = Table {
    name: "sign_in_sessions",
    indexes: &[BY_END, "by_user"],
    layout: Layout::Key,
};
static CODES: Table = Table {
    name: "sign_in_codes",
    indexes: &[BY_END],
    layout: Layout::Key,
};
static GRANTS: Table = Table {
    name: "sign_in_grants",
    indexes: &[BY_END, "by_user", "by_app"],
    layout: Layout::Key,
};
static ATTEMPTS: Table = Table {
    name: "sign_in_attempts",
    indexes: &[BY_END],
    layout: Layout::Key,
};
static SEAL: Table = Table {
    name: "sign_in_seal",
    indexes: &[],
    layout: Layout::Key,
};

/// The first index of every table here whose rows end by themselves.
pub const ENDING: usize = 0;

/// A moment as a part of a key.
fn moment(millis: i64) -> Key {
    Key::empty().with(u64::try_from(millis).unwrap_or(0))
}

/// An application that lets people sign in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct App {
    /// Its client id.
    #[serde(with = "super::text")]
    pub id: Guid,
    /// Its name, as people see it on the sign-in page.
    pub name: String,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<String>,
    /// SHA-256 of its secret, in hex; none: it is public, and keeps no secret.
    pub secret_hash: Option<String>,
    /// The role that it has when it acts for itself.
    #[serde(default)]
    pub role: Option<String>,
    /// Its tokens open no interface of the service, whatever role its user has.
    #[serde(default)]
    pub sign_in_only: bool,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
}

json_record!(App, &APPS, id Guid, |id| Key::empty().with(*id), |own| own.id);

/// A key that signs tokens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SigningKey {
    /// Its name in tokens.
    pub id: String,
    /// The key in PEM, sealed, in Base64.
    pub sealed: String,
    /// Modulus of the public key, in URL-safe Base64.
    pub modulus: String,
    /// Exponent of the public key, in URL-safe Base64.
    pub exponent: String,
    /// From when on it signs, in milliseconds since 1970. Published before.
    pub signs_from: i64,
}

json_record!(
    SigningKey, &KEYS,
    id String, |id| Key::empty().with(id.as_str()), |own| own.id.clone()
);

/// A browser in which somebody is signed in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Session {
    /// SHA-256 of its cookie, in hex.
    pub hash: String,
    /// Who.
    #[serde(with = "super::text")]
    pub user: ObjectId,
    /// When the password was typed, in milliseconds since 1970.
    pub authenticated: i64,
    /// When it ends, in milliseconds since 1970.
    pub ends: i64,
}

impl Session {
    /// Along this index: the sessions of a user.
    pub const BY_USER: usize = 1;
}

json_record!(
    Session, &SESSIONS,
    id String, |hash| Key::empty().with(hash.as_str()), |own| own.hash.clone(),
    indexes |own| vec![Some(moment(own.ends)), Some(Key::empty().with(own.user))]
);

/// A code that an application turns into tokens, once.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Code {
    /// SHA-256 of the code, in hex.
    pub hash: String,
    /// Whose sign-in, in which application: becomes a grant.
    #[serde(with = "super::text")]
    pub grant: Guid,
    /// The application.
    #[serde(with = "super::text")]
    pub app: Guid,
    /// The user.
    #[serde(with = "super::text")]
    pub user: ObjectId,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The PKCE challenge, of method S256.
    pub challenge: String,
    /// The application's nonce.
    pub nonce: Option<String>,
    /// The scopes that were asked for.
    pub scope: String,
    /// The session from which it came, if the browser keeps one.
    pub session: Option<String>,
    /// When the password was typed, in milliseconds since 1970.
    pub authenticated: i64,
    /// It was turned into tokens. Kept until it ends, so that a second use is noticed.
    pub used: bool,
    /// When it ends, in milliseconds since 1970.
    pub ends: i64,
}

json_record!(
    Code, &CODES,
    id String, |hash| Key::empty().with(hash.as_str()), |own| own.hash.clone(),
    indexes |own| vec![Some(moment(own.ends))]
);

/// What a user has given an application: access and refresh tokens descend from it, and end with it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// Its id, which tokens carry.
    #[serde(with = "super::text")]
    pub id: Guid,
    /// The application.
    #[serde(with = "super::text")]
    pub app: Guid,
    /// The user.
    #[serde(with = "super::text")]
    pub user: ObjectId,
    /// The scopes.
    pub scope: String,
    /// The session from which it came, if the browser keeps one.
    pub session: Option<String>,
    /// When the password was typed, in milliseconds since 1970.
    pub authenticated: i64,
    /// SHA-256 of the refresh token that is good, in hex; none: there is none.
    pub refresh_hash: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it ends, in milliseconds since 1970.
    pub ends: i64,
}

impl Grant {
    /// Along this index: the grants of a user.
    pub const BY_USER: usize = 1;
    /// Along this index: the grants to an application.
    pub const BY_APP: usize = 2;
}

json_record!(
    Grant, &GRANTS,
    id Guid, |id| Key::empty().with(*id), |own| own.id,
    indexes |own| vec![
        Some(moment(own.ends)),
        Some(Key::empty().with(own.user)),
        Some(Key::empty().with(own.app)),
    ]
);

/// Wrong passwords of one user, or from one address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Of whom or from where. Of a name that nobody has, a hash: people type passwords in the wrong field.
    pub subject: String,
    /// How many, in a row.
    pub count: u32,
    /// When the last was decided, in milliseconds since 1970.
    pub last: i64,
    /// When it is forgotten, in milliseconds since 1970.
    pub ends: i64,
}

json_record!(
    AttemptRow, &ATTEMPTS,
    id String, |subject| Key::empty().with(subject.as_str()), |own| own.subject.clone(),
    indexes |own| vec![Some(moment(own.ends))]
);

/// Which key seals what is sealed in this database. There is one row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedWith {
    /// The key's fingerprint.
    pub fingerprint: String,
}

json_record!(
    SealedWith,
    &SEAL,
    id(),
    |()| Key::empty().with("seal"),
    |_| ()
);
