//! Which controller answers, and whether it may go on from the cookie.

use super::{ImportError, read_by_guid};
use crate::lane::Lane;
use crate::policy;
use lockstep_api::channel::{Begin, BeginAnswer, Canary, ControllerIdentity, Opening};
use lockstep_api::problem::Problem;
use lockstep_engine::{Presence, StagedObject};
use lockstep_model::{Timestamp, codes};
use lockstep_store::records::connector_space::Staged;
use lockstep_store::records::job::{
    Controller, DomainFacts, HeldDelete, HeldVerdict, Job, ReadSet, Watermark,
};
use lockstep_store::{ReadRecords as _, Scan, Write, WriteRecords as _};
use std::time::Duration;

/// How many deletes that wait are looked at in one go.
const SLICE: usize = 1_000;

/// Why everything is read anew although there is a cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doubt {
    DatabaseReplaced,
    DatabaseSetBack,
    CookieTooOld,
    TombstonesWereHidden,
}

/// Takes up who answers; decides where reading starts.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `ForeignDomain` when the controller holds another domain than the
/// one that was read before.
pub fn begin(
    tx: &mut dyn Write,
    mut lane: Lane,
    begin: &Begin,
    now: Timestamp,
) -> Result<BeginAnswer, ImportError> {
    let identity = &begin.controller;
    same_domain(&lane, identity)?;
    lane.job.domain = Some(DomainFacts {
        naming_context: identity.naming_context,
        sid: identity.domain_sid.clone(),
        netbios_name: begin.netbios_name.clone(),
        forest: begin.forest.clone(),
    });
    let before = policy::read_set_of(tx, lane.configuration.id)?;
    if before.absent != begin.absent_attributes {
        let absent = begin.absent_attributes.clone();
        tx.store(&[ReadSet { absent, ..before }])?;
    }
    let doubt = doubt(&lane, begin, now);
    let cookie = lane.job.watermark.cookie();
    let told_by_this_one = cookie.is_some_and(|cookie| cookie.controller == identity.dns_name);
    lane.job.tombstones_visible = begin.tombstones_visible;
    lane.job.hides_values = begin.hides_values;
    if let Some(doubt) = doubt {
        tracing::warn!(
            configuration = lane.configuration.name,
            controller = identity.dns_name,
            ?doubt,
            "everything is read anew"
        );
        lane.job.watermark = Watermark::Start;
        if doubt != Doubt::CookieTooOld {
            // The numbers of the reading of passwords mean nothing any more either.
            lane.job.passwords.watermark = None;
        }
        lane.job
            .controllers
            .remove(&identity.dns_name.to_lowercase());
    }
    let opening = match &lane.job.watermark {
        Watermark::Start => {
            lane.job.epoch += 1;
            Opening::Everything
        }
        Watermark::Paging(cookie) => Opening::Resume(cookie.value.clone()),
        Watermark::Sweeping { .. } | Watermark::Current(_) => Opening::FromCookie,
    };
    // Another controller, or another database, may lag behind: its answer would be older than what is known.
    let is_another = matches!(
        doubt,
        Some(Doubt::DatabaseReplaced | Doubt::DatabaseSetBack)
    );
    if !is_another && told_by_this_one {
        ask_for_leaving(tx, &lane)?;
    }
    lane.job.reading_from = Some(identity.dns_name.clone());
    remember(&mut lane, identity, |_| begin.clock);
    tx.store(&[lane.job])?;
    Ok(BeginAnswer { opening })
}

/// Whoever was to be deleted by what an earlier cycle has read, and may leave in this one, is asked for by GUID at the end
/// of the page: an object that was restored, or moved back, to where the account sees nothing is told by nobody.
fn ask_for_leaving(tx: &mut dyn Write, lane: &Lane) -> Result<(), ImportError> {
    let mut verdicts = vec![HeldVerdict::Allowed];
    if !lane.job.guard_tripped {
        verdicts.push(HeldVerdict::Open);
    }
    for verdict in verdicts {
        let prefix = HeldDelete::with(lane.owner(), verdict);
        let mut scan = Scan::along(HeldDelete::BY_VERDICT, prefix, SLICE);
        loop {
            let rows: Vec<HeldDelete> = tx.list(&scan)?;
            let Some(last) = rows.last() else { break };
            scan = scan.behind(last);
            let ids: Vec<_> = rows
                .iter()
                .map(|row| (lane.configuration.id, row.guid))
                .collect();
            let staged: Vec<Option<Staged>> = tx.fetch(&ids)?;
            let objects = staged.iter().flatten().map(|row| &row.object);
            let asked = objects.filter(|object| is_answered(&lane.job, object));
            read_by_guid(tx, lane.configuration.id, &asked.map(|o| o.guid).collect())?;
        }
    }
    Ok(())
}

