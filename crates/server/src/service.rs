//! What every part of the service shares.

use crate::clock::Clock;
use lockstep_model::ids::TenantId;
use lockstep_store::{Read, Store, StoreError, Write};
use std::sync::Arc;

/// The running service: one tenant's store and everything that works on it.
#[derive(Debug)]
pub struct Service {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Clock,
    /// Whose directory it is.
    pub tenant: TenantId,
    /// Where others reach it, without a slash at the end.
    pub public_url: String,
}

impl Service {
    /// Runs `work` on a consistent state, on a thread made for blocking.
    ///
    /// # Errors
    ///
    /// Those of the store and of `work`.
    pub async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Read) -> Result<T, StoreError> + Send + 'static,
    {
        let service = Arc::clone(self);
        blocking(move || {
            let (mut work, mut result) = (Some(work), None);
            service.store.read(&mut |tx| {
                if let Some(work) = work.take() {
                    result = Some(work(tx)?);
                }
                Ok(())
            })?;
            result.ok_or_else(not_run)
        })
        .await
    }

    /// Runs `work` alone and keeps what it wrote, on a thread made for blocking.
    ///
    /// # Errors
    ///
    /// Those of the store and of `work`; nothing is kept then.
    pub async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Write) -> Result<T, StoreError> + Send + 'static,
    {
        let service = Arc::clone(self);
        blocking(move || {
            let (mut work, mut result) = (Some(work), None);
            service.store.write(&mut |tx| {
                if let Some(work) = work.take() {
                    result = Some(work(tx)?);
                }
                Ok(())
            })?;
            result.ok_or_else(not_run)
        })
        .await
    }
}

/// Runs `work` on the runtime's blocking threads; a panic in it becomes an error.
async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|source| {
            Err(StoreError::Abandoned {
                source: source.into(),
            })
        })
}

/// A store that breaks its contract: it returned without running the work.
fn not_run() -> StoreError {
    StoreError::Abandoned {
        source: "the work was not run".into(),
    }
}
