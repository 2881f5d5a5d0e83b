//! What is to become of one object, and why.

use crate::mapping::{MappedKind, MappedValues, MappingError, source_anchor};
use crate::never_synced::{NeverSynced, never_synced};
use crate::policy::Policy;
use crate::scope::{Chain, Placement};
use crate::staged::{Link, Presence, StagedObject};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, SourceAnchor, Timestamp};
use std::fmt;

/// How far the import has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Pages are still coming. What creates or updates may be decided; what takes away may not: the rest
    /// of a change can lie on a later page.
    Reading,
    /// The controller has said "no more".
    Complete,
}

/// What the cloud directory holds under the object's anchor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TargetState {
    /// Nothing.
    Absent,
    /// This object.
    Live(ObjectId),
    /// This object, in the recycle bin.
    InRecycleBin(ObjectId),
    /// An object that another configuration owns.
    OwnedByAnother(ObjectId),
}

/// Everything a decision depends on, besides the policy.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The object as it stands in the connector space.
    pub object: &'a StagedObject,
    /// Its parents.
    pub chain: &'a Chain,
    /// What it was joined with before.
    pub link: Option<&'a Link>,
    /// What the cloud directory holds: under the link, or, without one, under its anchor.
    pub target: TargetState,
    /// How far the import has come.
    pub phase: Phase,
}

/// An object as it should be in the cloud directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DesiredObject {
    /// What kind of object.
    pub kind: MappedKind,
    /// Its anchor.
    pub anchor: SourceAnchor,
    /// The value of every mapped property.
    pub values: MappedValues,
}

/// What is to become of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Make a new object.
    Create(DesiredObject),
    /// Join with an object that is there already, and give it these values.
    Join(ObjectId, DesiredObject),
    /// Bring this object back from the recycle bin, and give it these values.
    Restore(ObjectId, DesiredObject),
    /// Change these properties; `desired` has all of them.
    Update {
        /// Which object.
        object: ObjectId,
        /// Only what differs from what was last applied.
        changes: MappedValues,
        /// All values, as they are to be remembered.
        desired: DesiredObject,
    },
    /// Delete this object, if the guard allows it.
    Delete(ObjectId),
    /// It is as it should be.
    Unchanged,
    /// It takes no part, and nothing of it is in the directory.
    Skip,
    /// It cannot be decided before these objects have been read by GUID.
    Read(Guid),
    /// It cannot be decided while pages are still coming.
    Wait,
    /// Nothing may be done about it until somebody looks.
    Fail,
}

