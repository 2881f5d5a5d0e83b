//! How passwords stand, and what follows from that.

use crate::credentials;
use crate::lane::Lane;
use crate::signin::sessions;
use lockstep_directory::credential::Origin;
use lockstep_engine::ObjectClass;
use lockstep_engine::password::{OnPremises, PasswordReason, PasswordRules, Standing, judge};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{MappedKind, Timestamp};
use lockstep_store::records::connector_space::{LinkRow, Staged};
use lockstep_store::records::job::{Job, PasswordRulesRow, PasswordTally};
use lockstep_store::records::log::LogEntry;
use lockstep_store::records::password::{PasswordRow, PasswordStanding, Premises};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many rows are judged in one transaction when all are.
const SLICE: usize = 1_000;

/// What the administrator wants of passwords.
fn rules(lane: &Lane) -> PasswordRules {
    let spec = &crate::configuration::known(&lane.configuration).spec;
    PasswordRules {
        force_change_at_logon: spec.password_hash_sync.force_change_at_logon,
        follow_account_expiry: spec.password_hash_sync.follow_account_expiry,
    }
}

/// Judges rows of this configuration by what is known of them now, and does what follows: who must not
/// sign in loses the credential, and what changed is logged. The caller stores the rows.
pub(super) fn settle(
    tx: &mut dyn Write,
    lane: &Lane,
    rows: &mut [PasswordRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rules = rules(lane);
    let users: Vec<ObjectId> = rows.iter().map(|row| row.user).collect();
    let origins = credentials::origins(tx, &users)?;
    let ids: Vec<_> = rows
        .iter()
        .map(|row| (lane.configuration.id, row.guid))
        .collect();
    let staged: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut expired = Vec::new();
    let mut log = Vec::new();
    for ((row, origin), staged) in rows.iter_mut().zip(origins).zip(staged) {
        let class = staged.and_then(|staged| staged.object.class);
        let class = class.unwrap_or(ObjectClass::User);
        let Some(premises) = &row.premises else {
            continue;
        };
        let is_current = is_current(row, premises, origin.as_ref());
        let standing = judge(class, &on_premises(premises), is_current, &rules, now);
        if standing == Standing::LeftOut(PasswordReason::AccountExpired) && origin.is_some() {
            expired.push(row.user);
        }
        let reason = match standing {
            Standing::Waits(reason) | Standing::LeftOut(reason) => Some(reason),
            Standing::Wanted | Standing::Current => None,
        };
        let before = std::mem::replace(&mut row.standing, stored(standing));
        if let Some(reason) = reason.filter(|_| before != row.standing) {
            log.extend(entry(
                tx,
                lane,
                row,
                Status::Skipped,
                reason.code(),
                &reason.to_string(),
                now,
            )?);
        }
    }
    credentials::forget(tx, &expired)?;
    sessions::end_all(tx, &expired)?;
    tx.store(&log)
}

fn on_premises(premises: &Premises) -> OnPremises {
    OnPremises {
        has_password: premises.written.is_some_and(|written| written.present),
        must_change: premises.temporary,
        expires: premises.expires.map(Timestamp::from_millis),
    }
}

/// Whether the directory has the password that is on premises, and knows whether it must be changed.
fn is_current(row: &PasswordRow, premises: &Premises, held: Option<&Origin>) -> bool {
    let Some(written) = premises.written else {
        return false;
    };
    let origin = Origin::new(row.guid, written.stamp());
    !origin.supersedes(held) && row.taken_as_temporary == premises.temporary
}

fn stored(standing: Standing) -> PasswordStanding {
    match standing {
        Standing::Wanted => PasswordStanding::Wanted,
        Standing::Current => PasswordStanding::Current,
        Standing::Waits(reason) => PasswordStanding::Waits(reason.code().to_owned()),
        Standing::LeftOut(reason) => PasswordStanding::LeftOut(reason.code().to_owned()),
    }
}

/// An entry of the log about one user's password. It never says anything of the password itself.
pub(super) fn entry(
    tx: &mut dyn Write,
    lane: &Lane,
    row: &PasswordRow,
    status: Status,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Option<LogEntry>, StoreError> {
    let Some(link) = tx.fetch_one::<LinkRow>(&(row.configuration, row.guid))? else {
        return Ok(None);
    };
    let name = crate::directory::text_of(tx, row.user, "onPremisesDistinguishedName")?;
    Ok(Some(LogEntry {
        number: crate::log::next_number(now.as_millis()),
        at: now.as_millis(),
        configuration: row.configuration,
        cycle: lane.job.cycle,
        source: row.guid,
        target: Some(row.user),
        anchor: link.anchor.to_string(),
        kind: Some(MappedKind::User),
        name: None,
        dn: name,
        action: Action::Other,
        status,
        reason: reason.to_owned(),
        code: code.to_owned(),
        changes: Vec::new(),
        took: None,
    }))
}

/// Judges rows that nothing is reported of, in slices: all of them when the rules have changed, and those
/// whose account has expired. Gives where to go on; none: it is done.
///
/// # Errors
///
/// Those of the store.
pub fn judge_anew(
    tx: &mut dyn Write,
    lane: &mut Lane,
    after: Option<Key>,
    now: Timestamp,
) -> Result<Option<Key>, StoreError> {
    let rules = rules(lane);
    let present = PasswordRulesRow {
        force_change_at_logon: rules.force_change_at_logon,
        follow_account_expiry: rules.follow_account_expiry,
    };
    if lane.job.passwords.judged_by != Some(present) {
        let mut scan = Scan::of(Key::empty().with(lane.configuration.id), SLICE);
        scan.after = after.map(|key| (key.clone(), key));
        let rows: Vec<PasswordRow> = tx.list(&scan)?;
        if let Some(last) = rows.last() {
            let next = lockstep_store::Record::key(last);
            judge_rows(tx, lane, rows, now)?;
            return Ok(Some(next));
        }
        lane.job.passwords.judged_by = Some(present);
        tx.store(std::slice::from_ref(&lane.job))?;
    }
    if rules.follow_account_expiry {
        let rows = expired(tx, lane.configuration.id, now)?;
        judge_rows(tx, lane, rows, now)?;
    }
    Ok(None)
}

fn judge_rows(
    tx: &mut dyn Write,
    lane: &Lane,
    mut rows: Vec<PasswordRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    settle(tx, lane, &mut rows, now)?;
    tx.store(&rows)
}

/// The users whose account has expired and who can still sign in.
fn expired(
    tx: &mut dyn Write,
    configuration: ConfigurationId,
    now: Timestamp,
) -> Result<Vec<PasswordRow>, StoreError> {
    let mut scan = Scan::along(
        PasswordRow::BY_EXPIRY,
        Key::empty().with(configuration),
        SLICE,
    );
    let mut found = Vec::new();
    loop {
        let rows: Vec<PasswordRow> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        scan = scan.behind(last);
        let expires = |row: &PasswordRow| row.premises.as_ref().and_then(|p| p.expires);
        let past = expires(last).is_none_or(|expires| expires > now.as_millis());
        found.extend(rows.into_iter().filter(|row| {
            let is_over = expires(row).is_some_and(|expires| expires <= now.as_millis());
            is_over && !matches!(row.standing, PasswordStanding::LeftOut(_))
        }));
        if past {
            return Ok(found);
        }
    }
}

/// How passwords stand at the end of a cycle.
///
/// # Errors
///
/// Those of the store.
pub fn tally(tx: &mut dyn Read, job: &Job, set: u64) -> Result<PasswordTally, StoreError> {
    let mut count = |standing: PasswordStanding| {
        let prefix = PasswordRow::standing_like(job.configuration, &standing);
        tx.how_many::<PasswordRow>(Some(PasswordRow::BY_STANDING), &prefix)
    };
    Ok(PasswordTally {
        set,
        waiting: count(PasswordStanding::Unread)?
            + count(PasswordStanding::Wanted)?
            + count(PasswordStanding::Waits(String::new()))?,
        skipped: count(PasswordStanding::LeftOut(String::new()))?,
        failed: count(PasswordStanding::Failed(String::new()))?,
    })
}
