//! Stories of single values.

use super::*;
use crate::scope::{ChainLink, Scope};
use lockstep_model::{Attributes, Dn, Guid, Rdn, Value};

fn policy() -> Policy {
    Policy {
        domain: "corp.test".into(),
        netbios_name: "CORP".into(),
        naming_context: Guid::from_bytes([1; 16]),
        naming_context_dn: Dn::of_domain("corp.test"),
        scope: Scope::default().into(),
        users: true,
        groups: true,
        contacts: true,
        mapping: Mapping::standard().into(),
        matching: crate::matching::Matching::default(),
        seed: [7; 32],
        read_set: 1,
    }
}

fn rdn(attribute: &str, value: &str) -> Option<Rdn> {
    Some(Rdn {
        attribute: attribute.into(),
        value: value.into(),
    })
}

fn mapped(kind: MappedKind, attributes: &[(&str, &[&str])]) -> Result<MappedValues, MappingError> {
    let mut object = StagedObject::new(Guid::from_bytes([7; 16]), 1);
    object.rdn = rdn("CN", "Lovelace, Ada");
    let values = |values: &[&str]| values.iter().map(|v| Value::from(*v)).collect::<Vec<_>>();
    let received: Attributes = attributes
        .iter()
        .map(|(name, v)| (AttributeName::new(name), values(v)))
        .collect();
    object.merge(received, true);
    let policy = policy();
    let chain = Chain::Known(vec![
        ChainLink {
            guid: Guid::from_bytes([2; 16]),
            rdn: rdn("OU", "Staff"),
        },
        ChainLink {
            guid: policy.naming_context,
            rdn: None,
        },
    ]);
    let subject = Subject {
        object: &object,
        chain: &chain,
        policy: &policy,
        existing: None,
        now: Timestamp::from_millis(0),
    };
    policy.mapping.evaluate(kind, &subject)
}

fn text(value: &str) -> Option<MappedValue> {
    Some(PropertyValue::Text(value.into()))
}

#[test]
fn a_user_without_upn_gets_the_account_name_at_the_domain() {
    let values = mapped(MappedKind::User, &[("sAMAccountName", &["ada"])]).unwrap();
    assert_eq!(values["userPrincipalName"], text("ada@corp.test"));
    assert_eq!(values["onPremisesUserPrincipalName"], None);
    assert_eq!(
        mapped(MappedKind::User, &[]),
        Err(MappingError::NoUserPrincipalName)
    );
}

#[test]
fn the_distinguished_name_is_made_from_the_tree() {
    let values = mapped(MappedKind::User, &[("sAMAccountName", &["ada"])]).unwrap();
    let expected = "CN=Lovelace\\, Ada,OU=Staff,DC=corp,DC=test";
    assert_eq!(values["onPremisesDistinguishedName"], text(expected));
}

#[test]
fn extension_attributes_are_trimmed_and_descriptions_cut_at_448_characters() {
    let long = format!("  {}  ", "ü".repeat(500));
    let values = mapped(
        MappedKind::User,
        &[
            ("sAMAccountName", &["ada"]),
            ("extensionAttribute3", &[" x "]),
            ("extensionAttribute4", &["   "]),
            ("description", &[long.as_str()]),
        ],
    )
    .unwrap();
    assert_eq!(values["extensionAttribute3"], text("x"));
    assert_eq!(values["extensionAttribute4"], None);
    assert_eq!(values["description"], text(&"ü".repeat(448)));
}

#[test]
fn bit_two_of_user_account_control_disables() {
    for (flags, enabled) in [("512", true), ("514", false), ("66050", false)] {
        let values = mapped(
            MappedKind::User,
            &[("sAMAccountName", &["a"]), ("userAccountControl", &[flags])],
        );
        assert_eq!(
            values.unwrap()["accountEnabled"],
            Some(PropertyValue::Boolean(enabled))
        );
    }
}

#[test]
fn the_sign_bit_of_group_type_says_security() {
    for (flags, security) in [("-2147483646", true), ("2", false), ("-2147483644", true)] {
        let values = mapped(MappedKind::Group, &[("groupType", &[flags])]).unwrap();
        assert_eq!(
            values["securityEnabled"],
            Some(PropertyValue::Boolean(security))
        );
    }
}

#[test]
fn display_name_falls_back_to_the_common_name() {
    let values = mapped(MappedKind::Group, &[("cn", &["Pilot"])]).unwrap();
    assert_eq!(values["displayName"], text("Pilot"));
}

