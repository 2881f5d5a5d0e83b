//! The agent at work: it asks the service for instructions and carries them out, until it is told to stop.

use crate::channel::{Backoff, Channel, ChannelError, Recorder, Trust};
use crate::ldap::{Connector, LdapError};
use crate::reader;
use crate::state::{AgentKey, DomainsStamp, Enrollment, StateDir, StateError};
use crate::watch;
use lockstep_api::channel::{
    Ack, Action, DomainStatus, Instruction, KeyRotation, PROTOCOL_VERSIONS, SessionAnswer,
    SessionRequest,
};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long the service may hold a request for an instruction.
const LONG_POLL: Duration = Duration::from_secs(50);
/// How often the service is told that the agent is there.
const SESSION: Duration = Duration::from_secs(600);
/// How often the stored domains are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After this time the agent takes a new key.
const KEY_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Why the agent stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The service does not want it, or cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The record cannot be written.
    #[error("could not open the record {path}")]
    Record {
        /// Where.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("could not wait for signals")]
    Signals {
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// An agent at work.
#[derive(Debug)]
struct Agent {
    channel: Arc<Channel>,
    state: StateDir,
    /// Raised when the service should be told of the agent's domains again.
    introduce: Arc<Notify>,
}

/// Works until SIGTERM or SIGINT, or until the service has removed the agent.
///
/// # Errors
///
/// [`RunError`].
pub async fn run(state: &StateDir, record: Option<&Path>) -> Result<(), RunError> {
    let enrollment = state.enrollment()?;
    let _lock = state.lock()?;
    let channel = Arc::new(open(state, &enrollment, record)?);
    let agent = Arc::new(Agent {
        channel,
        state: state.clone(),
        introduce: Arc::new(Notify::new()),
    });
    let signals = |source| RunError::Signals { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    tracing::info!(agent = %enrollment.agent, service = agent.channel.service(), "the agent is running");
    tokio::select! {
        error = Arc::clone(&agent).instructions() => Err(error.into()),
        error = Arc::clone(&agent).presence() => Err(error.into()),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// The channel of an enrolled agent.
///
/// # Errors
///
/// [`RunError`] when what was stored cannot be used.
pub fn open(
    state: &StateDir,
    enrollment: &Enrollment,
    record: Option<&Path>,
) -> Result<Channel, RunError> {
    let trust = if enrollment.own_ca {
        Trust::OwnCa(state.service_ca()?)
    } else {
        Trust::PublicRoots
    };
    let recorder = match record {
        Some(path) => Some(Recorder::open(path).map_err(|source| RunError::Record {
            path: path.display().to_string(),
            source,
        })?),
        None => None,
    };
    Ok(Channel::new(enrollment, state.key()?, &trust, recorder)?)
}

impl Agent {
    /// Takes instructions and carries each out beside the others. Ends only with an error.
    async fn instructions(self: Arc<Self>) -> ChannelError {
        let mut backoff = Backoff::default();
        loop {
            match self.channel.instruction(LONG_POLL).await {
                Ok(None) => backoff.reset(),
                Ok(Some(instruction)) => {
                    backoff.reset();
                    let own = Arc::clone(&self);
                    tokio::spawn(async move { own.carry_out(instruction).await });
                }
                Err(error @ ChannelError::Removed { .. }) => return error,
                Err(error) => {
                    tracing::warn!(
                        reason = error.chain(),
                        "no instructions at present; trying again"
                    );
                    backoff.pause().await;
                    // A service that was away may have forgotten which domains are here.
                    self.introduce.notify_one();
                }
            }
        }
    }

    async fn carry_out(&self, instruction: Instruction) {
        let (id, domain) = (instruction.id, instruction.domain.clone());
        let reads = matches!(instruction.action, Action::ReadChanges(_));
        tracing::debug!(%id, domain, "instruction taken");
        let connector = self.connector(&domain);
        let done = reader::carry_out(&self.channel, connector, instruction).await;
        match done {
            Ok(()) => tracing::debug!(%id, domain, "instruction carried out"),
            Err(error) => {
                tracing::warn!(%id, domain, reason = error.chain(), "instruction given up");
            }
        }
        if reads {
            // A configuration may be new, and want to know of changes.
            self.introduce.notify_one();
        }
    }

    fn connector(&self, domain: &str) -> Result<Connector, LdapError> {
        let settings = self.state.domain(domain);
        let settings = settings.map_err(|error| LdapError::Secret {
            reason: crate::channel::chain(&error),
        })?;
        let settings = settings.ok_or_else(|| LdapError::Secret {
            reason: format!("{domain} is not among this agent's domains"),
        })?;
        Connector::new(&self.state, settings)
    }

    /// Tells the service of the domains here, and watches those that it wants watched. Ends only with an
    /// error.
    async fn presence(self: Arc<Self>) -> ChannelError {
        let mut watchers = Watchers::default();
        let mut backoff = Backoff::default();
        loop {
            let stamp = self.state.domains_stamp().unwrap_or_default();
            match self.introduce().await {
                Ok(answer) => {
                    backoff.reset();
                    let wanted = answer.watch.into_iter().map(|watch| watch.domain);
                    watchers.keep(&self, wanted.collect(), &stamp);
                }
                Err(error @ ChannelError::Removed { .. }) => return error,
                Err(error) => {
                    tracing::warn!(
                        reason = error.chain(),
                        "the service was not told of this agent"
                    );
                    backoff.pause().await;
                    continue;
                }
            }
            if let Err(error) = self.rotate_key().await {
                tracing::warn!(
                    reason = error.to_string(),
                    "the agent keeps its key for now"
                );
            }
            self.until_something_changes(&stamp).await;
        }
    }

    async fn introduce(&self) -> Result<SessionAnswer, ChannelError> {
        let domains = self.state.domains().unwrap_or_else(|error| {
            tracing::error!(
                reason = crate::channel::chain(&error),
                "the domains cannot be read"
            );
            Vec::new()
        });
        let status = |domain: crate::state::Domain| DomainStatus {
            domain: domain.domain,
            error: None,
        };
        let request = SessionRequest {
            protocol: PROTOCOL_VERSIONS.to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            domains: domains.into_iter().map(status).collect(),
        };
        self.channel.post("/agent/v1/session", &request).await
    }

    async fn until_something_changes(&self, stamp: &DomainsStamp) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < SESSION {
            if tokio::time::timeout(LOOK, self.introduce.notified())
                .await
                .is_ok()
            {
                return;
            }
            if self.state.domains_stamp().is_ok_and(|now| now != *stamp) {
                return;
            }
        }
    }

    /// Takes a new key when the old one has served its time. The new one is stored before the service is
    /// told, and takes the old one's place when the service has it: a crash in between is made good here.
    async fn rotate_key(&self) -> Result<(), RunError> {
        let key = match self.state.next_key()? {
            Some(key) => key,
            None => {
                let made = self.state.key_made()?;
                let age = SystemTime::now().duration_since(made).unwrap_or_default();
                if age < KEY_LIFETIME {
                    return Ok(());
                }
                let Some(key) = AgentKey::generate() else {
                    return Ok(());
                };
                self.state.store_next_key(&key)?;
                key
            }
        };
        let rotation = KeyRotation {
            public_key: key.public_base64(),
        };
        self.channel
            .post::<_, Ack>("/agent/v1/key", &rotation)
            .await?;
        self.state.promote_next_key()?;
        self.channel.use_key(key);
        tracing::info!("the agent has a new key");
        Ok(())
    }
}

/// The domains that are being watched.
#[derive(Debug, Default)]
struct Watchers {
    tasks: BTreeMap<String, JoinHandle<()>>,
    stamp: DomainsStamp,
}

impl Watchers {
    /// Watches these domains and no others; all anew when their settings have changed.
    fn keep(&mut self, agent: &Agent, wanted: Vec<String>, stamp: &DomainsStamp) {
        let unchanged = self.stamp == *stamp;
        self.stamp = stamp.clone();
        self.tasks.retain(|domain, task| {
            let keep = unchanged && wanted.contains(domain) && !task.is_finished();
            if !keep {
                task.abort();
            }
            keep
        });
        for domain in wanted {
            self.tasks.entry(domain.clone()).or_insert_with(|| {
                let channel = Arc::clone(&agent.channel);
                tokio::spawn(watch::watch(channel, agent.state.clone(), domain))
            });
        }
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
    }
}
