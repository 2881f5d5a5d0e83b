//! The rights that an account needs, and the commands that grant them.

use crate::controller::Controller;
use crate::ldap::{Account, Connector, LdapError};
use lockstep_ad_proto::ldap::{Filter, SearchScope};
use lockstep_model::Sid;
use std::fmt;

/// A right on the head of the domain ([MS-ADTS] 5.1.3.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Right {
    /// Reading changes.
    ReplicatingChanges,
    /// Reading changes of secrets: password hashes.
    ReplicatingChangesAll,
}

impl Right {
    /// Its name in Windows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReplicatingChanges => "Replicating Directory Changes",
            Self::ReplicatingChangesAll => "Replicating Directory Changes All",
        }
    }

    const fn guid(self) -> &'static str {
        match self {
            Self::ReplicatingChanges => "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2",
            Self::ReplicatingChangesAll => "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name())
    }
}

/// An account as commands name it that grant it something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grantee {
    /// With the NetBIOS name of its domain.
    pub account: String,
    /// Its SID, or a word that stands for it.
    pub sid: String,
    /// The distinguished name of the domain.
    pub domain_dn: String,
}

impl Grantee {
    /// Looks the account of a domain up.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn find(
        controller: &mut Controller,
        connector: &Connector,
    ) -> Result<Self, LdapError> {
        let account = Account::new(connector.account());
        let (user, _) = account.user_and_domain(connector.domain());
        let filter = Filter::Or(vec![
            Filter::equal("sAMAccountName", &user),
            Filter::equal("userPrincipalName", connector.account()),
        ]);
        let domain_dn = controller.root_dse.naming_context.clone();
        let found = controller
            .connection
            .find(
                &domain_dn,
                SearchScope::Subtree,
                &filter,
                &["objectSid"],
                &[],
                "find the account",
            )
            .await?;
        let sid = found
            .first()
            .and_then(|entry| Sid::from_wire(entry.first("objectSid")?).ok());
        let netbios = controller.netbios_name().await?;
        Ok(Self {
            account: format!("{netbios}\\{user}"),
            sid: sid.map_or_else(|| "SID-OF-THE-ACCOUNT".into(), |sid| sid.to_string()),
            domain_dn,
        })
    }

    /// What is wrong when it lacks these rights.
    #[must_use]
    pub fn lacks(&self, rights: &[Right]) -> String {
        let names: Vec<String> = rights.iter().map(Right::to_string).collect();
        let right = if rights.len() == 1 { "right" } else { "rights" };
        format!(
            "the account {} lacks the {right} {} on {}",
            self.account,
            names.join(" and "),
            self.domain_dn
        )
    }

    /// The commands that grant rights, on Windows and on Samba.
    #[must_use]
    pub fn commands(&self, rights: &[Right]) -> String {
        let Self {
            account,
            sid,
            domain_dn,
        } = self;
        let windows = rights.iter().map(|right| {
            let name = right.name();
            format!("dsacls \"{domain_dn}\" /G \"{account}:CA;{name}\"")
        });
        let samba = rights.iter().map(|right| {
            let guid = right.guid();
            format!(
                "samba-tool dsacl set --objectdn=\"{domain_dn}\" --sddl=\"(OA;;CR;{guid};;{sid})\""
            )
        });
        let join = |commands: Vec<String>| commands.join(" && ");
        format!(
            "on Windows: {}; on Samba: {}",
            join(windows.collect()),
            join(samba.collect())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_account_right_and_domain() {
        let grantee = Grantee {
            account: "CORP\\svc".into(),
            sid: "S-1-5-21-1-2-3-1103".into(),
            domain_dn: "DC=corp,DC=test".into(),
        };
        let commands = grantee.commands(&[Right::ReplicatingChangesAll]);
        assert_eq!(
            commands,
            "on Windows: dsacls \"DC=corp,DC=test\" /G \"CORP\\svc:CA;Replicating Directory Changes All\"; \
             on Samba: samba-tool dsacl set --objectdn=\"DC=corp,DC=test\" \
             --sddl=\"(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;S-1-5-21-1-2-3-1103)\""
        );
        let both = [Right::ReplicatingChanges, Right::ReplicatingChangesAll];
        assert_eq!(grantee.commands(&both).matches("dsacls").count(), 2);
        assert!(
            grantee
                .lacks(&both)
                .contains("lacks the rights `Replicating Directory Changes` and")
        );
    }
}
