//! What is to become of one user's password.
//!
//! Start at [`judge`]. It is asked again and again and looks at nothing but the present: a user who needs a
//! password gets it, whatever happened in between, and whichever change was or was not reported.

use crate::ObjectClass;
use lockstep_model::Timestamp;
use std::fmt;

/// What Active Directory has of a user's password; never the password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OnPremises {
    /// There is one.
    pub has_password: bool,
    /// It must be changed at the next sign-in (`pwdLastSet` is zero).
    pub must_change: bool,
    /// When the account expires (`accountExpires`); none: never.
    pub expires: Option<Timestamp>,
}

/// What the administrator wants of passwords.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PasswordRules {
    /// Passwords that must be changed are taken over, to be changed in the cloud. Else they are not taken over
    /// until they have been changed.
    pub force_change_at_logon: bool,
    /// Whose account has expired cannot sign in. Else expiry on premises means nothing in the cloud.
    pub follow_account_expiry: bool,
}

/// How a user's password stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The directory lacks it.
    Wanted,
    /// The directory has it.
    Current,
    /// It will be taken over when something has changed on premises.
    Waits(PasswordReason),
    /// It is not taken over.
    LeftOut(PasswordReason),
}

/// Why a password is not taken over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PasswordReason {
    /// It must be changed first.
    MustChange,
    /// There is none.
    NoPassword,
    /// The account has expired.
    AccountExpired,
    /// Passwords of this class are not synchronised.
    InetOrgPerson,
}

impl PasswordReason {
    /// A stable name in CamelCase.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MustChange => "PasswordMustChange",
            Self::NoPassword => "NoPassword",
            Self::AccountExpired => "AccountExpired",
            Self::InetOrgPerson => "InetOrgPerson",
        }
    }
}

impl fmt::Display for PasswordReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MustChange => {
                "the password must be changed at the next sign-in on premises, and is taken over when that \
                 is done"
            }
            Self::NoPassword => "the user has no password in Active Directory",
            Self::AccountExpired => {
                "the account has expired in Active Directory, and the configuration follows that"
            }
            Self::InetOrgPerson => "passwords of inetOrgPerson objects are not synchronised",
        })
    }
}

/// Decides. `is_current`: the directory has this password, as Active Directory has it now.
#[must_use]
pub fn judge(
    class: ObjectClass,
    premises: &OnPremises,
    is_current: bool,
    rules: &PasswordRules,
    now: Timestamp,
) -> Standing {
    let expired = premises.expires.is_some_and(|expires| expires <= now);
    if class == ObjectClass::InetOrgPerson {
        Standing::LeftOut(PasswordReason::InetOrgPerson)
    } else if rules.follow_account_expiry && expired {
        Standing::LeftOut(PasswordReason::AccountExpired)
    } else if !premises.has_password {
        Standing::Waits(PasswordReason::NoPassword)
    } else if premises.must_change && !rules.force_change_at_logon {
        Standing::Waits(PasswordReason::MustChange)
    } else if is_current {
        Standing::Current
    } else {
        Standing::Wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const PLAIN: OnPremises = OnPremises {
        has_password: true,
        must_change: false,
        expires: None,
    };
    const DEFAULT: PasswordRules = PasswordRules {
        force_change_at_logon: false,
        follow_account_expiry: false,
    };

    #[test]
    fn every_case_is_decided_by_the_present_alone() {
        use PasswordReason::*;
        let must_change = OnPremises {
            must_change: true,
            ..PLAIN
        };
        let expired = OnPremises {
            expires: Some(NOW),
            ..PLAIN
        };
        let later = OnPremises {
            expires: Some(Timestamp::from_millis(1_001)),
            ..PLAIN
        };
        let none = OnPremises {
            has_password: false,
            ..PLAIN
        };
        let forced = PasswordRules {
            force_change_at_logon: true,
            ..DEFAULT
        };
        let following = PasswordRules {
            follow_account_expiry: true,
            ..DEFAULT
        };
        let user = ObjectClass::User;
        for (class, premises, is_current, rules, expected) in [
            (user, PLAIN, false, DEFAULT, Standing::Wanted),
            (user, PLAIN, true, DEFAULT, Standing::Current),
            (
                user,
                must_change,
                false,
                DEFAULT,
                Standing::Waits(MustChange),
            ),
            // The directory may have it from before the reset was demanded.
            (
                user,
                must_change,
                true,
                DEFAULT,
                Standing::Waits(MustChange),
            ),
            (user, must_change, false, forced, Standing::Wanted),
            (user, expired, false, DEFAULT, Standing::Wanted),
            (
                user,
                expired,
                true,
                following,
                Standing::LeftOut(AccountExpired),
            ),
            (user, later, true, following, Standing::Current),
            (user, none, false, DEFAULT, Standing::Waits(NoPassword)),
            (
                ObjectClass::InetOrgPerson,
                PLAIN,
                false,
                forced,
                Standing::LeftOut(InetOrgPerson),
            ),
        ] {
            let found = judge(class, &premises, is_current, &rules, NOW);
            assert_eq!(found, expected, "{premises:?} {rules:?}");
        }
    }
}
