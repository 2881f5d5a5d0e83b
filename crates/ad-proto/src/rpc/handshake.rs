//! Binding an interface (C706 12.6.4.3, [MS-RPCE] 3.3.1.5.2).

use super::association::{Association, Protection};
use super::pdu::{
    FIRST, Fragment, HEADER, HEADER_SIGNING, LAST, NDR20, PacketType, Syntax, TRAILER, header,
    trailer,
};
use super::{Fault, RpcError};
use crate::ndr::{Reader, Writer};

/// What we take and send at most in one fragment: what Windows itself uses on TCP.
const FRAGMENT_SIZE: u16 = 5840;
/// The call that binds; requests follow with the next numbers.
const BIND_CALL: u32 = 1;
/// Where a bind has its token at the latest, so that 16 bits can still say its length.
const LARGEST_TOKEN: usize = 60_000;

/// Which security provider an association uses ([MS-RPCE] 2.2.1.1.7).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthenticationType {
    /// `RPC_C_AUTHN_GSS_NEGOTIATE`: SPNEGO.
    Negotiate,
    /// `RPC_C_AUTHN_WINNT`: NTLM.
    Ntlm,
    /// `RPC_C_AUTHN_GSS_KERBEROS`: Kerberos.
    Kerberos,
}

impl AuthenticationType {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Negotiate => 9,
            Self::Ntlm => 10,
            Self::Kerberos => 16,
        }
    }
}

/// An association that is being set up.
///
/// With a security context the order is: [`start`](Self::start) with its first token,
/// [`receive`](Self::receive) the server's, [`alter_context`](Self::alter_context) with the next one and
/// receive again until neither side has anything to say, [`finish`](Self::finish). NTLM without SPNEGO ends
/// with [`auth3`](Self::auth3) instead, to which there is no answer.
#[derive(Debug)]
pub struct Handshake {
    interface: Syntax,
    authentication: Option<AuthenticationType>,
    fragment_size: u16,
    expected: PacketType,
}

impl Handshake {
    /// Begins; gives the bytes to be sent.
    ///
    /// # Errors
    ///
    /// [`RpcError::TokenTooLarge`].
    pub fn start(
        interface: Syntax,
        authentication: Option<AuthenticationType>,
        token: &[u8],
    ) -> Result<(Self, Vec<u8>), RpcError> {
        let handshake = Self {
            interface,
            authentication,
            fragment_size: FRAGMENT_SIZE,
            expected: PacketType::BindAck,
        };
        let bytes = handshake.encode(PacketType::Bind, &handshake.body(), token)?;
        Ok((handshake, bytes))
    }

    /// Takes the server's answer; gives the token for the security context, which may be empty.
    ///
    /// # Errors
    ///
    /// [`RpcError`] when the server refuses, or answers something else.
    pub fn receive(&mut self, fragment: &Fragment) -> Result<Vec<u8>, RpcError> {
        match fragment.packet() {
            PacketType::BindNak => {
                let reason = Reader::new(fragment.body()).u16()?;
                return Err(RpcError::BindRefused { reason });
            }
            PacketType::Fault => return Err(RpcError::Fault(Fault::read(fragment)?)),
            packet if packet == self.expected && fragment.call_id() == BIND_CALL => {}
            packet => {
                return Err(RpcError::Unexpected {
                    expected: "12, 15 (an answer to a bind)",
                    received: packet.number(),
                    call: fragment.call_id(),
                });
            }
        }
        let first = self.expected == PacketType::BindAck;
        let signs_headers = fragment.flags() & HEADER_SIGNING != 0;
        if first && self.authentication.is_some() && !signs_headers {
            return Err(RpcError::HeadersNotSigned);
        }
        let size = accepted(fragment.body())?;
        if first {
            self.fragment_size = size.min(FRAGMENT_SIZE);
        }
        Ok(fragment.token().to_vec())
    }

