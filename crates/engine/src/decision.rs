//! What is to become of one object, and why.

use crate::mapping::{MappedKind, MappedValue, MappedValues, MappingError, Subject, source_anchor};
use crate::matching::{self, Candidates, How, Match, SoftKeys};
use crate::never_synced::{NeverSynced, never_synced};
use crate::policy::Policy;
use crate::scope::{Chain, Membership, Placement};
use crate::staged::{Link, Presence, StagedObject, Word};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, SourceAnchor, Timestamp, codes};
use std::collections::BTreeMap;
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

/// Everything a decision depends on, besides the policy.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The object as it stands in the connector space.
    pub object: &'a StagedObject,
    /// Its parents.
    pub chain: &'a Chain,
    /// What the groups of the scope say of it.
    pub membership: Membership,
    /// What it was joined with before.
    pub link: Option<&'a Link>,
    /// What the cloud directory holds that it could be.
    pub candidates: Candidates,
    /// How far the import has come.
    pub phase: Phase,
    /// The moment that mappings take for now.
    pub now: Timestamp,
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
    Join(ObjectId, How, DesiredObject),
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
    /// It lies within the scope, and was found in the cloud directory.
    Matched(How),
    /// It lies outside of every organizational unit of the scope, and in none of its groups.
    OutsideScope,
    /// It lies in an organizational unit that is left out.
    Excluded {
        /// objectGUID of that unit.
        by: Guid,
    },
    /// A filter keeps it out.
    FilteredOut {
        /// The clause that is not true of it.
        clause: String,
    },
    /// Objects of its kind are not provisioned by this configuration.
    KindNotProvisioned(MappedKind),
    /// It is no user, group or contact.
    OtherClass,
    /// It is never provisioned.
    NeverSynced(NeverSynced),
    /// It was deleted in Active Directory.
    DeletedInAd,
    /// It has moved to another domain.
    MovedToAnotherDomain,
    /// A full import did not see it and the controller keeps silent about it.
    Missing {
        /// Since when.
        since: Timestamp,
    },
    /// The same, and an administrator has said that it is gone.
    SaidGone {
        /// Since when.
        since: Timestamp,
    },
    /// The same, and an administrator has said that it is to stay.
    SaidToStay {
        /// Since when.
        since: Timestamp,
    },
    /// A parent is not known, or its name is not.
    PlaceUnknown {
        /// The object that is not known.
        missing: Guid,
    },
    /// A group of the scope has not been read, so its members are not known.
    ScopingGroupUnread {
        /// The group.
        group: Guid,
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
    /// Another object of Active Directory has the same anchor and is provisioned under it.
    AnchorTaken {
        /// The anchor.
        anchor: SourceAnchor,
    },
    /// Its mapping says that it is a guest.
    Guest,
    /// The object of the cloud directory that it fits has an administrator's role.
    AdministratorNotTakenOver {
        /// By what it was found.
        how: How,
    },
    /// There is an object of the cloud directory that it fits, and the configuration does not allow to take
    /// it over so.
    MatchBlocked {
        /// By what it was found.
        how: How,
    },
    /// The object of the cloud directory with its anchor is of another kind.
    MatchOfAnotherKind {
        /// What it is there.
        found: MappedKind,
        /// What it is in AD.
        expected: MappedKind,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InScope => f.write_str("it is in scope"),
            Self::Matched(how) => {
                write!(f, "it is in scope, and an object with its {how} was there already")
            }
            Self::OutsideScope => f.write_str(
                "it lies outside of every organizational unit of the scope and is in none of its groups",
            ),
            Self::FilteredOut { clause } => {
                write!(f, "a scoping filter keeps it out: `{clause}` is not true of it")
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
                    "objects of type {kind} are not provisioned by this configuration"
                )
            }
            Self::OtherClass => f.write_str("it is no user, group or contact"),
            Self::NeverSynced(why) => write!(f, "it is never provisioned: {why}"),
            Self::DeletedInAd => f.write_str("it was deleted in Active Directory"),
            Self::MovedToAnotherDomain => f.write_str("it has moved to another domain"),
            Self::Missing { since } => write!(
                f,
                "a full import has not seen it since {since} and the domain controller keeps silent \
                 about it; it is left as it is"
            ),
            Self::SaidGone { since } => write!(
                f,
                "a full import has not seen it since {since}, and an administrator has said that it is gone"
            ),
            Self::SaidToStay { since } => write!(
                f,
                "a full import has not seen it since {since}, and an administrator has said that it is to stay"
            ),
            Self::PlaceUnknown { missing } => {
                write!(
                    f,
                    "its place is not known: nothing is known of the container {missing}"
                )
            }
            Self::ScopingGroupUnread { group } => {
                write!(f, "the members of the scoping group {group} are not known yet")
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
                "the source anchor has changed from {applied} to {found}; restore ms-DS-ConsistencyGuid; \
                 or take the object out of the scope, run a cycle, remove a user from the recycle bin, and put it back: it is \
                 made anew"
            ),
            Self::OwnedByAnother { anchor } => {
                write!(
                    f,
                    "another configuration owns the object with the anchor {anchor}"
                )
            }
            Self::AnchorTaken { anchor } => write!(
                f,
                "another object of this domain has the same source anchor {anchor} and is provisioned under \
                 it; correct ms-DS-ConsistencyGuid of one of them"
            ),
            Self::Guest => f.write_str("its userType is Guest, and guests are not provisioned"),
            Self::AdministratorNotTakenOver { how } => write!(
                f,
                "the object in the cloud directory with the same {how} has an administrator's role and is \
                 not taken over; remove the role, or give it another {how}"
            ),
            Self::MatchBlocked { how } => write!(
                f,
                "an object that is not synchronised has the same {how}, and this configuration does not \
                 allow to take it over"
            ),
            Self::MatchOfAnotherKind { found, expected } => write!(
                f,
                "the object in the cloud directory with its source anchor is a {found}, not a {expected}"
            ),
        }
    }
}

