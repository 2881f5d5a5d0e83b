//! `lockstep serve`: the data folder, the listener, the jobs, and the end of all three.

use crate::backup;
use crate::directory::upkeep;
use crate::files::{self, FileError};
use crate::http::admin::{is_dns_suffix, token_hash};
use crate::http::router;
use crate::http::signin::Peer;
use crate::ids;
use crate::job;
use crate::metrics::Metrics;
use crate::notify::{self, MailError, Mailer, Outlets, Webhooks};
use crate::plan;
use crate::removal;
use crate::retention::Retention;
use crate::sealing::{Sealer, SealingError};
use crate::service::{Parts, Service};
use crate::signin::{self, keys};
use crate::tls::{self, Certificate, TlsError};
use axum::middleware::AddExtension;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lockstep_model::Secret;
use lockstep_store::records::service::ApiToken;
use lockstep_store::{ReadRecords as _, SqliteStore, StoreError, WriteRecords as _};
use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Layer as _;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests may take to end when the service is told to stop. Long polls do not end by themselves.
const GRACE: Duration = Duration::from_secs(2);
/// The domain that a new directory has.
pub const INITIAL_DOMAIN: &str = "local.lockstep";
/// For how long an agent may be silent before its lease is given on.
const AGENT_SILENCE: Duration = Duration::from_secs(45);

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How others reach it; the listener's address unless given.
    pub public_url: Option<String>,
    /// Certificate and key of the administrator, in PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The domain of a new directory, in lower case; [`INITIAL_DOMAIN`] unless given. A directory keeps the one it
    /// has.
    pub initial_domain: Option<String>,
    /// Where metrics are served instead of on the listener.
    pub metrics_listen: Option<SocketAddr>,
    /// The mail server, and in whose name mail is sent.
    pub mail: Option<(Secret<String>, String)>,
    /// For how long is remembered what happened.
    pub retention: Retention,
}

/// Why the service could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file of the data folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database.
    #[error("could not open the database in {}", dir.display())]
    Store {
        /// Where.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: StoreError,
    },
    /// The key that seals what the database must not tell.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The keys that sign tokens.
    #[error(transparent)]
    Keys(#[from] keys::KeyError),
    /// Another process serves this folder.
    #[error("a `lockstep serve` is running with {}; stop it first, or use another folder", dir.display())]
    Busy {
        /// Which folder.
        dir: PathBuf,
    },
    /// The address cannot be had.
    #[error("could not listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The initial domain is none.
    #[error("--initial-domain: expected a DNS suffix such as example.com, received `{received}`")]
    InitialDomain {
        /// As it came.
        received: String,
    },
    /// The directory has another initial domain.
    #[error(
        "--initial-domain: the directory in {} has the initial domain {known}, which cannot become {received}; leave \
         the option out", dir.display()
    )]
    OtherInitialDomain {
        /// The data folder.
        dir: PathBuf,
        /// The one that it has.
        known: String,
        /// The one that was asked for.
        received: String,
    },
    /// Mail cannot be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Addresses on the web cannot be called.
    #[error("could not set up TLS for notifications")]
    Webhooks(#[source] reqwest::Error),
    /// The public address is none.
    #[error("--public-url: expected https://HOST or https://HOST:PORT, received `{received}`")]
    PublicUrl {
        /// As it came.
        received: String,
    },
}

impl ServeError {
    /// Whether an option was wrong, whatever the machine is like.
    #[must_use]
    pub const fn is_of_options(&self) -> bool {
        matches!(
            self,
            Self::InitialDomain { .. }
                | Self::OtherInitialDomain { .. }
                | Self::PublicUrl { .. }
                | Self::Mail(_)
        )
    }
}

/// A service that listens. It answers once [`Running::run`] is polled.
pub struct Running {
    service: Arc<Service>,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    app: Router,
    metrics: Option<(TcpListener, Router)>,
    url: String,
    /// Where commands on this machine reach it.
    local_url: String,
    url_file: PathBuf,
    retention: Retention,
    _lock: File,
}

