//! From a controller's entry to what is offered and sent of it.

use super::attributes::Wanted;
use lockstep_ad_proto::ldap::{Event, ExtendedDn, RangeEnd, attribute_range};
use lockstep_api::channel::{
    Content, Incoming, LinkTarget, Links, Offered, WireAttributes, WireValue,
};
use lockstep_engine::never_synced::never_synced;
use lockstep_engine::{ObjectClass, StagedObject};
use lockstep_model::{AttributeName, Dn, Guid, Sid, Value};

/// An object as one answer shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadEntry {
    /// Identity and place.
    pub offered: Offered,
    /// Its own step of the distinguished name, when the answer held its name.
    pub rdn: Option<String>,
    /// Attributes of the read set.
    pub attributes: WireAttributes,
    /// Links of the read set.
    pub links: Vec<LinkValues>,
    /// The decision attributes, kept back until the service asks for them.
    pub decision: WireAttributes,
    /// How many bytes its values have.
    pub bytes: usize,
}

/// The values of one link attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkValues {
    /// The attribute, in lower case.
    pub attribute: String,
    /// `added` is the whole set.
    pub replace: bool,
    /// Objects that are linked now.
    pub added: Vec<LinkTarget>,
    /// Objects that are linked no more.
    pub removed: Vec<LinkTarget>,
}

/// How an answer is to be understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Changes, value by value.
    Changes,
    /// Everything that there is of an object.
    ByGuid,
}

/// Which objects are in place, as far as organizational units tell.
#[derive(Clone, Debug)]
pub enum InPlace {
    /// All.
    Everything,
    /// Those below these containers.
    Below {
        /// The subtrees.
        roots: Vec<Dn>,
        /// The subtrees left out.
        excluded: Vec<Dn>,
    },
    /// Places alone do not tell.
    Unknown,
}

impl InPlace {
    /// Whether an object of this name is in place, where that can be told.
    fn contains(&self, dn: &str) -> Option<bool> {
        match self {
            Self::Everything => Some(true),
            Self::Unknown => None,
            Self::Below { roots, excluded } => {
                let dn = dn.parse::<Dn>().ok()?;
                // Of two on the way to the top the nearer one tells.
                let nearest = |list: &[Dn]| {
                    let above = list.iter().filter(|root| dn.is_within(root));
                    above.map(|root| root.steps().len()).max()
                };
                Some(nearest(roots) > nearest(excluded))
            }
        }
    }
}

/// Puts entries together from the events of a search, one value at a time. Of a link value only the
/// target's GUID is kept, so that a group with a million members takes sixteen megabytes and not a hundred.
#[derive(Debug)]
pub struct EntryReader<'a> {
    wanted: &'a Wanted,
    place: &'a InPlace,
    reading: Reading,
    entry: Partial,
    attribute: Attribute,
}

/// An entry that is not complete yet.
#[derive(Debug, Default)]
struct Partial {
    read: ReadEntry,
    dn: String,
    name: Option<String>,
    classes: Vec<String>,
    is_deleted: Option<bool>,
    created: bool,
    /// Link attributes of which the answer holds only the first values.
    cut: Vec<String>,
    damaged: Option<&'static str>,
}

/// The attribute whose values are coming.
#[derive(Debug, Default)]
struct Attribute {
    name: String,
    link: Option<Target>,
}

/// Where the values of a link attribute go.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// To the object's links; they were removed, or are there.
    Link { index: usize, removed: bool },
    /// To those that link to it.
    BackLink,
}

/// An entry, and what is missing of it.
#[derive(Debug)]
pub struct Assembled {
    /// What was read.
    pub entry: ReadEntry,
    /// Link attributes of which the answer held only the first values.
    pub cut: Vec<String>,
}

impl<'a> EntryReader<'a> {
    /// Reads with these attributes; `place` tells which objects are offered with those that decide.
    #[must_use]
    pub fn new(wanted: &'a Wanted, place: &'a InPlace, reading: Reading) -> Self {
        Self {
            wanted,
            place,
            reading,
            entry: Partial::default(),
            attribute: Attribute::default(),
        }
    }

