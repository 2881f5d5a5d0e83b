//! What an object that moved to another domain leaves behind: `proxiedObjectName`, a name with binary data.
//!
//! The syntax Object(DN-Binary) is written `B:16:0000000100000001:CN=Ada,DC=other,DC=test` ([MS-ADTS]
//! 3.1.1.2.2.2.3): the number of hexadecimal digits, these, and the name, which is an extended one where that was
//! asked for. Here the data are two numbers of 32 bits in network order ([MS-DRSR] 5.157): what kind of proxy it
//! is, and the how-manieth move.

use super::{ExtendedDn, ExtendedDnError};
use lockstep_model::Guid;

/// How many hexadecimal digits the two numbers have.
const DIGITS: usize = 16;

/// What the value is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyKind {
    /// PROXY_TYPE_MOVED_OBJECT: an object that was moved.
    MovedObject,
    /// PROXY_TYPE_PROXY: what tells the other controllers of a domain that an object was moved out of it.
    Proxy,
    /// No specification tells.
    Other(u32),
}

/// A value of `proxiedObjectName`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProxiedObjectName {
    /// What it is about.
    pub kind: ProxyKind,
    /// Counts the moves of the object.
    pub epoch: u32,
    /// objectGUID of the object, which is the same in both domains.
    pub guid: Guid,
}

/// A text that is no value of `proxiedObjectName`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxiedObjectNameError {
    /// It does not begin as the syntax says.
    #[error(
        "expected two numbers and a name, such as B:16:0000000100000001:<GUID=…>;CN=Ada,DC=other,DC=test"
    )]
    Binary,
    /// The name behind the numbers lacks its GUID.
    #[error(transparent)]
    Name(#[from] ExtendedDnError),
}

impl ProxiedObjectName {
    /// Reads a value with an extended name.
    ///
    /// # Errors
    ///
    /// [`ProxiedObjectNameError`], which tells what was expected.
    pub fn parse(text: &str) -> Result<Self, ProxiedObjectNameError> {
        let (count, rest) = text
            .strip_prefix("B:")
            .and_then(|rest| rest.split_once(':'))
            .ok_or(ProxiedObjectNameError::Binary)?;
        let (digits, name) = rest.split_once(':').ok_or(ProxiedObjectNameError::Binary)?;
        if count.parse() != Ok(DIGITS) || digits.len() != DIGITS {
            return Err(ProxiedObjectNameError::Binary);
        }
        let [kind, epoch] = [digits.get(..DIGITS / 2), digits.get(DIGITS / 2..)].map(number);
        let (kind, epoch) = kind.zip(epoch).ok_or(ProxiedObjectNameError::Binary)?;
        Ok(Self {
            kind: match kind {
                0 => ProxyKind::MovedObject,
                1 => ProxyKind::Proxy,
                other => ProxyKind::Other(other),
            },
            epoch,
            guid: ExtendedDn::parse(name)?.guid,
        })
    }
}

fn number(digits: Option<&str>) -> Option<u32> {
    // A sign is no digit, whatever the standard library says.
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str =
        "<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>;<SID=S-1-5-21-4-5-6-1103>;CN=Ada,DC=o,DC=t";

    #[test]
    fn kind_epoch_and_guid_are_read_from_a_value() {
        for (digits, kind, epoch) in [
            ("0000000000000000", ProxyKind::MovedObject, 0),
            ("0000000100000002", ProxyKind::Proxy, 2),
            ("00000002FFFFffff", ProxyKind::Other(2), u32::MAX),
        ] {
            let value = ProxiedObjectName::parse(&format!("B:16:{digits}:{NAME}")).unwrap();
            assert_eq!((value.kind, value.epoch), (kind, epoch));
            assert_eq!(
                value.guid.to_string(),
                "6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d"
            );
        }
    }

    #[test]
    fn what_is_no_such_value_is_refused() {
        use ProxiedObjectNameError::{Binary, Name};
        for (text, error) in [
            ("", Binary),
            ("B:16", Binary),
            ("B:16:0000000000000000", Binary),
            (NAME, Binary),
            (
                "S:16:0000000000000000:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:8:00000000:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:16:00000000:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:16:000000000000000g:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:16:+00000000000000é:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:16:+0000000+0000000:<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>",
                Binary,
            ),
            (
                "B:16:0000000000000000:CN=Ada,DC=o,DC=t",
                Name(ExtendedDnError),
            ),
        ] {
            assert_eq!(ProxiedObjectName::parse(text), Err(error), "{text}");
        }
    }
}
