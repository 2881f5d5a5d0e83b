//! Which attributes are asked for, and what each of them is for.

use crate::controller::Controller;
use crate::ldap::LdapError;
use lockstep_api::channel::ReadSet;
use std::collections::{BTreeMap, BTreeSet};

/// What is always asked for: identity and place, whether it is deleted, whether it is new, and what it stands for.
///
/// Without `name` a DirSync search gives no entries at all on Samba; without `isDeleted` nothing tells that
/// an object came back.
const ALWAYS: [&str; 10] = [
    "name",
    "objectClass",
    "objectGUID",
    "objectSid",
    "parentGUID",
    "primaryGroupID",
    "isDeleted",
    "isRecycled",
    "whenCreated",
    "proxiedObjectName",
];

/// Link attributes, and the attribute in which the object at the other end shows who links to it.
const BACK_LINKS: [(&str, &str); 13] = [
    ("member", "memberof"),
    ("manager", "directreports"),
    ("managedby", "managedobjects"),
    ("altrecipient", "altrecipientbl"),
    ("authorig", "authorigbl"),
    ("unauthorig", "unauthorigbl"),
    ("dlmemsubmitperms", "dlmemsubmitpermsbl"),
    ("dlmemrejectperms", "dlmemrejectpermsbl"),
    ("publicdelegates", "publicdelegatesbl"),
    ("msexchdelegatelistlink", "msexchdelegatelistbl"),
    ("msexchmoderatedbylink", "msexchmoderatedobjectsbl"),
    ("msexchcomanagedbylink", "msexchcomanagedobjectsbl"),
    ("msexchbypassmoderationlink", "msexchbypassmoderationbl"),
];

/// Whether an attribute, by its name in lower case, shows who links to an object.
pub(super) fn is_back_link(name: &str) -> bool {
    BACK_LINKS.iter().any(|(_, back_link)| *back_link == name)
}

/// What an attribute is for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Purpose {
    pub(super) content: bool,
    pub(super) decision: bool,
    pub(super) link: bool,
    /// It shows who links to the object by this attribute.
    pub(super) back_link_of: Option<&'static str>,
}

/// The attributes of one instruction.
#[derive(Clone, Debug)]
pub struct Wanted {
    purposes: BTreeMap<String, Purpose>,
    asked: Vec<String>,
    back_links: Vec<&'static str>,
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
        let links: Vec<(&str, &str)> = BACK_LINKS
            .into_iter()
            .filter(|(link, _)| purposes.get(*link).is_some_and(|purpose| purpose.link))
            .collect();
        for (link, back_link) in &links {
            let purpose = purposes.entry((*back_link).to_owned()).or_default();
            purpose.back_link_of = Some(link);
        }
        Self {
            purposes,
            asked,
            back_links: links.into_iter().map(|(_, back_link)| back_link).collect(),
        }
    }

    /// What to ask a controller for.
    pub(super) fn asked(&self) -> Vec<&str> {
        self.asked.iter().map(String::as_str).collect()
    }

    /// What to ask of single objects: who links to them as well, which is no part of any change.
    pub(super) fn asked_by_guid(&self) -> Vec<&str> {
        let mut asked = self.asked();
        asked.extend(&self.back_links);
        asked
    }

    /// What an attribute, by its name in lower case, is for.
    pub(super) fn purpose(&self, name: &str) -> Purpose {
        self.purposes.get(name).copied().unwrap_or_default()
    }
}

/// The attributes of a read set, in lower case, that the domain's schema lacks, or has as something else: one whose
/// values would name objects and do not, or the reverse.
pub(super) async fn absent(
    controller: &mut Controller,
    read_set: &ReadSet,
) -> Result<BTreeSet<String>, LdapError> {
    let asked = names(read_set);
    let names: Vec<&str> = asked.iter().map(String::as_str).collect();
    let known = controller.known_attributes(&names).await?;
    Ok(unfit(asked, read_set, &known))
}

fn unfit(
    asked: BTreeSet<String>,
    read_set: &ReadSet,
    known: &BTreeMap<String, bool>,
) -> BTreeSet<String> {
    let links: BTreeSet<String> = read_set
        .links
        .iter()
        .map(|n| n.to_ascii_lowercase())
        .collect();
    let fits = |name: &String| known.get(name) == Some(&links.contains(name));
    asked.into_iter().filter(|name| !fits(name)).collect()
}

/// All names of a read set, in lower case and once.
fn names(read_set: &ReadSet) -> BTreeSet<String> {
    let lists = [&read_set.attributes, &read_set.decision, &read_set.links];
    lists
        .into_iter()
        .flatten()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schema_lacks_or_has_as_something_else_is_not_asked_for() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let read_set = ReadSet {
            attributes: list(&["title", "info", "secretary"]),
            links: list(&["member", "assistant", "authOrig"]),
            decision: Vec::new(),
            version: 1,
        };
        let known = [
            ("title", false),
            ("secretary", true),
            ("member", true),
            ("assistant", false),
        ];
        let known = known.map(|(name, names)| (name.to_owned(), names)).into();
        let absent = unfit(names(&read_set), &read_set, &known);
        assert_eq!(
            absent.iter().map(String::as_str).collect::<Vec<_>>(),
            ["assistant", "authorig", "info", "secretary"]
        );
    }
}
