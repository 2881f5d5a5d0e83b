//! The mapping that every configuration starts with.
//!
//! What the original's default schema is known to hold (docs/mapping.md has it as a table). An attribute
//! that the domain's schema lacks is left out when the domain is read.

use super::{Entry, MappedKind, Rule};

/// An attribute that names other objects, and the property that does so in the cloud directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference {
    /// The attribute, in lower case.
    pub attribute: &'static str,
    /// The attribute as the schema spells it.
    pub spelled: &'static str,
    /// The property.
    pub property: &'static str,
    /// It has one value at most.
    pub single: bool,
    /// The kinds of object that have it.
    pub kinds: &'static [MappedKind],
}

const ALL: &[MappedKind] = &[MappedKind::User, MappedKind::Group, MappedKind::Contact];
const USER: &[MappedKind] = &[MappedKind::User];
const GROUP: &[MappedKind] = &[MappedKind::Group];
const PERSON: &[MappedKind] = &[MappedKind::User, MappedKind::Contact];

const fn one(
    attribute: &'static str,
    spelled: &'static str,
    property: &'static str,
    kinds: &'static [MappedKind],
) -> Reference {
    Reference {
        attribute,
        spelled,
        property,
        single: true,
        kinds,
    }
}

/// Under the name that the schema spells.
const fn many(
    attribute: &'static str,
    spelled: &'static str,
    kinds: &'static [MappedKind],
) -> Reference {
    Reference {
        attribute,
        spelled,
        property: spelled,
        single: false,
        kinds,
    }
}

/// The references that are provisioned. Values travel and are compared one by one, never as a list.
pub const REFERENCES: &[Reference] = &[
    one("manager", "manager", "manager", PERSON),
    one("managedby", "managedBy", "owners", GROUP),
    Reference {
        property: "members",
        ..many("member", "member", GROUP)
    },
    one("assistant", "assistant", "assistant", PERSON),
    one("altrecipient", "altRecipient", "altRecipient", USER),
    many("authorig", "authOrig", ALL),
    many("unauthorig", "unauthOrig", ALL),
    many("dlmemsubmitperms", "dLMemSubmitPerms", ALL),
    many("dlmemrejectperms", "dLMemRejectPerms", ALL),
    many("publicdelegates", "publicDelegates", ALL),
    many("msexchmoderatedbylink", "msExchModeratedByLink", ALL),
    many("msexchdelegatelistlink", "msExchDelegateListLink", USER),
    many("msexchteammailboxowners", "msExchTeamMailboxOwners", USER),
    many("msexchcomanagedbylink", "msExchCoManagedByLink", GROUP),
    many(
        "msexchbypassmoderationlink",
        "msExchBypassModerationLink",
        GROUP,
    ),
];

/// The default entries of one kind.
pub(super) fn entries(kind: MappedKind) -> Vec<Entry> {
    let mut entries = common();
    match kind {
        MappedKind::User => {
            entries.extend(user());
            entries.extend(person());
            entries.extend(mail_person());
            entries.extend(mailbox());
        }
        MappedKind::Group => {
            entries.extend(group());
            entries.extend(mail_group());
        }
        MappedKind::Contact => {
            entries.extend(contact());
            entries.extend(person());
            entries.extend(mail_person());
        }
    }
    entries.extend(mail_recipient());
    entries
}

fn entry(target: &str, rule: Rule) -> Entry {
    Entry::new(target.to_owned(), rule)
}

fn direct(target: &str, source: &str) -> Entry {
    entry(target, Rule::Direct(source.to_owned()))
}

/// Under the name that the attribute has.
fn same(make: fn(String) -> Rule, names: &[&str]) -> Vec<Entry> {
    let own = |name: &&str| entry(name, make((*name).to_owned()));
    names.iter().map(own).collect()
}

fn trimmed(target: &str, source: &str) -> Entry {
    entry(target, Rule::Trimmed(source.to_owned()))
}

fn trimmed_list(target: &str, source: &str) -> Entry {
    entry(target, Rule::TrimmedList(source.to_owned()))
}

