//! `lockstep-agent check`: can the service be reached, can each domain be read, and if not, what to do.

use crate::channel::{Channel, ChannelError};
use crate::cli::Failure;
use crate::controller::Controller;
use crate::drs;
use crate::ldap::{Connector, LdapError};
use crate::rights::{Grantee, Right};
use crate::run;
use crate::state::{Domain, StateDir};
use lockstep_ad_proto::ldap::{Control, DirSync, Filter, ResultCode, SearchScope};
use lockstep_api::channel::{DomainStatus, PROTOCOL_VERSIONS, SessionAnswer, SessionRequest};
use lockstep_model::codes;
use serde::Serialize;

/// All that was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Report {
    /// One after the other.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `service`, `connect`, `readChanges`, `readPasswordHashes` or `deletedObjects`.
    pub name: &'static str,
    /// Which domain it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How it went.
    pub status: Status,
    /// A stable name of what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// As it should.
    Ok,
    /// It works, but should be looked at.
    Warning,
    /// It does not work.
    Failed,
}

impl Status {
    /// How it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warn",
            Self::Failed => "FAIL",
        }
    }
}

impl Check {
    /// What it is about, for people.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{domain} {}", self.name),
            None => self.name.to_owned(),
        }
    }

    fn ok(name: &'static str, domain: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            name,
            domain: domain.map(str::to_owned),
            status: Status::Ok,
            code: None,
            message: message.into(),
            remedy: None,
        }
    }

    fn failed(
        name: &'static str,
        domain: Option<&str>,
        code: &str,
        message: String,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Failed,
            code: Some(code.to_owned()),
            remedy: Some(remedy.into()),
            ..Self::ok(name, domain, message)
        }
    }

    fn of_error(name: &'static str, domain: &str, error: &LdapError) -> Self {
        let message = crate::channel::chain(error);
        Self::failed(name, Some(domain), error.code(), message, error.remedy())
    }
}

impl Report {
    /// An error when something failed.
    ///
    /// # Errors
    ///
    /// [`Failure`] that counts what failed.
    pub fn verdict(&self) -> Result<(), Failure> {
        let failed = self
            .checks
            .iter()
            .filter(|check| check.status == Status::Failed)
            .count();
        match failed {
            0 => Ok(()),
            1 => Err(Failure::new("one check failed")),
            _ => Err(Failure::new(format!("{failed} checks failed"))),
        }
    }
}

/// Checks service and domains.
///
/// # Errors
///
/// [`Failure`] when the agent's directory cannot be read.
pub async fn check(state: &StateDir) -> Result<Report, Failure> {
    let enrollment = state.enrollment()?;
    let channel = run::open(state, &enrollment, None)
        .map_err(|error| Failure::new(crate::channel::chain(&error)))?;
    let domains = state.domains()?;
    let mut checks = vec![service(&channel, &domains).await];
    if domains.is_empty() {
        checks.push(Check::failed(
            "domains",
            None,
            "NoDomains",
            "this agent has no domains".into(),
            "add one with `lockstep-agent domain add`",
        ));
    }
    for settings in domains {
        let name = settings.domain.clone();
        if let Err(check) = domain(state, settings, &mut checks).await {
            checks.push(Check::of_error("connect", &name, &check));
        }
    }
    Ok(Report { checks })
}

