//! Objects that are never provisioned, whatever the configuration says.

use crate::mapping::{MappedKind, has_mail_address};
use crate::staged::StagedObject;
use std::fmt;

/// Why an object is never provisioned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NeverSynced {
    /// isCriticalSystemObject is TRUE.
    CriticalSystemObject,
    /// Its name shows that it lost a replication conflict.
    ReplicationConflict,
    /// adminDescription begins with `User_` or `Group_`: it was written to AD from a cloud.
    CloudBorn,
    /// A user without sAMAccountName.
    NoAccountName,
    /// An account that synchronisation tools or the system made for themselves.
    ServiceAccount,
    /// A system mailbox, by its mailNickname or msExchRecipientTypeDetails.
    SystemMailbox,
    /// A role group of the mail system.
    RoleGroup,
    /// A distribution group without a mail address.
    DistributionGroupWithoutMail,
    /// A contact without a mail address.
    ContactWithoutMail,
}

impl fmt::Display for NeverSynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CriticalSystemObject => "it is a critical system object of the domain",
            Self::ReplicationConflict => "it lost a replication conflict (CNF in its name)",
            Self::CloudBorn => "adminDescription says that it was written to AD from a cloud",
            Self::NoAccountName => "it has no sAMAccountName",
            Self::ServiceAccount => "it is an account that a tool made for itself",
            Self::SystemMailbox => "it is a system mailbox",
            Self::RoleGroup => "it is a role group of the mail system",
            Self::DistributionGroupWithoutMail => {
                "it is a distribution group without a mail address"
            }
            Self::ContactWithoutMail => "it is a contact without a primary mail address",
        })
    }
}

/// The attributes that decide it; they come with the offer of every object in place.
pub const DECISION_ATTRIBUTES: &[&str] = &[
    "isCriticalSystemObject",
    "adminDescription",
    "sAMAccountName",
    "mailNickname",
    "msExchRecipientTypeDetails",
    "msExchHideFromAddressLists",
    "displayName",
    "groupType",
    "proxyAddresses",
    "mail",
    "cn",
];

/// msExchRecipientTypeDetails of mailboxes that belong to the system (public folder, system attendant,
/// system mailbox, mailbox plan, discovery mailbox and the like).
const SYSTEM_RECIPIENTS: i64 = 0x21C0_7000;

/// msExchRecipientTypeDetails of a role group.
const ROLE_GROUP: i64 = 0x4000_0000;

/// Decides from the decision attributes alone.
#[must_use]
pub fn never_synced(kind: MappedKind, object: &StagedObject) -> Option<NeverSynced> {
    let critical = object.text("iscriticalsystemobject");
    if critical.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Some(NeverSynced::CriticalSystemObject);
    }
    // The conflict mark is a line feed, in some answers written as `\0A`, before `CNF:`.
    let conflict = |name: &str| name.contains("\nCNF:") || name.contains("\\0ACNF:");
    let named = object.rdn.as_ref().is_some_and(|rdn| conflict(&rdn.value));
    if named || object.text("cn").is_some_and(conflict) {
        return Some(NeverSynced::ReplicationConflict);
    }
    let description = object.text("admindescription").unwrap_or_default();
    if description.starts_with("User_") || description.starts_with("Group_") {
        return Some(NeverSynced::CloudBorn);
    }
    match kind {
        MappedKind::User => user(object),
        MappedKind::Group => group(object),
        MappedKind::Contact => contact(object),
    }
}

fn user(object: &StagedObject) -> Option<NeverSynced> {
    let Some(account) = object.text("samaccountname") else {
        return Some(NeverSynced::NoAccountName);
    };
    let nickname = object.text("mailnickname").unwrap_or_default();
    let service = starts_with(account, "AAD_")
        || starts_with(account, "MSOL_")
        || account.eq_ignore_ascii_case("SUPPORT_388945a0")
        || is_cas_account(account);
    if service {
        return Some(NeverSynced::ServiceAccount);
    }
    let recipient = object.number("msexchrecipienttypedetails").unwrap_or(0);
    let system = starts_with(nickname, "SystemMailbox{")
        || is_cas_account(nickname)
        || recipient & SYSTEM_RECIPIENTS != 0;
    system.then_some(NeverSynced::SystemMailbox)
}

