//! Fragments: the protocol data units of a connection (C706 12.6).

use super::RpcError;
use crate::ndr::Writer;
use lockstep_model::Guid;

/// The common header (C706 12.6.3.1).
pub(super) const HEADER: usize = 16;
/// The header of a request or response, up to the stub (C706 12.6.4.9, 12.6.4.10).
pub(super) const CALL_HEADER: usize = 24;
/// What stands before a token ([MS-RPCE] 2.2.2.11).
pub(super) const TRAILER: usize = 8;

pub(super) const FIRST: u8 = 1;
pub(super) const LAST: u8 = 2;
/// `PFC_SUPPORT_HEADER_SIGN` ([MS-RPCE] 2.2.2.3), in bind, alter_context and their answers.
pub(super) const HEADER_SIGNING: u8 = 4;

/// Integers little-endian, characters ASCII, floats IEEE (C706 14.2.5).
const DATA_REPRESENTATION: [u8; 4] = [0x10, 0, 0, 0];

/// An interface or a way of writing data down: a UUID with a version (C706 12.6.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Syntax {
    /// What it is, in the order in which UUIDs are written.
    pub uuid: Guid,
    /// Its major version; the minor one is zero wherever this crate goes.
    pub version: u16,
}

/// Network Data Representation, version 2 (C706 appendix I).
pub(crate) const NDR20: Syntax = Syntax {
    uuid: Guid::from_bytes([
        0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48,
        0x60,
    ]),
    version: 2,
};

impl Syntax {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.guid(self.uuid);
        writer.u32(u32::from(self.version));
    }
}

/// What a fragment is (C706 12.6.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PacketType {
    /// A call.
    Request,
    /// What came of it.
    Response,
    /// Nothing came of it.
    Fault,
    /// The beginning of an association.
    Bind,
    /// The server agrees.
    BindAck,
    /// The server does not.
    BindNak,
    /// The next step of a bind.
    AlterContext,
    /// The server's answer to that.
    AlterContextResponse,
    /// The last step of a bind, without an answer ([MS-RPCE] 2.2.2.5).
    Auth3,
    /// Anything else.
    Other(u8),
}

impl PacketType {
    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
            Self::Fault => 3,
            Self::Bind => 11,
            Self::BindAck => 12,
            Self::BindNak => 13,
            Self::AlterContext => 14,
            Self::AlterContextResponse => 15,
            Self::Auth3 => 16,
            Self::Other(number) => number,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Request,
            2 => Self::Response,
            3 => Self::Fault,
            11 => Self::Bind,
            12 => Self::BindAck,
            13 => Self::BindNak,
            14 => Self::AlterContext,
            15 => Self::AlterContextResponse,
            16 => Self::Auth3,
            other => Self::Other(other),
        }
    }
}

/// One whole fragment, as it was received.
///
/// INVARIANT: it is as long as its header says, and header, trailer and token fit into it; only
/// [`Splitter::next`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fragment {
    bytes: Vec<u8>,
    packet: PacketType,
    token_length: usize,
}

impl Fragment {
    /// What it is.
    #[must_use]
    pub const fn packet(&self) -> PacketType {
        self.packet
    }

    /// The call it belongs to.
    #[must_use]
    pub fn call_id(&self) -> u32 {
        let mut id = [0; 4];
        id.copy_from_slice(&self.bytes[12..16]);
        u32::from_le_bytes(id)
    }

    pub(super) fn flags(&self) -> u8 {
        self.bytes[3]
    }

    pub(super) const fn token_length(&self) -> usize {
        self.token_length
    }

    /// Everything behind the common header, up to the trailer if there is one.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[HEADER..self.body_end()]
    }

    /// The token at its end; empty when there is none.
    pub(super) fn token(&self) -> &[u8] {
        &self.bytes[self.bytes.len() - self.token_length..]
    }

    /// The bytes, and where the trailer begins.
    pub(super) fn into_parts(self) -> (Vec<u8>, usize) {
        let end = self.body_end();
        (self.bytes, end)
    }

    const fn body_end(&self) -> usize {
        match self.token_length {
            0 => self.bytes.len(),
            token => self.bytes.len() - token - TRAILER,
        }
    }

    fn new(bytes: Vec<u8>) -> Result<Self, RpcError> {
        let packet = PacketType::from_number(bytes[2]);
        let token_length = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
        let fixed = match packet {
            PacketType::Request | PacketType::Response | PacketType::Fault => CALL_HEADER,
            _ => HEADER,
        };
        let behind = match token_length {
            0 => 0,
            token => TRAILER + token,
        };
        if bytes.len() < fixed + behind {
            let packet = packet.number();
            return Err(RpcError::Lengths { packet });
        }
        Ok(Self {
            bytes,
            packet,
            token_length,
        })
    }
}

