//! What only tests, demo and benchmarks need: real Samba forests, and the Debian packages behind them.
//!
//! * [`browser`]: a real Chromium; [`relying_parties`]: programs that others wrote, which sign in;
//! * [`packages`]: installs what is missing, once;
//! * [`samba`]: domain controllers on loopback, from templates, in seconds;
//! * [`front`]: a fake in front of one, which enforces what Samba does not;
//! * [`proxy`]: an HTTP proxy;
//! * [`storage`]: disks that are full, and calls that fail;
//! * [`product`]: the service and the agent as a user starts them.

#![deny(missing_docs)]

pub mod browser;
pub mod front;
pub mod packages;
pub mod product;
pub mod proxy;
pub mod relying_parties;
pub mod samba;
pub mod storage;
mod testbed;
