//! The cloud side of Lockstep: jobs, import, apply, the agents' channel and every HTTP interface.
//!
//! * [`agents`]: what agents ask, request by request;
//! * [`import`]: what agents report goes into the connector space;
//! * [`cycle`]: what is marked is decided and applied;
//! * [`job`]: when a cycle runs, and what it asks of agents;
//! * [`backup`]: what the service cannot do without, in one file;
//! * [`notify`]: what administrators are told without asking;
//! * [`missing`]: objects that nobody has seen for a while, and what is said of them;
//! * [`plan`]: what the next cycle would do;
//! * [`directory`]: the directory's rules over the store;
//! * [`passwords`]: whose password is read from Active Directory;
//! * [`credentials`]: users' passwords; [`signin`]: how people sign in with them;
//! * [`staging`]: what a configuration would do that must not do it yet;
//! * [`claims`]: objects that wait for an anchor which another has; [`provision`]: one object at once;
//! * [`configurations`], [`removal`]: a configuration's beginning and end; [`extensions`]: the properties that it
//!   declares; [`retention`]: what is kept for a time only;
//! * [`instructions`], [`ask`]: what agents are to do, and what they are asked while somebody waits;
//! * [`failure`]: why something was not done, as whoever asked is told; [`http`] shows it;
//! * [`service`]: what all of them share.

pub mod agents;
pub mod ask;
pub mod audit;
pub mod backup;
pub mod claims;
pub mod clock;
pub mod configuration;
pub mod configurations;
pub mod credentials;
pub mod cycle;
pub mod directory;
pub mod extensions;
pub mod failure;
pub mod files;
pub mod http;
pub mod ids;
pub mod import;
pub mod instructions;
pub mod job;
pub mod log;
pub mod metrics;
pub mod missing;
pub mod notify;
pub mod passwords;
pub mod plan;
pub mod policy;
pub mod provision;
pub mod removal;
pub mod retention;
pub mod schema;
pub mod scope_groups;
pub mod sealing;
pub mod serve;
pub mod service;
pub mod signal;
pub mod signin;
pub mod staging;
pub mod tls;
