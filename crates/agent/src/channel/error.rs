//! What can go wrong on the way to the service.

use lockstep_api::problem::Problem;
use std::error::Error;
use std::io;
use url::Url;

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The service was not reached, or is not well: try again.
    #[error("could not reach the service at {service}")]
    Lost {
        /// Where it was looked for.
        service: String,
        /// What happened.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An HTTP proxy does not let the agent through to the service.
    #[error("the HTTP proxy did not open the way to the service at {service}")]
    ProxyRefused {
        /// Where the agent wanted to go.
        service: String,
        /// What the proxy did.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The lease has been given on: forget the instruction.
    #[error("the service has given this work to another agent")]
    Superseded,
    /// This agent has been removed: stop.
    #[error("{}", told(problem))]
    Removed {
        /// What the service says.
        problem: Box<Problem>,
    },
    /// The service refuses the request.
    #[error("{}", told(problem))]
    Refused {
        /// What the service says.
        problem: Box<Problem>,
    },
    /// The answer is none that we know.
    #[error("the service's answer was not understood")]
    Answer {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A body could not be written.
    #[error("could not write a request")]
    Body {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A body could not be compressed.
    #[error("could not compress a request")]
    Compress {
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The assertion could not be signed.
    #[error("could not sign a request with the agent's key")]
    Sign {
        /// Why not.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// The service's address is none.
    #[error("expected the service's address as https://HOST, received `{received}`")]
    Address {
        /// The text as it came.
        received: String,
    },
    /// The proxy's address is none.
    #[error("expected the proxy's address as http://HOST:PORT, received `{received}`")]
    Proxy {
        /// The text as it came.
        received: String,
    },
    /// A CA certificate cannot be used.
    #[error("the service's CA certificate cannot be used: {reason}")]
    Certificate {
        /// Why not.
        reason: String,
    },
    /// The certificate that was fetched is not the one that the token names.
    #[error(
        "the service at {service} is not the one that made the token: its CA has another fingerprint"
    )]
    Fingerprint {
        /// Where it was looked for.
        service: String,
    },
}

impl ChannelError {
    /// What the client says when a request brought no answer.
    pub(super) fn lost(service: &Url, source: reqwest::Error) -> Self {
        let (service, source) = (service.to_string(), Box::new(source.without_url()));
        // The client tells what a proxy has refused by its words only.
        if chain(source.as_ref()).contains("tunnel error") {
            return Self::ProxyRefused { service, source };
        }
        Self::Lost { service, source }
    }

    /// Whether the same request may be answered later.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::ProxyRefused { .. })
    }

    /// The error and all that lies behind it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        chain(self)
    }

    /// What to do about it, where we know.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Removed { problem } | Self::Refused { problem } => problem.remedy.clone(),
            Self::Lost { .. } => Some(
                "see that this machine may open HTTPS connections to that address, if need be with \
                 --proxy or HTTPS_PROXY"
                    .into(),
            ),
            Self::ProxyRefused { .. } => Some(
                "see that the proxy runs and may connect to that host and port (CONNECT); where it asks \
                 for a user, write it as http://USER:PASSWORD@HOST:PORT; or go around it with NO_PROXY"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// An error and its sources, joined by colons.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

fn told(problem: &Problem) -> String {
    match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.title),
        None => problem.title.clone(),
    }
}
