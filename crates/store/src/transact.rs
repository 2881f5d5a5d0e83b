//! Transactions that give back what they found.

use crate::{Read, Store, StoreError, Write};

/// What a [`Store`] does, for work that returns something.
pub trait Transact: Store {
    /// [`Store::read`], and what `work` returned.
    ///
    /// # Errors
    ///
    /// Those of [`Store::read`].
    fn reading<T>(
        &self,
        work: impl FnOnce(&mut dyn Read) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (mut work, mut result) = (Some(work), None);
        self.read(&mut |tx| {
            if let Some(work) = work.take() {
                result = Some(work(tx)?);
            }
            Ok(())
        })?;
        result.ok_or_else(not_run)
    }

    /// [`Store::write`], and what `work` returned.
    ///
    /// # Errors
    ///
    /// Those of [`Store::write`]; nothing is kept then.
    fn writing<T>(
        &self,
        work: impl FnOnce(&mut dyn Write) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (mut work, mut result) = (Some(work), None);
        self.write(&mut |tx| {
            if let Some(work) = work.take() {
                result = Some(work(tx)?);
            }
            Ok(())
        })?;
        result.ok_or_else(not_run)
    }
}

impl<S: Store + ?Sized> Transact for S {}

/// A store that breaks its contract: it returned without running the work.
fn not_run() -> StoreError {
    StoreError::Abandoned {
        source: "the work was not run".into(),
    }
}
