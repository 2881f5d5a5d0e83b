//! What the agent keeps on disk: who it is, and how it signs in to its domains. No sync state.
//!
//! Start at [`StateDir`]. The directory is readable by its owner only; every file is written whole beside
//! its place, flushed and renamed, so that a crash leaves the old one or the new one.
//!
//! ```text
//! agent.json            service, agent id, tenant, name, proxy
//! ca.pem                the service's own CA, when it has one
//! key.p8                the agent's private key (Ed25519, PKCS#8)
//! key-next.p8           the next one, while it is being registered
//! domains/NAME.json     user name, servers, security
//! domains/NAME.secret   the password, or the keytab
//! domains/NAME.ca.pem   what the domain's certificates are checked against
//! run.lock              held by `run`
//! ```

mod domains;
mod files;
mod identity;

pub use domains::domain_name;
pub use domains::{CredentialKind, Domain, DomainError, DomainsStamp, Security, Server};
pub use identity::{AgentKey, Enrollment};

use lockstep_model::Secret;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The agent's directory.
#[derive(Clone, Debug)]
pub struct StateDir {
    root: PathBuf,
}

/// Held while `run` works in a directory.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// What can be wrong with the directory.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file could not be read or written.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file holds something else than we wrote.
    #[error("{} does not hold what it should", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no enrolment in the directory.
    #[error("{} holds no enrolled agent; run `lockstep-agent enroll` first", path.display())]
    NotEnrolled {
        /// Which directory.
        path: PathBuf,
    },
    /// There is one already.
    #[error(
        "{} holds the enrolled agent {agent} already; remove that one at the service and use another \
         directory, or delete this one", path.display()
    )]
    AlreadyEnrolled {
        /// Which directory.
        path: PathBuf,
        /// Which agent.
        agent: String,
    },
    /// Another process runs the agent.
    #[error("another lockstep-agent is running with {}", path.display())]
    Busy {
        /// Which directory.
        path: PathBuf,
    },
    /// The key could not be made or read.
    #[error("the agent's key in {} cannot be used", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
    },
}

impl StateDir {
    /// Names a directory. Nothing is touched yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Makes the directory if it is not there, readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn prepare(&self) -> Result<(), StateError> {
        files::private_dir(&self.root)?;
        files::private_dir(&self.domains_dir())
    }

    /// Keeps a second `run` out until the lock is dropped; the system drops it when the process dies.
    ///
    /// # Errors
    ///
    /// [`StateError::Busy`] when another process holds it.
    pub fn lock(&self) -> Result<RunLock, StateError> {
        let path = self.root.join("run.lock");
        let file = files::open_private(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy {
                path: self.root.clone(),
            }),
            Err(TryLockError::Error(source)) => Err(StateError::File {
                action: "lock",
                path,
                source,
            }),
        }
    }

    fn domains_dir(&self) -> PathBuf {
        self.root.join("domains")
    }
}

/// Reads a password from a file as people make them: without the line's end.
///
/// # Errors
///
/// [`StateError::File`] when it cannot be read; [`StateError::Content`] when it is empty or not UTF-8.
pub fn read_password(path: &Path) -> Result<Secret<String>, StateError> {
    let bytes = files::read_secret(path)?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|error| StateError::Content {
        path: path.to_owned(),
        source: error.into(),
    })?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(StateError::Content {
            path: path.to_owned(),
            source: "expected a password, received an empty file".into(),
        });
    }
    Ok(Secret::new(line.to_owned()))
}
