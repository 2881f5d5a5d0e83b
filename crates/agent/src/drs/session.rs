//! One session with one controller: connection, security context, calls.

use super::ReplicationError;
use crate::controller::Controller;
use crate::ldap::Connector;
use crate::rights::Right;
use crate::security::{self, ContextError, Mechanism, Purpose, SecurityContext};
use lockstep_ad_proto::drsuapi::{
    self, AttributeId, BindRequest, Bound, Changes, ChangesRequest, DrsError, Extent, Handle,
    SessionKeys, Status, operation,
};
use lockstep_ad_proto::epm::{self, MapRequest};
use lockstep_ad_proto::rpc::{
    Association, AuthenticationType, CallError, Fault, Fragment, Handshake, LARGEST_RESPONSE,
    Parts, Protection, RpcError, Splitter, Step, Unprotected,
};
use lockstep_model::Guid;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// For the endpoint mapper, the sign-in and the bind.
const GREETING_PATIENCE: Duration = Duration::from_secs(20);
/// How long a controller may think about a page: for the first one it looks through the whole domain.
const PATIENCE: Duration = Duration::from_secs(300);
/// More rounds than any exchange of SPNEGO has.
const LAST_ROUND: usize = 8;
const READ_SIZE: usize = 64 << 10;

/// A session of directory replication.
#[derive(Debug)]
pub struct Session {
    line: Line,
    association: Association<Sealing>,
    handle: Handle,
    keys: Arc<SessionKeys>,
}

/// The answer to a request for changes.
#[derive(Debug)]
pub struct Page {
    server: String,
    stub: Vec<u8>,
}

impl Page {
    /// The stub of the response as it came, in which secrets are encrypted.
    #[must_use]
    pub fn stub(&self) -> &[u8] {
        &self.stub
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// [`ReplicationError::Refused`] with what the controller says instead.
    pub fn changes(&self) -> Result<Changes<'_>, ReplicationError> {
        Changes::decode(&self.stub).map_err(|source| ReplicationError::Refused {
            server: self.server.clone(),
            source,
        })
    }
}

impl Session {
    /// Asks the endpoint mapper, connects, signs in and binds.
    ///
    /// # Errors
    ///
    /// [`ReplicationError`].
    pub async fn open(
        connector: &Connector,
        controller: &Controller,
    ) -> Result<Self, ReplicationError> {
        let host = &controller.root_dse.host;
        let ip = controller.address.ip();
        let mapper = format!("{host}:{}", epm::PORT);
        let port = in_time(
            &mapper,
            GREETING_PATIENCE,
            port(SocketAddr::new(ip, epm::PORT), &mapper),
        );
        let address = SocketAddr::new(ip, port.await?);
        let server = format!("{host}:{}", address.port());
        let greeting = greet(connector, controller, address, &server);
        in_time(&server, GREETING_PATIENCE, greeting).await
    }