impl Reason {
    /// The anchor that somebody else has: whoever is refused for it has its turn when that one lets go.
    #[must_use]
    pub const fn claimed(&self) -> Option<&SourceAnchor> {
        match self {
            Self::OwnedByAnother { anchor } | Self::AnchorTaken { anchor } => Some(anchor),
            _ => None,
        }
    }

    /// Whether the object is not in this domain any more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::DeletedInAd | Self::MovedToAnotherDomain | Self::SaidGone { .. }
        )
    }

    /// A stable name in CamelCase.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InScope => "InScope",
            Self::Matched(_) => codes::MATCHED,
            Self::OutsideScope => "OutsideScope",
            Self::FilteredOut { .. } => "FilteredOut",
            Self::Excluded { .. } => "Excluded",
            Self::KindNotProvisioned(_) => "KindNotProvisioned",
            Self::OtherClass => "OtherClass",
            Self::NeverSynced(_) => "NeverSynced",
            Self::DeletedInAd => codes::DELETED_IN_AD,
            Self::MovedToAnotherDomain => codes::MOVED_TO_ANOTHER_DOMAIN,
            Self::Missing { .. } => codes::MISSING,
            Self::SaidGone { .. } => codes::SAID_GONE,
            Self::SaidToStay { .. } => codes::SAID_TO_STAY,
            Self::PlaceUnknown { .. } => codes::PLACE_UNKNOWN,
            Self::ScopingGroupUnread { .. } => codes::SCOPING_GROUP_UNREAD,
            Self::NotRead => codes::NOT_READ,
            Self::ImportRunning => codes::IMPORT_RUNNING,
            Self::Mapping(_) => "MappingFailed",
            Self::AnchorChanged { .. } => codes::ANCHOR_CHANGED,
            Self::OwnedByAnother { .. } => codes::OWNED_BY_ANOTHER,
            Self::AnchorTaken { .. } => codes::ANCHOR_TAKEN,
            Self::Guest => "Guest",
            Self::AdministratorNotTakenOver { .. } => codes::ADMINISTRATOR_NOT_TAKEN_OVER,
            Self::MatchBlocked { .. } => codes::MATCH_BLOCKED,
            Self::MatchOfAnotherKind { .. } => codes::MATCH_OF_ANOTHER_KIND,
        }
    }
}

