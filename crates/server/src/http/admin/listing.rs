//! Lists without an end before their end: they are answered slice by slice, as they are read.

use crate::choice::Listing;
use crate::service::Service;
use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use lockstep_store::StoreError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use tokio::sync::mpsc;

/// How many slices wait for a slow reader.
const AHEAD: usize = 2;

/// Answers with everything that is listed, as one JSON array.
///
/// # Errors
///
/// Those of the store, as far as they show in the first slice; later ones break the answer off.
pub(super) async fn array<L: Listing>(
    service: Arc<Service>,
    listing: L,
) -> Result<Response, StoreError> {
    let (listing, first) = step(&service, listing).await?;
    let (sender, slices) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = send(&service, listing, first, &sender).await {
            tracing::error!(%error, "a list was broken off");
            // Whoever asked has gone away: there is nobody to tell.
            let _ = sender.send(Err(error)).await;
        }
    });
    let body = Body::new(Slices(slices));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

async fn step<L: Listing>(
    service: &Arc<Service>,
    mut listing: L,
) -> Result<(L, Option<Vec<L::One>>), StoreError> {
    let read = service.read(move |tx| {
        let slice = listing.next(tx)?;
        Ok((listing, slice))
    });
    read.await
}

/// Sends a slice and those behind it, for as long as somebody reads.
async fn send<L: Listing>(
    service: &Arc<Service>,
    mut listing: L,
    mut slice: Option<Vec<L::One>>,
    sender: &mpsc::Sender<Result<Bytes, BoxError>>,
) -> Result<(), BoxError> {
    let mut text = b"[".to_vec();
    let mut is_first = true;
    loop {
        for one in slice.iter().flatten() {
            if !is_first {
                text.push(b',');
            }
            is_first = false;
            serde_json::to_writer(&mut text, one)?;
        }
        let is_end = slice.is_none();
        if is_end {
            text.push(b']');
        }
        if !text.is_empty() {
            let sent = sender.send(Ok(std::mem::take(&mut text).into())).await;
            if sent.is_err() {
                return Ok(());
            }
        }
        if is_end {
            return Ok(());
        }
        (listing, slice) = step(service, listing).await?;
    }
}

/// The body of such an answer.
struct Slices(mpsc::Receiver<Result<Bytes, BoxError>>);

impl HttpBody for Slices {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let slice = self.0.poll_recv(context);
        slice.map(|slice| slice.map(|slice| slice.map(Frame::data)))
    }
}
