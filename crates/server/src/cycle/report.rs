//! What a cycle did, for its result, for the log and for a preview.

use lockstep_engine::mapping::MappedKind;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::Action;
use lockstep_model::{Guid, PropertyValue};
use std::collections::{BTreeMap, BTreeSet};

/// How many objects came to what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Objects made.
    pub created: u64,
    /// Objects changed.
    pub updated: u64,
    /// Objects deleted.
    pub deleted: u64,
    /// Objects brought back.
    pub restored: u64,
    /// Objects that were as they should be.
    pub unchanged: u64,
    /// Objects that take no part.
    pub skipped: u64,
    /// Objects that could not be provisioned.
    pub failed: u64,
    /// Changes that the guard or a limit holds.
    pub held: u64,
}

/// What is, or would be, done to one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// objectGUID of the object in AD.
    pub guid: Guid,
    /// Which configuration.
    pub configuration: ConfigurationId,
    /// The object in the cloud directory.
    pub target: Option<ObjectId>,
    /// What is, or would be, done to it.
    pub action: Action,
    /// The anchor in Base64.
    pub anchor: String,
    /// Its kind; none: it is of no kind that is provisioned, or of a class that is not known.
    pub kind: Option<MappedKind>,
    /// How people know it, as far as it is in the directory.
    pub name: Option<String>,
    /// Its distinguished name; none for an object that stays home.
    pub dn: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The reason's stable name.
    pub code: &'static str,
    /// Property, old value, new value.
    pub changes: Vec<(&'static str, Option<PropertyValue>, Option<PropertyValue>)>,
}

/// Changes that are held.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Held {
    /// Deletes of objects.
    Deletes,
    /// Updates of objects.
    Updates,
    /// Members that would leave a group.
    Members,
}

/// An object that another configuration provisions, and that is compared with what this one would make of it.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Where its decision stands among those of the preview.
    pub item: usize,
    /// objectGUID of the object in AD.
    pub guid: Guid,
    /// What it is.
    pub kind: MappedKind,
    /// The other configuration's object.
    pub holder: ObjectId,
}

impl Report {
    /// An object is as it should be. It counts once, however often a cycle looks at it: when it begins to read
    /// everything anew, and when that has been read.
    pub(super) fn leave(&mut self, guid: Guid) {
        self.unchanged.insert(guid);
        self.tally.unchanged = self.unchanged.len() as u64;
    }

    /// So many changes of a kind are held.
    pub fn hold(&mut self, kind: Held, count: u64) {
        self.held.insert(kind, count);
        self.tally.held = self.held.values().sum();
    }
}

/// What a cycle did.
#[derive(Debug, Default)]
#[must_use = "an unread report hides why an object was skipped"]
pub struct Report {
    /// Counts, each object once.
    pub tally: Tally,
    /// How many of the deletes no administrator had allowed: the guard counts them.
    pub left: u64,
    /// Objects counted as changed, so that a later change of their references does not count again.
    pub counted: BTreeSet<ObjectId>,
    /// Objects that came to be in the directory, or to be this configuration's: what they refer to is a part of that.
    pub made: BTreeSet<ObjectId>,
    /// Objects counted as they should be.
    pub unchanged: BTreeSet<Guid>,
    /// Every decision, when somebody wants to see them; a cycle of a million objects does not keep them.
    pub items: Option<Vec<Item>>,
    /// Holders counted as changed because of their references.
    pub referring: BTreeSet<ObjectId>,
    /// Held changes by kind: together they are the tally's.
    pub held: BTreeMap<Held, u64>,
    /// Objects whose update leaves although there is a limit: they were counted, or approved with exactly this
    /// change, or somebody asked for that object.
    pub passing: BTreeMap<Guid, Option<String>>,
    /// Updates that were let through; what an administrator had allowed is not counted.
    pub passed: u64,
    /// Members that were let leave, by group.
    pub members_passed: BTreeMap<ObjectId, u64>,
    /// Objects of which too little is known to let their delete leave in this cycle.
    pub put_off: BTreeSet<Guid>,
    /// Objects whose held delete or update was told.
    pub told: BTreeSet<Guid>,
    /// How often a reference to an object that is not provisioned was told, or would have been.
    pub unresolved: usize,
    /// Objects that another configuration provisions, and that a preview has still to compare with it in what they
    /// refer to.
    pub compared: Vec<Compared>,
    /// Where the updates of a preview stand among its decisions, by holder: what they refer to is a part of them.
    pub updates: BTreeMap<ObjectId, usize>,
    /// Objects that have to be read before something can be decided, when somebody wants to see them.
    pub unread: BTreeSet<Guid>,
}
