//! Users' passwords: taking them over, checking them, replacing a verifier by a better one.
//!
//! Three writers meet here, each in a transaction of its own: the reading of passwords brings a hash of Active
//! Directory ([`apply`]), a user or an administrator sets a password in the cloud ([`set_cloud_password`]),
//! and a good sign-in upgrades the verifier ([`upgrade`]). The first writes only what is newer than what
//! it finds by Active Directory's own stamp; the last only if the password is still the one that was
//! checked. The rules themselves are in [`lockstep_directory::credential`].

use crate::sealing::{Broken, Purpose, Sealer};
use crate::signin::attempts;
use lockstep_directory::credential::{Argon2Hash, Credential, Origin, SyncedHash, Verifier};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, Secret, Timestamp};
use lockstep_store::records::credential::{CredentialRow, PasswordPolicy};
use lockstep_store::{Read, ReadRecords as _, StoreError, Write, WriteRecords as _};

/// A password of Active Directory.
#[derive(Debug)]
pub struct FromPremises {
    /// The hash, as the agent derived it.
    pub hash: SyncedHash,
    /// Which password it is.
    pub origin: Origin,
    /// The user must choose another one at the next sign-in.
    pub force_change: bool,
}

/// What became of a hash of Active Directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Applied {
    /// It is the user's password now.
    Set,
    /// It was known already; only whether it must be changed was another, and is taken over.
    ForceChangeSet,
    /// The directory has this one.
    Unchanged,
    /// The directory has a newer one.
    Older,
}

/// What there is to check a password against, and which password it is.
#[derive(Debug)]
pub struct Held {
    /// The credential.
    pub credential: Credential,
    /// How many passwords the user has had before: for [`upgrade`].
    pub generation: u64,
}

/// Takes over a password of Active Directory, if it is newer than what the directory has.
///
/// The caller has seen to it that `user` is provisioned from `origin.object` and in scope. A password that
/// was set in the cloud stands until Active Directory has a newer one than it had then. Wrong passwords that
/// were counted for the user are forgotten with the old password.
///
/// # Errors
///
/// Those of the store.
pub fn apply(
    tx: &mut dyn Write,
    sealer: &Sealer,
    user: ObjectId,
    password: FromPremises,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    let held: Option<CredentialRow> = tx.fetch_one(&user)?;
    let known = held.as_ref().and_then(CredentialRow::origin);
    let FromPremises {
        hash,
        origin,
        force_change,
    } = password;
    if !origin.supersedes(known.as_ref()) {
        return match held {
            Some(row) if known == Some(origin) => take_force_change(tx, row, force_change),
            _ => Ok(Applied::Older),
        };
    }
    let mut row = next(sealer, user, held, &Verifier::Synced(hash), now);
    row.set_origin(origin);
    row.force_change = force_change;
    row.can_expire = policy(tx)?.synced_passwords_expire;
    tx.store(&[row])?;
    attempts::forget(tx, user)?;
    Ok(Applied::Set)
}

/// The same password was marked for a change on premises, or no longer is. That says nothing about one
/// that was set in the cloud meanwhile.
fn take_force_change(
    tx: &mut dyn Write,
    mut row: CredentialRow,
    force_change: bool,
) -> Result<Applied, StoreError> {
    if row.set_in_cloud || row.force_change == force_change {
        return Ok(Applied::Unchanged);
    }
    row.force_change = force_change;
    tx.store(&[row])?;
    Ok(Applied::ForceChangeSet)
}

/// What the tenant decides about passwords; by default none expires.
///
/// # Errors
///
/// Those of the store.
pub fn policy(tx: &mut (impl Read + ?Sized)) -> Result<PasswordPolicy, StoreError> {
    Ok(tx.fetch_one(&())?.unwrap_or_default())
}

/// Which passwords of Active Directory these users have, in the order asked for: what the reading of
/// passwords compares with to see who needs one.
///
/// # Errors
///
/// Those of the store.
pub fn origins(tx: &mut dyn Read, users: &[ObjectId]) -> Result<Vec<Option<Origin>>, StoreError> {
    let rows: Vec<Option<CredentialRow>> = tx.fetch(users)?;
    let origin = |row: Option<CredentialRow>| row.and_then(|row| row.origin());
    Ok(rows.into_iter().map(origin).collect())
}

/// Sets a password in the cloud: a user's own choice, or an administrator's reset. A user who is
/// synchronised keeps it until Active Directory has a newer one.
///
/// `verifier` is made by the caller, outside the transaction, because that takes a while.
///
/// # Errors
///
/// Those of the store.
pub fn set_cloud_password(
    tx: &mut dyn Write,
    sealer: &Sealer,
    user: ObjectId,
    verifier: Argon2Hash,
    force_change: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let held = tx.fetch_one(&user)?;
    let mut row = next(sealer, user, held, &Verifier::Argon2id(verifier), now);
    row.set_in_cloud = true;
    row.force_change = force_change;
    row.can_expire = true;
    tx.store(&[row])?;
    attempts::forget(tx, user)
}

