//! A transaction that never reaches its store.

use crate::checked::{check_index, check_rows};
use crate::sorted::SortedRows;
use crate::{Key, Read, Row, Scan, StoreError, Table, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What a transaction would read after writing, with the writes kept here and dropped with it.
///
/// The base must not change below it, which the borrow of a transaction ensures.
pub struct Overlay<'a> {
    base: &'a mut (dyn Read + 'a),
    layers: Layers,
}

/// The changes to each table, by name.
pub(crate) type Layers = BTreeMap<&'static str, Layer>;

/// The changes to one table.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Keys of rows that were put or deleted. The base's rows with these keys no longer count.
    changed: BTreeSet<Key>,
    /// The rows that were put, and not deleted afterwards.
    put: SortedRows,
    /// The base's rows with changed keys, without their bodies: what a count subtracts.
    hidden: SortedRows,
    /// Changed keys that were not looked up in the base for `hidden` yet. Only a count needs them.
    not_looked_up: Vec<Key>,
}

impl<'a> Overlay<'a> {
    /// Writes over `base`, which stays as it is.
    #[must_use]
    pub fn new(base: &'a mut (dyn Read + 'a)) -> Self {
        Self {
            base,
            layers: Layers::new(),
        }
    }

    /// What was written.
    pub(crate) fn into_layers(self) -> Layers {
        self.layers
    }

    fn layer_mut(&mut self, table: &'static Table) -> &mut Layer {
        self.layers
            .entry(table.name)
            .or_insert_with(|| Layer::new(table))
    }
}

impl fmt::Debug for Overlay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay")
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

impl Read for Overlay<'_> {
    fn get(&mut self, table: &'static Table, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        let Some(layer) = self.layers.get(table.name) else {
            return self.base.get(table, keys);
        };
        let unchanged: Vec<Key> = keys
            .iter()
            .filter(|key| !layer.changed.contains(*key))
            .cloned()
            .collect();
        let mut below = match unchanged.is_empty() {
            true => Vec::new(),
            false => self.base.get(table, &unchanged)?,
        }
        .into_iter();
        let find = |key: &Key| match layer.changed.contains(key) {
            true => layer.put.get(key).map(|row| Row::clone(row)),
            false => below.next().flatten(),
        };
        Ok(keys.iter().map(find).collect())
    }

    fn scan(&mut self, table: &'static Table, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        check_index(table, scan.index)?;
        let Some(layer) = self.layers.get(table.name) else {
            return self.base.scan(table, scan);
        };
        let mut rows = layer.still_below(self.base, table, scan)?;
        rows.extend(layer.put.scan(scan).into_iter().map(Arc::unwrap_or_clone));
        // Two runs in order: the sort only merges them.
        rows.sort_by(|a, b| (place(a, scan.index), &a.key).cmp(&(place(b, scan.index), &b.key)));
        rows.truncate(scan.limit);
        Ok(rows)
    }

    fn count(
        &mut self,
        table: &'static Table,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        check_index(table, index)?;
        let below = self.base.count(table, index, prefix)?;
        let Some(layer) = self.layers.get_mut(table.name) else {
            return Ok(below);
        };
        layer.look_up(self.base, table)?;
        let (put, hidden) = (
            layer.put.count(index, prefix),
            layer.hidden.count(index, prefix),
        );
        Ok((below + put as u64).saturating_sub(hidden as u64))
    }
}

impl Write for Overlay<'_> {
    fn put(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        check_rows(table, &rows)?;
        let layer = self.layer_mut(table);
        for row in rows {
            layer.change(&row.key);
            layer.put.put(Arc::new(row));
        }
        Ok(())
    }

    fn delete(&mut self, table: &'static Table, keys: &[Key]) -> Result<(), StoreError> {
        let layer = self.layer_mut(table);
        for key in keys {
            layer.change(key);
            layer.put.remove(key);
        }
        Ok(())
    }
}

impl Layer {
    fn new(table: &'static Table) -> Self {
        let indexes = table.indexes.len();
        Self {
            changed: BTreeSet::new(),
            put: SortedRows::new(indexes),
            hidden: SortedRows::new(indexes),
            not_looked_up: Vec::new(),
        }
    }

    /// Makes the changes where they last.
    pub(crate) fn apply(self, rows: &mut SortedRows) {
        for key in &self.changed {
            match self.put.get(key) {
                Some(row) => rows.put(Arc::clone(row)),
                None => rows.remove(key),
            }
        }
    }

    fn change(&mut self, key: &Key) {
        if self.changed.insert(key.clone()) {
            self.not_looked_up.push(key.clone());
        }
    }

    /// The first `limit` rows of the base that were not changed.
    fn still_below(
        &self,
        base: &mut dyn Read,
        table: &'static Table,
        scan: &Scan,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found: Vec<Row> = Vec::new();
        let mut next = scan.clone();
        loop {
            let page = base.scan(table, &next)?;
            let more = !page.is_empty() && page.len() >= next.limit;
            let last = page
                .last()
                .and_then(|row| Some((place(row, scan.index)?.clone(), row.key.clone())));
            found.extend(
                page.into_iter()
                    .filter(|row| !self.changed.contains(&row.key)),
            );
            if !more || found.len() >= scan.limit {
                return Ok(found);
            }
            // Growing pages, so that a long stretch of changed rows is passed in a few steps.
            next.limit = next.limit.saturating_mul(2);
            next.after = last;
        }
    }

    fn look_up(&mut self, base: &mut dyn Read, table: &'static Table) -> Result<(), StoreError> {
        if self.not_looked_up.is_empty() {
            return Ok(());
        }
        let below = base.get(table, &self.not_looked_up)?;
        for row in below.into_iter().flatten() {
            self.hidden.put(Arc::new(Row {
                body: Vec::new(),
                ..row
            }));
        }
        self.not_looked_up.clear();
        Ok(())
    }
}

/// Where a row stands in the order of an index, or of its table.
fn place(row: &Row, index: Option<usize>) -> Option<&Key> {
    match index {
        None => Some(&row.key),
        Some(index) => row.indexes.get(index)?.as_ref(),
    }
}
