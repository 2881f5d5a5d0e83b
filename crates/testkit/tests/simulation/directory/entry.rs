//! One object, with where and when each part of it was set.

use lockstep_model::{Guid, Sid};
use std::collections::BTreeMap;

/// Names an object in a script. Its GUID, its SID and its first name follow from it, so that a step taken out
/// of a script changes nothing in the others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Label(pub(crate) u32);

const MARK: [u8; 6] = *b"object";

impl Label {
    pub(crate) fn guid(self) -> Guid {
        let mut bytes = [0; 16];
        // Spread, so that the order of GUIDs is not the order of creation.
        let spread = self.0.wrapping_mul(0x9e37_79b1);
        bytes[..4].copy_from_slice(&spread.to_be_bytes());
        bytes[6..10].copy_from_slice(&self.0.to_be_bytes());
        bytes[10..].copy_from_slice(&MARK);
        Guid::from_bytes(bytes)
    }

    pub(crate) fn rid(self) -> u32 {
        match self {
            label if label == WELL_KNOWN.domain_users => 513,
            Self(number) => 1_000 + number,
        }
    }
}

/// The label that an object's GUID was made of.
pub(super) fn label_of(guid: Guid) -> Option<Label> {
    let bytes = guid.as_bytes();
    let number = <[u8; 4]>::try_from(&bytes[6..10]).ok()?;
    (bytes[10..] == MARK).then(|| Label(u32::from_be_bytes(number)))
}

/// What every domain has.
pub(crate) struct WellKnown {
    pub(crate) head: Label,
    pub(crate) users: Label,
    pub(crate) deleted_objects: Label,
    pub(crate) domain_users: Label,
}

/// The labels of what every domain has; others begin behind them.
pub(crate) const WELL_KNOWN: WellKnown = WellKnown {
    head: Label(0),
    users: Label(1),
    deleted_objects: Label(2),
    domain_users: Label(3),
};

pub(super) fn domain_sid() -> Sid {
    "S-1-5-21-11-22-33".parse().expect("this is a SID")
}

/// What an object is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Class {
    Head,
    Unit,
    Container,
    User,
    InetOrgPerson,
    Computer,
    SecurityGroup,
    DistributionGroup,
    Contact,
    /// What somebody leaves behind who moves to another domain.
    Proxy,
}

impl Class {
    /// The values of objectClass.
    pub(super) const fn object_classes(self) -> &'static [&'static str] {
        match self {
            Self::Head => &["top", "domain", "domainDNS"],
            Self::Unit => &["top", "organizationalUnit"],
            Self::Container => &["top", "container"],
            Self::User => &["top", "person", "organizationalPerson", "user"],
            Self::InetOrgPerson => &[
                "top",
                "person",
                "organizationalPerson",
                "user",
                "inetOrgPerson",
            ],
            Self::Computer => &["top", "person", "organizationalPerson", "user", "computer"],
            Self::SecurityGroup | Self::DistributionGroup => &["top", "group"],
            Self::Contact => &["top", "person", "organizationalPerson", "contact"],
            Self::Proxy => &["top", "infrastructureUpdate"],
        }
    }

    pub(crate) const fn holds_others(self) -> bool {
        matches!(self, Self::Head | Self::Unit | Self::Container)
    }

    pub(crate) const fn is_group(self) -> bool {
        matches!(self, Self::SecurityGroup | Self::DistributionGroup)
    }

    pub(crate) const fn is_person(self) -> bool {
        matches!(self, Self::User | Self::InetOrgPerson)
    }

    pub(super) const fn has_sid(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::InetOrgPerson
                | Self::Computer
                | Self::SecurityGroup
                | Self::DistributionGroup
        )
    }

    pub(super) const fn naming_attribute(self) -> &'static str {
        match self {
            Self::Head => "DC",
            Self::Unit => "OU",
            _ => "CN",
        }
    }

    /// How a script calls an object of this class.
    pub(crate) fn word(self, label: Label) -> String {
        let number = label.0;
        match self {
            Self::Head => "the domain".to_owned(),
            Self::Unit => format!("unit{number}"),
            Self::Container => "Users".to_owned(),
            Self::User => format!("user{number}"),
            Self::InetOrgPerson => format!("person{number}"),
            Self::Computer => format!("computer{number}"),
            Self::SecurityGroup => format!("group{number}"),
            Self::DistributionGroup => format!("list{number}"),
            Self::Contact => format!("contact{number}"),
            Self::Proxy => format!("proxy{number}"),
        }
    }
}

