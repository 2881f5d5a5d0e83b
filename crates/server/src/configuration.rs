//! Stored configurations.

use crate::policy::{Compiled, compile};
use lockstep_api::configuration::Spec;
use lockstep_store::records::job::Configuration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A configuration as it was applied, ready for use.
#[derive(Clone, Debug)]
pub struct Known {
    /// What the administrator wants.
    pub spec: Spec,
    /// Its filters and mappings.
    pub compiled: Compiled,
}

/// How many configurations are kept ready for use.
const READY: usize = 256;

/// The configuration as it was applied. Every request of an agent needs it, so the last ones are kept by
/// their text: what is kept can never be out of date.
#[must_use]
pub fn known(configuration: &Configuration) -> Arc<Known> {
    static KNOWN: OnceLock<Mutex<HashMap<String, Arc<Known>>>> = OnceLock::new();
    let mut ready = KNOWN
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = ready.get(&configuration.spec) {
        return Arc::clone(known);
    }
    if ready.len() >= READY {
        ready.clear();
    }
    let known = Arc::new(read(configuration));
    ready.insert(configuration.spec.clone(), Arc::clone(&known));
    known
}

/// The configuration as the administrator wrote it.
#[must_use]
pub fn spec_of(configuration: &Configuration) -> Spec {
    known(configuration).spec.clone()
}

/// What is stored was checked before. Should it not be readable all the same, a configuration that
/// provisions nothing and is paused stands in for it: unknown is not empty, and nothing is deleted.
fn read(configuration: &Configuration) -> Known {
    let spec = serde_json::from_str::<Spec>(&configuration.spec);
    let spec = spec.map_err(|error| error.to_string());
    let read = spec.and_then(|spec| match compile(&spec) {
        Ok(compiled) => Ok(Known { spec, compiled }),
        Err(error) => Err(error.to_string()),
    });
    read.unwrap_or_else(|error| {
        tracing::error!(
            configuration = configuration.name,
            error,
            "the stored configuration cannot be read"
        );
        Known {
            spec: Spec::unreadable(&configuration.name, &configuration.domain),
            compiled: Compiled::default(),
        }
    })
}
