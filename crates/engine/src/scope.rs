//! Who takes part, by place and by group.
//!
//! Everything is a GUID: a renamed or moved organizational unit or group is still the same one. Places are
//! decided by the chain of parents and groups by membership; the caller looks both up. What attributes
//! say of an object is in [`filter`](crate::filter).

use crate::filter::Filters;
use crate::staged::StagedObject;
use lockstep_model::{Dn, Guid, Rdn};
use std::collections::{BTreeMap, BTreeSet};

/// Where a configuration looks for objects.
///
/// Subtrees and groups are a union; with neither, the whole domain takes part. A subtree that is left out
/// is left out whatever the groups say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// Subtrees, by GUID; `None`: none is named.
    pub roots: Option<BTreeSet<Guid>>,
    /// Groups, by GUID: they and their direct members take part.
    pub groups: BTreeSet<Guid>,
    /// Members of member groups take part too, however deep.
    pub nested: bool,
    /// Subtrees left out, by GUID. Of a root and an exclusion on the same chain the nearer one decides.
    pub excluded: BTreeSet<Guid>,
    /// What objects in place must be like.
    pub filters: Filters,
}

/// What the groups of the scope say of an object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Membership {
    /// It is none of them and in none of them.
    #[default]
    None,
    /// It is one of them.
    ScopingGroup,
    /// An administrator wants this one object, wherever it lies.
    Admitted,
    /// It is a member of this one.
    MemberOf(Guid),
    /// It is in none that has been read, and this one has not been.
    Undecided {
        /// The group.
        unread: Guid,
    },
}

/// The parents of an object, as far as they are known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Chain {
    /// All parents up to the naming context's head, the nearest first.
    Known(Vec<ChainLink>),
    /// A parent is not known: nothing can be decided about the object.
    Unknown {
        /// The GUID that leads nowhere.
        missing: Guid,
    },
}

/// One parent of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainLink {
    /// Its objectGUID.
    pub guid: Guid,
    /// Its own step of the distinguished name, if known.
    pub rdn: Option<Rdn>,
}

/// What places say of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placement {
    /// It lies within the scope, or belongs to a group of it.
    Inside,
    /// It lies outside of every subtree of the scope, and belongs to none of its groups.
    Outside,
    /// It lies in a subtree that is left out.
    Excluded {
        /// The subtree.
        by: Guid,
    },
    /// Its place is not known.
    Undecided {
        /// The parent that is not known.
        missing: Guid,
    },
    /// Whether a group of the scope has it as a member is not known.
    GroupUnread {
        /// The group that has not been read.
        group: Guid,
    },
}

impl Scope {
    /// Whether everything takes part that is not left out.
    #[must_use]
    pub fn is_whole_domain(&self) -> bool {
        self.roots.is_none() && self.groups.is_empty()
    }

    /// Decides by place and group.
    #[must_use]
    pub fn placement(&self, chain: &Chain, membership: Membership) -> Placement {
        let parents = match chain {
            Chain::Unknown { missing } => return Placement::Undecided { missing: *missing },
            Chain::Known(parents) => parents,
        };
        if membership == Membership::Admitted {
            return Placement::Inside;
        }
        for parent in parents {
            if self.excluded.contains(&parent.guid) {
                return Placement::Excluded { by: parent.guid };
            }
            if self
                .roots
                .as_ref()
                .is_some_and(|roots| roots.contains(&parent.guid))
            {
                return Placement::Inside;
            }
        }
        match membership {
            Membership::ScopingGroup | Membership::MemberOf(_) | Membership::Admitted => {
                Placement::Inside
            }
            Membership::Undecided { unread } => Placement::GroupUnread { group: unread },
            Membership::None if self.is_whole_domain() => Placement::Inside,
            Membership::None => Placement::Outside,
        }
    }
}

/// The groups that can be reached from `roots` along member edges, `from` a group `to` its member groups.
///
/// Recomputed from the roots, never counted: groups that only reach each other are not reached (two groups
/// that are members of one another, cut off from the scope, leave it together).
#[must_use]
pub fn reachable(roots: &BTreeSet<Guid>, edges: &BTreeMap<Guid, BTreeSet<Guid>>) -> BTreeSet<Guid> {
    let mut reached = roots.clone();
    let mut open: Vec<Guid> = roots.iter().copied().collect();
    while let Some(group) = open.pop() {
        for member in edges.get(&group).into_iter().flatten() {
            if reached.insert(*member) {
                open.push(*member);
            }
        }
    }
    reached
}

