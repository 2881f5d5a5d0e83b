//! Real Samba AD domain controllers on loopback.
//!
//! Start at [`Forest::start`], or at [`Forest::start_two`] for a domain with two controllers. A forest is provisioned once into a template below `target/testbed` and
//! copied from there; each running controller has an address of 127.77.0.0/16 of its own, taken under a
//! lock, and a mount and process namespace of its own, so that nothing outlives the process that started
//! it. Measured on two cores: provisioning with schema and account 9 s, once; copy and start 1 to 2 s.

mod ad;
mod controller;
mod forest;
mod pair;
mod template;

pub use ad::{Ad, Entry, NewUser};
pub use controller::{Controller, Snapshot};
pub use forest::{Forest, ServiceAccount};
pub use template::{Domain, Population, Template};

/// The administrator's password of every test forest.
pub const ADMIN_PASSWORD: &str = "Passw0rd.Corp1";
/// The service account that tests read with: it has just the rights that it needs.
pub const SERVICE_ACCOUNT: &str = "svc-lockstep";
/// Its password.
pub const SERVICE_PASSWORD: &str = "Passw0rd.Svc1";

/// Samba's Python bindings belong to the system's Python, whatever else is on the path.
const PYTHON: &str = "/usr/bin/python3";
/// What is done from the inside.
const SCRIPT: &str = include_str!("samba/ad.py");
