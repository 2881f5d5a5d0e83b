//! Stored configurations.

use lockstep_api::configuration::Spec;
use lockstep_store::records::job::Configuration;

/// The configuration as it was applied.
///
/// What is stored was checked before. Should it not be readable all the same, a configuration that
/// provisions nothing and is paused stands in for it: unknown is not empty, and nothing is deleted.
#[must_use]
pub fn spec_of(configuration: &Configuration) -> Spec {
    serde_json::from_str(&configuration.spec).unwrap_or_else(|error| {
        tracing::error!(configuration = configuration.name, %error, "the stored configuration cannot be read");
        Spec {
            name: configuration.name.clone(),
            domain: configuration.domain.clone(),
            paused: true,
            scope: lockstep_api::configuration::Scope::default(),
            objects: lockstep_api::configuration::Objects::default(),
            accidental_deletes: lockstep_api::configuration::AccidentalDeletes {
                enabled: true,
                threshold: 1,
            },
            schedule: lockstep_api::configuration::Schedule::default(),
        }
    })
}
