//! Errors in Graph's form: `{"error":{"code":…,"message":…}}`.

use crate::http::error::HttpError;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_store::StoreError;

/// An error of `/v1.0`.
#[derive(Debug)]
pub(super) struct GraphError {
    status: u16,
    code: &'static str,
    message: String,
}

impl GraphError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn not_found(id: &str) -> Self {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(404, "Request_ResourceNotFound", message)
    }

    /// What synchronisation owns is changed in Active Directory.
    pub(super) fn mastered() -> Self {
        Self::new(
            400,
            "Request_BadRequest",
            "Unable to update the object: it is mastered on-premises and synchronised from Active Directory. \
             Change it there; the change arrives with the next cycle.",
        )
    }
}

impl From<StoreError> for GraphError {
    fn from(error: StoreError) -> Self {
        HttpError::from(error).into()
    }
}

impl From<HttpError> for GraphError {
    fn from(error: HttpError) -> Self {
        let code = match error.0.status {
            401 => "InvalidAuthenticationToken",
            403 => "Authorization_RequestDenied",
            _ => "generalException",
        };
        let message = match &error.0.detail {
            Some(detail) => format!("{}: {detail}", error.0.title),
            None => error.0.title.clone(),
        };
        Self::new(error.0.status, code, message)
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::json!({"error": {"code": self.code, "message": self.message}});
        let headers = [(header::CONTENT_TYPE, "application/json")];
        (status, headers, body.to_string()).into_response()
    }
}
