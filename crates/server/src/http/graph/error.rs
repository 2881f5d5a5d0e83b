//! Errors in Graph's form: `{"error":{"code":…,"message":…}}`.

use crate::directory::edit::EditError;
use crate::directory::find::Unsupported;
use crate::failure::Failure;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_api::problem::Problem;
use lockstep_directory::Kind;
use lockstep_directory::cloud::{self, Invalid};
use lockstep_directory::query::FilterError;
use lockstep_store::StoreError;
use serde_json::{Value, json};

/// An error of `/v1.0`.
#[derive(Debug)]
pub(super) struct GraphError {
    status: u16,
    code: &'static str,
    message: String,
    /// What is wrong with which property.
    detail: Option<(&'static str, String)>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// What the answers for an object that synchronisation owns have in common.
const MASTERED: &str = "it is mastered on-premises and synchronised from Active Directory. Change it there; \
                        the change arrives with the next cycle.";

impl GraphError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
            header: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Something wrong with one property.
    pub(super) fn property(code: &'static str, target: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(400, "Request_BadRequest", message);
        error.detail = Some((code, target.to_owned()));
        error
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(400, "Request_UnsupportedQuery", message)
    }

    pub(super) fn option(name: &str, error: &FilterError) -> Self {
        Self::bad_request(format!("{name}, {error}"))
    }

    pub(super) fn not_found(id: &str) -> Self {
        let message = format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        );
        Self::new(404, "Request_ResourceNotFound", message)
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).ok();
        self.header = value.map(|value| Box::new((name, value)));
        self
    }
}

impl From<Invalid> for GraphError {
    fn from(invalid: Invalid) -> Self {
        let target = invalid.property;
        let (code, message) = match &invalid.problem {
            cloud::Problem::Required => (
                "PropertyRequired",
                format!("A value is required for property '{target}'."),
            ),
            cloud::Problem::ReadOnly => (
                "PropertyReadOnly",
                format!("Property '{target}' is read-only and cannot be set."),
            ),
            cloud::Problem::Mastered => (
                "PropertyMasteredOnPremises",
                format!("Unable to update the property '{target}': {MASTERED}"),
            ),
            cloud::Problem::Domain(domain) => (
                "InvalidDomain",
                format!(
                    "The domain portion '{domain}' of the {target} property is invalid. You must use one of \
                     the verified domain names in your organization."
                ),
            ),
            problem => (
                "InvalidValue",
                format!("Invalid value specified for property '{target}': {problem}."),
            ),
        };
        Self::property(code, target, message)
    }
}

impl From<EditError> for GraphError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Invalid(invalid) => invalid.into(),
            EditError::Conflict(conflict) => {
                let target = conflict.property.name();
                let message = format!(
                    "Another object with the same value for property {target} already exists."
                );
                Self::property("ObjectConflict", target, message)
            }
            EditError::AnchorTaken(_) => Self::property(
                "ObjectConflict",
                "onPremisesImmutableId",
                "Another object with the same value for property onPremisesImmutableId already exists.",
            ),
            EditError::NotFound(id) => Self::not_found(&id.to_string()),
            EditError::Mastered(what) => {
                let message = format!("Unable to change {what}: {MASTERED}");
                Self::new(400, "Request_BadRequest", message)
            }
            EditError::Protected(Kind::ServicePrincipal) => Self::new(
                403,
                "Authorization_RequestDenied",
                "The service principal of a configuration cannot be changed. It goes with its configuration.",
            ),
            EditError::Protected(_) => Self::new(
                403,
                "Authorization_RequestDenied",
                "The object cannot be changed.",
            ),
            EditError::Reference(expected) => Self::new(
                400,
                "Request_BadRequest",
                format!("Invalid object identifier: expected {expected}."),
            ),
            EditError::ReferenceExists(_) => Self::new(
                400,
                "Request_BadRequest",
                "One or more added object references already exist for the following modified properties: \
                 'members' or 'owners'.",
            ),
        }
    }
}

impl From<Unsupported> for GraphError {
    fn from(unsupported: Unsupported) -> Self {
        match unsupported {
            Unsupported::Place => Self::bad_request(format!("{unsupported}.")),
            _ => Self::unsupported(format!("{unsupported}.")),
        }
    }
}

impl From<StoreError> for GraphError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl From<Problem> for GraphError {
    fn from(problem: Problem) -> Self {
        Failure(problem).into()
    }
}

impl From<Failure> for GraphError {
    fn from(error: Failure) -> Self {
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
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some((code, target)) = self.detail {
            error["target"] = Value::String(target.clone());
            error["details"] = json!([{"code": code, "target": target, "message": self.message}]);
        }
        let headers = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (status, headers, json!({ "error": error }).to_string()).into_response();
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