/// Whether an answer about an object would say something: who has moved to another domain left no tombstone, and where
/// the account sees no tombstones all that are deleted are silent.
fn is_answered(job: &Job, object: &StagedObject) -> bool {
    match object.presence {
        Presence::Alive { .. } => true,
        Presence::Deleted => job.tombstones_visible && !object.moved_away,
        Presence::Missing { .. } => false,
    }
}

pub(crate) fn same_domain(lane: &Lane, identity: &ControllerIdentity) -> Result<(), ImportError> {
    let same = lane.job.domain.as_ref().is_none_or(|domain| {
        domain.naming_context == identity.naming_context && domain.sid == identity.domain_sid
    });
    if same {
        return Ok(());
    }
    let title = format!(
        "{} holds another domain of the name {} than the one that was read before",
        identity.dns_name, lane.configuration.domain
    );
    let remedy = "give the agent a domain controller of the right domain; if the domain was really made \
                  anew, delete the configuration and create it again";
    Err(ImportError::Refused(
        Problem::new(409, codes::FOREIGN_DOMAIN, title).remedy(remedy),
    ))
}

/// Whether this controller's database is one that has come to where we believe it has.
fn doubt(lane: &Lane, begin: &Begin, now: Timestamp) -> Option<Doubt> {
    let cookie = lane.job.watermark.cookie()?;
    let since =
        |now: i64, then: i64| Timestamp::from_millis(now).since(Timestamp::from_millis(then));
    // By the clock of the service, or by that of the controllers: one of them may have been wrong, and to read too
    // much is no harm.
    let by_controllers = begin.clock.zip(cookie.controller_clock);
    let age = since(now.as_millis(), cookie.issued)
        .max(by_controllers.map_or(Duration::ZERO, |(now, then)| since(now, then)));
    // Tombstones are collected after their lifetime; half of it leaves room for replication.
    let lifetime = Duration::from_secs(u64::from(begin.tombstone_lifetime_days) * 86_400);
    if age > lifetime / 2 {
        return Some(Doubt::CookieTooOld);
    }
    // The cookie has gone past them.
    if begin.tombstones_visible && !lane.job.tombstones_visible {
        return Some(Doubt::TombstonesWereHidden);
    }
    changed(&lane.job, &begin.controller, begin.canary.as_ref())
}

/// Whether the database is another one than before, or stands where it stood before.
pub(crate) fn is_set_back(
    job: &Job,
    identity: &ControllerIdentity,
    canary: Option<&Canary>,
) -> bool {
    changed(job, identity, canary).is_some()
}

fn changed(job: &Job, identity: &ControllerIdentity, canary: Option<&Canary>) -> Option<Doubt> {
    let known = job.controllers.get(&identity.dns_name.to_lowercase())?;
    if known.invocation_id != identity.invocation_id {
        return Some(Doubt::DatabaseReplaced);
    }
    if identity.highest_usn < known.highest_usn {
        return Some(Doubt::DatabaseSetBack);
    }
    // By now a database that was set back may have counted on beyond the number we remember; the canary
    // has not.
    let (_, usn) = known.canary.as_ref()?;
    let found = canary.map_or(0, |canary| canary.usn_changed);
    (found < *usn).then_some(Doubt::DatabaseSetBack)
}

/// What is known of a controller from now on. What its clock showed is as of the reading of objects.
pub(crate) fn remember(
    lane: &mut Lane,
    identity: &ControllerIdentity,
    clock: impl FnOnce(Option<i64>) -> Option<i64>,
) {
    let name = identity.dns_name.to_lowercase();
    let known = lane.job.controllers.get(&name);
    let canary = known.and_then(|known| known.canary.clone());
    let clock = clock(known.and_then(|known| known.clock));
    lane.job.controllers.insert(
        name,
        Controller {
            dns_name: identity.dns_name.clone(),
            invocation_id: identity.invocation_id,
            highest_usn: identity.highest_usn,
            canary,
            clock,
        },
    );
}
