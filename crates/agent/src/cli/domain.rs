//! `lockstep-agent domain`: what is stored about domains. Connecting is `check`'s.

use super::{
    AddArgs, ConnectionArgs, DomainCommand, Failure, OutputFormat, StateArgs, UpdateArgs, output,
};
use crate::state::{self, CredentialKind, Domain, StateDir};
use lockstep_model::Secret;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use std::path::Path;

/// A domain as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    domain: String,
    username: String,
    credential: CredentialKind,
    servers: Vec<String>,
    security: &'static str,
    own_ca: bool,
    search_timeout_seconds: Option<u64>,
}

pub(super) fn execute(command: &DomainCommand, format: OutputFormat) -> Result<(), Failure> {
    match command {
        DomainCommand::Add(args) => add(args, format),
        DomainCommand::Update(args) => update(args, format),
        DomainCommand::List(args) => list(args, format),
        DomainCommand::Remove(args) => {
            let state = args.state.dir();
            known(&state, &args.domain)?;
            state.remove_domain(&args.domain)?;
            tracing::info!(domain = args.domain, "removed");
            Ok(())
        }
    }
}

fn add(args: &AddArgs, format: OutputFormat) -> Result<(), Failure> {
    let state = args.state.dir();
    if state.domain(&args.domain)?.is_some() {
        let message = format!("{} has been added already", args.domain);
        return Err(Failure::new(message).remedy("change it with `lockstep-agent domain update`"));
    }
    let given = &args.credential;
    let (credential, secret) = secret(given.password_file.as_deref(), given.keytab.as_deref())?
        .ok_or_else(|| Failure::usage("expected --password-file or --keytab"))?;
    let mut domain = Domain {
        domain: args.domain.clone(),
        username: user_name(&args.username)?,
        credential,
        servers: Vec::new(),
        security: state::Security::default(),
        own_ca: false,
        search_timeout_seconds: None,
    };
    let ca = connection(&mut domain, &args.connection)?;
    state.store_domain(&domain, Some(&secret), ca.as_deref())?;
    tracing::info!(
        domain = domain.domain,
        "added; `lockstep-agent check` tells whether it can be read"
    );
    show(domain, format)
}

fn update(args: &UpdateArgs, format: OutputFormat) -> Result<(), Failure> {
    let state = args.state.dir();
    let mut domain = known(&state, &args.domain)?;
    let given = &args.credential;
    let secret = secret(given.password_file.as_deref(), given.keytab.as_deref())?;
    if let Some((credential, _)) = &secret {
        domain.credential = *credential;
    }
    if let Some(username) = &args.username {
        domain.username = user_name(username)?;
    }
    let ca = connection(&mut domain, &args.connection)?;
    let secret = secret.map(|(_, secret)| secret);
    state.store_domain(&domain, secret.as_ref(), ca.as_deref())?;
    tracing::info!(domain = domain.domain, "changed");
    show(domain, format)
}

fn list(args: &StateArgs, format: OutputFormat) -> Result<(), Failure> {
    let listed: Vec<Listed> = args.dir().domains()?.into_iter().map(listed).collect();
    match format {
        OutputFormat::Json => output::json(&listed),
        OutputFormat::Table => output::table(
            ["DOMAIN", "USER", "SECURITY", "SERVERS"],
            &listed.into_iter().map(row).collect::<Vec<_>>(),
        ),
    }
}

/// Prints one domain; people are told by words alone.
fn show(domain: Domain, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Json => output::json(&listed(domain)),
        OutputFormat::Table => Ok(()),
    }
}

fn listed(domain: Domain) -> Listed {
    Listed {
        servers: domain.servers.iter().map(ToString::to_string).collect(),
        security: domain.security.name(),
        own_ca: domain.own_ca,
        search_timeout_seconds: domain.search_timeout_seconds,
        credential: domain.credential,
        domain: domain.domain,
        username: domain.username,
    }
}

fn row(listed: Listed) -> [String; 4] {
    let servers = if listed.servers.is_empty() {
        "by DNS".into()
    } else {
        listed.servers.join(", ")
    };
    [
        listed.domain,
        listed.username,
        listed.security.into(),
        servers,
    ]
}

fn known(state: &StateDir, name: &str) -> Result<Domain, Failure> {
    state.domain(name)?.ok_or_else(|| {
        Failure::new(format!("{name} is not among this agent's domains"))
            .remedy("see `lockstep-agent domain list`")
    })
}

fn user_name(text: &str) -> Result<String, Failure> {
    let name = text.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::usage(
            "expected a user name such as svc, CORP\\svc or svc@corp.example.com",
        ));
    }
    Ok(name.to_owned())
}

/// Takes up servers, security and CA; gives back the CA's text when there is a new one.
fn connection(domain: &mut Domain, args: &ConnectionArgs) -> Result<Option<Vec<u8>>, Failure> {
    if !args.servers.is_empty() {
        domain.servers.clone_from(&args.servers);
    }
    if let Some(security) = args.security {
        domain.security = security;
    }
    if let Some(timeout) = args.search_timeout {
        domain.search_timeout_seconds = Some(timeout.as_secs());
    }
    let Some(path) = &args.ca_file else {
        return Ok(None);
    };
    let pem = read(path)?;
    if CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .count()
        == 0
    {
        let message = format!("expected certificates in PEM in {}", path.display());
        return Err(Failure::new(message));
    }
    domain.own_ca = true;
    Ok(Some(pem))
}

/// A secret, and what kind it is.
type NewSecret = (CredentialKind, Secret<Vec<u8>>);

fn secret(
    password_file: Option<&Path>,
    keytab: Option<&Path>,
) -> Result<Option<NewSecret>, Failure> {
    if let Some(path) = password_file {
        let password = state::read_password(path)?;
        let bytes = Secret::new(password.expose().as_bytes().to_vec());
        return Ok(Some((CredentialKind::Password, bytes)));
    }
    let Some(path) = keytab else { return Ok(None) };
    let bytes = Secret::new(read(path)?);
    // MIT's keytab format begins with 5 and its version, which is 2 (or 1 of old).
    if !matches!(bytes.expose().as_slice(), [5, 1 | 2, ..]) {
        let message = format!("{} is not a Kerberos keytab", path.display());
        return Err(Failure::new(message)
            .remedy("make one with ktpass, or with `samba-tool domain exportkeytab`"));
    }
    Ok(Some((CredentialKind::Keytab, bytes)))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())))
}
