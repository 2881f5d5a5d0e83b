//! Positions: how far a reader is ([MS-DRSR] 1.3.2, 5.209 to 5.211).

use crate::ndr::{NdrError, Reader, Writer};
use lockstep_model::Guid;

/// A position in the changes of one database; what its numbers mean is the server's affair
/// ([MS-DRSR] 5.210 USN_VECTOR). The default is the beginning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UsnVector {
    /// `usnHighObjUpdate`.
    pub object_update: u64,
    /// `usnReserved`. Samba keeps its place among the links here.
    pub reserved: u64,
    /// `usnHighPropUpdate`.
    pub property_update: u64,
}

impl UsnVector {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.u64(self.object_update);
        writer.u64(self.reserved);
        writer.u64(self.property_update);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, NdrError> {
        Ok(Self {
            object_update: reader.u64()?,
            reserved: reader.u64()?,
            property_update: reader.u64()?,
        })
    }
}

/// What a reader has of each database of the forest, by invocation id: whichever controller it asks, it is
/// not told again ([MS-DRSR] 5.166). Empty at first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UpToDateVector {
    /// Invocation ids, and the last USN of each that the reader has.
    pub cursors: Vec<(Guid, u64)>,
}

/// `UPTODATE_VECTOR_V1_EXT`, in requests, and `UPTODATE_VECTOR_V2_EXT`, in replies.
const VERSION_IN_REQUESTS: u32 = 1;
const VERSION_IN_REPLIES: u32 = 2;
/// The most that [MS-DRSR] 5.209 allows.
const LARGEST_VECTOR: u32 = 1 << 20;

impl UpToDateVector {
    /// Writes what a request points at.
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.count(self.cursors.len());
        writer.align(8);
        writer.u32(VERSION_IN_REQUESTS);
        writer.u32(0);
        writer.count(self.cursors.len());
        writer.u32(0);
        for (database, usn) in &self.cursors {
            writer.guid(*database);
            writer.u64(*usn);
        }
    }

    /// Reads what a reply points at.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, NdrError> {
        const CURSOR: usize = 32;
        let count = reader.count("cursors", LARGEST_VECTOR, CURSOR)?;
        reader.align(8)?;
        reader.same("version of the vector", VERSION_IN_REPLIES)?;
        reader.u32()?;
        reader.same("cursors", u32::try_from(count).unwrap_or(u32::MAX))?;
        reader.u32()?;
        let mut cursors = Vec::with_capacity(count);
        for _ in 0..count {
            let database = reader.guid()?;
            let usn = reader.u64()?;
            reader.u64()?; // When it was last heard of.
            cursors.push((database, usn));
        }
        Ok(Self { cursors })
    }
}