impl Situation<'_> {
    /// The object of the cloud directory that stands in the way of an object that is refused for this reason:
    /// whatever changes about it may change the decision.
    #[must_use]
    pub fn obstacle(&self, reason: &Reason) -> Option<ObjectId> {
        let Candidates {
            linked,
            anchor,
            upn,
            smtp,
        } = self.candidates;
        let holding = match reason {
            Reason::OwnedByAnother { .. } | Reason::AnchorTaken { .. } => linked.or(anchor),
            Reason::MatchOfAnotherKind { .. } => anchor,
            Reason::AdministratorNotTakenOver { how } | Reason::MatchBlocked { how } => match how {
                How::Anchor => linked.or(anchor),
                How::UserPrincipalName => upn,
                How::SmtpAddress => smtp,
            },
            Reason::AnchorChanged { .. } => linked,
            _ => None,
        };
        holding.map(|holding| holding.id)
    }

    /// What mappings are evaluated on; for `existing` see [`Subject::existing`].
    pub(crate) const fn subject<'a>(
        &'a self,
        policy: &'a Policy,
        existing: Option<Option<&'a BTreeMap<String, MappedValue>>>,
    ) -> Subject<'a> {
        Subject {
            object: self.object,
            chain: self.chain,
            policy,
            existing,
            now: self.now,
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

/// The values that an object would be given in the place of those that somebody else has `applied`: for a comparison,
/// nothing is done with them. None for an object that does not take part, or whose values cannot be made.
#[must_use]
pub fn would_be(
    situation: &Situation<'_>,
    policy: &Policy,
    applied: &BTreeMap<String, MappedValue>,
) -> Option<(MappedKind, MappedValues)> {
    let Participation::In(kind) = participation(situation, policy) else {
        return None;
    };
    let subject = situation.subject(policy, Some(Some(applied)));
    let values = policy.mapping.evaluate(kind, &subject).ok()?;
    Some((kind, values))
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
        Presence::Deleted if object.moved_away => {
            return Participation::Out(Reason::MovedToAnotherDomain);
        }
        Presence::Deleted => return Participation::Out(Reason::DeletedInAd),
        Presence::Missing { since, word } => {
            return match word {
                None => Participation::Open(Decision::Skip, Reason::Missing { since }),
                Some(Word::Stays) => {
                    Participation::Open(Decision::Skip, Reason::SaidToStay { since })
                }
                Some(Word::Gone) => Participation::Out(Reason::SaidGone { since }),
            };
        }
        Presence::Alive { .. } => {}
    }
    let Some(class) = object.class else {
        return Participation::Open(Decision::Read(object.guid), Reason::NotRead);
    };
    let Some(kind) = class.kind() else {
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
    match policy
        .scope
        .placement(situation.chain, situation.membership)
    {
        Placement::Outside => Participation::Out(Reason::OutsideScope),
        Placement::Excluded { by } => Participation::Out(Reason::Excluded { by }),
        Placement::Undecided { missing } => {
            Participation::Open(Decision::Read(missing), Reason::PlaceUnknown { missing })
        }
        Placement::GroupUnread { group } => match situation.phase {
            Phase::Reading => Participation::Open(Decision::Wait, Reason::ImportRunning),
            Phase::Complete => {
                Participation::Open(Decision::Read(group), Reason::ScopingGroupUnread { group })
            }
        },
        Placement::Inside => inside(situation, policy, kind),
    }
}

/// What keeps an object that is in place out: it is one of those that never take part, or a filter says so.
///
/// Decided from the decision attributes alone, by the import for an object that is offered and by
/// [`decide`] for one that is staged.
#[must_use]
pub fn kept_out(kind: MappedKind, object: &StagedObject, policy: &Policy) -> Option<Reason> {
    if let Some(why) = never_synced(kind, object) {
        return Some(Reason::NeverSynced(why));
    }
    let clause = policy.scope.filters.keeps_out(kind, object)?;
    Some(Reason::FilteredOut {
        clause: clause.to_string(),
    })
}

/// An object that is in place takes part unless something keeps it out.
fn inside(situation: &Situation<'_>, policy: &Policy, kind: MappedKind) -> Participation {
    let object = situation.object;
    // Without its attributes a row may only seem to lack an account name or an address.
    if (object.is_complete(policy.read_set) || !object.attributes.is_empty())
        && let Some(reason) = kept_out(kind, object, policy)
    {
        return Participation::Out(reason);
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
    let found = matching::find(kind, &anchor, &situation.candidates, policy.matching);
    if let Match::Refused(reason) = found {
        return (Decision::Fail, reason);
    }
    let existing = (found != Match::None).then(|| situation.link.map(|link| &link.applied));
    let subject = situation.subject(policy, existing);
    let values = match policy.mapping.evaluate(kind, &subject) {
        Ok(values) => values,
        Err(error) => return (Decision::Fail, Reason::Mapping(error)),
    };
    if is_guest(&values) {
        return (deprovision(situation), Reason::Guest);
    }
    let desired = DesiredObject {
        kind,
        anchor,
        values,
    };
    match found {
        Match::None => (Decision::Create(desired), Reason::InScope),
        Match::Deleted(id) => (Decision::Restore(id, desired), Reason::InScope),
        Match::Found(id, how) => (Decision::Join(id, how, desired), Reason::Matched(how)),
        Match::Linked(id) => match situation.link {
            Some(link) => (update(id, link, desired), Reason::InScope),
            None => (Decision::Join(id, How::Anchor, desired), Reason::InScope),
        },
        // Answered before the values were made.
        Match::Refused(reason) => (Decision::Fail, reason),
    }
}

/// The keys by which an object that was never joined is looked for among those that only the cloud owns;
/// none for an object that does not take part.
#[must_use]
pub fn soft_keys(situation: &Situation<'_>, policy: &Policy) -> Option<SoftKeys> {
    let Participation::In(kind) = participation(situation, policy) else {
        return None;
    };
    let subject = situation.subject(policy, None);
    let values = policy
        .mapping
        .evaluate_only(kind, &subject, &matching::KEYS)
        .ok()?;
    Some(SoftKeys::of(kind, &values))
}

fn is_guest(values: &MappedValues) -> bool {
    let value = values.get("userType").and_then(Option::as_ref);
    let text = value.and_then(lockstep_model::PropertyValue::as_text);
    text.is_some_and(|text| text.eq_ignore_ascii_case("guest"))
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
/// complete. What another configuration provisions by now, or the cloud owns, is left to them.
fn deprovision(situation: &Situation<'_>) -> Decision {
    let (Some(link), Some(held)) = (situation.link, situation.candidates.linked) else {
        return Decision::Skip;
    };
    let ours = !held.deleted && held.owner == matching::Owner::This;
    match situation.phase {
        _ if link.deleted || !ours || held.id != link.object => Decision::Skip,
        Phase::Reading => Decision::Wait,
        Phase::Complete => Decision::Delete(held.id),
    }
}

#[cfg(test)]
mod tests;
