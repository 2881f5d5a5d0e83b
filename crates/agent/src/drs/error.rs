//! Why replication did not come about, with a stable code, and what to do about it.

use crate::ldap::LdapError;
use crate::rights::{Grantee, Right};
use lockstep_ad_proto::drsuapi::{DrsError, SecretError, Status};
use lockstep_ad_proto::epm::MapError;
use lockstep_ad_proto::rpc::RpcError;
use lockstep_model::codes;
use std::io;

/// Why password hashes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplicationError {
    /// No controller was found or signed in to.
    #[error(transparent)]
    Ldap(LdapError),
    /// No connection to the endpoint mapper or to the port that it named.
    #[error("could not connect to {server} for replication")]
    Unreachable {
        /// Name and port.
        server: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the replication connection to {server}")]
    Lost {
        /// Name and port.
        server: String,
        /// How.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{server} did not answer a replication request within {seconds} s")]
    Silent {
        /// Name and port.
        server: String,
        /// For how long it was waited.
        seconds: u64,
    },
    /// The endpoint mapper does not know the interface.
    #[error("{server} does not offer directory replication")]
    NotOffered {
        /// Name and port.
        server: String,
        /// What it says.
        #[source]
        source: MapError,
    },
    /// What came is not what the protocol allows, or a fault.
    #[error("replication with {server} failed")]
    Rpc {
        /// Name and port.
        server: String,
        /// What is wrong.
        #[source]
        source: RpcError,
    },
    /// The security context could not be set up, or does not hold.
    #[error(
        "could not sign in to {server} for replication with {mechanism} as {account}: {reason}"
    )]
    SignIn {
        /// Name and port.
        server: String,
        /// `Kerberos` or `NTLM`.
        mechanism: &'static str,
        /// The account.
        account: String,
        /// Why not.
        reason: String,
    },
    /// The account lacks rights.
    #[error("{}: {server} refuses to replicate password hashes", grantee.lacks(rights))]
    MissingRight {
        /// Name and port.
        server: String,
        /// Who lacks them.
        grantee: Grantee,
        /// Which.
        rights: Vec<Right>,
    },
    /// The controller refuses, or its answer cannot be read.
    #[error("{server} does not replicate")]
    Refused {
        /// Name and port.
        server: String,
        /// What it says.
        #[source]
        source: DrsError,
    },
    /// A value of an answer could not be decrypted.
    #[error("a password hash from {server} could not be decrypted")]
    Undecipherable {
        /// Name and port.
        server: String,
        /// Why not.
        #[source]
        source: SecretError,
    },
}

impl ReplicationError {
    /// A stable name in CamelCase.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ldap(error) => error.code(),
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Silent { .. } => {
                "ReplicationUnreachable"
            }
            Self::NotOffered { .. } => "ReplicationNotOffered",
            Self::SignIn { .. } => "SignInFailed",
            Self::MissingRight { .. } => codes::MISSING_RIGHT,
            Self::Rpc { .. } | Self::Refused { .. } => "ReplicationFailed",
            Self::Undecipherable { .. } => "PasswordHashUndecipherable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let text = match self {
            Self::Ldap(error) => return error.remedy(),
            Self::MissingRight {
                grantee, rights, ..
            } => return grantee.commands(rights),
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Silent { .. } => {
                "let this machine reach port 135 of the controller and the ports that it gives to RPC \
                 (49152 to 65535, unless the administrator has fixed one)"
            }
            Self::NotOffered { .. } => "see that the server is a domain controller that runs",
            Self::SignIn { .. } => {
                "see that the account may sign in over the network, and that the controller's KDC answers \
                 on port 88"
            }
            Self::Refused {
                source: DrsError::Status(Status::SOURCE_DISABLED),
                ..
            } => {
                "switch outbound replication on again (repadmin /options SERVER \
                 -DISABLE_OUTBOUND_REPL), or name another controller with --server"
            }
            Self::Rpc { .. } | Self::Refused { .. } | Self::Undecipherable { .. } => {
                "run `lockstep-agent check`; name another controller with --server if this one does not \
                 recover"
            }
        };
        text.to_owned()
    }
}
