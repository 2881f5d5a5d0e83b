//! Joining a service with a one-use token.

use super::tls::{certificates, fingerprint};
use super::{ChannelError, Trust, base_url, http_client, join, problem_of};
use crate::state::AgentKey;
use lockstep_api::channel::{EnrollAnswer, EnrollRequest, EnrollmentToken, PROTOCOL_VERSIONS};
use reqwest::Response;
use std::time::Duration;
use url::Url;

/// What an enrolment brought.
#[derive(Clone, Debug)]
pub struct Joined {
    /// What the service answered.
    pub answer: EnrollAnswer,
    /// The service's own CA in PEM, when it has one.
    pub ca: Option<String>,
}

const TIMEOUT: Duration = Duration::from_secs(30);

/// Exchanges a token for an identity.
///
/// # Errors
///
/// [`ChannelError::Refused`] with the service's words for a token that is used up, expired or foreign.
pub async fn enroll(
    token: &EnrollmentToken,
    name: &str,
    key: &AgentKey,
    proxy: Option<&str>,
) -> Result<Joined, ChannelError> {
    let base = base_url(&token.url)?;
    let ca = match &token.ca_fingerprint {
        Some(expected) => Some(fetch_ca(&base, expected, proxy).await?),
        None => None,
    };
    let trust = ca.as_ref().map_or(Trust::PublicRoots, |pem| {
        Trust::OwnCa(pem.as_bytes().to_vec())
    });
    let request = EnrollRequest {
        protocol: PROTOCOL_VERSIONS.to_vec(),
        secret: token.secret.clone(),
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_key: key.public_base64(),
    };
    let response = http_client(&trust, proxy)?
        .post(join(&base, "/agent/v1/enroll")?)
        .timeout(TIMEOUT)
        .json(&request)
        .send()
        .await
        .map_err(|source| ChannelError::lost(&base, source))?;
    let bytes = body(&base, response).await?;
    let answer =
        serde_json::from_slice(&bytes).map_err(|source| ChannelError::Answer { source })?;
    Ok(Joined { answer, ca })
}

/// Fetches the service's own CA and checks that it is the one with this fingerprint.
///
/// The connection is already checked against the fingerprint; the text is once more, because it is what
/// will be trusted from now on.
///
/// # Errors
///
/// [`ChannelError::Fingerprint`] when it is another.
pub async fn fetch_ca(
    base: &Url,
    expected: &str,
    proxy: Option<&str>,
) -> Result<String, ChannelError> {
    let foreign = || ChannelError::Fingerprint {
        service: base.to_string(),
    };
    let mut wanted = [0; 32];
    hex::decode_to_slice(expected, &mut wanted).map_err(|_| foreign())?;
    let response = http_client(&Trust::Fingerprint(wanted), proxy)?
        .get(join(base, "/agent/v1/ca")?)
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|source| match is_untrusted(&source) {
            true => foreign(),
            false => ChannelError::lost(base, source),
        })?;
    let pem = body(base, response).await?;
    let is_wanted = certificates(&pem)?
        .iter()
        .any(|certificate| fingerprint(certificate) == wanted);
    match String::from_utf8(pem) {
        Ok(text) if is_wanted => Ok(text),
        _ => Err(foreign()),
    }
}

/// Whether the other side's certificate does not lead to the CA that was expected.
fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if is_certificate_error(cause) {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The standard library's error hides what it was made of, perhaps several times.
fn is_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| is_certificate_error(inner))
}

async fn body(base: &Url, response: Response) -> Result<Vec<u8>, ChannelError> {
    if !response.status().is_success() {
        let problem = problem_of(response).await;
        return Err(ChannelError::Refused {
            problem: problem.into(),
        });
    }
    let bytes = response
        .bytes()
        .await
        .map_err(|source| ChannelError::lost(base, source))?;
    Ok(bytes.to_vec())
}
