//! Errors as problem documents (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, for a person and for a program.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable name in CamelCase, such as `TokenUsed`.
    pub code: String,
    /// The HTTP status again, so that a saved document is complete.
    pub status: u16,
    /// One sentence: what is the matter.
    pub title: String,
    /// What was expected, or what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The key of the configuration that is wrong, with the tables and lists it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Box<str>>,
}

impl Problem {
    /// A problem with its stable code and a title.
    #[must_use]
    pub fn new(status: u16, code: &str, title: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            status,
            title: title.into(),
            detail: None,
            remedy: None,
            key: None,
        }
    }

    /// Adds what was expected or found.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds which key of a configuration is wrong.
    #[must_use]
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
