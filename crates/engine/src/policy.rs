//! What the administrator decided, as the engine needs it.

use crate::mapping::Mapping;
use crate::matching::Matching;
use crate::scope::Scope;
use lockstep_model::{Dn, Guid};
use std::sync::Arc;

/// A configuration with all names resolved: GUIDs instead of distinguished names.
#[derive(Clone, Debug)]
pub struct Policy {
    /// DNS name of the domain.
    pub domain: String,
    /// NetBIOS name of the domain.
    pub netbios_name: String,
    /// objectGUID of the naming context's head.
    pub naming_context: Guid,
    /// Name of the naming context's head.
    pub naming_context_dn: Dn,
    /// Who takes part.
    pub scope: Arc<Scope>,
    /// Whether users and inetOrgPersons are provisioned.
    pub users: bool,
    /// Whether groups are provisioned.
    pub groups: bool,
    /// Whether contacts are provisioned.
    pub contacts: bool,
    /// Which value each property gets.
    pub mapping: Arc<Mapping>,
    /// Which matches are allowed.
    pub matching: Matching,
    /// What random values of mappings are made from: the same for every cycle of the configuration, and
    /// known to nobody else.
    pub seed: [u8; 32],
    /// The version of the list of attributes that are read.
    pub read_set: u64,
}
