//! What stops a cycle, and why a domain cannot be read.

use super::{Trouble, trouble};

pub(super) const CYCLES: [Trouble; 19] = [
    trouble(
        "NoActiveAgents",
        "no agent of the domain asked for work within 30 s",
        "start one with `lockstep-agent run`; `lockstep agent list` shows those that there are",
    ),
    trouble(
        "AgentTimeout",
        "an agent took the work and fell silent",
        "its log; the next cycle goes on where this one stopped",
    ),
    trouble(
        "BadAnswer",
        "an agent answered something else than it was asked",
        "agent and service of the same version; both logs",
    ),
    trouble(
        "Interrupted",
        "the service ended, or the work was withdrawn, in the middle of a cycle",
        "nothing; the next cycle goes on where this one stopped",
    ),
    trouble(
        "Paused",
        "the configuration was paused in the middle of a cycle, which ended there",
        "nothing; once it is resumed, the next cycle goes on where this one stopped",
    ),
    trouble(
        "ScopeObjectNotFound",
        "an organizational unit or group of the scope is gone, or hidden from the agent's account",
        "restore it, let the account read it, or `lockstep apply` without it; until then nobody is deleted",
    ),
    trouble(
        "DeletionsNotVisible",
        "the agent's account cannot see deleted objects, so deletions would go unnoticed",
        "let it list and read CN=Deleted Objects: [permissions](permissions.md), `lockstep-agent check`",
    ),
    trouble(
        "TooManyDeletes",
        "the guard holds deletes: as many as the threshold, or more",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right: [operations](operations.md)",
    ),
    trouble(
        "TooManyUpdates",
        "the limit on updates holds them",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right",
    ),
    trouble(
        "TooManyMemberRemovals",
        "the limit on members removed from one group holds them",
        "`lockstep deletes list NAME`; then `allow`, `reject`, or put the cause right",
    ),
    trouble(
        "JobDisabled",
        "no cycle has been clean for four weeks; none runs by itself any more",
        "put the cause right, then `lockstep cycle run NAME`",
    ),
    trouble(
        "EncounteredEscrowProportionThreshold",
        "more than 40 % of all objects fail, and 5,000 at least",
        "`lockstep escrow list NAME` shows each with its reason; put the common cause right",
    ),
    trouble(
        "EncounteredBaseEscrowThreshold",
        "more than 40,000 objects fail",
        "`lockstep escrow list NAME` shows each with its reason; put the common cause right",
    ),
    trouble(
        "EncounteredTotalEscrowThreshold",
        "more than 60,000 objects and references to them fail",
        "`lockstep escrow list NAME` shows each with its reason; put the common cause right",
    ),
    trouble(
        "CookieMismatch",
        "another agent went on with the reading meanwhile",
        "nothing; the agent that has the lease goes on",
    ),
    trouble(
        "ReadSetChanged",
        "the list of attributes changed while a page was on its way",
        "nothing; the page is read anew with the new list",
    ),
    trouble(
        "DiskFull",
        "the disk that holds the service's data is full",
        "make room; nothing was lost, and the next cycle goes on by itself",
    ),
    trouble(
        "DatabaseReadOnly",
        "the database cannot be written: a file system that is read-only, or the wrong owner",
        "make the data folder writable for the service again; nothing was lost",
    ),
    trouble(
        "DatabaseFailed",
        "the database answered with an error, of the disk most likely",
        "the service's log tells the cause; the next cycle tries again. If it stays: `lockstep restore`",
    ),
];

