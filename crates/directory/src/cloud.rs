//! What may be written to objects by anybody but synchronisation.
//!
//! [`check_new`] and [`check_change`] say what is wrong with given values; [`completed`] adds what follows
//! from them. Whether a value is another's already is decided by [`write_batch`](crate::write_batch).

use crate::batch::Given;
use crate::object::{Kind, Object};
use crate::schema::{Property, Type, Values, extension};
use crate::unique::{UniqueValue, primary_address};
use crate::upn::{TenantRules, is_allowed};
use lockstep_model::PropertyValue;

/// A value that cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{property}: {problem}")]
pub struct Invalid {
    /// The property.
    pub property: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Every object of its kind has a value.
    #[error("a value is required")]
    Required,
    /// Nobody can set it.
    #[error("it is read-only and cannot be set")]
    ReadOnly,
    /// Synchronisation owns it.
    #[error("it is mastered on-premises and cannot be changed here; change it in Active Directory")]
    Mastered,
    /// It is of another type.
    #[error("expected {0}")]
    Expected(&'static str),
    /// It is too long.
    #[error("expected at most {0} characters")]
    TooLong(usize),
    /// There are too many.
    #[error("expected at most {0} values")]
    TooMany(usize),
    /// A character that it must not have.
    #[error("the character `{0}` is not allowed")]
    Character(char),
    /// The suffix of a name is none of the tenant's.
    #[error(
        "the domain portion `{0}` is none of the verified domain names of the organization; add it with \
         `lockstep domain add`"
    )]
    Domain(String),
}

/// What every object of a kind has.
const fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &[
            "accountEnabled",
            "displayName",
            "mailNickname",
            "userPrincipalName",
        ],
        Kind::Group => &[
            "displayName",
            "mailEnabled",
            "mailNickname",
            "securityEnabled",
        ],
        Kind::Contact | Kind::ServicePrincipal => &["displayName"],
    }
}

/// Whether nobody can set a property: it tells what Active Directory has, or what others did.
#[must_use]
pub fn is_read_only(property: Property) -> bool {
    let name = property.name();
    name.starts_with("onPremises")
        || matches!(
            name,
            "lastPasswordChangeDateTime" | "appId" | "servicePrincipalType"
        )
}

/// Checks the values of a new object.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn check_new(kind: Kind, given: &Given, tenant: &TenantRules) -> Result<(), Invalid> {
    for name in required(kind) {
        let present = Property::named(kind, name)
            .ok()
            .and_then(|property| given.get(&property))
            .is_some_and(Option::is_some);
        if !present {
            return Err(invalid(name, Problem::Required));
        }
    }
    check_each(kind, given, tenant)?;
    if kind == Kind::Group && !truth(given, "securityEnabled") && !truth(given, "mailEnabled") {
        let problem = Problem::Expected("true for securityEnabled, for mailEnabled, or for both");
        return Err(invalid("securityEnabled", problem));
    }
    Ok(())
}

fn truth(given: &Given, name: &str) -> bool {
    let mut values = given.iter();
    values.any(|(property, value)| {
        property.name() == name && *value == Some(PropertyValue::Boolean(true))
    })
}

/// Checks a change. `owned` says which properties synchronisation writes, when the object has one.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn check_change(
    object: &Object,
    given: &Given,
    tenant: &TenantRules,
    owned: impl Fn(Property) -> bool,
) -> Result<(), Invalid> {
    for (property, value) in given {
        let name = property.name();
        let derived = matches!(name, "userPrincipalName" | "mailNickname");
        if object.mastery.is_some() && (derived || owned(*property)) {
            return Err(invalid(name, Problem::Mastered));
        }
        if value.is_none() && required(object.kind).contains(&name) {
            return Err(invalid(name, Problem::Required));
        }
    }
    check_each(object.kind, given, tenant)
}

