//! What the service asks of an agent.

use super::{Canary, ControllerIdentity, ReadCredentials};
use crate::text;
use lockstep_model::Guid;
use lockstep_model::ids::InstructionId;
use serde::{Deserialize, Serialize};

/// One thing to do, for one domain. It carries all that is needed: the agent keeps no sync state.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instruction {
    /// Names the instruction in the addresses of its answers.
    #[serde(with = "text")]
    pub id: InstructionId,
    /// The lease under which it is carried out. Every answer repeats it; when the lease has been given
    /// on, the answer is refused and nothing of it is stored.
    pub lease: u64,
    /// The DNS name of the domain, in lower case.
    pub domain: String,
    /// What to do.
    pub action: Action,
}

/// The kinds of instruction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Action {
    /// Read what changed since a cookie, or everything.
    ReadChanges(ReadChanges),
    /// Read these objects, now.
    ReadObjects(ReadObjects),
    /// Read what changed of passwords.
    ReadCredentials(ReadCredentials),
    /// List all organizational units and containers with GUID and name.
    ListOrganizationalUnits,
    /// List all groups with GUID and name.
    ListGroups,
    /// Describe the attributes that the domain's schema has.
    ReadSchema,
    /// Find one object.
    Resolve(Resolve),
    /// Connect, bind, and say what can be read.
    TestConnection,
}

/// Read what changed since a cookie; without one, everything.
///
/// The agent opens with [`Begin`](super::Begin), then page by page: containers first when reading
/// everything, offers in batches, wanted objects, the page's end; after each page, and before the next
/// one is asked for, the objects that the service names in its answer are read by GUID on the same
/// controller.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadChanges {
    /// The DirSync cookie in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The controller that issued the cookie: asked first when it can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ControllerIdentity>,
    /// What is stored as canary of each controller that has been read from. The agent looks up the one of
    /// the controller that it reaches, and answers in [`Begin`](super::Begin) what it is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<KnownCanary>,
    /// What to read of each object.
    pub read_set: ReadSet,
    /// Where objects are in place, as far as organizational units decide it.
    pub scope: ScopeHint,
    /// Whoever is in place takes part, unless it is never provisioned: no group and no filter of the scope has
    /// to be asked. Whole objects in place are sent along with their offer.
    #[serde(default)]
    pub eager: bool,
    /// Containers and groups that the scope names. The agent looks whether it can read each of them before
    /// it reads anything else; one that it cannot find ends the instruction with code
    /// `ScopeObjectNotFound`.
    #[serde(with = "text::list", default)]
    pub must_exist: Vec<Guid>,
    /// How many objects an offer has at most.
    pub batch: usize,
    /// How many link values one request carries at most.
    pub link_batch: usize,
}

/// The canary of one controller. A uSNChanged means something only there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownCanary {
    /// The controller's DNS name, in any case.
    pub dns_name: String,
    /// The object, and its uSNChanged when it was chosen.
    pub canary: Canary,
}

/// Which attributes are read. Its version grows whenever a list changes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadSet {
    /// Compared with the stored one when a page is committed.
    pub version: u64,
    /// Attributes of wanted objects.
    pub attributes: Vec<String>,
    /// Attributes that name other objects, sent as GUIDs, value by value.
    pub links: Vec<String>,
    /// Attributes that decide whether an object in place takes part; sent with its offer, and they only.
    pub decision: Vec<String>,
}

/// Where objects are in place, so that the agent can send their decision attributes with the first offer.
///
/// Only a hint that saves a round trip: the service decides, by GUIDs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ScopeHint {
    /// The whole domain.
    Everything,
    /// Below these containers, and not below those. The agent finds their present names before it reads.
    Below {
        /// The subtrees.
        #[serde(with = "text::list")]
        roots: Vec<Guid>,
        /// The subtrees left out.
        #[serde(with = "text::list")]
        excluded: Vec<Guid>,
    },
    /// Not to be told from places alone.
    Unknown,
}

/// Read these objects whole, deleted ones included, on the controller that issued the cookie.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadObjects {
    /// Which objects.
    #[serde(with = "text::list")]
    pub guids: Vec<Guid>,
    /// The controller to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ControllerIdentity>,
    /// What to read of each.
    pub read_set: ReadSet,
}

/// Find one object of the domain.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolve {
    /// By what.
    pub by: ResolveBy,
    /// The name, address or GUID.
    pub value: String,
}

/// What an object is found by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ResolveBy {
    /// Its distinguished name.
    Dn,
    /// Its objectGUID.
    Guid,
    /// userPrincipalName, sAMAccountName or mail.
    Name,
}

/// An object that was found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// Its objectGUID.
    #[serde(with = "text")]
    pub guid: Guid,
    /// Its distinguished name at this moment.
    pub dn: String,
    /// Its most specific class.
    pub class: String,
}

/// An attribute of the domain's schema.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SchemaAttribute {
    /// Its lDAPDisplayName.
    pub name: String,
    /// It has one value at most.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub single: bool,
    /// Controllers do not replicate it: each has a value of its own ([MS-ADTS] 2.2.10,
    /// FLAG_ATTR_NOT_REPLICATED).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_replicated: bool,
    /// It is computed when it is read (FLAG_ATTR_IS_CONSTRUCTED).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub constructed: bool,
    /// Its values are made of another attribute's of other objects: its linkID is odd.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub back_link: bool,
    /// Its values are distinguished names.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reference: bool,
    /// Its values are bytes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
}

/// Ends an instruction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finish {
    /// The lease of the instruction.
    pub lease: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an instruction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Outcome {
    /// All was read and stored.
    Done,
    /// The objects found, for `ListOrganizationalUnits`, `ListGroups` and `Resolve`; empty when there is
    /// none.
    Resolved {
        /// The objects.
        objects: Vec<Resolved>,
    },
    /// The attributes of the schema, for `ReadSchema`.
    Schema {
        /// Every attribute.
        attributes: Vec<SchemaAttribute>,
    },
    /// It could not be carried out. Nothing may be concluded from what was not read.
    Failed {
        /// A stable name in CamelCase, such as `WrongCredentials`.
        code: String,
        /// What happened, with the controller's name.
        message: String,
        /// What to do about it.
        remedy: String,
    },
}