pub(super) const CONTROLLERS: [Trouble; 28] = [
    trouble(
        "DomainControllerNotFound",
        "DNS names no domain controller",
        "`LOCKSTEP_DNS_SERVERS`, or `lockstep-agent domain update --server`",
    ),
    trouble(
        "DomainControllerUnreachable",
        "no connection, a lost one, or no answer in time",
        "the controller, and firewalls (389 or 636; 88 for Kerberos); name several with `--server`",
    ),
    trouble(
        "SearchTimeout",
        "a domain controller was silent for too long in the middle of a search",
        "why the controller is slow; `lockstep-agent domain update --search-timeout 10m` gives it more time",
    ),
    trouble(
        "WrongCredentials",
        "the AD account's name or password is wrong",
        "`lockstep-agent domain update --username … --password-file …`",
    ),
    trouble(
        "PasswordExpired",
        "the AD account's password has expired",
        "a new one in AD that never expires, and `lockstep-agent domain update --password-file …`",
    ),
    trouble(
        "AccountDisabled",
        "the AD account is disabled",
        "enable it in Active Directory",
    ),
    trouble(
        "AccountLocked",
        "the AD account is locked",
        "unlock it in Active Directory, and see who else uses its old password",
    ),
    trouble(
        "AccountExpired",
        "the AD account has expired, or a user's has and the configuration follows that",
        "extend the account in Active Directory",
    ),
    trouble(
        "PasswordMustChange",
        "the AD account must change its password; a user's hash comes when the user has done so",
        "a new password in AD, without the flag",
    ),
    trouble(
        "SignInRefused",
        "the controller refuses the account for another reason",
        "the message says which; allow it to sign in from this machine at any time",
    ),
    trouble(
        "SignInFailed",
        "the exchange of Kerberos or NTLM broke off",
        "AES keys (set the account's password once more), port 88, the clock",
    ),
    trouble(
        "SecretUnusable",
        "the stored password or keytab cannot be used",
        "give it anew with `lockstep-agent domain update`",
    ),
    trouble(
        "ClockSkew",
        "more than five minutes between agent and controller, with a keytab",
        "set the clock by the domain's (NTP or chrony)",
    ),
    trouble(
        "CertificateNotTrusted",
        "LDAPS or StartTLS: nobody that is trusted signed the certificate",
        "`lockstep-agent domain update --ca-file`",
    ),
    trouble(
        "CertificateNameMismatch",
        "LDAPS or StartTLS: the certificate has another name",
        "`--server` as in the certificate",
    ),
    trouble(
        "MissingRight",
        "a right is missing",
        "[permissions](permissions.md); `lockstep-agent check` prints the commands",
    ),
    trouble(
        "ForeignDomain",
        "the controller holds another domain of the same name, or the agent does not serve the domain",
        "name a controller of the right domain with `--server`",
    ),
    trouble(
        "ReadOnlyController",
        "a read-only controller does not know everything",
        "name a writable one with `--server`",
    ),
    trouble(
        "ControllerNotSynchronized",
        "the controller is not in step with the others yet",
        "wait, or name another with `--server`",
    ),
    trouble(
        "CookieRefused",
        "the controller does not take its own cookie",
        "nothing; the next cycle reads anew",
    ),
    trouble(
        "SearchFailed",
        "the controller answered a search with an error",
        "its event log, `lockstep-agent check`; the next cycle tries again",
    ),
    trouble(
        "UnexpectedAnswer",
        "what answered speaks no LDAP, or no HTTPS of this service",
        "address and port; a proxy in between",
    ),
    trouble(
        "ReplicationUnreachable",
        "the controller's RPC cannot be reached",
        "port 135 and the ports that it gives to RPC (49152 to 65535, unless one is fixed)",
    ),
    trouble(
        "ReplicationNotOffered",
        "the server offers no directory replication",
        "see that it is a domain controller that runs",
    ),
    trouble(
        "ReplicationFailed",
        "the controller refused to replicate",
        "`lockstep-agent check`; outbound replication may be switched off; another one with `--server`",
    ),
    trouble(
        "PasswordHashUndecipherable",
        "a hash came that could not be opened",
        "`lockstep-agent check`; another controller with `--server`",
    ),
    trouble(
        "NoDomains",
        "the agent was given no domain",
        "`lockstep-agent domain add`",
    ),
    trouble(
        "ServiceUnreachable",
        "the agent does not reach the service",
        "its address, a proxy (`--proxy`), its certificate",
    ),
];
