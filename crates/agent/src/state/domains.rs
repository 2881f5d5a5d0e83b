//! The domains an agent reads, and how it signs in to them.

use super::{StateDir, StateError, files};
use lockstep_model::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::str::FromStr;

/// How the agent signs in to one domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Domain {
    /// The DNS name in lower case.
    pub domain: String,
    /// The account: `svc`, `CORP\svc` or `svc@corp.test`.
    pub username: String,
    /// What its secret is.
    pub credential: CredentialKind,
    /// The domain controllers in order of preference; empty: found by DNS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// How the connection is protected.
    pub security: Security,
    /// Whether certificates are checked against a CA of its own rather than the system's roots.
    #[serde(default)]
    pub own_ca: bool,
    /// How many seconds a controller may be silent in the middle of a search, if it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_timeout_seconds: Option<u64>,
}

/// What proves who the account is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialKind {
    /// A password.
    Password,
    /// A Kerberos keytab.
    Keytab,
}

/// How a connection to a domain controller is protected. There is no clear-text mode.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Security {
    /// SASL with sign and seal on port 389.
    #[default]
    Sealed,
    /// TLS from the start, on port 636.
    Ldaps,
    /// TLS after `StartTLS`, on port 389.
    Starttls,
}

/// A domain controller as an administrator names it: a host name or address, perhaps with a port.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Server {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
}

/// What is wrong with a domain's name or its servers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DomainError {
    /// Not a DNS name.
    #[error("expected the DNS name of a domain such as corp.example.com, received `{received}`")]
    Name {
        /// The text as it came.
        received: String,
    },
    /// Not a host with or without a port.
    #[error(
        "expected a server such as dc1.corp.example.com or 192.0.2.7:389, received `{received}`"
    )]
    Server {
        /// The text as it came.
        received: String,
    },
    /// A port of the global catalog, which holds only some attributes and knows no changes.
    #[error(
        "port {port} is the global catalog's, which cannot be read for changes; use 389 or 636"
    )]
    CatalogPort {
        /// The port.
        port: u16,
    },
}

impl Security {
    /// The usual port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Sealed | Self::Starttls => 389,
            Self::Ldaps => 636,
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Ldaps => "ldaps",
            Self::Starttls => "starttls",
        }
    }
}

impl FromStr for Server {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let error = || DomainError::Server {
            received: text.to_owned(),
        };
        let (host, port) = split_port(text).ok_or_else(error)?;
        let is_host =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(error());
        }
        if let Some(port @ (3268 | 3269)) = port {
            return Err(DomainError::CatalogPort { port });
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Takes a port off: `host:389`, `[::1]:389`; a bare IPv6 address has none.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |digits: &str| digits.parse().ok().filter(|port| *port != 0);
    if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        return match behind.strip_prefix(':') {
            Some(digits) => Some((host, Some(port(digits)?))),
            None => behind.is_empty().then_some((host, None)),
        };
    }
    match text.split_once(':') {
        Some((host, digits)) if !digits.contains(':') => Some((host, Some(port(digits)?))),
        _ => Some((text, None)),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.to_string()
    }
}

impl TryFrom<String> for Server {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

/// Reads the name of a domain, in any case.
///
/// # Errors
///
/// [`DomainError::Name`] when it is no DNS name of at least two labels.
pub fn domain_name(text: &str) -> Result<String, DomainError> {
    let name = text.strip_suffix('.').unwrap_or(text).to_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.contains('.') && name.len() <= 253 && name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err(DomainError::Name {
            received: text.to_owned(),
        })
    }
}

/// Changes whenever the stored domains do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DomainsStamp(Vec<(PathBuf, u64, i64, i64)>);