    /// Takes an event; gives the entry that it completed.
    ///
    /// # Errors
    ///
    /// What is lacking. An entry without identity is not passed over: what it says would be lost.
    pub fn take(&mut self, event: Event) -> Result<Option<Assembled>, &'static str> {
        match event {
            Event::Entry { dn } => self.begin(dn),
            Event::Attribute { name } => self.attribute(&name),
            Event::Value(value) => self.value(value),
            Event::EntryEnd => return self.end().map(Some),
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, dn: String) {
        self.entry = Partial::default();
        match ExtendedDn::parse(&dn) {
            Ok(name) => {
                self.entry.read.offered.guid = name.guid;
                self.entry.dn = name.dn.to_owned();
            }
            Err(_) => self.entry.damaged = Some("an entry without GUID"),
        }
    }

    fn attribute(&mut self, full_name: &str) {
        let (base, range) = attribute_range(full_name);
        let name = base.to_ascii_lowercase();
        let purpose = self.wanted.purpose(&name);
        let entry = &mut self.entry;
        if purpose.content {
            entry.read.attributes.entry(name.clone()).or_default();
        }
        if purpose.decision {
            entry.read.decision.entry(name.clone()).or_default();
        }
        if name == "isdeleted" {
            // The name without a value is an object that came back.
            entry.is_deleted = Some(false);
        }
        let by_guid = self.reading == Reading::ByGuid;
        let link = purpose.link.then(|| {
            // In changes `0-0` marks what was removed and `1-1` what was added.
            let (removed, replace) = match (self.reading, range) {
                (Reading::Changes, Some((0, _))) => (true, false),
                (Reading::Changes, Some(_)) => (false, false),
                (_, None) | (Reading::ByGuid, _) => (false, true),
            };
            let index = link_values(&mut entry.read.links, &name, replace);
            Target::Link { index, removed }
        });
        let back_link = purpose.back_link_of.filter(|_| by_guid).map(|attribute| {
            let incoming = &mut entry.read.offered.incoming;
            incoming.push(Incoming {
                attribute: attribute.to_owned(),
                from: Vec::new(),
            });
            Target::BackLink
        });
        let link = link.or(back_link);
        if matches!(range, Some((_, RangeEnd::At(_)))) && by_guid && link.is_some() {
            entry.cut.push(name.clone());
        }
        self.attribute = Attribute { name, link };
    }

    fn value(&mut self, value: Vec<u8>) {
        let name = self.attribute.name.as_str();
        let purpose = self.wanted.purpose(name);
        if let Some(link) = self.attribute.link {
            self.link(link, &value);
            return;
        }
        let entry = &mut self.entry;
        let offered = &mut entry.read.offered;
        match name {
            "name" => entry.name = String::from_utf8(value.clone()).ok(),
            "objectclass" => entry.classes.extend(String::from_utf8(value.clone())),
            "isdeleted" => entry.is_deleted = Some(value.eq_ignore_ascii_case(b"TRUE")),
            "whencreated" => entry.created = true,
            "parentguid" => offered.parent = Guid::from_wire(&value).ok(),
            "objectsid" => offered.sid = Sid::from_wire(&value).ok(),
            "primarygroupid" => {
                let text = std::str::from_utf8(&value).ok();
                offered.primary_group = text.and_then(|text| text.parse().ok());
            }
            _ => {}
        }
        let wire = || WireValue(Value::new(value.clone()));
        if purpose.decision
            && let Some(values) = entry.read.decision.get_mut(name)
        {
            values.push(wire());
        }
        if purpose.content
            && let Some(values) = entry.read.attributes.get_mut(name)
        {
            entry.read.bytes += value.len();
            values.push(WireValue(Value::new(value)));
        }
    }

    fn link(&mut self, link: Target, value: &[u8]) {
        let target = std::str::from_utf8(value)
            .ok()
            .and_then(|text| ExtendedDn::parse(text).ok());
        let Some(target) = target else {
            self.entry.damaged = Some("a link without GUID");
            return;
        };
        let read = &mut self.entry.read;
        match link {
            Target::Link { index, removed } => {
                let target = link_target(&target);
                if let Some(values) = read.links.get_mut(index) {
                    if removed {
                        values.removed.push(target);
                    } else {
                        values.added.push(target);
                    }
                }
            }
            Target::BackLink => {
                let incoming = read.offered.incoming.last_mut();
                incoming
                    .into_iter()
                    .for_each(|links| links.from.push(target.guid));
            }
        }
    }

