//! Security contexts: SPNEGO with sign and seal, by Kerberos or NTLM (RFC 4178, RFC 4121, [MS-NLMP], [MS-SPNG]).
//!
//! [`crate::ldap`] wraps whole messages in them (SASL), [`crate::drs`] protects the parts of RPC fragments.

mod account;
mod keytab;

pub use account::Account;

use lockstep_ad_proto::rpc::Parts;
use lockstep_model::Secret;
use picky_krb::crypto::CipherSuite;
use sspi::KerberosConfig;
use sspi::builders::{AcquireCredentialsHandle, WithoutCredentialUse};
use sspi::credssp::SspiContext;
use sspi::generator::NetworkRequest;
use sspi::network_client::{NetworkClient, NetworkProtocol};
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, ErrorKind, KeytabIdentity, Negotiate, NegotiateConfig,
    SecurityBuffer, SecurityBufferFlags, SecurityBufferRef, SecurityStatus, Sspi as _,
    SspiImpl as _, Username,
};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const KDC_PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer of a KDC: tickets with many groups have some tens of kilobytes.
const LARGEST_KDC_ANSWER: usize = 1 << 20;

/// How the account proves itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mechanism {
    Kerberos,
    Ntlm,
}

impl Mechanism {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
        }
    }
}

/// What an account has.
#[derive(Debug)]
pub(crate) enum Credential {
    Password(Secret<String>),
    Keytab(Secret<Vec<u8>>),
}

/// Why the context could not go on.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct ContextError {
    pub(crate) reason: String,
    /// The secret is wrong: trying NTLM with it would only count as one more failure.
    pub(crate) wrong_secret: bool,
    /// The KDC does not know the controller under this name of its LDAP service.
    pub(crate) unknown_service: bool,
}

impl From<sspi::Error> for ContextError {
    fn from(error: sspi::Error) -> Self {
        let text = error.description.clone();
        Self {
            wrong_secret: text.contains("pre-authentication information was invalid"),
            unknown_service: text.contains("server not found in Kerberos database"),
            reason: text,
        }
    }
}

/// An error that lies with nobody in particular.
pub(crate) fn error(reason: impl Into<String>) -> ContextError {
    ContextError {
        reason: reason.into(),
        wrong_secret: false,
        unknown_service: false,
    }
}

/// What a context is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Messages as a whole (RFC 4422).
    Sasl,
    /// Fragments of DCE/RPC, whose Kerberos has one more step ([MS-KILE] 3.4.5.1).
    Rpc,
}

/// Who signs in where.
#[derive(Clone, Debug)]
pub(crate) struct Peer<'a> {
    pub(crate) account: &'a Account,
    pub(crate) credential: &'a Credential,
    /// DNS name of the domain.
    pub(crate) domain: &'a str,
    /// DNS name of the controller, as it is named in Kerberos.
    pub(crate) controller: &'a str,
    /// The service that a ticket is asked for.
    pub(crate) service: &'a str,
    /// Where the controller is; its KDC is asked there.
    pub(crate) address: SocketAddr,
}

/// A security context, set up step by step, that seals and opens messages then.
pub(crate) struct SecurityContext {
    context: SspiContext,
    credentials: Option<CredentialsBuffers>,
    purpose: Purpose,
    target: String,
    kdc: Kdc,
    pub(crate) complete: bool,
}

