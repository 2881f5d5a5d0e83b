//! Configurations are deleted. What they provisioned stays in the directory.
//!
//! A configuration that is being deleted is not listed and has no job any more; should the service end before
//! its replica is gone, the next start goes on.

use crate::configurations::{by_name, not_found, re_evaluate, remove_all, store_problem};
use crate::import::mark;
use crate::service::Service;
use crate::{audit, directory, instructions, job};
use lockstep_api::problem::Problem;
use lockstep_directory::{Change, TenantRules};
use lockstep_model::Timestamp;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{
    Claim, Dirty, Doubtful, ForeignPrincipal, Joined, NestedScopeGroup, Staged, StagedReference,
    Subject, UnresolvedReference, UntoldReferences,
};
use lockstep_store::records::job::{Configuration, Cycle, Heir, HeldDelete, Job, ReadSet};
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::password::PasswordRow;
use lockstep_store::records::safety::{Escrow, HeldChange, Notice};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;

/// How many rows are removed in one transaction.
const SLICE: usize = 2_000;
/// The name of the cloud among those that can be handed over to.
const CLOUD: &str = "cloud";

/// Deletes a configuration with its job, its replica and its service principal. What it provisioned stays in
/// the directory, and is synchronised no more, unless it is handed over.
///
/// # Errors
///
/// Those of the store; a problem with status 404 when there is no such configuration, or none to hand over to.
pub async fn delete(
    service: &Arc<Service>,
    name: &str,
    hand_over_to: Option<String>,
    actor: String,
) -> Result<(), Problem> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let owned = name.to_owned();
    let begun = service
        .write(move |tx| begin(tx, &owned, hand_over_to, &actor, &tenant, now))
        .await;
    let (id, heir) = begun.map_err(store_problem)??;
    service.jobs.raise();
    service.progress.raise();
    complete(service, id, heir).await.map_err(store_problem)?;
    if let Heir::Configuration(heir) = heir {
        let asked = job::ask_for_cycle(service, heir).await;
        asked.map_err(store_problem)?;
    }
    Ok(())
}

/// Hands over what a configuration had, and removes the rest of it. Each step may be done twice, so that what was
/// interrupted is done from the beginning.
///
/// # Errors
///
/// Those of the store.
async fn complete(
    service: &Arc<Service>,
    id: ConfigurationId,
    heir: Heir,
) -> Result<(), StoreError> {
    if heir == Heir::Cloud {
        release(service, id).await?;
    }
    empty(service, id).await?;
    free_claims(service).await?;
    if let Heir::Configuration(heir) = heir {
        service
            .write(move |tx| match tx.fetch_one::<Configuration>(&heir)? {
                Some(row) => re_evaluate(tx, &row),
                None => Ok(()),
            })
            .await?;
    }
    // Last, so that what was interrupted is found at the next start.
    service
        .write(move |tx| tx.remove::<Configuration>(&[id]))
        .await
}

/// Goes on with what an earlier run of the service was removing when it died: deleted configurations, and the
/// connector spaces of plans.
///
/// # Errors
///
/// Those of the store.
pub async fn go_on(service: &Arc<Service>) -> Result<(), StoreError> {
    let rows: Vec<Configuration> = service
        .read(|tx| tx.list(&Scan::of(Key::empty(), usize::MAX)))
        .await?;
    for row in rows.into_iter().filter(|row| row.scratch) {
        match row.heir {
            Some(heir) => complete(service, row.id, heir).await?,
            None => drop_scratch(service, row.id).await?,
        }
    }
    Ok(())
}

/// From here on the configuration is not there for anybody.
fn begin(
    tx: &mut dyn Write,
    name: &str,
    hand_over_to: Option<String>,
    actor: &str,
    tenant: &TenantRules,
    now: Timestamp,
) -> Result<Result<(ConfigurationId, Heir), Problem>, StoreError> {
    let Some(configuration) = by_name(tx, name)? else {
        return Ok(Err(not_found(name)));
    };
    let id = configuration.id;
    let heir = match hand_over_to.as_deref() {
        None => Heir::Nobody,
        Some(CLOUD) => Heir::Cloud,
        Some(other) => match by_name(tx, other)? {
            Some(row) if row.id != id => Heir::Configuration(row.id),
            _ => return Ok(Err(no_heir(other))),
        },
    };
    if let Some(job) = tx.fetch_one::<Job>(&id)? {
        instructions::withdraw_all(tx, &job)?;
    }
    let gone = Change::Delete {
        id: configuration.service_principal,
    };
    directory::write(tx, tenant, vec![gone], now)?;
    let new = hand_over_to.map(|to| serde_json::json!({ "handOverTo": to }).to_string());
    let old = Some(configuration.spec.clone());
    audit::record(tx, now, actor, "ConfigurationDeleted", name, old, new)?;
    tx.remove::<Job>(&[id])?;
    tx.remove::<ReadSet>(&[id])?;
    tx.store(&[Configuration {
        scratch: true,
        stands_for: None,
        heir: Some(heir),
        ..configuration
    }])?;
    Ok(Ok((id, heir)))
}

