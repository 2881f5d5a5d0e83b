//! How the cycles of a job went, as far as it cannot be told from the last one.

use lockstep_model::Timestamp;
use lockstep_model::ids::CycleId;
use serde::{Deserialize, Serialize};

/// What is remembered of cycles that are over.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct JobHistory {
    /// The newest cycle that did not fail.
    #[serde(with = "super::text::option")]
    pub last_success: Option<CycleId>,
    /// When it began, in milliseconds since 1970: what was changed in AD before is in the directory.
    pub last_success_started: Option<i64>,
    /// The newest cycle that did not fail and changed something.
    #[serde(with = "super::text::option")]
    pub last_export: Option<CycleId>,
    /// How many cycles failed since then, one after the other. Who only could not see deletions has not failed here, nor
    /// has who was paused.
    pub failures: u64,
    /// How many changes all cycles together made to the directory.
    pub exported: u64,
    /// When a cycle first found nothing to do, in milliseconds since 1970.
    pub steady_first: Option<i64>,
    /// When one last did.
    pub steady_last: Option<i64>,
    /// When the directory was last compared with what it should be, in milliseconds since 1970.
    pub reconciled: Option<i64>,
    /// How many objects were found to be otherwise then.
    pub drifting: u64,
    /// How many objects of the directory a full import has not seen, and nobody has said anything of, at the end of
    /// the last cycle.
    pub missing: u64,
    /// How many objects of the connector space were missing then, whether they are in the directory or not.
    pub missing_rows: u64,
}

impl JobHistory {
    /// For how many seconds changes in AD may be missing in the directory.
    #[must_use]
    pub fn lag(&self, now: Timestamp) -> Option<u64> {
        let started = Timestamp::from_millis(self.last_success_started?);
        Some(now.since(started).as_secs())
    }
}
