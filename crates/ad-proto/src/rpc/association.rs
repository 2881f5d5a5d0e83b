//! Calls (C706 12.6.4.9, 12.6.4.10, [MS-RPCE] 3.3.1.5.2.2).

use super::handshake::AuthenticationType;
use super::pdu::{CALL_HEADER, FIRST, Fragment, LAST, PacketType, TRAILER, header, trailer};
use super::{CallError, Fault, RpcError};
use crate::ndr::Reader;
use std::convert::Infallible;

/// A response that is larger than this is refused, unless the caller says otherwise.
pub const LARGEST_RESPONSE: usize = 16 << 20;

/// Sealed stubs are padded to a multiple of this ([MS-RPCE] 2.2.2.11).
const PADDING: usize = 16;

/// The parts of a fragment that is sealed or opened in place.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Its header: signed.
    pub header: &'a mut [u8],
    /// Its stub and padding: signed and sealed.
    pub body: &'a mut [u8],
    /// What stands before the token: signed.
    pub trailer: &'a mut [u8],
    /// The token, which is written when sealing and checked when opening.
    pub token: &'a mut [u8],
}

/// A security context that has been set up: it seals and opens fragments, strictly in order.
pub trait Protection {
    /// Why it could not.
    type Error: std::error::Error + 'static;

    /// How long its tokens are; `None`: it protects nothing.
    ///
    /// # Errors
    ///
    /// When the context does not know.
    fn token_length(&mut self) -> Result<Option<usize>, Self::Error>;

