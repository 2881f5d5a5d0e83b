//! When the directory is compared with what it should be.

use super::SpecError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When the directory is compared with what it should be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Reconciliation {
    /// How long from one comparison to the next: a number and `h` or `d`; `never`: only by hand.
    pub interval: String,
    /// Whether what drifted is repaired, or only told.
    pub repair: bool,
}

impl Default for Reconciliation {
    fn default() -> Self {
        Self {
            interval: "24h".to_owned(),
            repair: false,
        }
    }
}

impl Reconciliation {
    /// The interval in seconds; none: only by hand.
    ///
    /// # Errors
    ///
    /// [`SpecError`] unless it is `never`, or a number of hours or days, between an hour and 30 days.
    pub fn interval_seconds(&self) -> Result<Option<u64>, SpecError> {
        if self.interval == "never" {
            return Ok(None);
        }
        let read = |unit: char, seconds: u64| {
            let number: u64 = self.interval.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(seconds)
        };
        let seconds = read('h', 3_600).or_else(|| read('d', 86_400));
        let seconds = seconds.filter(|seconds| (3_600..=2_592_000).contains(seconds));
        seconds.map(Some).ok_or_else(|| SpecError {
            key: "reconciliation.interval".into(),
            expected: "a time between 1h and 30d, such as 24h, or `never`".into(),
            found: format!("`{}`", self.interval),
        })
    }
}
