//! The agents' channel, `/agent/v1`: plain HTTPS requests, always made by the agent.
//!
//! | request | body → answer | |
//! |---|---|---|
//! | `GET /agent/v1/ca` | → PEM of the service's own CA | at enrolment, without assertion; 404 when it has none |
//! | `POST /agent/v1/enroll` | [`EnrollRequest`] → [`EnrollAnswer`] | once, with the one-use token |
//! | `POST /agent/v1/session` | [`SessionRequest`] → [`SessionAnswer`] | at start, every ten minutes, when domains change |
//! | `GET /agent/v1/instructions?wait=SECONDS` | → [`Instruction`], or 204 | long poll |
//! | `POST /agent/v1/instructions/ID/begin` | [`Begin`] → [`BeginAnswer`] | which controller answers |
//! | `POST …/offer` | [`Offer`] → [`OfferAnswer`] | identity and place, or the whole object where it is wanted anyway; the service says what else it wants |
//! | `POST …/objects` | [`Objects`] → [`Ack`] | attributes of wanted objects |
//! | `POST …/page` | [`PageEnd`] → [`PageAnswer`] | the cookie, stored with the changes before it |
//! | `POST …/replication` | [`ReplicationBegin`] → [`ReplicationOpening`] | which controller replicates |
//! | `POST …/stamps` | [`Stamps`] → [`StampsAnswer`] | whose password was written when; the service says whose it wants |
//! | `POST …/credentials` | [`Credentials`] → [`Ack`] | what was made of wanted passwords |
//! | `POST …/replicated` | [`ReplicationEnd`] → [`ReplicationAnswer`] | the watermark |
//! | `POST …/alive` | [`Alive`] → [`Ack`] | still waiting for the controller |
//! | `POST …/finish` | [`Finish`] → [`Ack`] | the outcome of any instruction |
//! | `POST /agent/v1/changes` | [`ChangeNotice`] → [`Ack`] | something changed in a domain |
//! | `POST /agent/v1/key` | [`KeyRotation`] → [`Ack`] | a new public key, signed for by the old one |
//!
//! The requests of an instruction are counted, in `?request=N` from 1 (but for `alive`); `&open=L,M` names
//! those before it that have no answer yet. A copy of a request that arrives when a later one has told that
//! it was answered is refused with 409 `RequestLate`.
//!
//! Bodies are JSON, so that an administrator can read what leaves; `Content-Encoding: zstd` on requests
//! of more than a kilobyte. All but `ca` and `enroll` carry `Authorization: Bearer ASSERTION`, see
//! [`assertion`]. Errors are [problem documents](crate::problem::Problem); a superseded agent gets 409
//! with code [`SUPERSEDED`] and forgets the instruction; a removed one gets 401 with code [`REMOVED`] and
//! stops.

pub mod assertion;
mod credentials;
mod instruction;
mod read;
mod session;
mod value;

pub use credentials::{
    Accounts, AccountsAnswer, Credentials, MadeCredential, PasswordStamp, ReadCredentials,
    ReplicationAnswer, ReplicationBegin, ReplicationCursor, ReplicationEnd, ReplicationOpening,
    ReplicationWatermark, Stamped, Stamps, StampsAnswer, WireSecret,
};
pub use instruction::{
    Action, Finish, Instruction, KnownCanary, Outcome, ReadChanges, ReadObjects, ReadSet, Resolve,
    ResolveBy, Resolved, SchemaAttribute, ScopeHint,
};
pub use read::{
    Ack, Alive, Begin, BeginAnswer, Canary, Content, ControllerIdentity, Doubt, Found, Incoming,
    LinkTarget, Links, ObjectUpdate, Objects, Offer, OfferAnswer, Offered, Opening, PageAnswer,
    PageEnd, Presence, Settled, Verdict,
};
pub use session::{
    ChangeNotice, DomainStatus, EnrollAnswer, EnrollRequest, EnrollmentToken, EnrollmentTokenError,
    KeyRotation, SessionAnswer, SessionRequest, Watch,
};
pub use value::WireValue;

/// The versions of this channel that this build speaks, the preferred one first.
pub const PROTOCOL_VERSIONS: [u16; 1] = [1];

/// The code of the problem document that tells an agent that its lease has been given on.
pub const SUPERSEDED: &str = "LeaseSuperseded";

/// The code of the problem document that tells an agent that it has been removed.
pub const REMOVED: &str = "AgentRemoved";

/// Attributes by name, as they travel. A name with an empty list is an attribute that is empty now.
pub type WireAttributes = std::collections::BTreeMap<String, Vec<WireValue>>;
