//! The connector space of one plan. It goes with the plan, whatever comes of that.
//!
//! Whoever asked for a plan may hang up. The future is dropped then, between any two of its steps, and what is
//! dropped can wait for nothing: it notes what it leaves, and [`drop_leftovers`] takes that away. Should the service
//! end before, the next start finds it.

use crate::configurations::{Checked, create_scratch};
use crate::removal::drop_scratch;
use crate::service::Service;
use crate::signal::Signal;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::Configuration;
use lockstep_store::{StoreError, Write};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long what could not be dropped is left alone, unless somebody leaves more.
const PAUSE: Duration = Duration::from_secs(5);

/// A connector space that nobody but a plan knows. Dropped without [`Scratch::remove`], it becomes a leftover.
pub(super) struct Scratch {
    service: Arc<Service>,
    id: ConfigurationId,
    removed: bool,
}

impl Scratch {
    /// Makes one.
    pub(super) async fn make(
        service: &Arc<Service>,
        checked: Checked,
        stands_for: Option<Configuration>,
    ) -> Result<Self, StoreError> {
        let own = Arc::clone(service);
        let work = move |tx: &mut dyn Write| {
            // Made in the transaction: when nobody waits for that any more, its result is dropped at its end.
            Ok(Self {
                id: create_scratch(tx, checked, stands_for.as_ref())?,
                service: own,
                removed: false,
            })
        };
        service.write(work).await
    }

    /// Which configuration it goes by.
    pub(super) const fn id(&self) -> ConfigurationId {
        self.id
    }

    /// Removes it with everything in it, and what an agent is to read for it.
    pub(super) async fn remove(mut self) {
        match drop_scratch(&self.service, self.id).await {
            Ok(()) => self.removed = true,
            Err(error) => not_dropped(&error),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.removed {
            self.service.leftovers.leave(self.id);
        }
    }
}

/// Connector spaces whose plans were broken off, or that could not be dropped.
#[derive(Debug, Default)]
pub struct Leftovers {
    ids: Mutex<BTreeSet<ConfigurationId>>,
    left: Signal,
}

impl Leftovers {
    /// This one is to be dropped.
    pub(crate) fn leave(&self, id: ConfigurationId) {
        self.keep(id);
        self.left.raise();
    }

    fn keep(&self, id: ConfigurationId) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(id);
    }

    fn take(&self) -> BTreeSet<ConfigurationId> {
        std::mem::take(&mut self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Drops what plans leave, until it is dropped itself. What an agent reads for one of them is withdrawn first.
pub async fn drop_leftovers(service: Arc<Service>) {
    let mut listener = service.leftovers.left.listen();
    loop {
        for id in service.leftovers.take() {
            if let Err(error) = drop_scratch(&service, id).await {
                not_dropped(&error);
                service.leftovers.keep(id);
            }
        }
        listener.wait(PAUSE).await;
    }
}

fn not_dropped(error: &StoreError) {
    tracing::error!(%error, "the connector space of a plan could not be dropped; it is tried again");
}
