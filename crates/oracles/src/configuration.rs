//! Configuration files.

use lockstep_api::configuration::Spec;

/// A configuration that passes its check travels through the API unchanged.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(spec) = toml::from_str::<Spec>(text) else {
        return;
    };
    if spec.check().is_err() {
        return;
    }
    let json = serde_json::to_string(&spec).expect("a configuration can be written");
    let read: Spec = serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{json} cannot be read: {error}"));
    assert_eq!(read, spec);
}
