//! What the agent answers while it reads.

use super::WireAttributes;
use crate::text;
use lockstep_model::{Guid, Sid};
use serde::{Deserialize, Serialize};

/// Which controller this is: enough to notice a restored, foreign or half-synchronised one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControllerIdentity {
    /// Its DNS name.
    pub dns_name: String,
    /// objectGUID of the naming context's head.
    #[serde(with = "text")]
    pub naming_context: Guid,
    /// objectSid of the domain.
    #[serde(with = "text")]
    pub domain_sid: Sid,
    /// The invocation id of its database.
    #[serde(with = "text")]
    pub invocation_id: Guid,
    /// highestCommittedUSN when it was asked.
    pub highest_usn: u64,
}

/// An object that the agent looks at again and again: a database that was set back shows an older
/// uSNChanged, or does not have it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    /// The object.
    #[serde(with = "text")]
    pub guid: Guid,
    /// Its uSNChanged on this controller.
    pub usn_changed: u64,
}

/// Says who will answer, before anything is read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begin {
    /// The lease of the instruction.
    pub lease: u64,
    /// The controller that was reached.
    pub controller: ControllerIdentity,
    /// What its clock shows, in milliseconds since 1970: the service's own may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// The stored canary as this controller has it now; absent when there was none or it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Whether the account can see tombstones.
    pub tombstones_visible: bool,
    /// The controller leaves out of changes what the account must not read: an attribute without values may
    /// have some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides_values: bool,
    /// The forest's tombstoneLifetime in days.
    pub tombstone_lifetime_days: u32,
    /// NetBIOS name of the domain.
    pub netbios_name: String,
    /// DNS name of the forest.
    pub forest: String,
    /// The attributes of the read set that this domain's schema lacks.
    pub absent_attributes: Vec<String>,
}

/// How to go on after [`Begin`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BeginAnswer {
    /// Whether to go on from the cookie.
    pub opening: Opening,
}

/// Where reading starts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Opening {
    /// From the cookie of the instruction.
    FromCookie,
    /// From the beginning: containers first, then everything.
    Everything,
    /// From this cookie in Base64: an interrupted reading of everything goes on after its last page.
    Resume(String),
}

/// A batch of objects, by identity and place.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The lease of the instruction.
    pub lease: u64,
    /// The objects.
    pub objects: Vec<Offered>,
}

/// One object that is offered. Nothing but identity and place, and for objects in place the attributes
/// that decide whether they take part; where nothing but these can keep an object out, all that is wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Offered {
    /// Its objectGUID.
    #[serde(with = "text")]
    pub guid: Guid,
    /// Its most specific class that Lockstep knows: `user`, `inetOrgPerson`, `group`, `contact`,
    /// `computer`, `foreignSecurityPrincipal`, `organizationalUnit`, `container`, `domainDNS`, else the
    /// last of objectClass. Absent when the answer did not hold it: it has not changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// objectGUID of its parent. Absent when it has not changed, and for the naming context's head.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub parent: Option<Guid>,
    /// Its objectSid, when the answer held it.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub sid: Option<Sid>,
    /// Its primaryGroupID, when the answer held it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_group: Option<u32>,
    /// A tombstone: the object was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What moved to another domain: this entry is the tombstone that it left behind. Whether it is gone from here
    /// has to be asked.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    pub moved: Option<Guid>,
    /// The object came back: isDeleted was cleared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undeleted: bool,
    /// Its name changed (the name itself comes with the object, if it is wanted).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renamed: bool,
    /// All that AD has of it stands in this answer, not only changes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// By the names that the agent has for the places it was given, it lies in none of them. A container may have
    /// been moved, or renamed, and that be told only after what lies in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// The decision attributes that the answer held, for an object in place; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<WireAttributes>,
    /// Who links to it, of an object that was read by GUID: what links to an object that comes back from
    /// deletion is told nowhere else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incoming: Vec<Incoming>,
    /// All that is wanted of it, for a whole object that is in place and takes part as far as the agent can
    /// tell, if the instruction is [`eager`](super::ReadChanges::eager). There is no `decision` beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// Who links to an object by one attribute.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incoming {
    /// The attribute, which those have.
    pub attribute: String,
    /// Their GUIDs.
    #[serde(with = "text::list")]
    pub from: Vec<Guid>,
}