/// In which attribute a proxy tells it.
pub(super) const PROXIED: &str = "proxiedobjectname";

/// Where and when something was set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    /// How often it was set.
    pub(super) version: u32,
    /// The invocation id of the database where it was set.
    pub(super) origin: Guid,
    /// Its number there.
    pub(super) origin_usn: u64,
    /// Its number here.
    pub(super) usn: u64,
    /// When, in seconds since 1970.
    pub(super) time: i64,
}

/// A value that was set at some time.
#[derive(Clone, Debug)]
pub(crate) struct Stamped<T> {
    pub(super) value: T,
    pub(super) stamp: Stamp,
}

/// An object as one controller has it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) guid: Guid,
    pub(crate) label: Label,
    pub(crate) class: Class,
    /// With the class, the SID and the time of creation, which never change.
    pub(super) created: Stamp,
    /// Name and parent: both are told when one changes.
    pub(super) place: Stamped<(String, Option<Guid>)>,
    /// Set once the object was deleted: whether it is at present.
    pub(super) deleted: Option<Stamped<bool>>,
    pub(super) deleted_at: i64,
    /// By name in lower case; a cleared attribute is there without values.
    pub(super) attributes: BTreeMap<&'static str, Stamped<Vec<Vec<u8>>>>,
    /// Whether a target is linked by an attribute at present.
    pub(super) links: BTreeMap<(&'static str, Guid), Stamped<bool>>,
    /// The number of the last change of a link that went with what it led to: numbers of changes never fall.
    pub(super) unlinked: u64,
}

impl Entry {
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.as_ref().is_some_and(|deleted| deleted.value)
    }

    pub(crate) fn parent(&self) -> Option<Guid> {
        self.place.value.1
    }

    pub(crate) fn name(&self) -> &str {
        &self.place.value.0
    }

    /// The most specific of its classes.
    pub(crate) fn class_name(&self) -> &'static str {
        self.class.object_classes().last().copied().unwrap_or("top")
    }

    pub(crate) fn sid(&self) -> Option<Sid> {
        self.class
            .has_sid()
            .then(|| domain_sid().with_rid(self.label.rid()))
    }

    /// The values of an attribute, by its name in lower case.
    pub(crate) fn values(&self, attribute: &str) -> &[Vec<u8>] {
        self.attributes
            .get(attribute)
            .map_or(&[], |stamped| stamped.value.as_slice())
    }

    /// The first value of an attribute as text.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        self.values(attribute)
            .first()
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whose way to another domain it tells of.
    pub(crate) fn moved(&self) -> Option<Guid> {
        if self.class != Class::Proxy {
            return None;
        }
        let (_, guid) = self.text(PROXIED)?.split_once("<GUID=")?;
        guid.split('>').next()?.parse().ok()
    }

    /// Its password.
    pub(crate) fn password(&self) -> Option<u32> {
        let value = self.values("unicodepwd").first()?;
        Some(u32::from_be_bytes(value.as_slice().try_into().ok()?))
    }

    /// The password must be changed at the next sign-in.
    pub(crate) fn must_change(&self) -> bool {
        self.text("pwdlastset") == Some("0")
    }

    /// Which writing of its password the present one is: how often, when, and in which database.
    pub(crate) fn password_stamp(&self) -> Option<(u32, i64, Guid)> {
        let stamp = self.attributes.get("unicodepwd")?.stamp;
        Some((stamp.version, stamp.time, stamp.origin))
    }

    /// Whether a target is linked, whatever became of it.
    pub(crate) fn links_to(&self, attribute: &str, target: Guid) -> bool {
        self.links
            .iter()
            .any(|((name, guid), link)| *name == attribute && *guid == target && link.value)
    }

    /// When it was changed last.
    pub(super) fn changed(&self) -> i64 {
        let attributes = self.attributes.values().map(|value| value.stamp.time);
        let own = [self.created.time, self.place.stamp.time];
        own.into_iter().chain(attributes).max().unwrap_or(0)
    }

    /// The number of its last change here.
    pub(super) fn usn_changed(&self) -> u64 {
        let attributes = self.attributes.values().map(|value| value.stamp.usn);
        let links = self.links.values().map(|value| value.stamp.usn);
        let own = [self.created.usn, self.place.stamp.usn, self.unlinked];
        let deleted = self.deleted.iter().map(|value| value.stamp.usn);
        own.into_iter()
            .chain(attributes)
            .chain(links)
            .chain(deleted)
            .max()
            .unwrap_or(0)
    }
}