    /// Goes on with the security context's next token; gives the bytes to be sent. There is an answer.
    ///
    /// # Errors
    ///
    /// [`RpcError::TokenTooLarge`].
    pub fn alter_context(&mut self, token: &[u8]) -> Result<Vec<u8>, RpcError> {
        self.expected = PacketType::AlterContextResponse;
        self.encode(PacketType::AlterContext, &self.body(), token)
    }

    /// Ends with the security context's last token; gives the bytes to be sent. There is no answer: whether
    /// the token was right, the first call will show.
    ///
    /// # Errors
    ///
    /// [`RpcError::TokenTooLarge`].
    pub fn auth3(&self, token: &[u8]) -> Result<Vec<u8>, RpcError> {
        // Four bytes without meaning ([MS-RPCE] 2.2.2.5).
        self.encode(PacketType::Auth3, &[0; 4], token)
    }

    /// The association, protected by the security context that was set up.
    ///
    /// No response may have more than `largest_response` bytes.
    pub const fn finish<P: Protection>(
        self,
        protection: P,
        largest_response: usize,
    ) -> Association<P> {
        Association::new(
            protection,
            self.authentication,
            self.fragment_size,
            BIND_CALL,
            largest_response,
        )
    }

    fn body(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u16(FRAGMENT_SIZE);
        writer.u16(FRAGMENT_SIZE);
        writer.u32(0); // A new association group.
        writer.u32(1); // One presentation context,
        writer.u16(0); // with this number,
        writer.u16(1); // for which we know one transfer syntax.
        self.interface.write(&mut writer);
        NDR20.write(&mut writer);
        writer.into_bytes()
    }

    fn encode(&self, packet: PacketType, body: &[u8], token: &[u8]) -> Result<Vec<u8>, RpcError> {
        if token.len() > LARGEST_TOKEN {
            let length = token.len();
            return Err(RpcError::TokenTooLarge { length });
        }
        let mut flags = FIRST | LAST;
        let Some(authentication) = self.authentication else {
            let mut bytes = header(packet, flags, HEADER + body.len(), 0, BIND_CALL);
            bytes.extend_from_slice(body);
            return Ok(bytes);
        };
        if packet != PacketType::Auth3 {
            flags |= HEADER_SIGNING;
        }
        let length = HEADER + body.len() + TRAILER + token.len();
        let mut bytes = header(packet, flags, length, token.len(), BIND_CALL);
        bytes.extend_from_slice(body);
        bytes.extend(trailer(authentication.number(), 0));
        bytes.extend_from_slice(token);
        Ok(bytes)
    }
}

