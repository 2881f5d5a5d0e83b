//! What must hold for whatever comes in from outside: one function for each reader of foreign bytes.
//!
//! `cargo xtask fuzz` feeds them with what libFuzzer makes up; the test of this crate feeds them with the
//! corpus of the repository, `fuzz/corpus/NAME`: seeds, and everything that once broke a reader. To add a
//! target, write its function and name it in [`ORACLES`].
//!
//! Nothing here says that a reader is right; that is the business of the tests beside it. Here stands that
//! it ends, refuses what it does not understand, and reads back what it wrote.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "an oracle speaks by panicking"
)]

mod configuration;
mod enrollment_token;
mod expression;
mod filter;
mod identity;
mod ldap;
mod replication;

/// One reader of foreign bytes.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// The target's name, and that of its folder of inputs.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]),
}

/// Every target of `cargo xtask fuzz`.
pub const ORACLES: &[Oracle] = &[
    Oracle {
        name: "configuration",
        check: configuration::check,
    },
    Oracle {
        name: "dn",
        check: identity::dn,
    },
    Oracle {
        name: "drs-bind",
        check: replication::bind,
    },
    Oracle {
        name: "drs-changes",
        check: replication::changes,
    },
    Oracle {
        name: "endpoint-mapper",
        check: replication::endpoint,
    },
    Oracle {
        name: "enrollment-token",
        check: enrollment_token::check,
    },
    Oracle {
        name: "expression",
        check: expression::check,
    },
    Oracle {
        name: "filter",
        check: filter::check,
    },
    Oracle {
        name: "guid-and-sid",
        check: identity::guid_and_sid,
    },
    Oracle {
        name: "ldap",
        check: ldap::check,
    },
    Oracle {
        name: "rpc",
        check: replication::fragments,
    },
    Oracle {
        name: "synced-hash",
        check: replication::synced_hash,
    },
];

/// The oracle of this name.
#[must_use]
pub fn named(name: &str) -> Option<Oracle> {
    ORACLES.iter().copied().find(|oracle| oracle.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_oracle_holds_for_all_of_its_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for oracle in ORACLES {
            let inputs = fs::read_dir(corpus.join(oracle.name))
                .unwrap_or_else(|error| panic!("no inputs for {}: {error}", oracle.name));
            let mut count = 0;
            for input in inputs {
                let path = input.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                let held = std::panic::catch_unwind(|| (oracle.check)(&bytes));
                assert!(held.is_ok(), "{} broke on {}", oracle.name, path.display());
                count += 1;
            }
            assert!(count > 0, "{} has no inputs", oracle.name);
        }
    }

    #[test]
    fn every_folder_of_inputs_has_its_oracle() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for folder in fs::read_dir(corpus).unwrap() {
            let name = folder.unwrap().file_name().into_string().unwrap();
            assert!(named(&name).is_some(), "fuzz/corpus/{name} has no oracle");
        }
    }
}
