//! The lane of a job: what whoever reads, decides or plans for a configuration works with in one transaction.
//!
//! It lasts no longer than its transaction, and keeps nobody else out. That cycles, plans and provisioning on demand come
//! one after the other is the *turn* ([`crate::service::Service::take_turn`]); what agents do for a job under one lease
//! is a *reading*: of objects, or of passwords.

use crate::scope_groups::ScopeGroups;
use lockstep_engine::Policy;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::{ReadRecords as _, StoreError, Write};

/// A job, and what the administrator wants of it, as both stand in one transaction.
#[derive(Debug)]
pub struct Lane {
    /// The job, to be stored again when it was changed.
    pub job: Job,
    /// The configuration.
    pub configuration: Configuration,
    /// The configuration as the engine needs it.
    pub policy: Policy,
    /// The groups of its scope.
    pub groups: ScopeGroups,
}

impl Lane {
    /// Whose objects in the directory these are: links, mastery, held deletes and decisions bear this id.
    /// The connector space of a plan is its own, and everything else is that of the configuration it is for.
    #[must_use]
    pub fn owner(&self) -> ConfigurationId {
        self.configuration
            .stands_for
            .unwrap_or(self.configuration.id)
    }

    /// A job with its configuration, as both stand now.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn new(
        tx: &mut dyn Write,
        job: Job,
        configuration: Configuration,
    ) -> Result<Self, StoreError> {
        let policy = crate::policy::policy(&configuration, &job);
        let groups = ScopeGroups::load(tx, &job, &policy)?;
        Ok(Self {
            job,
            configuration,
            policy,
            groups,
        })
    }

    /// The job of a configuration, without an agent's lease: the job's own.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(crate) fn of(tx: &mut dyn Write, id: ConfigurationId) -> Result<Option<Self>, StoreError> {
        let configuration: Option<Configuration> = tx.fetch_one(&id)?;
        let job: Option<Job> = tx.fetch_one(&id)?;
        match configuration.zip(job) {
            Some((configuration, job)) => Self::new(tx, job, configuration).map(Some),
            None => Ok(None),
        }
    }
}
