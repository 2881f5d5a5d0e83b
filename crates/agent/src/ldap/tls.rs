//! LDAPS and `StartTLS`: the certificate must lead to the given CA, or a root of the system, and bear the
//! server's name as it was given.

use super::LdapError;
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Puts TLS over a connection.
pub(super) async fn wrap(
    stream: TcpStream,
    host: &str,
    server: &str,
    ca: Option<&[u8]>,
) -> Result<TlsStream<TcpStream>, LdapError> {
    let not_accepted = |reason: String, wrong_name| LdapError::Certificate {
        server: server.to_owned(),
        reason,
        wrong_name,
    };
    let config = config(ca).map_err(|reason| not_accepted(reason, false))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| not_accepted(error.to_string(), true))?;
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.map_err(|source| {
        let tls = source
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                let wrong_name = matches!(
                    reason,
                    CertificateError::NotValidForName
                        | CertificateError::NotValidForNameContext { .. }
                );
                not_accepted(reason.to_string(), wrong_name)
            }
            Some(error) => not_accepted(error.to_string(), false),
            None => LdapError::Lost {
                server: server.to_owned(),
                source,
            },
        }
    })
}

fn config(ca: Option<&[u8]>) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = match ca {
        Some(pem) => own_roots(pem)?,
        None => system_roots(),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn own_roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
