//! The connector space: our replica of one domain, object by object.

use lockstep_model::ids::ObjectId;
use lockstep_model::{
    AttributeName, Attributes, Guid, MappedKind, Rdn, Sid, SourceAnchor, Timestamp, Value,
};
use std::collections::BTreeMap;

/// What kind of object it is, as far as Lockstep treats kinds differently.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ObjectClass {
    /// A person or service account.
    User,
    /// The same for us, a class of its own in the directory (RFC 2798).
    InetOrgPerson,
    /// A security or distribution group.
    Group,
    /// A mail contact.
    Contact,
    /// A principal of another domain that is a member here; named by its SID.
    ForeignPrincipal,
    /// Anything that others can lie in: organizational unit, container, the naming context's head.
    Container,
    /// Anything else; it never takes part.
    Other,
}

impl ObjectClass {
    /// The class for the name that an agent reports.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "user" => Self::User,
            "inetorgperson" => Self::InetOrgPerson,
            "group" => Self::Group,
            "contact" => Self::Contact,
            "foreignsecurityprincipal" => Self::ForeignPrincipal,
            "organizationalunit"
            | "container"
            | "domaindns"
            | "builtindomain"
            | "lostandfound"
            | "msds-quotacontainer"
            | "organization"
            | "country"
            | "locality" => Self::Container,
            _ => Self::Other,
        }
    }

    /// The name under which the class is reported and stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::InetOrgPerson => "inetOrgPerson",
            Self::Group => "group",
            Self::Contact => "contact",
            Self::ForeignPrincipal => "foreignSecurityPrincipal",
            Self::Container => "container",
            Self::Other => "other",
        }
    }

    /// The kind that objects of this class are mapped as.
    #[must_use]
    pub const fn kind(self) -> Option<MappedKind> {
        match self {
            Self::User | Self::InetOrgPerson => Some(MappedKind::User),
            Self::Group => Some(MappedKind::Group),
            Self::Contact => Some(MappedKind::Contact),
            Self::ForeignPrincipal | Self::Container | Self::Other => None,
        }
    }
}

/// How much of an object we know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowState {
    /// Identity and place only: it stays home.
    PlaceOnly,
    /// It is wanted, but not, or no longer, known in full. It is neither created nor changed nor deleted
    /// until it has been read by GUID: a change is merged only into a complete row.
    Unread,
    /// Known in full, as read with this version of the read set.
    Complete {
        /// The version of the list of attributes.
        read_set: u64,
    },
}

/// Whether an object is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It was seen, last in this import epoch.
    Alive {
        /// Epochs count full imports.
        epoch: u64,
    },
    /// A full import did not see it. That is no evidence that it is gone: it is asked for by GUID, and if
    /// the controller keeps silent it is listed and left to the administrator.
    Missing {
        /// Since when.
        since: Timestamp,
        /// What an administrator has said of it since.
        word: Option<Word>,
    },
    /// There was a tombstone, or it has moved to another domain.
    Deleted,
}

/// What an administrator says of an object that is missing. Seen again, it is as if nothing had been said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word {
    /// It is gone: it is deleted like any other, under the guard.
    Gone,
    /// It is to stay.
    Stays,
}

/// An object of the connector space.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StagedObject {
    /// objectGUID.
    pub guid: Guid,
    /// Its class, once reported.
    pub class: Option<ObjectClass>,
    /// objectGUID of its parent, once reported. The naming context's head has itself.
    pub parent: Option<Guid>,
    /// Its own step of the distinguished name, if it or something below it is wanted.
    pub rdn: Option<Rdn>,
    /// objectSid.
    pub sid: Option<Sid>,
    /// primaryGroupID.
    pub primary_group: Option<u32>,
    /// How much of it we know.
    pub state: RowState,
    /// Whether it is there.
    pub presence: Presence,
    /// An entry of the domain says that it has moved to another one. As long as it counts as there, that has to be
    /// asked of the controller; once it is gone, it is why.
    pub moved_away: bool,
    /// Attributes of the read set. Those that do not occur are empty, once the row is complete.
    pub attributes: Attributes,
    /// Grows with every change of the row. At 1 nothing but the place was ever stored; a row whose content was
    /// forgotten looks the same but for this number, and may have links of before.
    pub version: u64,
}

impl StagedObject {
    /// An object of which nothing is known but its GUID.
    #[must_use]
    pub fn new(guid: Guid, epoch: u64) -> Self {
        Self {
            guid,
            class: None,
            parent: None,
            rdn: None,
            sid: None,
            primary_group: None,
            state: RowState::PlaceOnly,
            presence: Presence::Alive { epoch },
            moved_away: false,
            attributes: Attributes::new(),
            version: 0,
        }
    }

    /// The values of an attribute, by its name in lower case.
    #[must_use]
    pub fn values(&self, attribute: &str) -> &[Value] {
        self.attributes.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// The first value of an attribute as text.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).first().and_then(Value::as_str)
    }