async fn service(channel: &Channel, domains: &[Domain]) -> Check {
    let status = |domain: &Domain| DomainStatus {
        domain: domain.domain.clone(),
        error: None,
    };
    let request = SessionRequest {
        protocol: PROTOCOL_VERSIONS.to_vec(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        domains: domains.iter().map(status).collect(),
    };
    let answer: Result<SessionAnswer, ChannelError> =
        channel.post("/agent/v1/session", &request).await;
    match answer {
        Ok(_) => {
            let message = format!("{} answers and knows this agent", channel.service());
            Check::ok("service", None, message)
        }
        Err(error) => {
            let remedy = error
                .remedy()
                .unwrap_or_else(|| "see the service's log".into());
            Check::failed("service", None, "ServiceUnreachable", error.chain(), remedy)
        }
    }
}

async fn domain(
    state: &StateDir,
    settings: Domain,
    checks: &mut Vec<Check>,
) -> Result<(), LdapError> {
    let name = settings.domain.clone();
    let connector = Connector::new(state, settings)?;
    let mut controller = Controller::open(&connector, None).await?;
    let message = format!(
        "signed in to {} ({}) as {} with {}",
        controller.root_dse.host,
        controller.connection.server(),
        connector.account(),
        controller.signed_in_by
    );
    let mut connected = Check::ok("connect", Some(&name), message);
    if let Some(warning) = &controller.warning {
        connected.status = Status::Warning;
        connected.remedy = Some(warning.clone());
    }
    checks.push(connected);
    let grantee = Grantee::find(&mut controller, &connector).await?;
    checks.push(read_changes(&mut controller, &name, &grantee).await?);
    let hashes = read_password_hashes(&connector, &controller, &name).await;
    let replicates = hashes.status == Status::Ok;
    checks.push(hashes);
    checks.push(deleted_objects(&mut controller, &name, &grantee, replicates).await?);
    controller.connection.close().await;
    Ok(())
}

/// Asks for changes of next to nothing.
async fn read_changes(
    controller: &mut Controller,
    domain: &str,
    grantee: &Grantee,
) -> Result<Check, LdapError> {
    let control = Control::DirSync(DirSync {
        cookie: Vec::new(),
        max_bytes: 1 << 16,
    });
    let found = controller
        .connection
        .find(
            &grantee.domain_dn,
            SearchScope::Subtree,
            &Filter::equal("objectClass", "domainDNS"),
            &["name"],
            &[control],
            "read changes",
        )
        .await;
    match found {
        Ok(_) => Ok(Check::ok(
            "readChanges",
            Some(domain),
            "changes can be read",
        )),
        Err(LdapError::Search { result, .. })
            if result.code == ResultCode::INSUFFICIENT_ACCESS_RIGHTS =>
        {
            let rights = [Right::ReplicatingChanges];
            let message = grantee.lacks(&rights);
            let remedy = grantee.commands(&rights);
            Ok(Check::failed(
                "readChanges",
                Some(domain),
                codes::MISSING_RIGHT,
                message,
                remedy,
            ))
        }
        Err(error @ LdapError::Search { .. }) => Ok(Check::of_error("readChanges", domain, &error)),
        Err(error) => Err(error),
    }
}

/// Begins replication, and looks whether the account has both rights.
async fn read_password_hashes(
    connector: &Connector,
    controller: &Controller,
    domain: &str,
) -> Check {
    const NAME: &str = "readPasswordHashes";
    match drs::open(connector, Some(&controller.root_dse.host)).await {
        Ok(replica) => {
            let message = format!(
                "password hashes can be read from {}",
                replica.session.server()
            );
            replica.session.close().await;
            replica.controller.connection.close().await;
            Check::ok(NAME, Some(domain), message)
        }
        Err(error) => {
            let message = crate::channel::chain(&error);
            Check::failed(NAME, Some(domain), error.code(), message, error.remedy())
        }
    }
}

async fn deleted_objects(
    controller: &mut Controller,
    domain: &str,
    grantee: &Grantee,
    replicates: bool,
) -> Result<Check, LdapError> {
    if controller.tombstones_visible().await? {
        let message = "deleted objects can be seen";
        return Ok(Check::ok("deletedObjects", Some(domain), message));
    }
    let Grantee {
        account,
        sid,
        domain_dn,
    } = grantee;
    let container = format!("CN=Deleted Objects,{domain_dn}");
    let remedy = format!(
        "on Windows, as a domain administrator: dsacls \"{container}\" /takeownership, then dsacls \
         \"{container}\" /G \"{account}:LCRP\"; on Samba, as root on the domain controller: printf 'dn: \
         {container}\\nchangetype: modify\\nreplace: nTSecurityDescriptor\\nnTSecurityDescriptor: \
         D:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;LCRP;;;BA)(A;;LCRP;;;{sid})\\n' | ldbmodify -H \
         /var/lib/samba/private/sam.ldb --controls=show_deleted:1 --controls=sd_flags:1:4"
    );
    if replicates {
        let message = "deleted objects can be seen through replication only: enough while password hashes \
                       are synchronised";
        let mut check = Check::ok("deletedObjects", Some(domain), message);
        check.remedy = Some(format!(
            "for a configuration without password hashes, {remedy}"
        ));
        return Ok(check);
    }
    let message = format!(
        "the account {account} cannot see deleted objects: deletions would never reach the cloud directory"
    );
    Ok(Check::failed(
        "deletedObjects",
        Some(domain),
        codes::DELETIONS_NOT_VISIBLE,
        message,
        remedy,
    ))
}
