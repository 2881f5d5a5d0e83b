//! GUIDs, in the two orders in which they travel.

use std::fmt;
use std::str::FromStr;

/// A GUID as Active Directory, Graph and our own ids use it.
///
/// Kept in the order in which it is written for people (RFC 9562); Active Directory sends the first
/// three fields little-endian, see [`Guid::from_wire`].
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Guid([u8; 16]);

/// Why a text or a byte string is not a GUID.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GuidError {
    /// The byte string has not the length of a GUID.
    #[error("a GUID has 16 bytes, received {received}")]
    Length {
        /// How many bytes there were.
        received: usize,
    },
    /// The text is not `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    #[error("expected a GUID such as 1f2d3c4b-0000-4000-8000-123456789abc, received `{received}`")]
    Text {
        /// The text as it came.
        received: String,
    },
}

impl Guid {
    /// The GUID of zeros, which names nothing.
    pub const NIL: Self = Self([0; 16]);

    /// Takes the sixteen bytes in the order in which they are written.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes in the order in which they are written.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads a GUID as Active Directory sends it: the first three fields little-endian
    /// ([MS-DTYP] 2.3.4.2).
    ///
    /// # Errors
    ///
    /// [`GuidError::Length`] unless there are exactly sixteen bytes.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, GuidError> {
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| GuidError::Length {
            received: bytes.len(),
        })?;
        Ok(Self(swap(bytes)))
    }

    /// The sixteen bytes as Active Directory sends them ([MS-DTYP] 2.3.4.2).
    #[must_use]
    pub const fn to_wire(self) -> [u8; 16] {
        swap(self.0)
    }

    /// Makes a version 4 GUID of sixteen random bytes, which the caller provides.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

/// Exchanges the byte order of the first three fields; its own inverse.
const fn swap(b: [u8; 16]) -> [u8; 16] {
    [
        b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    ]
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        let error = || GuidError::Text {
            received: text.to_owned(),
        };
        let inner = text
            .strip_prefix('{')
            .and_then(|t| t.strip_suffix('}'))
            .unwrap_or(text);
        let mut bytes = [0_u8; 16];
        let mut digits = 0;
        for (position, c) in inner.bytes().enumerate() {
            if matches!(position, 8 | 13 | 18 | 23) {
                if c != b'-' {
                    return Err(error());
                }
                continue;
            }
            let digit = (c as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let (Some(digit), true) = (digit, digits < 32) else {
                return Err(error());
            };
            bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
            digits += 1;
        }
        if inner.len() == 36 && digits == 32 {
            Ok(Self(bytes))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_three_fields_travel_little_endian() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let guid: Guid = text.parse().unwrap();
        assert_eq!(guid.to_string(), text);
        assert_eq!(
            guid.to_wire()[..8],
            [0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66]
        );
        assert_eq!(Guid::from_wire(&guid.to_wire()), Ok(guid));
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "0",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233x4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233445566778899aabbccddeeff0000",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
        assert_eq!(
            Guid::from_wire(&[1, 2, 3]),
            Err(GuidError::Length { received: 3 })
        );
    }
}
