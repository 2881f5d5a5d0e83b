//! Why a command failed, with what to do about it and the exit status.

use lockstep_api::problem::Problem;
use std::error::Error;
use std::fmt;

/// A failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    remedy: Option<String>,
    key: Option<Box<str>>,
    status: u8,
}

impl Failure {
    /// It could not be done: exit status 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: None,
            key: None,
            status: 1,
        }
    }

    /// The command line was wrong: exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            status: 2,
            ..Self::new(message)
        }
    }

    /// An error with all that lies behind it.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let next = cause.to_string();
            if !message.ends_with(&next) {
                message = format!("{message}: {next}");
            }
            source = cause.source();
        }
        Self::new(message)
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The key of a configuration that it is about.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Says where in a file it is: the command line named something that is wrong.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message.insert_str(0, place);
        self.status = 2;
        self
    }

    pub(crate) const fn status(&self) -> u8 {
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

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let message = match &problem.detail {
            Some(detail) => format!("{}: {detail} ({})", problem.title, problem.code),
            None => format!("{} ({})", problem.title, problem.code),
        };
        Self {
            message,
            remedy: problem.remedy,
            key: problem.key,
            // What the service does not understand was typed here.
            status: if problem.status == 400 { 2 } else { 1 },
        }
    }
}
