//! Values of the cloud directory's properties.

use crate::Timestamp;

/// The value of one property of an object in the cloud directory, and what a mapping makes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PropertyValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Texts as a set: sorted, without duplicates; see [`PropertyValue::texts`].
    TextList(Vec<String>),
    /// Bytes.
    Binary(Vec<u8>),
    /// Several values of bytes as a set; see [`PropertyValue::binaries`].
    BinaryList(Vec<Vec<u8>>),
    /// A moment.
    Timestamp(Timestamp),
}

impl PropertyValue {
    /// Texts as a set.
    #[must_use]
    pub fn texts(mut texts: Vec<String>) -> Self {
        texts.sort();
        texts.dedup();
        Self::TextList(texts)
    }

    /// Values of bytes as a set.
    #[must_use]
    pub fn binaries(mut values: Vec<Vec<u8>>) -> Self {
        values.sort();
        values.dedup();
        Self::BinaryList(values)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
