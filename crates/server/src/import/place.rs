//! Where objects lie.

use lockstep_engine::scope::{Chain, ChainLink};
use lockstep_engine::{Presence, StagedObject};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{Guid, Rdn};
use lockstep_store::records::connector_space::Staged;
use lockstep_store::{Read, ReadRecords as _, StoreError};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Containers looked up in one transaction, so that ten thousand objects of one organizational unit ask
/// for it once.
#[derive(Debug)]
pub struct Places {
    configuration: ConfigurationId,
    naming_context: Guid,
    known: HashMap<Guid, Option<Place>>,
    silent: BTreeSet<Guid>,
}

/// Of an object that others lie in, what tells where they lie.
#[derive(Clone, Debug)]
struct Place {
    parent: Option<Guid>,
    rdn: Option<Rdn>,
    /// Its name is not known, and nobody answered when it was asked for.
    silent: bool,
}

impl Place {
    fn of(object: &StagedObject) -> Self {
        Self {
            parent: object.parent,
            rdn: object.rdn.clone(),
            silent: object.rdn.is_none()
                && matches!(object.presence, Presence::Missing { word: None, .. }),
        }
    }
}

impl Places {
    /// Looks places up in this connector space.
    #[must_use]
    pub fn new(configuration: ConfigurationId, naming_context: Guid) -> Self {
        Self {
            configuration,
            naming_context,
            known: HashMap::new(),
            silent: BTreeSet::new(),
        }
    }

    /// Those among the parents looked up for whose names nobody answered.
    pub fn silent(&self) -> impl Iterator<Item = Guid> {
        self.silent.iter().copied()
    }

    /// Takes up an object that is not stored yet, or otherwise.
    pub fn changed(&mut self, object: &StagedObject) {
        self.known.insert(object.guid, Some(Place::of(object)));
    }

    fn container(&mut self, tx: &mut dyn Read, guid: Guid) -> Result<Option<&Place>, StoreError> {
        let place = match self.known.entry(guid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let found: Option<Staged> = tx.fetch_one(&(self.configuration, guid))?;
                unknown.insert(found.map(|staged| Place::of(&staged.object)))
            }
        };
        Ok(place.as_ref())
    }

    /// The parents of an object.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn chain(&mut self, tx: &mut dyn Read, object: &StagedObject) -> Result<Chain, StoreError> {
        let mut parents = Vec::new();
        let mut seen = HashSet::new();
        let mut next = match object.parent {
            Some(parent) => parent,
            None if object.guid == self.naming_context => return Ok(Chain::Known(parents)),
            None => {
                return Ok(Chain::Unknown {
                    missing: object.guid,
                });
            }
        };
        loop {
            if next == self.naming_context {
                parents.push(ChainLink {
                    guid: next,
                    rdn: None,
                });
                return Ok(Chain::Known(parents));
            }
            // A loop cannot be in AD; in a replica that is read while objects move it can be for a moment.
            if !seen.insert(next) {
                return Ok(Chain::Unknown { missing: next });
            }
            let Some(container) = self.container(tx, next)? else {
                return Ok(Chain::Unknown { missing: next });
            };
            parents.push(ChainLink {
                guid: next,
                rdn: container.rdn.clone(),
            });
            let (parent, silent) = (container.parent, container.silent);
            if silent {
                self.silent.insert(next);
            }
            match parent {
                Some(parent) => next = parent,
                None => return Ok(Chain::Unknown { missing: next }),
            }
        }
    }
}

/// The parents of one object.
///
/// # Errors
///
/// Those of the store.
pub fn chain_of(
    tx: &mut dyn Read,
    configuration: ConfigurationId,
    naming_context: Guid,
    object: &StagedObject,
) -> Result<Chain, StoreError> {
    Places::new(configuration, naming_context).chain(tx, object)
}
