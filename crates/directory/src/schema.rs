//! Which properties there are.

pub mod extension;

use crate::object::Kind;
use lockstep_model::PropertyValue;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// A property of the schema; cheap to copy.
#[derive(Clone, Copy)]
pub struct Property(&'static Definition);

/// Values by property.
pub type Values = BTreeMap<Property, PropertyValue>;

/// What values of a property are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// Texts as a set.
    TextList,
    /// Bytes.
    Binary,
    /// Several values of bytes as a set.
    BinaryList,
    /// A moment.
    Timestamp,
}

/// One line of the schema.
#[derive(Debug)]
struct Definition {
    name: &'static str,
    kinds: &'static [Kind],
    value: Type,
    default: bool,
}

/// A name that is no property of this kind of object.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is no property of this kind of object; the nearest is `{nearest}`")]
pub struct UnknownProperty {
    /// The name as it came.
    pub name: String,
    /// The property whose name is most like it.
    pub nearest: &'static str,
}

impl Property {
    /// The property with this name, of this kind of object: without regard to case, unless it is a
    /// [directory extension](extension).
    ///
    /// # Errors
    ///
    /// [`UnknownProperty`], with the nearest name.
    pub fn named(kind: Kind, name: &str) -> Result<Self, UnknownProperty> {
        Self::find(kind, name).ok_or_else(|| UnknownProperty {
            name: name.to_owned(),
            nearest: Self::all(kind)
                .chain(extension::declared(kind))
                .map(Self::name)
                .min_by_key(|candidate| distance(candidate, name))
                .unwrap_or("displayName"),
        })
    }

    /// The same where it is no mistake that there is none.
    #[must_use]
    pub fn find(kind: Kind, name: &str) -> Option<Self> {
        if extension::is_meant(name) {
            let named = extension::named(kind, name);
            return named.and_then(|(property, declared)| declared.then_some(property));
        }
        let of_kind = &BY_NAME[kind as usize];
        if let Ok(found) = of_kind.binary_search_by_key(&name, |definition| definition.name) {
            return of_kind.get(found).copied().map(Self);
        }
        let found = of_kind.iter().find(|d| d.name.eq_ignore_ascii_case(name));
        found.copied().map(Self)
    }

    /// The same where values are made and kept: an extension that is only [expected](extension::expect) counts.
    #[must_use]
    pub fn known(kind: Kind, name: &str) -> Option<Self> {
        match extension::is_meant(name) {
            true => extension::named(kind, name).map(|(property, _)| property),
            false => Self::find(kind, name),
        }
    }

    /// Every property of this kind of object but the extensions.
    pub fn all(kind: Kind) -> impl Iterator<Item = Self> {
        SCHEMA
            .iter()
            .filter(move |definition| definition.kinds.contains(&kind))
            .map(Self)
    }

    /// Its name, as Graph spells it where Graph has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// What its values are.
    #[must_use]
    pub const fn value_type(self) -> Type {
        self.0.value
    }

    /// Whether an administrator named it.
    #[must_use]
    pub fn is_extension(self) -> bool {
        extension::is_meant(self.name())
    }

    /// Whether it is shown without being asked for.
    #[must_use]
    pub const fn is_default(self) -> bool {
        self.0.default
    }
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Property {}

impl PartialOrd for Property {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Property {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name())
    }
}

impl std::hash::Hash for Property {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many letters have to be changed to make one name of the other, without regard to case.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    strsim::levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

const ALL: &[Kind] = &[
    Kind::User,
    Kind::Group,
    Kind::Contact,
    Kind::ServicePrincipal,
];
const SYNCED: &[Kind] = &[Kind::User, Kind::Group, Kind::Contact];
const PEOPLE: &[Kind] = &[Kind::User, Kind::Contact];
const USER: &[Kind] = &[Kind::User];
const GROUP: &[Kind] = &[Kind::Group];
const USER_GROUP: &[Kind] = &[Kind::User, Kind::Group];
const SERVICE: &[Kind] = &[Kind::ServicePrincipal];

const fn shown(name: &'static str, kinds: &'static [Kind], value: Type) -> Definition {
    Definition {
        name,
        kinds,
        value,
        default: true,
    }
}

const fn asked(name: &'static str, kinds: &'static [Kind], value: Type) -> Definition {
    Definition {
        name,
        kinds,
        value,
        default: false,
    }
}

use Type::{Binary, BinaryList, Boolean, Integer, Text, TextList, Timestamp};

/// The schema of each kind, in the order of [`Kind`], by name: every value of every object is looked up here.
static BY_NAME: LazyLock<[Vec<&'static Definition>; 4]> = LazyLock::new(|| {
    [
        Kind::User,
        Kind::Group,
        Kind::Contact,
        Kind::ServicePrincipal,
    ]
    .map(|kind| {
        let of_kind = SCHEMA.iter().filter(|d| d.kinds.contains(&kind));
        let mut of_kind: Vec<_> = of_kind.collect();
        of_kind.sort_by_key(|definition| definition.name);
        of_kind
    })
});

