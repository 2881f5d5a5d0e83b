//! Browsers in which somebody is signed in, and the end of everything that a user has open.

use lockstep_model::ids::ObjectId;
use lockstep_model::{Secret, Timestamp};
use lockstep_store::records::signin::{Grant, Session};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::time::Duration;

/// How long a session lasts from when the password was typed.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);
/// How many are ended in one go.
const SLICE: usize = 500;

/// Begins a session; gives its cookie.
///
/// # Errors
///
/// Those of the store.
pub fn start(
    tx: &mut dyn Write,
    user: ObjectId,
    now: Timestamp,
) -> Result<(Secret<String>, Session), StoreError> {
    let cookie = Secret::new(crate::ids::random_token());
    let session = Session {
        hash: super::hash(&cookie),
        user,
        authenticated: now.as_millis(),
        ends: now.plus(LIFETIME).as_millis(),
    };
    tx.store(std::slice::from_ref(&session))?;
    Ok((cookie, session))
}

/// The session with this cookie, if it goes on.
///
/// # Errors
///
/// Those of the store.
pub fn current(
    tx: &mut dyn Read,
    cookie: &Secret<String>,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let session: Option<Session> = tx.fetch_one(&super::hash(cookie))?;
    Ok(session.filter(|session| session.ends > now.as_millis()))
}

/// Ends a session, and what it gave to this application.
///
/// # Errors
///
/// Those of the store.
pub fn end(
    tx: &mut dyn Write,
    session: &Session,
    app: Option<lockstep_model::Guid>,
) -> Result<(), StoreError> {
    tx.remove::<Session>(std::slice::from_ref(&session.hash))?;
    let Some(app) = app else { return Ok(()) };
    let mut scan = Scan::along(Grant::BY_USER, Key::empty().with(session.user), SLICE);
    loop {
        let grants: Vec<Grant> = tx.list(&scan)?;
        let Some(last) = grants.last() else {
            return Ok(());
        };
        scan = scan.behind(last);
        let of_both =
            |grant: &&Grant| grant.app == app && grant.session.as_ref() == Some(&session.hash);
        let ended: Vec<_> = grants
            .iter()
            .filter(of_both)
            .map(|grant| grant.id)
            .collect();
        tx.remove::<Grant>(&ended)?;
    }
}

/// Ends every session and every grant of these users: they were deleted or disabled.
///
/// # Errors
///
/// Those of the store.
pub fn end_all(tx: &mut dyn Write, users: &[ObjectId]) -> Result<(), StoreError> {
    for user in users {
        let prefix = Key::empty().with(*user);
        loop {
            let scan = Scan::along(Session::BY_USER, prefix.clone(), SLICE);
            let sessions: Vec<Session> = tx.list(&scan)?;
            if sessions.is_empty() {
                break;
            }
            let ended: Vec<String> = sessions.into_iter().map(|session| session.hash).collect();
            tx.remove::<Session>(&ended)?;
        }
        end_grants(tx, Grant::BY_USER, prefix)?;
    }
    Ok(())
}

/// Ends every grant with this prefix of an index.
///
/// # Errors
///
/// Those of the store.
pub fn end_grants(tx: &mut dyn Write, index: usize, prefix: Key) -> Result<(), StoreError> {
    let scan = Scan::along(index, prefix, SLICE);
    loop {
        let grants: Vec<Grant> = tx.list(&scan)?;
        if grants.is_empty() {
            return Ok(());
        }
        let ended: Vec<_> = grants.into_iter().map(|grant| grant.id).collect();
        tx.remove::<Grant>(&ended)?;
    }
}
