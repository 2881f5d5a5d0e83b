//! The sync engine: what is to become of each object of Active Directory in the cloud directory, and why.
//!
//! Pure: the replica ([`StagedObject`]), the decisions once made ([`Link`]), the configuration
//! ([`Policy`]), the time, come in as values; a [`Decision`] with its [`Reason`] comes out. Start at
//! [`decide`]: it is called for a preview, for one object on demand and for the scheduled cycle alike.
//!
//! * [`staged`]: an object of the connector space, and how what an agent reports is merged into it;
//! * [`scope`]: who takes part by place and by group;
//! * [`filter`]: who takes part by attributes;
//! * [`never_synced`]: who never does;
//! * [`mapping`]: which value each property gets;
//! * [`expression`]: the language in which an administrator says how a value is made;
//! * [`matching`]: which object of the cloud directory it is;
//! * [`guard`]: accidental deletes, and limits on updates and on members removed;
//! * [`escrow`]: when an object that failed is tried again;
//! * [`quarantine`]: when a job is slowed down, and for how long;
//! * [`password`]: whether a user's password is taken over.

#![deny(missing_docs)]

mod decision;
pub mod escrow;
pub mod expression;
pub mod filter;
pub mod guard;
pub mod mapping;
pub mod matching;
pub mod never_synced;
pub mod password;
pub mod policy;
pub mod quarantine;
pub mod scope;
pub mod staged;
mod wanted;

pub use decision::{
    Decision, DesiredObject, Phase, Reason, Situation, decide, kept_out, soft_keys, would_be,
};
pub use policy::Policy;
pub use scope::{Chain, Membership};
pub use staged::{Link, ObjectClass, Presence, RowState, StagedObject, Word};
pub use wanted::{Wanted, wanted};
