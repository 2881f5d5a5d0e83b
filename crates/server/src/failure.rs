//! Why something that was asked for was not done, as whoever asked is told.

use crate::import::ImportError;
use lockstep_api::problem::Problem;
use lockstep_store::StoreError;

/// Nothing was done; the problem says why, and what helps.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let mut cause: &dyn std::error::Error = &error;
        let mut chain = error.to_string();
        while let Some(source) = cause.source() {
            chain = format!("{chain}: {source}");
            cause = source;
        }
        tracing::error!(error = chain, "request failed");
        let problem = match error {
            StoreError::Full => Problem::new(507, "DiskFull", error.to_string()).remedy(
                "make room on the disk; nothing was changed, and the request can be repeated",
            ),
            StoreError::ReadOnly => Problem::new(503, "DatabaseReadOnly", error.to_string())
                .remedy("make the data folder writable again; nothing was changed"),
            StoreError::Database { .. } => Problem::new(500, "DatabaseFailed", error.to_string())
                .remedy(
                    "look at the disk; the service's log tells the cause; nothing was changed, and the \
                     request can be repeated",
                ),
            _ => Problem::new(
                500,
                "Internal",
                "the service could not carry out the request",
            )
            .remedy("the service's log tells the cause; nothing was changed"),
        };
        Self(problem)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Refused(problem) => Self(problem),
            ImportError::Store(error) => error.into(),
        }
    }
}