fn no_heir(name: &str) -> Problem {
    let title = format!("handOverTo: expected `cloud` or another configuration, found `{name}`");
    Problem::new(404, "ConfigurationNotFound", title)
        .remedy("`lockstep configuration list` shows those that there are; nothing was changed")
}

/// Gives every object of a configuration to the cloud, in bounded transactions.
async fn release(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    let mut next = Some(Scan::of(Key::empty().with(id), SLICE));
    while let Some(scan) = next {
        let (tenant, now) = (service.tenant_rules(), service.clock.now());
        next = service
            .write(move |tx| {
                let joined: Vec<Joined> = tx.list(&scan)?;
                let release = |joined: &Joined| Change::Release {
                    id: joined.object,
                    from: id,
                };
                directory::write(tx, &tenant, joined.iter().map(release).collect(), now)?;
                Ok(joined.last().map(|last| scan.behind(last)))
            })
            .await?;
    }
    Ok(())
}

/// Whoever claims an anchor whose owner is gone is decided anew.
async fn free_claims(service: &Arc<Service>) -> Result<(), StoreError> {
    let mut next = Some(Scan::of(Key::empty(), SLICE));
    while let Some(scan) = next {
        next = service
            .write(move |tx| {
                let claims: Vec<Claim> = tx.list(&scan)?;
                for claim in &claims {
                    // Who is refused again is listed again.
                    if let Some(mut job) = tx.fetch_one::<Job>(&claim.configuration)? {
                        mark(tx, &mut job, Subject::Object(claim.guid))?;
                        tx.store(&[job])?;
                    } else {
                        tx.remove::<Claim>(&[claim.id()])?;
                    }
                }
                Ok(claims.last().map(|last| scan.behind(last)))
            })
            .await?;
    }
    Ok(())
}

/// Removes a connector space that was made for a plan, with everything in it.
///
/// # Errors
///
/// Those of the store.
pub async fn drop_scratch(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    empty(service, id).await?;
    // Last, so that what was interrupted is found and dropped at the next start.
    service
        .write(move |tx| tx.remove::<Configuration>(&[id]))
        .await
}

/// Takes the job and everything of the replica from a configuration that has no cycles any more.
async fn empty(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    service
        .write(move |tx| {
            if let Some(job) = tx.fetch_one::<Job>(&id)? {
                instructions::withdraw_all(tx, &job)?;
            }
            tx.remove::<ReadSet>(&[id])?;
            tx.remove::<Job>(&[id])
        })
        .await?;
    clear(service, id).await
}

/// Removes the replica of a configuration that is gone, in bounded transactions.
async fn clear(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    remove_all::<Staged>(service, id).await?;
    remove_all::<StagedReference>(service, id).await?;
    remove_all::<UnresolvedReference>(service, id).await?;
    remove_all::<UntoldReferences>(service, id).await?;
    remove_all::<Doubtful>(service, id).await?;
    remove_all::<NestedScopeGroup>(service, id).await?;
    remove_all::<ForeignPrincipal>(service, id).await?;
    remove_all::<Joined>(service, id).await?;
    remove_all::<PasswordRow>(service, id).await?;
    remove_all::<Dirty>(service, id).await?;
    remove_all::<HeldDelete>(service, id).await?;
    remove_all::<HeldChange>(service, id).await?;
    remove_all::<Escrow>(service, id).await?;
    remove_all::<Notice>(service, id).await?;
    remove_all::<LastDecision>(service, id).await?;
    let mut more = true;
    while more {
        more = service
            .write(move |tx| {
                let scan = Scan::along(Cycle::BY_CONFIGURATION, Key::empty().with(id), SLICE);
                let rows: Vec<Cycle> = tx.list(&scan)?;
                let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
                tx.remove::<Cycle>(&ids)?;
                Ok(!rows.is_empty())
            })
            .await?;
    }
    Ok(())
}