    /// How the server is called in messages.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.line.server
    }

    /// What opens the secrets in answers.
    #[must_use]
    pub fn keys(&self) -> Arc<SessionKeys> {
        Arc::clone(&self.keys)
    }

    /// Asks for changes.
    ///
    /// # Errors
    ///
    /// Those of the connection; what the controller says, [`Page::changes`] tells.
    pub async fn changes(
        &mut self,
        request: &ChangesRequest<'_>,
    ) -> Result<Page, ReplicationError> {
        let server = self.line.server.clone();
        let stub = request.encode(self.handle);
        let call = call(
            &mut self.line,
            &mut self.association,
            operation::GET_CHANGES,
            &stub,
        );
        let stub = in_time(&server, PATIENCE, call).await?;
        Ok(Page { server, stub })
    }

    /// Which rights the account lacks for replicating secrets.
    ///
    /// Asks for the head of the naming context, without secrets and with them: the first needs one right,
    /// the second both. Who lacks the first one is not told about the second.
    ///
    /// # Errors
    ///
    /// [`ReplicationError`] for anything but a missing right.
    pub async fn missing_rights(
        &mut self,
        naming_context: Guid,
    ) -> Result<Vec<Right>, ReplicationError> {
        let steps = [
            (false, AttributeId::OBJECT_SID, Right::ReplicatingChanges),
            (true, AttributeId::UNICODE_PWD, Right::ReplicatingChangesAll),
        ];
        for (index, (secrets, attribute, _)) in steps.into_iter().enumerate() {
            let request = ChangesRequest {
                extent: Extent::Object {
                    guid: naming_context,
                },
                attributes: &[attribute],
                secrets,
                objects: 1,
                bytes: 1 << 20,
            };
            match self.changes(&request).await?.changes() {
                Ok(_) => {}
                Err(ReplicationError::Refused {
                    source: DrsError::Status(Status::ACCESS_DENIED),
                    ..
                }) => {
                    let missing = steps.into_iter().skip(index);
                    return Ok(missing.map(|(_, _, right)| right).collect());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        let unbind = self.handle.unbind();
        let good_bye = call(
            &mut self.line,
            &mut self.association,
            operation::UNBIND,
            &unbind,
        );
        // Whether the server hears it makes no difference.
        let _ = tokio::time::timeout(CONNECT_PATIENCE, good_bye).await;
    }
}

/// Ends what takes too long.
async fn in_time<T>(
    server: &str,
    patience: Duration,
    work: impl Future<Output = Result<T, ReplicationError>>,
) -> Result<T, ReplicationError> {
    let timed_out = || ReplicationError::Silent {
        server: server.to_owned(),
        seconds: patience.as_secs(),
    };
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_) => Err(timed_out()),
    }
}

/// A connection that carries fragments.
#[derive(Debug)]
struct Line {
    server: String,
    stream: TcpStream,
    splitter: Splitter,
    buffer: Vec<u8>,
}

impl Line {
    async fn connect(address: SocketAddr, server: &str) -> Result<Self, ReplicationError> {
        let unreachable = |source| ReplicationError::Unreachable {
            server: server.to_owned(),
            source,
        };
        let connecting = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address));
        let stream = match connecting.await {
            Ok(connected) => connected.map_err(unreachable)?,
            Err(_) => return Err(unreachable(io::ErrorKind::TimedOut.into())),
        };
        stream.set_nodelay(true).map_err(unreachable)?;
        Ok(Self {
            server: server.to_owned(),
            stream,
            splitter: Splitter::default(),
            buffer: vec![0; READ_SIZE],
        })
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), ReplicationError> {
        let sent = self.stream.write_all(bytes).await;
        sent.map_err(|source| self.lost(source))
    }

    async fn receive(&mut self) -> Result<Fragment, ReplicationError> {
        loop {
            match self.splitter.next() {
                Ok(Some(fragment)) => return Ok(fragment),
                Ok(None) => {}
                Err(source) => return Err(self.rpc(source)),
            }
            let count = self.stream.read(&mut self.buffer).await;
            let count = count.map_err(|source| self.lost(source))?;
            match self.buffer.get(..count) {
                Some(bytes) if !bytes.is_empty() => self.splitter.push(bytes),
                _ => {
                    let ended = "the controller hung up";
                    let source = io::Error::new(io::ErrorKind::UnexpectedEof, ended);
                    return Err(self.lost(source));
                }
            }
        }
    }

    fn lost(&self, source: io::Error) -> ReplicationError {
        let server = self.server.clone();
        ReplicationError::Lost { server, source }
    }

    fn rpc(&self, source: RpcError) -> ReplicationError {
        let server = self.server.clone();
        // Operations throw some of their errors as faults ([MS-DRSR] 4.1.10).
        match source {
            RpcError::Fault(Fault(code @ 8000..9000)) => ReplicationError::Refused {
                server,
                source: DrsError::Status(Status(code)),
            },
            source => ReplicationError::Rpc { server, source },
        }
    }
}