/// What all kinds have.
fn common() -> Vec<Entry> {
    let mut entries = vec![
        entry("onPremisesObjectIdentifier", Rule::ObjectGuid),
        entry("onPremisesDistinguishedName", Rule::DistinguishedName),
        entry("onPremisesDomainName", Rule::DomainName),
        entry(
            "displayName",
            Rule::FirstOf(vec!["displayName".into(), "cn".into()]),
        ),
        entry("description", Rule::Cut("description".into())),
        entry("info", Rule::Cut("info".into())),
        trimmed("mail", "mail"),
        trimmed_list("proxyAddresses", "proxyAddresses"),
        direct("legacyExchangeDN", "legacyExchangeDN"),
        entry(
            "msDsHabSeniorityIndex",
            Rule::Number("msDS-HABSeniorityIndex".into()),
        ),
        direct("msDsPhoneticDisplayName", "msDS-PhoneticDisplayName"),
    ];
    for n in 1..=15 {
        entries.push(trimmed(
            &format!("extensionAttribute{n}"),
            &format!("extensionAttribute{n}"),
        ));
    }
    entries
}

/// What only users have.
fn user() -> Vec<Entry> {
    vec![
        entry("accountEnabled", Rule::AccountEnabled),
        entry("userPrincipalName", Rule::UserPrincipalName),
        direct("onPremisesUserPrincipalName", "userPrincipalName"),
        direct("onPremisesSamAccountName", "sAMAccountName"),
        entry("onPremisesSecurityIdentifier", Rule::Sid),
        entry("onPremisesNetBiosName", Rule::NetbiosName),
        entry(
            "lastPasswordChangeDateTime",
            Rule::FileTime("pwdLastSet".into()),
        ),
        direct("commonName", "cn"),
        direct("mailNickname", "mailNickname"),
        entry(
            "msRtcSipApplicationOptions",
            Rule::Number("msRTCSIP-ApplicationOptions".into()),
        ),
        direct("msRtcSipOwnerUrn", "msRTCSIP-OwnerUrn"),
        direct("usageLocation", "msExchUsageLocation"),
        direct("preferredDataLocation", "msDS-preferredDataLocation"),
        trimmed("preferredLanguage", "preferredLanguage"),
    ]
}

/// What users and contacts have.
fn person() -> Vec<Entry> {
    vec![
        trimmed("givenName", "givenName"),
        trimmed("surname", "sn"),
        trimmed("initials", "initials"),
        trimmed("middleName", "middleName"),
        direct("targetAddress", "targetAddress"),
        trimmed("jobTitle", "title"),
        trimmed("department", "department"),
        trimmed("companyName", "company"),
        direct("employeeId", "employeeID"),
        direct("employeeNumber", "employeeNumber"),
        direct("employeeType", "employeeType"),
        trimmed("city", "l"),
        trimmed("state", "st"),
        trimmed("postalCode", "postalCode"),
        trimmed("streetAddress", "streetAddress"),
        trimmed("country", "co"),
        trimmed("countryLetterCode", "c"),
        entry("countryCode", Rule::Number("countryCode".into())),
        trimmed("officeLocation", "physicalDeliveryOfficeName"),
        entry("postOfficeBox", Rule::Cut("postOfficeBox".into())),
        entry("url", Rule::Cut("url".into())),
        entry(
            "businessPhones",
            Rule::Joined(vec!["telephoneNumber".into()]),
        ),
        trimmed_list("otherTelephone", "otherTelephone"),
        trimmed("mobilePhone", "mobile"),
        trimmed_list("otherMobile", "otherMobile"),
        trimmed("pager", "pager"),
        trimmed_list("otherPager", "otherPager"),
        trimmed("homePhone", "homePhone"),
        trimmed_list("otherHomePhone", "otherHomePhone"),
        trimmed("faxNumber", "facsimileTelephoneNumber"),
        trimmed_list(
            "otherFacsimileTelephoneNumber",
            "otherFacsimileTelephoneNumber",
        ),
        trimmed("ipPhone", "ipPhone"),
        trimmed_list("otherIpPhone", "otherIpPhone"),
        trimmed("telephoneAssistant", "telephoneAssistant"),
        trimmed("wWWHomePage", "wWWHomePage"),
        entry("thumbnailPhoto", Rule::Bytes("thumbnailPhoto".into())),
        entry("userCertificate", Rule::BytesList("userCertificate".into())),
        entry(
            "userSMIMECertificate",
            Rule::BytesList("userSMIMECertificate".into()),
        ),
        direct("msRtcSipDeploymentLocator", "msRTCSIP-DeploymentLocator"),
        direct("msRtcSipLine", "msRTCSIP-Line"),
        entry(
            "msRtcSipOptionFlags",
            Rule::Number("msRTCSIP-OptionFlags".into()),
        ),
        direct("msRtcSipPrimaryUserAddress", "msRTCSIP-PrimaryUserAddress"),
        entry(
            "msRtcSipUserEnabled",
            Rule::Truth("msRTCSIP-UserEnabled".into()),
        ),
    ]
}

