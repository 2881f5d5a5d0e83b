//! Why a domain could not be read, with a stable code, and what to do about it.

use lockstep_ad_proto::ldap::{BindFailure, DecodeError, LdapResult, ResultCode};
use lockstep_model::codes;
use std::io;

/// Why a domain controller was not reached, or did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum LdapError {
    /// DNS knows no controllers of the domain.
    #[error(
        "DNS has no domain controllers of {domain} (SRV records of _ldap._tcp.dc._msdcs.{domain})"
    )]
    NotFound {
        /// The domain.
        domain: String,
        /// What the resolver says.
        reason: String,
    },
    /// No connection.
    #[error("could not connect to {server}")]
    Unreachable {
        /// Name and port.
        server: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the connection to {server}")]
    Lost {
        /// Name and port.
        server: String,
        /// How.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{server} did not answer within {seconds} s")]
    Silent {
        /// Name and port.
        server: String,
        /// For how long it was waited.
        seconds: u64,
    },
    /// The answer to a search did not come on in time.
    #[error("{server} was silent for {seconds} s in the middle of a search")]
    Slow {
        /// Name and port.
        server: String,
        /// For how long it was waited.
        seconds: u64,
    },
    /// What came is no LDAP.
    #[error("{server} did not answer in LDAP")]
    Protocol {
        /// Name and port.
        server: String,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The certificate does not lead to a CA that is trusted, or names another server.
    #[error("the certificate of {server} is not accepted: {reason}")]
    Certificate {
        /// Name and port.
        server: String,
        /// Why not.
        reason: String,
        /// It is the name that does not fit.
        wrong_name: bool,
    },
    /// The security context could not be set up.
    #[error("could not sign in to {server} with {mechanism} as {account}: {reason}")]
    Context {
        /// Name and port.
        server: String,
        /// `Kerberos` or `NTLM`.
        mechanism: &'static str,
        /// The account.
        account: String,
        /// Why not.
        reason: String,
    },
    /// The sign-in is refused.
    #[error("{server} refuses the account {account}: {}", said(*failure, result))]
    Refused {
        /// Name and port.
        server: String,
        /// The account.
        account: String,
        /// Why.
        failure: BindFailure,
        /// What the server says.
        result: LdapResult,
    },
    /// The clocks are too far apart for Kerberos.
    #[error(
        "the clock of {server} says {theirs}, this machine's says {ours}: too far apart for Kerberos"
    )]
    ClockSkew {
        /// Name and port.
        server: String,
        /// The controller's time.
        theirs: String,
        /// Our time.
        ours: String,
    },
    /// It is a domain controller of another domain, or none.
    #[error("{server} is not a domain controller of {domain}: it holds {found}")]
    ForeignDomain {
        /// Name and port.
        server: String,
        /// The domain that was expected.
        domain: String,
        /// What it holds.
        found: String,
    },
    /// A read-only controller: it lacks attributes, and its changes are not its own.
    #[error("{server} is a read-only domain controller")]
    ReadOnly {
        /// Name and port.
        server: String,
    },
    /// It has not received everything yet.
    #[error("{server} has not finished its first replication")]
    NotSynchronized {
        /// Name and port.
        server: String,
    },
    /// A search failed.
    #[error("{server} refuses to {action}: {} {}", result.code, result.message)]
    Search {
        /// Name and port.
        server: String,
        /// What was wanted, as `read changes`.
        action: &'static str,
        /// What it says.
        result: LdapResult,
    },
    /// What an answer must hold is not in it.
    #[error("the answer of {server} lacks {what}")]
    Lacking {
        /// Name and port.
        server: String,
        /// What it lacks.
        what: String,
    },
    /// The secret of the account cannot be used.
    #[error("{reason}")]
    Secret {
        /// Why not.
        reason: String,
    },
    /// The account cannot see deleted objects, so that deletions would never arrive.
    #[error("the account {account} cannot see deleted objects on {server}")]
    DeletionsNotVisible {
        /// Name and port.
        server: String,
        /// The account.
        account: String,
    },
    /// An organizational unit or group of the scope is not there.
    #[error("the scope names an organizational unit or group that {server} does not have: {guid}")]
    ScopeObjectNotFound {
        /// Name and port.
        server: String,
        /// Its objectGUID.
        guid: String,
    },
}

fn said(failure: BindFailure, result: &LdapResult) -> String {
    match failure {
        BindFailure::WrongCredentials => "the user name or password is wrong".into(),
        BindFailure::LogonHours => "it must not sign in at this time of the day".into(),
        BindFailure::Workstation => "it must not sign in from this machine".into(),
        BindFailure::PasswordExpired => "its password has expired".into(),
        BindFailure::AccountDisabled => "the account is disabled".into(),
        BindFailure::AccountExpired => "the account has expired".into(),
        BindFailure::MustChangePassword => "its password must be changed first".into(),
        BindFailure::AccountLocked => "the account is locked".into(),
        BindFailure::StrongerAuthRequired => "it wants a connection that is protected".into(),
        BindFailure::Other => format!("{} {}", result.code, result.message),
    }
}

