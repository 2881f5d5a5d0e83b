//! The words of the provisioning log: what was done, and how it ended.

use crate::word::words;

words! {
    /// What was done to an object.
    pub enum Action {
        /// It was made.
        Create = "Create",
        /// It was changed, or joined with an object that was there.
        Update = "Update",
        /// It was deleted.
        Delete = "Delete",
        /// It came back from the recycle bin.
        Restore = "Restore",
        /// Its delete is held.
        StagedDelete = "StagedDelete",
        /// It takes no part.
        Skip = "Skip",
        /// Nothing of these: a failure, a password, a reference.
        Other = "Other",
    }
}

/// What is asked for like an action, and is an [`Action::Update`]: a user was disabled.
pub const DISABLE: &str = "Disable";

impl Action {
    /// Whether the object leaves, or would.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::StagedDelete)
    }
}

words! {
    /// How it, or one step of it, ended.
    pub enum Status {
        /// As it was meant.
        Success = "Success",
        /// Nothing had to be done, or nothing is.
        Skipped = "Skipped",
        /// Not done, or done in part: somebody has to look at it.
        Warning = "Warning",
        /// It could not be done.
        Failure = "Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back_as_what_it_was_written_for() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(*action));
            assert_eq!(action.as_str().to_lowercase().parse(), Ok(*action));
        }
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(*status));
        }
        assert_eq!(format!("{:8}|", Status::Failure), "Failure |");
    }

    #[test]
    fn a_word_that_is_none_is_told_with_those_that_are() {
        assert_eq!(
            "Succes".parse::<Status>().unwrap_err().to_string(),
            "expected `Success`, `Skipped`, `Warning` or `Failure`, received `Succes`"
        );
    }
}
