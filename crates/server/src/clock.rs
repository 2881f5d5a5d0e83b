//! The one place that reads the clock.

use lockstep_model::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time; shifted in tests that must not wait.
#[derive(Debug, Default)]
pub struct Clock {
    standing: Option<Timestamp>,
    offset_millis: AtomicI64,
}

impl Clock {
    /// A clock that shows `moment` and goes on only by [`Clock::advance`].
    #[must_use]
    pub const fn standing_at(moment: Timestamp) -> Self {
        Self {
            standing: Some(moment),
            offset_millis: AtomicI64::new(0),
        }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let millis = self
            .standing
            .map_or_else(system_millis, Timestamp::as_millis);
        Timestamp::from_millis(millis.saturating_add(self.offset_millis.load(Ordering::Relaxed)))
    }

    /// Lets `millis` pass at once.
    pub fn advance(&self, millis: i64) {
        self.offset_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

/// A time of a row as answers show it.
pub(crate) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

fn system_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
