//! Security identifiers.

use std::fmt;
use std::str::FromStr;

/// A security identifier ([MS-DTYP] 2.4.2): revision, authority and up to fifteen sub-authorities.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sid {
    authority: u64,
    sub_authorities: Vec<u32>,
}

/// Why a text or a byte string is not a SID.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SidError {
    /// Fewer or more bytes than the count of sub-authorities says.
    #[error("a SID of {sub_authorities} sub-authorities has {expected} bytes, received {received}")]
    Length {
        /// The count in the second byte.
        sub_authorities: usize,
        /// 8 + 4 for each sub-authority.
        expected: usize,
        /// How many bytes there were.
        received: usize,
    },
    /// A revision other than 1 or more than fifteen sub-authorities.
    #[error("expected a SID of revision 1 with at most 15 sub-authorities")]
    Form,
    /// The text is not `S-1-…`.
    #[error("expected a SID such as S-1-5-21-1-2-3-500, received `{received}`")]
    Text {
        /// The text as it came.
        received: String,
    },
}

impl Sid {
    /// Reads a SID as `objectSid` holds it ([MS-DTYP] 2.4.2.2).
    ///
    /// # Errors
    ///
    /// [`SidError::Length`] or [`SidError::Form`] when the bytes are not exactly one SID.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, SidError> {
        let [revision, count, a0, a1, a2, a3, a4, a5, rest @ ..] = bytes else {
            return Err(SidError::Length {
                sub_authorities: 0,
                expected: 8,
                received: bytes.len(),
            });
        };
        let count = usize::from(*count);
        if *revision != 1 || count > 15 {
            return Err(SidError::Form);
        }
        if rest.len() != count * 4 {
            return Err(SidError::Length {
                sub_authorities: count,
                expected: 8 + count * 4,
                received: bytes.len(),
            });
        }
        let (words, _) = rest.as_chunks::<4>();
        Ok(Self {
            authority: u64::from_be_bytes([0, 0, *a0, *a1, *a2, *a3, *a4, *a5]),
            sub_authorities: words.iter().map(|word| u32::from_le_bytes(*word)).collect(),
        })
    }

    /// The bytes as `objectSid` holds them.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.sub_authorities.len() * 4);
        // INVARIANT: both constructors admit at most fifteen sub-authorities.
        bytes.extend([1, u8::try_from(self.sub_authorities.len()).unwrap_or(15)]);
        bytes.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        for word in &self.sub_authorities {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The last sub-authority: the number of the account within its domain.
    #[must_use]
    pub fn rid(&self) -> Option<u32> {
        self.sub_authorities.last().copied()
    }

    /// The SID of the account `rid` in the domain that this SID names.
    #[must_use]
    pub fn with_rid(&self, rid: u32) -> Self {
        let mut sid = self.clone();
        sid.sub_authorities.push(rid);
        sid
    }

    /// The domain that this account belongs to.
    #[must_use]
    pub fn domain(&self) -> Self {
        let mut sid = self.clone();
        sid.sub_authorities.pop();
        sid
    }
}

impl FromStr for Sid {
    type Err = SidError;

    fn from_str(text: &str) -> Result<Self, SidError> {
        let error = || SidError::Text {
            received: text.to_owned(),
        };
        let mut parts = text.strip_prefix("S-1-").ok_or_else(error)?.split('-');
        let authority: u64 = parts
            .next()
            .and_then(|p| p.parse().ok())
            .ok_or_else(error)?;
        let sub_authorities: Vec<u32> = parts
            .map(|p| p.parse().map_err(|_| error()))
            .collect::<Result<_, _>>()?;
        if authority >= 1 << 48 || sub_authorities.len() > 15 {
            return Err(error());
        }
        Ok(Self {
            authority,
            sub_authorities,
        })
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.sub_authorities
            .iter()
            .try_for_each(|word| write!(f, "-{word}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_reads_and_writes_both_forms() {
        let sid: Sid = "S-1-5-21-3623811015-3361044348-30300820-1013"
            .parse()
            .unwrap();
        assert_eq!(Sid::from_wire(&sid.to_wire()), Ok(sid.clone()));
        assert_eq!(sid.rid(), Some(1013));
        assert_eq!(sid.domain().with_rid(1013), sid);
    }

    #[test]
    fn a_sid_with_a_wrong_count_is_refused() {
        assert!(Sid::from_wire(&[1, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]).is_err());
        assert!(Sid::from_wire(&[2, 0, 0, 0, 0, 0, 0, 5]).is_err());
        assert!("S-1-5-x".parse::<Sid>().is_err());
    }
}
