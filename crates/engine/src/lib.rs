//! The sync engine: what is to become of each object of Active Directory in the cloud directory, and why.
//!
//! Pure: the replica ([`StagedObject`]), the decisions once made ([`Link`]), the configuration
//! ([`Policy`]), the time, come in as values; a [`Decision`] with its [`Reason`] comes out. Start at
//! [`decide`]: it is called for a preview, for one object on demand and for the scheduled cycle alike.
//!
//! * [`staged`]: an object of the connector space, and how what an agent reports is merged into it;
//! * [`scope`]: who takes part by place;
//! * [`never_synced`]: who never does;
//! * [`mapping`]: which value each property gets;
//! * [`expression`]: the language in which an administrator says how a value is made;
//! * [`guard`]: accidental deletes.

#![deny(missing_docs)]

mod decision;
pub mod expression;
pub mod guard;
pub mod mapping;
pub mod never_synced;
pub mod policy;
pub mod scope;
pub mod staged;

pub use decision::{Decision, DesiredObject, Phase, Reason, Situation, TargetState, decide};
pub use policy::Policy;
pub use scope::Chain;
pub use staged::{Link, ObjectClass, Presence, RowState, StagedObject};
