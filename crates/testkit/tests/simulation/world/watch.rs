//! What is seen of the service while a history runs, and held against Active Directory.

use super::*;

impl World {
    /// The witness looks at the domain as it is now.
    pub(super) fn look(&self) {
        let directory = self.shared.directory.borrow();
        self.shared.witness.borrow_mut().look(&directory);
    }

    /// Objects that have a description, in the cloud and on every controller.
    pub(super) fn with_description(&self) -> BTreeSet<ObjectId> {
        let directory = self.shared.directory.borrow();
        let on_all = |guid: &Guid| {
            let mut controllers = directory.controllers.iter();
            controllers.all(|controller| {
                let entry = controller.entries.get(guid).filter(|e| !e.is_deleted());
                entry.is_some_and(|entry| entry.text(DESCRIPTION).is_some())
            })
        };
        let joined = self.joined.iter().filter(|(_, guid)| on_all(guid));
        joined
            .map(|(id, _)| *id)
            .filter(|id| self.is_described(*id) == Some(true))
            .collect()
    }

    /// Whether a live object of the directory has a description.
    pub(super) fn is_described(&self, id: ObjectId) -> Option<bool> {
        let found: DirectoryObject = self.record(&id)?;
        let live = found.object.deleted.is_none();
        live.then(|| found.object.text(DESCRIPTION).is_some())
    }

    /// Whoever loses the description in Active Directory may lose it in the cloud.
    pub(super) fn no_longer_described(&mut self, change: &Change) {
        let changed = match change {
            Change::Set {
                label, attribute, ..
            } => (*attribute == DESCRIPTION).then_some(label),
            Change::Delete { label } => Some(label),
            _ => None,
        };
        if let Some(label) = changed {
            let guid = label.guid();
            let joined = &self.joined;
            self.described.retain(|id| joined.get(id) != Some(&guid));
        }
    }

    /// A cycle has ended: what of it can be checked at once.
    pub(super) fn cycle_ended(&mut self) {
        let Some(cycle) = self.last_cycle() else {
            return;
        };
        self.shared.trace(|| format!("    {cycle:?}"));
        let code = cycle.error.as_ref().map_or("", |error| &error.code);
        self.shared.note(format!("cycles: {} {code}", cycle.state));
        let hidden = self.job().is_some_and(|job| !job.tombstones_visible);
        if hidden && cycle.state != "failed" {
            self.violate("a cycle that could not see tombstones ended as a success".to_owned());
        }
        self.guard.tripped = cycle.held > 0;
        // What was allowed leaves with the next cycle that comes so far.
        self.guard.decided &= cycle.state == "failed";
    }

    /// Deletes that the guard should not have let go.
    pub(super) fn guarded(&mut self) {
        self.guard.deleted += 1;
        let Guard {
            wake,
            deleted,
            tripped,
            decided,
        } = self.guard;
        let over = |threshold| deleted >= threshold && !decided;
        if wake == Some(Wake::Change) && !decided {
            self.violate("an object was deleted in a cycle that a change woke".to_owned());
        } else if self.setup.threshold.is_some_and(over) {
            self.violate(format!(
                "{deleted} deletes left in one cycle and were not held"
            ));
        } else if self.setup.threshold.is_some() && tripped && !decided {
            self.violate("a guard that had tripped opened by itself".to_owned());
        }
    }

    /// Takes up what was committed since the last look, and holds it against what Active Directory says.
    pub(super) fn observe(&mut self) {
        for written in self.store.take_written() {
            self.shared.trace(|| format!("    {written:?}"));
            match written {
                Written::Configuration(configuration) => self.configured(&configuration),
                Written::Joined(guid, object) => {
                    self.joined.insert(object, guid);
                }
                Written::Object { id, in_recycle_bin } => {
                    self.directory_writes += 1;
                    let before = self.objects.insert(id, in_recycle_bin);
                    if self.described.contains(&id) && self.is_described(id) == Some(false) {
                        self.violate(
                            "a description was cleared although Active Directory has one, which the \
                             account must not read"
                                .to_owned(),
                        );
                    }
                    if in_recycle_bin && before == Some(false) {
                        self.deleted(id);
                    }
                }
                Written::Removed(id) => {
                    self.directory_writes += 1;
                    if self.objects.remove(&id) == Some(false) {
                        self.deleted(id);
                    }
                }
                Written::Reference => self.directory_writes += 1,
            }
        }
    }

    pub(super) fn configured(&mut self, configuration: &Configuration) {
        // A plan of another configuration has a connector space of its own.
        if configuration.stands_for.is_some() || configuration.name != NAME {
            return;
        }
        self.configuration = Some(configuration.id);
        let scope = ScopeNow::of(configuration);
        let accepted = configuration.version != self.version;
        if accepted {
            self.version = configuration.version;
            self.wishes.clone_from(&self.asked);
        }
        self.shared.witness.borrow_mut().scope = scope;
        self.look();
    }

    /// An object of the directory was deleted: Active Directory must have given a reason.
    pub(super) fn deleted(&mut self, id: ObjectId) {
        let Some(guid) = self.joined.get(&id).copied() else {
            return;
        };
        self.shared.note("objects deleted".to_owned());
        self.guarded();
        // A database that was set back without anybody noticing contradicts what it said before.
        if !self.shared.rolled_back.get() && !self.shared.witness.borrow().may_go(guid) {
            let name = self.shared.directory.borrow().name_of(guid);
            self.violate(format!(
                "{name} was deleted in the cloud directory although Active Directory has had it in scope \
                 ever since that was last read"
            ));
        }
    }

    /// How many rows of the directory were written since the last call.
    pub(crate) fn take_directory_writes(&mut self) -> u64 {
        self.observe();
        std::mem::take(&mut self.directory_writes)
    }
}
