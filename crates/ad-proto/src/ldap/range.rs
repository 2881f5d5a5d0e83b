//! Attribute names with a range ([MS-ADTS] 3.1.1.3.1.3.3): `member;range=0-1499`.

/// Where a range ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RangeEnd {
    /// At this value.
    At(u32),
    /// At the last value.
    Last,
}

/// Takes the range off an attribute's name.
///
/// In an answer with incremental values `1-1` marks values that were added, and `0-0` those that were
/// removed ([MS-ADTS] 3.1.1.3.4.1.3); elsewhere it is the stretch of values that the answer holds.
#[must_use]
pub fn attribute_range(name: &str) -> (&str, Option<(u32, RangeEnd)>) {
    let Some((base, options)) = name.split_once(';') else {
        return (name, None);
    };
    (base, options.split(';').find_map(range))
}

fn range(option: &str) -> Option<(u32, RangeEnd)> {
    let (key, range) = option.split_once('=')?;
    if !key.eq_ignore_ascii_case("range") {
        return None;
    }
    let (low, high) = range.split_once('-')?;
    let high = if high == "*" {
        RangeEnd::Last
    } else {
        RangeEnd::At(high.parse().ok()?)
    };
    Some((low.parse().ok()?, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_range_are_told_apart() {
        assert_eq!(attribute_range("member"), ("member", None));
        assert_eq!(
            attribute_range("member;range=0-1499"),
            ("member", Some((0, RangeEnd::At(1499))))
        );
        assert_eq!(
            attribute_range("member;Range=1500-*"),
            ("member", Some((1500, RangeEnd::Last)))
        );
        assert_eq!(attribute_range("cert;binary"), ("cert", None));
        assert_eq!(attribute_range("member;range=x-1"), ("member", None));
    }
}
