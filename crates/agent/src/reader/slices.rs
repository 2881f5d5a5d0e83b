//! Cutting everything into slices, for controllers that would answer with a single page.
//!
//! Such a controller reads all of a domain before it says the first word. Every object has the number of the change that made it, uSNCreated,
//! for good: ranges of that number are slices that do not overlap and leave nothing out.

use lockstep_ad_proto::ldap::Filter;

/// The attribute that is cut by.
pub(super) const CUT_BY: &str = "uSNCreated";

/// How many entries a slice should have: large enough that asking costs nothing beside reading, small enough
/// that the service has something to do early.
const ENTRIES: u64 = 1_000;
/// The widths of slices. At most as many objects as that are in one.
const FIRST: u64 = 1 << 10;
const LEAST: u64 = 1 << 8;
const MOST: u64 = 1 << 15;

/// Cuts the numbers up to the highest one.
#[derive(Debug)]
pub(super) struct Cutter {
    from: u64,
    highest: u64,
    width: u64,
}

impl Cutter {
    pub(super) const fn new(highest: u64) -> Self {
        Self {
            from: 0,
            highest,
            width: FIRST,
        }
    }

    /// The next slice, as what has to be true of an object besides everything else.
    pub(super) fn next(&mut self) -> Option<[Filter; 2]> {
        if self.from > self.highest {
            return None;
        }
        let number = |number: u64| number.to_string().into_bytes();
        let first = self.from;
        let last = first.saturating_add(self.width - 1);
        self.from = last.saturating_add(1);
        Some([
            Filter::AtLeast(CUT_BY.to_owned(), number(first)),
            Filter::AtMost(CUT_BY.to_owned(), number(last)),
        ])
    }

    /// Makes slices wider where there was little, and narrower where there was much.
    pub(super) fn learn(&mut self, entries: u64) {
        if entries < ENTRIES / 4 {
            self.width = (self.width * 2).min(MOST);
        } else if entries > ENTRIES * 2 {
            self.width = (self.width / 2).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(slice: &[Filter; 2]) -> (u64, u64) {
        let number = |value: &[u8]| std::str::from_utf8(value).unwrap().parse().unwrap();
        match slice {
            [Filter::AtLeast(_, first), Filter::AtMost(_, last)] => (number(first), number(last)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn slices_follow_each_other_up_to_the_highest_number() {
        for (highest, entries) in [(0, 0), (1_023, 9), (5_000, 9), (100_000, 4_000)] {
            let mut cutter = Cutter::new(highest);
            let mut next = 0;
            while let Some(slice) = cutter.next() {
                let (first, last) = range(&slice);
                assert_eq!(first, next);
                assert!(last >= first && last - first < MOST);
                next = last + 1;
                cutter.learn(entries);
            }
            assert!(next > highest);
        }
    }

    #[test]
    fn a_long_stretch_of_nothing_is_passed_in_few_steps() {
        let mut cutter = Cutter::new(1_000_000);
        let steps = std::iter::from_fn(|| {
            cutter.learn(0);
            cutter.next()
        });
        assert!(steps.count() < 40);
        cutter.learn(2_001);
        assert_eq!(cutter.width, MOST / 2);
    }
}
