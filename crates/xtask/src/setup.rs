//! `cargo xtask setup`: what tests, demo and benchmarks need on this machine.

use crate::output;
use lockstep_testkit::samba::{Domain, Template};
use lockstep_testkit::{browser, packages, relying_parties, storage};

/// Installs the Debian packages that are missing, and makes the templates that most tests start from.
pub(crate) fn run() -> anyhow::Result<()> {
    output::step("setup: Debian packages");
    packages::ensure(&[packages::SAMBA, browser::PACKAGES, storage::PACKAGES].concat())?;
    output::step("setup: relying parties");
    relying_parties::ready()?;
    output::step("setup: templates of Samba forests");
    for template in [
        Template::default(),
        Template {
            domain: Domain::Acme,
            exchange: false,
            ..Template::default()
        },
    ] {
        template.ready()?;
    }
    Ok(())
}
