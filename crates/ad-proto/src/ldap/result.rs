//! How a request ended (RFC 4511 4.1.9), and why Active Directory refused a sign-in.

use super::ber::{ENUMERATED, Malformed, OCTET_STRING, Reader};
use std::fmt;

/// A result code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResultCode(pub i64);

impl ResultCode {
    /// It was done.
    pub const SUCCESS: Self = Self(0);
    /// More than the server gives at once.
    pub const SIZE_LIMIT_EXCEEDED: Self = Self(4);
    /// The server wants a signed or sealed connection.
    pub const STRONGER_AUTH_REQUIRED: Self = Self(8);
    /// A control that must be understood is not: with DirSync, a cookie that is not accepted.
    pub const UNAVAILABLE_CRITICAL_EXTENSION: Self = Self(12);
    /// The next step of a SASL exchange, please.
    pub const SASL_BIND_IN_PROGRESS: Self = Self(14);
    /// There is no such object, or it must not be seen.
    pub const NO_SUCH_OBJECT: Self = Self(32);
    /// The sign-in is refused.
    pub const INVALID_CREDENTIALS: Self = Self(49);
    /// A right is missing.
    pub const INSUFFICIENT_ACCESS_RIGHTS: Self = Self(50);
    /// The server is busy.
    pub const BUSY: Self = Self(51);
    /// The server is not there.
    pub const UNAVAILABLE: Self = Self(52);
    /// The server will not.
    pub const UNWILLING_TO_PERFORM: Self = Self(53);
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "success",
            Self::SIZE_LIMIT_EXCEEDED => "sizeLimitExceeded",
            Self::STRONGER_AUTH_REQUIRED => "strongerAuthRequired",
            Self::UNAVAILABLE_CRITICAL_EXTENSION => "unavailableCriticalExtension",
            Self::SASL_BIND_IN_PROGRESS => "saslBindInProgress",
            Self::NO_SUCH_OBJECT => "noSuchObject",
            Self::INVALID_CREDENTIALS => "invalidCredentials",
            Self::INSUFFICIENT_ACCESS_RIGHTS => "insufficientAccessRights",
            Self::BUSY => "busy",
            Self::UNAVAILABLE => "unavailable",
            Self::UNWILLING_TO_PERFORM => "unwillingToPerform",
            Self(1) => "operationsError",
            Self(2) => "protocolError",
            Self(3) => "timeLimitExceeded",
            Self(10) => "referral",
            Self(11) => "adminLimitExceeded",
            Self(other) => return write!(f, "result {other}"),
        };
        write!(f, "{name} ({})", self.0)
    }
}

/// The end of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LdapResult {
    /// How it ended.
    pub code: ResultCode,
    /// What the server says about it.
    pub message: String,
}

impl LdapResult {
    /// Reads the components that all results begin with.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code = ResultCode(reader.integer(ENUMERATED)?);
        reader.expect(OCTET_STRING)?;
        let message = reader.expect(OCTET_STRING)?;
        // Active Directory ends its messages with a zero byte.
        let message = String::from_utf8_lossy(message);
        Ok(Self {
            code,
            message: message.trim_end_matches('\0').to_owned(),
        })
    }

    /// Why a sign-in was refused.
    #[must_use]
    pub fn bind_failure(&self) -> BindFailure {
        if self.code == ResultCode::STRONGER_AUTH_REQUIRED {
            return BindFailure::StrongerAuthRequired;
        }
        if self.code != ResultCode::INVALID_CREDENTIALS {
            return BindFailure::Other;
        }
        match data_code(&self.message) {
            Some(0x52e | 0x525) => BindFailure::WrongCredentials,
            Some(0x530) => BindFailure::LogonHours,
            Some(0x531) => BindFailure::Workstation,
            Some(0x532) => BindFailure::PasswordExpired,
            Some(0x533) => BindFailure::AccountDisabled,
            Some(0x701) => BindFailure::AccountExpired,
            Some(0x773) => BindFailure::MustChangePassword,
            Some(0x775) => BindFailure::AccountLocked,
            _ => BindFailure::WrongCredentials,
        }
    }
}

/// The number behind `data` in `80090308: LdapErr: DSID-0C0903A9, comment: …, data 52e, v1db1`.
fn data_code(message: &str) -> Option<u32> {
    let behind = message.split(", data ").nth(1)?;
    u32::from_str_radix(behind.split(',').next()?.trim(), 16).ok()
}

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BindFailure {
    /// Name or password is wrong. Which of them, the controller does not say.
    WrongCredentials,
    /// Not at this time of the day.
    LogonHours,
    /// Not from this machine.
    Workstation,
    /// The password is too old.
    PasswordExpired,
    /// The account is disabled.
    AccountDisabled,
    /// The account has come to its end.
    AccountExpired,
    /// The password must be changed first.
    MustChangePassword,
    /// Too many wrong passwords.
    AccountLocked,
    /// The controller wants a connection that is signed or sealed.
    StrongerAuthRequired,
    /// Something else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_directory_says_why_a_sign_in_was_refused() {
        let result = |message: &str| LdapResult {
            code: ResultCode::INVALID_CREDENTIALS,
            message: message.to_owned(),
        };
        let said = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1";
        assert_eq!(result(said).bind_failure(), BindFailure::AccountLocked);
        assert_eq!(result("no").bind_failure(), BindFailure::WrongCredentials);
    }
}
