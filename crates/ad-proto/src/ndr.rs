//! Network Data Representation (C706 chapter 14), as far as directory replication needs it.
//!
//! Little-endian NDR20 only: it is the one transfer syntax that [`crate::rpc`] offers. Alignment counts from
//! the beginning of the stub, so one [`Writer`] or [`Reader`] belongs to one stub.
//!
//! Every number that a peer sends is an offer, not a fact: [`Reader::count`] compares it with a limit and
//! with the bytes that are really there, before anything is allocated for it.
//!
//! ```
//! use lockstep_ad_proto::ndr::{NdrError, Reader, Writer};
//!
//! let mut writer = Writer::default();
//! writer.u16(7);
//! writer.u32(1); // aligned to four: two bytes of padding stand before it
//! let stub = writer.into_bytes();
//! assert_eq!(stub, [7, 0, 0, 0, 1, 0, 0, 0]);
//!
//! let mut reader = Reader::new(&stub);
//! assert_eq!(reader.u16()?, 7);
//! assert_eq!(reader.u32()?, 1);
//! reader.finish()?;
//! # Ok::<(), NdrError>(())
//! ```

use lockstep_model::Guid;

/// Bytes that are not what their interface promises.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NdrError {
    /// They end too early.
    #[error("the data end {missing} bytes too early, in what begins at byte {offset}")]
    Short {
        /// Where the value begins that is not whole.
        offset: usize,
        /// How many bytes it lacks.
        missing: usize,
    },
    /// A count is larger than its interface allows, or than the bytes that follow.
    #[error("{count} {what} at byte {offset} are more than there can be ({limit})")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// Where the count stands.
        offset: usize,
        /// The count.
        count: u32,
        /// What there can be.
        limit: usize,
    },
    /// Two numbers that must agree do not.
    #[error("{what} at byte {offset} must be {expected}, received {received}")]
    Unequal {
        /// What it is.
        what: &'static str,
        /// Where it stands.
        offset: usize,
        /// What it must be.
        expected: u32,
        /// What it is.
        received: u32,
    },
    /// Something follows behind the end.
    #[error("{count} bytes follow behind the end, at byte {offset}")]
    Trailing {
        /// Where the end is.
        offset: usize,
        /// How many bytes follow.
        count: usize,
    },
}

/// Writes a stub.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    referents: u32,
}

/// Referent ids need to be distinct and not zero (C706 14.3.10); by custom they begin here.
const FIRST_REFERENT: u32 = 0x0002_0000;

impl Writer {
    /// The stub.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Fills up to a multiple of `boundary`.
    pub fn align(&mut self, boundary: usize) {
        let length = self.bytes.len().next_multiple_of(boundary);
        self.bytes.resize(length, 0);
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes, aligned to two.
    pub fn u16(&mut self, value: u16) {
        self.align(2);
        self.bytes(&value.to_le_bytes());
    }

    /// Four bytes, aligned to four.
    pub fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    /// Eight bytes, aligned to eight.
    pub fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes(&value.to_le_bytes());
    }

    /// A UUID, aligned to four.
    pub fn guid(&mut self, value: Guid) {
        self.align(4);
        self.bytes(&value.to_wire());
    }

    /// A number of elements or bytes.
    ///
    /// INVARIANT: what is counted is in memory and part of a request; requests have some kilobytes.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A pointer (C706 14.3.10); whoever writes one that is present writes its referent later, where the
    /// deferral rules want it (C706 14.3.12.3).
    pub fn pointer(&mut self, present: bool) {
        let referent = if present {
            self.referents = self.referents.wrapping_add(4);
            FIRST_REFERENT.wrapping_add(self.referents)
        } else {
            0
        };
        self.u32(referent);
    }
}