#[test]
fn addresses_are_trimmed_and_not_doubled() {
    let values = mapped(
        MappedKind::Group,
        &[(
            "proxyAddresses",
            &["SMTP:a@x.test ", "SMTP:a@x.test", "smtp:b@x.test"],
        )],
    )
    .unwrap();
    let expected = PropertyValue::texts(vec!["SMTP:a@x.test".into(), "smtp:b@x.test".into()]);
    assert_eq!(values["proxyAddresses"], Some(expected));
    assert_eq!(values["mailEnabled"], Some(PropertyValue::Boolean(true)));
}

#[test]
fn the_anchor_is_the_consistency_guid_when_it_has_a_value() {
    let mut object = StagedObject::new(Guid::from_bytes([7; 16]), 1);
    assert_eq!(
        source_anchor(&object).unwrap(),
        SourceAnchor::from_object_guid(object.guid)
    );
    let name = AttributeName::new("mS-DS-ConsistencyGuid");
    object.merge([(name.clone(), vec![Value::new(vec![9; 16])])].into(), true);
    assert_eq!(source_anchor(&object).unwrap().as_bytes(), [9; 16]);
    object.merge([(name, vec![Value::new(vec![9; 3])])].into(), true);
    assert!(source_anchor(&object).is_err());
}

/// How a row of the default mapping makes its value, in a few letters.
fn how(rule: &Rule) -> &'static str {
    match rule {
        Rule::Direct(_) => "text",
        Rule::DirectList(_) => "texts",
        Rule::Number(_) => "number",
        Rule::Truth(_) => "truth",
        Rule::Bytes(_) => "bytes",
        Rule::BytesList(_) => "bytes of each",
        Rule::Trimmed(_) => "trimmed",
        Rule::TrimmedList(_) | Rule::Joined(_) => "each trimmed",
        Rule::Cut(_) => "cut",
        Rule::FirstOf(_) => "first of",
        Rule::FileTime(_) => "time",
        _ => "made",
    }
}

const RECIPIENT_TRUTHS: &str =
    "msExchEnableModeration msExchHideFromAddressLists msExchRequireAuthToSendTo";
const RECIPIENT_NUMBERS: &str = "msDS-HABSeniorityIndex msExchModerationFlags \
    msExchRecipientDisplayType msExchRecipientTypeDetails";
const RECIPIENT_TEXTS: &str = "legacyExchangeDN msDS-PhoneticDisplayName msExchLitigationHoldOwner \
    msExchRetentionComment msExchRetentionURL";
const PERSON_TRIMMED: &str = "c co company department facsimileTelephoneNumber givenName homePhone \
    initials ipPhone l mail middleName mobile pager \
    physicalDeliveryOfficeName postalCode sn st streetAddress \
    telephoneAssistant title wWWHomePage";
const PERSON_LISTS: &str = "otherFacsimileTelephoneNumber otherHomePhone otherIpPhone otherMobile \
    otherPager otherTelephone proxyAddresses telephoneNumber";
const PERSON_TEXTS: &str = "employeeID employeeNumber employeeType msExchAssistantName \
    msRTCSIP-DeploymentLocator msRTCSIP-Line msRTCSIP-PrimaryUserAddress \
    targetAddress";
const PERSON_BYTES: &str = "msExchBlockedSendersHash msExchSafeRecipientsHash msExchSafeSendersHash \
    thumbnailPhoto";

/// Names that end with a number.
fn numbered(name: &str, last: usize) -> String {
    let names = (1..=last).map(|number| format!("{name}{number} "));
    names.collect()
}

fn recipient_lists() -> String {
    let custom = numbered("msExchExtensionCustomAttribute", 5);
    format!("{custom} msExchSenderHintTranslations")
}

fn extension_attributes() -> String {
    numbered("extensionAttribute", 15)
}

