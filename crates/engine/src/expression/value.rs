//! The values of expressions, and how one kind becomes another.

use super::datetime::DateTime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::{AttributeName, Value};
use std::fmt;

/// A value in an expression.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ExpressionValue {
    /// No value: an attribute that is absent.
    #[default]
    Null,
    /// A text. A reference is the distinguished name that it points to.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A moment in UTC.
    DateTime(DateTime),
    /// Bytes.
    Binary(Vec<u8>),
    /// Values of an attribute or of `Split`. INVARIANT: neither [`Self::Null`] nor lists among them.
    List(Vec<ExpressionValue>),
}

/// What kind of value an expression makes, as far as that is known before it is evaluated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Known only when it is evaluated: an attribute, a branch.
    Any,
    /// [`ExpressionValue::Text`].
    Text,
    /// [`ExpressionValue::Integer`].
    Number,
    /// [`ExpressionValue::Boolean`].
    Boolean,
    /// [`ExpressionValue::DateTime`].
    Date,
    /// [`ExpressionValue::List`].
    List,
}

impl Kind {
    /// The kind in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Text => "a text",
            Self::Number => "a whole number",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::List => "a list",
        }
    }
}

/// Attributes of Active Directory that hold bytes and are likely to be mapped. What an agent sends does
/// not say so: the bytes of a SID can be valid UTF-8.
const BINARY_ATTRIBUTES: &[&str] = &[
    "jpegphoto",
    "logonhours",
    "ms-ds-consistencyguid",
    "ms-ds-creatorsid",
    "msexcharchiveguid",
    "msexchblockedsendershash",
    "msexchmailboxguid",
    "msexchmasteraccountsid",
    "msexchsaferecipientshash",
    "msexchsafesendershash",
    "objectguid",
    "objectsid",
    "photo",
    "sidhistory",
    "thumbnaillogo",
    "thumbnailphoto",
    "tokengroups",
    "usercert",
    "usercertificate",
    "userpkcs12",
    "usersmimecertificate",
];

impl ExpressionValue {
    /// The value of an attribute: nothing, its one value, or all of them as a list.
    ///
    /// Bytes stay bytes when Active Directory's schema says so or when they are not UTF-8; anything
    /// else is a text.
    #[must_use]
    pub fn of_attribute(name: &AttributeName, values: &[Value]) -> Self {
        let binary = BINARY_ATTRIBUTES.binary_search(&name.as_str()).is_ok();
        Self::of_values(values.iter().map(|value| match value.as_str() {
            Some(text) if !binary => Self::Text(text.to_owned()),
            _ => Self::Binary(value.as_bytes().to_vec()),
        }))
    }

    /// Nothing, one value, or a list, as there are values.
    #[must_use]
    pub fn of_values(values: impl IntoIterator<Item = Self>) -> Self {
        let mut values: Vec<Self> = values.into_iter().collect();
        match values.len() {
            0 | 1 => values.pop().unwrap_or_default(),
            _ => Self::List(values),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(values) => values.is_empty(),
            _ => false,
        }
    }

    /// Whether there is no value, or an empty text.
    #[must_use]
    pub fn is_null_or_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(values) => values.iter().all(Self::is_null_or_empty),
            other => other.is_null(),
        }
    }

    /// As a text: numbers in digits, `True` and `False`, dates as `M/d/yyyy h:mm:ss tt`. Neither bytes
    /// nor lists are texts.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Boolean(true) => Some("True".to_owned()),
            Self::Boolean(false) => Some("False".to_owned()),
            Self::DateTime(date) => Some(date.to_string()),
            Self::Null | Self::Binary(_) | Self::List(_) => None,
        }
    }

    /// As a whole number.
    #[must_use]
    pub fn as_number(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// As true or false: a number other than zero is true, and so is the text `true` in any case.
    #[must_use]
    pub fn as_truth(&self) -> Option<bool> {
        match self {
            Self::Boolean(truth) => Some(*truth),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            other => other.as_number().map(|number| number != 0),
        }
    }

    /// As a date; a text is read as `CDate` reads it.
    #[must_use]
    pub fn as_date(&self) -> Option<DateTime> {
        match self {
            Self::DateTime(date) => Some(*date),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// How much memory it takes, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::List(values) => values.iter().map(|value| ITEM + value.size()).sum(),
            _ => 0,
        }
    }
}

/// What an entry of a list costs besides its content.
const ITEM: usize = 32;

impl From<&str> for ExpressionValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ExpressionValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// In messages: texts between quotation marks and cut, bytes in Base64.
impl fmt::Display for ExpressionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Text(text) if text.chars().count() > SHOWN => {
                let start: String = text.chars().take(SHOWN).collect();
                write!(f, "\"{start}…\"")
            }
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Binary(bytes) => {
                let start = bytes.get(..SHOWN / 4 * 3).unwrap_or(bytes);
                write!(f, "{} bytes {}", bytes.len(), STANDARD.encode(start))
            }
            Self::List(values) => write!(f, "{} values", values.len()),
            other => f.write_str(&other.as_text().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_attributes_are_found() {
        assert!(BINARY_ATTRIBUTES.is_sorted());
        let bytes = [Value::from("abc")];
        let value = |name: &str| ExpressionValue::of_attribute(&AttributeName::new(name), &bytes);
        assert_eq!(value("objectSid"), ExpressionValue::Binary(b"abc".to_vec()));
        assert_eq!(value("cn"), "abc".into());
    }

    #[test]
    fn one_value_is_itself_and_several_are_a_list() {
        let name = AttributeName::new("otherTelephone");
        let value = |values: &[Value]| ExpressionValue::of_attribute(&name, values);
        assert_eq!(value(&[]), ExpressionValue::Null);
        assert_eq!(value(&[Value::from("1")]), "1".into());
        assert_eq!(
            value(&[Value::from("1"), Value::new(vec![0xff])]),
            ExpressionValue::List(vec!["1".into(), ExpressionValue::Binary(vec![0xff])])
        );
    }
}