/// Why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// It lies within the scope.
    InScope,
    /// It lies outside of every organizational unit of the scope.
    OutsideScope,
    /// It lies in an organizational unit that is left out.
    Excluded {
        /// objectGUID of that unit.
        by: Guid,
    },
    /// Objects of its kind are not provisioned by this configuration.
    KindNotProvisioned(MappedKind),
    /// It is no user, group or contact.
    OtherClass,
    /// It is never provisioned.
    NeverSynced(NeverSynced),
    /// It was deleted in Active Directory.
    DeletedInAd,
    /// A full import did not see it and the controller keeps silent about it.
    Missing {
        /// Since when.
        since: Timestamp,
    },
    /// A parent is not known, or its name is not.
    PlaceUnknown {
        /// The object that is not known.
        missing: Guid,
    },
    /// It is wanted, and has not been read in full.
    NotRead,
    /// The import is not complete.
    ImportRunning,
    /// A value cannot be made without which the object cannot be.
    Mapping(MappingError),
    /// ms-DS-ConsistencyGuid was changed after the object had been provisioned.
    AnchorChanged {
        /// The anchor that the object has.
        applied: SourceAnchor,
        /// The anchor that AD gives now.
        found: SourceAnchor,
    },
    /// Another configuration owns the object with this anchor.
    OwnedByAnother {
        /// The anchor.
        anchor: SourceAnchor,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InScope => f.write_str("it is in scope"),
            Self::OutsideScope => {
                f.write_str("it lies outside of every organizational unit of the scope")
            }
            Self::Excluded { by } => {
                write!(
                    f,
                    "it lies in an organizational unit that is left out ({by})"
                )
            }
            Self::KindNotProvisioned(kind) => {
                write!(
                    f,
                    "objects of type {} are not provisioned by this configuration",
                    kind.name()
                )
            }
            Self::OtherClass => f.write_str("it is no user, group or contact"),
            Self::NeverSynced(why) => write!(f, "it is never provisioned: {why}"),
            Self::DeletedInAd => f.write_str("it was deleted in Active Directory"),
            Self::Missing { since } => write!(
                f,
                "a full import has not seen it since {since} and the domain controller keeps silent \
                 about it; it is left as it is"
            ),
            Self::PlaceUnknown { missing } => {
                write!(
                    f,
                    "its place is not known: nothing is known of the container {missing}"
                )
            }
            Self::NotRead => f.write_str("it has not been read in full yet"),
            Self::ImportRunning => f.write_str("the import is still running"),
            Self::Mapping(error) => {
                write!(f, "{error}")?;
                let mut source = std::error::Error::source(error);
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Self::AnchorChanged { applied, found } => write!(
                f,
                "the source anchor has changed from {applied} to {found}; restore ms-DS-ConsistencyGuid, \
                 or delete the object in the cloud directory to have it made anew"
            ),
            Self::OwnedByAnother { anchor } => {
                write!(
                    f,
                    "another configuration owns the object with the anchor {anchor}"
                )
            }
        }
    }
}

impl Reason {
    /// A stable name in CamelCase.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InScope => "InScope",
            Self::OutsideScope => "OutsideScope",
            Self::Excluded { .. } => "Excluded",
            Self::KindNotProvisioned(_) => "KindNotProvisioned",
            Self::OtherClass => "OtherClass",
            Self::NeverSynced(_) => "NeverSynced",
            Self::DeletedInAd => "DeletedInAd",
            Self::Missing { .. } => "Missing",
            Self::PlaceUnknown { .. } => "PlaceUnknown",
            Self::NotRead => "NotRead",
            Self::ImportRunning => "ImportRunning",
            Self::Mapping(_) => "MappingFailed",
            Self::AnchorChanged { .. } => "AnchorChanged",
            Self::OwnedByAnother { .. } => "OwnedByAnother",
        }
    }
}

/// Decides what is to become of one object, and says why.
///
/// The only place where that is decided: a preview, provisioning on demand and the scheduled cycle differ
/// in who receives the result.
#[must_use]
pub fn decide(situation: &Situation<'_>, policy: &Policy) -> (Decision, Reason) {
    match participation(situation, policy) {
        Participation::In(kind) => provision(situation, policy, kind),
        Participation::Out(reason) => (deprovision(situation), reason),
        Participation::Open(decision, reason) => (decision, reason),
    }
}

/// Whether an object takes part.
enum Participation {
    In(MappedKind),
    Out(Reason),
    Open(Decision, Reason),
}

fn participation(situation: &Situation<'_>, policy: &Policy) -> Participation {
    let object = situation.object;
    match object.presence {
        Presence::Deleted => return Participation::Out(Reason::DeletedInAd),
        Presence::Missing { since } => {
            return Participation::Open(Decision::Skip, Reason::Missing { since });
        }
        Presence::Alive { .. } => {}
    }
    let Some(class) = object.class else {
        return Participation::Open(Decision::Read(object.guid), Reason::NotRead);
    };
    let Some(kind) = MappedKind::of(class) else {
        return Participation::Out(Reason::OtherClass);
    };
    let provisioned = match kind {
        MappedKind::User => policy.users,
        MappedKind::Group => policy.groups,
        MappedKind::Contact => policy.contacts,
    };
    if !provisioned {
        return Participation::Out(Reason::KindNotProvisioned(kind));
    }
    match policy.scope.placement(situation.chain) {
        Placement::Outside => Participation::Out(Reason::OutsideScope),
        Placement::Excluded { by } => Participation::Out(Reason::Excluded { by }),
        Placement::Undecided { missing } => {
            Participation::Open(Decision::Read(missing), Reason::PlaceUnknown { missing })
        }
        Placement::Inside => inside(situation, policy, kind),
    }
}

