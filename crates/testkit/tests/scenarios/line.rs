//! How the simulated agent reaches the service: by calling what its channel calls, or over HTTPS with the real
//! agent's client.

use crate::agent::Failure;
use lockstep_agent::channel::{Channel, Trust};
use lockstep_agent::state::{AgentKey, Enrollment};
use lockstep_api::channel::{
    Ack, Begin, BeginAnswer, Finish, Instruction, Objects, Offer, OfferAnswer, PageAnswer, PageEnd,
};
use lockstep_model::ids::{AgentId, InstructionId};
use lockstep_server::agents::{self, Sender};
use lockstep_server::service::Service;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the agent waits for work before it asks again.
const POLL: Duration = Duration::from_millis(200);
/// So many milliseconds it takes to read a domain, where no time passes by itself.
const READING: i64 = 250;
/// The name for which the service has a certificate.
const HOST: &str = "localhost";

/// A way to the service.
#[derive(Clone)]
pub(crate) enum Line {
    /// What happens is decided, and nothing gets lost on the way.
    Direct(Arc<Service>, AgentId),
    /// Signed requests with bodies, as they travel.
    Https(Arc<Channel>),
}

/// The requests of one instruction.
pub(crate) struct Requests<'a> {
    pub(crate) line: &'a Line,
    pub(crate) id: InstructionId,
    pub(crate) made: Cell<u64>,
}

impl Line {
    /// The next instruction, once there is one.
    pub(crate) async fn instruction(&self) -> Instruction {
        match self {
            Self::Direct(service, agent) => {
                let mut listener = service.instructions.listen();
                loop {
                    let next = agents::next_instruction(service, *agent, "").await;
                    if let Some(body) = next.expect("the store can be read") {
                        return serde_json::from_str(&body).expect("an instruction reads back");
                    }
                    listener.wait(POLL).await;
                }
            }
            Self::Https(channel) => loop {
                let next = channel.instruction(Duration::from_secs(20)).await;
                if let Some(instruction) = next.expect("the service answers") {
                    return instruction;
                }
            },
        }
    }
}

impl Requests<'_> {
    /// Nothing is on its way twice where functions are called, so that these requests need no numbers.
    fn sender(&self, agent: AgentId) -> Sender {
        Sender {
            agent,
            instruction: self.id,
            number: 0,
            open: Vec::new(),
        }
    }

    async fn post<B, A>(&self, channel: &Channel, what: &str, body: &B) -> Result<A, Failure>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        self.made.set(self.made.get() + 1);
        let path = format!("/agent/v1/instructions/{}/{what}", self.id);
        let answer = channel
            .deliver_numbered(&path, self.made.get(), &[], body)
            .await;
        answer.map_err(|error| Failure::Domain {
            code: "Refused",
            message: error.to_string(),
        })
    }

    pub(crate) async fn begin(&self, begin: Begin) -> Result<BeginAnswer, Failure> {
        match self.line {
            Line::Direct(service, agent) => {
                service.clock.advance(READING);
                Ok(agents::begin(service, self.sender(*agent), begin).await?)
            }
            Line::Https(channel) => self.post(channel, "begin", &begin).await,
        }
    }

    pub(crate) async fn offer(&self, offer: Offer) -> Result<OfferAnswer, Failure> {
        match self.line {
            Line::Direct(service, agent) => {
                Ok(agents::offer(service, self.sender(*agent), offer).await?)
            }
            Line::Https(channel) => self.post(channel, "offer", &offer).await,
        }
    }

    pub(crate) async fn objects(&self, objects: Objects) -> Result<Ack, Failure> {
        match self.line {
            Line::Direct(service, agent) => {
                Ok(agents::objects(service, self.sender(*agent), objects).await?)
            }
            Line::Https(channel) => self.post(channel, "objects", &objects).await,
        }
    }

    pub(crate) async fn page(&self, page: PageEnd) -> Result<PageAnswer, Failure> {
        match self.line {
            Line::Direct(service, agent) => {
                Ok(agents::page(service, self.sender(*agent), page).await?)
            }
            Line::Https(channel) => self.post(channel, "page", &page).await,
        }
    }

    pub(crate) async fn finish(&self, finish: Finish) -> Result<Ack, Failure> {
        match self.line {
            Line::Direct(service, agent) => {
                Ok(agents::finish(service, self.sender(*agent), finish).await?)
            }
            Line::Https(channel) => self.post(channel, "finish", &finish).await,
        }
    }
}

/// A service's address, and what its certificate leads to.
#[derive(Clone)]
pub(crate) struct Address {
    url: String,
    ca: Vec<u8>,
}

impl Address {
    /// Serves on a port of this machine from now on.
    pub(crate) async fn of(app: axum::Router) -> Self {
        let (ca, config) = certificate();
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let listener = Encrypted {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        tokio::spawn(async move { axum::serve(listener, app).await });
        let url = format!("https://{HOST}:{port}");
        Self { url, ca }
    }

    /// The line of an agent with this key.
    pub(crate) fn line(&self, service: &Service, agent: AgentId, key: AgentKey) -> Line {
        let enrollment = Enrollment {
            service: self.url.clone(),
            agent,
            tenant: service.tenant,
            name: "a fake agent".to_owned(),
            proxy: None,
            own_ca: true,
        };
        let trust = Trust::OwnCa(self.ca.clone());
        let channel = Channel::new(&enrollment, key, &trust, None);
        Line::Https(Arc::new(channel.expect("the channel opens")))
    }
}

/// A CA in PEM, and a service that has a certificate of it.
fn certificate() -> (Vec<u8>, rustls::ServerConfig) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let made = || -> Result<_, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::from_params(&ca, ca_key);
        let key = KeyPair::generate()?;
        let own = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &issuer)?;
        Ok((pem, own, key))
    };
    let (pem, own, key) = made().expect("certificates can be made");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key.into());
    (pem.into_bytes(), config.expect("key and certificate fit"))
}

/// Connections with TLS.
struct Encrypted {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.expect("somebody connects");
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
