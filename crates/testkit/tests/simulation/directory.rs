//! A simulated Active Directory: one domain, one or two controllers.
//!
//! It behaves as controllers were measured to behave (what changed is told attribute by attribute, a cleared
//! attribute as a name without values, of a moved or renamed unit only the unit, of a tombstone that it is
//! one, links silently gone with their object), and adds what the measured one cannot show: pages, answers
//! without incremental values, a recycle bin. Every attribute and link value carries where and when it was
//! set, as replication and DirSync need it.
//!
//! Changes are made on one controller at a time, the writer; the others follow by [`replicate`]. Conflicts
//! between controllers do not come about.
//!
//! [`replicate`]: SimulatedDirectory::replicate

mod answer;
mod change;
mod controller;
mod entry;
mod password;
mod replication;

pub(crate) use answer::{Answer, Cookie};
pub(crate) use change::Change;
pub(crate) use controller::{SimulatedController, Snapshot};
pub(crate) use entry::{Class, Entry, Label, WELL_KNOWN};
pub(crate) use replication::Page;

use lockstep_model::{Guid, Sid};
use password::Passwords;
use std::collections::{BTreeMap, BTreeSet};

/// The domain's DNS name.
pub(crate) const DOMAIN: &str = "corp.test";
/// How long tombstones are kept.
pub(crate) const TOMBSTONE_LIFETIME_DAYS: u32 = 60;
const DAY_MILLIS: i64 = 86_400_000;

/// What the agent's account may see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    /// Tombstones are hidden from it.
    pub(crate) tombstones_hidden: bool,
    /// Containers whose children it may not list.
    pub(crate) closed: BTreeSet<Guid>,
    /// Containers that it may neither read nor list.
    pub(crate) unreadable: BTreeSet<Guid>,
    /// Attributes that it may not read.
    pub(crate) hidden_attributes: BTreeSet<&'static str>,
}

/// The domain.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedDirectory {
    pub(crate) controllers: Vec<SimulatedController>,
    /// Where changes are made.
    pub(crate) writer: usize,
    pub(crate) rights: Rights,
    /// Deleted objects keep their attributes and links, and bring them back unreported.
    pub(crate) recycle_bin: bool,
    /// What the clock on the wall shows, in milliseconds since 1970.
    pub(crate) now: i64,
    /// The address leads to a controller of another domain with the same name.
    pub(crate) foreign: bool,
    /// The only controller was set back under the same invocation id, so often.
    pub(crate) restores: u32,
    /// A controller was set back that had what no other had: that is lost, whatever it says of itself.
    pub(crate) lost_changes: bool,
    pub(crate) passwords: Passwords,
    /// Counts changes.
    changes: i64,
    /// Who has moved to another domain, and has not come back.
    away: BTreeMap<Label, Class>,
    /// Counts moves to other domains.
    moves: u32,
    snapshots: BTreeMap<usize, Snapshot>,
}

impl SimulatedDirectory {
    /// A domain with its head, `CN=Users` and the group of all users, and so many controllers.
    pub(crate) fn new(controllers: usize, recycle_bin: bool, now: i64) -> Self {
        let mut directory = Self {
            controllers: (0..controllers.max(1))
                .map(SimulatedController::new)
                .collect(),
            writer: 0,
            rights: Rights::default(),
            recycle_bin,
            now,
            foreign: false,
            restores: 0,
            lost_changes: false,
            passwords: Passwords::default(),
            changes: 0,
            away: BTreeMap::new(),
            moves: 0,
            snapshots: BTreeMap::new(),
        };
        directory.found();
        directory.replicate_all();
        directory
    }

    /// Any GUID that is asked for may be one of the domain's own objects.
    pub(crate) fn head() -> Guid {
        WELL_KNOWN.head.guid()
    }

    pub(crate) fn domain_sid() -> Sid {
        entry::domain_sid()
    }

    pub(crate) fn writer(&self) -> &SimulatedController {
        &self.controllers[self.writer]
    }

    fn writer_mut(&mut self) -> &mut SimulatedController {
        &mut self.controllers[self.writer]
    }

    /// Makes another controller the one where changes are made. It has all changes before.
    pub(crate) fn write_at(&mut self, index: usize) -> bool {
        if index >= self.controllers.len() || index == self.writer || !self.controllers[index].up {
            return false;
        }
        self.replicate(self.writer, index, usize::MAX);
        self.writer = index;
        true
    }

