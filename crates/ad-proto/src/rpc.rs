//! DCE/RPC over a connection (C706 chapter 12, [MS-RPCE]), from the client's side and without sockets.
//!
//! * [`Splitter`] cuts received bytes into [`Fragment`]s;
//! * [`Handshake`] binds an interface and carries the tokens of a security context to and fro;
//! * [`Association`] makes calls: a request becomes fragments, fragments become a response.
//!
//! The security context itself is the caller's: it implements [`Protection`], whose calls seal and open
//! the body of each fragment in place. Only two ways of protecting exist: none ([`Unprotected`], for the
//! endpoint mapper), and packet privacy with header signing ([MS-RPCE] 3.3.1.5.2.2), for everything else;
//! nothing in between can be asked for by mistake.
//!
//! # Example
//!
//! One call without protection, bytes in and bytes out:
//!
//! ```
//! use lockstep_ad_proto::rpc::{Handshake, Splitter, Step, Unprotected};
//! use lockstep_ad_proto::{epm, rpc};
//!
//! // What a server answers to the bind, and then to the call.
//! let bind_ack = [
//!     5, 0, 12, 3, 16, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, // header: bind_ack, 60 bytes, call 1
//!     0xd0, 0x16, 0xd0, 0x16, 1, 0, 0, 0, // fragment sizes, group
//!     4, 0, b'1', b'3', b'5', 0, 0, 0, // secondary address "135", padding
//!     1, 0, 0, 0, 0, 0, 0, 0, // one result: accepted
//!     4, 93, 136, 138, 235, 28, 201, 17, 159, 232, 8, 0, 43, 16, 72, 96, 2, 0, 0, 0, // NDR20
//! ];
//! let response = [
//!     5, 0, 2, 3, 16, 0, 0, 0, 28, 0, 0, 0, 2, 0, 0, 0, // header: response, 28 bytes, call 2
//!     4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, // hint, context; the stub
//! ];
//!
//! let (mut handshake, bind) = Handshake::start(epm::INTERFACE, None, &[])?;
//! assert_eq!(bind.len(), 72); // … and is sent
//! let mut splitter = Splitter::default();
//! splitter.push(&bind_ack);
//! handshake.receive(&splitter.next()?.unwrap())?;
//!
//! let mut association = handshake.finish(Unprotected, rpc::LARGEST_RESPONSE);
//! let (mut call, request) = association.call(3, &[0; 8])?;
//! assert_eq!(request.len(), 24 + 8); // … and is sent
//! splitter.push(&response);
//! let step = call.receive(&mut association, splitter.next()?.unwrap())?;
//! assert_eq!(step, Step::Done(vec![1, 2, 3, 4]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod association;
mod error;
mod handshake;
mod pdu;

pub use association::{Association, Call, LARGEST_RESPONSE, Parts, Protection, Step, Unprotected};
pub use error::{CallError, Fault, RpcError};
pub use handshake::{AuthenticationType, Handshake};
pub(crate) use pdu::NDR20;
pub use pdu::{Fragment, PacketType, Splitter, Syntax};
