//! Why a command failed, in words for a person, with the exit status.

use crate::channel::{ChannelError, chain};
use crate::run::RunError;
use crate::state::StateError;
use std::error::Error;
use std::fmt;

/// A failure of a command.
#[derive(Debug)]
pub struct Failure {
    message: String,
    remedy: Option<String>,
    status: u8,
}

impl Failure {
    /// A failure of what was asked for: exit status 1.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: None,
            status: 1,
        }
    }

    /// The command line was wrong: exit status 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            status: 2,
            ..Self::new(message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The exit status.
    #[must_use]
    pub const fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n  remedy: {remedy}"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::new(chain(&error))
    }
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        let failure = Self::new(error.chain());
        match error.remedy() {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Channel(error) => error.into(),
            RunError::State(error) => error.into(),
            other => Self::new(chain(&other)),
        }
    }
}
