//! Names of objects ([MS-DRSR] 5.50 DSNAME).

use crate::ndr::{NdrError, Reader, Writer};
use lockstep_model::{Guid, Sid};

/// Everything in a name but its text.
const FIXED: usize = 56;
const SID_SIZE: usize = 28;
/// The most that [MS-DRSR] 5.50 allows, in characters of two bytes.
const LARGEST_NAME: u32 = 10_485_761;

/// An object as replication names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectName<'a> {
    /// Its objectGUID; nil when the name does not say.
    pub guid: Guid,
    /// Its objectSid, for what has one: always there, even where an answer holds only changes.
    pub sid: Option<Sid>,
    text: &'a [u8],
}

impl<'a> ObjectName<'a> {
    /// The name of an object by its identity alone.
    #[must_use]
    pub const fn of(guid: Guid, sid: Option<Sid>) -> Self {
        Self {
            guid,
            sid,
            text: &[],
        }
    }

    /// Its distinguished name.
    #[must_use]
    pub fn dn(&self) -> String {
        let (units, _) = self.text.as_chunks::<2>();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, NdrError> {
        // A conformant structure: the size of its last array stands before it (C706 14.3.7.1).
        let offset = reader.position();
        let units = reader.count("characters of a name", LARGEST_NAME, 2)?;
        reader.u32()?; // Its length in bytes, which the other numbers say as well.
        let sid_length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        let guid = reader.guid()?;
        let sid = reader.bytes(SID_SIZE)?;
        let length = reader.u32()?;
        if usize::try_from(length).map(|length| length.saturating_add(1)) != Ok(units) {
            return Err(NdrError::Unequal {
                what: "characters of a name",
                offset,
                expected: length.saturating_add(1),
                received: u32::try_from(units).unwrap_or(u32::MAX),
            });
        }
        let text = reader.bytes((units - 1) * 2)?;
        reader.bytes(2)?; // The zero at the end.
        // A SID that is none is no reason to lose the object: nothing can be decrypted without it.
        let sid = sid
            .get(..sid_length)
            .and_then(|sid| Sid::from_wire(sid).ok());
        Ok(Self { guid, sid, text })
    }
}

/// Writes the name of an object by its objectGUID, or by its distinguished name where the GUID is nil.
pub(super) fn write(writer: &mut Writer, guid: Guid, dn: &str) {
    let units: Vec<u16> = dn.encode_utf16().collect();
    writer.count(units.len() + 1);
    writer.count(FIXED + (units.len() + 1) * 2);
    writer.u32(0);
    writer.guid(guid);
    writer.bytes(&[0; SID_SIZE]);
    writer.count(units.len());
    for unit in units {
        writer.u16(unit);
    }
    writer.u16(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was_written() {
        let guid = Guid::from_bytes([7; 16]);
        for dn in ["", "DC=corp,DC=test", "CN=Zoë 🦀,DC=x"] {
            let mut writer = Writer::default();
            write(&mut writer, guid, dn);
            let stub = writer.into_bytes();
            assert_eq!(stub.len(), 4 + FIXED + (dn.encode_utf16().count() + 1) * 2);
            let mut reader = Reader::new(&stub);
            let name = ObjectName::read(&mut reader).unwrap();
            assert_eq!(reader.finish(), Ok(()));
            assert_eq!((name.guid, name.dn().as_str(), name.sid), (guid, dn, None));
            for length in 0..stub.len() {
                assert!(ObjectName::read(&mut Reader::new(&stub[..length])).is_err());
            }
        }
    }

    #[test]
    fn a_name_whose_lengths_differ_is_refused() {
        let mut writer = Writer::default();
        write(&mut writer, Guid::NIL, "DC=x");
        let mut stub = writer.into_bytes();
        stub[0] = 4;
        assert!(matches!(
            ObjectName::read(&mut Reader::new(&stub)),
            Err(NdrError::Unequal { .. })
        ));
        stub[0] = 0;
        assert!(ObjectName::read(&mut Reader::new(&stub)).is_err());
    }
}
