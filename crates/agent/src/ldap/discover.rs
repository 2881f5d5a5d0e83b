//! Which controllers a domain has: as named by the administrator, else by DNS ([MS-ADTS] 6.3.2.3).

use super::LdapError;
use crate::state::{Domain, Server};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use std::net::{IpAddr, SocketAddr};

/// A controller that may be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Candidate {
    /// As it was named, by the administrator or by DNS.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Candidate {
    /// How it is called in messages.
    pub(super) fn label(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The controllers of a domain, in the order in which they are to be asked.
pub(super) async fn candidates(domain: &Domain) -> Result<Vec<Candidate>, LdapError> {
    let port = domain.security.port();
    if !domain.servers.is_empty() {
        let named = |server: &Server| Candidate {
            host: server.host.clone(),
            port: server.port.unwrap_or(port),
        };
        return Ok(domain.servers.iter().map(named).collect());
    }
    by_dns(&domain.domain, port).await
}

async fn by_dns(domain: &str, port: u16) -> Result<Vec<Candidate>, LdapError> {
    let not_found = |reason: String| LdapError::NotFound {
        domain: domain.to_owned(),
        reason,
    };
    let resolver = resolver().map_err(not_found)?;
    let name = format!("_ldap._tcp.dc._msdcs.{domain}.");
    let answer = resolver
        .srv_lookup(name)
        .await
        .map_err(|error| not_found(error.to_string()))?;
    let mut found: Vec<_> = answer
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(srv) => {
                let host = srv.target.to_utf8();
                Some((
                    srv.priority,
                    srv.weight,
                    host.trim_end_matches('.').to_owned(),
                ))
            }
            _ => None,
        })
        .collect();
    // By priority; among equals the heavier first. Spreading load by chance would make failures hard to
    // understand, and one agent is little load.
    found.sort_by(|a, b| (a.0, b.1, &a.2).cmp(&(b.0, a.1, &b.2)));
    if found.is_empty() {
        return Err(not_found("no records".into()));
    }
    let candidate = |(_, _, host)| Candidate { host, port };
    Ok(found.into_iter().map(candidate).collect())
}

/// The addresses of a host.
pub(super) async fn addresses(candidate: &Candidate) -> std::io::Result<Vec<SocketAddr>> {
    if let Ok(address) = candidate.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, candidate.port)]);
    }
    if name_servers().is_empty() {
        // The system's own way, with its hosts file.
        let found = tokio::net::lookup_host((candidate.host.as_str(), candidate.port)).await?;
        return Ok(found.collect());
    }
    let resolver = resolver().map_err(std::io::Error::other)?;
    let found = resolver
        .lookup_ip(format!("{}.", candidate.host))
        .await
        .map_err(std::io::Error::other)?;
    Ok(found
        .iter()
        .map(|address| SocketAddr::new(address, candidate.port))
        .collect())
}

fn resolver() -> Result<TokioResolver, String> {
    let servers = name_servers();
    let builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|error| error.to_string())?
    } else {
        let servers = servers.into_iter().map(NameServerConfig::udp_and_tcp);
        let config = ResolverConfig::from_name_servers(servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.build().map_err(|error| error.to_string())
}

/// DNS servers of the domain, where the system's own do not know it.
fn name_servers() -> Vec<IpAddr> {
    let named = std::env::var("LOCKSTEP_DNS_SERVERS").unwrap_or_default();
    named
        .split([',', ' '])
        .filter_map(|address| address.parse().ok())
        .collect()
}
