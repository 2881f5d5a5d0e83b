//! How one value is made.

use super::typed::{self, ValueType};
use super::{MappedValue, MappingError, Subject};
use crate::expression::Expression;
use crate::staged::StagedObject;
use lockstep_model::{PropertyValue, Timestamp, Value};

/// How the value of a property is made from an object of Active Directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rule {
    /// The same value for every object.
    Constant(MappedValue),
    /// What an expression makes, as a value of the property's type.
    Expression(Expression, ValueType),
    /// The first value as text.
    Direct(String),
    /// The first value as a text whatever it is; bytes in Base64.
    AsText(String),
    /// All values.
    DirectList(String),
    /// The first value as a whole number.
    Number(String),
    /// The first value as true or false.
    Truth(String),
    /// The first value as bytes.
    Bytes(String),
    /// All values as bytes.
    BytesList(String),
    /// The first value without blanks around it; nothing when nothing is left.
    Trimmed(String),
    /// Every value without blanks around it, without duplicates.
    TrimmedList(String),
    /// The first value without blanks around it, cut at 448 characters.
    Cut(String),
    /// Several attributes as one list, each trimmed, the first attribute's values first.
    Joined(Vec<String>),
    /// The first of these attributes that has a value.
    FirstOf(Vec<String>),
    /// A FILETIME, or a time as LDAP writes it, as a moment; nothing for zero and "never".
    FileTime(String),
    /// objectGUID as text.
    ObjectGuid,
    /// objectSid as text.
    Sid,
    /// The distinguished name, made from the names on the way to the top.
    DistinguishedName,
    /// DNS name of the domain.
    DomainName,
    /// NetBIOS name of the domain.
    NetbiosName,
    /// True unless userAccountControl says "disabled" ([MS-ADTS] 2.2.16, bit 0x2).
    AccountEnabled,
    /// userPrincipalName, else sAMAccountName at the domain.
    UserPrincipalName,
    /// Whether groupType says "security enabled" ([MS-ADTS] 2.2.12, bit 0x80000000).
    SecurityEnabled,
    /// Whether there is a primary SMTP address or a mail address.
    MailEnabled,
}

/// What a rule makes.
#[derive(Debug)]
pub(super) enum Made {
    /// This value; `None`: the property is to be empty.
    Value(Option<MappedValue>),
    /// The property is left alone.
    Ignored,
}

/// Longer descriptions are cut, as the original does.
const CUT: usize = 448;

impl Rule {
    /// The attributes that the rule reads.
    #[must_use]
    pub fn sources(&self) -> Vec<&str> {
        match self {
            Self::Direct(source)
            | Self::AsText(source)
            | Self::DirectList(source)
            | Self::Number(source)
            | Self::Truth(source)
            | Self::Bytes(source)
            | Self::BytesList(source)
            | Self::Trimmed(source)
            | Self::TrimmedList(source)
            | Self::Cut(source)
            | Self::FileTime(source) => vec![source],
            Self::Joined(sources) | Self::FirstOf(sources) => {
                sources.iter().map(String::as_str).collect()
            }
            Self::AccountEnabled => vec!["userAccountControl"],
            Self::UserPrincipalName => vec!["userPrincipalName", "sAMAccountName"],
            Self::SecurityEnabled => vec!["groupType"],
            Self::MailEnabled => vec!["proxyAddresses", "mail"],
            Self::Expression(expression, _) => {
                let sources = expression.sources().iter();
                sources.map(|source| source.name.as_str()).collect()
            }
            Self::Constant(_)
            | Self::ObjectGuid
            | Self::Sid
            | Self::DistinguishedName
            | Self::DomainName
            | Self::NetbiosName => Vec::new(),
        }
    }

    /// Makes the value for a target.
    pub(super) fn apply(&self, target: &str, input: &Subject<'_>) -> Result<Made, MappingError> {
        if let Self::Expression(expression, value) = self {
            return typed::evaluate(expression, *value, target, input);
        }
        self.simple(input).map(Made::Value)
    }