/// Opens the data folder and takes the address.
///
/// # Errors
///
/// [`ServeError`].
pub async fn start(options: Options) -> Result<Running, ServeError> {
    let dir = options.data_dir.clone();
    if let Some(name) = &options.initial_domain
        && !is_dns_suffix(name)
    {
        let received = name.clone();
        return Err(ServeError::InitialDomain { received });
    }
    let outlets = outlets(options.mail.as_ref())?;
    let given = options.public_url.as_deref().map(checked_url).transpose()?;
    files::make_private_dir(&dir)?;
    let lock = lock(&dir)?;
    backup::complete(&dir)?;
    let listener = listen(options.listen).await?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen {
        address: options.listen,
        source,
    })?;
    let url = given.unwrap_or_else(|| url_of(address));
    let Certificate { config, own_ca } = certificate(&options, &url)?;
    // Commands on this machine need no detour; but a certificate of the administrator's has other names.
    let local_url = match own_ca {
        Some(_) => url_of(address),
        None => url.clone(),
    };
    let wanted = options.initial_domain;
    let service = open(&dir, url.clone(), own_ca, wanted.clone()).await?;
    let known = service.tenant_rules().initial_domain;
    if let Some(received) = wanted.filter(|wanted| *wanted != known) {
        return Err(ServeError::OtherInitialDomain {
            dir,
            known,
            received,
        });
    }
    let _ = service.outlets.set(outlets);
    admin_token(&service, &dir).await?;
    keys::keep(&service).await?;
    let metrics = Metrics::install();
    let (app, metrics) = match options.metrics_listen {
        Some(address) => {
            let routes = router::metrics(Arc::clone(&service), metrics);
            (
                router::app(Arc::clone(&service)),
                Some((listen(address).await?, routes)),
            )
        }
        None => {
            let routes = router::metrics(Arc::clone(&service), metrics);
            (router::app(Arc::clone(&service)).merge(routes), None)
        }
    };
    Ok(Running {
        service,
        listener,
        acceptor: TlsAcceptor::from(config),
        app,
        metrics,
        url,
        local_url,
        url_file: dir.join("url"),
        retention: options.retention,
        _lock: lock,
    })
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until `stop` is ready, and then finishes what is under way.
    ///
    /// # Errors
    ///
    /// [`ServeError::File`] when the address cannot be written down.
    pub async fn run(
        self,
        ready: impl FnOnce(&str),
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        files::write_public(&self.url_file, format!("{}\n", self.local_url).as_bytes())?;
        let jobs = tokio::spawn(job::run_jobs(Arc::clone(&self.service)));
        let upkeep = tokio::spawn(signin::run_upkeep(Arc::clone(&self.service)));
        let directory_upkeep = tokio::spawn(upkeep::run(Arc::clone(&self.service), self.retention));
        let leftovers = tokio::spawn(plan::drop_leftovers(Arc::clone(&self.service)));
        let removals = tokio::spawn(removal::run(Arc::clone(&self.service)));
        let notices = tokio::spawn(notify::run(Arc::clone(&self.service)));
        let reconciliation = tokio::spawn(job::run_reconciliation(Arc::clone(&self.service)));
        let metrics = self.metrics.map(|(listener, routes)| {
            tokio::spawn(async move { axum::serve(listener, routes).await })
        });
        ready(&self.url);
        let graceful = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        let app = from_peer(self.app.clone(), Peer(address.ip()));
                        let watcher = graceful.watcher();
                        tokio::spawn(connection(stream, self.acceptor.clone(), app, watcher));
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: what is open goes on meanwhile.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        tracing::info!("stopping");
        jobs.abort();
        upkeep.abort();
        directory_upkeep.abort();
        leftovers.abort();
        removals.abort();
        notices.abort();
        reconciliation.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        drop(self.listener);
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        Ok(())
    }
}

/// The ways of telling administrators something.
fn outlets(mail: Option<&(Secret<String>, String)>) -> Result<Outlets, ServeError> {
    let mailer = mail.map(|(url, from)| Mailer::new(url, from)).transpose()?;
    Ok(Outlets {
        mailer,
        webhooks: Webhooks::new().map_err(ServeError::Webhooks)?,
    })
}