/// What is wanted of an object, sent along with its offer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Content {
    /// Its own step of the distinguished name as `CN=Ada`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdn: Option<String>,
    /// Numbers the readings of whole objects within one instruction.
    #[serde(skip_serializing_if = "is_zero")]
    pub reading: u32,
    /// Attributes of the read set.
    #[serde(skip_serializing_if = "WireAttributes::is_empty")]
    pub attributes: WireAttributes,
    /// Links of the read set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Links>,
}

/// What the service wants, one verdict for each offered object, in order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferAnswer {
    /// The verdicts.
    pub verdicts: Vec<Verdict>,
}

/// What is to become of one offered object.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It stays home, or there is nothing more to say of it.
    Stay,
    /// Offer it again with its decision attributes: it is in place.
    Decide,
    /// Send its attributes and links as the answer held them.
    Want,
    /// Send its name only: it is an ancestor of wanted objects.
    Name,
}

/// A batch of wanted objects.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Objects {
    /// The lease of the instruction.
    pub lease: u64,
    /// The objects.
    pub objects: Vec<ObjectUpdate>,
}

/// What the controller said of one wanted object.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectUpdate {
    /// Its objectGUID.
    #[serde(with = "text")]
    pub guid: Guid,
    /// Its own step of the distinguished name as `CN=Ada`, when the answer held its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdn: Option<String>,
    /// `attributes` and `links` replace all that was known; else they change only what they name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// More slices of links follow for this object; attributes come with the last one, which is without
    /// this.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Numbers the readings of whole objects within one instruction; the same for all slices of one.
    #[serde(skip_serializing_if = "is_zero")]
    pub reading: u32,
    /// Attributes of the read set.
    #[serde(skip_serializing_if = "WireAttributes::is_empty")]
    pub attributes: WireAttributes,
    /// Links of the read set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Links>,
}

/// Values of one link attribute.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Links {
    /// The attribute.
    pub attribute: String,
    /// `added`, over all slices of the update, is the whole set: what is not in it is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
    /// Objects that are linked now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<LinkTarget>,
    /// Objects that are linked no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<LinkTarget>,
}

/// Where a link leads: a GUID, and the SID where the target is a principal of another domain.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LinkTarget {
    /// objectGUID of the target in this domain.
    #[serde(rename = "g", with = "text")]
    pub guid: Guid,
    /// objectSid, given only for foreign security principals.
    #[serde(
        rename = "s",
        with = "text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub foreign_sid: Option<Sid>,
}

/// Everything of the page before this has been sent; here is its cookie.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageEnd {
    /// The lease of the instruction.
    pub lease: u64,
    /// The version of the read set that the page was read with.
    pub read_set: u64,
    /// The cookie with which the page was asked for, in Base64; absent for the first page of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_before: Option<String>,
    /// The cookie that came with it, in Base64. Absent after a reading by GUID between two pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The controller has more pages.
    pub more: bool,
    /// What became of the objects that were to be read by GUID.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Found>,
    /// What became of the attributes that were in doubt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settled>,
    /// A fresh canary for this controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// highestCommittedUSN of the controller when the page was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_usn: Option<u64>,
}

/// Attributes of an object that had values and were told of without any.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Doubt {
    /// The object.
    #[serde(with = "text")]
    pub guid: Guid,
    /// The attributes, in lower case.
    pub attributes: Vec<String>,
}

/// What became of a [`Doubt`]. Of an attribute that is in neither list nothing is known.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// The object.
    #[serde(with = "text")]
    pub guid: Guid,
    /// The account may read them, and they have no values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<String>,
    /// The account must not read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
}

/// What became of one object that was to be read by GUID.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The object.
    #[serde(with = "text")]
    pub guid: Guid,
    /// Whether it is there.
    pub presence: Presence,
}

/// Whether an object that was asked for by GUID is there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// It is, and was offered and sent.
    Alive,
    /// There is a tombstone.
    Tombstone,
    /// The controller says that there is no such object, which may also mean that the account must not
    /// see it: no reason to delete anything.
    Silent,
}

/// The page is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageAnswer {
    /// Objects to be read by GUID, on the same controller, before the next page is asked for. The answer
    /// to that is a [`PageEnd`] again, with `found`.
    #[serde(with = "text::list")]
    pub read: Vec<Guid>,
    /// Attributes to be looked at in the same way; the answer to that has `settled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

/// Still waiting for the controller; keeps the lease.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alive {
    /// The lease of the instruction.
    pub lease: u64,
}

/// Stored.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ack {}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}
