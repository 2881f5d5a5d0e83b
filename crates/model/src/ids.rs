//! Ids of our own making, each a type of its own, so that one cannot be taken for another.

use crate::{Guid, GuidError};
use std::fmt;
use std::str::FromStr;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Guid);

        impl $name {
            /// Gives a GUID this meaning.
            #[must_use]
            pub const fn new(guid: Guid) -> Self {
                Self(guid)
            }

            /// The GUID without its meaning.
            #[must_use]
            pub const fn guid(self) -> Guid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = GuidError;

            fn from_str(text: &str) -> Result<Self, GuidError> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// The owner of a directory.
    TenantId;
    /// An agent, from its enrolment until it is removed. Unlike its name, never used twice.
    AgentId;
    /// A configuration, and the provisioning job that carries it out. Unlike its name, it never changes.
    ConfigurationId;
    /// One run of a job, from import to export.
    CycleId;
    /// An object of the cloud directory. Unlike an object's GUID in Active Directory, it is ours.
    ObjectId;
    /// One instruction to an agent, answered under the lease it names.
    InstructionId;
}
