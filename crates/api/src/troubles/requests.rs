//! Why a command or a request was refused.

use super::{Trouble, trouble};

pub(super) const REQUESTS: [Trouble; 43] = [
    trouble(
        "BadConfiguration",
        "a key of the configuration is wrong",
        "the message names key, expectation and the nearest name; [configuration](configuration.md)",
    ),
    trouble(
        "UnknownOrganizationalUnit",
        "an organizational unit of the scope does not exist",
        "the message names the nearest; the agent's account must be able to read it",
    ),
    trouble(
        "UnknownGroup",
        "a group of the scope does not exist",
        "the message names the nearest; the agent's account must be able to read it",
    ),
    trouble(
        "ConfigurationNotFound",
        "there is no configuration of this name",
        "`lockstep configuration list`",
    ),
    trouble(
        "ConfigurationChanged",
        "the configuration was changed since the plan was made",
        "a new plan",
    ),
    trouble(
        "NameTaken",
        "the name belongs to the configuration of another domain",
        "another name",
    ),
    trouble(
        "WorkWaiting",
        "what should be there is not known before a cycle has succeeded",
        "`lockstep cycle run NAME --wait`, then again",
    ),
    trouble(
        "NotMissing",
        "the object that was named is not among those that are missing",
        "`lockstep missing list NAME`",
    ),
    trouble(
        "HeldDeleteNotFound",
        "this delete is not held",
        "`lockstep deletes list NAME`",
    ),
    trouble(
        "AgentNotFound",
        "there is no such agent",
        "`lockstep agent list`",
    ),
    trouble(
        "TokenUnknown",
        "the enrolment token is none of this service's",
        "`lockstep agent token` at the service that it is for",
    ),
    trouble(
        "TokenUsed",
        "the enrolment token was used before",
        "a new one: `lockstep agent token`",
    ),
    trouble(
        "TokenExpired",
        "the enrolment token has expired",
        "a new one: `lockstep agent token`",
    ),
    trouble(
        "ProtocolVersion",
        "agent and service have no version of the channel in common",
        "an agent of the service's version",
    ),
    trouble("BadKey", "the agent's public key is none", "enrol it anew"),
    trouble(
        "BadAssertion",
        "the agent's signed statement is refused",
        "the agent's clock; if it stays, enrol it anew",
    ),
    trouble(
        "AgentRemoved",
        "the agent was removed",
        "enrol it anew if it is to come back",
    ),
    trouble(
        "LeaseSuperseded",
        "another agent has the work now",
        "nothing; the agent forgets it",
    ),
    trouble(
        "RequestLate",
        "a request of an agent came again after a later one was answered",
        "nothing; the agent goes on from the later one",
    ),
    trouble(
        "NoOwnCa",
        "the service's certificate is of a public authority",
        "nothing; agents trust it without a CA",
    ),
    trouble(
        "Unauthorized",
        "no token, or one that is not good (any more)",
        "`--data-dir`, `LOCKSTEP_TOKEN`, or `lockstep login`",
    ),
    trouble(
        "Forbidden",
        "the caller's role does not allow it",
        "a token or a role of an administrator or operator",
    ),
    trouble(
        "SignInOnly",
        "the application may let people sign in and nothing else",
        "`lockstep app create` without `--sign-in-only`",
    ),
    trouble(
        "BadRequest",
        "the request is not what this address expects",
        "the message names what was expected",
    ),
    trouble("TooLarge", "the request is too large", "smaller ones"),
    trouble(
        "NotFound",
        "there is nothing at this address, or no object of this name",
        "`/api/v1/openapi.json` names every address",
    ),
    trouble(
        "MethodNotAllowed",
        "the address does not take this method",
        "`/api/v1/openapi.json` names every one",
    ),
    trouble(
        "Internal",
        "the service could not carry it out",
        "the service's log tells the cause",
    ),
    trouble(
        "Busy",
        "too many requests of this kind at once",
        "again in a moment",
    ),
    trouble(
        "BadDomain",
        "this is no DNS suffix",
        "a name such as example.com",
    ),
    trouble(
        "DomainNotFound",
        "the tenant does not have this suffix",
        "`lockstep domain list`",
    ),
    trouble(
        "InitialDomain",
        "the initial domain cannot be removed",
        "nothing",
    ),
    trouble(
        "ExtensionNotFound",
        "no configuration has declared an extension of this name",
        "`lockstep extension list`; capital letters count",
    ),
    trouble(
        "ExtensionInUse",
        "a mapping makes values for the extension, or objects have values of it, so that it is not removed",
        "map it to `expression = '\"\"'`, which empties it, run a cycle, and take it out of the mapping; objects of the \
         cloud are emptied with `lockstep user update --set NAME=`",
    ),
    trouble(
        "AppNotFound",
        "there is no such application",
        "`lockstep app list`",
    ),
    trouble(
        "TokenNotFound",
        "there is no such token",
        "`lockstep token list`",
    ),
    trouble(
        "UserNotFound",
        "there is no such user",
        "the id or the user principal name; `lockstep user list`",
    ),
    trouble(
        "RoleNotAssigned",
        "the user does not have this role",
        "`lockstep role list`",
    ),
    trouble(
        "RoleNotChanged",
        "the user's roles could not be changed",
        "the message says why",
    ),
    trouble(
        "WeakPassword",
        "the password is too short or too simple",
        "the message says what is lacking",
    ),
    trouble(
        "TenantNotFound",
        "the address names another tenant",
        "id or initial domain, as `GET /api/v1/tenant` tells",
    ),
    trouble(
        "ObjectConflict",
        "another object has a value that only one may have",
        "the message names the property",
    ),
    trouble(
        "PasswordNotAccepted",
        "a password cannot be set this way",
        "`lockstep password set`",
    ),
];