fn check_each(kind: Kind, given: &Given, tenant: &TenantRules) -> Result<(), Invalid> {
    for (property, value) in given {
        let name = property.name();
        if is_read_only(*property) {
            return Err(invalid(name, Problem::ReadOnly));
        }
        if let Some(value) = value {
            check_type(*property, value).map_err(|problem| invalid(name, problem))?;
            check_value(kind, name, value, tenant).map_err(|problem| invalid(name, problem))?;
        }
    }
    Ok(())
}

fn check_type(property: Property, value: &PropertyValue) -> Result<(), Problem> {
    let (fits, expected) = match property.value_type() {
        Type::Boolean => (matches!(value, PropertyValue::Boolean(_)), "true or false"),
        Type::Integer => (matches!(value, PropertyValue::Integer(_)), "a whole number"),
        Type::Text => (matches!(value, PropertyValue::Text(_)), "a text"),
        Type::TextList => (
            matches!(value, PropertyValue::TextList(_)),
            "a list of texts",
        ),
        Type::Binary => (matches!(value, PropertyValue::Binary(_)), "bytes in Base64"),
        Type::BinaryList => (
            matches!(value, PropertyValue::BinaryList(_)),
            "a list of values in Base64",
        ),
        Type::Timestamp => (matches!(value, PropertyValue::Timestamp(_)), TIME),
    };
    fits.then_some(()).ok_or(Problem::Expected(expected))
}

/// What a time looks like.
pub const TIME: &str = "a time such as 2026-03-31T08:00:00Z";

fn check_value(
    kind: Kind,
    name: &str,
    value: &PropertyValue,
    tenant: &TenantRules,
) -> Result<(), Problem> {
    match value {
        PropertyValue::Text(text) => check_text(name, text, tenant),
        PropertyValue::TextList(texts) => check_list(kind, name, texts),
        PropertyValue::Binary(bytes) => check_bytes([bytes]),
        PropertyValue::BinaryList(values) if values.len() > MOST_VALUES => {
            Err(Problem::TooMany(MOST_VALUES))
        }
        PropertyValue::BinaryList(values) => check_bytes(values),
        _ => Ok(()),
    }
}

fn check_bytes<'a>(values: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<(), Problem> {
    match values.into_iter().any(|bytes| bytes.len() > LONGEST_BYTES) {
        true => Err(Problem::TooLong(LONGEST_BYTES)),
        false => Ok(()),
    }
}

fn check_text(name: &str, text: &str, tenant: &TenantRules) -> Result<(), Problem> {
    let longest = longest(name);
    if text.chars().count() > longest {
        return Err(Problem::TooLong(longest));
    }
    if text.trim().is_empty() {
        return Err(Problem::Expected("a text that is not empty, or null"));
    }
    if let Some(control) = text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(Problem::Character(control));
    }
    match name {
        "userPrincipalName" => check_name(text, tenant),
        "mailNickname" => {
            let bad = text
                .chars()
                .find(|c| c.is_whitespace() || "@()\\[]\";:<>,".contains(*c));
            bad.map_or(Ok(()), |c| Err(Problem::Character(c)))
        }
        "mail" if !is_address(text) => Err(Problem::Expected("an address such as ada@example.com")),
        "usageLocation" if text.len() != 2 || !text.chars().all(|c| c.is_ascii_alphabetic()) => {
            Err(Problem::Expected(
                "a country code of two letters (ISO 3166)",
            ))
        }
        "userType" if !matches!(text, "Member" | "Guest") => {
            Err(Problem::Expected("Member or Guest"))
        }
        "visibility" if !matches!(text, "Public" | "Private" | "HiddenMembership") => {
            Err(Problem::Expected("Public, Private or HiddenMembership"))
        }
        _ => Ok(()),
    }
}

