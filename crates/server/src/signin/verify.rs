//! One attempt to sign in: who it is, whether the password is right, and what follows.
//!
//! Three transactions with the work between them: the attempt is counted, and waits for its turn; what there
//! is to check against is read, and checked; the outcome is kept, if the password is still the same one. A
//! name that nobody has goes the same way and takes as long.

use super::attempts::{self, Subject};
use super::{Busy, people, trail};
use crate::credentials::{self, Held};
use crate::service::Service;
use lockstep_directory::Object;
use lockstep_directory::credential::{Argon2Hash, Checked, Credential, Expiry, Weakness};
use lockstep_directory::lockout::Admission;
use lockstep_model::ids::ObjectId;
use lockstep_model::{Secret, Timestamp};
use lockstep_store::{Read, StoreError, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What somebody typed, and where.
#[derive(Debug)]
pub struct Attempt {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret<String>,
    /// The address it comes from.
    pub address: IpAddr,
    /// What the person wants to go on to.
    pub app: String,
}

/// What came of it.
#[derive(Debug)]
pub enum Verdict {
    /// There is no such user, or no password, or it is another.
    Wrong,
    /// There were too many wrong ones.
    TooMany {
        /// When the next attempt is worth while.
        until: Timestamp,
    },
    /// The password is right, and the account disabled.
    Disabled,
    /// The password is right, and has to be changed.
    MustChange(Box<Right>),
    /// The password is right.
    Right(Box<Right>),
}

/// A right password, which may be another one by now: see [`accept`].
#[derive(Debug)]
pub struct Right {
    /// Who.
    pub user: Object,
    /// Which of the user's passwords it is.
    pub generation: u64,
    /// A better verifier of it.
    pub upgrade: Option<Argon2Hash>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many people at once.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Checks name and password.
///
/// # Errors
///
/// [`VerifyError`].
pub async fn verify(service: &Arc<Service>, attempt: &Attempt) -> Result<Verdict, VerifyError> {
    let at = match begin(service, attempt).await? {
        Admission::At(at) => at,
        Admission::Refused { until } => {
            note(service, attempt, None, "TooManyAttempts").await?;
            return Ok(Verdict::TooMany { until });
        }
    };
    let wait = at.as_millis() - service.clock.now().as_millis();
    let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
    tokio::time::sleep(wait).await;

    let (name, sealer) = (attempt.name.clone(), Arc::clone(&service.sealer));
    let (user, held, expiry) = service
        .read(move |tx| {
            let user = people::by_name(tx, &name)?;
            let held = match &user {
                Some(user) => credentials::held(tx, &sealer, user.id)?,
                None => None,
            };
            Ok((user, held, expiry(tx)?))
        })
        .await?;
    // Longer than any password: not worth the work that grows with it.
    let is_possible = attempt.password.expose().chars().count() <= Weakness::LONGEST;
    let verifier = held.as_ref().filter(|_| is_possible);
    let verifier = verifier.map(|held| held.credential.verifier.clone());
    let password = match is_possible {
        true => attempt.password.clone(),
        false => Secret::new(String::new()),
    };
    let checked = service.sign_in.check(verifier, password).await?;
    match (checked, user, held) {
        (Checked::Right { upgrade }, Some(user), Some(held)) => {
            let right = Right {
                generation: held.generation,
                user,
                upgrade,
            };
            judge(service, attempt, right, &held, expiry).await
        }
        (_, user, _) => {
            note(service, attempt, user.as_ref(), "WrongPassword").await?;
            Ok(Verdict::Wrong)
        }
    }
}

/// What follows from a right password.
async fn judge(
    service: &Arc<Service>,
    attempt: &Attempt,
    right: Right,
    held: &Held,
    expiry: Expiry,
) -> Result<Verdict, VerifyError> {
    let now = service.clock.now();
    let credential: &Credential = &held.credential;
    match people::standing(&right.user) {
        people::Standing::Disabled => {
            note(service, attempt, Some(&right.user), "AccountDisabled").await?;
            Ok(Verdict::Disabled)
        }
        people::Standing::Good if credential.must_change(expiry, now) => {
            note(service, attempt, Some(&right.user), "PasswordMustChange").await?;
            Ok(Verdict::MustChange(Box::new(right)))
        }
        people::Standing::Good => Ok(Verdict::Right(Box::new(right))),
    }
}

async fn begin(service: &Arc<Service>, attempt: &Attempt) -> Result<Admission, StoreError> {
    let (name, address) = (attempt.name.clone(), attempt.address);
    let (sealer, now) = (Arc::clone(&service.sealer), service.clock.now());
    service
        .write(move |tx| {
            let subject = match people::by_name(tx, &name)? {
                Some(user) => Subject::User(user.id),
                None => Subject::Nobody { name },
            };
            attempts::begin(tx, &sealer, &subject, address, now)
        })
        .await
}

async fn note(
    service: &Arc<Service>,
    attempt: &Attempt,
    user: Option<&Object>,
    reason: &'static str,
) -> Result<(), StoreError> {
    let actor = user.map_or_else(|| trail::UNKNOWN.to_owned(), people::name);
    let (app, address, now) = (attempt.app.clone(), attempt.address, service.clock.now());
    trail::count(reason);
    service
        .write(move |tx| trail::refused(tx, now, &actor, &app, address, reason))
        .await
}

/// For how long the tenant's passwords are good.
///
/// # Errors
///
/// Those of the store.
pub fn expiry(tx: &mut (impl Read + ?Sized)) -> Result<Expiry, StoreError> {
    let days = credentials::policy(tx)?.expires_after_days;
    Ok(days.map_or(Expiry::Never, |days| {
        Expiry::After(Duration::from_secs(u64::from(days) * 24 * 3_600))
    }))
}

/// Takes a right password for a sign-in: wrong ones are forgotten, the verifier becomes a better one. Gives the
/// user as they are now; `None` if they cannot sign in any more, or have another password by now.
///
/// # Errors
///
/// Those of the store.
pub fn accept(
    tx: &mut dyn Write,
    service: &Service,
    user: ObjectId,
    generation: u64,
    upgrade: Option<Argon2Hash>,
    address: IpAddr,
) -> Result<Option<Object>, StoreError> {
    let Some(user) = people::in_good_standing(tx, user)? else {
        return Ok(None);
    };
    let held = credentials::held(tx, &service.sealer, user.id)?;
    if held.is_none_or(|held| held.generation != generation) {
        return Ok(None);
    }
    attempts::succeeded(tx, user.id, address)?;
    if let Some(better) = upgrade {
        credentials::upgrade(tx, &service.sealer, user.id, generation, better)?;
    }
    Ok(Some(user))
}