/// Reads a stub.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    stub: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the beginning of a stub.
    #[must_use]
    pub const fn new(stub: &'a [u8]) -> Self {
        Self { stub, position: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.stub.len().saturating_sub(self.position)
    }

    /// Passes over padding, up to a multiple of `boundary`.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn align(&mut self, boundary: usize) -> Result<(), NdrError> {
        let padding = self.position.next_multiple_of(boundary) - self.position;
        self.bytes(padding).map(|_| ())
    }

    /// So many bytes as they are.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], NdrError> {
        let rest = self.stub.get(self.position..).unwrap_or_default();
        let Some(bytes) = rest.get(..count) else {
            return Err(NdrError::Short {
                offset: self.position,
                missing: count.saturating_sub(rest.len()),
            });
        };
        self.position += count;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], NdrError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// One byte.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn u8(&mut self) -> Result<u8, NdrError> {
        self.array().map(u8::from_le_bytes)
    }

    /// Two bytes, aligned to two.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn u16(&mut self) -> Result<u16, NdrError> {
        self.align(2)?;
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, aligned to four.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn u32(&mut self) -> Result<u32, NdrError> {
        self.align(4)?;
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, aligned to eight.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn u64(&mut self) -> Result<u64, NdrError> {
        self.align(8)?;
        self.array().map(u64::from_le_bytes)
    }

    /// A UUID, aligned to four.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn guid(&mut self) -> Result<Guid, NdrError> {
        self.align(4)?;
        let offset = self.position;
        Guid::from_wire(self.bytes(16)?).map_err(|_| NdrError::Short { offset, missing: 0 })
    }

    /// Whether a pointer points at something.
    ///
    /// # Errors
    ///
    /// [`NdrError::Short`].
    pub fn pointer(&mut self) -> Result<bool, NdrError> {
        Ok(self.u32()? != 0)
    }

    /// A number of elements, each of which takes at least `size` bytes of what follows.
    ///
    /// # Errors
    ///
    /// [`NdrError::TooMany`] when they are more than `limit` or cannot all be in the stub.
    pub fn count(
        &mut self,
        what: &'static str,
        limit: u32,
        size: usize,
    ) -> Result<usize, NdrError> {
        let count = self.u32()?;
        let room = self.remaining() / size.max(1);
        let limit = usize::try_from(limit).map_or(room, |limit| limit.min(room));
        match usize::try_from(count) {
            Ok(number) if number <= limit => Ok(number),
            _ => Err(NdrError::TooMany {
                what,
                offset: self.position - 4,
                count,
                limit,
            }),
        }
    }

    /// A number that is already known from elsewhere, such as a count that stands once more before its array.
    ///
    /// # Errors
    ///
    /// [`NdrError::Unequal`].
    pub fn same(&mut self, what: &'static str, expected: u32) -> Result<(), NdrError> {
        let received = self.u32()?;
        if received == expected {
            return Ok(());
        }
        Err(NdrError::Unequal {
            what,
            offset: self.position - 4,
            expected,
            received,
        })
    }

    /// Nothing more may follow.
    ///
    /// # Errors
    ///
    /// [`NdrError::Trailing`].
    pub const fn finish(self) -> Result<(), NdrError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(NdrError::Trailing {
                offset: self.position,
                count,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_aligned_to_their_own_size() {
        let mut writer = Writer::default();
        writer.u8(1);
        writer.u64(2);
        writer.u8(3);
        writer.u32(4);
        let stub = writer.into_bytes();
        assert_eq!(stub.len(), 8 + 8 + 4 + 4);
        let mut reader = Reader::new(&stub);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u64(), Ok(2));
        assert_eq!(reader.u8(), Ok(3));
        assert_eq!(reader.u32(), Ok(4));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn pointers_are_distinct() {
        let mut writer = Writer::default();
        for present in [true, false, true] {
            writer.pointer(present);
        }
        assert_eq!(
            writer.into_bytes(),
            [4, 0, 2, 0, 0, 0, 0, 0, 8, 0, 2, 0],
            "0x00020004, null, 0x00020008"
        );
    }

    #[test]
    fn a_count_that_the_bytes_cannot_hold_is_refused_before_it_is_believed() {
        let stub = [200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let error = Reader::new(&stub).count("things", 1000, 4).unwrap_err();
        assert_eq!(
            error,
            NdrError::TooMany {
                what: "things",
                offset: 0,
                count: 200,
                limit: 2
            }
        );
        assert!(
            Reader::new(&[2, 0, 0, 0, 9, 9])
                .count("things", 1, 1)
                .is_err()
        );
        assert_eq!(
            Reader::new(&[2, 0, 0, 0, 9, 9]).count("things", 2, 1),
            Ok(2)
        );
        assert!(
            Reader::new(&[255; 16])
                .count("things", u32::MAX, 0)
                .is_err()
        );
    }

    #[test]
    fn what_ends_early_or_late_is_an_error() {
        assert_eq!(
            Reader::new(&[1, 2]).u32(),
            Err(NdrError::Short {
                offset: 0,
                missing: 2
            })
        );
        let mut reader = Reader::new(&[1, 0, 0, 0, 9]);
        reader.u32().unwrap();
        assert!(reader.align(8).is_err());
        assert_eq!(
            reader.finish(),
            Err(NdrError::Trailing {
                offset: 4,
                count: 1
            })
        );
        assert!(Reader::new(&[1, 0, 0, 0]).same("length", 2).is_err());
    }
}