fn check_name(name: &str, tenant: &TenantRules) -> Result<(), Problem> {
    let Some((prefix, suffix)) = name
        .rsplit_once('@')
        .filter(|(prefix, _)| !prefix.is_empty())
    else {
        return Err(Problem::Expected("a name such as ada@example.com"));
    };
    if let Some(bad) = prefix.chars().find(|c| !is_allowed(*c)) {
        return Err(Problem::Character(bad));
    }
    if !tenant.owns(suffix) {
        return Err(Problem::Domain(suffix.to_owned()));
    }
    Ok(())
}

fn check_list(kind: Kind, name: &str, texts: &[String]) -> Result<(), Problem> {
    let most = match name {
        // As in Graph: one, although it is a list.
        "businessPhones" if kind == Kind::User => 1,
        _ => MOST_VALUES,
    };
    if texts.len() > most {
        return Err(Problem::TooMany(most));
    }
    if texts
        .iter()
        .any(|text| text.chars().count() > LONGEST_OF_LIST)
    {
        return Err(Problem::TooLong(LONGEST_OF_LIST));
    }
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err(Problem::Expected("texts that are not empty"));
    }
    match name {
        "proxyAddresses" => check_addresses(texts),
        "otherMails" if !texts.iter().all(|text| is_address(text)) => {
            Err(Problem::Expected("addresses such as ada@example.com"))
        }
        "groupTypes" if !texts.iter().all(|text| text == "Unified") => {
            Err(Problem::Expected("nothing, or Unified"))
        }
        _ => Ok(()),
    }
}

fn check_addresses(texts: &[String]) -> Result<(), Problem> {
    let fits = |text: &String| {
        text.split_once(':').is_some_and(|(scheme, address)| {
            let smtp = scheme.eq_ignore_ascii_case("smtp");
            !scheme.is_empty()
                && if smtp {
                    is_address(address)
                } else {
                    !address.is_empty()
                }
        })
    };
    if !texts.iter().all(fits) {
        return Err(Problem::Expected("addresses such as SMTP:ada@example.com"));
    }
    if texts
        .iter()
        .filter(|text| text.starts_with("SMTP:"))
        .count()
        > 1
    {
        return Err(Problem::Expected("one primary address (SMTP:) at most"));
    }
    let mut values: Vec<UniqueValue> = texts
        .iter()
        .map(|t| UniqueValue::proxy_address(t))
        .collect();
    values.sort();
    match values.windows(2).any(|pair| pair.first() == pair.last()) {
        true => Err(Problem::Expected("each address once")),
        false => Ok(()),
    }
}

fn is_address(text: &str) -> bool {
    let sides = text.split_once('@');
    sides.is_some_and(|(prefix, suffix)| {
        !prefix.is_empty() && !suffix.is_empty() && !suffix.contains('@')
    }) && !text.chars().any(char::is_whitespace)
}

/// How many values a list may have.
const MOST_VALUES: usize = 250;
/// As long as a picture in Active Directory.
const LONGEST_BYTES: usize = 100 * 1_024;
/// How long a text in a list may be.
const LONGEST_OF_LIST: usize = 256;

/// How many characters a text may have: Graph's limits where it has one.
fn longest(name: &str) -> usize {
    match name {
        "employeeId" => 16,
        "postalCode" => 40,
        "givenName" | "surname" | "department" | "companyName" | "mailNickname" | "mobilePhone"
        | "faxNumber" => 64,
        "userPrincipalName" => 113,
        "jobTitle" | "city" | "state" | "country" | "officeLocation" => 128,
        "displayName" | "mail" => 256,
        name if extension::is_meant(name) => extension::LONGEST_VALUE,
        _ => 1_024,
    }
}

