//! Asking for changes ([MS-DRSR] 4.1.10.2.7 DRS_MSG_GETCHGREQ_V8).

use super::{AttributeId, Handle, UpToDateVector, Watermark, attribute, bind, name};
use crate::ndr::Writer;
use lockstep_model::Guid;

/// `DRS_INIT_SYNC` and `DRS_WRIT_REP` ([MS-DRSR] 5.41): as for a full replica, which alone gets secrets.
const FULL_REPLICA: u32 = 0x20 | 0x10;
/// `DRS_INIT_SYNC` alone.
const PARTIAL_REPLICA: u32 = 0x20;
/// `EXOP_REPL_OBJ` ([MS-DRSR] 4.1.10.2.22).
const ONE_OBJECT: u32 = 6;
/// `PARTIAL_ATTR_VECTOR_V1_EXT` ([MS-DRSR] 5.145).
const ATTRIBUTES_VERSION: u32 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent<'a> {
    /// All changes of a naming context.
    NamingContext {
        /// Its distinguished name.
        dn: &'a str,
        /// From where; `None`: everything.
        from: Option<&'a Watermark>,
    },
    /// One object as it is, whatever of it has changed.
    Object {
        /// Its objectGUID.
        guid: Guid,
    },
}

/// The request of an `IDL_DRSGetNCChanges`.
#[derive(Clone, Copy, Debug)]
pub struct ChangesRequest<'a> {
    /// What is asked for.
    pub extent: Extent<'a>,
    /// Of which attributes; empty: of all.
    pub attributes: &'a [AttributeId],
    /// As a full replica would ask. Password hashes come only this way, and only to accounts with the right
    /// *Replicating Directory Changes All*.
    pub secrets: bool,
    /// About how many objects a reply is to have at most.
    pub objects: u32,
    /// About how many bytes a reply is to have at most. Samba does not care.
    pub bytes: u32,
}

impl ChangesRequest<'_> {
    /// The stub.
    #[must_use]
    pub fn encode(&self, handle: Handle) -> Vec<u8> {
        const VERSION: u32 = 8;
        let (guid, dn, from, operation) = match self.extent {
            Extent::NamingContext { dn, from } => (Guid::NIL, dn, from, 0),
            Extent::Object { guid } => (guid, "", None, ONE_OBJECT),
        };
        let nothing = UpToDateVector::default();
        let known = from.map_or(&nothing, |from| &from.up_to_date);
        let flags = match self.secrets {
            true => FULL_REPLICA,
            false => PARTIAL_REPLICA,
        };
        let mut writer = Writer::default();
        handle.write(&mut writer);
        writer.u32(VERSION);
        writer.u32(VERSION); // The union's own, then the arm, aligned for the numbers of eight bytes in it.
        writer.align(8);
        writer.guid(bind::CLIENT);
        writer.guid(from.map_or(Guid::NIL, |from| from.invocation_id));
        writer.pointer(true);
        from.map_or_else(Default::default, |from| from.position)
            .write(&mut writer);
        writer.pointer(!known.cursors.is_empty());
        writer.u32(flags);
        writer.u32(self.objects);
        writer.u32(self.bytes);
        writer.u32(operation);
        writer.u64(0); // For operations on roles.
        writer.pointer(!self.attributes.is_empty());
        writer.pointer(false); // Attributes that would be new to a partial replica.
        attribute::write_prefix_table(&mut writer);
        // What the pointers point at, in their order (C706 14.3.12.3).
        name::write(&mut writer, guid, dn);
        if !known.cursors.is_empty() {
            known.write(&mut writer);
        }
        if !self.attributes.is_empty() {
            writer.count(self.attributes.len());
            writer.u32(ATTRIBUTES_VERSION);
            writer.u32(0);
            writer.count(self.attributes.len());
            for attribute in self.attributes {
                writer.u32(attribute.number());
            }
        }
        attribute::write_prefixes(&mut writer);
        writer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bound, UsnVector};
    use super::*;

    fn handle() -> Handle {
        let mut writer = Writer::default();
        writer.pointer(true);
        writer.u32(4);
        writer.u32(4);
        writer.u32(u32::MAX);
        writer.bytes(&[7; 20]);
        writer.u32(0);
        Bound::decode(&writer.into_bytes()).unwrap().handle
    }

    #[test]
    fn a_first_request_is_laid_out_as_the_interface_says() {
        let request = ChangesRequest {
            extent: Extent::NamingContext {
                dn: "DC=x",
                from: None,
            },
            attributes: &[AttributeId::UNICODE_PWD],
            secrets: true,
            objects: 500,
            bytes: 1 << 20,
        };
        let stub = request.encode(handle());
        let words = |from: usize, count: usize| -> Vec<u32> {
            stub[from..from + 4 * count]
                .chunks(4)
                .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
                .collect()
        };
        assert_eq!(stub[..20], [7; 20]);
        assert_eq!(words(20, 3), [8, 8, 0], "version twice, padding");
        assert_eq!(stub[32..48], bind::CLIENT.to_wire());
        assert_eq!(stub[48..64], [0; 16], "no invocation id");
        assert_eq!(words(64, 2), [0x0002_0004, 0], "the name; padding");
        assert_eq!(stub[72..96], [0; 24], "from the beginning");
        assert_eq!(words(96, 5), [0, 0x30, 500, 1 << 20, 0]);
        assert_eq!(words(116, 1), [0], "padding before eight bytes");
        assert_eq!(words(120, 6), [0, 0, 0x0002_0008, 0, 4, 0x0002_000c]);
        assert_eq!(words(144, 3), [5, 66, 0], "the name's count, size, SID");
        assert_eq!(stub[200..214], *b"\x04\0\0\0D\0C\0=\0x\0\0\0");
        assert_eq!(words(216, 5), [1, 1, 0, 1, 0x9005a]);
        assert_eq!(words(236, 1), [4], "entries of the prefix table");
    }

    #[test]
    fn a_later_request_carries_the_watermark() {
        let from = Watermark {
            invocation_id: Guid::from_bytes([5; 16]),
            position: UsnVector {
                object_update: 1,
                reserved: 2,
                property_update: 3,
            },
            up_to_date: UpToDateVector {
                cursors: vec![(Guid::from_bytes([6; 16]), 99)],
            },
        };
        let request = ChangesRequest {
            extent: Extent::NamingContext {
                dn: "DC=x",
                from: Some(&from),
            },
            attributes: &[],
            secrets: false,
            objects: 1,
            bytes: 1,
        };
        let stub = request.encode(handle());
        assert_eq!(stub[48..64], [5; 16]);
        assert_eq!((stub[72], stub[80], stub[88]), (1, 2, 3));
        assert_ne!(stub[96..100], [0; 4], "a pointer to the vector");
        assert_eq!(stub[100], 0x20);
        let cursor = [&[6; 16][..], &[99, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(stub.windows(24).any(|window| window == cursor));
    }

    #[test]
    fn a_single_object_is_named_by_its_guid() {
        let guid = Guid::from_bytes([9; 16]);
        let request = ChangesRequest {
            extent: Extent::Object { guid },
            attributes: &[],
            secrets: true,
            objects: 1,
            bytes: 1,
        };
        let stub = request.encode(handle());
        assert_eq!(stub[112], 6, "EXOP_REPL_OBJ");
        assert!(stub.windows(16).any(|window| window == guid.to_wire()));
    }
}
