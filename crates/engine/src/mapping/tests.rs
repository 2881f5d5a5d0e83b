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
