//! Configurations are deleted. What they provisioned stays in the directory.
//!
//! A configuration that is being deleted is not listed and has no job any more. What has begun comes to its end: it does
//! not hang on whoever asked for it ([`delete`]), and after an error, or the end of the service, it is gone on with by
//! itself ([`run`]). Its objects are free from the moment in which it is not listed any more: for its heir, or, if it has
//! none, for whoever claims them. What the heir leaves is free for all when the replica is gone.

use crate::configurations::{by_name, not_found, re_evaluate, remove_all, store_problem};
use crate::cycle::{escrow, forsake, reaching};
use crate::import::mark;
use crate::job::ask_for_cycle_unless_paused;
use crate::service::Service;
use crate::{audit, directory, instructions};
use lockstep_api::problem::Problem;
use lockstep_directory::{Change, TenantRules};
use lockstep_model::Timestamp;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{
    Claim, Dirty, Doubtful, ForeignPrincipal, LinkRow, NestedScopeGroup, Staged, StagedReference,
    Subject, UnresolvedReference, UntoldReferences,
};
use lockstep_store::records::job::{Configuration, Cycle, Heir, HeldDelete, Job, ReadSet};
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::password::PasswordRow;
use lockstep_store::records::safety::{HeldChange, Notice};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::sync::Arc;
use std::time::Duration;

/// How many rows are removed in one transaction.
const SLICE: usize = 2_000;
/// After so long it is looked again whether a deletion has to be gone on with.
const LOOK: Duration = Duration::from_secs(15);
/// The name of the cloud among those that can be handed over to.
const CLOUD: &str = "cloud";

/// Deletes a configuration with its job, its replica and its service principal. What it provisioned stays in
/// the directory, and is synchronised no more, unless it is handed over. One that is half deleted already is gone on
/// with, as it was told first.
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
    let (own, name) = (Arc::clone(service), name.to_owned());
    // Whoever asked may hang up.
    let work = async move {
        let (tenant, now) = (own.tenant_rules(), own.clock.now());
        let begun = own
            .write(move |tx| begin(tx, &name, hand_over_to, &actor, &tenant, now))
            .await?;
        let id = match begun {
            Ok(id) => id,
            Err(problem) => return Ok(Err(problem)),
        };
        own.jobs.raise();
        own.progress.raise();
        complete(&own, id).await.map(Ok)
    };
    service.apart(work).await.map_err(store_problem)?
}

/// Hands over what a configuration had, and removes the rest of it. Each step may be done twice, so that what was
/// interrupted is done from the beginning.
///
/// # Errors
///
/// Those of the store.
async fn complete(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    let _alone = service.removals.lock().await;
    let row: Option<Configuration> = service.read(move |tx| tx.fetch_one(&id)).await?;
    let Some(heir) = row.as_ref().and_then(half_deleted) else {
        // Somebody else was faster.
        return Ok(());
    };
    if heir == Heir::Cloud {
        release(service, id).await?;
    }
    if let Heir::Configuration(heir) = heir {
        // What it may have already is decided before it is looked at who refers to it: nobody leaves its groups meanwhile.
        let decide = move |tx: &mut dyn Write| match tx.fetch_one::<Configuration>(&heir)? {
            Some(row) => re_evaluate(tx, &row),
            None => Ok(()),
        };
        service.write(decide).await?;
    }
    if let Some(row) = row {
        forsake_all(service, row, heir).await?;
    }
    empty(service, id).await?;
    service.write(move |tx| let_go(tx, id, heir)).await?;
    service.jobs.raise();
    // Not before its objects are free: who was decided before that was refused, and has its turn now.
    free_claims(service).await?;
    // Last, so that what was interrupted is found.
    service
        .write(move |tx| tx.remove::<Configuration>(&[id]))
        .await
}

/// What it had is given, or promised to an heir who looks at it next: whoever claims it may have the rest.
fn let_go(tx: &mut dyn Write, id: ConfigurationId, heir: Heir) -> Result<(), StoreError> {
    if let Heir::Configuration(heir) = heir {
        take_over(tx, heir)?;
    }
    let row: Option<Configuration> = tx.fetch_one(&id)?;
    let rows = row.map(|row| Configuration {
        heir: Some(Heir::Nobody),
        ..row
    });
    tx.store(rows.as_slice())
}

/// The heir decides everything anew, in a cycle of its own.
fn take_over(tx: &mut dyn Write, heir: ConfigurationId) -> Result<(), StoreError> {
    let Some(row) = tx.fetch_one::<Configuration>(&heir)? else {
        return Ok(());
    };
    re_evaluate(tx, &row)?;
    let Some(mut job) = tx.fetch_one::<Job>(&heir)? else {
        return Ok(());
    };
    ask_for_cycle_unless_paused(tx, &mut job)?;
    tx.store(&[job])
}