/// The schema. Properties of Graph bear Graph's names and stand in Graph's default sets; the rest bear
/// the names of the mapping in camelCase and are shown when they are selected.
static SCHEMA: &[Definition] = &[
    shown("displayName", ALL, Text),
    shown("givenName", PEOPLE, Text),
    shown("surname", PEOPLE, Text),
    shown("jobTitle", PEOPLE, Text),
    shown("mail", SYNCED, Text),
    shown("mobilePhone", PEOPLE, Text),
    shown("officeLocation", PEOPLE, Text),
    shown("preferredLanguage", USER, Text),
    shown("userPrincipalName", USER, Text),
    shown("businessPhones", PEOPLE, TextList),
    shown("description", GROUP, Text),
    shown("mailEnabled", GROUP, Boolean),
    shown("mailNickname", GROUP, Text),
    shown("securityEnabled", GROUP, Boolean),
    shown("groupTypes", GROUP, TextList),
    shown("visibility", GROUP, Text),
    shown("proxyAddresses", GROUP, TextList),
    shown("onPremisesDomainName", GROUP, Text),
    shown("onPremisesNetBiosName", GROUP, Text),
    shown("onPremisesSamAccountName", GROUP, Text),
    shown("onPremisesSecurityIdentifier", GROUP, Text),
    shown("proxyAddresses", &[Kind::Contact], TextList),
    shown("appId", SERVICE, Text),
    shown("servicePrincipalType", SERVICE, Text),
    asked("description", PEOPLE, Text),
    asked("mailNickname", PEOPLE, Text),
    asked("accountEnabled", USER, Boolean),
    asked("ageGroup", USER, Text),
    asked("city", PEOPLE, Text),
    asked("commonName", USER_GROUP, Text),
    asked("companyName", PEOPLE, Text),
    asked("consentProvidedForMinor", USER, Text),
    asked("country", PEOPLE, Text),
    asked("countryCode", PEOPLE, Integer),
    asked("countryLetterCode", PEOPLE, Text),
    asked("department", PEOPLE, Text),
    asked("employeeHireDate", USER, Timestamp),
    asked("employeeId", PEOPLE, Text),
    asked("employeeNumber", PEOPLE, Text),
    asked("employeeType", PEOPLE, Text),
    asked("extensionAttribute1", SYNCED, Text),
    asked("extensionAttribute2", SYNCED, Text),
    asked("extensionAttribute3", SYNCED, Text),
    asked("extensionAttribute4", SYNCED, Text),
    asked("extensionAttribute5", SYNCED, Text),
    asked("extensionAttribute6", SYNCED, Text),
    asked("extensionAttribute7", SYNCED, Text),
    asked("extensionAttribute8", SYNCED, Text),
    asked("extensionAttribute9", SYNCED, Text),
    asked("extensionAttribute10", SYNCED, Text),
    asked("extensionAttribute11", SYNCED, Text),
    asked("extensionAttribute12", SYNCED, Text),
    asked("extensionAttribute13", SYNCED, Text),
    asked("extensionAttribute14", SYNCED, Text),
    asked("extensionAttribute15", SYNCED, Text),
    asked("faxNumber", PEOPLE, Text),
    asked("hideDLMembership", GROUP, Boolean),
    asked("homePhone", PEOPLE, Text),
    asked("info", SYNCED, Text),
    asked("initials", PEOPLE, Text),
    asked("ipPhone", PEOPLE, Text),
    asked("lastPasswordChangeDateTime", USER, Timestamp),
    asked("legacyExchangeDN", SYNCED, Text),
    asked("middleName", PEOPLE, Text),
    asked("msDsHabSeniorityIndex", SYNCED, Integer),
    asked("msDsPhoneticDisplayName", SYNCED, Text),
    asked("msExchArchiveGUID", USER, Binary),
    asked("msExchArchiveName", USER, TextList),
    asked("msExchAssistantName", PEOPLE, Text),
    asked("msExchAuditAdmin", USER, Integer),
    asked("msExchAuditDelegate", USER, Integer),
    asked("msExchAuditDelegateAdmin", USER, Integer),
    asked("msExchAuditOwner", USER, Integer),
    asked("msExchBlockedSendersHash", PEOPLE, Binary),
    asked("msExchBypassAudit", USER, Boolean),
    asked("msExchELCExpirySuspensionEnd", USER, Timestamp),
    asked("msExchELCExpirySuspensionStart", USER, Timestamp),
    asked("msExchElcMailboxFlags", USER, Integer),
    asked("msExchEnableModeration", SYNCED, Boolean),
    asked("msExchExtensionCustomAttribute1", SYNCED, TextList),
    asked("msExchExtensionCustomAttribute2", SYNCED, TextList),
    asked("msExchExtensionCustomAttribute3", SYNCED, TextList),
    asked("msExchExtensionCustomAttribute4", SYNCED, TextList),
    asked("msExchExtensionCustomAttribute5", SYNCED, TextList),
    asked("msExchGroupDepartRestriction", GROUP, Integer),
    asked("msExchGroupJoinRestriction", GROUP, Integer),
    asked("msExchHideFromAddressLists", SYNCED, Boolean),
    asked("msExchImmutableId", USER, Text),
    asked("msExchLitigationHoldDate", SYNCED, Timestamp),
    asked("msExchLitigationHoldOwner", SYNCED, Text),
    asked("msExchMailboxAuditEnable", USER, Boolean),
    asked("msExchMailboxAuditLogAgeLimit", USER, Integer),
    asked("msExchMailboxGuid", USER, Binary),
    asked("msExchModerationFlags", SYNCED, Integer),
    asked("msExchRecipientDisplayType", SYNCED, Integer),
    asked("msExchRecipientTypeDetails", SYNCED, Integer),
    asked("msExchRemoteRecipientType", USER, Integer),
    asked("msExchRequireAuthToSendTo", SYNCED, Boolean),
    asked("msExchResourceCapacity", USER, Integer),
    asked("msExchResourceDisplay", USER, Text),
    asked("msExchResourceMetaData", USER, TextList),
    asked("msExchResourceSearchProperties", USER, TextList),
    asked("msExchRetentionComment", SYNCED, Text),
    asked("msExchRetentionURL", SYNCED, Text),
    asked("msExchSafeRecipientsHash", PEOPLE, Binary),
    asked("msExchSafeSendersHash", PEOPLE, Binary),
    asked("msExchSenderHintTranslations", SYNCED, TextList),
    asked("msExchTeamMailboxExpiration", USER, Timestamp),
    asked("msExchTeamMailboxSharePointUrl", USER, Text),
    asked("msExchUserHoldPolicies", USER, TextList),
    asked("msOrgIsOrganizational", GROUP, Boolean),
    asked("msRtcSipApplicationOptions", USER, Integer),
    asked("msRtcSipDeploymentLocator", PEOPLE, Text),
    asked("msRtcSipLine", PEOPLE, Text),
    asked("msRtcSipOptionFlags", PEOPLE, Integer),
    asked("msRtcSipOwnerUrn", USER, Text),
    asked("msRtcSipPrimaryUserAddress", PEOPLE, Text),
    asked("msRtcSipUserEnabled", PEOPLE, Boolean),
    asked("onPremisesDistinguishedName", SYNCED, Text),
    asked("onPremisesDomainName", PEOPLE, Text),
    asked("onPremisesNetBiosName", USER, Text),
    asked("onPremisesObjectIdentifier", SYNCED, Text),
    asked("onPremisesSamAccountName", USER, Text),
    asked("onPremisesSecurityIdentifier", USER, Text),
    asked("onPremisesUserPrincipalName", USER, Text),
    asked("oOFReplyToOriginator", GROUP, Boolean),
    asked("otherFacsimileTelephoneNumber", PEOPLE, TextList),
    asked("otherHomePhone", PEOPLE, TextList),
    asked("otherIpPhone", PEOPLE, TextList),
    asked("otherMails", USER, TextList),
    asked("otherMobile", PEOPLE, TextList),
    asked("otherPager", PEOPLE, TextList),
    asked("otherTelephone", PEOPLE, TextList),
    asked("pager", PEOPLE, Text),
    asked("postOfficeBox", PEOPLE, Text),
    asked("postalCode", PEOPLE, Text),
    asked("preferredDataLocation", USER, Text),
    asked("preferredLanguage", &[Kind::Contact], Text),
    asked("proxyAddresses", USER, TextList),
    asked("reportToOriginator", GROUP, Boolean),
    asked("reportToOwner", GROUP, Boolean),
    asked("showInAddressList", USER, Boolean),
    asked("state", PEOPLE, Text),
    asked("streetAddress", PEOPLE, Text),
    asked("targetAddress", PEOPLE, Text),
    asked("telephoneAssistant", PEOPLE, Text),
    asked("thumbnailPhoto", PEOPLE, Binary),
    asked("url", PEOPLE, Text),
    asked("usageLocation", USER, Text),
    asked("userCertificate", PEOPLE, BinaryList),
    asked("userSMIMECertificate", PEOPLE, BinaryList),
    asked("userType", USER, Text),
    asked("wWWHomePage", PEOPLE, Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_regard_to_case_and_wrong_ones_get_the_nearest() {
        assert_eq!(
            Property::named(Kind::User, "DISPLAYNAME").unwrap().name(),
            "displayName"
        );
        let error = Property::named(Kind::User, "departmnt").unwrap_err();
        assert_eq!(error.nearest, "department");
        assert!(Property::named(Kind::Group, "userPrincipalName").is_err());
    }

    #[test]
    fn no_kind_has_two_properties_of_one_name() {
        for kind in ALL {
            let mut names: Vec<_> = Property::all(*kind).map(Property::name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