/// Tells every request of a connection where it comes from.
fn from_peer(app: Router, peer: Peer) -> AddExtension<Router, Peer> {
    Extension(peer).layer(app)
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    app: AddExtension<Router, Peer>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let Ok(Ok(stream)) = handshake else { return };
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(app))
        .into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Takes the data folder for this process.
///
/// # Errors
///
/// [`ServeError::Busy`] and [`ServeError::File`].
pub fn lock(dir: &Path) -> Result<File, ServeError> {
    let path = dir.join("serve.lock");
    let file = File::create(&path).map_err(|source| FileError::new("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Busy {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(FileError::new("lock", &path, source).into()),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// Where this machine reaches a listener.
fn url_of(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() {
        SocketAddr::from(([127, 0, 0, 1], address.port())).to_string()
    } else {
        address.to_string()
    };
    format!("https://{host}")
}

/// The public address, without a slash at the end.
fn checked_url(given: &str) -> Result<String, ServeError> {
    let url = url::Url::parse(given).ok();
    let fits = url.is_some_and(|url| url.scheme() == "https" && url.has_host());
    if fits {
        Ok(given.trim_end_matches('/').to_owned())
    } else {
        Err(ServeError::PublicUrl {
            received: given.to_owned(),
        })
    }
}

fn certificate(options: &Options, url: &str) -> Result<Certificate, ServeError> {
    if let Some((certificate, key)) = &options.certificate {
        return Ok(tls::given(certificate, key)?);
    }
    let dir = options.data_dir.join("tls");
    files::make_private_dir(&dir)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    names.push(
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
    );
    let host = url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    names.extend(host.map(|host| host.trim_matches(['[', ']']).to_owned()));
    if !options.listen.ip().is_unspecified() {
        names.push(options.listen.ip().to_string());
    }
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    Ok(tls::private(&dir, &names, time::OffsetDateTime::now_utc())?)
}

async fn open(
    dir: &Path,
    public_url: String,
    ca: Option<crate::service::OwnCa>,
    initial_domain: Option<String>,
) -> Result<Arc<Service>, ServeError> {
    let folder = dir.to_owned();
    let initial_domain = initial_domain.unwrap_or_else(|| INITIAL_DOMAIN.to_owned());
    let opened = tokio::task::spawn_blocking(move || {
        let failed = |source| ServeError::Store {
            dir: folder.clone(),
            source,
        };
        let tables = lockstep_store::records::tables();
        let store = SqliteStore::open(&folder, &tables).map_err(failed)?;
        let sealer = Sealer::open(&folder.join("keys"), &store)?;
        Service::new(Parts {
            store: Arc::new(store),
            public_url,
            ca,
            initial_domain,
            agent_silence: AGENT_SILENCE,
            sealer,
        })
        .map(Arc::new)
        .map_err(failed)
    });
    opened.await.unwrap_or_else(|error| {
        Err(ServeError::Store {
            dir: dir.to_owned(),
            source: StoreError::Abandoned {
                source: error.into(),
            },
        })
    })
}

/// The first administrator's token: made at the first start, and again when the file has been removed.
async fn admin_token(service: &Arc<Service>, dir: &Path) -> Result<(), ServeError> {
    let path = dir.join("admin-token");
    let store = |source| ServeError::Store {
        dir: dir.to_owned(),
        source,
    };
    let known = match std::fs::read_to_string(&path) {
        Ok(text) => {
            let hash = token_hash(text.trim());
            let row = service
                .read(move |tx| tx.fetch_one::<ApiToken>(&hash))
                .await;
            row.map_err(store)?.is_some()
        }
        Err(_) => false,
    };
    if known {
        return Ok(());
    }
    let token = ids::random_token();
    let row = ApiToken {
        hash: token_hash(&token),
        name: "admin-token".into(),
        role: "administrator".into(),
        expires: None,
    };
    service
        .write(move |tx| tx.store(&[row]))
        .await
        .map_err(store)?;
    files::write_private(&path, format!("{token}\n").as_bytes())?;
    Ok(())
}
