//! From a domain's settings to a connection on which the account has signed in.

use super::connection::Connection;
use super::discover::{self, Candidate};
use super::tls;
use super::transport::Transport;
use super::{LdapError, RootDse};
use crate::security::{
    self, Account, ContextError, Credential, Mechanism, Peer, Purpose, SecurityContext,
};
use crate::state::{CredentialKind, Domain, Security, StateDir};
use lockstep_ad_proto::ldap::{BindFailure, Event, LdapResult, Request, ResultCode};
use lockstep_model::{Dn, Secret};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// For TLS, sign-in and what a controller says of itself.
const GREETING_PATIENCE: Duration = Duration::from_secs(20);
/// Kerberos refuses clocks that are further apart (RFC 4120 1.6).
const TOLERATED_SKEW_MILLIS: i64 = 300_000;
/// More rounds than any exchange of GSS-SPNEGO has.
const LAST_ROUND: usize = 8;

/// Opens connections to the controllers of one domain.
#[derive(Debug)]
pub struct Connector {
    domain: Domain,
    account: Account,
    credential: Credential,
    ca: Option<Vec<u8>>,
}

/// Why an exchange of tokens failed.
#[derive(Debug)]
enum Exchange {
    /// The KDC does not know the controller's service under this name; nothing was sent to the controller.
    UnknownService(LdapError),
    Failed(LdapError),
}

impl Exchange {
    fn into_error(self) -> LdapError {
        match self {
            Self::UnknownService(error) | Self::Failed(error) => error,
        }
    }
}

impl From<LdapError> for Exchange {
    fn from(error: LdapError) -> Self {
        Self::Failed(error)
    }
}

/// A connection on which the account has signed in.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub connection: Connection,
    /// What the controller says of itself.
    pub root_dse: RootDse,
    /// Where the controller is.
    pub address: SocketAddr,
    /// `Kerberos`, `NTLM` or `TLS`, and what had to be said about it.
    pub signed_in_by: &'static str,
    /// What should be looked at although it works: a fallback, and why.
    pub warning: Option<String>,
}

impl Connector {
    /// Takes up a domain's settings and secret as they are now: a changed password needs no restart.
    ///
    /// # Errors
    ///
    /// [`LdapError::Secret`] when they cannot be read, or do not go together.
    pub fn new(state: &StateDir, domain: Domain) -> Result<Self, LdapError> {
        let unusable = |reason: String| LdapError::Secret { reason };
        let secret = state
            .domain_secret(&domain.domain)
            .map_err(|error| unusable(crate::channel::chain(&error)))?;
        let credential = match domain.credential {
            CredentialKind::Password => Credential::Password(password(&secret)?),
            CredentialKind::Keytab => Credential::Keytab(secret),
        };
        if domain.credential == CredentialKind::Keytab && domain.security != Security::Sealed {
            let reason = "a keytab signs in with Kerberos, which needs --security sealed";
            return Err(unusable(reason.into()));
        }
        let ca = match domain.own_ca {
            true => Some(
                state
                    .domain_ca(&domain.domain)
                    .map_err(|error| unusable(crate::channel::chain(&error)))?,
            ),
            false => None,
        };
        Ok(Self {
            account: Account::new(&domain.username),
            domain,
            credential,
            ca,
        })
    }