impl Chain {
    /// The parents, the nearest first; none when the chain is not known.
    #[must_use]
    pub fn parents(&self) -> &[ChainLink] {
        match self {
            Self::Known(parents) => parents,
            Self::Unknown { .. } => &[],
        }
    }

    /// The distinguished name of an object with this chain, if every name on it is known.
    ///
    /// `naming_context` stands for the last parent: the domain's own name has several steps.
    #[must_use]
    pub fn dn(&self, object: &StagedObject, naming_context: &Dn) -> Option<Dn> {
        let Self::Known(parents) = self else {
            return None;
        };
        let mut steps = vec![object.rdn.clone()?];
        let (_, inner) = parents.split_last()?;
        for parent in inner {
            steps.push(parent.rdn.clone()?);
        }
        steps.extend_from_slice(naming_context.steps());
        Some(Dn::new(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guid(n: u8) -> Guid {
        Guid::from_bytes([n; 16])
    }

    fn chain(parents: &[u8]) -> Chain {
        Chain::Known(
            parents
                .iter()
                .map(|n| ChainLink {
                    guid: guid(*n),
                    rdn: None,
                })
                .collect(),
        )
    }

    #[test]
    fn a_child_of_a_scoped_unit_is_inside() {
        let scope = Scope {
            roots: Some([guid(2)].into()),
            ..Scope::default()
        };
        assert_eq!(
            scope.placement(&chain(&[3, 2, 1]), Membership::None),
            Placement::Inside
        );
        assert_eq!(
            scope.placement(&chain(&[4, 1]), Membership::None),
            Placement::Outside
        );
    }

    #[test]
    fn the_nearer_of_root_and_exclusion_decides() {
        let scope = Scope {
            roots: Some([guid(1), guid(4)].into()),
            excluded: [guid(2)].into(),
            ..Scope::default()
        };
        assert_eq!(
            scope.placement(&chain(&[3, 2, 1]), Membership::None),
            Placement::Excluded { by: guid(2) }
        );
        assert_eq!(
            scope.placement(&chain(&[4, 2, 1]), Membership::None),
            Placement::Inside
        );
    }

    #[test]
    fn groups_and_units_are_a_union_and_an_exclusion_wins_over_a_group() {
        let scope = Scope {
            roots: Some([guid(2)].into()),
            groups: [guid(8)].into(),
            excluded: [guid(4)].into(),
            ..Scope::default()
        };
        let member = Membership::MemberOf(guid(8));
        assert_eq!(
            scope.placement(&chain(&[2, 1]), Membership::None),
            Placement::Inside
        );
        assert_eq!(scope.placement(&chain(&[5, 1]), member), Placement::Inside);
        assert_eq!(
            scope.placement(&chain(&[5, 1]), Membership::ScopingGroup),
            Placement::Inside
        );
        assert_eq!(
            scope.placement(&chain(&[5, 1]), Membership::None),
            Placement::Outside
        );
        assert_eq!(
            scope.placement(&chain(&[4, 1]), member),
            Placement::Excluded { by: guid(4) }
        );
        let only_groups = Scope {
            roots: None,
            ..scope
        };
        assert_eq!(
            only_groups.placement(&chain(&[2, 1]), Membership::None),
            Placement::Outside
        );
    }

    #[test]
    fn groups_that_only_hold_each_other_are_not_reached() {
        let edge = |from: u8, to: &[u8]| (guid(from), to.iter().map(|n| guid(*n)).collect());
        let roots: BTreeSet<Guid> = [guid(1)].into();
        let loops = [edge(1, &[2]), edge(2, &[3]), edge(3, &[2])].into();
        assert_eq!(
            reachable(&roots, &loops),
            [guid(1), guid(2), guid(3)].into()
        );
        let cut = [edge(2, &[3]), edge(3, &[2])].into();
        assert_eq!(reachable(&roots, &cut), roots);
    }

    #[test]
    fn an_unknown_parent_leaves_it_undecided() {
        let chain = Chain::Unknown { missing: guid(9) };
        assert_eq!(
            Scope::default().placement(&chain, Membership::None),
            Placement::Undecided { missing: guid(9) }
        );
    }
}
