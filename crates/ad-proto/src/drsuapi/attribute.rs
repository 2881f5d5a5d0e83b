//! Attributes by number ([MS-DRSR] 5.14 ATTRTYP, 5.16.4 prefix tables).
//!
//! On the wire an attribute is a 32-bit number: an index into a table of object identifiers' beginnings,
//! and the identifier's last number. Both sides send their table along. Ours has the beginnings that every
//! schema has ([MS-DRSR] 5.16.4), so an [`AttributeId`] means the same everywhere; numbers of a server are
//! translated by its table.

use crate::ndr::{NdrError, Reader, Writer};

/// The attribute's number under the beginnings that every schema has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttributeId(u32);

impl AttributeId {
    /// `objectClass` (2.5.4.0).
    pub const OBJECT_CLASS: Self = Self(0);
    /// `isDeleted` (1.2.840.113556.1.2.48).
    pub const IS_DELETED: Self = Self(0x0002_0030);
    /// `userAccountControl` (1.2.840.113556.1.4.8).
    pub const USER_ACCOUNT_CONTROL: Self = Self(0x0009_0008);
    /// `unicodePwd` (1.2.840.113556.1.4.90): the NT hash, encrypted.
    pub const UNICODE_PWD: Self = Self(0x0009_005a);
    /// `pwdLastSet` (1.2.840.113556.1.4.96).
    pub const PWD_LAST_SET: Self = Self(0x0009_0060);
    /// `objectSid` (1.2.840.113556.1.4.146).
    pub const OBJECT_SID: Self = Self(0x0009_0092);
    /// `accountExpires` (1.2.840.113556.1.4.159).
    pub const ACCOUNT_EXPIRES: Self = Self(0x0009_009f);
    /// `sAMAccountName` (1.2.840.113556.1.4.221).
    pub const SAM_ACCOUNT_NAME: Self = Self(0x0009_00dd);

    /// An attribute by its number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Index and beginning, as BER writes object identifiers, without its last number.
type Prefix = (u32, &'static [u8]);

/// The beginnings that requests need ([MS-DRSR] 5.16.4).
const PREFIXES: [Prefix; 3] = [
    (0, &[0x55, 0x04]),                                     // 2.5.4
    (2, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0x02]), // 1.2.840.113556.1.2
    (9, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0x04]), // 1.2.840.113556.1.4
];

/// The last entry of a table says which schema its owner has ([MS-DRSR] 5.176 schemaInfo): none, in our case.
/// Samba refuses a table without it.
const SCHEMA_INFO: [u8; 21] = {
    let mut info = [0; 21];
    info[0] = 0xff;
    info
};

/// More entries than any schema has.
const LARGEST_TABLE: u32 = 1 << 20;
/// `OID_t` ([MS-DRSR] 5.143) has at most so many bytes.
const LARGEST_PREFIX: u32 = 10_000;

/// Writes the fixed part of our table, a `SCHEMA_PREFIX_TABLE`; [`write_prefixes`] writes what it points at.
pub(super) fn write_prefix_table(writer: &mut Writer) {
    writer.count(entries().count());
    writer.pointer(true);
}

/// Writes the entries of our table.
pub(super) fn write_prefixes(writer: &mut Writer) {
    writer.count(entries().count());
    for (index, prefix) in entries() {
        writer.u32(index);
        writer.count(prefix.len());
        writer.pointer(true);
    }
    for (_, prefix) in entries() {
        writer.count(prefix.len());
        writer.bytes(prefix);
    }
}

fn entries() -> impl Iterator<Item = Prefix> {
    PREFIXES.into_iter().chain([(0, &SCHEMA_INFO[..])])
}

/// A server's table, as far as it has beginnings that we know: its index, and ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Translation(Vec<(u32, u32)>);

impl Translation {
    /// Reads the entries of a server's table, whose fixed part said that there are `count`.
    pub(super) fn read(reader: &mut Reader<'_>, count: u32) -> Result<Self, NdrError> {
        reader.same("prefixes", count)?;
        let mut heads = Vec::new();
        for _ in 0..count.min(LARGEST_TABLE) {
            let index = reader.u32()?;
            let length = reader.u32()?;
            let present = reader.pointer()?;
            heads.push((index, length, present));
        }
        let mut known = Vec::new();
        for (index, length, present) in heads {
            if !present {
                continue;
            }
            let count = reader.count("bytes of a prefix", LARGEST_PREFIX, 1)?;
            if u32::try_from(count) != Ok(length) {
                return Err(NdrError::Unequal {
                    what: "bytes of a prefix",
                    offset: reader.position() - 4,
                    expected: length,
                    received: u32::try_from(count).unwrap_or(u32::MAX),
                });
            }
            let prefix = reader.bytes(count)?;
            let ours = PREFIXES.iter().find(|(_, known)| *known == prefix);
            known.extend(ours.map(|(ours, _)| (index, *ours)));
        }
        Ok(Self(known))
    }

    /// Our number for a server's. What is under a beginning that we do not know was not asked for.
    pub(super) fn ours(&self, theirs: u32) -> Option<AttributeId> {
        let index = theirs >> 16;
        let known = self.0.iter().find(|(theirs, _)| *theirs == index);
        known.map(|(_, ours)| AttributeId(ours << 16 | (theirs & 0xffff)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_server_are_translated_by_its_table() {
        let mut writer = Writer::default();
        let table: [(u32, &[u8]); 3] = [(40, PREFIXES[2].1), (1, &[0x55, 0x06]), (0, &SCHEMA_INFO)];
        writer.u32(3);
        for (index, prefix) in table {
            writer.u32(index);
            writer.count(prefix.len());
            writer.pointer(true);
        }
        for (_, prefix) in table {
            writer.count(prefix.len());
            writer.bytes(prefix);
        }
        let stub = writer.into_bytes();
        let table = Translation::read(&mut Reader::new(&stub), 3).unwrap();
        assert_eq!(table.ours(0x0028_005a), Some(AttributeId::UNICODE_PWD));
        assert_eq!(table.ours(0x0009_005a), None);
        assert_eq!(table.ours(0x0001_0001), None);
        for length in 0..stub.len() {
            let torn = Translation::read(&mut Reader::new(&stub[..length]), 3);
            assert!(torn.is_err(), "{length} bytes");
        }
    }

    #[test]
    fn our_own_table_is_read_back_and_ends_with_the_schema_info() {
        let mut writer = Writer::default();
        write_prefixes(&mut writer);
        let stub = writer.into_bytes();
        assert!(stub.ends_with(&SCHEMA_INFO));
        let mut reader = Reader::new(&stub);
        let table = Translation::read(&mut reader, 4).unwrap();
        assert_eq!(reader.finish(), Ok(()));
        for id in [
            AttributeId::OBJECT_CLASS,
            AttributeId::IS_DELETED,
            AttributeId::UNICODE_PWD,
        ] {
            assert_eq!(table.ours(id.number()), Some(id));
        }
    }
}