    fn end(&mut self) -> Result<Assembled, &'static str> {
        let Partial {
            mut read,
            dn,
            name,
            classes,
            is_deleted,
            created,
            cut,
            damaged,
        } = std::mem::take(&mut self.entry);
        if let Some(what) = damaged {
            return Err(what);
        }
        let offered = &mut read.offered;
        if is_deleted == Some(true) {
            // Of a tombstone nothing counts but that it is one; its place is among the deleted objects.
            *offered = Offered {
                guid: offered.guid,
                deleted: true,
                ..Offered::default()
            };
            let entry = ReadEntry {
                offered: read.offered,
                ..ReadEntry::default()
            };
            return Ok(Assembled {
                entry,
                cut: Vec::new(),
            });
        }
        if let Some(name) = &name {
            naming_attribute(self.wanted, &dn, name, &mut read);
        }
        let offered = &mut read.offered;
        // `whenCreated` is set once: where it is among the changes, all that there is is among them.
        offered.whole = self.reading == Reading::ByGuid || created;
        offered.undeleted = is_deleted == Some(false) && !offered.whole;
        offered.renamed = name.is_some() && !offered.whole;
        offered.class = class_of(&classes).map(str::to_owned);
        let may_take_part = offered
            .class
            .as_deref()
            .is_none_or(|class| matches!(class, "user" | "inetOrgPerson" | "group" | "contact"));
        let in_place = self.place.contains(&dn);
        if may_take_part && in_place == Some(true) {
            offered.decision = Some(read.decision.clone());
        }
        offered.elsewhere = may_take_part && in_place == Some(false);
        read.rdn = name.map(|name| own_step(&dn, &name));
        Ok(Assembled { entry: read, cut })
    }
}

impl ReadEntry {
    /// Puts all values of a link attribute in the place of those that the answer held.
    pub fn put_whole(&mut self, wanted: &Wanted, attribute: &str, targets: Vec<LinkTarget>) {
        match wanted.purpose(attribute).back_link_of {
            Some(link) => {
                let incoming = &mut self.offered.incoming;
                incoming.retain(|links| links.attribute != link);
                incoming.push(Incoming {
                    attribute: link.to_owned(),
                    from: targets.iter().map(|target| target.guid).collect(),
                });
            }
            None => {
                self.links.retain(|links| links.attribute != attribute);
                self.links.push(LinkValues {
                    attribute: attribute.to_owned(),
                    replace: true,
                    added: targets,
                    removed: Vec::new(),
                });
            }
        }
    }

    /// The offer that the service asks for when the object turns out to be in place.
    #[must_use]
    pub fn offered_with_decision(&self) -> Offered {
        Offered {
            decision: Some(self.decision.clone()),
            ..self.offered.clone()
        }
    }

    /// Whether it is wanted, as far as one can tell that knows nothing but the object: it is in place, and not
    /// one of those that are never provisioned. Of a container only its name is.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let class = self.offered.class.as_deref().map(ObjectClass::from_name);
        if !self.offered.whole || self.offered.deleted {
            return false;
        }
        match (class.and_then(ObjectClass::kind), &self.offered.decision) {
            (Some(kind), Some(decision)) => {
                let values = |values: &[WireValue]| values.iter().map(|v| v.0.clone()).collect();
                let mut object = StagedObject::new(self.offered.guid, 0);
                object.attributes = decision
                    .iter()
                    .filter(|(_, v)| !v.is_empty())
                    .map(|(name, v)| (AttributeName::new(name), values(v)))
                    .collect();
                never_synced(kind, &object).is_none()
            }
            _ => false,
        }
    }

    /// How many link values it has.
    #[must_use]
    pub fn link_count(&self) -> usize {
        let count = |links: &LinkValues| links.added.len() + links.removed.len();
        self.links.iter().map(count).sum()
    }

    /// The offer with all that is wanted of the object, which is taken out of it.
    pub fn offered_with_content(&mut self, reading: u32) -> Offered {
        let whole_set = |values: LinkValues| Links {
            attribute: values.attribute,
            replace: values.replace,
            added: values.added,
            removed: values.removed,
        };
        let links = std::mem::take(&mut self.links).into_iter();
        let content = Content {
            rdn: self.rdn.clone(),
            reading,
            attributes: std::mem::take(&mut self.attributes),
            links: links.map(whole_set).collect(),
        };
        Offered {
            decision: None,
            content: Some(content),
            ..self.offered.clone()
        }
    }
}