impl LdapError {
    /// A stable name in CamelCase.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "DomainControllerNotFound",
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Silent { .. } => {
                "DomainControllerUnreachable"
            }
            Self::Slow { .. } => "SearchTimeout",
            Self::Protocol { .. } | Self::Lacking { .. } => "UnexpectedAnswer",
            Self::Certificate {
                wrong_name: true, ..
            } => codes::CERTIFICATE_NAME_MISMATCH,
            Self::Certificate { .. } => codes::CERTIFICATE_NOT_TRUSTED,
            Self::Context { .. } => "SignInFailed",
            Self::Refused { failure, .. } => match failure {
                BindFailure::PasswordExpired => codes::PASSWORD_EXPIRED,
                BindFailure::AccountDisabled => codes::ACCOUNT_DISABLED,
                BindFailure::AccountExpired => codes::ACCOUNT_EXPIRED,
                BindFailure::MustChangePassword => codes::PASSWORD_MUST_CHANGE,
                BindFailure::AccountLocked => codes::ACCOUNT_LOCKED,
                BindFailure::WrongCredentials => codes::WRONG_CREDENTIALS,
                _ => "SignInRefused",
            },
            Self::ClockSkew { .. } => "ClockSkew",
            Self::ForeignDomain { .. } => codes::FOREIGN_DOMAIN,
            Self::ReadOnly { .. } => "ReadOnlyController",
            Self::NotSynchronized { .. } => "ControllerNotSynchronized",
            Self::Search { result, .. } => match result.code {
                ResultCode::INSUFFICIENT_ACCESS_RIGHTS => codes::MISSING_RIGHT,
                ResultCode::UNAVAILABLE_CRITICAL_EXTENSION => "CookieRefused",
                ResultCode::BUSY | ResultCode::UNAVAILABLE => "DomainControllerUnreachable",
                _ => "SearchFailed",
            },
            Self::Secret { .. } => codes::SECRET_UNUSABLE,
            Self::DeletionsNotVisible { .. } => codes::DELETIONS_NOT_VISIBLE,
            Self::ScopeObjectNotFound { .. } => codes::SCOPE_OBJECT_NOT_FOUND,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let text = match self {
            Self::NotFound { .. } => {
                "let this machine use the domain's DNS servers (LOCKSTEP_DNS_SERVERS names others), or \
                 name a controller with `lockstep-agent domain update --server`"
            }
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Silent { .. } => {
                "see that the controller runs and that this machine may reach its port; name several \
                 controllers, so that another one is asked"
            }
            Self::Slow { .. } => {
                "see why the controller is slow, or give it more time with `lockstep-agent domain update \
                 --search-timeout`"
            }
            Self::Protocol { .. } | Self::Lacking { .. } => {
                "see that the address and port are those of a domain controller"
            }
            Self::Certificate {
                wrong_name: true, ..
            } => "name the server with --server as its certificate does",
            Self::Certificate { .. } => {
                "give the CA of the domain's certificates with `lockstep-agent domain update --ca-file`"
            }
            Self::Context { .. } => {
                "see that the account exists and has AES keys (set its password once more if need be), \
                 and that the controller's KDC answers on port 88"
            }
            Self::Refused { failure, .. } => match failure {
                BindFailure::WrongCredentials => {
                    "give the right ones with `lockstep-agent domain update --username … --password-file …`"
                }
                BindFailure::PasswordExpired | BindFailure::MustChangePassword => {
                    "set a new password in Active Directory, let it never expire, and give it with \
                     `lockstep-agent domain update --password-file …`"
                }
                BindFailure::AccountDisabled => "enable the account in Active Directory",
                BindFailure::AccountExpired => "extend the account in Active Directory",
                BindFailure::AccountLocked => {
                    "unlock the account in Active Directory, and see who else uses its old password"
                }
                BindFailure::StrongerAuthRequired => "use `--security sealed`, or `ldaps`",
                _ => "allow the account to sign in from this machine at any time",
            },
            Self::ClockSkew { .. } => "set this machine's clock by the domain's (NTP or chrony)",
            Self::ForeignDomain { .. } => "name a controller of the right domain with --server",
            Self::ReadOnly { .. } => "name a writable controller with --server",
            Self::NotSynchronized { .. } => {
                "wait until its replication is done, or name another controller with --server"
            }
            Self::Search { result, .. } => match result.code {
                ResultCode::INSUFFICIENT_ACCESS_RIGHTS => {
                    "grant the account the right `Replicating Directory Changes` on the domain; \
                     `lockstep-agent check` prints the commands"
                }
                ResultCode::UNAVAILABLE_CRITICAL_EXTENSION => {
                    "none is needed: the next cycle reads everything anew"
                }
                _ => "run `lockstep-agent check`",
            },
            Self::Secret { .. } => {
                "give it again with `lockstep-agent domain update --password-file …` or --keytab"
            }
            Self::DeletionsNotVisible { .. } => {
                "let the account list and read CN=Deleted Objects; `lockstep-agent check` prints the \
                 commands"
            }
            Self::ScopeObjectNotFound { .. } => {
                "restore it, or take it out of the configuration with `lockstep apply`; also see that the \
                 account may read it. Until then nobody is deleted"
            }
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether another controller may do better.
    #[must_use]
    pub fn is_of_this_server(&self) -> bool {
        match self {
            Self::Refused { failure, .. } => *failure == BindFailure::StrongerAuthRequired,
            Self::Secret { .. } | Self::NotFound { .. } => false,
            _ => true,
        }
    }
}