/// What a mail system's schema extension brings for whoever can receive mail.
fn mail_recipient() -> Vec<Entry> {
    [
        same(
            Rule::Number,
            &[
                "msExchModerationFlags",
                "msExchRecipientDisplayType",
                "msExchRecipientTypeDetails",
            ],
        ),
        same(
            Rule::Truth,
            &[
                "msExchEnableModeration",
                "msExchHideFromAddressLists",
                "msExchRequireAuthToSendTo",
            ],
        ),
        same(Rule::FileTime, &["msExchLitigationHoldDate"]),
        same(
            Rule::Direct,
            &[
                "msExchLitigationHoldOwner",
                "msExchRetentionComment",
                "msExchRetentionURL",
            ],
        ),
        same(
            Rule::DirectList,
            &[
                "msExchExtensionCustomAttribute1",
                "msExchExtensionCustomAttribute2",
                "msExchExtensionCustomAttribute3",
                "msExchExtensionCustomAttribute4",
                "msExchExtensionCustomAttribute5",
                "msExchSenderHintTranslations",
            ],
        ),
    ]
    .concat()
}

/// The same for people.
fn mail_person() -> Vec<Entry> {
    [
        same(Rule::Direct, &["msExchAssistantName"]),
        same(
            Rule::Bytes,
            &[
                "msExchBlockedSendersHash",
                "msExchSafeRecipientsHash",
                "msExchSafeSendersHash",
            ],
        ),
    ]
    .concat()
}

/// The same for whoever has a mailbox.
fn mailbox() -> Vec<Entry> {
    [
        same(
            Rule::Number,
            &[
                "msExchAuditAdmin",
                "msExchAuditDelegate",
                "msExchAuditDelegateAdmin",
                "msExchAuditOwner",
                "msExchElcMailboxFlags",
                "msExchMailboxAuditLogAgeLimit",
                "msExchRemoteRecipientType",
                "msExchResourceCapacity",
            ],
        ),
        same(
            Rule::Truth,
            &["msExchBypassAudit", "msExchMailboxAuditEnable"],
        ),
        same(
            Rule::FileTime,
            &[
                "msExchELCExpirySuspensionEnd",
                "msExchELCExpirySuspensionStart",
                "msExchTeamMailboxExpiration",
            ],
        ),
        same(
            Rule::Direct,
            &[
                "msExchImmutableId",
                "msExchResourceDisplay",
                "msExchTeamMailboxSharePointUrl",
            ],
        ),
        same(
            Rule::DirectList,
            &[
                "msExchArchiveName",
                "msExchResourceMetaData",
                "msExchResourceSearchProperties",
                "msExchUserHoldPolicies",
            ],
        ),
        same(Rule::Bytes, &["msExchArchiveGUID", "msExchMailboxGuid"]),
    ]
    .concat()
}

/// The same for groups.
fn mail_group() -> Vec<Entry> {
    [
        same(
            Rule::Truth,
            &[
                "hideDLMembership",
                "oOFReplyToOriginator",
                "reportToOriginator",
                "reportToOwner",
            ],
        ),
        vec![entry(
            "msOrgIsOrganizational",
            Rule::Truth("msOrg-IsOrganizational".into()),
        )],
        same(
            Rule::Number,
            &["msExchGroupDepartRestriction", "msExchGroupJoinRestriction"],
        ),
    ]
    .concat()
}

/// What only groups have.
fn group() -> Vec<Entry> {
    vec![
        entry("securityEnabled", Rule::SecurityEnabled),
        entry("mailEnabled", Rule::MailEnabled),
        direct("onPremisesSamAccountName", "sAMAccountName"),
        entry("onPremisesSecurityIdentifier", Rule::Sid),
        entry("onPremisesNetBiosName", Rule::NetbiosName),
        direct("commonName", "cn"),
        direct("mailNickname", "mailNickname"),
    ]
}

/// What only contacts have.
fn contact() -> Vec<Entry> {
    vec![entry(
        "mailNickname",
        Rule::FirstOf(vec!["mailNickname".into(), "cn".into()]),
    )]
}
