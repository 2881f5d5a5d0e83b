//! Bytes to and from a controller: in the clear only before the sign-in, sealed or under TLS from then on.

use crate::security::{ContextError, SecurityContext};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The largest sealed message. Controllers cut theirs long before.
const LARGEST_SEALED: usize = 32 << 20;
const READ_SIZE: usize = 64 << 10;

/// How bytes travel.
#[derive(Debug)]
pub(super) enum Transport {
    /// Before sign and seal are agreed, or before `StartTLS`: nothing secret is sent here.
    Clear(TcpStream),
    /// Signed and sealed: a length of four bytes, then the sealed message (RFC 4422 3.7).
    Sealed {
        stream: TcpStream,
        context: Box<SecurityContext>,
        /// Received, and not opened yet.
        received: Vec<u8>,
    },
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes).await,
            Self::Sealed {
                stream, context, ..
            } => {
                let sealed = context.seal(bytes).map_err(broken)?;
                let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
                let mut message = length.to_be_bytes().to_vec();
                message.extend(sealed);
                stream.write_all(&message).await
            }
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Waits for bytes and hands what arrived to `take`. The end of the stream is an error: who reads here
    /// waits for an answer.
    pub(super) async fn read(&mut self, take: &mut (dyn FnMut(&[u8]) + Send)) -> io::Result<()> {
        match self {
            Self::Clear(stream) => {
                let mut buffer = vec![0; 4096];
                let count = stream.read(&mut buffer).await?;
                take(
                    buffer
                        .get(..count)
                        .filter(|b| !b.is_empty())
                        .ok_or_else(ended)?,
                );
            }
            Self::Tls(stream) => {
                let mut buffer = vec![0; READ_SIZE];
                let count = stream.read(&mut buffer).await.map_err(hung_up)?;
                take(
                    buffer
                        .get(..count)
                        .filter(|b| !b.is_empty())
                        .ok_or_else(ended)?,
                );
            }
            Self::Sealed {
                stream,
                context,
                received,
            } => {
                received.reserve(READ_SIZE);
                if stream.read_buf(received).await? == 0 {
                    return Err(ended());
                }
                open_all(context, received, take)?;
            }
        }
        Ok(())
    }
}

/// Opens every sealed message that has arrived whole.
fn open_all(
    context: &mut SecurityContext,
    received: &mut Vec<u8>,
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> io::Result<()> {
    let mut opened = 0;
    while let Some(prefix) = received.get(opened..opened + 4) {
        let length = prefix
            .iter()
            .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        if length > LARGEST_SEALED {
            return Err(io::Error::other("a sealed message is too large"));
        }
        let Some(sealed) = received.get_mut(opened + 4..opened + 4 + length) else {
            break;
        };
        take(context.open(sealed).map_err(broken)?);
        opened += 4 + length;
    }
    received.drain(..opened);
    Ok(())
}

/// A side that hangs up without a word is no matter of TLS.
fn hung_up(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ended(),
        _ => error,
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the controller hung up")
}

fn broken(error: ContextError) -> io::Error {
    io::Error::other(format!("the sealed connection is broken: {}", error.reason))
}
