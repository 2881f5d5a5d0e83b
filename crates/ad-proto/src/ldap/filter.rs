//! Search filters (RFC 4511 4.5.1.7), built from values, never from text: nothing needs to be escaped.

use super::ber::{OCTET_STRING, tlv};

/// A search filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter {
    /// All hold.
    And(Vec<Filter>),
    /// At least one holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equal(String, Vec<u8>),
    /// The attribute has a value at least this great.
    AtLeast(String, Vec<u8>),
    /// The attribute has a value at most this great.
    AtMost(String, Vec<u8>),
    /// The attribute has a value.
    Present(String),
}

impl Filter {
    /// `(attribute=value)`
    #[must_use]
    pub fn equal(attribute: &str, value: impl AsRef<[u8]>) -> Self {
        Self::Equal(attribute.to_owned(), value.as_ref().to_vec())
    }

    /// `(|(attribute=a)(attribute=b)…)`
    #[must_use]
    pub fn any_of<V: AsRef<[u8]>>(attribute: &str, values: impl IntoIterator<Item = V>) -> Self {
        let parts = values
            .into_iter()
            .map(|value| Self::equal(attribute, value));
        Self::Or(parts.collect())
    }

    /// `(objectClass=*)`: everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::Present("objectClass".to_owned())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let all = |parts: &[Self]| -> Vec<u8> { parts.iter().flat_map(Self::encode).collect() };
        let assertion = |attribute: &str, value: &[u8]| {
            let mut contents = tlv(OCTET_STRING, attribute.as_bytes());
            contents.extend(tlv(OCTET_STRING, value));
            contents
        };
        match self {
            Self::And(parts) => tlv(0xa0, &all(parts)),
            Self::Or(parts) => tlv(0xa1, &all(parts)),
            Self::Not(part) => tlv(0xa2, &part.encode()),
            Self::Equal(attribute, value) => tlv(0xa3, &assertion(attribute, value)),
            Self::AtLeast(attribute, value) => tlv(0xa5, &assertion(attribute, value)),
            Self::AtMost(attribute, value) => tlv(0xa6, &assertion(attribute, value)),
            Self::Present(attribute) => tlv(0x87, attribute.as_bytes()),
        }
    }
}
