//! Rows with a meaning.

use crate::{Key, Read, Row, Scan, StoreError, Table, Write};

/// What stands in the rows of one table.
pub trait Record: Sized {
    /// The table.
    const TABLE: &'static Table;
    /// What names a row.
    type Id;

    /// The key of the row with this id.
    fn key_of(id: &Self::Id) -> Key;

    /// The key of this row.
    fn key(&self) -> Key;

    /// Its places in the indexes of the table, in their order.
    fn indexes(&self) -> Vec<Option<Key>> {
        Vec::new()
    }

    /// Writes the body.
    ///
    /// # Errors
    ///
    /// [`StoreError::Row`].
    fn encode(&self) -> Result<Vec<u8>, StoreError>;

    /// Reads a body. The key is given, so that a body need not repeat it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Row`] when the body is not what [`Record::encode`] writes.
    fn decode(key: &Key, body: &[u8]) -> Result<Self, StoreError>;
}

/// Reads records.
pub trait ReadRecords {
    /// The records with these ids, in the order asked for.
    ///
    /// # Errors
    ///
    /// Those of [`Read::get`], and [`StoreError::Row`].
    fn fetch<R: Record>(&mut self, ids: &[R::Id]) -> Result<Vec<Option<R>>, StoreError>;

    /// The record with this id.
    ///
    /// # Errors
    ///
    /// Those of [`Read::get`], and [`StoreError::Row`].
    fn fetch_one<R: Record>(&mut self, id: &R::Id) -> Result<Option<R>, StoreError>;

    /// A stretch of records in order.
    ///
    /// # Errors
    ///
    /// Those of [`Read::scan`], and [`StoreError::Row`].
    fn list<R: Record>(&mut self, scan: &Scan) -> Result<Vec<R>, StoreError>;

    /// How many records there are with this prefix.
    ///
    /// # Errors
    ///
    /// Those of [`Read::count`].
    fn how_many<R: Record>(
        &mut self,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError>;
}

impl<T: Read + ?Sized> ReadRecords for T {
    fn fetch<R: Record>(&mut self, ids: &[R::Id]) -> Result<Vec<Option<R>>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(R::key_of).collect();
        let rows = self.get(R::TABLE, &keys)?;
        rows.into_iter()
            .map(|row| row.map(|row| R::decode(&row.key, &row.body)).transpose())
            .collect()
    }

    fn fetch_one<R: Record>(&mut self, id: &R::Id) -> Result<Option<R>, StoreError> {
        let row = self.get(R::TABLE, &[R::key_of(id)])?.pop().flatten();
        row.map(|row| R::decode(&row.key, &row.body)).transpose()
    }

    fn list<R: Record>(&mut self, scan: &Scan) -> Result<Vec<R>, StoreError> {
        self.scan(R::TABLE, scan)?
            .into_iter()
            .map(|row| R::decode(&row.key, &row.body))
            .collect()
    }

    fn how_many<R: Record>(
        &mut self,
        index: Option<usize>,
        prefix: &Key,
    ) -> Result<u64, StoreError> {
        self.count(R::TABLE, index, prefix)
    }
}

/// Writes records.
pub trait WriteRecords: ReadRecords {
    /// Stores records, replacing those with the same ids.
    ///
    /// # Errors
    ///
    /// Those of [`Write::put`].
    fn store<R: Record>(&mut self, records: &[R]) -> Result<(), StoreError>;

    /// Removes the records with these ids.
    ///
    /// # Errors
    ///
    /// Those of [`Write::delete`].
    fn remove<R: Record>(&mut self, ids: &[R::Id]) -> Result<(), StoreError>;
}

impl<T: Write + ?Sized> WriteRecords for T {
    fn store<R: Record>(&mut self, records: &[R]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let row = |record: &R| -> Result<Row, StoreError> {
            Ok(Row {
                key: record.key(),
                indexes: record.indexes(),
                body: record.encode()?,
            })
        };
        let rows = records.iter().map(row).collect::<Result<_, _>>()?;
        self.put(R::TABLE, rows)
    }

    fn remove<R: Record>(&mut self, ids: &[R::Id]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = ids.iter().map(R::key_of).collect();
        self.delete(R::TABLE, &keys)
    }
}

impl Scan {
    /// The first `limit` rows of the table whose keys begin with `prefix`.
    #[must_use]
    pub const fn of(prefix: Key, limit: usize) -> Self {
        Self {
            index: None,
            prefix,
            after: None,
            limit,
        }
    }

    /// The same along an index.
    #[must_use]
    pub const fn along(index: usize, prefix: Key, limit: usize) -> Self {
        Self {
            index: Some(index),
            prefix,
            after: None,
            limit,
        }
    }

    /// Goes on behind this record, the last one that the scan gave before.
    #[must_use]
    pub fn behind<R: Record>(mut self, last: &R) -> Self {
        let key = last.key();
        let place = match self.index {
            None => Some(key.clone()),
            Some(index) => last.indexes().into_iter().nth(index).flatten(),
        };
        self.after = place.map(|place| (place, key));
        self
    }
}