    /// Seals a fragment and writes its token.
    ///
    /// # Errors
    ///
    /// When it cannot.
    fn seal(&mut self, parts: Parts<'_>) -> Result<(), Self::Error>;

    /// Opens a fragment, whose token must be right.
    ///
    /// # Errors
    ///
    /// When it is not.
    fn open(&mut self, parts: Parts<'_>) -> Result<(), Self::Error>;
}

/// No protection: for the endpoint mapper, which says nothing that is not public.
#[derive(Clone, Copy, Debug)]
pub struct Unprotected;

impl Protection for Unprotected {
    type Error = Infallible;

    fn token_length(&mut self) -> Result<Option<usize>, Infallible> {
        Ok(None)
    }

    fn seal(&mut self, _: Parts<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn open(&mut self, _: Parts<'_>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A bound interface, on which calls can be made one after the other.
#[derive(Debug)]
pub struct Association<P> {
    protection: P,
    authentication: Option<AuthenticationType>,
    fragment_size: u16,
    last_call: u32,
    largest_response: usize,
}

/// A call that has been sent, and whose response is coming in.
#[derive(Debug)]
#[must_use = "a call is complete only when its response has been received"]
pub struct Call {
    id: u32,
    begun: bool,
    stub: Vec<u8>,
}

/// How far a response is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// More fragments follow.
    More,
    /// The whole stub.
    Done(Vec<u8>),
}

impl<P: Protection> Association<P> {
    pub(super) const fn new(
        protection: P,
        authentication: Option<AuthenticationType>,
        fragment_size: u16,
        last_call: u32,
        largest_response: usize,
    ) -> Self {
        Self {
            protection,
            authentication,
            fragment_size,
            last_call,
            largest_response,
        }
    }

    /// The security context.
    pub const fn protection(&mut self) -> &mut P {
        &mut self.protection
    }

    /// Makes a call; gives the bytes to be sent.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the stub cannot be sealed.
    pub fn call(
        &mut self,
        operation: u16,
        stub: &[u8],
    ) -> Result<(Call, Vec<u8>), CallError<P::Error>> {
        self.last_call = self.last_call.wrapping_add(1);
        let call = Call {
            id: self.last_call,
            begun: false,
            stub: Vec::new(),
        };
        let token = self.token_length()?;
        let behind = token.map_or(0, |token| TRAILER + token);
        let size = usize::from(self.fragment_size);
        let room = size.saturating_sub(CALL_HEADER + behind) / PADDING * PADDING;
        if room == 0 {
            let size = self.fragment_size;
            return Err(RpcError::FragmentSize { size }.into());
        }
        let mut bytes = Vec::with_capacity(stub.len() + CALL_HEADER + behind + PADDING);
        let mut left = stub;
        let mut flags = FIRST;
        loop {
            let (piece, rest) = left.split_at(left.len().min(room));
            if rest.is_empty() {
                flags |= LAST;
            }
            let head = RequestHeader {
                call: call.id,
                flags,
                hint: left.len(),
                operation,
            };
            match (token, self.authentication) {
                (Some(token), Some(authentication)) => {
                    let padded = piece.len().next_multiple_of(PADDING);
                    let header = head.encode(padded + TRAILER + token, token);
                    bytes.extend(self.sealed(header, piece, token, authentication)?);
                }
                _ => {
                    bytes.extend(head.encode(piece.len(), 0));
                    bytes.extend_from_slice(piece);
                }
            }
            if rest.is_empty() {
                return Ok((call, bytes));
            }
            left = rest;
            flags = 0;
        }
    }

    /// A fragment under protection: behind its header the padded stub, the trailer, the token.
    fn sealed(
        &mut self,
        mut header: Vec<u8>,
        piece: &[u8],
        token: usize,
        authentication: AuthenticationType,
    ) -> Result<Vec<u8>, CallError<P::Error>> {
        let mut body = piece.to_vec();
        body.resize(piece.len().next_multiple_of(PADDING), 0);
        // Below PADDING, hence below 256.
        let padding = u8::try_from(body.len() - piece.len()).unwrap_or_default();
        let mut trailer = trailer(authentication.number(), padding);
        let mut token = vec![0; token];
        self.protection
            .seal(Parts {
                header: &mut header,
                body: &mut body,
                trailer: &mut trailer,
                token: &mut token,
            })
            .map_err(CallError::Protection)?;
        header.extend(body);
        header.extend(trailer);
        header.extend(token);
        Ok(header)
    }

    /// How long tokens are. What the handshake agreed and what the context does must be the same.
    fn token_length(&mut self) -> Result<Option<usize>, CallError<P::Error>> {
        let length = self.protection.token_length();
        let length = length.map_err(CallError::Protection)?;
        if length.is_some() == self.authentication.is_some() {
            Ok(length)
        } else {
            Err(RpcError::Protection.into())
        }
    }

    /// The stub that a fragment of a response carries.
    fn open(&mut self, fragment: Fragment) -> Result<Vec<u8>, CallError<P::Error>> {
        let token = self.token_length()?;
        if token.is_some() != (fragment.token_length() > 0) {
            return Err(RpcError::Protection.into());
        }
        let (mut bytes, end) = fragment.into_parts();
        let mut padding = 0;
        if let (Some(_), Some(authentication)) = (token, self.authentication) {
            let (front, token) = bytes.split_at_mut(end + TRAILER);
            let (front, tail) = front.split_at_mut(end);
            let (head, body) = front.split_at_mut(CALL_HEADER);
            padding = usize::from(tail[2]);
            if tail[..2] != trailer(authentication.number(), 0)[..2] || padding > body.len() {
                return Err(RpcError::Protection.into());
            }
            self.protection
                .open(Parts {
                    header: head,
                    body,
                    trailer: tail,
                    token,
                })
                .map_err(CallError::Protection)?;
        }
        bytes.truncate(end - padding);
        bytes.drain(..CALL_HEADER);
        Ok(bytes)
    }
}

impl Call {
    /// Takes the next fragment that was received.
    ///
    /// # Errors
    ///
    /// [`CallError`]. A [`Fault`] leaves the association usable; after any other error it is not.
    pub fn receive<P: Protection>(
        &mut self,
        association: &mut Association<P>,
        fragment: Fragment,
    ) -> Result<Step, CallError<P::Error>> {
        if fragment.packet() == PacketType::Fault && fragment.call_id() == self.id {
            return Err(RpcError::Fault(Fault::read(&fragment)?).into());
        }
        let flags = fragment.flags();
        let fits = fragment.packet() == PacketType::Response
            && fragment.call_id() == self.id
            && (flags & FIRST != 0) != self.begun;
        if !fits {
            return Err(RpcError::Unexpected {
                expected: "2, 3 (the next part of a response)",
                received: fragment.packet().number(),
                call: fragment.call_id(),
            }
            .into());
        }
        self.begun = true;
        let piece = association.open(fragment)?;
        let limit = association.largest_response;
        if self.stub.len() + piece.len() > limit {
            return Err(RpcError::ResponseTooLarge { limit }.into());
        }
        self.stub.extend(piece);
        if flags & LAST == 0 {
            return Ok(Step::More);
        }
        Ok(Step::Done(std::mem::take(&mut self.stub)))
    }
}

impl Fault {
    /// The status of a fault (C706 12.6.4.7).
    pub(super) fn read(fragment: &Fragment) -> Result<Self, RpcError> {
        let mut reader = Reader::new(fragment.body());
        reader.bytes(8)?;
        Ok(Self(reader.u32()?))
    }
}

/// What stands before the stub of a request.
struct RequestHeader {
    call: u32,
    flags: u8,
    /// How much of the stub is still to come.
    hint: usize,
    operation: u16,
}

impl RequestHeader {
    /// The header of a fragment with so many bytes behind it.
    fn encode(&self, behind: usize, token: usize) -> Vec<u8> {
        let length = CALL_HEADER + behind;
        let mut bytes = header(PacketType::Request, self.flags, length, token, self.call);
        bytes.extend(u32::try_from(self.hint).unwrap_or(0).to_le_bytes());
        bytes.extend([0, 0]); // The presentation context of the bind.
        bytes.extend(self.operation.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Handshake, Splitter};
    use super::*;
    use crate::epm;
    use proptest::prelude::*;

    /// A protection that can be seen through: it inverts the body, and its token is a sum over all parts
    /// and a number that counts fragments.
    #[derive(Debug, Default)]
    struct Inverting {
        sealed: u8,
        opened: u8,
    }

    #[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
    #[error("the sum is wrong")]
    struct WrongSum;

    fn sum(parts: &Parts<'_>, number: u8) -> [u8; 4] {
        let all = [&*parts.header, &*parts.body, &*parts.trailer];
        let sum = all.iter().flat_map(|part| part.iter());
        let sum = sum.fold(u32::from(number), |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
        });
        sum.to_le_bytes()
    }

    impl Protection for Inverting {
        type Error = WrongSum;

        fn token_length(&mut self) -> Result<Option<usize>, WrongSum> {
            Ok(Some(4))
        }

        fn seal(&mut self, parts: Parts<'_>) -> Result<(), WrongSum> {
            self.sealed += 1;
            parts.token.copy_from_slice(&sum(&parts, self.sealed));
            parts.body.iter_mut().for_each(|byte| *byte = !*byte);
            Ok(())
        }

        fn open(&mut self, parts: Parts<'_>) -> Result<(), WrongSum> {
            self.opened += 1;
            parts.body.iter_mut().for_each(|byte| *byte = !*byte);
            let right = *parts.token == sum(&parts, self.opened);
            right.then_some(()).ok_or(WrongSum)
        }
    }

    fn association(size: u16) -> Association<Inverting> {
        let negotiate = Some(AuthenticationType::Negotiate);
        Association::new(Inverting::default(), negotiate, size, 1, 10_000)
    }

    /// A response with this stub, in fragments of `piece` bytes.
    fn echo(stub: &[u8], call: u32, piece: usize) -> Vec<Fragment> {
        let mut server = association(5840);
        let pieces: Vec<&[u8]> = match stub.len() {
            0 => vec![&[]],
            _ => stub.chunks(piece).collect(),
        };
        let last = pieces.len() - 1;
        let mut splitter = Splitter::default();
        for (index, piece) in pieces.into_iter().enumerate() {
            let first = if index == 0 { FIRST } else { 0 };
            let flags = if index == last { first | LAST } else { first };
            let length = CALL_HEADER + piece.len().next_multiple_of(PADDING) + TRAILER + 4;
            let mut head = header(PacketType::Response, flags, length, 4, call);
            head.extend([0; 8]);
            let negotiate = AuthenticationType::Negotiate;
            splitter.push(&server.sealed(head, piece, 4, negotiate).unwrap());
        }
        std::iter::from_fn(|| splitter.next().unwrap()).collect()
    }

    fn receive(
        association: &mut Association<Inverting>,
        call: &mut Call,
        fragments: Vec<Fragment>,
    ) -> Result<Step, CallError<WrongSum>> {
        let mut step = Step::More;
        for fragment in fragments {
            assert_eq!(step, Step::More);
            step = call.receive(association, fragment)?;
        }
        Ok(step)
    }

    proptest! {
        #[test]
        fn a_stub_arrives_as_it_was_sent_whatever_the_fragments(
            stub in proptest::collection::vec(any::<u8>(), 0..3000),
            size in 60_u16..5840,
            piece in 30_usize..5000,
        ) {
            let mut client = association(size);
            let (mut call, bytes) = client.call(3, &stub).unwrap();
            let mut splitter = Splitter::default();
            splitter.push(&bytes);
            let mut server = association(5840);
            let mut received = Vec::new();
            while let Some(fragment) = splitter.next().unwrap() {
                prop_assert_eq!(fragment.packet(), PacketType::Request);
                received.extend(server.open(fragment).unwrap());
            }
            prop_assert!(splitter.is_idle());
            prop_assert_eq!(&received, &stub);
            let fragments = echo(&stub, 2, piece);
            prop_assert_eq!(receive(&mut client, &mut call, fragments).unwrap(), Step::Done(stub));
        }
    }

    #[test]
    fn no_fragment_is_larger_than_the_server_takes() {
        let mut client = association(100);
        let (_, bytes) = client.call(0, &[7; 500]).unwrap();
        let mut splitter = Splitter::default();
        splitter.push(&bytes);
        let mut flags = Vec::new();
        while let Some(fragment) = splitter.next().unwrap() {
            flags.push(fragment.flags());
            assert!(fragment.into_parts().0.len() <= 100);
        }
        assert_eq!(flags, [1, 0, 0, 0, 0, 0, 0, 2]);
        let error = association(40).call(0, &[]).unwrap_err();
        assert_eq!(error, RpcError::FragmentSize { size: 40 }.into());
    }

    #[test]
    fn a_byte_that_was_changed_on_the_way_is_noticed() {
        let honest = echo(b"a secret", 2, 100).remove(0);
        let (bytes, _) = honest.into_parts();
        for position in 0..bytes.len() {
            let mut client = association(5840);
            let (mut call, _) = client.call(3, b"").unwrap();
            let mut bytes = bytes.clone();
            bytes[position] ^= 0x11;
            let mut splitter = Splitter::default();
            splitter.push(&bytes);
            let Ok(Some(fragment)) = splitter.next() else {
                continue; // No fragment any more.
            };
            let step = call.receive(&mut client, fragment);
            assert!(step.is_err(), "byte {position}: {step:?}");
        }
    }

    #[test]
    fn a_response_that_does_not_belong_here_is_an_error() {
        let mut client = association(5840);
        let (mut call, _) = client.call(3, b"").unwrap();
        let foreign = echo(b"", 9, 100);
        assert!(matches!(
            receive(&mut client, &mut call, foreign),
            Err(CallError::Rpc(RpcError::Unexpected { call: 9, .. }))
        ));
        let late = echo(&[1; 64], 2, 32).split_off(1);
        assert!(matches!(
            receive(&mut client, &mut call, late),
            Err(CallError::Rpc(RpcError::Unexpected { received: 2, .. }))
        ));
        let large = echo(&[1; 12_000], 2, 4000);
        assert_eq!(
            receive(&mut association(5840), &mut call, large),
            Err(RpcError::ResponseTooLarge { limit: 10_000 }.into())
        );
    }

    #[test]
    fn an_unprotected_response_to_a_protected_call_is_an_error() {
        let mut client = association(5840);
        let (mut call, _) = client.call(3, b"").unwrap();
        let mut bytes = header(PacketType::Response, FIRST | LAST, 28, 0, 2);
        bytes.extend([0; 12]);
        let mut splitter = Splitter::default();
        splitter.push(&bytes);
        let fragment = splitter.next().unwrap().unwrap();
        assert_eq!(
            call.receive(&mut client, fragment),
            Err(RpcError::Protection.into())
        );
    }

    #[test]
    fn a_context_that_protects_nothing_cannot_take_the_place_of_one_that_does() {
        let negotiate = Some(AuthenticationType::Negotiate);
        let (handshake, _) = Handshake::start(epm::INTERFACE, negotiate, b"").unwrap();
        let mut association = handshake.finish(Unprotected, LARGEST_RESPONSE);
        let error = association.call(3, b"secret").unwrap_err();
        assert_eq!(error, RpcError::Protection.into());
    }

    #[test]
    fn a_fault_ends_the_call_with_its_status() {
        let mut client = association(5840);
        let (mut call, _) = client.call(3, b"").unwrap();
        let mut bytes = header(PacketType::Fault, FIRST | LAST, 32, 0, 2);
        bytes.extend([32, 0, 0, 0, 0, 0, 0, 0, 0x91, 0x21, 0, 0, 0, 0, 0, 0]);
        let mut splitter = Splitter::default();
        splitter.push(&bytes);
        let fragment = splitter.next().unwrap().unwrap();
        assert_eq!(
            call.receive(&mut client, fragment),
            Err(RpcError::Fault(Fault(8593)).into())
        );
    }
}