/// Where a link leads. The SID counts only for principals of other domains.
#[must_use]
pub fn link_target(name: &ExtendedDn<'_>) -> LinkTarget {
    let foreign = name
        .dn
        .to_ascii_lowercase()
        .contains(",cn=foreignsecurityprincipals,");
    LinkTarget {
        guid: name.guid,
        foreign_sid: name.sid.clone().filter(|_| foreign),
    }
}

/// Where the values of this link attribute stand; added and removed ones stand together.
fn link_values(links: &mut Vec<LinkValues>, name: &str, replace: bool) -> usize {
    let found = links.iter().position(|values| values.attribute == name);
    let index = found.unwrap_or_else(|| {
        links.push(LinkValues {
            attribute: name.to_owned(),
            ..LinkValues::default()
        });
        links.len() - 1
    });
    if let Some(values) = links.get_mut(index) {
        values.replace |= replace;
    }
    index
}

/// The attribute that names an object (`cn`) always equals `name`, and some controllers leave it out of
/// changes.
fn naming_attribute(wanted: &Wanted, dn: &str, name: &str, read: &mut ReadEntry) {
    let attribute = dn.split('=').next().unwrap_or_default().trim();
    let attribute = attribute.to_ascii_lowercase();
    let purpose = wanted.purpose(&attribute);
    let value = || vec![WireValue(Value::from(name))];
    if purpose.content {
        read.attributes.insert(attribute.clone(), value());
    }
    if purpose.decision {
        read.decision.insert(attribute, value());
    }
}

/// The object's own step of its distinguished name. The attribute stands in the name, the value comes from
/// `name`, which is the same without escapes.
fn own_step(dn: &str, name: &str) -> String {
    let attribute = dn.split('=').next().unwrap_or("CN");
    let step = lockstep_model::Rdn {
        attribute: attribute.trim().to_ascii_uppercase(),
        value: name.to_owned(),
    };
    Dn::new(vec![step]).to_string()
}

