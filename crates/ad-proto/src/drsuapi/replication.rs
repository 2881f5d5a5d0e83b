//! How one page follows another ([MS-DRSR] 1.3.2, 4.1.10.6).

use super::{Changes, DrsError, Extent, UpToDateVector, UsnVector};
use lockstep_model::Guid;

/// How far a reader is in a naming context.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Watermark {
    /// Whose numbers the position has.
    pub invocation_id: Guid,
    /// Where to go on, in that database.
    pub position: UsnVector,
    /// What is known of all databases.
    pub up_to_date: UpToDateVector,
}

/// A cycle: page after page of a naming context, until there is no more.
///
/// A cycle that is broken off has no watermark: its pages may be kept, and are read again.
#[derive(Clone, Debug)]
pub struct Replication {
    naming_context: String,
    from: Option<Watermark>,
    source: Option<Guid>,
}

/// What a page means for the cycle.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "without the watermark the next cycle reads everything again"]
pub enum Progress {
    /// Ask for the next page.
    More,
    /// Everything up to here has been read.
    Complete(Watermark),
}

impl Replication {
    /// Begins a cycle at a watermark, or at the beginning.
    ///
    /// `invocation_id` names the database that is asked. When it is not the watermark's, the position means
    /// nothing to it, but what is known of all databases does: only what the reader really lacks comes.
    #[must_use]
    pub fn new(naming_context: &str, from: Option<Watermark>, invocation_id: Guid) -> Self {
        let from = from.map(|from| match from.invocation_id == invocation_id {
            true => from,
            false => Watermark {
                invocation_id,
                position: UsnVector::default(),
                up_to_date: from.up_to_date,
            },
        });
        Self {
            naming_context: naming_context.to_owned(),
            from,
            source: None,
        }
    }

    /// What to ask for next.
    #[must_use]
    pub fn next_page(&self) -> Extent<'_> {
        Extent::NamingContext {
            dn: &self.naming_context,
            from: self.from.as_ref(),
        }
    }

    /// Takes a page, whose contents are the caller's affair.
    ///
    /// # Errors
    ///
    /// [`DrsError::OtherSource`], and [`DrsError::NoProgress`] where it would go on for ever.
    pub fn page(&mut self, page: &Changes<'_>) -> Result<Progress, DrsError> {
        let source = *self.source.get_or_insert(page.invocation_id);
        if source != page.invocation_id {
            return Err(DrsError::OtherSource);
        }
        let before = self.from.take().unwrap_or_default();
        let stands_still = page.position == before.position && page.links == 0;
        let next = Watermark {
            invocation_id: source,
            position: page.position,
            // Only the last page may say that everything is known: until then the old vector holds.
            up_to_date: match (&page.up_to_date, page.more) {
                (Some(vector), false) => vector.clone(),
                _ => before.up_to_date,
            },
        };
        if !page.more {
            return Ok(Progress::Complete(next));
        }
        if stands_still {
            return Err(DrsError::NoProgress);
        }
        self.from = Some(next);
        Ok(Progress::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(source: u8, usn: u64, vector: Option<u64>, more: bool) -> Changes<'static> {
        Changes {
            invocation_id: Guid::from_bytes([source; 16]),
            position: at(usn),
            up_to_date: vector.map(known),
            more,
            objects: vec![],
            links: 0,
        }
    }

    fn at(usn: u64) -> UsnVector {
        UsnVector {
            object_update: usn,
            reserved: usn + 1,
            property_update: usn + 2,
        }
    }

    fn known(usn: u64) -> UpToDateVector {
        UpToDateVector {
            cursors: vec![(Guid::from_bytes([1; 16]), usn)],
        }
    }

    fn watermark(usn: u64, vector: u64) -> Watermark {
        Watermark {
            invocation_id: Guid::from_bytes([1; 16]),
            position: at(usn),
            up_to_date: known(vector),
        }
    }

    #[test]
    fn the_vector_counts_only_when_everything_was_read() {
        let source = Guid::from_bytes([1; 16]);
        let mut cycle = Replication::new("DC=x", Some(watermark(5, 5)), source);
        // Even if a server sent one earlier, an interruption would lose what follows.
        assert_eq!(cycle.page(&page(1, 7, Some(9), true)), Ok(Progress::More));
        let Extent::NamingContext { from, .. } = cycle.next_page() else {
            panic!("a naming context is read");
        };
        assert_eq!(from, Some(&watermark(7, 5)));
        assert_eq!(
            cycle.page(&page(1, 9, Some(9), false)),
            Ok(Progress::Complete(watermark(9, 9)))
        );
    }

    #[test]
    fn another_database_gets_the_vector_and_no_position() {
        let other = Guid::from_bytes([2; 16]);
        let cycle = Replication::new("DC=x", Some(watermark(5, 5)), other);
        let Extent::NamingContext { from, .. } = cycle.next_page() else {
            panic!("a naming context is read");
        };
        let expected = Watermark {
            invocation_id: other,
            position: UsnVector::default(),
            up_to_date: known(5),
        };
        assert_eq!(from, Some(&expected));
    }

    #[test]
    fn a_cycle_that_does_not_get_on_is_ended() {
        let source = Guid::from_bytes([1; 16]);
        let mut cycle = Replication::new("DC=x", None, source);
        assert_eq!(cycle.page(&page(1, 7, None, true)), Ok(Progress::More));
        assert_eq!(
            cycle.page(&page(1, 7, None, true)),
            Err(DrsError::NoProgress)
        );
        let mut cycle = Replication::new("DC=x", None, source);
        assert_eq!(cycle.page(&page(1, 7, None, true)), Ok(Progress::More));
        assert_eq!(
            cycle.page(&page(2, 9, None, true)),
            Err(DrsError::OtherSource)
        );
    }
}
