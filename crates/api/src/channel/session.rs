//! Enrolment and presence of agents.

use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_model::ids::{AgentId, TenantId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What `lockstep agent token` prints: all that an agent needs to find, check and join the service.
///
/// Its text is `lockstep1.` and the Base64url of this structure's JSON.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollmentToken {
    /// Where the service answers.
    pub url: String,
    /// The one-time secret.
    pub secret: String,
    /// SHA-256 of the service's own CA certificate (DER), in lower-case hex; absent when the service's
    /// certificate is to be checked against the public roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_fingerprint: Option<String>,
}

/// A text that is no enrolment token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected an enrolment token as `lockstep agent token` prints it, beginning with lockstep1."
)]
pub struct EnrollmentTokenError;

impl fmt::Debug for EnrollRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollmentToken")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl EnrollmentToken {
    /// The text that an administrator carries to the agent. It is a secret.
    #[must_use]
    pub fn to_text(&self) -> String {
        let json = serde_json::json!({
            "url": self.url, "secret": self.secret, "caFingerprint": self.ca_fingerprint,
        });
        format!("lockstep1.{}", URL_SAFE_NO_PAD.encode(json.to_string()))
    }
}

impl FromStr for EnrollmentToken {
    type Err = EnrollmentTokenError;

    fn from_str(text: &str) -> Result<Self, EnrollmentTokenError> {
        let body = text
            .trim()
            .strip_prefix("lockstep1.")
            .ok_or(EnrollmentTokenError)?;
        let json = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| EnrollmentTokenError)?;
        serde_json::from_slice(&json).map_err(|_| EnrollmentTokenError)
    }
}

/// Exchanges the one-time secret for an agent's identity.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollRequest {
    /// The versions of the channel that the agent speaks.
    pub protocol: Vec<u16>,
    /// The one-time secret of the token.
    pub secret: String,
    /// How the agent wants to be listed; the host's name unless the administrator gave one.
    pub name: String,
    /// The agent's version.
    pub version: String,
    /// The agent's Ed25519 public key: 32 bytes in Base64.
    pub public_key: String,
}

/// The identity given to an agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollAnswer {
    /// The version of the channel to speak.
    pub protocol: u16,
    /// The agent's id from now on.
    #[serde(with = "text")]
    pub agent: AgentId,
    /// Whose directory it feeds; the audience of its assertions.
    #[serde(with = "text")]
    pub tenant: TenantId,
}

/// Tells the service that the agent is there, and for which domains.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// The versions of the channel that the agent speaks.
    pub protocol: Vec<u16>,
    /// The agent's version.
    pub version: String,
    /// The domains it has credentials for.
    pub domains: Vec<DomainStatus>,
}

/// A domain as an agent sees it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainStatus {
    /// The DNS name in lower case.
    pub domain: String,
    /// Why the agent cannot work for it at present; absent when it can, or has not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the service wants besides instructions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAnswer {
    /// The version of the channel to speak.
    pub protocol: u16,
    /// The domains in which the agent is to watch for changes.
    pub watch: Vec<Watch>,
}

/// A domain to be watched.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// The DNS name in lower case.
    pub domain: String,
}

/// Something changed in a domain; what, the next read will tell.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeNotice {
    /// The DNS name in lower case.
    pub domain: String,
}

/// Replaces the agent's key. The request is signed with the old one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotation {
    /// The new Ed25519 public key: 32 bytes in Base64.
    pub public_key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_it_was_printed_and_does_not_show_its_secret() {
        let token = EnrollmentToken {
            url: "https://127.0.0.1:8443".into(),
            secret: "s3cret".into(),
            ca_fingerprint: Some("ab".repeat(32)),
        };
        assert_eq!(token.to_text().parse(), Ok(token.clone()));
        assert!(!format!("{token:?}").contains("s3cret"));
        assert_eq!(
            "lockstep1.e30".parse::<EnrollmentToken>(),
            Err(EnrollmentTokenError)
        );
        assert_eq!(
            "hello".parse::<EnrollmentToken>(),
            Err(EnrollmentTokenError)
        );
    }
}