/// The given values with what follows from them: the mail address becomes the primary one among the proxy
/// addresses, a new user is a member.
#[must_use]
pub fn completed(kind: Kind, before: Option<&Object>, mut given: Given) -> Given {
    let property = |name| Property::named(kind, name).ok();
    if let (Some(mail), Some(addresses)) = (property("mail"), property("proxyAddresses"))
        && let Some(value) = given.get(&mail)
        && !given.contains_key(&addresses)
    {
        let empty = Values::new();
        let own = before.map_or(&empty, |object| &object.wanted);
        let mail = value.as_ref().and_then(PropertyValue::as_text);
        let list = with_primary(own, kind, mail);
        given.insert(addresses, Some(PropertyValue::texts(list)));
    }
    if let (None, Some(user_type)) = (before, property("userType")) {
        let member = || Some(PropertyValue::Text("Member".to_owned()));
        given.entry(user_type).or_insert_with(member);
    }
    given.retain(|_, value| before.is_some() || value.is_some());
    for value in given.values_mut() {
        let empty = match value {
            Some(PropertyValue::TextList(texts)) => texts.is_empty(),
            Some(PropertyValue::BinaryList(values)) => values.is_empty(),
            Some(PropertyValue::Binary(bytes)) => bytes.is_empty(),
            _ => false,
        };
        if empty {
            *value = None;
        }
    }
    given
}

/// The proxy addresses with another primary one; the one before stays as a secondary address.
fn with_primary(values: &Values, kind: Kind, mail: Option<&str>) -> Vec<String> {
    let property = Property::named(kind, "proxyAddresses").ok();
    let list = match property.and_then(|property| values.get(&property)) {
        Some(PropertyValue::TextList(list)) => list.as_slice(),
        _ => &[],
    };
    if primary_address(values, kind) == mail {
        return list.to_vec();
    }
    let primary = mail.map(UniqueValue::mail_address);
    let others = list
        .iter()
        .filter(|address| Some(UniqueValue::proxy_address(address)) != primary);
    let demoted = others.map(|address| match address.strip_prefix("SMTP:") {
        Some(address) => format!("smtp:{address}"),
        None => address.clone(),
    });
    let mut addresses: Vec<String> = demoted.collect();
    addresses.extend(mail.map(|mail| format!("SMTP:{mail}")));
    addresses
}

