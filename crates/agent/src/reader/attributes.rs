//! Which attributes are asked for, and what each of them is for.

use lockstep_api::channel::ReadSet;
use std::collections::{BTreeMap, BTreeSet};

/// What is always asked for: identity and place, whether it is deleted, and whether it is new.
///
/// Without `name` a DirSync search gives no entries at all on Samba; without `isDeleted` nothing tells that
/// an object came back.
const ALWAYS: [&str; 9] = [
    "name",
    "objectClass",
    "objectGUID",
    "objectSid",
    "parentGUID",
    "primaryGroupID",
    "isDeleted",
    "isRecycled",
    "whenCreated",
];

/// What an attribute is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Purpose {
    pub(super) content: bool,
    pub(super) decision: bool,
    pub(super) link: bool,
}

/// The attributes of one instruction.
#[derive(Clone, Debug)]
pub struct Wanted {
    purposes: BTreeMap<String, Purpose>,
    asked: Vec<String>,
}

impl Wanted {
    /// All of a read set, but for what the schema lacks (in lower case).
    #[must_use]
    pub fn new(read_set: &ReadSet, absent: &BTreeSet<String>) -> Self {
        let mut purposes: BTreeMap<String, Purpose> = BTreeMap::new();
        let mut note = |names: &[String], mark: fn(&mut Purpose)| {
            for name in names {
                let name = name.to_ascii_lowercase();
                if !absent.contains(&name) {
                    mark(purposes.entry(name).or_default());
                }
            }
        };
        note(&read_set.attributes, |purpose| purpose.content = true);
        note(&read_set.decision, |purpose| purpose.decision = true);
        note(&read_set.links, |purpose| purpose.link = true);
        let always = ALWAYS.iter().map(|name| (*name).to_owned());
        let known = |name: &String| ALWAYS.iter().any(|own| own.eq_ignore_ascii_case(name));
        let rest = purposes.keys().filter(|name| !known(name)).cloned();
        let asked = always.chain(rest).collect();
        Self { purposes, asked }
    }

    /// What to ask a controller for.
    pub(super) fn asked(&self) -> Vec<&str> {
        self.asked.iter().map(String::as_str).collect()
    }

    /// What an attribute, by its name in lower case, is for.
    pub(super) fn purpose(&self, name: &str) -> Purpose {
        self.purposes.get(name).copied().unwrap_or_default()
    }
}

/// All names of a read set, in lower case and once.
pub(super) fn names(read_set: &ReadSet) -> BTreeSet<String> {
    let lists = [&read_set.attributes, &read_set.decision, &read_set.links];
    lists
        .into_iter()
        .flatten()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}
