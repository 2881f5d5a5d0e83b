//! The rules of the cloud directory.
//!
//! Values in, values out: [`write_batch`] takes changes and a [`View`] of what is there, and says what
//! the directory is to look like and what became of each change. Who asks (a sync job, an
//! administrator, SCIM) and where it is stored is none of its business.
//!
//! * [`schema`]: which properties there are;
//! * [`Object`]: users, groups, contacts, service principals;
//! * [`unique`]: values that only one object may have, and who waits for one;
//! * [`credential`]: what a password is checked against, and which password is the newer one;
//! * [`lockout`]: how long an answer waits after wrong passwords;
//! * [`upn`]: which user principal name a user gets;
//! * [`index`]: under which words an object can be found;
//! * [`query`]: which objects a caller asks for;
//! * [`cloud`]: what may be written to objects that the cloud owns.

#![deny(missing_docs)]

mod batch;
pub mod cloud;
pub mod credential;
pub mod index;
pub mod lockout;
mod object;
pub mod query;
mod role;
pub mod schema;
pub mod text;
pub mod unique;
pub mod upn;

pub use batch::{
    Applied, Batch, Change, Given, Inherited, Outcome, PropertyChange, Refusal, View, write_batch,
};
pub use object::{Conflict, Kind, MadeName, Mastery, Object};
pub use role::Role;
pub use schema::{Property, Type, UnknownProperty, Values, distance, extension};
pub use unique::UniqueValue;
pub use upn::TenantRules;
