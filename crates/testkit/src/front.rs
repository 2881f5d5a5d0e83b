//! A fake domain controller in front of a real one, for what Samba accepts and does not do.
//!
//! Start at [`Front::before`]. It takes LDAPS connections as a Windows controller would, asks the real
//! controller the same under the same account, and hands the answers on: DirSync in pages with the more
//! flag and within MaxBytes, large attributes in ranges, no more entries than MaxPageSize allows. Everything
//! in an answer comes from the real controller, unless a test says otherwise with [`Front::alter`]. It can
//! hold an answer back, send it slowly, and hang up in the middle of it, and it keeps a list of every
//! request. What it does is as [MS-ADTS] tells it; it has never been compared with a Windows controller.

mod message;
mod pages;
mod relay;

pub use message::{Entry, Operation, Request};

use crate::samba::Controller;
use anyhow::{Context as _, bail};
use pages::Readings;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use relay::Relay;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a test waits for a request that it holds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a front enforces.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries of one answer, paged or not: MaxPageSize ([MS-ADTS] 3.1.1.3.4.6).
    pub page_size: usize,
    /// Values of one attribute in one answer: MaxValRange.
    pub values: usize,
    /// Entries of a page of changes.
    pub changes: usize,
    /// Bytes of a page of changes; the client may ask for less.
    pub change_bytes: usize,
    /// How long each page of changes takes.
    pub delay: Duration,
}

impl Default for Limits {
    /// What a Windows controller enforces when nobody has changed it.
    fn default() -> Self {
        Self {
            page_size: 1_000,
            values: 1_500,
            changes: 1_000,
            change_bytes: 1 << 20,
            delay: Duration::ZERO,
        }
    }
}

/// A front. Dropped, it hangs up.
#[derive(Debug)]
pub struct Front {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca: tempfile::NamedTempFile,
}

/// An answer that is held back, until it is released or dropped.
#[derive(Debug)]
pub struct Held {
    gate: Arc<Gate>,
}

type Which = Box<dyn Fn(&Request) -> bool + Send>;
type Alteration = Box<dyn FnMut(&Request, &mut Vec<Entry>) + Send>;

/// What all connections of a front share.
struct Shared {
    controller: SocketAddr,
    name: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    limits: Mutex<Limits>,
    requests: Mutex<Vec<Request>>,
    alterations: Mutex<Vec<Alteration>>,
    gates: Mutex<Vec<(Which, Arc<Gate>)>>,
    readings: Mutex<Readings>,
    /// After so many more bytes of changes the line is cut.
    cut: Mutex<Option<usize>>,
    connections: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("controller", &self.controller)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum GateState {
    #[default]
    Open,
    Waiting,
    Released,
}

impl Front {
    /// Begins to answer for this controller.
    ///
    /// # Errors
    ///
    /// When no port is free, or the controller's CA cannot be read.
    pub fn before(controller: &Controller, limits: Limits) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let made = generate_simple_self_signed(vec![address.ip().to_string()])?;
        let ca = tempfile::NamedTempFile::new()?;
        std::fs::write(ca.path(), made.cert.pem())?;
        let shared = Arc::new(Shared {
            controller: format!("{}:636", controller.address()).parse()?,
            name: controller.dns_name(),
            server: server_config(made)?,
            client: client_config(&controller.ca_file())?,
            limits: Mutex::new(limits),
            requests: Mutex::default(),
            alterations: Mutex::default(),
            gates: Mutex::default(),
            readings: Mutex::default(),
            cut: Mutex::default(),
            connections: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || own.listen(&listener));
        Ok(Self {
            shared,
            address,
            ca,
        })
    }

    /// The server as an agent's domain names it.
    #[must_use]
    pub fn server(&self) -> String {
        self.address.to_string()
    }

    /// The CA of its certificate.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.ca.path().to_owned()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The cookies with which changes were asked for so far; the empty one asks for everything.
    #[must_use]
    pub fn cookies(&self) -> Vec<Vec<u8>> {
        let requests = self.requests();
        requests
            .into_iter()
            .filter_map(|request| request.cookie)
            .collect()
    }

    /// Enforces other limits from now on.
    pub fn set_limits(&self, limits: Limits) {
        *lock(&self.shared.limits) = limits;
    }

    /// Changes what the controller says, before it is cut into pages and ranges.
    pub fn alter(&self, alteration: impl FnMut(&Request, &mut Vec<Entry>) + Send + 'static) {
        lock(&self.shared.alterations).push(Box::new(alteration));
    }

    /// From now on nothing is altered.
    pub fn alter_no_more(&self) {
        lock(&self.shared.alterations).clear();
    }

    /// Holds back the answer to the next request of this kind. The controller has been asked by then.
    pub fn hold(&self, which: impl Fn(&Request) -> bool + Send + 'static) -> Held {
        let gate = Arc::<Gate>::default();
        lock(&self.shared.gates).push((Box::new(which), Arc::clone(&gate)));
        Held { gate }
    }

    /// Hangs up, once, after so many more bytes of changes.
    pub fn cut_after(&self, bytes: usize) {
        *lock(&self.shared.cut) = Some(bytes);
    }

    /// Whether the line that [`Front::cut_after`] wants cut is still whole.
    #[must_use]
    pub fn is_cut_pending(&self) -> bool {
        lock(&self.shared.cut).is_some()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Whoever listens wakes up, sees that it is over, and lets go of the port.
        let _ = TcpStream::connect(self.address);
        for connection in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        for (_, gate) in lock(&self.shared.gates).drain(..) {
            gate.set(GateState::Released);
        }
    }
}

impl Held {
    /// Waits until the answer is ready and held.
    ///
    /// # Errors
    ///
    /// When nobody asks within a minute.
    pub fn reached(&self) -> anyhow::Result<()> {
        let state = lock(&self.gate.state);
        let (state, _) = self
            .gate
            .changed
            .wait_timeout_while(state, PATIENCE, |state| *state == GateState::Open)
            .unwrap_or_else(PoisonError::into_inner);
        if *state == GateState::Open {
            bail!("nobody has asked for what is held");
        }
        Ok(())
    }

    /// Lets the answer go.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.set(GateState::Released);
    }
}

impl Gate {
    fn set(&self, state: GateState) {
        *lock(&self.state) = state;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = lock(&self.state);
        if *state == GateState::Open {
            *state = GateState::Waiting;
            self.changed.notify_all();
        }
        let released = self
            .changed
            .wait_while(state, |state| *state != GateState::Released);
        drop(released.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    fn listen(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            let Ok(client) = client else { continue };
            let own = Arc::clone(&self);
            std::thread::spawn(move || {
                // A client that hangs up, or a controller that is killed, ends one connection.
                let _ = Relay::open(own, client).and_then(Relay::run);
            });
        }
    }

    fn alter(&self, request: &Request, entries: &mut Vec<Entry>) {
        for alteration in lock(&self.alterations).iter_mut() {
            alteration(request, entries);
        }
    }

    /// Waits at the gate that holds this request, if there is one.
    fn wait_at_gate(&self, request: &Request) {
        let gate = {
            let mut gates = lock(&self.gates);
            let found = gates.iter().position(|(which, _)| which(request));
            found.map(|index| gates.remove(index).1)
        };
        if let Some(gate) = gate {
            gate.pass();
        }
    }
}

fn server_config(made: CertifiedKey<rcgen::KeyPair>) -> anyhow::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let key = key.map_err(|reason| anyhow::anyhow!("the front's key: {reason}"))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config))
}

fn client_config(ca: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca);
    roots.add(certificate.with_context(|| format!("could not read {}", ca.display()))?)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
