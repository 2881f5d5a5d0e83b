//! The keys that sign tokens, and their rotation.
//!
//! A key is published a day before it signs, because applications keep the set for a while; it signs for
//! ninety days, and stays published until the last token that it signed has ended. All replicas share the
//! keys through the database, where the private half is sealed.

use crate::sealing::{Broken, Purpose, Sealer};
use crate::service::Service;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use lockstep_api::signin::{Key as PublicKey, KeySet};
use lockstep_model::{Secret, Timestamp};
use lockstep_store::records::signin::SigningKey;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, WriteRecords as _};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// For how long a key signs.
pub const SIGNS: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How long before it signs a key is published, and how long after.
pub const PUBLISHED: Duration = Duration::from_secs(24 * 3_600);
/// More keys than there ever are.
const MOST: usize = 100;

/// Keys that were opened.
#[derive(Debug, Default)]
pub struct Ring(RwLock<HashMap<String, Signer>>);

/// A key that signs.
#[derive(Clone)]
pub struct Signer {
    /// Its name in tokens.
    pub id: String,
    /// The key.
    pub key: Arc<EncodingKey>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It could not be made.
    #[error("could not make a key to sign tokens with")]
    Make(#[from] rcgen::Error),
    /// It could not be used.
    #[error("could not use a new key to sign tokens with")]
    Use(#[from] jsonwebtoken::errors::Error),
    /// The database.
    #[error("could not keep a key to sign tokens with")]
    Store(#[from] StoreError),
}

/// What the keys need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Due {
    /// A key that signs at once: there is none.
    First,
    /// A key that signs from this moment on.
    Next(Timestamp),
    /// Nothing.
    Nothing,
}

/// Makes a key if one is due, and takes away those that are past. Called at the start and every hour.
///
/// # Errors
///
/// [`KeyError`].
pub async fn keep(service: &Arc<Service>) -> Result<(), KeyError> {
    let now = service.clock.now();
    let keys = service.read(|tx| all(tx)).await?;
    if due(&keys, now) != Due::Nothing {
        add(service, false).await?;
    }
    let past: Vec<String> = past(&keys, now)
        .into_iter()
        .map(|key| key.id.clone())
        .collect();
    if !past.is_empty() {
        service
            .write(move |tx| tx.remove::<SigningKey>(&past))
            .await?;
    }
    Ok(())
}

/// Replaces every key at once, because one may be known to others. Tokens that they signed are good no more.
///
/// # Errors
///
/// [`KeyError`].
pub async fn replace_all(service: &Arc<Service>) -> Result<(), KeyError> {
    add(service, true).await
}

async fn add(service: &Arc<Service>, replaces_all: bool) -> Result<(), KeyError> {
    let made = tokio::task::spawn_blocking(make).await;
    let made = made.map_err(|source| StoreError::Abandoned {
        source: source.into(),
    })??;
    let (id, now) = (crate::ids::random_guid().to_string(), service.clock.now());
    let sealed = service
        .sealer
        .seal(Purpose::SigningKey, id.as_bytes(), &made.pem);
    let sealed = STANDARD.encode(sealed);
    service
        .write(move |tx| {
            let known = all(tx)?;
            // Another replica may have been faster.
            let signs_from = match (replaces_all, due(&known, now)) {
                (true, _) | (false, Due::First) => now,
                (false, Due::Next(from)) => from,
                (false, Due::Nothing) => return Ok(()),
            };
            if replaces_all {
                let ids: Vec<String> = known.into_iter().map(|key| key.id).collect();
                tx.remove::<SigningKey>(&ids)?;
            }
            tx.store(&[SigningKey {
                id,
                sealed,
                modulus: made.modulus,
                exponent: made.exponent,
                signs_from: signs_from.as_millis(),
            }])
        })
        .await?;
    Ok(())
}

/// A key that nobody has yet.
struct NewKey {
    pem: Secret<Vec<u8>>,
    modulus: String,
    exponent: String,
}

/// A new key of RSA with 2,048 bits, which every application can check.
fn make() -> Result<NewKey, KeyError> {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let pem = Secret::new(pair.serialize_pem().into_bytes());
    let key = EncodingKey::from_rsa_pem(pem.expose())?;
    let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
    match jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => Ok(NewKey {
            pem,
            modulus: rsa.n,
            exponent: rsa.e,
        }),
        _ => Err(jsonwebtoken::errors::new_error(
            jsonwebtoken::errors::ErrorKind::InvalidKeyFormat,
        )
        .into()),
    }
}

/// Every key, the one that signs from latest on first.
fn all(tx: &mut (impl Read + ?Sized)) -> Result<Vec<SigningKey>, StoreError> {
    let mut keys: Vec<SigningKey> = tx.list(&Scan::of(Key::empty(), MOST))?;
    keys.sort_by(|a, b| (b.signs_from, &b.id).cmp(&(a.signs_from, &a.id)));
    Ok(keys)
}

/// The key that signs at this moment.
fn signing(keys: &[SigningKey], now: Timestamp) -> Option<&SigningKey> {
    keys.iter().find(|key| key.signs_from <= now.as_millis())
}

fn due(keys: &[SigningKey], now: Timestamp) -> Due {
    let Some(newest) = keys.first() else {
        return Due::First;
    };
    let until = Timestamp::from_millis(newest.signs_from).plus(SIGNS);
    match now.plus(PUBLISHED) >= until {
        // One that sat idle past its time is replaced with the usual notice.
        true => Due::Next(until.max(now.plus(PUBLISHED))),
        false => Due::Nothing,
    }
}

/// Keys whose last token has ended.
fn past(keys: &[SigningKey], now: Timestamp) -> Vec<&SigningKey> {
    let Some(current) = signing(keys, now) else {
        return Vec::new();
    };
    let is_settled = Timestamp::from_millis(current.signs_from).plus(PUBLISHED) <= now;
    let older = keys
        .iter()
        .filter(|key| key.signs_from < current.signs_from);
    older.filter(|_| is_settled).collect()
}

/// The public keys, for applications.
///
/// # Errors
///
/// Those of the store.
pub fn published(tx: &mut dyn Read) -> Result<KeySet, StoreError> {
    let public = |key: SigningKey| PublicKey {
        kty: "RSA".into(),
        usage: "sig".into(),
        alg: "RS256".into(),
        kid: key.id,
        n: key.modulus,
        e: key.exponent,
    };
    Ok(KeySet {
        keys: all(tx)?.into_iter().map(public).collect(),
    })
}

/// The key of this name, to check a signature with.
///
/// # Errors
///
/// Those of the store.
pub fn checking(tx: &mut dyn Read, id: &str) -> Result<Option<DecodingKey>, StoreError> {
    let key: Option<SigningKey> = tx.fetch_one(&id.to_owned())?;
    Ok(key.and_then(|key| DecodingKey::from_rsa_components(&key.modulus, &key.exponent).ok()))
}

impl Ring {
    /// The key that signs at this moment.
    ///
    /// # Errors
    ///
    /// Those of the store, and when the seal is broken or there is no key.
    pub fn signer(
        &self,
        tx: &mut dyn Read,
        sealer: &Sealer,
        now: Timestamp,
    ) -> Result<Signer, StoreError> {
        let keys = all(tx)?;
        let row = signing(&keys, now).ok_or_else(|| StoreError::Abandoned {
            source: "there is no key to sign tokens with".into(),
        })?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = known.get(&row.id) {
            return Ok(signer.clone());
        }
        drop(known);
        let sealed = STANDARD.decode(&row.sealed).map_err(|_| Broken)?;
        let pem = sealer.open_sealed(Purpose::SigningKey, row.id.as_bytes(), &sealed)?;
        let key = EncodingKey::from_rsa_pem(pem.expose()).map_err(|_| Broken)?;
        let signer = Signer {
            id: row.id.clone(),
            key: Arc::new(key),
        };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| keys.iter().any(|key| key.id == *id));
        known.insert(signer.id.clone(), signer.clone());
        Ok(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000;

    fn key(id: &str, day: i64) -> SigningKey {
        SigningKey {
            id: id.into(),
            sealed: String::new(),
            modulus: String::new(),
            exponent: String::new(),
            signs_from: day * DAY,
        }
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY)
    }

    #[test]
    fn a_key_is_published_a_day_before_it_signs_and_the_old_one_a_day_after() {
        assert_eq!(due(&[], day(0)), Due::First);
        let first = vec![key("first", 0)];
        assert_eq!(due(&first, day(88)), Due::Nothing);
        assert_eq!(due(&first, day(89)), Due::Next(day(90)));
        let both = vec![key("second", 90), key("first", 0)];
        assert_eq!(due(&both, day(89)), Due::Nothing);
        for (at, signs, past_keys) in [(89, "first", 0), (90, "second", 0), (91, "second", 1)] {
            assert_eq!(signing(&both, day(at)).unwrap().id, signs);
            assert_eq!(past(&both, day(at)).len(), past_keys, "day {at}");
        }
    }

    #[test]
    fn a_service_that_was_off_for_long_gives_notice_all_the_same() {
        assert_eq!(due(&[key("first", 0)], day(400)), Due::Next(day(401)));
    }
}
