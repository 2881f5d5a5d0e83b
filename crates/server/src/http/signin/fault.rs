//! What a page answers when it cannot do what was asked.

use super::page::{Notice, page};
use crate::signin::Busy;
use crate::signin::verify::VerifyError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_store::StoreError;

/// Why a page is not what was asked for.
#[derive(Debug)]
pub(super) enum Fault {
    /// The answer is made already: something for the person to read, or for the application.
    Answered(Box<Response>),
    /// Too many people at once.
    Busy,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Busy> for Fault {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<VerifyError> for Fault {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Store(error) => Self::Store(error),
            VerifyError::Busy(_) => Self::Busy,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Answered(response) => *response,
            Self::Busy => {
                let text = "Too many people sign in at this moment. Try again in a minute.";
                let mut response = notice(StatusCode::SERVICE_UNAVAILABLE, "Not now", text);
                let later = HeaderValue::from_static("60");
                response.headers_mut().insert(header::RETRY_AFTER, later);
                response
            }
            Self::Store(error) => {
                // Logged, and told to nobody.
                let status = crate::failure::Failure::from(error).0.status;
                let status = StatusCode::from_u16(status);
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let text = "The service could not carry out the request. Try again later.";
                notice(status, "Something went wrong", text)
            }
        }
    }
}

/// A page with something to read.
pub(super) fn notice(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, &Notice { title, text })
}
