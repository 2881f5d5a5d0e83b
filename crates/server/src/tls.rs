//! The service's certificate: the administrator's, or one of a private CA made in the data folder.

use crate::files;
use crate::service::OwnCa;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How long the CA is good: longer than any machine that it is made on.
const CA_YEARS: i64 = 20;
/// How long a server certificate is good. It is made anew at every start, so that names are current.
const SERVER_DAYS: i64 = 397;

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// A certificate or key cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// Which.
        what: String,
        /// Why not.
        reason: String,
    },
}

/// What the service serves with.
#[derive(Debug)]
pub struct Certificate {
    /// For the listener.
    pub config: Arc<ServerConfig>,
    /// The private CA, unless the certificate is the administrator's.
    pub own_ca: Option<OwnCa>,
}

/// Takes the administrator's certificate.
///
/// # Errors
///
/// [`TlsError`] naming the file.
pub fn given(certificate: &Path, key: &Path) -> Result<Certificate, TlsError> {
    let pem = files::read(certificate)?;
    let chain = certificates(&pem, &certificate.display().to_string())?;
    let key_pem = files::read(key)?;
    let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| TlsError::Unusable {
        what: format!("the key in {}", key.display()),
        reason: error.to_string(),
    })?;
    Ok(Certificate {
        config: server_config(chain, key)?,
        own_ca: None,
    })
}

/// Takes, or makes, the private CA in `dir`, and makes a certificate for these names.
///
/// # Errors
///
/// [`TlsError`].
pub fn private(dir: &Path, names: &[String], now: OffsetDateTime) -> Result<Certificate, TlsError> {
    let (ca_path, key_path) = (dir.join("ca.pem"), dir.join("ca.key"));
    if !ca_path.exists() {
        make_ca(&ca_path, &key_path, now)?;
    }
    let ca_pem = text(files::read(&ca_path)?, "ca.pem")?;
    let ca_key = KeyPair::from_pem(&text(files::read(&key_path)?, "ca.key")?);
    let ca_key = ca_key.map_err(unusable("tls/ca.key"))?;
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key).map_err(unusable("tls/ca.pem"))?;

    let server_key = KeyPair::generate().map_err(unusable("a new key"))?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(unusable("a server name"))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Lockstep");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // Clocks differ; a certificate of this second would be refused by those that are behind.
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(SERVER_DAYS);
    let server = params
        .signed_by(&server_key, &issuer)
        .map_err(unusable("the server's certificate"))?;

    let ca = certificates(ca_pem.as_bytes(), "tls/ca.pem")?;
    let ca_der = ca.first().ok_or_else(|| TlsError::Unusable {
        what: "tls/ca.pem".into(),
        reason: "it holds no certificate".into(),
    })?;
    let own_ca = OwnCa {
        fingerprint: hex::encode(Sha256::digest(ca_der)),
        pem: ca_pem,
    };
    let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes());
    let key = key.map_err(|error| TlsError::Unusable {
        what: "a new key".into(),
        reason: error.to_string(),
    })?;
    // The CA goes along: an agent that joins knows its fingerprint only.
    let mut chain = vec![server.der().clone()];
    chain.extend(ca);
    Ok(Certificate {
        config: server_config(chain, key)?,
        own_ca: Some(own_ca),
    })
}

fn make_ca(ca_path: &Path, key_path: &Path, now: OffsetDateTime) -> Result<(), TlsError> {
    let key = KeyPair::generate().map_err(unusable("a new key"))?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Lockstep private CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(365 * CA_YEARS);
    let ca = params.self_signed(&key).map_err(unusable("the CA"))?;
    // The key first: a CA without its key would be taken for a complete one.
    files::write_private(key_path, key.serialize_pem().as_bytes())?;
    files::write_public(ca_path, ca.pem().as_bytes())?;
    Ok(())
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let unusable = |error: rustls::Error| TlsError::Unusable {
        what: "the certificate".into(),
        reason: error.to_string(),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| TlsError::Unusable {
        what: format!("the certificate in {what}"),
        reason: error.to_string(),
    })?;
    if chain.is_empty() {
        return Err(TlsError::Unusable {
            what: format!("the certificate in {what}"),
            reason: "there is none in it; expected PEM".into(),
        });
    }
    Ok(chain)
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, TlsError> {
    String::from_utf8(bytes).map_err(|error| TlsError::Unusable {
        what: format!("tls/{what}"),
        reason: error.to_string(),
    })
}

fn unusable(what: &'static str) -> impl Fn(rcgen::Error) -> TlsError {
    move |error| TlsError::Unusable {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}