/// On which port the controller replicates.
async fn port(address: SocketAddr, server: &str) -> Result<u16, ReplicationError> {
    let mut line = Line::connect(address, server).await?;
    let (mut handshake, bind) =
        Handshake::start(epm::INTERFACE, None, &[]).map_err(|error| line.rpc(error))?;
    line.send(&bind).await?;
    let answer = line.receive().await?;
    handshake
        .receive(&answer)
        .map_err(|error| line.rpc(error))?;
    let mut association = handshake.finish(Unprotected, LARGEST_RESPONSE);
    let request = MapRequest {
        interface: drsuapi::INTERFACE,
    };
    let stub = call(&mut line, &mut association, epm::MAP, &request.encode()).await?;
    epm::port(&stub).map_err(|source| ReplicationError::NotOffered {
        server: server.to_owned(),
        source,
    })
}

/// Signs in by the first mechanism that works, and binds.
async fn greet(
    connector: &Connector,
    controller: &Controller,
    address: SocketAddr,
    server: &str,
) -> Result<Session, ReplicationError> {
    let mechanisms: &[(Mechanism, &str)] = match controller.signed_in_by {
        "NTLM" => &[(Mechanism::Ntlm, "ldap")],
        // A controller may lack its `ldap` name for a while after it was set up; `host` is always there.
        "Kerberos" => &[(Mechanism::Kerberos, "ldap"), (Mechanism::Kerberos, "host")],
        _ => &[
            (Mechanism::Kerberos, "ldap"),
            (Mechanism::Kerberos, "host"),
            (Mechanism::Ntlm, "ldap"),
        ],
    };
    let mut first_error = None;
    for (mechanism, service) in mechanisms {
        let host = &controller.root_dse.host;
        let peer = connector.peer(host, service, address);
        let failed = |error: ContextError| ReplicationError::SignIn {
            server: server.to_owned(),
            mechanism: mechanism.name(),
            account: connector.account().to_owned(),
            reason: error.reason,
        };
        let context = SecurityContext::new(*mechanism, Purpose::Rpc, &peer).map_err(failed)?;
        match exchange(context, address, server, &failed).await {
            Ok((line, association)) => return bind(line, association, &failed).await,
            Err(Exchange::Failed(error)) => return Err(error),
            Err(Exchange::TryAnother(error)) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| ReplicationError::Silent {
        server: server.to_owned(),
        seconds: 0,
    }))
}

/// Why an exchange of tokens failed.
enum Exchange {
    /// The secret may be right all the same: another mechanism or name is worth a try.
    TryAnother(ReplicationError),
    Failed(ReplicationError),
}

impl From<ReplicationError> for Exchange {
    fn from(error: ReplicationError) -> Self {
        Self::Failed(error)
    }
}

/// The exchange of tokens, until fragments are sealed.
async fn exchange(
    context: SecurityContext,
    address: SocketAddr,
    server: &str,
    failed: &impl Fn(ContextError) -> ReplicationError,
) -> Result<(Line, Association<Sealing>), Exchange> {
    let doubtful = |error: ContextError| match error.wrong_secret {
        true => Exchange::Failed(failed(error)),
        false => Exchange::TryAnother(failed(error)),
    };
    let (mut context, token) = context.next(Vec::new()).await.map_err(doubtful)?;
    let mut line = Line::connect(address, server).await?;
    let negotiate = Some(AuthenticationType::Negotiate);
    let (mut handshake, mut bytes) =
        Handshake::start(drsuapi::INTERFACE, negotiate, &token).map_err(|error| line.rpc(error))?;
    for _ in 0..LAST_ROUND {
        line.send(&bytes).await?;
        let answer = line.receive().await?;
        let received = handshake
            .receive(&answer)
            .map_err(|error| line.rpc(error))?;
        if !(context.complete && received.is_empty()) {
            let token;
            (context, token) = context.next(received).await.map_err(doubtful)?;
            if !token.is_empty() {
                bytes = handshake
                    .alter_context(&token)
                    .map_err(|error| line.rpc(error))?;
                continue;
            }
        }
        if !context.complete {
            break;
        }
        let sealing = Sealing::new(context).map_err(failed)?;
        return Ok((line, handshake.finish(sealing, LARGEST_RESPONSE)));
    }
    let endless = security::error("the exchange of tokens does not end");
    Err(failed(endless).into())
}