impl std::fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecurityContext")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl SecurityContext {
    pub(crate) fn new(
        mechanism: Mechanism,
        purpose: Purpose,
        peer: &Peer<'_>,
    ) -> Result<Self, ContextError> {
        let workstation = "LOCKSTEP".to_owned();
        let config = match mechanism {
            Mechanism::Kerberos => {
                let kdc = format!("tcp://{}", SocketAddr::new(peer.address.ip(), 88));
                let kerberos = KerberosConfig::new_with_kdc_url(&kdc, workstation.clone());
                let only = Some("kerberos,!ntlm".to_owned());
                NegotiateConfig::new(Box::new(kerberos), only, workstation)
            }
            Mechanism::Ntlm => {
                let ntlm = NtlmConfig::new(workstation.clone());
                let only = Some("!kerberos,ntlm".to_owned());
                NegotiateConfig::new(Box::new(ntlm), only, workstation)
            }
        };
        let mut context = SspiContext::Negotiate(Negotiate::new_client(config)?);
        let credentials = credentials(mechanism, peer)?;
        let handle = AcquireCredentialsHandle::<'_, _, _, WithoutCredentialUse>::new()
            .with_auth_data(&credentials)
            .with_credential_use(CredentialUse::Outbound)
            .execute(&mut context)?;
        Ok(Self {
            context,
            credentials: handle.credentials_handle,
            purpose,
            target: format!("{}/{}", peer.service, peer.controller),
            kdc: Kdc {
                address: SocketAddr::new(peer.address.ip(), 88),
            },
            complete: false,
        })
    }

    /// One step, on a thread made for blocking: a KDC may be asked.
    pub(crate) async fn next(mut self, received: Vec<u8>) -> Result<(Self, Vec<u8>), ContextError> {
        let stepped = tokio::task::spawn_blocking(move || {
            let token = self.step(&received)?;
            Ok((self, token))
        });
        stepped
            .await
            .unwrap_or_else(|failed| Err(error(failed.to_string())))
    }

    /// Takes what the other side said, and gives what it is to be told.
    fn step(&mut self, received: &[u8]) -> Result<Vec<u8>, ContextError> {
        let mut flags = ClientRequestFlags::MUTUAL_AUTH
            | ClientRequestFlags::INTEGRITY
            | ClientRequestFlags::SEQUENCE_DETECT
            | ClientRequestFlags::REPLAY_DETECT
            | ClientRequestFlags::CONFIDENTIALITY;
        if self.purpose == Purpose::Rpc {
            flags |= ClientRequestFlags::USE_DCE_STYLE;
        }
        let mut input = [SecurityBuffer::new(received.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut credentials = self.credentials.take();
        let status = {
            let mut builder = self
                .context
                .initialize_security_context()
                .with_credentials_handle(&mut credentials)
                .with_context_requirements(flags)
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.target)
                .with_input(&mut input)
                .with_output(&mut output);
            self.context
                .initialize_security_context_impl(&mut builder)?
                .resolve_with_client(&self.kdc)?
                .status
        };
        self.credentials = credentials;
        match status {
            SecurityStatus::Ok => self.complete = true,
            SecurityStatus::CompleteNeeded | SecurityStatus::CompleteAndContinue => {
                self.context.complete_auth_token(&mut output)?;
                self.complete = status == SecurityStatus::CompleteNeeded;
            }
            SecurityStatus::ContinueNeeded => {}
            other => return Err(error(format!("unexpected state {other:?}"))),
        }
        let [output] = output;
        Ok(output.buffer)
    }

    /// Seals a message: a token, then the sealed bytes.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, ContextError> {
        let mut data = plain.to_vec();
        let mut token = vec![0; self.token_length()?];
        let lengths = {
            let mut buffers = [
                SecurityBufferRef::token_buf(&mut token),
                SecurityBufferRef::data_buf(&mut data),
            ];
            self.context
                .encrypt_message(EncryptionFlags::empty(), &mut buffers)?;
            let [token, data] = &buffers;
            (token.buf_len(), data.buf_len())
        };
        token.truncate(lengths.0);
        data.truncate(lengths.1);
        token.extend(data);
        Ok(token)
    }

    /// Opens a sealed message, in place; gives the stretch of it that is plain now.
    pub(crate) fn open<'b>(&mut self, sealed: &'b mut [u8]) -> Result<&'b [u8], ContextError> {
        let length = self.token_length()?;
        let (token, data) = sealed
            .split_at_mut_checked(length)
            .ok_or_else(|| error("a sealed message is too short"))?;
        let plain = {
            let mut buffers = [
                SecurityBufferRef::token_buf(token),
                SecurityBufferRef::data_buf(data),
            ];
            self.context.decrypt_message(&mut buffers)?;
            let [_, data] = &buffers;
            data.buf_len()
        };
        // The plain text may be shorter than the sealed, never longer, and begins where that began.
        sealed
            .get(length..length + plain)
            .ok_or_else(|| error("a sealed message has a wrong length"))
    }

    /// Seals the parts of a message in place: the body is signed and sealed, the others are signed.
    pub(crate) fn seal_parts(&mut self, parts: Parts<'_>) -> Result<(), ContextError> {
        let mut buffers = buffers(parts);
        self.context
            .encrypt_message(EncryptionFlags::empty(), &mut buffers)?;
        Ok(())
    }

    /// Opens the parts of a message in place.
    pub(crate) fn open_parts(&mut self, parts: Parts<'_>) -> Result<(), ContextError> {
        self.context.decrypt_message(&mut buffers(parts))?;
        Ok(())
    }

    /// The key that both sides share.
    pub(crate) fn session_key(&self) -> Result<Secret<Vec<u8>>, ContextError> {
        let keys = self.context.query_context_session_key()?;
        Ok(Secret::new(keys.session_key.as_ref().clone()))
    }

    pub(crate) fn token_length(&mut self) -> Result<usize, ContextError> {
        let sizes = self.context.query_context_sizes()?;
        usize::try_from(sizes.security_trailer).map_err(|_| error("a token without end"))
    }
}

