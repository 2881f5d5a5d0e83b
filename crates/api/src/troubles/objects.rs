//! Why an object takes no part, or could not be provisioned.

use super::{Trouble, trouble};

const NOTHING: &str = "nothing, if that is wanted; else the `[scope]` of the configuration";
const WAIT: &str = "nothing; it is decided when it has been read";

pub(super) const OBJECTS: [Trouble; 44] = [
    trouble("InScope", "it takes part", "nothing"),
    trouble(
        "Matched",
        "it was joined with an object that was there",
        "nothing; [matching](matching.md) tells how",
    ),
    trouble("OutsideScope", "it lies outside of the scope", NOTHING),
    trouble("Excluded", "it lies in what the scope leaves out", NOTHING),
    trouble(
        "FilteredOut",
        "a filter of the scope leaves it out",
        NOTHING,
    ),
    trouble(
        "KindNotProvisioned",
        "the configuration leaves objects of its type out",
        "`[objects]` of the configuration",
    ),
    trouble("OtherClass", "it is no user, group or contact", "nothing"),
    trouble(
        "NeverSynced",
        "objects like this one never leave the domain",
        "nothing: [what is synced](what-is-synced.md)",
    ),
    trouble(
        "DeletedInAd",
        "it was deleted in Active Directory",
        "nothing",
    ),
    trouble(
        "MovedToAnotherDomain",
        "it has moved to another domain of the forest",
        "nothing, if a configuration for that domain provisions it: it is taken over there; else \
         [apply one](configuration.md)",
    ),
    trouble(
        "Missing",
        "a full import did not see it, and the controller keeps silent about it",
        "see whether the agent's account may still read its container; it is left as it is until then, or until \
         `lockstep missing delete` or `keep` says what is to become of it",
    ),
    trouble(
        "SaidGone",
        "a full import did not see it, and an administrator has said that it is gone",
        "nothing; should it be seen again, it comes back",
    ),
    trouble(
        "SaidToStay",
        "a full import did not see it, and an administrator has said that it is to stay",
        "nothing; `lockstep missing delete NAME ID`, if it is gone after all",
    ),
    trouble(
        "UpdateLimitReached",
        "its update is held: as many as the limit, or more, would be updated in one cycle",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right",
    ),
    trouble(
        "MemberRemovalLimitReached",
        "as many of its members as the limit, or more, would leave it",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right",
    ),
    trouble(
        "Staging",
        "the configuration is in staging: this is what would be done",
        "`staging = false` and `lockstep apply`, if it is to be done",
    ),
    trouble(
        "Healed",
        "it had failed before, and is as it should be now",
        "nothing",
    ),
    trouble(
        "NameMadeAnew",
        "a domain was added to the directory or removed from it, and the user's name is made of those that there are",
        "nothing",
    ),
    trouble(
        "ValueInherited",
        "another object had an address or a name that this one should have had, and has given it up",
        "nothing",
    ),
    trouble(
        "ReferenceFailure",
        "its manager, a member or another object that it refers to is not provisioned, and is left out",
        "nothing, if that is wanted: it is added when that object is provisioned; the reason says why it is not",
    ),
    trouble("PlaceUnknown", "one of its containers is not known", WAIT),
    trouble(
        "ScopingGroupUnread",
        "who belongs to a group of the scope is not known yet",
        WAIT,
    ),
    trouble("NotRead", "it has not been read in full yet", WAIT),
    trouble(
        "ImportRunning",
        "what takes away waits for the end of the import",
        WAIT,
    ),
    trouble(
        "MappingFailed",
        "an expression of the mapping could not be evaluated for it",
        "the reason names property and expression; try it with `lockstep expression eval`",
    ),
    trouble(
        "AnchorChanged",
        "its source anchor is another than it was provisioned under",
        "restore ms-DS-ConsistencyGuid; or take it out of the scope, run a cycle, remove a user from the recycle bin \
         (`lockstep deleted purge`), and put it back: it is made anew, under another id",
    ),
    trouble(
        "OwnedByAnother",
        "another configuration provisions the object with its anchor",
        "`configuration show` lists the claims; it is taken over when the owner lets go",
    ),
    trouble(
        "AnchorTaken",
        "another object of Active Directory has the same anchor",
        "give one of them another ms-DS-ConsistencyGuid; it is taken over when the owner lets go",
    ),
    trouble(
        "Guest",
        "what it would be joined with is a guest",
        "another name and address in Active Directory",
    ),
    trouble(
        "AdministratorNotTakenOver",
        "what it would be joined with has a role",
        "take the role away, or another name and address in Active Directory",
    ),
    trouble(
        "MatchBlocked",
        "the configuration does not allow this way of matching",
        "`[matching]` of the configuration",
    ),
    trouble(
        "MatchOfAnotherKind",
        "what has its anchor is of another type",
        "delete that object in the cloud, or another anchor",
    ),
    trouble(
        "ObjectNotFound",
        "the object of the directory is gone",
        "the next cycle makes it anew",
    ),
    trouble(
        "ObjectExists",
        "there is an object of this id already",
        "the next cycle finds it",
    ),
    trouble(
        "ObjectDeleted",
        "the object is in the recycle bin",
        "a synchronised user comes back with the next cycle, once the account is restored in Active Directory or in \
         scope again; `lockstep user restore` is for users that the cloud owns",
    ),
    trouble(
        "ObjectNotDeleted",
        "the object is not in the recycle bin",
        "nothing",
    ),
    trouble(
        "ObjectOfOtherKind",
        "the object is of another type than the one that would take it over",
        "delete it in the cloud, or another anchor",
    ),
    trouble(
        "ObjectOfOtherOwner",
        "somebody else owns the object",
        "`configuration show` of both",
    ),
    trouble(
        "ObjectHasRole",
        "who has a role is never taken over",
        "take the role away, or another name and address in Active Directory",
    ),
    trouble(
        "ObjectNotInAd",
        "there is no object of this name in the domain",
        "the name as AD's own tools show it; the agent's account must be able to read it",
    ),
    trouble(
        "ValuesDrifted",
        "an object of the directory does not show what was written to it",
        "`lockstep reconcile NAME --repair`; see who writes to the database",
    ),
    trouble(
        "ReferencesDrifted",
        "members, manager or owners are not those of Active Directory",
        "`lockstep reconcile NAME --repair`",
    ),
    trouble(
        "NothingInAd",
        "an object is a configuration's, and nothing is known in AD that it became of",
        "a full cycle (`lockstep restart NAME`); if it stays, delete it or let the cloud have it",
    ),
    trouble(
        "DeleteThresholdReached",
        "so many deletes at once are held by the guard",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right",
    ),
];

pub(super) const PASSWORDS: [Trouble; 5] = [
    trouble("PasswordSet", "it was taken over", "nothing"),
    trouble(
        "PasswordFailed",
        "the credential could not be made of it, for the reason that the entry gives",
        "nothing, if it stays alone: it is tried again in each cycle; else look at the agent's log and at `lockstep-agent check`",
    ),
    trouble(
        "PasswordNotShown",
        "the domain controller that replicates passwords did not show the user when it was asked for it",
        "nothing, if the user is new and the controller has not received it yet: it is asked for again in each cycle; \
         else see whether the user is still there, and `lockstep-agent check` for the account's rights",
    ),
    trouble(
        "NoPassword",
        "the user has no password in Active Directory",
        "nothing; it comes when one is set",
    ),
    trouble(
        "InetOrgPerson",
        "passwords of inetOrgPersons are not taken over",
        "nothing",
    ),
];