/// `IDL_DRSBind`, and once more where the domain was renamed.
async fn bind(
    mut line: Line,
    mut association: Association<Sealing>,
    failed: &impl Fn(ContextError) -> ReplicationError,
) -> Result<Session, ReplicationError> {
    let mut keys = SessionKeys::default();
    keys.add(
        association
            .protection()
            .context
            .session_key()
            .map_err(failed)?,
    );
    let mut request = BindRequest::default();
    loop {
        let stub = request.encode();
        let answer = call(&mut line, &mut association, operation::BIND, &stub).await;
        let answer = answer.map_err(|error| denied(error, failed))?;
        let bound = Bound::decode(&answer).map_err(|source| ReplicationError::Refused {
            server: line.server.clone(),
            source,
        })?;
        if bound.epoch == request.epoch {
            return Ok(Session {
                line,
                association,
                handle: bound.handle,
                keys: Arc::new(keys),
            });
        }
        request.epoch = bound.epoch;
        let unbind = bound.handle.unbind();
        call(&mut line, &mut association, operation::UNBIND, &unbind).await?;
    }
}

/// The first call shows whether the last token of the sign-in was right.
fn denied(
    error: ReplicationError,
    failed: &impl Fn(ContextError) -> ReplicationError,
) -> ReplicationError {
    match error {
        ReplicationError::Rpc {
            source:
                RpcError::Fault(
                    fault @ (Fault::ACCESS_DENIED
                    | Fault::NCA_ACCESS_DENIED
                    | Fault::SECURITY_PACKAGE
                    | Fault::PROTOCOL),
                ),
            ..
        } => failed(security::error(fault.to_string())),
        other => other,
    }
}

/// Makes a call.
async fn call<P>(
    line: &mut Line,
    association: &mut Association<P>,
    operation: u16,
    stub: &[u8],
) -> Result<Vec<u8>, ReplicationError>
where
    P: Protection<Error: Send + Sync>,
{
    let call_error = |line: &Line, error: CallError<P::Error>| match error {
        CallError::Rpc(error) => line.rpc(error),
        CallError::Protection(error) => line.lost(io::Error::other(error)),
    };
    let (mut call, bytes) = association
        .call(operation, stub)
        .map_err(|error| call_error(line, error))?;
    line.send(&bytes).await?;
    loop {
        let fragment = line.receive().await?;
        match call.receive(association, fragment) {
            Ok(Step::More) => {}
            Ok(Step::Done(stub)) => return Ok(stub),
            Err(error) => return Err(call_error(line, error)),
        }
    }
}

/// Seals fragments with a security context.
#[derive(Debug)]
struct Sealing {
    context: SecurityContext,
    token_length: usize,
}

impl Sealing {
    fn new(mut context: SecurityContext) -> Result<Self, ContextError> {
        Ok(Self {
            token_length: context.token_length()?,
            context,
        })
    }
}

impl Protection for Sealing {
    type Error = ContextError;

    fn token_length(&mut self) -> Result<Option<usize>, ContextError> {
        Ok(Some(self.token_length))
    }

    fn seal(&mut self, parts: Parts<'_>) -> Result<(), ContextError> {
        self.context.seal_parts(parts)
    }

    fn open(&mut self, parts: Parts<'_>) -> Result<(), ContextError> {
        self.context.open_parts(parts)
    }
}
