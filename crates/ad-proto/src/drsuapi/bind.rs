//! Agreeing on capabilities ([MS-DRSR] 4.1.3 IDL_DRSBind, 4.1.25 IDL_DRSUnbind).

use super::{DrsError, Status};
use crate::ndr::{Reader, Writer};
use lockstep_model::Guid;

/// Names client programs that are no domain controllers ([MS-DRSR] 4.1.3.1, `NTDSAPI_CLIENT_GUID`).
pub(super) const CLIENT: Guid = Guid::from_bytes([
    0xe2, 0x4d, 0x20, 0x1a, 0x4f, 0xd6, 0x11, 0xd1, 0xa3, 0xda, 0x00, 0x00, 0xf8, 0x75, 0xae, 0x0d,
]);

/// Capabilities ([MS-DRSR] 5.39, `dwFlags`). What is not claimed is not sent: neither compressed replies
/// (`DRS_EXT_GETCHG_DEFLATE`) nor those of version 9.
mod capability {
    pub(super) const BASE: u32 = 0x1;
    pub(super) const ASYNC_REPLICATION: u32 = 0x2;
    pub(super) const RESTORE_USN_OPTIMIZATION: u32 = 0x40;
    pub(super) const LINKED_VALUE_REPLICATION: u32 = 0x400;
    /// Secrets are encrypted with the session key, and sent only to who says that it knows how.
    pub(super) const STRONG_ENCRYPTION: u32 = 0x8000;
    pub(super) const POST_BETA3: u32 = 0x8_0000;
    pub(super) const REQUEST_V5: u32 = 0x10_0000;
    pub(super) const REQUEST_V6: u32 = 0x40_0000;
    pub(super) const REQUEST_V8: u32 = 0x100_0000;
    pub(super) const REPLY_V5: u32 = 0x200_0000;
    pub(super) const REPLY_V6: u32 = 0x400_0000;
}

const OURS: u32 = capability::BASE
    | capability::ASYNC_REPLICATION
    | capability::RESTORE_USN_OPTIMIZATION
    | capability::LINKED_VALUE_REPLICATION
    | capability::STRONG_ENCRYPTION
    | capability::POST_BETA3
    | capability::REQUEST_V5
    | capability::REQUEST_V6
    | capability::REQUEST_V8
    | capability::REPLY_V5
    | capability::REPLY_V6;

/// Without these, nothing of what follows would work.
const NEEDED: u32 = capability::STRONG_ENCRYPTION | capability::REQUEST_V8 | capability::REPLY_V6;

/// `DRS_EXTENSIONS_INT` from `dwFlags` to `dwExtCaps`.
const EXTENSIONS: usize = 52;
/// The most that the interface allows ([MS-DRSR] 5.38).
const LARGEST_EXTENSIONS: u32 = 10_000;

/// The request of an `IDL_DRSBind`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindRequest {
    /// The replication epoch, which grows when a domain is renamed: zero at first, then what [`Bound`] says.
    /// With another one, a bind succeeds and everything after it fails with [`Status::OTHER_EPOCH`].
    pub epoch: u32,
}

impl BindRequest {
    /// The stub.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.pointer(true);
        writer.guid(CLIENT);
        writer.pointer(true);
        writer.count(EXTENSIONS);
        writer.count(EXTENSIONS);
        writer.u32(OURS);
        writer.guid(Guid::NIL); // The site: we have none.
        writer.u32(0); // A process id, for people.
        writer.u32(self.epoch);
        writer.u32(0); // `dwFlagsExt`: no recycle bin of our own, no replies of version 9.
        writer.guid(Guid::NIL);
        writer.u32(0);
        writer.into_bytes()
    }
}

/// A context on the server, given in each call ([MS-DRSR] 2.2.4.1 DRS_HANDLE).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Handle([u8; 20]);

impl Handle {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.align(4);
        writer.bytes(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DrsError> {
        let mut handle = [0; 20];
        handle.copy_from_slice(reader.bytes(20)?);
        Ok(Self(handle))
    }

    /// The stub of an `IDL_DRSUnbind`.
    #[must_use]
    pub fn unbind(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// The answer to a bind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bound {
    /// For all calls that follow.
    pub handle: Handle,
    /// The server's replication epoch. When it is not the one that was sent, bind again with it.
    pub epoch: u32,
}

impl Bound {
    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// [`DrsError`]; [`DrsError::Incapable`] for a server from before 2003.
    pub fn decode(stub: &[u8]) -> Result<Self, DrsError> {
        let mut reader = Reader::new(stub);
        let extensions = match reader.pointer()? {
            true => {
                let count = reader.count("bytes of capabilities", LARGEST_EXTENSIONS, 1)?;
                reader.same("bytes of capabilities", u32::try_from(count).unwrap_or(0))?;
                reader.bytes(count)?
            }
            false => &[],
        };
        reader.align(4)?;
        let handle = Handle::read(&mut reader)?;
        match reader.u32()? {
            0 => reader.finish()?,
            status => return Err(DrsError::Status(Status(status))),
        }
        // Older servers send less of the structure: what is missing is zero.
        let word = |offset: usize| {
            let bytes = extensions.get(offset..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let missing = NEEDED & !word(0);
        if missing != 0 {
            return Err(DrsError::Incapable { missing });
        }
        Ok(Self {
            handle,
            epoch: word(24),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(flags: u32, epoch: u32, size: usize, status: u32) -> Vec<u8> {
        let mut extensions = flags.to_le_bytes().to_vec();
        extensions.extend([0; 20]);
        extensions.extend(epoch.to_le_bytes());
        extensions.resize(size, 0);
        let mut writer = Writer::default();
        writer.pointer(true);
        writer.count(size);
        writer.count(size);
        writer.bytes(&extensions);
        writer.align(4);
        writer.bytes(&[7; 20]);
        writer.u32(status);
        writer.into_bytes()
    }

    #[test]
    fn the_request_claims_what_it_can_and_nothing_else() {
        let stub = BindRequest { epoch: 3 }.encode();
        assert_eq!(stub.len(), 4 + 16 + 4 + 4 + 4 + 52);
        assert_eq!(
            stub[24..36],
            [52, 0, 0, 0, 52, 0, 0, 0, 0x43, 0x84, 0x58, 0x07]
        );
        assert_eq!(stub[56..60], [3, 0, 0, 0]);
    }

    #[test]
    fn handle_and_epoch_are_taken_from_the_answer() {
        // What Samba 4.17 claims; Windows Server sends 52 bytes, Windows Server 2003 had 28.
        for size in [28, 48, 52, 55] {
            let bound = Bound::decode(&answer(0x2fff_ff6f, 5, size, 0)).unwrap();
            assert_eq!(bound.epoch, 5);
            assert_eq!(bound.handle.unbind(), [7; 20]);
        }
    }

    #[test]
    fn a_server_that_cannot_or_will_not_is_an_error() {
        assert_eq!(
            Bound::decode(&answer(0x2fff_ff6f & !0x400_8000, 0, 52, 0)),
            Err(DrsError::Incapable {
                missing: 0x400_8000
            })
        );
        assert_eq!(
            Bound::decode(&answer(0, 0, 52, 8453)),
            Err(DrsError::Status(Status::ACCESS_DENIED))
        );
        let stub = answer(0x2fff_ff6f, 0, 52, 0);
        for length in 0..stub.len() {
            assert!(matches!(
                Bound::decode(&stub[..length]),
                Err(DrsError::Unreadable(_))
            ));
        }
    }
}