/// Whose the objects are to be, of a configuration that is being deleted.
fn half_deleted(row: &Configuration) -> Option<Heir> {
    row.heir.filter(|_| row.scratch)
}

/// Whether objects of this configuration are free for another one: it is being deleted, and has them for nobody, or for
/// that one.
#[must_use]
pub(crate) fn is_free_for(row: &Configuration, other: ConfigurationId) -> bool {
    match half_deleted(row) {
        Some(Heir::Nobody) => true,
        Some(Heir::Configuration(heir)) => heir == other,
        Some(Heir::Cloud) | None => false,
    }
}

fn all(tx: &mut dyn Read) -> Result<Vec<Configuration>, StoreError> {
    tx.list(&Scan::of(Key::empty(), usize::MAX))
}

/// Goes on with deletions that met an error, or that nobody goes on with for another reason, until it is dropped.
pub async fn run(service: Arc<Service>) {
    loop {
        if let Err(error) = go_on_with_deletions(&service).await {
            tracing::error!(%error, "a configuration could not be deleted to the end; it is tried again");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Goes on with every deletion that has begun: one that cannot be gone on with keeps no other. Gives the first error.
async fn go_on_with_deletions(service: &Arc<Service>) -> Result<(), StoreError> {
    let rows = service.read(|tx| all(tx)).await?;
    let mut result = Ok(());
    for row in rows.iter().filter(|row| half_deleted(row).is_some()) {
        result = result.and(complete(service, row.id).await);
    }
    result
}

/// Goes on with what an earlier run of the service was removing when it died: deleted configurations, and the
/// connector spaces of plans.
///
/// # Errors
///
/// Those of the store.
pub async fn go_on(service: &Arc<Service>) -> Result<(), StoreError> {
    let rows = service.read(|tx| all(tx)).await?;
    let mut result = Ok(());
    let of_plans = |row: &&Configuration| row.scratch && row.heir.is_none();
    for row in rows.iter().filter(of_plans) {
        let dropped = drop_scratch(service, row.id).await;
        if dropped.is_err() {
            service.leftovers.leave(row.id);
        }
        result = result.and(dropped);
    }
    result.and(go_on_with_deletions(service).await)
}

/// From here on the configuration is not there for anybody.
fn begin(
    tx: &mut dyn Write,
    name: &str,
    hand_over_to: Option<String>,
    actor: &str,
    tenant: &TenantRules,
    now: Timestamp,
) -> Result<Result<ConfigurationId, Problem>, StoreError> {
    let Some(configuration) = by_name(tx, name)? else {
        let mut rows = all(tx)?.into_iter();
        let begun = rows.find(|row| row.name == name && half_deleted(row).is_some());
        return Ok(begun.map(|row| row.id).ok_or_else(|| not_found(name)));
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
    Ok(Ok(id))
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
                let links: Vec<LinkRow> = tx.list(&scan)?;
                let release = |link: &LinkRow| Change::Release {
                    id: link.object,
                    from: id,
                };
                directory::write(tx, &tenant, links.iter().map(release).collect(), now)?;
                Ok(links.last().map(|last| scan.behind(last)))
            })
            .await?;
    }
    Ok(())
}

/// Whoever it had is referred to by others, and provisioned by nobody any more, or by its heir.
async fn forsake_all(
    service: &Arc<Service>,
    row: Configuration,
    heir: Heir,
) -> Result<(), StoreError> {
    let row = Arc::new(row);
    let known = Arc::clone(&row);
    let reaching = service.read(move |tx| reaching(tx, &known)).await?;
    // What the heir will have others find with it: they are told when it has it, and take nobody out before.
    let looking = reaching.into_iter().filter(|other| match heir {
        Heir::Configuration(heir) => heir == other.id,
        Heir::Nobody | Heir::Cloud => true,
    });
    for other in looking {
        let other = Arc::new(other);
        let mut next = Some(Scan::of(Key::empty().with(other.id), SLICE));
        let mut marked = None;
        while let Some(scan) = next {
            let (row, other) = (Arc::clone(&row), Arc::clone(&other));
            (next, marked) = service
                .write(move |tx| forsake(tx, &row, &other, &scan, marked))
                .await?;
        }
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
    remove_all::<LinkRow>(service, id).await?;
    remove_all::<PasswordRow>(service, id).await?;
    remove_all::<Dirty>(service, id).await?;
    remove_all::<HeldDelete>(service, id).await?;
    remove_all::<HeldChange>(service, id).await?;
    while service.write(move |tx| escrow::forget_some(tx, id)).await? {}
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
