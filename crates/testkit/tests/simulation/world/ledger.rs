//! The provisioning log as a ledger: nothing is done twice, nothing without an entry, and whoever adds up what the
//! entries say has the directory.

use super::*;
use lockstep_directory::Object;
use lockstep_engine::mapping::REFERENCES;
use lockstep_model::PropertyValue;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::log::LogChange;

/// What the log has said so far, and what the directory was before it was written to.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<ObjectId, Account>,
    objects: BTreeMap<ObjectId, Object>,
    references: BTreeSet<Key>,
    /// Since somebody last looked: whose references changed, and of whom the log told what.
    referring: BTreeSet<(ObjectId, String, ObjectId)>,
    told: BTreeSet<(ObjectId, String)>,
}

/// What the log has said of one object of the directory.
#[derive(Debug, Default)]
struct Account {
    deleted: bool,
    /// The cycle that made it, restored it, or took it over.
    made: Option<CycleId>,
    values: BTreeMap<String, PropertyValue>,
}

impl Ledger {
    /// An object of the directory was written.
    pub(super) fn object(&mut self, object: Object) -> Option<String> {
        let before = self.objects.insert(object.id, object.clone())?;
        // That another one is its member numbers it anew, and is no change of the object itself.
        let numbered = before.modified == object.modified;
        let modified = object.modified;
        let same = !numbered && Object { modified, ..before } == object;
        same.then(|| {
            let id = object.id;
            format!("{id} was written although nothing of it has changed")
        })
    }

    /// An object of the directory is gone for good.
    pub(super) fn removed(&mut self, id: ObjectId) -> Option<String> {
        let known = self.objects.remove(&id).is_some();
        (!known).then(|| format!("{id} was removed, and was not there"))
    }

    /// A reference of the directory was made or taken away.
    pub(super) fn reference(&mut self, key: Key, made: bool) -> Option<String> {
        let changed = match made {
            true => self.references.insert(key.clone()),
            false => self.references.remove(&key),
        };
        let mut parts = key.reader();
        if let (Some(holder), Some(property), Some(target)) =
            (parts.guid(), parts.text(), parts.guid())
        {
            let reference = (ObjectId::new(holder), property, ObjectId::new(target));
            self.referring.insert(reference);
        }
        let what = match made {
            true => "made, and was there",
            false => "taken away, and was not there",
        };
        (!changed).then(|| format!("a reference was {what} ({key:?})"))
    }

    /// The log has another entry, of an object that is new to its configuration, or not.
    pub(super) fn book(&mut self, entry: &LogEntry, is_new: bool) -> Option<String> {
        if entry.status != Status::Success {
            return None;
        }
        let id = entry.target?;
        let known = self.accounts.get(&id).map(|account| account.deleted);
        let expected = match entry.action {
            Action::Create => None,
            Action::Restore => Some(true),
            Action::Update | Action::Delete => Some(false),
            Action::StagedDelete | Action::Skip | Action::Other => return None,
        };
        if known != expected {
            return Some(format!(
                "the log has {} of {id}, which was {}",
                entry.action,
                match known {
                    None => "never made",
                    Some(true) => "deleted",
                    Some(false) => "there",
                }
            ));
        }
        let account = self.accounts.entry(id).or_default();
        account.deleted = entry.action == Action::Delete;
        if is_new || matches!(entry.action, Action::Create | Action::Restore) {
            account.made = entry.cycle;
        }
        let told = entry.changes.iter().map(|change| &change.property);
        self.told
            .extend(told.map(|property| (id, property.clone())));
        let changes = entry.changes.iter().filter(|change| !refers(change));
        for LogChange { property, old, new } in changes {
            if account.values.get(property) != old.as_ref() || old == new {
                return Some(format!(
                    "the log has {property} of {id} changed from {old:?} to {new:?}, and it was {:?}",
                    account.values.get(property)
                ));
            }
            match new {
                Some(new) => account.values.insert(property.clone(), new.clone()),
                None => account.values.remove(property),
            };
        }
        None
    }

    /// Whose references have changed since the last look without a word in the log: of whoever is there, and was not
    /// made by a cycle that still runs. What leads to somebody who is gone for good goes with them.
    fn untold(&mut self, running: &[Option<CycleId>]) -> Option<String> {
        let told = std::mem::take(&mut self.told);
        let referring = std::mem::take(&mut self.referring);
        let accounts = &self.accounts;
        let is_there = |id: &ObjectId| {
            let account = accounts.get(id).filter(|account| !account.deleted);
            account.is_some_and(|account| !running.contains(&account.made))
        };
        let mut untold = referring.into_iter().filter(|(id, property, target)| {
            let gone = !self.objects.contains_key(target);
            !gone && is_there(id) && !told.contains(&(*id, property.clone()))
        });
        let (id, property, _) = untold.next()?;
        let account = accounts.get(&id)?;
        Some(format!(
            "{property} of {:?} was changed, and nothing in the log says so",
            account.values.get("displayName")
        ))
    }

    /// Whether what the log says adds up to what an object of the directory is.
    fn adds_up(&self, object: &Object) -> Option<String> {
        let name = object.text("displayName").unwrap_or_default();
        let Some(account) = self.accounts.get(&object.id) else {
            return Some(format!("nothing in the log says how {name} came"));
        };
        if account.deleted != object.deleted.is_some() {
            return Some(format!("nothing in the log says what became of {name}"));
        }
        let values = object.values.iter();
        let values: BTreeMap<&str, &PropertyValue> =
            values.map(|(property, v)| (property.name(), v)).collect();
        let told = account.values.iter();
        let told: BTreeMap<&str, &PropertyValue> =
            told.map(|(name, value)| (name.as_str(), value)).collect();
        let mut names = values.keys().chain(told.keys());
        let differing = names.find(|name| values.get(*name) != told.get(*name))?;
        Some(format!(
            "{differing} of {name} is {:?}, and the log adds up to {:?}",
            values.get(differing),
            told.get(differing)
        ))
    }
}

/// Whether it is what an object refers to that changed.
pub(super) fn refers(change: &LogChange) -> bool {
    REFERENCES
        .iter()
        .any(|reference| reference.property == change.property)
}

impl World {
    /// References have changed with a word in the log.
    pub(super) fn look_at_untold(&mut self) {
        if self.ledger.referring.is_empty() {
            self.ledger.told.clear();
            return;
        }
        let jobs = Which::BOTH.map(|which| self.job(which));
        let running = jobs.map(|job| job.and_then(|job| job.cycle));
        let fault = self.ledger.untold(&running);
        self.violate_if(fault);
    }

    /// The log of a history adds up to the directory.
    pub(crate) fn log_adds_up(&mut self) -> Result<(), Violation> {
        self.observe();
        let provisioned = |object: &&Object| object.kind.mapped().is_some();
        let mut all = self.ledger.objects.values().filter(provisioned);
        let fault = all.find_map(|object| self.ledger.adds_up(object));
        fault.map_or(Ok(()), |fault| Err(Violation(fault)))
    }
}
