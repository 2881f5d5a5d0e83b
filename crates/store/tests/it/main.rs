//! The implementations against the contract.

#![expect(
    clippy::unwrap_used,
    reason = "what goes wrong in a test's helper fails the test"
)]

mod adapters;
mod conformance;
mod crash;
mod histories;

/// A module that is not named above is not compiled, and its tests never run.
#[test]
fn no_file_of_tests_is_forgotten() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || main.contains(&format!("mod {module};")),
            "{name}"
        );
    }
}
