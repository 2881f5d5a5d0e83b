//! When passwords were written, as an agent reports it; and who was deleted.

use super::settle::settle;
use crate::credentials;
use crate::import::{ImportError, entomb, mark_all};
use crate::lane::Lane;
use lockstep_api::channel::{AccountsAnswer, PasswordStamp, Stamped, StampsAnswer};
use lockstep_engine::Presence;
use lockstep_engine::mapping::MappedKind;
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::connector_space::{LinkRow, Staged};
use lockstep_store::records::password::{PasswordRow, PasswordStanding, Premises, Written};
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::collections::BTreeMap;

/// Says which accounts take part: the users that are provisioned. Of the rest nothing more is to leave.
///
/// # Errors
///
/// Those of the store.
pub fn accounts(
    tx: &mut dyn Write,
    lane: &Lane,
    accounts: &[Guid],
) -> Result<AccountsAnswer, ImportError> {
    let ids: Vec<_> = accounts
        .iter()
        .map(|guid| (lane.configuration.id, *guid))
        .collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let provisioned = links.into_iter().flatten().filter(is_live_user);
    Ok(AccountsAnswer {
        provisioned: provisioned.map(|link| link.guid).collect(),
    })
}

/// Whether it is a user that is in the directory and not deleted there.
pub(super) fn is_live_user(link: &LinkRow) -> bool {
    link.kind == MappedKind::User && !link.deleted
}

/// Has the passwords of these read by themselves, as far as they have rows: what replication said of them while they
/// were deleted was not taken up, and it is not said again.
///
/// # Errors
///
/// Those of the store.
pub fn read_anew(
    tx: &mut dyn Write,
    configuration: ConfigurationId,
    objects: &[Guid],
) -> Result<(), StoreError> {
    let ids: Vec<_> = objects.iter().map(|guid| (configuration, *guid)).collect();
    let rows: Vec<Option<PasswordRow>> = tx.fetch(&ids)?;
    let unread = |row: PasswordRow| PasswordRow {
        premises: None,
        standing: PasswordStanding::Unread,
        ..row
    };
    let rows: Vec<PasswordRow> = rows.into_iter().flatten().map(unread).collect();
    tx.store(&rows)
}

/// The same of those who moved to another domain and came back: nothing that was known of their passwords can be
/// compared with what is told of them now.
///
/// # Errors
///
/// Those of the store.
pub fn moved_back(
    tx: &mut dyn Write,
    configuration: ConfigurationId,
    objects: &[Guid],
) -> Result<(), StoreError> {
    if objects.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = objects.iter().map(|guid| (configuration, *guid)).collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    // Who is in the recycle bin may be restored with the password of before.
    let users = links.iter().flatten();
    let users = users.filter(|link| link.kind == MappedKind::User);
    let users: Vec<_> = users.map(|link| (link.object, link.guid)).collect();
    credentials::moved(tx, &users)?;
    read_anew(tx, configuration, objects)
}

/// Takes up what replication says of passwords, and answers whose credential is wanted: of users who are
/// provisioned, and whose password on premises is newer than the one in the directory.
///
/// Idempotent: the same report gets the same answer, until the credential has come.
///
/// # Errors
///
/// Those of the store.
pub fn stamps(
    tx: &mut dyn Write,
    mut lane: Lane,
    objects: Vec<Stamped>,
    now: Timestamp,
) -> Result<StampsAnswer, ImportError> {
    let (dead, alive): (Vec<Stamped>, Vec<Stamped>) =
        objects.into_iter().partition(|object| object.deleted);
    tombstones(tx, &mut lane, &dead)?;
    // The last word counts of an object that is reported twice.
    let alive: BTreeMap<Guid, Stamped> = alive.into_iter().map(|o| (o.guid, o)).collect();
    let ids: Vec<_> = alive
        .keys()
        .map(|guid| (lane.configuration.id, *guid))
        .collect();
    let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
    let known: Vec<Option<PasswordRow>> = tx.fetch(&ids)?;
    let mut rows = Vec::new();
    for ((stamped, link), known) in alive.into_values().zip(links).zip(known) {
        let live = link.filter(is_live_user);
        let Some(link) = live else {
            // Whoever comes into scope later is asked for by itself.
            continue;
        };
        let fresh = || PasswordRow::unread(link.configuration, link.guid, link.object);
        let mut row = known
            .filter(|row| row.user == link.object)
            .unwrap_or_else(fresh);
        merge(&mut row, stamped);
        rows.push(row);
    }
    settle(tx, &lane, &mut rows, now)?;
    let is_wanted = |row: &&PasswordRow| row.standing == PasswordStanding::Wanted;
    let wanted = rows.iter().filter(is_wanted).map(|row| row.guid).collect();
    tx.store(&rows)?;
    Ok(StampsAnswer { wanted })
}

/// Takes over what was reported. A change is merged only into what is known; of a user of whom nothing is
/// known, everything has to come at once.
fn merge(row: &mut PasswordRow, stamped: Stamped) {
    if is_behind(row, &stamped) {
        return;
    }
    let whole = stamped.whole
        || (stamped.password.is_some() && stamped.temporary.is_some() && stamped.expires.is_some());
    let mut premises = match row.premises.take() {
        Some(premises) if !stamped.whole => premises,
        None if !whole => return,
        _ => Premises::default(),
    };
    if let Some(password) = stamped.password {
        premises.written = Some(written(&password));
    }
    if let Some(temporary) = stamped.temporary {
        premises.temporary = temporary;
    }
    if let Some(expires) = stamped.expires {
        premises.expires = Some(expires).filter(|expires| *expires != i64::MAX);
    }
    row.premises = Some(premises);
}

/// Whether it comes from a controller that has not received yet what is known: nothing of it is believed.
fn is_behind(row: &PasswordRow, stamped: &Stamped) -> bool {
    let known = row.premises.as_ref().and_then(|premises| premises.written);
    let told = stamped
        .password
        .as_ref()
        .map(|password| written(password).stamp());
    match (known, told) {
        (Some(known), Some(told)) => told < known.stamp(),
        (Some(_), None) => stamped.whole,
        (None, _) => false,
    }
}

pub(super) const fn written(stamp: &PasswordStamp) -> Written {
    Written {
        version: stamp.version,
        time: stamp.time,
        originating: stamp.originating,
        present: stamp.present,
    }
}

/// Objects that replication knows to be deleted. Where the account cannot see deleted objects over LDAP,
/// nothing else tells. Where it can, the reading of objects is the one to tell: another controller may lag
/// behind the one that replicates passwords, and call somebody deleted who has come back since.
fn tombstones(tx: &mut dyn Write, lane: &mut Lane, dead: &[Stamped]) -> Result<(), ImportError> {
    if lane.job.tombstones_visible {
        return Ok(());
    }
    let ids: Vec<_> = dead
        .iter()
        .map(|object| (lane.configuration.id, object.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut changed = Vec::new();
    let mut marks = Vec::new();
    let alive = rows
        .into_iter()
        .flatten()
        .filter(|row| row.object.presence != Presence::Deleted);
    for mut row in alive {
        entomb(&mut row.object, &mut marks);
        changed.push(row);
    }
    tx.store(&changed)?;
    if !marks.is_empty() {
        mark_all(tx, &mut lane.job, marks)?;
        tx.store(std::slice::from_ref(&lane.job))?;
    }
    Ok(())
}