    /// The domain's DNS name.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain.domain
    }

    /// The account as the administrator wrote it.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.domain.username
    }

    /// Connects to the first controller that answers; one by the preferred name is tried before all others.
    ///
    /// # Errors
    ///
    /// The first controller's error when none answers, or at once when it lies with the account.
    pub async fn open(&self, preferred: Option<&str>) -> Result<Opened, LdapError> {
        self.open_other_than(&[], preferred).await
    }

    /// The same, without controllers that have refused something, by their DNS names.
    ///
    /// # Errors
    ///
    /// As [`Connector::open`]; [`LdapError::NotFound`] when there are only these.
    pub async fn open_other_than(
        &self,
        refused: &[String],
        preferred: Option<&str>,
    ) -> Result<Opened, LdapError> {
        let is_refused = |opened: &Opened| {
            let host = &opened.root_dse.host;
            refused
                .iter()
                .any(|refused| refused.eq_ignore_ascii_case(host))
        };
        let mut first_error = None;
        let mut later = Vec::new();
        for candidate in discover::candidates(&self.domain).await? {
            match self.open_one(&candidate).await {
                Ok(opened) if is_refused(&opened) => opened.connection.close().await,
                Ok(opened) if is_preferred(&opened, preferred) => return Ok(opened),
                Ok(opened) => later.push(opened),
                Err(error) if error.is_of_this_server() => {
                    tracing::warn!(
                        domain = self.domain.domain,
                        server = candidate.label(),
                        reason = crate::channel::chain(&error),
                        "a domain controller cannot be used; trying the next one"
                    );
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(opened) = later.into_iter().next() {
            return Ok(opened);
        }
        Err(first_error.unwrap_or_else(|| LdapError::NotFound {
            domain: self.domain.domain.clone(),
            reason: "no controllers".into(),
        }))
    }

    async fn open_one(&self, candidate: &Candidate) -> Result<Opened, LdapError> {
        let server = candidate.label();
        let (stream, address) = connect(candidate, &server).await?;
        let greeting = self.greet(candidate, stream, address);
        match tokio::time::timeout(GREETING_PATIENCE, greeting).await {
            Ok(Ok(mut opened)) => {
                if let Some(seconds) = self.domain.search_timeout_seconds {
                    opened.connection.wait_at_most(Duration::from_secs(seconds));
                }
                Ok(opened)
            }
            Ok(refused) => refused,
            Err(_) => Err(LdapError::Silent {
                server,
                seconds: GREETING_PATIENCE.as_secs(),
            }),
        }
    }

    async fn greet(
        &self,
        candidate: &Candidate,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Opened, LdapError> {
        match self.domain.security {
            Security::Sealed => self.sealed(candidate, stream, address).await,
            Security::Ldaps => self.tls(candidate, stream, address).await,
            Security::Starttls => {
                let stream = start_tls(candidate, stream).await?;
                self.tls(candidate, stream, address).await
            }
        }
    }

    async fn tls(
        &self,
        candidate: &Candidate,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Opened, LdapError> {
        let server = candidate.label();
        let stream = tls::wrap(stream, &candidate.host, &server, self.ca.as_deref()).await?;
        let mut connection = Connection::new(Transport::Tls(Box::new(stream)), server);
        let Credential::Password(password) = &self.credential else {
            let reason = "a simple bind needs a password".to_owned();
            return Err(LdapError::Secret { reason });
        };
        let name = self.account.simple_name(&self.domain.domain);
        connection
            .send(&Request::SimpleBind {
                name: &name,
                password,
            })
            .await?;
        let (result, _) = bind_answer(&mut connection).await?;
        if result.code != ResultCode::SUCCESS {
            return Err(self.refused(connection.server(), result));
        }
        let root_dse = RootDse::read(&mut connection).await?;
        self.fits(&connection, &root_dse)?;
        Ok(Opened {
            connection,
            root_dse,
            address,
            signed_in_by: "TLS",
            warning: None,
        })
    }

    async fn sealed(
        &self,
        candidate: &Candidate,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Result<Opened, LdapError> {
        let server = candidate.label();
        let mut connection = Connection::new(Transport::Clear(stream), server.clone());
        let root_dse = RootDse::read(&mut connection).await?;
        self.fits(&connection, &root_dse)?;
        let doubt = match self.kerberos(&mut connection, &root_dse, address).await {
            Ok(()) => {
                let kerberos = Mechanism::Kerberos;
                return Ok(opened(connection, root_dse, address, kerberos, None));
            }
            Err(error) => error,
        };
        if !self.may_fall_back(&doubt) {
            return Err(doubt);
        }
        // A failed exchange leaves the connection in an unknown state: NTLM gets one of its own.
        let (stream, address) = connect(candidate, &server).await?;
        let mut connection = Connection::new(Transport::Clear(stream), server);
        let ntlm = Mechanism::Ntlm;
        let exchange = self.exchange(&mut connection, ntlm, "ldap", &root_dse, address);
        exchange.await.map_err(Exchange::into_error)?;
        let warning = format!("signed in with NTLM, because Kerberos failed: {doubt}");
        Ok(opened(connection, root_dse, address, ntlm, Some(warning)))
    }

    /// Kerberos, if the clocks allow it.
    async fn kerberos(
        &self,
        connection: &mut Connection,
        root_dse: &RootDse,
        address: SocketAddr,
    ) -> Result<(), LdapError> {
        let ours = now_millis();
        if let Some(theirs) = root_dse.time
            && (theirs.as_millis() - ours).abs() > TOLERATED_SKEW_MILLIS
        {
            return Err(LdapError::ClockSkew {
                server: connection.server().to_owned(),
                theirs: theirs.to_string(),
                ours: lockstep_model::Timestamp::from_millis(ours).to_string(),
            });
        }
        let kerberos = Mechanism::Kerberos;
        let mut last = None;
        // A controller may lack its `ldap` name for a while after it was set up; `host` is always there.
        for service in ["ldap", "host"] {
            let exchange = self.exchange(connection, kerberos, service, root_dse, address);
            match exchange.await {
                Err(Exchange::UnknownService(error)) => last = Some(error),
                Err(Exchange::Failed(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Whether NTLM may be tried: only where the failure does not lie with the account's secret.
    fn may_fall_back(&self, error: &LdapError) -> bool {
        matches!(self.credential, Credential::Password(_))
            && matches!(
                error,
                LdapError::Context { .. } | LdapError::ClockSkew { .. }
            )
    }

    /// The exchange of tokens, until the connection is sealed.
    async fn exchange(
        &self,
        connection: &mut Connection,
        mechanism: Mechanism,
        service: &str,
        root_dse: &RootDse,
        address: SocketAddr,
    ) -> Result<(), Exchange> {
        let server = connection.server().to_owned();
        let failed = |error: ContextError| {
            let unknown = error.unknown_service;
            let error = self.context_error(&server, mechanism, error);
            match unknown {
                true => Exchange::UnknownService(error),
                false => Exchange::Failed(error),
            }
        };
        let peer = self.peer(&root_dse.host, service, address);
        let mut context = SecurityContext::new(mechanism, Purpose::Sasl, &peer).map_err(failed)?;
        let mut received = Vec::new();
        for _ in 0..LAST_ROUND {
            let (next, token) = context.next(received).await.map_err(failed)?;
            context = next;
            connection
                .send(&Request::SaslBind {
                    mechanism: "GSS-SPNEGO",
                    token: &token,
                })
                .await?;
            let (result, token) = bind_answer(connection).await?;
            match result.code {
                ResultCode::SUCCESS => {
                    // The last token may come with the success, and belongs to the context all the same.
                    if !context.complete {
                        let last = context.next(token.unwrap_or_default()).await;
                        context = last.map_err(failed)?.0;
                    }
                    return seal(connection, context, failed);
                }
                ResultCode::SASL_BIND_IN_PROGRESS => received = token.unwrap_or_default(),
                _ => return Err(self.refused(&server, result).into()),
            }
        }
        Err(failed(security::error(
            "the exchange of tokens does not end",
        )))
    }

    /// Who signs in, at this service of a controller.
    pub(crate) fn peer<'a>(
        &'a self,
        controller: &'a str,
        service: &'a str,
        address: SocketAddr,
    ) -> Peer<'a> {
        Peer {
            account: &self.account,
            credential: &self.credential,
            domain: &self.domain.domain,
            controller,
            service,
            address,
        }
    }

    fn context_error(&self, server: &str, mechanism: Mechanism, error: ContextError) -> LdapError {
        if error.wrong_secret {
            return LdapError::Refused {
                server: server.to_owned(),
                account: self.domain.username.clone(),
                failure: BindFailure::WrongCredentials,
                result: LdapResult {
                    code: ResultCode::INVALID_CREDENTIALS,
                    message: error.reason,
                },
            };
        }
        LdapError::Context {
            server: server.to_owned(),
            mechanism: mechanism.name(),
            account: self.domain.username.clone(),
            reason: error.reason,
        }
    }

    fn refused(&self, server: &str, result: LdapResult) -> LdapError {
        LdapError::Refused {
            server: server.to_owned(),
            account: self.domain.username.clone(),
            failure: result.bind_failure(),
            result,
        }
    }

    /// Whether this controller may be believed.
    fn fits(&self, connection: &Connection, root_dse: &RootDse) -> Result<(), LdapError> {
        let server = connection.server().to_owned();
        let held: Option<Dn> = root_dse.naming_context.parse().ok();
        let expected = Dn::of_domain(&self.domain.domain);
        if !held.is_some_and(|held| held.same_as(&expected)) {
            return Err(LdapError::ForeignDomain {
                server,
                domain: self.domain.domain.clone(),
                found: root_dse.naming_context.clone(),
            });
        }
        if root_dse.read_only {
            return Err(LdapError::ReadOnly { server });
        }
        if !root_dse.synchronized {
            return Err(LdapError::NotSynchronized { server });
        }
        Ok(())
    }
}

fn opened(
    connection: Connection,
    root_dse: RootDse,
    address: SocketAddr,
    mechanism: Mechanism,
    warning: Option<String>,
) -> Opened {
    if let Some(warning) = &warning {
        tracing::warn!(server = connection.server(), warning, "NTLM is used");
    }
    Opened {
        connection,
        root_dse,
        address,
        signed_in_by: mechanism.name(),
        warning,
    }
}

fn is_preferred(opened: &Opened, preferred: Option<&str>) -> bool {
    preferred.is_none_or(|name| opened.root_dse.host.eq_ignore_ascii_case(name))
}

fn password(secret: &Secret<Vec<u8>>) -> Result<Secret<String>, LdapError> {
    match String::from_utf8(secret.expose().clone()) {
        Ok(text) => Ok(Secret::new(text)),
        Err(_) => Err(LdapError::Secret {
            reason: "the stored password is not UTF-8".into(),
        }),
    }
}

async fn connect(
    candidate: &Candidate,
    server: &str,
) -> Result<(TcpStream, SocketAddr), LdapError> {
    let unreachable = |source| LdapError::Unreachable {
        server: server.to_owned(),
        source,
    };
    let addresses = discover::addresses(candidate).await.map_err(unreachable)?;
    let mut last = std::io::Error::other("the name has no address");
    for address in addresses {
        match tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(unreachable)?;
                return Ok((stream, address));
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(unreachable(last))
}

/// Asks for TLS on a connection in the clear, and gives it back for the handshake.
async fn start_tls(candidate: &Candidate, stream: TcpStream) -> Result<TcpStream, LdapError> {
    let server = candidate.label();
    let mut connection = Connection::new(Transport::Clear(stream), server.clone());
    connection.send(&Request::StartTls).await?;
    match connection.event(Some(GREETING_PATIENCE)).await? {
        Event::Extended { result, .. } if result.code == ResultCode::SUCCESS => {}
        Event::Extended { result, .. } => {
            return Err(LdapError::Search {
                server,
                action: "go over to TLS",
                result,
            });
        }
        _ => {
            let what = "the answer to StartTLS".to_owned();
            return Err(LdapError::Lacking { server, what });
        }
    }
    match connection.transport.take() {
        Some(Transport::Clear(stream)) => Ok(stream),
        _ => Err(LdapError::Lost {
            server,
            source: std::io::ErrorKind::NotConnected.into(),
        }),
    }
}

async fn bind_answer(
    connection: &mut Connection,
) -> Result<(LdapResult, Option<Vec<u8>>), LdapError> {
    match connection.event(Some(GREETING_PATIENCE)).await? {
        Event::Bind { result, token } => Ok((result, token)),
        _ => Err(LdapError::Lacking {
            server: connection.server().to_owned(),
            what: "the answer to a sign-in".into(),
        }),
    }
}

/// From here on everything is sealed.
fn seal(
    connection: &mut Connection,
    context: SecurityContext,
    failed: impl Fn(ContextError) -> Exchange,
) -> Result<(), Exchange> {
    if !context.complete {
        return Err(failed(security::error(
            "the controller ended the exchange before it was complete",
        )));
    }
    connection.transport = match connection.transport.take() {
        Some(Transport::Clear(stream)) => Some(Transport::Sealed {
            stream,
            context: Box::new(context),
            received: Vec::new(),
        }),
        other => other,
    };
    Ok(())
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
