//! How the account of a domain is written, and what each way of signing in makes of it.

/// An account: `svc@corp.test`, `CORP\svc` or `svc`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Account {
    /// A user principal name.
    Upn {
        /// Before the last `@`.
        user: String,
        /// Behind it.
        suffix: String,
    },
    /// With the NetBIOS name of its domain.
    DownLevel {
        /// Before the backslash.
        domain: String,
        /// Behind it.
        user: String,
    },
    /// A sAMAccountName of the domain itself.
    Plain(String),
}

impl Account {
    /// Tells the forms apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if let Some((domain, user)) = text.split_once('\\') {
            Self::DownLevel {
                domain: domain.to_owned(),
                user: user.to_owned(),
            }
        } else if let Some((user, suffix)) = text.rsplit_once('@') {
            Self::Upn {
                user: user.to_owned(),
                suffix: suffix.to_owned(),
            }
        } else {
            Self::Plain(text.to_owned())
        }
    }

    /// The Kerberos principal: every account of a domain has one of its sAMAccountName and the realm.
    #[must_use]
    pub fn principal(&self, domain: &str) -> String {
        match self {
            Self::Upn { user, suffix } => format!("{user}@{}", suffix.to_uppercase()),
            Self::DownLevel { user, .. } | Self::Plain(user) => {
                format!("{user}@{}", domain.to_uppercase())
            }
        }
    }

    /// User and domain for NTLM. Controllers take a DNS name where a NetBIOS name is not known.
    #[must_use]
    pub fn user_and_domain(&self, domain: &str) -> (String, String) {
        match self {
            Self::Upn { user, suffix } => (user.clone(), suffix.clone()),
            Self::DownLevel { domain, user } => (user.clone(), domain.clone()),
            Self::Plain(user) => (user.clone(), domain.to_owned()),
        }
    }

    /// The name of a simple bind ([MS-ADTS] 5.1.1.1.1).
    #[must_use]
    pub fn simple_name(&self, domain: &str) -> String {
        match self {
            Self::Upn { user, suffix } => format!("{user}@{suffix}"),
            Self::DownLevel { domain, user } => format!("{domain}\\{user}"),
            Self::Plain(user) => format!("{user}@{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_ways_of_writing_an_account_name_the_same_one() {
        for text in ["svc@corp.test", "CORP\\svc", "svc"] {
            assert_eq!(Account::new(text).principal("corp.test"), "svc@CORP.TEST");
        }
        assert_eq!(
            Account::new("svc").simple_name("corp.test"),
            "svc@corp.test"
        );
        let (user, domain) = Account::new("CORP\\svc").user_and_domain("corp.test");
        assert_eq!((user.as_str(), domain.as_str()), ("svc", "CORP"));
    }
}
