//! Notices to an address on the web.

use super::Message;
use rustls::{ClientConfig, RootCertStore};
use std::time::Duration;

/// How long the other side may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Calls addresses on the web.
#[derive(Clone, Debug)]
pub struct Webhooks(reqwest::Client);

impl Webhooks {
    /// Trusts the roots of the system.
    ///
    /// # Errors
    ///
    /// Those of the TLS library.
    pub fn new() -> Result<Self, reqwest::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // What is posted to one address is not carried to another.
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
    }

    /// Posts a notice. The address may hold a secret of its owner's and is not repeated in errors.
    pub(super) async fn call(&self, address: &str, message: &Message) -> Result<(), String> {
        let answer = self.0.post(address).json(message).send().await;
        let answer = answer.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(format!("the other side answered {}", answer.status()))
    }
}
