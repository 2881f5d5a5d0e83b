//! Which object of the cloud directory an object of Active Directory is, or becomes.
//!
//! The link made once counts first. Without one the source anchor finds the object (a hard match), then,
//! for an object that only the cloud owns, the user principal name or the primary SMTP address (a soft
//! match). Objects that another configuration provisions are not taken, and administrators never are.

use crate::decision::Reason;
use crate::mapping::{MappedKind, MappedValue, MappedValues};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, SourceAnchor};
use std::fmt;

/// Which matches an administrator allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Matching {
    /// Users that only the cloud owns are found by user principal name.
    pub soft_upn: bool,
    /// Users, contacts and mail-enabled groups that only the cloud owns are found by primary SMTP address.
    pub soft_smtp: bool,
    /// An object that only the cloud owns is taken over when its anchor fits.
    pub takeover: bool,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            soft_upn: true,
            soft_smtp: true,
            takeover: true,
        }
    }
}

/// Who provisions an object of the cloud directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// The configuration that asks.
    This,
    /// The configuration that asks, for another object of Active Directory with the same anchor.
    Twin,
    /// Another configuration.
    Another,
    /// A configuration that is gone: whoever has its anchor goes on with it.
    Gone,
    /// Nobody: it was made in the cloud.
    Cloud,
}

/// An object of the cloud directory, as matching sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holding {
    /// Which.
    pub id: ObjectId,
    /// What it is.
    pub kind: MappedKind,
    /// It is in the recycle bin.
    pub deleted: bool,
    /// Who provisions it.
    pub owner: Owner,
    /// It has an administrator's role.
    pub administrator: bool,
}

/// What the cloud directory holds that an object could be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Candidates {
    /// Under the link made before.
    pub linked: Option<Holding>,
    /// Under the anchor; a live object before a deleted one.
    pub anchor: Option<Holding>,
    /// The owner of the user principal name.
    pub upn: Option<Holding>,
    /// The owner of the primary SMTP address.
    pub smtp: Option<Holding>,
}

/// How an object was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum How {
    /// By its source anchor.
    Anchor,
    /// By its user principal name.
    UserPrincipalName,
    /// By its primary SMTP address.
    SmtpAddress,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchor => "source anchor",
            Self::UserPrincipalName => "user principal name",
            Self::SmtpAddress => "primary SMTP address",
        })
    }
}

/// The result of matching.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// There is nothing yet.
    None,
    /// The object it was joined with before.
    Linked(ObjectId),
    /// This object, in the recycle bin.
    Deleted(ObjectId),
    /// An object that it is joined with from now on.
    Found(ObjectId, How),
    /// There is one, and it must not be taken.
    Refused(Reason),
}

/// The properties that soft matching looks at.
pub(crate) const KEYS: [&str; 3] = ["userPrincipalName", "proxyAddresses", "mail"];

/// The values by which a soft match looks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SoftKeys {
    /// The user principal name that AD gives.
    pub upn: Option<String>,
    /// The primary SMTP address, without its prefix.
    pub smtp: Option<String>,
}

impl SoftKeys {
    /// The keys among mapped values; a group without mail has none.
    #[must_use]
    pub fn of(kind: MappedKind, values: &MappedValues) -> Self {
        let text = |name: &str| {
            let value = values.get(name).and_then(Option::as_ref);
            value.and_then(MappedValue::as_text).map(str::to_owned)
        };
        Self {
            upn: text("userPrincipalName").filter(|_| kind == MappedKind::User),
            smtp: primary_address(values).or_else(|| text("mail")),
        }
    }
}

/// The address that `proxyAddresses` marks as primary.
fn primary_address(values: &MappedValues) -> Option<String> {
    let Some(Some(PropertyValue::TextList(addresses))) = values.get("proxyAddresses") else {
        return None;
    };
    let primary = addresses
        .iter()
        .find_map(|address| address.strip_prefix("SMTP:"));
    primary.map(str::to_owned)
}