/// What there is to check a user's password against.
///
/// # Errors
///
/// Those of the store, and when the seal is broken.
pub fn held(
    tx: &mut dyn Read,
    sealer: &Sealer,
    user: ObjectId,
) -> Result<Option<Held>, StoreError> {
    let Some(row) = tx.fetch_one::<CredentialRow>(&user)? else {
        return Ok(None);
    };
    Ok(Some(Held {
        credential: Credential {
            origin: row.origin(),
            verifier: verifier(sealer, &row)?,
            force_change: row.force_change,
            can_expire: row.can_expire,
            changed: Timestamp::from_millis(row.changed),
        },
        generation: row.generation,
    }))
}

/// Replaces a verifier by a better one of the same password: only if the user still has the password of
/// this generation. Says whether it did.
///
/// # Errors
///
/// Those of the store.
pub fn upgrade(
    tx: &mut dyn Write,
    sealer: &Sealer,
    user: ObjectId,
    generation: u64,
    better: Argon2Hash,
) -> Result<bool, StoreError> {
    let held: Option<CredentialRow> = tx.fetch_one(&user)?;
    let Some(mut row) = held.filter(|row| row.generation == generation) else {
        return Ok(false);
    };
    row.set_sealed(&seal(sealer, user, &Verifier::Argon2id(better)));
    tx.store(&[row])?;
    Ok(true)
}

/// Forgets the passwords of users that are gone for good.
///
/// # Errors
///
/// Those of the store.
pub fn forget(tx: &mut dyn Write, users: &[ObjectId]) -> Result<(), StoreError> {
    tx.remove::<CredentialRow>(users)?;
    users
        .iter()
        .try_for_each(|user| attempts::forget(tx, *user))
}

/// These users' objects, each with its objectGUID, have moved to another domain or come back from one, and there
/// writings are counted anew: the next password of Active Directory counts, however often it was written.
/// Until then the one that is there stays. Whoever has the password of another object has it as before.
///
/// # Errors
///
/// Those of the store.
pub fn moved(tx: &mut dyn Write, users: &[(ObjectId, Guid)]) -> Result<(), StoreError> {
    let ids: Vec<ObjectId> = users.iter().map(|(user, _)| *user).collect();
    let rows: Vec<Option<CredentialRow>> = tx.fetch(&ids)?;
    let mut moved = Vec::new();
    for (row, (_, guid)) in rows.into_iter().zip(users) {
        let Some(mut row) = row else { continue };
        let own = |origin: &Origin| origin.object == *guid && !origin.before_move;
        if let Some(origin) = row.origin().filter(own) {
            row.set_origin(Origin {
                before_move: true,
                ..origin
            });
            moved.push(row);
        }
    }
    tx.store(&moved)
}

/// The row of the next password of a user.
fn next(
    sealer: &Sealer,
    user: ObjectId,
    held: Option<CredentialRow>,
    verifier: &Verifier,
    now: Timestamp,
) -> CredentialRow {
    let sealed = seal(sealer, user, verifier);
    let mut row = match held {
        Some(mut row) => {
            row.generation += 1;
            row.set_sealed(&sealed);
            row
        }
        None => CredentialRow::new(user, &sealed),
    };
    row.set_in_cloud = false;
    row.changed = now.as_millis();
    row
}

fn seal(sealer: &Sealer, user: ObjectId, verifier: &Verifier) -> Vec<u8> {
    let text = match verifier {
        Verifier::Synced(hash) => hash.to_text(),
        Verifier::Argon2id(hash) => hash.to_text().clone(),
    };
    let text = Secret::new(text.expose().as_bytes().to_vec());
    sealer.seal(Purpose::Credential, user.guid().as_bytes(), &text)
}

fn verifier(sealer: &Sealer, row: &CredentialRow) -> Result<Verifier, StoreError> {
    let place = row.user.guid();
    let text = sealer.open_sealed(Purpose::Credential, place.as_bytes(), &row.sealed()?)?;
    let text = std::str::from_utf8(text.expose()).map_err(|_| Broken)?;
    match text.starts_with('$') {
        true => text.parse().map(Verifier::Argon2id).map_err(|_| Broken),
        false => text.parse().map(Verifier::Synced).map_err(|_| Broken),
    }
    .map_err(StoreError::from)
}

#[cfg(test)]
mod tests;