/// The parts of a fragment as the security provider wants them.
fn buffers(parts: Parts<'_>) -> [SecurityBufferRef<'_>; 4] {
    let signed = SecurityBufferFlags::SECBUFFER_READONLY_WITH_CHECKSUM;
    [
        SecurityBufferRef::data_buf(parts.header).with_flags(signed),
        SecurityBufferRef::data_buf(parts.body),
        SecurityBufferRef::data_buf(parts.trailer).with_flags(signed),
        SecurityBufferRef::token_buf(parts.token),
    ]
}

fn credentials(mechanism: Mechanism, peer: &Peer<'_>) -> Result<Credentials, ContextError> {
    let bad_name = |name: &str| error(format!("`{name}` is not the name of an account"));
    match (peer.credential, mechanism) {
        (Credential::Password(password), Mechanism::Kerberos) => {
            let name = peer.account.principal(peer.domain);
            let username = Username::parse(&name).map_err(|_| bad_name(&name))?;
            let password = password.expose().clone().into();
            Ok(Credentials::AuthIdentity(AuthIdentity {
                username,
                password,
            }))
        }
        (Credential::Password(password), Mechanism::Ntlm) => {
            let (user, domain) = peer.account.user_and_domain(peer.domain);
            let username = Username::new(&user, Some(&domain)).map_err(|_| bad_name(&user))?;
            let password = password.expose().clone().into();
            Ok(Credentials::AuthIdentity(AuthIdentity {
                username,
                password,
            }))
        }
        (Credential::Keytab(keytab), Mechanism::Kerberos) => {
            let (user, _) = peer.account.user_and_domain(peer.domain);
            let key = keytab::best_key(keytab.expose(), &user).map_err(error)?;
            let key_enctype = CipherSuite::try_from(usize::from(key.encryption))
                .map_err(|_| error("the keytab's encryption type is not known"))?;
            let principal =
                Username::parse(&key.principal).map_err(|_| bad_name(&key.principal))?;
            Ok(Credentials::Keytab(KeytabIdentity {
                principal,
                key: key.key.expose().clone().into(),
                key_enctype,
            }))
        }
        (Credential::Keytab(_), Mechanism::Ntlm) => {
            Err(error("a keytab is of use for Kerberos only"))
        }
    }
}

/// Asks the KDC over TCP (RFC 4120 7.2.2), at the controller's own address.
#[derive(Debug)]
struct Kdc {
    address: SocketAddr,
}

impl NetworkClient for Kdc {
    fn send(&self, request: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        if request.protocol != NetworkProtocol::Tcp {
            return Err(sspi::Error::new(
                ErrorKind::UnsupportedFunction,
                "the KDC is asked over TCP only",
            ));
        }
        self.exchange(&request.data).map_err(|source| {
            sspi::Error::new(
                ErrorKind::NoAuthenticatingAuthority,
                format!("the KDC at {} did not answer: {source}", self.address),
            )
        })
    }
}

impl Kdc {
    fn exchange(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, KDC_PATIENCE)?;
        stream.set_read_timeout(Some(KDC_PATIENCE))?;
        stream.set_write_timeout(Some(KDC_PATIENCE))?;
        stream.write_all(request)?;
        let mut answer = vec![0; 4];
        stream.read_exact(&mut answer)?;
        let length = answer
            .iter()
            .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        if length > LARGEST_KDC_ANSWER {
            return Err(std::io::Error::other("its answer is too large"));
        }
        answer.resize(4 + length, 0);
        stream.read_exact(answer.get_mut(4..).unwrap_or_default())?;
        Ok(answer)
    }
}
