//! Bodies of agents' requests: JSON, compressed or not.

use crate::failure::Failure;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use lockstep_api::problem::Problem;
use serde::de::DeserializeOwned;
use std::io::Read as _;

/// The largest body, compressed or not: many times what an agent sends at most.
const LARGEST: usize = 64 << 20;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let compressed = request
            .headers()
            .get(header::CONTENT_ENCODING)
            .is_some_and(|value| value == "zstd");
        let bytes = axum::body::to_bytes(request.into_body(), LARGEST)
            .await
            .map_err(|_| too_large())?;
        let bytes = if compressed {
            decompress(&bytes)?
        } else {
            bytes.to_vec()
        };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let problem = Problem::new(
                400,
                "BadRequest",
                "the body is not what this address expects",
            );
            problem.detail(error.to_string()).into()
        })
    }
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let bad = || {
        Problem::new(
            400,
            "BadRequest",
            "the body is not compressed with zstd as it says",
        )
    };
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(|_| bad())?;
    let mut plain = Vec::new();
    // One byte more than allowed shows that it is too large, without unpacking all of it.
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX) + 1;
    decoder
        .by_ref()
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| bad())?;
    if plain.len() > LARGEST {
        Err(too_large().into())
    } else {
        Ok(plain)
    }
}

fn too_large() -> Problem {
    Problem::new(
        413,
        "TooLarge",
        format!("the body has more than {LARGEST} bytes"),
    )
}