/// Finds the object. Decided for objects without a link only: a later collision of values is none of
/// matching's business.
#[must_use]
pub fn find(
    kind: MappedKind,
    anchor: &SourceAnchor,
    candidates: &Candidates,
    allowed: Matching,
) -> Match {
    if let Some(linked) = candidates.linked {
        let live = match linked.owner {
            // Another configuration took it up meanwhile, and is gone: it is taken up again, whatever it looks like.
            Owner::Gone => Match::Found(linked.id, How::Anchor),
            // The same, and it was given to the cloud.
            Owner::Cloud if !linked.deleted => {
                return taken_over(linked, How::Anchor, allowed.takeover);
            }
            _ => Match::Linked(linked.id),
        };
        return owned_by_us_or_refused(linked, anchor, live);
    }
    if let Some(found) = candidates.anchor {
        return hard(kind, anchor, found, allowed);
    }
    let soft = [
        (How::UserPrincipalName, candidates.upn, allowed.soft_upn),
        (How::SmtpAddress, candidates.smtp, allowed.soft_smtp),
    ];
    for (how, found, allowed) in soft {
        // What is provisioned already is no candidate: it only has the same value, which is held back.
        let cloud =
            |found: &Holding| found.owner == Owner::Cloud && !found.deleted && found.kind == kind;
        if let Some(found) = found.filter(cloud) {
            return taken_over(found, how, allowed);
        }
    }
    Match::None
}

fn owned_by_us_or_refused(held: Holding, anchor: &SourceAnchor, live: Match) -> Match {
    match (held.deleted, held.owner) {
        // Whoever let go of it has no say any more.
        (true, _) => Match::Deleted(held.id),
        (false, Owner::Another) => Match::Refused(Reason::OwnedByAnother {
            anchor: anchor.clone(),
        }),
        (false, Owner::Twin) => Match::Refused(Reason::AnchorTaken {
            anchor: anchor.clone(),
        }),
        (false, _) => live,
    }
}

fn hard(kind: MappedKind, anchor: &SourceAnchor, found: Holding, allowed: Matching) -> Match {
    // Of what somebody provisions its kind is not what stands in the way: the anchor may become free.
    let provisioned = matches!(found.owner, Owner::Twin | Owner::Another) && !found.deleted;
    if found.kind != kind && !provisioned {
        return Match::Refused(Reason::MatchOfAnotherKind {
            found: found.kind,
            expected: kind,
        });
    }
    if found.owner == Owner::Cloud && !found.deleted {
        return taken_over(found, How::Anchor, allowed.takeover);
    }
    owned_by_us_or_refused(found, anchor, Match::Found(found.id, How::Anchor))
}

