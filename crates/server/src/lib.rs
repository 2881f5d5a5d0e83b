//! The cloud side of Lockstep: jobs, import, apply, the agents' channel and every HTTP interface.
//!
//! * [`agents`]: what agents ask, request by request;
//! * [`import`]: what agents report goes into the connector space;
//! * [`cycle`]: what is marked is decided and applied;
//! * [`job`]: when a cycle runs, and what it asks of agents;
//! * [`notify`]: what administrators are told without asking;
//! * [`plan`]: what the next cycle would do;
//! * [`directory`]: the directory's rules over the store;
//! * [`passwords`]: whose password is read from Active Directory;
//! * [`credentials`]: users' passwords; [`signin`]: how people sign in with them;
//! * [`staging`]: what a configuration would do that must not do it yet;
//! * [`service`]: what all of them share.

pub mod agents;
pub mod ask;
pub mod audit;
pub mod clock;
pub mod configuration;
pub mod configurations;
pub mod credentials;
pub mod cycle;
pub mod directory;
pub mod files;
pub mod http;
pub mod ids;
pub mod import;
pub mod instructions;
pub mod job;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod passwords;
pub mod plan;
pub mod policy;
pub mod provision;
pub mod schema;
pub mod scope_groups;
pub mod sealing;
pub mod serve;
pub mod service;
pub mod signal;
pub mod signin;
pub mod staging;
pub mod tls;
