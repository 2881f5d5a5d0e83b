//! What every part of the service shares.

use crate::ask::AGENT_PATIENCE;
use crate::clock::Clock;
use crate::job::{Unkept, Unstored};
use crate::notify::Outlets;
use crate::plan::Leftovers;
use crate::sealing::Sealer;
use crate::signal::Signal;
use crate::signin::SignIn;
use lockstep_directory::TenantRules;
use lockstep_model::ids::{ConfigurationId, TenantId};
use lockstep_store::records::service::Tenant;
use lockstep_store::{
    Read, ReadRecords as _, Store, StoreError, Transact as _, Write, WriteRecords as _,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// The running service: one tenant's store and everything that works on it.
#[derive(Debug)]
pub struct Service {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Clock,
    /// Whose directory it is.
    pub tenant: TenantId,
    /// Where others reach it, without a slash at the end.
    pub public_url: String,
    /// The service's own CA, if it has one.
    pub ca: Option<OwnCa>,
    /// Raised when an instruction waits for an agent.
    pub instructions: Signal,
    /// Raised when an instruction or a cycle has come further.
    pub progress: Signal,
    /// Raised when a job has a reason to run, or configurations have come or gone.
    pub jobs: Signal,
    /// Domains in which something changed since a job last looked.
    pub changed: Mutex<BTreeSet<String>>,
    /// For how long an agent may be silent before its lease is given on.
    pub agent_silence: Duration,
    /// For how long an agent is waited for that takes up what is asked.
    pub agent_patience: Duration,
    /// Seals what the database must not tell.
    pub sealer: Arc<Sealer>,
    /// Cycles whose result the storage did not take.
    pub unkept: Unkept,
    /// Instructions of which the storage did not take a report.
    pub unstored: Unstored,
    /// Connector spaces of plans that were broken off.
    pub leftovers: Leftovers,
    /// What sign-in keeps in memory.
    pub sign_in: SignIn,
    /// Held by whoever removes a configuration: one after the other.
    pub removals: tokio::sync::Mutex<()>,
    /// How administrators are told something; set once the service runs.
    pub outlets: OnceLock<Outlets>,
    /// Where its transactions run.
    pub transactions: Transactions,
    rules: RwLock<TenantRules>,
    turns: Mutex<BTreeMap<ConfigurationId, Arc<tokio::sync::Mutex<()>>>>,
}

/// Where transactions run. They block.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transactions {
    /// On the runtime's threads made for blocking.
    #[default]
    OnOwnThreads,
    /// Where they are asked for, after one turn for others: whoever polls decides what comes before what, as
    /// a simulation must.
    InPlace,
}

/// The service's own CA, as agents and administrators get to know it.
#[derive(Clone, Debug)]
pub struct OwnCa {
    /// The certificate in PEM.
    pub pem: String,
    /// SHA-256 of the certificate (DER), in lower-case hex.
    pub fingerprint: String,
}

/// What [`Service::new`] needs.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where others reach it.
    pub public_url: String,
    /// The service's own CA, if it has one.
    pub ca: Option<OwnCa>,
    /// The domain that a new tenant gets.
    pub initial_domain: String,
    /// For how long an agent may be silent before its lease is given on.
    pub agent_silence: Duration,
    /// Seals what the database must not tell.
    pub sealer: Sealer,
}

impl Service {
    /// Opens the tenant of a store; a new store gets a new tenant.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(parts: Parts) -> Result<Self, StoreError> {
        let tenant = parts.store.writing(|tx| {
            let known: Option<Tenant> = tx.fetch_one(&())?;
            let row = match known {
                Some(known) => known,
                None => {
                    let row = Tenant {
                        id: TenantId::new(crate::ids::random_guid()),
                        initial_domain: parts.initial_domain.clone(),
                        domains: Vec::new(),
                    };
                    tx.store(std::slice::from_ref(&row))?;
                    row
                }
            };
            crate::extensions::take_up(tx)?;
            Ok(row)
        })?;
        Ok(Self {
            store: parts.store,
            clock: Clock::default(),
            tenant: tenant.id,
            public_url: parts.public_url,
            ca: parts.ca,
            instructions: Signal::default(),
            progress: Signal::default(),
            jobs: Signal::default(),
            changed: Mutex::default(),
            agent_silence: parts.agent_silence,
            agent_patience: AGENT_PATIENCE,
            sealer: Arc::new(parts.sealer),
            unkept: Unkept::default(),
            unstored: Unstored::default(),
            leftovers: Leftovers::default(),
            sign_in: SignIn::default(),
            removals: tokio::sync::Mutex::default(),
            outlets: OnceLock::new(),
            transactions: Transactions::default(),
            rules: RwLock::new(rules_of(&tenant)),
            turns: Mutex::default(),
        })
    }

    /// Waits for its turn with a configuration, and has it until the guard is dropped: cycle, plan, provisioning on demand
    /// and reconciliation come one after the other, as they would take each other's lease.
    pub async fn take_turn(&self, id: ConfigurationId) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(id).or_default())
        };
        turn.lock_owned().await
    }

    /// The DNS suffixes that the tenant owns.
    #[must_use]
    pub fn tenant_rules(&self) -> TenantRules {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes up other suffixes.
    pub fn set_tenant(&self, tenant: &Tenant) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules_of(tenant);
    }

    /// Waits for `work`, which goes on should nobody wait for it any more.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub async fn apart<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        if self.transactions == Transactions::InPlace {
            return work.await;
        }
        tokio::spawn(work).await.unwrap_or_else(abandoned)
    }

    /// Runs `work` on a consistent state.
    ///
    /// # Errors
    ///
    /// Those of the store and of `work`.
    pub async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Read) -> Result<T, StoreError> + Send + 'static,
    {
        let service = Arc::clone(self);
        blocking(self.transactions, move || service.store.reading(work)).await
    }

    /// Runs `work` alone and keeps what it wrote.
    ///
    /// # Errors
    ///
    /// Those of the store and of `work`; nothing is kept then.
    pub async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Write) -> Result<T, StoreError> + Send + 'static,
    {
        let service = Arc::clone(self);
        blocking(self.transactions, move || service.store.writing(work)).await
    }
}

fn rules_of(tenant: &Tenant) -> TenantRules {
    TenantRules {
        initial_domain: tenant.initial_domain.clone(),
        domains: tenant.domains.clone(),
    }
}

/// Runs `work` where transactions run; on a thread of its own a panic in it becomes an error.
async fn blocking<T, F>(place: Transactions, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    if place == Transactions::InPlace {
        tokio::task::yield_now().await;
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(abandoned)
}

fn abandoned<T>(source: tokio::task::JoinError) -> Result<T, StoreError> {
    Err(StoreError::Abandoned {
        source: source.into(),
    })
}
