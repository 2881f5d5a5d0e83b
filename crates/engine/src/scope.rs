//! Who takes part, by place.
//!
//! Everything is a GUID: a renamed or moved organizational unit is still the same one. Places are
//! decided by the chain of parents, which the caller looks up.

use crate::staged::StagedObject;
use lockstep_model::{Dn, Guid, Rdn};
use std::collections::BTreeSet;

/// Where a configuration looks for objects.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// Subtrees, by GUID; `None`: the whole domain.
    pub roots: Option<BTreeSet<Guid>>,
    /// Subtrees left out, by GUID. Of a root and an exclusion on the same chain the nearer one decides.
    pub excluded: BTreeSet<Guid>,
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
    /// It lies within the scope.
    Inside,
    /// It lies outside of every subtree of the scope.
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
}

impl Scope {
    /// Decides by place.
    #[must_use]
    pub fn placement(&self, chain: &Chain) -> Placement {
        let parents = match chain {
            Chain::Unknown { missing } => return Placement::Undecided { missing: *missing },
            Chain::Known(parents) => parents,
        };
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
        if self.roots.is_none() {
            Placement::Inside
        } else {
            Placement::Outside
        }
    }
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
            excluded: BTreeSet::new(),
        };
        assert_eq!(scope.placement(&chain(&[3, 2, 1])), Placement::Inside);
        assert_eq!(scope.placement(&chain(&[4, 1])), Placement::Outside);
    }

    #[test]
    fn the_nearer_of_root_and_exclusion_decides() {
        let scope = Scope {
            roots: Some([guid(1), guid(4)].into()),
            excluded: [guid(2)].into(),
        };
        assert_eq!(
            scope.placement(&chain(&[3, 2, 1])),
            Placement::Excluded { by: guid(2) }
        );
        assert_eq!(scope.placement(&chain(&[4, 2, 1])), Placement::Inside);
    }

    #[test]
    fn an_unknown_parent_leaves_it_undecided() {
        let chain = Chain::Unknown { missing: guid(9) };
        assert_eq!(
            Scope::default().placement(&chain),
            Placement::Undecided { missing: guid(9) }
        );
    }
}