/// How sources become values, and which.
type Published = Vec<(&'static str, String)>;

fn published_of_users() -> Published {
    let recipient_lists = recipient_lists();
    let extensions = extension_attributes();
    vec![
        (
            "text",
            format!(
                "{RECIPIENT_TEXTS} {PERSON_TEXTS} cn mailNickname msDS-preferredDataLocation \
                     msExchImmutableId msExchResourceDisplay msExchTeamMailboxSharePointUrl \
                     msExchUsageLocation msRTCSIP-OwnerUrn sAMAccountName userPrincipalName"
            ),
        ),
        (
            "texts",
            format!(
                "{recipient_lists} msExchArchiveName msExchResourceMetaData \
                     msExchResourceSearchProperties msExchUserHoldPolicies"
            ),
        ),
        (
            "number",
            format!(
                "{RECIPIENT_NUMBERS} countryCode msExchAuditAdmin msExchAuditDelegate \
                     msExchAuditDelegateAdmin msExchAuditOwner msExchElcMailboxFlags \
                     msExchMailboxAuditLogAgeLimit msExchRemoteRecipientType \
                     msExchResourceCapacity msRTCSIP-ApplicationOptions msRTCSIP-OptionFlags"
            ),
        ),
        (
            "truth",
            format!(
                "{RECIPIENT_TRUTHS} msExchBypassAudit msExchMailboxAuditEnable \
                     msRTCSIP-UserEnabled"
            ),
        ),
        (
            "time",
            "msExchELCExpirySuspensionEnd msExchELCExpirySuspensionStart \
                 msExchLitigationHoldDate msExchTeamMailboxExpiration pwdLastSet"
                .to_owned(),
        ),
        (
            "bytes",
            format!("{PERSON_BYTES} msExchArchiveGUID msExchMailboxGuid"),
        ),
        (
            "bytes of each",
            "userCertificate userSMIMECertificate".to_owned(),
        ),
        (
            "trimmed",
            format!("{extensions} {PERSON_TRIMMED} preferredLanguage"),
        ),
        ("each trimmed", PERSON_LISTS.to_owned()),
        ("cut", "description info postOfficeBox url".to_owned()),
        ("first of", "cn displayName".to_owned()),
    ]
}

fn published_of_groups() -> Published {
    let extensions = extension_attributes();
    vec![
        (
            "text",
            format!("{RECIPIENT_TEXTS} cn mailNickname sAMAccountName"),
        ),
        ("texts", recipient_lists()),
        (
            "number",
            format!("{RECIPIENT_NUMBERS} msExchGroupDepartRestriction msExchGroupJoinRestriction"),
        ),
        (
            "truth",
            format!(
                "{RECIPIENT_TRUTHS} hideDLMembership msOrg-IsOrganizational \
                     oOFReplyToOriginator reportToOriginator reportToOwner"
            ),
        ),
        ("time", "msExchLitigationHoldDate".to_owned()),
        ("trimmed", format!("{extensions} mail")),
        ("each trimmed", "proxyAddresses".to_owned()),
        ("cut", "description info".to_owned()),
        ("first of", "cn displayName".to_owned()),
    ]
}

fn published_of_contacts() -> Published {
    let extensions = extension_attributes();
    vec![
        ("text", format!("{RECIPIENT_TEXTS} {PERSON_TEXTS}")),
        ("texts", recipient_lists()),
        (
            "number",
            format!("{RECIPIENT_NUMBERS} countryCode msRTCSIP-OptionFlags"),
        ),
        ("truth", format!("{RECIPIENT_TRUTHS} msRTCSIP-UserEnabled")),
        ("time", "msExchLitigationHoldDate".to_owned()),
        ("bytes", PERSON_BYTES.to_owned()),
        (
            "bytes of each",
            "userCertificate userSMIMECertificate".to_owned(),
        ),
        ("trimmed", format!("{extensions} {PERSON_TRIMMED}")),
        ("each trimmed", PERSON_LISTS.to_owned()),
        ("cut", "description info postOfficeBox url".to_owned()),
        ("first of", "cn displayName cn mailNickname".to_owned()),
    ]
}

/// What is published of the original's default mapping, transcribed: a row that vanishes from the code is missed
/// here, and one that comes in has to be written down.
fn published(kind: MappedKind) -> Published {
    match kind {
        MappedKind::User => published_of_users(),
        MappedKind::Group => published_of_groups(),
        MappedKind::Contact => published_of_contacts(),
    }
}

#[test]
fn the_default_mapping_is_the_published_one_row_by_row() {
    for (kind, entries) in &Mapping::standard().entries {
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let named = entries.iter().filter(|entry| how(&entry.rule) != "made");
        for entry in named {
            let sources = found.entry(how(&entry.rule)).or_default();
            sources.extend(entry.rule.sources());
        }
        let published = published(*kind);
        let mut expected: BTreeMap<&str, Vec<&str>> = published
            .iter()
            .map(|(how, names)| (*how, names.split_whitespace().collect()))
            .collect();
        for names in found.values_mut().chain(expected.values_mut()) {
            names.sort_unstable();
        }
        assert_eq!(found, expected, "{kind:?}");
    }
}

#[test]
fn what_is_made_of_several_things_is_complete() {
    let made = |kind| {
        let mapping = Mapping::standard();
        let entries = mapping.entries[&kind].iter();
        let made = entries.filter(|entry| how(&entry.rule) == "made");
        let mut made: Vec<String> = made.map(|entry| entry.target.clone()).collect();
        made.sort();
        made.join(" ")
    };
    let place = "onPremisesDistinguishedName onPremisesDomainName";
    assert_eq!(
        made(MappedKind::User),
        format!(
            "accountEnabled {place} onPremisesNetBiosName onPremisesObjectIdentifier \
             onPremisesSecurityIdentifier userPrincipalName"
        )
    );
    assert_eq!(
        made(MappedKind::Group),
        format!(
            "mailEnabled {place} onPremisesNetBiosName onPremisesObjectIdentifier \
             onPremisesSecurityIdentifier securityEnabled"
        )
    );
    assert_eq!(
        made(MappedKind::Contact),
        format!("{place} onPremisesObjectIdentifier")
    );
}

#[test]
fn references_are_the_published_ones() {
    let of = |kind| {
        let has = REFERENCES.iter().filter(|own| own.kinds.contains(&kind));
        let mut names: Vec<&str> = has.map(|reference| reference.spelled).collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(
        of(MappedKind::User),
        "altRecipient assistant authOrig dLMemRejectPerms dLMemSubmitPerms manager \
         msExchDelegateListLink msExchModeratedByLink msExchTeamMailboxOwners publicDelegates \
         unauthOrig"
    );
    assert_eq!(
        of(MappedKind::Group),
        "authOrig dLMemRejectPerms dLMemSubmitPerms managedBy member msExchBypassModerationLink \
         msExchCoManagedByLink msExchModeratedByLink publicDelegates unauthOrig"
    );
    assert_eq!(
        of(MappedKind::Contact),
        "assistant authOrig dLMemRejectPerms dLMemSubmitPerms manager msExchModeratedByLink \
         publicDelegates unauthOrig"
    );
    for reference in REFERENCES {
        assert_eq!(reference.attribute, reference.spelled.to_ascii_lowercase());
    }
}

#[test]
fn values_of_a_mail_system_keep_their_types() {
    let values = mapped(
        MappedKind::User,
        &[
            ("sAMAccountName", &["ada"]),
            ("msExchRecipientTypeDetails", &["2147483648"]),
            ("msExchHideFromAddressLists", &["TRUE"]),
            ("msExchLitigationHoldDate", &["20260131120000.0Z"]),
            ("msExchUserHoldPolicies", &["b", "a"]),
            ("msExchMailboxGuid", &["0123456789abcdef"]),
            ("userCertificate", &["two", "one"]),
            ("msDS-HABSeniorityIndex", &["7"]),
            ("msDS-PhoneticDisplayName", &["eida"]),
        ],
    )
    .unwrap();
    let hold: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    for (name, value) in [
        (
            "msExchRecipientTypeDetails",
            PropertyValue::Integer(0x8000_0000),
        ),
        ("msExchHideFromAddressLists", PropertyValue::Boolean(true)),
        ("msExchLitigationHoldDate", PropertyValue::Timestamp(hold)),
        (
            "msExchUserHoldPolicies",
            PropertyValue::texts(vec!["a".into(), "b".into()]),
        ),
        (
            "msExchMailboxGuid",
            PropertyValue::Binary(b"0123456789abcdef".to_vec()),
        ),
        (
            "userCertificate",
            PropertyValue::binaries(vec![b"one".to_vec(), b"two".to_vec()]),
        ),
        ("msDsHabSeniorityIndex", PropertyValue::Integer(7)),
        (
            "msDsPhoneticDisplayName",
            PropertyValue::Text("eida".into()),
        ),
    ] {
        assert_eq!(values[name], Some(value), "{name}");
    }
    assert_eq!(values["thumbnailPhoto"], None);
}

#[test]
fn an_extension_takes_the_first_value_of_any_attribute_as_a_text_and_none_that_is_too_long() {
    let made = |values: &[&[u8]]| {
        let mut object = StagedObject::new(Guid::from_bytes([7; 16]), 1);
        let values = values.iter().map(|value| Value::new(value.to_vec()));
        let name = AttributeName::new("carLicense");
        object.merge([(name, values.collect::<Vec<_>>())].into(), true);
        let policy = policy();
        let chain = Chain::Known(Vec::new());
        let subject = Subject {
            object: &object,
            chain: &chain,
            policy: &policy,
            existing: None,
            now: Timestamp::from_millis(0),
        };
        let mut mapping = Mapping::default();
        let rule = Rule::AsText("carLicense".into());
        let mut entry = Entry::new("extension_app_car".into(), rule);
        entry.longest = Some(5);
        mapping.put(MappedKind::User, entry);
        let values = mapping.evaluate(MappedKind::User, &subject);
        values.map(|mut values| values.remove("extension_app_car").unwrap())
    };
    let cases: [(&[&[u8]], Option<MappedValue>); 6] = [
        (&[], None),
        (&[b""], None),
        (&[b"first", b"other"], text("first")),
        (&[b"TRUE"], text("TRUE")),
        (&["äöüßé".as_bytes()], text("äöüßé")),
        (&[&[0, 255]], text("AP8=")),
    ];
    for (values, expected) in cases {
        assert_eq!(made(values).unwrap(), expected, "{values:?}");
    }
    let error = made(&[b"longer"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the value for `extension_app_car` has 6 characters, and the property holds 5; cut it with `Left(…, 5)`"
    );
}
