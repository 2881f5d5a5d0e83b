//! What can go wrong between a bind and a response.

use crate::ndr::NdrError;
use std::fmt;

/// Why an association is of no use, or a call has failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RpcError {
    /// The header is none of connection-oriented RPC, version 5, little-endian.
    #[error("received something that is not DCE/RPC")]
    NotRpc,
    /// A header's lengths contradict each other.
    #[error("received an RPC fragment of type {packet} whose lengths do not fit together")]
    Lengths {
        /// The packet type's number.
        packet: u8,
    },
    /// The contents of a fragment do not fit.
    #[error("received an RPC fragment that cannot be read")]
    Contents(#[from] NdrError),
    /// Another kind of answer, or the answer to another call.
    #[error(
        "received an RPC fragment of type {received} for call {call}, expected one of {expected}"
    )]
    Unexpected {
        /// What was waited for.
        expected: &'static str,
        /// The packet type's number.
        received: u8,
        /// Which call it is about.
        call: u32,
    },
    /// The server will not bind (C706 12.6.4.5).
    #[error("the server refuses the RPC bind, reason {reason}")]
    BindRefused {
        /// `p_reject_reason_t`, or a code of the server's own.
        reason: u16,
    },
    /// The server does not offer the interface, or not in NDR20 (C706 12.6.3.1).
    #[error("the server does not offer the RPC interface, result {result}, reason {reason}")]
    InterfaceRefused {
        /// `p_cont_def_result_t`.
        result: u16,
        /// `p_provider_reason_t`.
        reason: u16,
    },
    /// Without header signing, someone in between could change headers ([MS-RPCE] 2.2.2.3).
    #[error("the server does not sign the headers of RPC fragments")]
    HeadersNotSigned,
    /// The server wants fragments so small that nothing fits in beside their protection.
    #[error("the server takes only RPC fragments of {size} bytes, which is too little")]
    FragmentSize {
        /// What it takes.
        size: u16,
    },
    /// The security context's token does not fit into a fragment.
    #[error("a token of {length} bytes does not fit into an RPC fragment")]
    TokenTooLarge {
        /// How long it is.
        length: usize,
    },
    /// A fragment of a protected association came without protection, or the other way round.
    #[error("received an RPC fragment whose protection is not the one that was agreed")]
    Protection,
    /// The response is larger than the caller allows.
    #[error("received an RPC response of more than {limit} bytes")]
    ResponseTooLarge {
        /// What is allowed.
        limit: usize,
    },
    /// The server could not carry out the call.
    #[error("the server answers with an RPC fault: {0}")]
    Fault(Fault),
}

/// Why a server could not carry out a call (C706 appendix E, [MS-ERREF] 2.2).
///
/// A fault is not protected: it may be believed as far as it ends the call, and no further.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fault(pub u32);

impl Fault {
    /// `ERROR_ACCESS_DENIED`.
    pub const ACCESS_DENIED: Self = Self(5);
    /// `RPC_S_SEC_PKG_ERROR`: the security context is not accepted.
    pub const SECURITY_PACKAGE: Self = Self(0x721);
    /// `nca_s_fault_access_denied`.
    pub const NCA_ACCESS_DENIED: Self = Self(0x1c00_0001);
    /// `nca_s_op_rng_error`: there is no such operation.
    pub const OPERATION_RANGE: Self = Self(0x1c01_0002);
    /// `nca_s_unk_if`: there is no such interface.
    pub const UNKNOWN_INTERFACE: Self = Self(0x1c01_0003);
    /// `nca_s_proto_error`; Samba says this when the last token of NTLM was wrong.
    pub const PROTOCOL: Self = Self(0x1c01_000b);
    /// `nca_s_fault_ndr`: the server could not read the request.
    pub const NDR: Self = Self(0x0000_06f7);
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::ACCESS_DENIED | Self::NCA_ACCESS_DENIED => "access denied",
            Self::SECURITY_PACKAGE => "the security context is not accepted",
            Self::OPERATION_RANGE => "no such operation",
            Self::UNKNOWN_INTERFACE => "no such interface",
            Self::PROTOCOL => "protocol error",
            Self::NDR => "the request could not be read",
            Self(other) => return write!(f, "status {other:#010x}"),
        };
        write!(f, "{name} ({:#010x})", self.0)
    }
}

/// Why a call has failed: by the protocol, or by what protects it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError<E: std::error::Error + 'static> {
    /// By the protocol.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A fragment could not be sealed or opened.
    #[error("an RPC fragment could not be sealed or opened")]
    Protection(#[source] E),
}
