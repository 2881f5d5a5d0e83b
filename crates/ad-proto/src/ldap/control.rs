//! Controls: those of Active Directory ([MS-ADTS] 3.1.1.3.4.1) and paging (RFC 2696).

use super::ber::{INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, boolean, integer, tlv};

const DIRSYNC: &str = "1.2.840.113556.1.4.841";
const PAGED: &str = "1.2.840.113556.1.4.319";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
const NOTIFICATION: &str = "1.2.840.113556.1.4.528";
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";

/// Give values of link attributes one by one ([MS-ADTS] 3.1.1.3.4.1.3).
///
/// The flags are one 32-bit number with the highest bit set, which BER carries as a negative one.
const INCREMENTAL_VALUES: i64 = -0x8000_0000;

/// What is asked for beside a search.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Control {
    /// Only what changed since the cookie.
    DirSync(DirSync),
    /// In pages of this many entries; the cookie of the answer before.
    Paged {
        /// Entries of a page.
        size: u32,
        /// From the answer before; empty at first.
        cookie: Vec<u8>,
    },
    /// Names with GUID and SID, as [`super::ExtendedDn`] reads them.
    ExtendedDn,
    /// Deleted objects too.
    ShowDeleted,
    /// Answer when something changes, and never end ([MS-ADTS] 3.1.1.3.4.1.9).
    Notification,
    /// No referrals.
    DomainScope,
    /// Of security descriptors, who may do what; the rest of them only administrators may see.
    AccessList,
}

/// Asks for changes since a cookie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirSync {
    /// From the answer before; empty at first.
    pub cookie: Vec<u8>,
    /// How many bytes of attributes an answer has at most.
    pub max_bytes: i32,
}

/// What a controller says of the changes it has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirSyncAnswer {
    /// There is more.
    pub more: bool,
    /// To go on from.
    pub cookie: Vec<u8>,
}

/// A control that came with an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReceivedControl {
    /// What it is, as an object identifier with dots.
    pub oid: String,
    /// Its value.
    pub value: Vec<u8>,
}

impl Control {
    /// The control's object identifier.
    #[must_use]
    pub const fn oid(&self) -> &'static str {
        match self {
            Self::DirSync(_) => DIRSYNC,
            Self::Paged { .. } => PAGED,
            Self::ExtendedDn => EXTENDED_DN,
            Self::ShowDeleted => SHOW_DELETED,
            Self::Notification => NOTIFICATION,
            Self::DomainScope => DOMAIN_SCOPE,
            Self::AccessList => SD_FLAGS,
        }
    }

    fn value(&self) -> Option<Vec<u8>> {
        let contents = match self {
            Self::DirSync(DirSync { cookie, max_bytes }) => [
                integer(INTEGER, INCREMENTAL_VALUES),
                integer(INTEGER, i64::from(*max_bytes)),
                tlv(OCTET_STRING, cookie),
            ]
            .concat(),
            Self::Paged { size, cookie } => [
                integer(INTEGER, i64::from(*size)),
                tlv(OCTET_STRING, cookie),
            ]
            .concat(),
            // 1: GUID and SID as text rather than in hexadecimal digits.
            Self::ExtendedDn => integer(INTEGER, 1),
            // DACL_SECURITY_INFORMATION ([MS-DTYP] 2.4.7).
            Self::AccessList => integer(INTEGER, 4),
            Self::ShowDeleted | Self::Notification | Self::DomainScope => return None,
        };
        Some(tlv(SEQUENCE, &contents))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut contents = tlv(OCTET_STRING, self.oid().as_bytes());
        contents.extend(boolean(true));
        if let Some(value) = self.value() {
            contents.extend(tlv(OCTET_STRING, &value));
        }
        tlv(SEQUENCE, &contents)
    }
}

impl ReceivedControl {
    /// The controls of an answer.
    pub(super) fn read_all(bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut reader = Reader(bytes);
        let mut controls = Vec::new();
        while !reader.is_empty() {
            let mut control = Reader(reader.expect(SEQUENCE)?);
            let oid =
                String::from_utf8(control.expect(OCTET_STRING)?.to_vec()).map_err(|_| Malformed)?;
            let mut value = Vec::new();
            while !control.is_empty() {
                // The criticality stands between, if at all; it means nothing in an answer.
                if let (OCTET_STRING, contents) = control.any()? {
                    value = contents.to_vec();
                }
            }
            controls.push(Self { oid, value });
        }
        Ok(controls)
    }

    /// What it says of changes, if it is about them.
    #[must_use]
    pub fn dir_sync(&self) -> Option<DirSyncAnswer> {
        if self.oid != DIRSYNC {
            return None;
        }
        let mut value = Reader(Reader(&self.value).expect(SEQUENCE).ok()?);
        let more = value.integer(INTEGER).ok()? != 0;
        value.integer(INTEGER).ok()?;
        let cookie = value.expect(OCTET_STRING).ok()?.to_vec();
        Some(DirSyncAnswer { more, cookie })
    }

    /// The cookie of the next page, if it is about paging; empty after the last one.
    #[must_use]
    pub fn paged(&self) -> Option<Vec<u8>> {
        if self.oid != PAGED {
            return None;
        }
        let mut value = Reader(Reader(&self.value).expect(SEQUENCE).ok()?);
        value.integer(INTEGER).ok()?;
        Some(value.expect(OCTET_STRING).ok()?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incremental_values_travel_as_a_negative_number() {
        let control = Control::DirSync(DirSync {
            cookie: vec![],
            max_bytes: 1,
        });
        let value = control.value().unwrap();
        assert_eq!(value, [0x30, 11, 2, 4, 0x80, 0, 0, 0, 2, 1, 1, 4, 0]);
    }

    #[test]
    fn the_answer_tells_whether_there_is_more() {
        let value = [0x30, 11, 2, 1, 1, 2, 1, 0, 4, 3, 7, 8, 9];
        let control = ReceivedControl {
            oid: DIRSYNC.into(),
            value: value.to_vec(),
        };
        let answer = control.dir_sync().unwrap();
        assert!(answer.more);
        assert_eq!(answer.cookie, [7, 8, 9]);
        assert_eq!(control.paged(), None);
    }
}