fn group(object: &StagedObject) -> Option<NeverSynced> {
    let account = object.text("samaccountname").unwrap_or_default();
    if account.eq_ignore_ascii_case("MSOL_AD_Sync_RichCoexistence") {
        return Some(NeverSynced::ServiceAccount);
    }
    if object.number("msexchrecipienttypedetails").unwrap_or(0) & ROLE_GROUP != 0 {
        return Some(NeverSynced::RoleGroup);
    }
    let security = object
        .number("grouptype")
        .is_some_and(|flags| flags & 0x8000_0000 != 0);
    (!security && !has_mail_address(object)).then_some(NeverSynced::DistributionGroupWithoutMail)
}

fn contact(object: &StagedObject) -> Option<NeverSynced> {
    let nickname = object.text("mailnickname").unwrap_or_default();
    let hidden = object.text("msexchhidefromaddresslists");
    let hidden = hidden.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let display_name = object.text("displayname").unwrap_or_default();
    if is_cas_account(nickname) || (hidden && display_name.contains("(MSOL)")) {
        return Some(NeverSynced::ServiceAccount);
    }
    (!has_mail_address(object)).then_some(NeverSynced::ContactWithoutMail)
}

/// Accounts of old client access servers: `CAS_{…}`.
fn is_cas_account(name: &str) -> bool {
    starts_with(name, "CAS_") && name.contains('}')
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::{AttributeName, Guid, Value};

    fn verdict(kind: MappedKind, attributes: &[(&str, &str)]) -> Option<NeverSynced> {
        let mut object = StagedObject::new(Guid::NIL, 1);
        let values =
            |(name, value): &(&str, &str)| (AttributeName::new(name), vec![Value::from(*value)]);
        object.merge(attributes.iter().map(values).collect(), true);
        never_synced(kind, &object)
    }

    #[test]
    fn system_objects_conflicts_and_cloud_born_objects_never_appear() {
        use MappedKind::User;
        let account = ("sAMAccountName", "a");
        let cases: [(&[(&str, &str)], _); 8] = [
            (&[account], None),
            (&[], Some(NeverSynced::NoAccountName)),
            (
                &[account, ("isCriticalSystemObject", "TRUE")],
                Some(NeverSynced::CriticalSystemObject),
            ),
            (
                &[account, ("cn", "Ada\nCNF:0f")],
                Some(NeverSynced::ReplicationConflict),
            ),
            (
                &[account, ("adminDescription", "User_1")],
                Some(NeverSynced::CloudBorn),
            ),
            (
                &[("sAMAccountName", "MSOL_1")],
                Some(NeverSynced::ServiceAccount),
            ),
            (
                &[("sAMAccountName", "CAS_{1}")],
                Some(NeverSynced::ServiceAccount),
            ),
            (
                &[account, ("mailNickname", "SystemMailbox{1}")],
                Some(NeverSynced::SystemMailbox),
            ),
        ];
        for (attributes, expected) in cases {
            assert_eq!(verdict(User, attributes), expected, "{attributes:?}");
        }
    }

    #[test]
    fn a_distribution_group_without_mail_is_skipped_and_a_security_group_without_one_is_not() {
        use MappedKind::Group;
        assert_eq!(verdict(Group, &[("groupType", "-2147483646")]), None);
        assert_eq!(
            verdict(Group, &[("groupType", "2")]),
            Some(NeverSynced::DistributionGroupWithoutMail)
        );
        assert_eq!(
            verdict(Group, &[("groupType", "2"), ("mail", "g@x.test")]),
            None
        );
    }

    #[test]
    fn a_contact_without_a_primary_address_is_skipped() {
        use MappedKind::Contact;
        assert_eq!(verdict(Contact, &[]), Some(NeverSynced::ContactWithoutMail));
        assert_eq!(
            verdict(Contact, &[("proxyAddresses", "SMTP:c@x.test")]),
            None
        );
        assert_eq!(
            verdict(Contact, &[("proxyAddresses", "smtp:c@x.test")]),
            Some(NeverSynced::ContactWithoutMail)
        );
    }
}
