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
    /// The property.
    pub property: &'static str,
    /// It has one value at most.
    pub single: bool,
    /// The kinds of object that have it.
    pub kinds: &'static [MappedKind],
}

/// The references that are provisioned. Values travel and are compared one by one, never as a list.
pub const REFERENCES: &[Reference] = &[
    Reference {
        attribute: "manager",
        property: "manager",
        single: true,
        kinds: &[MappedKind::User, MappedKind::Contact],
    },
    Reference {
        attribute: "managedby",
        property: "owners",
        single: true,
        kinds: &[MappedKind::Group],
    },
    Reference {
        attribute: "member",
        property: "members",
        single: false,
        kinds: &[MappedKind::Group],
    },
];

/// The default entries of one kind.
pub(super) fn entries(kind: MappedKind) -> Vec<Entry> {
    let mut entries = common();
    match kind {
        MappedKind::User => {
            entries.extend(user());
            entries.extend(person());
        }
        MappedKind::Group => entries.extend(group()),
        MappedKind::Contact => {
            entries.extend(contact());
            entries.extend(person());
        }
    }
    entries
}

fn entry(target: &str, rule: Rule) -> Entry {
    Entry::new(target.to_owned(), rule)
}

fn direct(target: &str, source: &str) -> Entry {
    entry(target, Rule::Direct(source.to_owned()))
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
    ]
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
