//! Sign-in: what stands behind the OpenID Connect endpoints of [`http::signin`](crate::http::signin).
//!
//! * [`apps`]: the applications that let people sign in;
//! * [`request`]: what an application asks for, checked before anything else;
//! * [`people`]: who signs in, and what tokens say of them;
//! * [`attempts`]: wrong passwords;
//! * [`sessions`]: browsers in which somebody is signed in;
//! * [`grants`]: codes, refresh tokens, and what descends from them;
//! * [`keys`], [`tokens`]: what signs tokens, and what stands in them;
//! * [`verify`]: one attempt, from name and password to what follows; [`trail`]: what the audit log says of it.

pub mod apps;
pub mod attempts;
pub mod grants;
pub mod keys;
pub mod people;
pub mod request;
pub mod sessions;
pub mod tokens;
pub mod trail;
pub mod verify;

use crate::service::Service;
use lockstep_directory::credential::{self, Argon2Hash, Checked, Verifier};
use lockstep_model::{Secret, Timestamp};
use lockstep_store::records::signin::{AttemptRow, Code, ENDING, Grant, Session};
use lockstep_store::{Key, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a check may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many rows one sweep takes away from each table, so that it does not keep others waiting.
const SWEEP: usize = 1_000;
/// How often keys are looked at, and what has ended is swept away.
const UPKEEP: Duration = Duration::from_secs(600);

/// What sign-in keeps in memory.
#[derive(Debug)]
pub struct SignIn {
    /// Keys that sign tokens, opened.
    pub keys: keys::Ring,
    /// As many checks at once as there are cores: each takes one, and 19 MiB.
    turns: Arc<Semaphore>,
}

/// Too many people sign in at this moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many people sign in at this moment")]
pub struct Busy;

impl Default for SignIn {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            keys: keys::Ring::default(),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl SignIn {
    /// Checks a password, on a thread made for blocking.
    ///
    /// # Errors
    ///
    /// [`Busy`].
    pub async fn check(
        &self,
        verifier: Option<Verifier>,
        password: Secret<String>,
    ) -> Result<Checked, Busy> {
        self.in_turn(move || {
            credential::check(verifier.as_ref(), &password, &crate::ids::random_bytes())
        })
        .await
    }

    /// Makes a verifier of a new password, on a thread made for blocking.
    ///
    /// # Errors
    ///
    /// [`Busy`].
    pub async fn hash(&self, password: Secret<String>) -> Result<Argon2Hash, Busy> {
        self.in_turn(move || Argon2Hash::of(&password, &crate::ids::random_bytes()))
            .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request, which may be given up meanwhile.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

/// Under what a secret that a client presents is kept. They are all of 256 random bits.
#[must_use]
pub fn hash(secret: &Secret<String>) -> String {
    hex::encode(Sha256::digest(secret.expose().as_bytes()))
}

/// Keeps keys current and sweeps away what has ended, until it is dropped.
pub async fn run_upkeep(service: Arc<Service>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        if let Err(error) = keys::keep(&service).await {
            tracing::error!(%error, "the keys that sign tokens could not be looked after");
        }
        let now = service.clock.now();
        loop {
            match service.write(move |tx| sweep(tx, now)).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(%error, "ended sessions could not be swept away");
                    break;
                }
            }
        }
    }
}

/// Takes away sessions, codes, grants and counters that have ended; says whether there may be more.
///
/// # Errors
///
/// Those of the store.
pub fn sweep(tx: &mut dyn Write, now: Timestamp) -> Result<bool, StoreError> {
    let now = now.as_millis();
    let more = [
        sweep_table(tx, |row: &Session| {
            (row.ends <= now).then(|| row.hash.clone())
        })?,
        sweep_table(tx, |row: &Code| (row.ends <= now).then(|| row.hash.clone()))?,
        sweep_table(tx, |row: &Grant| (row.ends <= now).then_some(row.id))?,
        sweep_table(tx, |row: &AttemptRow| {
            (row.ends <= now).then(|| row.subject.clone())
        })?,
    ];
    Ok(more.contains(&true))
}

fn sweep_table<R: Record>(
    tx: &mut dyn Write,
    ended: impl Fn(&R) -> Option<R::Id>,
) -> Result<bool, StoreError> {
    let rows: Vec<R> = tx.list(&Scan::along(ENDING, Key::empty(), SWEEP))?;
    let ids: Vec<R::Id> = rows.iter().filter_map(ended).collect();
    tx.remove::<R>(&ids)?;
    Ok(ids.len() == SWEEP)
}