/// An object that is in place takes part unless it is one of those that never do.
fn inside(situation: &Situation<'_>, policy: &Policy, kind: MappedKind) -> Participation {
    let object = situation.object;
    if let Some(why) = never_synced(kind, object) {
        // Without its attributes a row may only seem to lack an account name or an address.
        if object.is_complete(policy.read_set) || !object.attributes.is_empty() {
            return Participation::Out(Reason::NeverSynced(why));
        }
    }
    if !object.is_complete(policy.read_set) {
        return Participation::Open(Decision::Read(object.guid), Reason::NotRead);
    }
    let unnamed = situation
        .chain
        .parents()
        .iter()
        .rev()
        .skip(1)
        .find(|parent| parent.rdn.is_none());
    let unnamed = unnamed
        .map(|parent| parent.guid)
        .or_else(|| object.rdn.is_none().then_some(object.guid));
    match unnamed {
        Some(missing) => {
            Participation::Open(Decision::Read(missing), Reason::PlaceUnknown { missing })
        }
        None => Participation::In(kind),
    }
}

/// What an object that takes part is to become.
fn provision(situation: &Situation<'_>, policy: &Policy, kind: MappedKind) -> (Decision, Reason) {
    let object = situation.object;
    let anchor = match source_anchor(object) {
        Ok(anchor) => anchor,
        Err(error) => return (Decision::Fail, Reason::Mapping(error.into())),
    };
    if let Some(link) = situation.link.filter(|link| link.anchor != anchor) {
        let applied = link.anchor.clone();
        return (
            Decision::Fail,
            Reason::AnchorChanged {
                applied,
                found: anchor,
            },
        );
    }
    let values = match policy
        .mapping
        .evaluate(kind, object, situation.chain, policy)
    {
        Ok(values) => values,
        Err(error) => return (Decision::Fail, Reason::Mapping(error)),
    };
    let desired = DesiredObject {
        kind,
        anchor,
        values,
    };
    match (situation.target, situation.link) {
        (TargetState::OwnedByAnother(_), _) => (
            Decision::Fail,
            Reason::OwnedByAnother {
                anchor: desired.anchor,
            },
        ),
        (TargetState::InRecycleBin(id), _) => (Decision::Restore(id, desired), Reason::InScope),
        (TargetState::Live(id), Some(link)) => (update(id, link, desired), Reason::InScope),
        (TargetState::Live(id), None) => (Decision::Join(id, desired), Reason::InScope),
        (TargetState::Absent, _) => (Decision::Create(desired), Reason::InScope),
    }
}

fn update(object: ObjectId, link: &Link, desired: DesiredObject) -> Decision {
    let differs = |(name, value): &(&String, &Option<_>)| link.applied.get(*name) != value.as_ref();
    let changes: MappedValues = desired
        .values
        .iter()
        .filter(differs)
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    if changes.is_empty() {
        Decision::Unchanged
    } else {
        Decision::Update {
            object,
            changes,
            desired,
        }
    }
}

/// What becomes of an object that takes no part: if it is in the directory, it goes, once the import is
/// complete.
fn deprovision(situation: &Situation<'_>) -> Decision {
    match (situation.link, situation.target) {
        (Some(link), TargetState::Live(id)) if !link.deleted && link.object == id => {
            match situation.phase {
                Phase::Reading => Decision::Wait,
                Phase::Complete => Decision::Delete(id),
            }
        }
        _ => Decision::Skip,
    }
}

#[cfg(test)]
mod tests;
