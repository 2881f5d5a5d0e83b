//! Errors of the HTTP interfaces, as problem documents.

use crate::import::ImportError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_api::problem::Problem;
use lockstep_store::StoreError;

/// What a handler answers when it cannot do what was asked.
#[derive(Debug)]
pub struct HttpError(pub Problem);

impl From<Problem> for HttpError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for HttpError {
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

impl From<ImportError> for HttpError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Refused(problem) => Self(problem),
            ImportError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, headers, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 11.6.1: whoever refuses says what would be taken.
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
