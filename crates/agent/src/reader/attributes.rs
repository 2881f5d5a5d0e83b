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
    back_links: Vec<String>,
}

impl Wanted {
    /// All of a read set, but for what the schema lacks (in lower case).
    #[must_use]
    pub fn new(read_set: &ReadSet, absent: &BTreeSet<String>) -> Self {
        let present = |names: &[String]| -> Vec<String> {
            let names = names.iter().map(|name| name.to_ascii_lowercase());
            names.filter(|name| !absent.contains(name)).collect()
        };
        let mut purposes: BTreeMap<String, Purpose> = BTreeMap::new();
        for name in present(&read_set.attributes) {
            purposes.entry(name).or_default().content = true;
        }
        for name in present(&read_set.decision) {
            purposes.entry(name).or_default().decision = true;
        }
        for name in present(&read_set.links) {
            purposes.entry(name).or_default().link = true;
        }
        let always = ALWAYS.iter().map(|name| (*name).to_owned());
        let known = |name: &String| ALWAYS.iter().any(|own| own.eq_ignore_ascii_case(name));
        let rest = purposes.keys().filter(|name| !known(name)).cloned();
        let asked = always.chain(rest).collect();
        let back_links = present(&read_set.back_links);
        for name in &back_links {
            purposes.entry(name.clone()).or_default().link = true;
        }
        Self {
            purposes,
            asked,
            back_links,
        }
    }

    /// What to ask a controller for when changes are read.
    pub(super) fn asked(&self) -> Vec<&str> {
        self.asked.iter().map(String::as_str).collect()
    }

    /// What to ask for when objects are read one by one: also who names them.
    pub(super) fn asked_by_guid(&self) -> Vec<&str> {
        let all = self.asked.iter().chain(&self.back_links);
        all.map(String::as_str).collect()
    }

    /// What an attribute, by its name in lower case, is for.
    pub(super) fn purpose(&self, name: &str) -> Purpose {
        self.purposes.get(name).copied().unwrap_or_default()
    }
}

/// All names of a read set, in lower case and once.
pub(super) fn names(read_set: &ReadSet) -> BTreeSet<String> {
    let lists = [
        &read_set.attributes,
        &read_set.decision,
        &read_set.links,
        &read_set.back_links,
    ];
    lists
        .into_iter()
        .flatten()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}