    /// The value of everything that is no expression; `None` when the property is to be empty.
    fn simple(&self, input: &Subject<'_>) -> Result<Option<MappedValue>, MappingError> {
        let object = input.object;
        Ok(match self {
            // Made by its caller.
            Self::Expression(..) => None,
            Self::Constant(value) => Some(value.clone()),
            Self::Direct(source) => first(object, source).map(text),
            Self::AsText(source) => typed::as_text(source, input),
            Self::DirectList(source) => list(values(object, source), false),
            Self::Number(source) => number(object, source).map(PropertyValue::Integer),
            Self::Truth(source) => first(object, source)
                .map(|v| PropertyValue::Boolean(v.eq_ignore_ascii_case("true"))),
            Self::Bytes(source) => values(object, source)
                .first()
                .map(|value| PropertyValue::Binary(value.as_bytes().to_vec())),
            Self::BytesList(source) => {
                let values = values(object, source).iter();
                let values: Vec<Vec<u8>> = values.map(|v| v.as_bytes().to_vec()).collect();
                (!values.is_empty()).then(|| PropertyValue::binaries(values))
            }
            Self::Trimmed(source) => first(object, source).and_then(trimmed),
            Self::TrimmedList(source) => list(values(object, source), true),
            Self::Cut(source) => first(object, source).and_then(cut),
            Self::Joined(sources) => {
                let values: Vec<Value> = sources
                    .iter()
                    .flat_map(|s| values(object, s))
                    .cloned()
                    .collect();
                list(&values, true)
            }
            Self::FirstOf(sources) => sources.iter().find_map(|s| first(object, s)).map(text),
            Self::FileTime(source) => first(object, source).and_then(moment),
            Self::ObjectGuid => Some(PropertyValue::Text(object.guid.to_string())),
            Self::Sid => object
                .sid
                .as_ref()
                .map(|sid| PropertyValue::Text(sid.to_string())),
            Self::DistinguishedName => input
                .chain
                .dn(object, &input.policy.naming_context_dn)
                .map(|dn| PropertyValue::Text(dn.to_string())),
            Self::DomainName => Some(text(&input.policy.domain)),
            Self::NetbiosName => Some(text(&input.policy.netbios_name)).filter(|v| *v != text("")),
            Self::AccountEnabled => object
                .number("useraccountcontrol")
                .map(|flags| PropertyValue::Boolean(flags & 0x2 == 0)),
            Self::UserPrincipalName => Some(user_principal_name(input)?),
            Self::SecurityEnabled => {
                // groupType is a signed 32-bit number; its sign bit is the flag.
                object
                    .number("grouptype")
                    .map(|flags| PropertyValue::Boolean(flags & 0x8000_0000 != 0))
            }
            Self::MailEnabled => Some(PropertyValue::Boolean(has_mail_address(object))),
        })
    }
}

/// Whether an object has a primary SMTP address, or a mail address, with an `@`.
pub(crate) fn has_mail_address(object: &StagedObject) -> bool {
    let primary = object
        .values("proxyaddresses")
        .iter()
        .filter_map(Value::as_str)
        .any(|address| {
            address
                .trim()
                .strip_prefix("SMTP:")
                .is_some_and(|a| a.contains('@'))
        });
    primary || object.text("mail").is_some_and(|mail| mail.contains('@'))
}

fn user_principal_name(input: &Subject<'_>) -> Result<MappedValue, MappingError> {
    if let Some(name) = input
        .object
        .text("userprincipalname")
        .map(str::trim)
        .filter(|n| !n.is_empty())
    {
        return Ok(text(name));
    }
    let account = input
        .object
        .text("samaccountname")
        .map(str::trim)
        .filter(|n| !n.is_empty());
    let account = account.ok_or(MappingError::NoUserPrincipalName)?;
    Ok(PropertyValue::Text(format!(
        "{account}@{}",
        input.policy.domain
    )))
}

/// The values of an attribute. Rows keep names in lower case, and most objects lack most attributes of the default
/// mapping: it has to cost nothing to find that out.
fn values<'a>(object: &'a StagedObject, name: &str) -> &'a [Value] {
    let mut buffer = [0; 64];
    let Some(lower) = buffer.get_mut(..name.len()) else {
        return object.values(&name.to_ascii_lowercase());
    };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).map_or(&[], |name| object.values(name))
}

/// The first value of an attribute as text.
fn first<'a>(object: &'a StagedObject, name: &str) -> Option<&'a str> {
    values(object, name).first().and_then(Value::as_str)
}

/// The first value of an attribute as a number.
fn number(object: &StagedObject, name: &str) -> Option<i64> {
    first(object, name)?.parse().ok()
}

fn text(value: &str) -> MappedValue {
    PropertyValue::Text(value.to_owned())
}

fn trimmed(value: &str) -> Option<MappedValue> {
    let value = value.trim();
    (!value.is_empty()).then(|| text(value))
}

fn cut(value: &str) -> Option<MappedValue> {
    let value: String = value.trim().chars().take(CUT).collect();
    trimmed(&value)
}

fn list(values: &[Value], trim: bool) -> Option<MappedValue> {
    let texts: Vec<String> = values
        .iter()
        .filter_map(Value::as_str)
        .map(|value| if trim { value.trim() } else { value })
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect();
    (!texts.is_empty()).then(|| PropertyValue::texts(texts))
}

/// A FILETIME, or a time as LDAP writes it: `20260131120000.0Z`.
fn moment(text: &str) -> Option<MappedValue> {
    if let Ok(value) = text.parse() {
        return file_time(value);
    }
    let digits = text
        .split(['.', 'Z'])
        .next()
        .filter(|digits| digits.len() == 14)?;
    let part = |from: usize, to: usize| digits.get(from..to);
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    written.parse().ok().map(PropertyValue::Timestamp)
}

/// "Never" is written as zero or as the largest number.
fn file_time(value: i64) -> Option<MappedValue> {
    (value > 0 && value < i64::MAX)
        .then(|| PropertyValue::Timestamp(Timestamp::from_filetime(value)))
}
