//! The words of a cycle: which one it is, what woke it, how it stands.

use crate::word::words;

words! {
    /// Which cycle it is, by what it reads.
    pub enum CycleKind {
        /// Everything, for the first time.
        Initial = "initial",
        /// What changed since the cycle before.
        Incremental = "incremental",
        /// Everything anew.
        Full = "full",
    }
}

words! {
    /// How a cycle stands, or how it ended.
    pub enum CycleState {
        /// It has not ended.
        Running = "running",
        /// It ended as it should.
        Succeeded = "succeeded",
        /// It did not come to an end.
        Failed = "failed",
        /// It came to an end, but changes are held, or too many objects fail.
        Quarantined = "quarantined",
    }
}

words! {
    /// What woke a job.
    pub enum Wake {
        /// The schedule.
        Clock = "schedule",
        /// A domain controller said that something changed. Deletes are staged, and leave with the clock.
        Change = "change",
        /// Somebody asked for it.
        Hand = "hand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_told_of_in_the_words_that_the_api_promises() {
        assert_eq!(CycleKind::WORDS, ["initial", "incremental", "full"]);
        let states = ["running", "succeeded", "failed", "quarantined"];
        assert_eq!(CycleState::WORDS, states);
        assert_eq!(Wake::WORDS, ["schedule", "change", "hand"]);
    }
}