    /// Brings at most `limit` changed objects from one controller to another. Says whether there were any.
    pub(crate) fn replicate(&mut self, from: usize, to: usize, limit: usize) -> bool {
        if from == to || from >= self.controllers.len() || to >= self.controllers.len() {
            return false;
        }
        let source = self.controllers[from].clone();
        self.controllers[to].pull(&source, limit, self.recycle_bin)
    }

    /// Brings all changes to all controllers.
    pub(crate) fn replicate_all(&mut self) {
        for from in 0..self.controllers.len() {
            for to in 0..self.controllers.len() {
                self.replicate(from, to, usize::MAX);
            }
        }
        for from in (0..self.controllers.len()).rev() {
            for to in 0..self.controllers.len() {
                self.replicate(from, to, usize::MAX);
            }
        }
    }

    /// Keeps the state of a controller, to be restored later.
    pub(crate) fn snapshot(&mut self, index: usize) -> bool {
        let Some(controller) = self.controllers.get(index) else {
            return false;
        };
        let snapshot = controller.snapshot();
        self.snapshots.insert(index, snapshot);
        true
    }

    /// Sets a controller back. Restored as it should be it gets a new invocation id; a snapshot of a virtual
    /// machine keeps the old one, and is played only where no other controller would disagree for ever.
    pub(crate) fn restore(&mut self, index: usize, new_invocation: bool) -> bool {
        let alone = self.controllers.len() == 1;
        if !alone && !new_invocation {
            return false;
        }
        let Some(snapshot) = self.snapshots.get(&index).cloned() else {
            return false;
        };
        let writer = self.writer == index;
        self.lost_changes |= alone || self.has_passwords_of_its_own(index);
        let Some(controller) = self.controllers.get_mut(index) else {
            return false;
        };
        controller.restore(snapshot, new_invocation);
        self.restores += u32::from(!new_invocation);
        for other in &mut self.controllers {
            other.forget_source(index);
        }
        if writer && !alone {
            // Changes go on elsewhere, where nothing was lost.
            self.writer = (index + 1) % self.controllers.len();
        }
        true
    }

    /// Whether a controller has a password that no other has heard of: set back, it loses that.
    fn has_passwords_of_its_own(&self, index: usize) -> bool {
        let Some(controller) = self.controllers.get(index) else {
            return false;
        };
        let others = self.controllers.iter().enumerate();
        let others: Vec<_> = others.filter(|(other, _)| *other != index).collect();
        controller.entries.iter().any(|(guid, entry)| {
            let of_other = |(_, other): &(usize, &SimulatedController)| {
                let known = other.entries.get(guid);
                known.and_then(Entry::password_stamp) < entry.password_stamp()
            };
            others.iter().all(of_other)
        })
    }

    /// Collects tombstones that have served their time.
    ///
    /// An object whose tombstone another controller has not heard of by then lingers there for ever; that is
    /// another story, and an administrator's.
    pub(crate) fn expunge(&mut self) {
        if self.controllers.iter().any(|controller| !controller.up) {
            return;
        }
        self.replicate_all();
        let oldest = self.now - i64::from(TOMBSTONE_LIFETIME_DAYS) * DAY_MILLIS;
        for controller in &mut self.controllers {
            controller.expunge(oldest);
        }
    }

    /// Whether the account can see this entry of a controller.
    pub(crate) fn sees(&self, controller: &SimulatedController, entry: &Entry) -> bool {
        if entry.is_deleted() {
            return !self.rights.tombstones_hidden;
        }
        if self.rights.closed.is_empty() && self.rights.unreadable.is_empty() {
            return true;
        }
        if self.rights.unreadable.contains(&entry.guid) {
            return false;
        }
        let mut parent = entry.parent();
        while let Some(container) = parent.and_then(|guid| controller.entries.get(&guid)) {
            let closed = self.rights.closed.contains(&container.guid);
            if closed || self.rights.unreadable.contains(&container.guid) {
                return false;
            }
            parent = container.parent();
        }
        true
    }

    /// Who is to be found by `labels` of the script, for messages.
    pub(crate) fn name_of(&self, guid: Guid) -> String {
        let label = entry::label_of(guid);
        let named = self
            .controllers
            .iter()
            .find_map(|controller| controller.entries.get(&guid));
        match (named, label) {
            (Some(entry), Some(label)) => entry.class.word(label),
            _ => guid.to_string(),
        }
    }
}
