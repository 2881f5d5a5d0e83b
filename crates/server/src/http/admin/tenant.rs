//! The tenant and the DNS suffixes that it owns.

use super::{Json, Shared};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::log::{self, Because};
use crate::{audit, directory};
use axum::extract::Path;
use axum::extract::State;
use lockstep_api::admin::{NewDomain, Tenant as View};
use lockstep_api::problem::Problem;
use lockstep_directory::{Change, Inherited, Kind, TenantRules};
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::service::Tenant;
use lockstep_store::{ReadRecords as _, Scan, WriteRecords as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many users get their names anew in one transaction.
const SLICE: usize = 500;

pub(super) async fn show(State(service): Shared, _: Caller) -> Result<axum::Json<View>, Failure> {
    let tenant = service.read(|tx| tx.fetch_one::<Tenant>(&())).await?;
    let tenant = tenant.ok_or_else(|| Problem::new(500, "Internal", "the tenant is missing"))?;
    Ok(axum::Json(view(&tenant)))
}

fn view(tenant: &Tenant) -> View {
    let mut domains = vec![tenant.initial_domain.clone()];
    domains.extend(tenant.domains.iter().cloned());
    View {
        id: tenant.id.to_string(),
        initial_domain: tenant.initial_domain.clone(),
        domains,
    }
}

pub(super) async fn add(
    State(service): Shared,
    caller: Caller,
    Json(new): Json<NewDomain>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Administrator)?;
    let name = new.name.trim().trim_end_matches('.').to_lowercase();
    if !is_dns_suffix(&name) {
        let title = format!(
            "expected a DNS suffix such as example.com, received `{}`",
            new.name
        );
        return Err(Problem::new(400, "BadDomain", title).into());
    }
    change(service, caller, name, true).await
}

pub(super) async fn remove(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<View>, Failure> {
    caller.require(Role::Administrator)?;
    change(service, caller, name.to_lowercase(), false).await
}

/// Whether a text can be the suffix of names in DNS.
#[must_use]
pub fn is_dns_suffix(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

/// Adds or removes a suffix, and gives every user the name that follows from it.
async fn change(
    service: Arc<crate::service::Service>,
    caller: Caller,
    name: String,
    present: bool,
) -> Result<axum::Json<View>, Failure> {
    let now = service.clock.now();
    let actor = caller.name;
    let changed = service
        .write(move |tx| {
            let Some(mut tenant) = tx.fetch_one::<Tenant>(&())? else {
                return Ok(Err(Problem::new(500, "Internal", "the tenant is missing")));
            };
            if !present && tenant.initial_domain == name {
                let title = format!("{name} is the initial domain, which cannot be removed");
                return Ok(Err(Problem::new(409, "InitialDomain", title)));
            }
            let known = tenant.initial_domain == name || tenant.domains.contains(&name);
            if !present && !known {
                let title = format!("the tenant does not have the domain {name}");
                return Ok(Err(Problem::new(404, "DomainNotFound", title)));
            }
            let activity = match present {
                true => "DomainAdded",
                false => "DomainRemoved",
            };
            if present == known {
                return Ok(Ok(tenant));
            }
            let old = Some(serde_json::json!({ "domains": tenant.domains }).to_string());
            tenant.domains.retain(|domain| *domain != name);
            if present {
                tenant.domains.push(name.clone());
                tenant.domains.sort();
            }
            tx.store(std::slice::from_ref(&tenant))?;
            let new = Some(serde_json::json!({ "domains": tenant.domains }).to_string());
            audit::record(tx, now, &actor, activity, &name, old, new)?;
            Ok(Ok(tenant))
        })
        .await??;
    service.set_tenant(&changed);
    rename_users(&service, service.tenant_rules()).await?;
    Ok(axum::Json(view(&changed)))
}

/// Lets the directory's rules make every user's name anew.
async fn rename_users(
    service: &Arc<crate::service::Service>,
    rules: TenantRules,
) -> Result<(), Failure> {
    let prefix = DirectoryObject::of_kind(Kind::User, false);
    let mut next = Some(Scan::along(DirectoryObject::BY_KIND, prefix, SLICE));
    while let Some(scan) = next {
        let (rules, now) = (rules.clone(), service.clock.now());
        next = service
            .write(move |tx| {
                let users: Vec<DirectoryObject> = tx.list(&scan)?;
                let touch = |user: &DirectoryObject| Change::Update {
                    id: user.object.id,
                    values: BTreeMap::new(),
                };
                let outcomes =
                    directory::write(tx, &rules, users.iter().map(touch).collect(), now)?;
                let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.id).collect();
                let objects = directory::objects(tx, &ids)?;
                let renamed = outcomes.into_iter().zip(objects);
                let renamed = renamed.filter_map(|(outcome, object)| {
                    let changes = outcome.result.ok()?.changes;
                    let object = object.filter(|_| !changes.is_empty())?;
                    Some(Inherited { object, changes })
                });
                let renamed = renamed.collect();
                log::tell_outside_of_cycles(tx, renamed, Because::DomainsChanged, now)?;
                Ok(users.last().map(|last| scan.behind(last)))
            })
            .await?;
    }
    Ok(())
}