/// The most specific class that Lockstep knows, else the last one.
fn class_of(classes: &[String]) -> Option<&str> {
    const KNOWN: [&str; 9] = [
        "computer",
        "inetOrgPerson",
        "user",
        "group",
        "contact",
        "foreignSecurityPrincipal",
        "organizationalUnit",
        "container",
        "domainDNS",
    ];
    let is = |known: &&&str| {
        classes
            .iter()
            .any(|class| class.eq_ignore_ascii_case(known))
    };
    let known = KNOWN.iter().find(is).copied();
    known.or_else(|| classes.last().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_api::channel::ReadSet;
    use std::collections::BTreeSet;

    const ADA: &str = "<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>;CN=Ada,OU=Staff,DC=corp,DC=test";

    fn wanted() -> Wanted {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let read_set = ReadSet {
            version: 1,
            attributes: list(&["mail", "department", "cn"]),
            links: list(&["member", "manager"]),
            decision: list(&["sAMAccountName", "mail"]),
        };
        Wanted::new(&read_set, &BTreeSet::new())
    }

    fn read(reading: Reading, place: &InPlace, attributes: &[(&str, &[&str])]) -> Assembled {
        let wanted = wanted();
        let mut reader = EntryReader::new(&wanted, place, reading);
        reader.take(Event::Entry { dn: ADA.into() }).unwrap();
        for (name, values) in attributes {
            reader
                .take(Event::Attribute {
                    name: (*name).into(),
                })
                .unwrap();
            for value in *values {
                reader
                    .take(Event::Value(value.as_bytes().to_vec()))
                    .unwrap();
            }
        }
        reader.take(Event::EntryEnd).unwrap().unwrap()
    }

    #[test]
    fn a_change_holds_only_what_changed() {
        let read = read(
            Reading::Changes,
            &InPlace::Everything,
            &[("mail", &["a@x"]), ("department", &[]), ("unicodePwd", &[])],
        );
        let entry = read.entry;
        assert!(!entry.offered.whole && !entry.offered.renamed && entry.offered.class.is_none());
        assert_eq!(entry.attributes.len(), 2);
        assert!(entry.attributes["department"].is_empty());
        assert_eq!(
            entry.offered.decision.unwrap().keys().collect::<Vec<_>>(),
            ["mail"]
        );
    }

    #[test]
    fn an_object_with_its_time_of_creation_is_whole() {
        let attributes: &[(&str, &[&str])] = &[
            (
                "objectClass",
                &["top", "person", "organizationalPerson", "user", "computer"],
            ),
            ("whenCreated", &["20260101000000.0Z"]),
            ("name", &["Ada, Countess"]),
        ];
        let entry = read(Reading::Changes, &InPlace::Everything, attributes).entry;
        assert!(entry.offered.whole);
        assert_eq!(entry.offered.class.as_deref(), Some("computer"));
        assert_eq!(entry.offered.decision, None, "computers never take part");
        assert_eq!(entry.rdn.as_deref(), Some("CN=Ada\\, Countess"));
    }

    #[test]
    fn of_a_tombstone_only_that_it_is_one_counts() {
        let attributes: &[(&str, &[&str])] =
            &[("isDeleted", &["TRUE"]), ("mail", &[]), ("name", &["x"])];
        let entry = read(Reading::Changes, &InPlace::Everything, attributes).entry;
        assert!(entry.offered.deleted && entry.attributes.is_empty() && entry.rdn.is_none());
        let back = read(
            Reading::Changes,
            &InPlace::Everything,
            &[("isDeleted", &[])],
        )
        .entry;
        assert!(back.offered.undeleted && !back.offered.deleted);
    }

    #[test]
    fn added_and_removed_members_are_told_from_a_whole_set() {
        let links: &[(&str, &[&str])] = &[
            ("member;range=1-1", &[ADA]),
            ("member;range=0-0", &[ADA, ADA]),
        ];
        let entry = read(Reading::Changes, &InPlace::Unknown, links).entry;
        let [member] = entry.links.as_slice() else {
            panic!()
        };
        assert_eq!(
            (member.added.len(), member.removed.len(), member.replace),
            (1, 2, false)
        );

        let whole = read(Reading::Changes, &InPlace::Unknown, &[("member", &[ADA])]).entry;
        assert!(whole.links[0].replace);
        let ranges: &[(&str, &[&str])] = &[
            ("member;range=0-1499", &[ADA]),
            ("memberOf;range=0-1499", &[ADA]),
        ];
        let cut = read(Reading::ByGuid, &InPlace::Unknown, ranges).cut;
        assert_eq!(cut, ["member", "memberof"], "both have to be read on");
    }

    #[test]
    fn who_links_to_an_object_is_told_when_it_is_read_by_itself() {
        let attributes: &[(&str, &[&str])] = &[("member", &[ADA]), ("memberOf", &[ADA, ADA])];
        let entry = read(Reading::ByGuid, &InPlace::Unknown, attributes).entry;
        assert_eq!(entry.links.len(), 1);
        let [groups] = entry.offered.incoming.as_slice() else {
            panic!()
        };
        assert_eq!(
            (groups.attribute.as_str(), groups.from.len()),
            ("member", 2)
        );
        let changes = read(Reading::Changes, &InPlace::Unknown, attributes).entry;
        assert!(changes.offered.incoming.is_empty());
    }

    #[test]
    fn decision_attributes_of_objects_elsewhere_stay_home() {
        let below = |roots: &[&str], excluded: &[&str]| InPlace::Below {
            roots: roots.iter().map(|dn| dn.parse().unwrap()).collect(),
            excluded: excluded.iter().map(|dn| dn.parse().unwrap()).collect(),
        };
        for (place, sent) in [
            (below(&["OU=staff,DC=corp,DC=test"], &[]), true),
            (
                below(&["DC=corp,DC=test"], &["OU=Staff,DC=corp,DC=test"]),
                false,
            ),
            (
                below(&["OU=Staff,DC=corp,DC=test"], &["DC=corp,DC=test"]),
                true,
            ),
            (below(&["OU=Other,DC=corp,DC=test"], &[]), false),
            (InPlace::Unknown, false),
        ] {
            let offered = read(Reading::Changes, &place, &[("mail", &["a@x"])])
                .entry
                .offered;
            assert_eq!(offered.decision.is_some(), sent, "{place:?}");
            let told = !sent && !matches!(place, InPlace::Unknown);
            assert_eq!(offered.elsewhere, told, "{place:?}");
        }
    }
}
