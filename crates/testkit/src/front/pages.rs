//! Cutting answers into what a controller gives at once.

use super::{Entry, Limits};

/// What every page cookie of a front begins with; those of Samba begin with `MSDS`.
const COOKIE: &str = "front:";

/// Answers with changes that were cut into pages, for as long as the front lives.
#[derive(Debug, Default)]
pub(super) struct Readings(Vec<Reading>);

#[derive(Debug)]
struct Reading {
    pages: Vec<Vec<Entry>>,
    /// The controller's own, which comes with the last page.
    cookie: Vec<u8>,
}

/// One page of changes.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) more: bool,
    pub(super) cookie: Vec<u8>,
}

impl Readings {
    /// Keeps an answer; gives its first page.
    pub(super) fn begin(&mut self, pages: Vec<Vec<Entry>>, cookie: Vec<u8>) -> Option<Page> {
        self.0.push(Reading { pages, cookie });
        self.page(self.0.len() - 1, 0)
    }

    /// The page that one of the front's own cookies asks for.
    pub(super) fn next(&self, cookie: &[u8]) -> Option<Page> {
        let text = std::str::from_utf8(cookie).ok()?.strip_prefix(COOKIE)?;
        let (reading, page) = text.split_once(':')?;
        self.page(reading.parse().ok()?, page.parse().ok()?)
    }

    fn page(&self, number: usize, page: usize) -> Option<Page> {
        let reading = self.0.get(number)?;
        let more = page + 1 < reading.pages.len();
        Some(Page {
            entries: reading.pages.get(page)?.clone(),
            more,
            cookie: match more {
                true => format!("{COOKIE}{number}:{}", page + 1).into_bytes(),
                false => reading.cookie.clone(),
            },
        })
    }
}

/// Cuts changes into pages; there is always at least one.
pub(super) fn pages(entries: Vec<Entry>, limits: &Limits, max_bytes: usize) -> Vec<Vec<Entry>> {
    let max_bytes = max_bytes.min(limits.change_bytes);
    let mut pages = vec![Vec::new()];
    let mut bytes = 0;
    for entry in entries.into_iter().flat_map(|entry| split(entry, limits)) {
        let size = size(&entry);
        let page = pages.last_mut().filter(|page| {
            page.is_empty() || (page.len() < limits.changes && bytes + size <= max_bytes)
        });
        match page {
            Some(page) => {
                bytes += size;
                page.push(entry);
            }
            None => {
                bytes = size;
                pages.push(vec![entry]);
            }
        }
    }
    pages
}

fn size(entry: &Entry) -> usize {
    let attribute = |(name, values): &(String, Vec<Vec<u8>>)| {
        name.len() + values.iter().map(Vec::len).sum::<usize>()
    };
    entry.attributes.iter().map(attribute).sum()
}

/// An object whose links changed at many values comes in several parts, each with some of them.
fn split(mut entry: Entry, limits: &Limits) -> Vec<Entry> {
    let mut later = Vec::new();
    for (name, values) in &mut entry.attributes {
        if !name.contains(";range=") || values.len() <= limits.values {
            continue;
        }
        let rest = values.split_off(limits.values);
        for some in rest.chunks(limits.values) {
            later.push(Entry {
                dn: entry.dn.clone(),
                attributes: vec![(name.clone(), some.to_vec())],
            });
        }
    }
    let guid = |(name, _): &&(String, Vec<Vec<u8>>)| name.eq_ignore_ascii_case("objectGUID");
    if let Some(guid) = entry.attributes.iter().find(guid).cloned() {
        for part in &mut later {
            part.attributes.insert(0, guid.clone());
        }
    }
    later.insert(0, entry);
    later
}

/// Cuts large attributes of an answer that is not about changes: `member` becomes `member;range=0-1499`.
pub(super) fn limit_values(entry: &mut Entry, limit: usize) {
    for (name, values) in &mut entry.attributes {
        if values.len() <= limit {
            continue;
        }
        let (base, first) = match name.split_once(";range=") {
            Some((base, range)) => {
                let first = range.split('-').next().and_then(|low| low.parse().ok());
                (base.to_owned(), first.unwrap_or(0))
            }
            None => (name.clone(), 0_usize),
        };
        values.truncate(limit);
        *name = format!("{base};range={first}-{}", first + limit - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(dn: &str, attribute: &str, values: usize) -> Entry {
        Entry {
            dn: dn.into(),
            attributes: vec![
                ("objectGUID".into(), vec![vec![7; 16]]),
                (attribute.into(), vec![b"value".to_vec(); values]),
            ],
        }
    }

    #[test]
    fn pages_hold_no_more_than_they_may() {
        let limits = Limits {
            changes: 2,
            values: 4,
            ..Limits::default()
        };
        let entries = vec![
            entry("a", "cn", 1),
            entry("b", "member;range=1-1", 10),
            entry("c", "cn", 1),
        ];
        let found = pages(entries.clone(), &limits, usize::MAX);
        let names = |pages: &[Vec<Entry>]| -> Vec<String> {
            let names = pages
                .iter()
                .map(|page| page.iter().map(|entry| entry.dn.as_str()));
            names.map(Iterator::collect).collect()
        };
        assert_eq!(names(&found), ["ab", "bb", "c"]);
        assert_eq!(found[1][1].attributes[1].1.len(), 2);
        let small = pages(entries, &limits, 30);
        assert_eq!(names(&small), ["a", "b", "b", "b", "c"]);
        assert_eq!(pages(Vec::new(), &limits, 1).len(), 1);
    }

    #[test]
    fn a_reading_ends_with_the_cookie_of_the_controller() {
        let mut readings = Readings::default();
        let first = readings
            .begin(vec![vec![], vec![]], b"MSDS".to_vec())
            .unwrap();
        assert!(first.more);
        let last = readings.next(&first.cookie).unwrap();
        assert_eq!((last.more, last.cookie.as_slice()), (false, &b"MSDS"[..]));
        assert!(readings.next(b"MSDS").is_none());
    }

    #[test]
    fn large_attributes_come_in_ranges() {
        for (name, expected) in [
            ("member", "member;range=0-3"),
            ("member;range=4-*", "member;range=4-7"),
            ("member;range=4-100", "member;range=4-7"),
        ] {
            let mut large = entry("g", name, 9);
            limit_values(&mut large, 4);
            assert_eq!(large.attributes[1].0, expected);
            assert_eq!(large.attributes[1].1.len(), 4);
        }
        let mut small = entry("g", "member;range=8-*", 2);
        limit_values(&mut small, 4);
        assert_eq!(small.attributes[1].0, "member;range=8-*");
    }
}
