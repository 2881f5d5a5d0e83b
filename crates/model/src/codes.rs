//! Codes of errors and of decisions that one part gives and another one acts on: both take the word from here.
//!
//! A code that is only told stands where it is given. What each of them means to an administrator, and what is to be
//! done, `docs/troubleshooting.md` tells.

/// A cycle did all it could, but nobody can see who was deleted.
pub const DELETIONS_NOT_VISIBLE: &str = "DeletionsNotVisible";
/// The service ended while a cycle ran, or a reading was taken back.
pub const INTERRUPTED: &str = "Interrupted";
/// Somebody paused the configuration while a cycle ran.
pub const PAUSED: &str = "Paused";
/// No agent of the domain asks for work.
pub const NO_ACTIVE_AGENTS: &str = "NoActiveAgents";
/// The agent that took up an instruction was not heard of any more.
pub const AGENT_TIMEOUT: &str = "AgentTimeout";
/// What the scope names is not there.
pub const SCOPE_OBJECT_NOT_FOUND: &str = "ScopeObjectNotFound";
/// A controller or an agent is of another domain.
pub const FOREIGN_DOMAIN: &str = "ForeignDomain";
/// The controller refuses the agent's account or its password.
pub const WRONG_CREDENTIALS: &str = "WrongCredentials";
/// The password of the agent's account has expired.
pub const PASSWORD_EXPIRED: &str = "PasswordExpired";
/// The password of the agent's account must be changed first.
pub const PASSWORD_MUST_CHANGE: &str = "PasswordMustChange";
/// The agent's account is disabled.
pub const ACCOUNT_DISABLED: &str = "AccountDisabled";
/// The agent's account is locked.
pub const ACCOUNT_LOCKED: &str = "AccountLocked";
/// The agent's account has expired.
pub const ACCOUNT_EXPIRED: &str = "AccountExpired";
/// The agent cannot use the secret that it keeps of its account.
pub const SECRET_UNUSABLE: &str = "SecretUnusable";
/// The agent's account lacks a right.
pub const MISSING_RIGHT: &str = "MissingRight";
/// The agent does not trust the controller's certificate.
pub const CERTIFICATE_NOT_TRUSTED: &str = "CertificateNotTrusted";
/// The controller's certificate is of another name.
pub const CERTIFICATE_NAME_MISMATCH: &str = "CertificateNameMismatch";

/// An object has got what another gave up.
pub const VALUE_INHERITED: &str = "ValueInherited";
/// A user's name was made anew, because the directory's domains have changed.
pub const NAME_MADE_ANEW: &str = "NameMadeAnew";
/// An object was found by matching.
pub const MATCHED: &str = "Matched";
/// It was deleted in Active Directory.
pub const DELETED_IN_AD: &str = "DeletedInAd";
/// It has moved to another domain.
pub const MOVED_TO_ANOTHER_DOMAIN: &str = "MovedToAnotherDomain";
/// An administrator has said of a missing object that it is gone.
pub const SAID_GONE: &str = "SaidGone";
/// An administrator has said of a missing object that it is to stay.
pub const SAID_TO_STAY: &str = "SaidToStay";
/// A full import has not seen it.
pub const MISSING: &str = "Missing";
/// It has not been read in full.
pub const NOT_READ: &str = "NotRead";
/// One of its containers is not known.
pub const PLACE_UNKNOWN: &str = "PlaceUnknown";
/// The members of a scoping group are not known.
pub const SCOPING_GROUP_UNREAD: &str = "ScopingGroupUnread";
/// The import is still running.
pub const IMPORT_RUNNING: &str = "ImportRunning";
/// The guard holds its delete.
pub const DELETE_THRESHOLD_REACHED: &str = "DeleteThresholdReached";
/// Its source anchor is another than before.
pub const ANCHOR_CHANGED: &str = "AnchorChanged";
/// Another object of the domain is provisioned under its source anchor.
pub const ANCHOR_TAKEN: &str = "AnchorTaken";
/// Another configuration provisions it.
pub const OWNED_BY_ANOTHER: &str = "OwnedByAnother";
/// What matches it has an administrator's role.
pub const ADMINISTRATOR_NOT_TAKEN_OVER: &str = "AdministratorNotTakenOver";
/// What matches it is not to be taken over.
pub const MATCH_BLOCKED: &str = "MatchBlocked";
/// What has its source anchor is of another kind.
pub const MATCH_OF_ANOTHER_KIND: &str = "MatchOfAnotherKind";
/// The directory has an object of another kind under its id.
pub const OBJECT_OF_OTHER_KIND: &str = "ObjectOfOtherKind";
/// The directory's object belongs to another configuration, or to the cloud.
pub const OBJECT_OF_OTHER_OWNER: &str = "ObjectOfOtherOwner";