const fn invalid(property: &'static str, problem: Problem) -> Invalid {
    Invalid { property, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::ids::{ConfigurationId, ObjectId};
    use lockstep_model::{Guid, SourceAnchor, Timestamp};

    fn tenant() -> TenantRules {
        TenantRules {
            initial_domain: "local.lockstep".into(),
            domains: vec!["corp.test".into()],
        }
    }

    fn value(text: &str) -> Option<PropertyValue> {
        match text {
            "null" => None,
            "true" | "false" => Some(PropertyValue::Boolean(text == "true")),
            _ if text.starts_with('[') => {
                let texts = text
                    .trim_matches(['[', ']'])
                    .split(' ')
                    .filter(|t| !t.is_empty());
                Some(PropertyValue::texts(texts.map(str::to_owned).collect()))
            }
            text => Some(PropertyValue::Text(text.to_owned())),
        }
    }

    fn given(kind: Kind, values: &[(&str, &str)]) -> Given {
        let one = |(name, text): &(&str, &str)| (Property::named(kind, name).unwrap(), value(text));
        values.iter().map(one).collect()
    }

    const ADA: [(&str, &str); 4] = [
        ("accountEnabled", "true"),
        ("displayName", "Ada"),
        ("mailNickname", "ada"),
        ("userPrincipalName", "ada@corp.test"),
    ];

    #[test]
    fn a_new_object_needs_what_graph_requires() {
        let ada = given(Kind::User, &ADA);
        assert_eq!(check_new(Kind::User, &ada, &tenant()), Ok(()));
        for (name, _) in ADA {
            let mut lacking = ada.clone();
            lacking.remove(&Property::named(Kind::User, name).unwrap());
            let error = check_new(Kind::User, &lacking, &tenant()).unwrap_err();
            assert_eq!((error.property, error.problem), (name, Problem::Required));
        }
        let group = [
            ("displayName", "G"),
            ("mailNickname", "g"),
            ("mailEnabled", "false"),
        ];
        let mut group = given(Kind::Group, &group);
        assert!(check_new(Kind::Group, &group, &tenant()).is_err());
        group.extend(given(Kind::Group, &[("securityEnabled", "false")]));
        let error = check_new(Kind::Group, &group, &tenant()).unwrap_err();
        assert_eq!(error.property, "securityEnabled");
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_property_and_what_was_expected() {
        for (name, text, expected) in [
            (
                "userPrincipalName",
                "ada@other.test",
                "none of the verified domain names",
            ),
            (
                "userPrincipalName",
                "a da@corp.test",
                "the character ` ` is not allowed",
            ),
            ("userPrincipalName", "ada", "a name such as"),
            ("mailNickname", "a@b", "the character `@` is not allowed"),
            ("displayName", "null", "a value is required"),
            ("displayName", "  ", "not empty"),
            ("accountEnabled", "yes", "true or false"),
            ("department", "true", "a text"),
            ("department", &"x".repeat(65), "at most 64 characters"),
            ("usageLocation", "Germany", "two letters"),
            ("userType", "Alien", "Member or Guest"),
            ("mail", "ada", "an address"),
            ("businessPhones", "[1 2]", "at most 1 values"),
            (
                "proxyAddresses",
                "[SMTP:a@x.test SMTP:b@x.test]",
                "one primary address",
            ),
            (
                "proxyAddresses",
                "[SMTP:a@x.test smtp:A@x.test]",
                "each address once",
            ),
            ("proxyAddresses", "[ada]", "addresses such as"),
            ("onPremisesSamAccountName", "ada", "read-only"),
        ] {
            let object = Object::new(ObjectId::new(Guid::NIL), Kind::User, Timestamp::default());
            let change = given(Kind::User, &[(name, text)]);
            let error = check_change(&object, &change, &tenant(), |_| false).unwrap_err();
            assert_eq!(error.property, name);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn what_synchronisation_writes_cannot_be_changed_and_the_rest_can() {
        let mut object = Object::new(ObjectId::new(Guid::NIL), Kind::User, Timestamp::default());
        object.mastery = Some(crate::Mastery {
            configuration: ConfigurationId::new(Guid::NIL),
            anchor: SourceAnchor::from_object_guid(Guid::NIL),
        });
        let owned = |property: Property| property.name() == "department";
        let check = |name, text| {
            check_change(
                &object,
                &given(Kind::User, &[(name, text)]),
                &tenant(),
                owned,
            )
        };
        for name in ["department", "userPrincipalName", "mailNickname"] {
            assert_eq!(check(name, "x").unwrap_err().problem, Problem::Mastered);
        }
        assert_eq!(check("usageLocation", "DE"), Ok(()));
    }

    #[test]
    fn the_mail_address_becomes_the_primary_address_and_the_one_before_a_secondary_one() {
        let addresses = Property::named(Kind::User, "proxyAddresses").unwrap();
        let mut object = Object::new(ObjectId::new(Guid::NIL), Kind::User, Timestamp::default());
        for (mail, expected) in [
            ("a@x.test", "[SMTP:a@x.test]"),
            ("b@x.test", "[SMTP:b@x.test smtp:a@x.test]"),
            ("A@x.test", "[SMTP:A@x.test smtp:b@x.test]"),
            ("null", "[smtp:A@x.test smtp:b@x.test]"),
        ] {
            let change = completed(
                Kind::User,
                Some(&object),
                given(Kind::User, &[("mail", mail)]),
            );
            assert_eq!(change.get(&addresses), Some(&value(expected)), "{mail}");
            object.wanted.insert(addresses, value(expected).unwrap());
        }
        let new = completed(Kind::User, None, given(Kind::User, &ADA));
        let user_type = Property::named(Kind::User, "userType").unwrap();
        assert_eq!(new.get(&user_type), Some(&value("Member")));
        assert_eq!(new.get(&addresses), None);
    }
}
