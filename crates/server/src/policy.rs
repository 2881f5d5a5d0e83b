//! From the stored configuration to what the engine needs.

use lockstep_engine::Policy;
use lockstep_engine::mapping::{Mapping, REFERENCES};
use lockstep_engine::never_synced::DECISION_ATTRIBUTES;
use lockstep_engine::scope::Scope;
use lockstep_model::{Dn, Guid};
use lockstep_store::records::job::{Configuration, Job, ReadSet};
use std::collections::BTreeSet;

/// The configuration as the engine needs it.
#[must_use]
pub fn policy(configuration: &Configuration, job: &Job) -> Policy {
    let spec = crate::configuration::spec_of(configuration);
    let guids = |roots: &[lockstep_store::records::job::ScopeRoot]| -> BTreeSet<Guid> {
        roots.iter().map(|root| root.guid).collect()
    };
    let domain = job.domain.as_ref();
    Policy {
        domain: configuration.domain.clone(),
        netbios_name: domain.map_or_else(String::new, |domain| domain.netbios_name.clone()),
        naming_context: domain.map_or(Guid::NIL, |domain| domain.naming_context),
        naming_context_dn: Dn::of_domain(&configuration.domain),
        scope: Scope {
            roots: configuration.roots.as_deref().map(guids),
            excluded: guids(&configuration.excluded),
        },
        users: spec.objects.users,
        groups: spec.objects.groups,
        contacts: spec.objects.contacts,
        mapping: Mapping::standard(),
        read_set: job.read_set.version,
    }
}

/// What has to be read for this mapping.
#[must_use]
pub fn read_set(mapping: &Mapping, version: u64) -> ReadSet {
    let mut attributes: BTreeSet<String> = mapping
        .sources()
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect();
    attributes.insert("ms-ds-consistencyguid".to_owned());
    attributes.extend(
        DECISION_ATTRIBUTES
            .iter()
            .map(|name| name.to_ascii_lowercase()),
    );
    ReadSet {
        version,
        attributes: attributes.into_iter().collect(),
        links: REFERENCES
            .iter()
            .map(|reference| reference.attribute.to_owned())
            .collect(),
        decision: DECISION_ATTRIBUTES
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
    }
}
