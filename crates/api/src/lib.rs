//! What leaves a process: the contracts between agent, service and everyone else.
//!
//! * [`channel`]: what agent and service say to one another;
//! * [`admin`] and [`configuration`]: what administrators say and see;
//! * [`openapi`]: the administration API, described for programs;
//! * [`signin`]: how people sign in to applications (OpenID Connect);
//! * [`problem`]: how every HTTP interface reports an error (RFC 9457).
//!
//! The types here are the only serialisable ones besides those of `store`; each is converted by hand
//! from and to the core's types, so that a change of format is visible as such.

#![deny(missing_docs)]

pub mod admin;
pub mod backup;
pub mod channel;
pub mod configuration;
pub mod openapi;
pub mod problem;
pub mod signin;
pub mod text;
pub mod troubles;