fn taken_over(found: Holding, how: How, allowed: bool) -> Match {
    if found.administrator {
        return Match::Refused(Reason::AdministratorNotTakenOver { how });
    }
    if !allowed {
        return Match::Refused(Reason::MatchBlocked { how });
    }
    Match::Found(found.id, how)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::Guid;

    fn holding(owner: Owner) -> Option<Holding> {
        Some(Holding {
            id: ObjectId::new(Guid::from_bytes([7; 16])),
            kind: MappedKind::User,
            deleted: false,
            owner,
            administrator: false,
        })
    }

    fn found(candidates: Candidates, allowed: Matching) -> Match {
        let anchor = SourceAnchor::from_object_guid(Guid::from_bytes([1; 16]));
        find(MappedKind::User, &anchor, &candidates, allowed)
    }

    fn by_upn(owner: Owner) -> Candidates {
        Candidates {
            upn: holding(owner),
            ..Candidates::default()
        }
    }

    fn id() -> ObjectId {
        ObjectId::new(Guid::from_bytes([7; 16]))
    }

    #[test]
    fn a_cloud_user_with_the_same_upn_or_primary_address_is_taken_over() {
        let all = Matching::default();
        let expected = Match::Found(id(), How::UserPrincipalName);
        assert_eq!(found(by_upn(Owner::Cloud), all), expected);
        let by_smtp = Candidates {
            smtp: holding(Owner::Cloud),
            ..Candidates::default()
        };
        assert_eq!(found(by_smtp, all), Match::Found(id(), How::SmtpAddress));
    }

    #[test]
    fn an_administrator_is_not_taken_over() {
        let mut candidates = by_upn(Owner::Cloud);
        if let Some(held) = &mut candidates.upn {
            held.administrator = true;
        }
        let how = How::UserPrincipalName;
        assert_eq!(
            found(candidates, Matching::default()),
            Match::Refused(Reason::AdministratorNotTakenOver { how })
        );
    }

    #[test]
    fn a_blocked_match_is_reported_and_makes_nothing() {
        let no_upn = Matching {
            soft_upn: false,
            ..Matching::default()
        };
        let how = How::UserPrincipalName;
        let refused = Match::Refused(Reason::MatchBlocked { how });
        assert_eq!(found(by_upn(Owner::Cloud), no_upn), refused);
        let no_takeover = Matching {
            takeover: false,
            ..Matching::default()
        };
        let by_anchor = Candidates {
            anchor: holding(Owner::Cloud),
            ..Candidates::default()
        };
        let how = How::Anchor;
        let refused = Match::Refused(Reason::MatchBlocked { how });
        assert_eq!(found(by_anchor, no_takeover), refused);
    }

    #[test]
    fn what_is_provisioned_already_only_shares_a_value() {
        for owner in [Owner::This, Owner::Twin, Owner::Another, Owner::Gone] {
            assert_eq!(found(by_upn(owner), Matching::default()), Match::None);
        }
    }

    #[test]
    fn an_object_whose_configuration_is_gone_is_found_by_its_anchor() {
        let by_anchor = |owner| Candidates {
            anchor: holding(owner),
            ..Candidates::default()
        };
        let expected = Match::Found(id(), How::Anchor);
        assert_eq!(found(by_anchor(Owner::Gone), Matching::default()), expected);
        let other = found(by_anchor(Owner::Another), Matching::default());
        assert!(matches!(
            other,
            Match::Refused(Reason::OwnedByAnother { .. })
        ));
    }

    #[test]
    fn what_was_given_to_the_cloud_meanwhile_is_taken_over_anew_or_not_at_all() {
        let linked = |owner| Candidates {
            linked: holding(owner),
            ..Candidates::default()
        };
        let all = Matching::default();
        assert_eq!(found(linked(Owner::This), all), Match::Linked(id()));
        let expected = Match::Found(id(), How::Anchor);
        assert_eq!(found(linked(Owner::Cloud), all), expected);
        let no_takeover = Matching {
            takeover: false,
            ..all
        };
        let how = How::Anchor;
        let refused = Match::Refused(Reason::MatchBlocked { how });
        assert_eq!(found(linked(Owner::Cloud), no_takeover), refused);
    }

    #[test]
    fn two_objects_of_ad_with_one_anchor_do_not_become_one() {
        let candidates = Candidates {
            anchor: holding(Owner::Twin),
            ..Candidates::default()
        };
        let refused = found(candidates, Matching::default());
        assert!(matches!(
            refused,
            Match::Refused(Reason::AnchorTaken { .. })
        ));
    }

    #[test]
    fn what_another_configuration_let_go_of_is_restored() {
        let mut candidates = Candidates {
            anchor: holding(Owner::Another),
            ..Candidates::default()
        };
        if let Some(held) = &mut candidates.anchor {
            held.deleted = true;
        }
        assert_eq!(found(candidates, Matching::default()), Match::Deleted(id()));
    }

    #[test]
    fn a_primary_address_is_told_from_others() {
        let values: MappedValues = [
            (
                "proxyAddresses".to_owned(),
                Some(PropertyValue::texts(vec![
                    "smtp:b@x.test".into(),
                    "SMTP:a@x.test".into(),
                ])),
            ),
            (
                "mail".to_owned(),
                Some(PropertyValue::Text("c@x.test".into())),
            ),
        ]
        .into();
        let keys = SoftKeys::of(MappedKind::Group, &values);
        assert_eq!(keys.smtp.as_deref(), Some("a@x.test"));
        assert_eq!(keys.upn, None);
    }
}
