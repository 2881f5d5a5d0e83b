//! Wakes who waits for a row to change.
//!
//! A signal says only "look again": what has changed stands in the store. Whoever misses one looks again
//! after a while anyway, so several replicas need no more than their own signals to be right, and the
//! database's notifications to be quick.

use std::time::Duration;
use tokio::sync::watch;

/// Something that others can wait for.
#[derive(Debug)]
pub struct Signal(watch::Sender<u64>);

impl Default for Signal {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl Signal {
    /// Wakes all who wait.
    pub fn raise(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Begins to listen: what is raised from now on is not missed.
    #[must_use]
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// Somebody who waits.
#[derive(Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Waits until the signal is raised, at most `limit`. Says whether it was.
    pub async fn wait(&mut self, limit: Duration) -> bool {
        matches!(
            tokio::time::timeout(limit, self.0.changed()).await,
            Ok(Ok(()))
        )
    }
}
