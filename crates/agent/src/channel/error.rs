//! What can go wrong on the way to the service.

use lockstep_api::problem::Problem;
use std::error::Error;
use std::io;

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
