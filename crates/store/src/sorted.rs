//! The rows of one table in memory, in the order of their keys and of each index.

use crate::{Key, Row, Scan};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Rows in order. A clone shares the rows themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortedRows {
    rows: BTreeMap<Key, Arc<Row>>,
    /// For each index the places of the rows in it: the index key, then the row's own.
    places: Vec<BTreeSet<(Key, Key)>>,
}

impl SortedRows {
    /// No rows of a table with so many indexes.
    pub(crate) fn new(indexes: usize) -> Self {
        Self {
            rows: BTreeMap::new(),
            places: vec![BTreeSet::new(); indexes],
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Row>> {
        self.rows.get(key)
    }

    pub(crate) fn put(&mut self, row: Arc<Row>) {
        let old = self.rows.insert(row.key.clone(), Arc::clone(&row));
        if let Some(old) = &old {
            if old.indexes == row.indexes {
                return;
            }
            self.leave_indexes(old);
        }
        for (places, place) in self.places.iter_mut().zip(&row.indexes) {
            if let Some(place) = place {
                places.insert((place.clone(), row.key.clone()));
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(row) = self.rows.remove(key) {
            self.leave_indexes(&row);
        }
    }

    /// The rows of a scan; its index exists.
    pub(crate) fn scan(&self, scan: &Scan) -> Vec<Arc<Row>> {
        match scan.index.and_then(|index| self.places.get(index)) {
            Some(places) => along(places, &scan.prefix, scan.after.as_ref())
                .filter_map(|(_, key)| self.rows.get(key))
                .take(scan.limit)
                .cloned()
                .collect(),
            None => self
                .in_order(&scan.prefix, scan.after.as_ref())
                .take(scan.limit)
                .cloned()
                .collect(),
        }
    }

    /// How many rows a scan with this index and prefix finds.
    pub(crate) fn count(&self, index: Option<usize>, prefix: &Key) -> usize {
        match index.and_then(|index| self.places.get(index)) {
            Some(places) if prefix.as_bytes().is_empty() => places.len(),
            Some(places) => along(places, prefix, None).count(),
            None if prefix.as_bytes().is_empty() => self.rows.len(),
            None => self.in_order(prefix, None).count(),
        }
    }

    fn in_order<'a>(
        &'a self,
        prefix: &'a Key,
        after: Option<&'a (Key, Key)>,
    ) -> impl Iterator<Item = &'a Arc<Row>> {
        let start = match after {
            Some((_, key)) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix),
        };
        let behind = self.rows.range::<Key, _>((start, Bound::Unbounded));
        behind
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(_, row)| row)
    }

    fn leave_indexes(&mut self, row: &Row) {
        for (places, place) in self.places.iter_mut().zip(&row.indexes) {
            if let Some(place) = place {
                places.remove(&(place.clone(), row.key.clone()));
            }
        }
    }
}

/// The places in an index that begin with `prefix`, behind `after`.
fn along<'a>(
    places: &'a BTreeSet<(Key, Key)>,
    prefix: &'a Key,
    after: Option<&(Key, Key)>,
) -> impl Iterator<Item = &'a (Key, Key)> {
    let start = match after {
        Some(after) if after.0 >= *prefix => Bound::Excluded(after.clone()),
        _ => Bound::Included((prefix.clone(), Key::empty())),
    };
    let behind = places.range((start, Bound::Unbounded));
    behind.take_while(|(place, _)| place.starts_with(prefix))
}