    /// The first value of an attribute as a number.
    #[must_use]
    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.text(attribute).and_then(|text| text.parse().ok())
    }

    /// Whether the row is complete as of this version of the read set.
    #[must_use]
    pub fn is_complete(&self, read_set: u64) -> bool {
        self.state == RowState::Complete { read_set }
    }

    /// Takes over attributes that an agent sent. `whole` values are all there are; else they replace
    /// only what they name. Returns whether anything changed.
    ///
    /// A change to a row that is not complete must not be merged: the caller makes it
    /// [`RowState::Unread`] instead.
    pub fn merge(&mut self, received: Attributes, whole: bool) -> bool {
        let mut merged = if whole {
            Attributes::new()
        } else {
            self.attributes.clone()
        };
        for (name, mut values) in received {
            if values.is_empty() {
                merged.remove(&name);
            } else {
                // Values are a set; a fixed order makes equal sets equal.
                values.sort();
                values.dedup();
                merged.insert(name, values);
            }
        }
        let changed = merged != self.attributes;
        self.attributes = merged;
        changed
    }

    /// The same, but no value goes: attributes that had some, and are told of without any, keep what they had.
    /// Returns whether anything changed, and which attributes these are.
    pub fn merge_keeping(
        &mut self,
        received: Attributes,
        whole: bool,
    ) -> (bool, Vec<AttributeName>) {
        let before = self.attributes.clone();
        self.merge(received, whole);
        let mut kept = Vec::new();
        for (name, values) in &before {
            if !self.attributes.contains_key(name) {
                kept.push(name.clone());
                self.attributes.insert(name.clone(), values.clone());
            }
        }
        (self.attributes != before, kept)
    }

    /// Forgets everything but identity and place: it stays home, or is gone.
    pub fn forget_content(&mut self) {
        self.attributes.clear();
        self.state = RowState::PlaceOnly;
    }
}

/// The remembered result of matching: which object of the cloud directory an AD object became, and the
/// decisions that are made once and kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// objectGUID of the AD object.
    pub guid: Guid,
    /// The object in the cloud directory.
    pub object: ObjectId,
    /// The anchor under which it was joined. It never changes under an object.
    pub anchor: SourceAnchor,
    /// What was last applied: the value of each mapped property, by its name.
    pub applied: BTreeMap<String, crate::mapping::MappedValue>,
    /// It was deleted in the cloud directory because it left the scope or AD; the link stays so that the
    /// same object comes back.
    pub deleted: bool,
}

/// Attribute names that place and identity consist of; they are no attributes of the read set.
#[must_use]
pub fn is_place_attribute(name: &AttributeName) -> bool {
    matches!(
        name.as_str(),
        "objectguid"
            | "objectsid"
            | "objectclass"
            | "parentguid"
            | "name"
            | "isdeleted"
            | "instancetype"
            | "primarygroupid"
            | "lastknownparent"
            | "distinguishedname"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(values: &[(&str, &[&str])]) -> Attributes {
        let list = |values: &[&str]| values.iter().map(|v| Value::from(*v)).collect();
        values
            .iter()
            .map(|(name, v)| (AttributeName::new(name), list(v)))
            .collect()
    }

    #[test]
    fn a_change_replaces_only_what_it_names() {
        let mut row = StagedObject::new(Guid::NIL, 1);
        assert!(row.merge(attributes(&[("title", &["Dr"]), ("mail", &["a@x"])]), true));
        assert!(row.merge(attributes(&[("title", &[])]), false));
        assert_eq!(row.text("title"), None);
        assert_eq!(row.text("mail"), Some("a@x"));
    }

    #[test]
    fn where_values_may_be_hidden_none_goes_without_proof() {
        let mut row = StagedObject::new(Guid::NIL, 1);
        row.merge(attributes(&[("title", &["Dr"]), ("mail", &["a@x"])]), true);
        let change = attributes(&[("title", &[]), ("info", &[]), ("mail", &["b@x"])]);
        let (changed, kept) = row.merge_keeping(change, false);
        assert!(changed);
        assert_eq!(kept, [AttributeName::new("title")]);
        assert_eq!(
            (row.text("title"), row.text("mail")),
            (Some("Dr"), Some("b@x"))
        );
        let (changed, kept) = row.merge_keeping(attributes(&[("mail", &["b@x"])]), true);
        assert!(!changed);
        assert_eq!(kept, [AttributeName::new("title")]);
    }

    #[test]
    fn values_are_sets() {
        let mut row = StagedObject::new(Guid::NIL, 1);
        row.merge(attributes(&[("othertelephone", &["2", "1"])]), true);
        assert!(!row.merge(attributes(&[("otherTelephone", &["1", "2", "1"])]), false));
    }

    #[test]
    fn a_whole_object_replaces_everything() {
        let mut row = StagedObject::new(Guid::NIL, 1);
        row.merge(attributes(&[("title", &["Dr"])]), true);
        row.merge(attributes(&[("mail", &["a@x"])]), true);
        assert_eq!(row.text("title"), None);
    }
}