impl StateDir {
    /// All domains, by name.
    ///
    /// # Errors
    ///
    /// [`StateError`] when one cannot be read.
    pub fn domains(&self) -> Result<Vec<Domain>, StateError> {
        let dir = self.domains_dir();
        let mut domains = Vec::new();
        for path in self.domain_files()? {
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let bytes = files::read_if_there(&path)?;
                domains.extend(bytes.map(|bytes| parse(&path, &bytes)).transpose()?);
            }
        }
        tracing::trace!(dir = %dir.display(), count = domains.len(), "domains read");
        domains.sort_by(|a: &Domain, b| a.domain.cmp(&b.domain));
        Ok(domains)
    }

    /// One domain.
    ///
    /// # Errors
    ///
    /// [`StateError`] when it cannot be read.
    pub fn domain(&self, name: &str) -> Result<Option<Domain>, StateError> {
        let path = self.domain_file(name, "json");
        files::read_if_there(&path)?
            .map(|bytes| parse(&path, &bytes))
            .transpose()
    }

    /// Stores a domain. Its secret and CA are replaced when given, and stand otherwise. The description is
    /// written last: what it names is there.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn store_domain(
        &self,
        domain: &Domain,
        secret: Option<&Secret<Vec<u8>>>,
        ca: Option<&[u8]>,
    ) -> Result<(), StateError> {
        self.prepare()?;
        if let Some(secret) = secret {
            files::write(&self.domain_file(&domain.domain, "secret"), secret.expose())?;
        }
        if let Some(ca) = ca {
            files::write(&self.domain_file(&domain.domain, "ca.pem"), ca)?;
        }
        let path = self.domain_file(&domain.domain, "json");
        let json = serde_json::to_vec_pretty(domain).map_err(|error| StateError::Content {
            path: path.clone(),
            source: error.into(),
        })?;
        files::write(&path, &json)
    }

    /// Forgets a domain and its secret.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn remove_domain(&self, name: &str) -> Result<(), StateError> {
        for kind in ["json", "secret", "ca.pem"] {
            files::remove(&self.domain_file(name, kind))?;
        }
        Ok(())
    }

    /// The password or keytab of a domain.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] when it is not there.
    pub fn domain_secret(&self, name: &str) -> Result<Secret<Vec<u8>>, StateError> {
        files::read_secret(&self.domain_file(name, "secret"))
    }

    /// What a domain's certificates are checked against, in PEM.
    ///
    /// # Errors
    ///
    /// [`StateError::File`] when it is not there.
    pub fn domain_ca(&self, name: &str) -> Result<Vec<u8>, StateError> {
        let path = self.domain_file(name, "ca.pem");
        std::fs::read(&path).map_err(files::failed("read", &path))
    }

    /// Where a domain's keytab is.
    #[must_use]
    pub fn keytab_path(&self, name: &str) -> PathBuf {
        self.domain_file(name, "secret")
    }

    /// Looks whether anything has changed, without reading it.
    ///
    /// # Errors
    ///
    /// [`StateError::File`].
    pub fn domains_stamp(&self) -> Result<DomainsStamp, StateError> {
        let mut stamp = Vec::new();
        for path in self.domain_files()? {
            if let Ok(metadata) = std::fs::metadata(&path) {
                stamp.push((
                    path,
                    metadata.ino(),
                    metadata.mtime(),
                    metadata.mtime_nsec(),
                ));
            }
        }
        stamp.sort();
        Ok(DomainsStamp(stamp))
    }

    fn domain_file(&self, name: &str, kind: &str) -> PathBuf {
        self.domains_dir().join(format!("{name}.{kind}"))
    }

    fn domain_files(&self) -> Result<Vec<PathBuf>, StateError> {
        let dir = self.domains_dir();
        match std::fs::read_dir(&dir) {
            Ok(entries) => Ok(entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| !path.to_string_lossy().contains(".new-"))
                .collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(files::failed("list", &dir)(error)),
        }
    }
}

fn parse(path: &std::path::Path, bytes: &[u8]) -> Result<Domain, StateError> {
    serde_json::from_slice(bytes).map_err(|error| StateError::Content {
        path: path.to_owned(),
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_host_address_and_port() {
        for (text, host, port) in [
            ("dc1.corp.test", "dc1.corp.test", None),
            ("127.0.0.1:3890", "127.0.0.1", Some(3890)),
            ("[::1]:636", "::1", Some(636)),
            ("fe80::1", "fe80::1", None),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port));
            assert_eq!(server.to_string(), text);
        }
    }

    #[test]
    fn the_catalog_and_what_is_no_server_are_refused() {
        assert_eq!(
            "dc1:3268".parse::<Server>(),
            Err(DomainError::CatalogPort { port: 3268 })
        );
        for text in ["", ":389", "dc1:port", "dc1:0", "ldap://dc1", "[::1", "a b"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }

    #[test]
    fn domain_names_are_kept_in_lower_case() {
        assert_eq!(domain_name("Corp.Test."), Ok("corp.test".into()));
        for text in ["corp", "../x.y", "a..b", "-a.b", "a b.c", ""] {
            assert!(domain_name(text).is_err(), "{text}");
        }
    }
}