/// Cuts a stream of bytes into fragments.
///
/// It never holds more than what was pushed, and a fragment has at most 65,535 bytes.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    taken: usize,
}

impl Splitter {
    /// Takes up bytes that were received.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next fragment; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`RpcError::NotRpc`] or [`RpcError::Lengths`], after which the connection is of no use.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot fail")]
    pub fn next(&mut self) -> Result<Option<Fragment>, RpcError> {
        let rest = &self.buffer[self.taken..];
        let Some(header) = rest.get(..HEADER) else {
            return Ok(None);
        };
        // Version 5, minor version 0 or 1 (C706 12.6.3.1), and the data representation that was offered;
        // what the server's characters and floats are like does not matter.
        if header[0] != 5 || header[1] > 1 || header[4] & 0xf0 != 0x10 {
            return Err(RpcError::NotRpc);
        }
        let length = usize::from(u16::from_le_bytes([header[8], header[9]]));
        if length < HEADER {
            return Err(RpcError::Lengths { packet: header[2] });
        }
        let Some(bytes) = rest.get(..length) else {
            return Ok(None);
        };
        let fragment = Fragment::new(bytes.to_vec())?;
        self.taken += length;
        Ok(Some(fragment))
    }

    /// Whether it stands between two fragments with nothing left over.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.taken == self.buffer.len()
    }
}

/// The common header of a fragment that is sent.
///
/// INVARIANT: callers keep `length` below the size of fragments that the server takes, a 16-bit number.
pub(super) fn header(
    packet: PacketType,
    flags: u8,
    length: usize,
    token: usize,
    call: u32,
) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = vec![5, 0, packet.number(), flags];
    bytes.extend(DATA_REPRESENTATION);
    bytes.extend(short(length));
    bytes.extend(short(token));
    bytes.extend(call.to_le_bytes());
    bytes
}

/// The trailer before a token ([MS-RPCE] 2.2.2.11), with the authentication level of packet privacy.
pub(super) const fn trailer(authentication: u8, padding: u8) -> [u8; TRAILER] {
    const PACKET_PRIVACY: u8 = 6;
    [authentication, PACKET_PRIVACY, padding, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(packet: PacketType, body: &[u8], token: usize) -> Vec<u8> {
        let mut bytes = header(packet, FIRST | LAST, HEADER + body.len(), token, 7);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn fragments_are_the_same_in_whatever_pieces_they_come() {
        let stream = [
            fragment(PacketType::BindAck, &[1; 20], 0),
            fragment(PacketType::Response, &[2; 40], 16),
            fragment(PacketType::Other(19), &[], 0),
        ]
        .concat();
        for size in 1..=stream.len() {
            let mut splitter = Splitter::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                splitter.push(piece);
                while let Some(fragment) = splitter.next().unwrap() {
                    found.push(fragment);
                }
            }
            assert!(splitter.is_idle());
            let packets: Vec<_> = found.iter().map(Fragment::packet).collect();
            assert_eq!(
                packets,
                [
                    PacketType::BindAck,
                    PacketType::Response,
                    PacketType::Other(19)
                ]
            );
            assert_eq!(found[1].body(), [2; 16]);
            assert_eq!(found[1].token(), [2; 16]);
            assert_eq!(found[1].call_id(), 7);
        }
    }

    #[test]
    fn a_torn_fragment_is_waited_for_and_never_given() {
        let bytes = fragment(PacketType::Response, &[2; 40], 16);
        for length in 0..bytes.len() {
            let mut splitter = Splitter::default();
            splitter.push(&bytes[..length]);
            assert_eq!(splitter.next(), Ok(None));
            assert_eq!(splitter.is_idle(), length == 0);
        }
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let good = fragment(PacketType::Response, &[2; 40], 16);
        for (position, value, error) in [
            (0, 4, RpcError::NotRpc),
            (1, 2, RpcError::NotRpc),
            (4, 0x00, RpcError::NotRpc),
            (8, 15, RpcError::Lengths { packet: 2 }),
            (8, 47, RpcError::Lengths { packet: 2 }),
            (11, 1, RpcError::Lengths { packet: 2 }),
        ] {
            let mut bytes = good.clone();
            bytes[position] = value;
            let mut splitter = Splitter::default();
            splitter.push(&bytes);
            assert_eq!(splitter.next(), Err(error), "byte {position} = {value}");
        }
    }
}