/// Reads the answer to a bind: which fragments the server takes.
fn accepted(body: &[u8]) -> Result<u16, RpcError> {
    let mut reader = Reader::new(body);
    reader.u16()?;
    let size = reader.u16()?;
    reader.u32()?;
    let address = reader.u16()?;
    reader.bytes(usize::from(address))?;
    reader.align(4)?;
    let results = reader.u8()?;
    reader.bytes(3)?;
    let (result, reason) = match results {
        0 => (u16::MAX, u16::MAX),
        _ => (reader.u16()?, reader.u16()?),
    };
    if result == 0 {
        Ok(size)
    } else {
        Err(RpcError::InterfaceRefused { result, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LARGEST_RESPONSE, Splitter, Unprotected};
    use super::*;
    use crate::epm;

    fn answer(packet: PacketType, flags: u8, body: &[u8], token: &[u8]) -> Fragment {
        let behind = if token.is_empty() {
            0
        } else {
            TRAILER + token.len()
        };
        let mut bytes = header(packet, flags, HEADER + body.len() + behind, token.len(), 1);
        bytes.extend_from_slice(body);
        if !token.is_empty() {
            bytes.extend(trailer(9, 0));
            bytes.extend_from_slice(token);
        }
        let mut splitter = Splitter::default();
        splitter.push(&bytes);
        splitter.next().unwrap().unwrap()
    }

    fn ack(result: u16, address: &[u8]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u16(4280);
        writer.u16(4280);
        writer.u32(0x53f0);
        writer.u16(u16::try_from(address.len()).unwrap());
        writer.bytes(address);
        writer.u32(1);
        writer.u16(result);
        writer.u16(2);
        NDR20.write(&mut writer);
        writer.into_bytes()
    }

    fn start(authentication: Option<AuthenticationType>) -> (Handshake, Vec<u8>) {
        Handshake::start(epm::INTERFACE, authentication, b"token").unwrap()
    }

    #[test]
    fn a_bind_is_laid_out_as_the_specification_says() {
        let (_, bytes) = start(Some(AuthenticationType::Negotiate));
        assert_eq!(
            bytes[..16],
            [5, 0, 11, 7, 16, 0, 0, 0, 85, 0, 5, 0, 1, 0, 0, 0],
            "first, last, header signing; 85 bytes with a token of 5; call 1"
        );
        assert_eq!(
            bytes[16..32],
            [0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
        );
        assert_eq!(bytes[72..80], [9, 6, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[80..], *b"token");
        let (_, bare) = start(None);
        assert_eq!((bare.len(), bare[3]), (72, 3), "no trailer, no token");
    }

    #[test]
    fn tokens_go_to_and_fro_until_both_sides_are_content() {
        let (mut handshake, _) = start(Some(AuthenticationType::Negotiate));
        let first = answer(PacketType::BindAck, 7, &ack(0, b"49152\0"), b"reply");
        assert_eq!(handshake.receive(&first), Ok(b"reply".to_vec()));
        let bytes = handshake.alter_context(b"more").unwrap();
        assert_eq!((bytes[2], bytes[3]), (14, 7));
        let last = answer(PacketType::AlterContextResponse, 3, &ack(0, b""), b"");
        assert_eq!(handshake.receive(&last), Ok(vec![]));
        assert_eq!(handshake.fragment_size, 4280);
        let auth3 = handshake.auth3(b"bye").unwrap();
        assert_eq!((auth3[2], auth3[3], auth3.len()), (16, 3, 16 + 4 + 8 + 3));
        let _association = handshake.finish(Unprotected, LARGEST_RESPONSE);
    }

    #[test]
    fn a_server_that_refuses_is_quoted() {
        let refusals = [
            (
                answer(PacketType::BindNak, 3, &[4, 0, 0, 0], b""),
                RpcError::BindRefused { reason: 4 },
            ),
            (
                answer(PacketType::BindAck, 7, &ack(2, b"135\0"), b""),
                RpcError::InterfaceRefused {
                    result: 2,
                    reason: 2,
                },
            ),
            (
                answer(PacketType::BindAck, 3, &ack(0, b"135\0"), b"reply"),
                RpcError::HeadersNotSigned,
            ),
            (
                answer(
                    PacketType::Fault,
                    3,
                    &[0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0],
                    b"",
                ),
                RpcError::Fault(Fault::ACCESS_DENIED),
            ),
            (
                answer(PacketType::AlterContextResponse, 3, &ack(0, b""), b""),
                RpcError::Unexpected {
                    expected: "12, 15 (an answer to a bind)",
                    received: 15,
                    call: 1,
                },
            ),
        ];
        for (fragment, error) in refusals {
            let (mut handshake, _) = start(Some(AuthenticationType::Negotiate));
            assert_eq!(handshake.receive(&fragment), Err(error));
        }
    }

    #[test]
    fn an_answer_that_ends_early_is_an_error() {
        let body = ack(0, b"135\0");
        // The transfer syntax at the end is not looked at: only one was offered.
        for length in 0..body.len() - 20 {
            let (mut handshake, _) = start(None);
            let torn = answer(PacketType::BindAck, 3, &body[..length], b"");
            assert!(handshake.receive(&torn).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_token_that_does_not_fit_is_refused() {
        let huge = vec![0; 65_000];
        let start = Handshake::start(epm::INTERFACE, Some(AuthenticationType::Kerberos), &huge);
        assert_eq!(
            start.unwrap_err(),
            RpcError::TokenTooLarge { length: 65_000 }
        );
    }
}
