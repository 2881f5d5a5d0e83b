//! Who the agent is: what the service gave it, and its key.

use super::{StateDir, StateError, files};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_api::text;
use lockstep_model::Secret;
use lockstep_model::ids::{AgentId, TenantId};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::SystemTime;

/// What the agent was told when it was enrolled.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enrollment {
    /// Where the service answers.
    pub service: String,
    /// The agent's id.
    #[serde(with = "text")]
    pub agent: AgentId,
    /// Whose directory it feeds.
    #[serde(with = "text")]
    pub tenant: TenantId,
    /// How it is listed.
    pub name: String,
    /// The HTTP proxy on the way to the service, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Whether the service is checked against `ca.pem` rather than the public roots.
    pub own_ca: bool,
}

/// The agent's key pair.
#[derive(Clone, Debug)]
pub struct AgentKey {
    pkcs8: Secret<Vec<u8>>,
    public: [u8; 32],
}

impl AgentKey {
    /// Makes a new one; nothing when the system has no random numbers.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let document = Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?;
        Self::from_pkcs8(Secret::new(document.as_ref().to_vec()))
    }

    /// Reads one as it is stored.
    #[must_use]
    pub fn from_pkcs8(pkcs8: Secret<Vec<u8>>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8.expose()).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pkcs8, public })
    }

    /// The private half, in PKCS#8.
    #[must_use]
    pub const fn pkcs8(&self) -> &Secret<Vec<u8>> {
        &self.pkcs8
    }

    /// The public half as the service wants it: 32 bytes in Base64.
    #[must_use]
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.public)
    }
}

const AGENT: &str = "agent.json";
const CA: &str = "ca.pem";
const KEY: &str = "key.p8";
const NEXT_KEY: &str = "key-next.p8";

impl StateDir {
    /// Who the agent is.
    ///
    /// # Errors
    ///
    /// [`StateError::NotEnrolled`] when it has not been enrolled.
    pub fn enrollment(&self) -> Result<Enrollment, StateError> {
        let path = self.root.join(AGENT);
        let bytes = files::read_if_there(&path)?.ok_or_else(|| StateError::NotEnrolled {
            path: self.root.clone(),
        })?;
        serde_json::from_slice(&bytes).map_err(|error| StateError::Content {
            path,
            source: error.into(),
        })
    }

    /// Whether the directory is free for an enrolment.
    ///
    /// # Errors
    ///
    /// [`StateError::AlreadyEnrolled`] when it is not.
    pub fn refuse_if_enrolled(&self) -> Result<(), StateError> {
        match self.enrollment() {
            Ok(enrollment) => Err(StateError::AlreadyEnrolled {
                path: self.root.clone(),
                agent: enrollment.agent.to_string(),
            }),
            Err(StateError::NotEnrolled { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stores an enrolment. `agent.json` is the last file, so that a directory that has it is complete.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn store_enrollment(
        &self,
        enrollment: &Enrollment,
        key: &AgentKey,
        ca: Option<&str>,
    ) -> Result<(), StateError> {
        self.prepare()?;
        files::write(&self.root.join(KEY), key.pkcs8.expose())?;
        if let Some(pem) = ca {
            files::write(&self.root.join(CA), pem.as_bytes())?;
        }
        let path = self.root.join(AGENT);
        let json = serde_json::to_vec_pretty(enrollment).map_err(|error| StateError::Content {
            path: path.clone(),
            source: error.into(),
        })?;
        files::write(&path, &json)
    }

    /// The service's own CA, in PEM.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] when it cannot be read.
    pub fn service_ca(&self) -> Result<Vec<u8>, StateError> {
        let path = self.root.join(CA);
        std::fs::read(&path).map_err(files::failed("read", &path))
    }

    /// The agent's key.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`] when it is none.
    pub fn key(&self) -> Result<AgentKey, StateError> {
        read_key(&self.root.join(KEY))
    }

    /// When the key was made.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn key_made(&self) -> Result<SystemTime, StateError> {
        let path = self.root.join(KEY);
        std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map_err(files::failed("read", &path))
    }

    /// The next key, when its registration began and did not end.
    ///
    /// # Errors
    ///
    /// [`StateError::Key`] when it is none.
    pub fn next_key(&self) -> Result<Option<AgentKey>, StateError> {
        let path = self.root.join(NEXT_KEY);
        if path.exists() {
            read_key(&path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Stores the next key, before the service hears of it: whatever the service knows afterwards, the
    /// agent has.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn store_next_key(&self, key: &AgentKey) -> Result<(), StateError> {
        files::write(&self.root.join(NEXT_KEY), key.pkcs8.expose())
    }

    /// The service has taken the next key up: it takes the old one's place.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn promote_next_key(&self) -> Result<(), StateError> {
        files::rename(&self.root.join(NEXT_KEY), &self.root.join(KEY))
    }
}

fn read_key(path: &Path) -> Result<AgentKey, StateError> {
    AgentKey::from_pkcs8(files::read_secret(path)?).ok_or_else(|| StateError::Key {
        path: path.to_owned(),
    })
}
