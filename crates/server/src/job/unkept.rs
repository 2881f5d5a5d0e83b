//! What could not be kept, because the storage failed: whoever waits for it is told, since nothing can be written
//! down.

use lockstep_model::ids::{ConfigurationId, InstructionId};
use lockstep_store::StoreError;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often results could not be kept, and why the last time.
#[derive(Debug, Default)]
pub struct Unkept(Mutex<BTreeMap<ConfigurationId, (u64, StoreError)>>);

impl Unkept {
    /// A result could not be kept.
    pub fn note(&self, id: ConfigurationId, error: StoreError) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = known.get(&id).map_or(0, |(count, _)| *count);
        known.insert(id, (count + 1, error));
    }

    /// How many could not be kept until now.
    #[must_use]
    pub fn count(&self, id: ConfigurationId) -> u64 {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).map_or(0, |(count, _)| *count)
    }

    /// Why one more than `before` could not be kept, if it is so.
    #[must_use]
    pub fn since(&self, id: ConfigurationId, before: u64) -> Option<StoreError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, error) = known.get(&id).filter(|(count, _)| *count > before)?;
        Some(copy(error))
    }
}

/// The same error once more, for somebody else who is to be told.
fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::ReadOnly => StoreError::ReadOnly,
        other => StoreError::Database {
            source: other.to_string().into(),
        },
    }
}

/// Instructions of which the last report could not be stored. The agent tries again; but storage that is full or cannot
/// be written stays so until somebody does something about it, and the cycle that waits need not wait for that.
#[derive(Debug, Default)]
pub struct Unstored(Mutex<BTreeMap<InstructionId, StoreError>>);

impl Unstored {
    /// A report could not be stored.
    pub fn note(&self, id: InstructionId, error: &StoreError) {
        self.known().insert(id, copy(error));
    }

    /// A report was stored: what was wrong before has passed.
    pub fn passed(&self, id: InstructionId) {
        self.known().remove(&id);
    }

    /// Why nothing can be stored until somebody does something about it, if it is so; told once.
    #[must_use]
    pub fn lasting(&self, id: InstructionId) -> Option<StoreError> {
        let mut known = self.known();
        let lasts = |error: &StoreError| matches!(error, StoreError::Full | StoreError::ReadOnly);
        known.get(&id).filter(|error| lasts(error))?;
        known.remove(&id)
    }

    /// Why the last report could not be stored, if it is so; told once. An agent that was told so and was not heard of
    /// since is no agent that fell silent.
    #[must_use]
    pub fn take(&self, id: InstructionId) -> Option<StoreError> {
        self.known().remove(&id)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<InstructionId, StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::Guid;

    #[test]
    fn who_waits_is_told_of_what_failed_since_and_of_nothing_before() {
        let (id, other) = (
            ConfigurationId::new(Guid::from_bytes([1; 16])),
            ConfigurationId::new(Guid::from_bytes([2; 16])),
        );
        let unkept = Unkept::default();
        assert!(unkept.since(id, unkept.count(id)).is_none());
        unkept.note(id, StoreError::ReadOnly);
        let before = unkept.count(id);
        assert!(unkept.since(id, before).is_none());
        unkept.note(id, StoreError::Full);
        assert!(matches!(unkept.since(id, before), Some(StoreError::Full)));
        assert!(unkept.since(other, 0).is_none());
    }

    #[test]
    fn storage_that_is_full_is_told_once_to_the_cycle_that_waits_and_a_fault_that_may_pass_when_it_did_not()
     {
        let (id, other) = (
            InstructionId::new(Guid::from_bytes([1; 16])),
            InstructionId::new(Guid::from_bytes([2; 16])),
        );
        let unstored = Unstored::default();
        unstored.note(id, &StoreError::Full);
        let passing = || StoreError::Database {
            source: "busy".into(),
        };
        unstored.note(other, &passing());
        assert!(unstored.lasting(other).is_none());
        assert!(matches!(unstored.lasting(id), Some(StoreError::Full)));
        assert!(unstored.lasting(id).is_none());
        assert!(matches!(
            unstored.take(other),
            Some(StoreError::Database { .. })
        ));
        unstored.note(other, &passing());
        unstored.passed(other);
        assert!(unstored.take(other).is_none());
    }
}
