//! When and where the value of an attribute was written ([MS-DRSR] 5.11 AttributeStamp).

use crate::ndr::{NdrError, Reader};
use lockstep_model::{Guid, Timestamp};

/// Which writing of an attribute this is. Of two, the greater one is what the whole forest ends with:
/// versions are compared first, then times, then the databases in which they were written.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Stamp {
    /// Counts writings.
    pub version: u32,
    /// When, in seconds since 1601-01-01 (DSTIME, [MS-DRSR] 5.48).
    pub seconds: u64,
    /// The invocation id of the database in which it was written first.
    pub originating: Guid,
    /// The USN under which it was written there.
    pub usn: u64,
}

/// How many bytes a stamp has in a reply (`PROPERTY_META_DATA_EXT`).
pub(super) const SIZE: usize = 40;

/// Seconds between 1601-01-01 and 1970-01-01.
const DSTIME_EPOCH: i64 = 11_644_473_600;

impl Stamp {
    /// When the value was written.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let seconds = i64::try_from(self.seconds).unwrap_or(i64::MAX);
        let millis = seconds.saturating_sub(DSTIME_EPOCH).saturating_mul(1000);
        Timestamp::from_millis(millis)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, NdrError> {
        reader.align(8)?;
        Ok(Self {
            version: reader.u32()?,
            seconds: reader.u64()?,
            originating: reader.guid()?,
            usn: reader.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_counts_before_the_time_and_the_time_before_the_place() {
        let stamp = |version, seconds, place| Stamp {
            version,
            seconds,
            originating: Guid::from_bytes([place; 16]),
            usn: 1,
        };
        let ascending = [
            stamp(1, 90, 9),
            stamp(2, 10, 9),
            stamp(2, 11, 1),
            stamp(2, 11, 2),
        ];
        assert!(ascending.is_sorted());
        assert_eq!(
            stamp(1, 13_277_722_566, 1).time().to_string(),
            "2021-10-03T08:16:06.000Z"
        );
    }
}
