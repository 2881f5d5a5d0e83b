//! The identity that survives renames and moves.

use crate::Guid;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// What joins a person in Active Directory with an object of the cloud directory, for good.
///
/// `ms-DS-ConsistencyGuid` when it has a value, else `objectGUID`. Outside it is the Base64 of the
/// bytes as Active Directory sends them (`onPremisesImmutableId`).
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceAnchor(Vec<u8>);

/// Why a value cannot serve as a source anchor.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SourceAnchorError {
    /// `ms-DS-ConsistencyGuid` is an octet string that anybody may fill with anything.
    #[error(
        "ms-DS-ConsistencyGuid must have 16 bytes to serve as source anchor, it has {received}"
    )]
    Length {
        /// How many bytes there were.
        received: usize,
    },
    /// The text is not Base64.
    #[error("expected a source anchor in Base64, received `{received}`")]
    Text {
        /// The text as it came.
        received: String,
    },
}

impl SourceAnchor {
    /// The anchor of an object without `ms-DS-ConsistencyGuid`.
    #[must_use]
    pub fn from_object_guid(guid: Guid) -> Self {
        Self(guid.to_wire().to_vec())
    }

    /// The anchor that `ms-DS-ConsistencyGuid` gives.
    ///
    /// # Errors
    ///
    /// [`SourceAnchorError::Length`] unless the value has sixteen bytes.
    pub fn from_consistency_guid(bytes: &[u8]) -> Result<Self, SourceAnchorError> {
        if bytes.len() == 16 {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(SourceAnchorError::Length {
                received: bytes.len(),
            })
        }
    }

    /// The objectGUID or `ms-DS-ConsistencyGuid` that it was made of, if it was made of one.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        Guid::from_wire(&self.0).ok()
    }

    /// The bytes as Active Directory sends them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SourceAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for SourceAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SourceAnchor {
    type Err = SourceAnchorError;

    /// Reads any Base64: a cloud directory may hold anchors that other tools made.
    fn from_str(text: &str) -> Result<Self, SourceAnchorError> {
        match STANDARD.decode(text) {
            Ok(bytes) if !bytes.is_empty() => Ok(Self(bytes)),
            _ => Err(SourceAnchorError::Text {
                received: text.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_the_base64_of_the_bytes_on_the_wire() {
        let guid: Guid = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
        let anchor = SourceAnchor::from_object_guid(guid);
        assert_eq!(anchor.to_string(), "MyIRAFVEd2aImaq7zN3u/w==");
        assert_eq!("MyIRAFVEd2aImaq7zN3u/w==".parse(), Ok(anchor));
        assert!("".parse::<SourceAnchor>().is_err());
        assert!(SourceAnchor::from_consistency_guid(b"short").is_err());
    }
}
