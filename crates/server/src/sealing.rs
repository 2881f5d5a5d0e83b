//! Sealing what the database keeps but must not tell: password verifiers, signing keys.
//!
//! The master key stands in `DIR/keys/master.key`, outside the database, made at the first start. Whoever
//! has the database or a copy of it, and not this file, learns nothing from what is sealed. Each purpose has
//! a key of its own, and each seal is good for one purpose and one place: a row that is moved to another
//! user does not open.
//!
//! AES-256-GCM with random nonces; the nonce stands behind the sealed text.

use crate::files::{self, FileError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use lockstep_model::Secret;
use lockstep_store::records::signin::SealedWith;
use lockstep_store::{ReadRecords as _, Store, StoreError, Transact as _, WriteRecords as _};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

const KEY_LENGTH: usize = 32;

/// What is sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// What passwords are checked against.
    Credential,
    /// Keys that sign tokens.
    SigningKey,
    /// What the sign-in pages hand to the browser and get back.
    Page,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::SigningKey => "signing-key",
            Self::Page => "page",
        }
    }
}

/// Why there is no key to seal with.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("expected 64 hex digits in {}: put back the file as it was", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// The database was sealed with another key.
    #[error(
        "the service's data was sealed with another key than the one in {}: put back the file that belongs \
         to this database (every service on one database needs the same file)",
        path.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The database.
    #[error("could not tell which key seals the service's data")]
    Store(#[from] StoreError),
}

/// A sealed text that cannot be opened: it was changed, moved, or sealed with another key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "what was sealed in the database cannot be opened: it was changed, or sealed with another key"
)]
pub struct Broken;

impl From<Broken> for StoreError {
    fn from(broken: Broken) -> Self {
        Self::Abandoned {
            source: broken.into(),
        }
    }
}

/// Seals and opens.
#[derive(Debug)]
pub struct Sealer {
    credential: RandomizedNonceKey,
    signing_key: RandomizedNonceKey,
    page: RandomizedNonceKey,
    pseudonym: hmac::Key,
}

impl Sealer {
    /// Takes the key in `dir`; makes one for a database that has nothing sealed yet.
    ///
    /// # Errors
    ///
    /// [`SealingError`].
    pub fn open(dir: &Path, store: &dyn Store) -> Result<Self, SealingError> {
        let path = dir.join("master.key");
        let sealed_with: Option<SealedWith> = store.reading(|tx| tx.fetch_one(&()))?;
        if sealed_with.is_none() && !path.exists() {
            files::make_private_dir(dir)?;
            let text = Secret::new(crate::ids::random_token());
            files::write_private(&path, text.expose().as_bytes())?;
        }
        let key = read_key(&path)?;
        let fingerprint = fingerprint(&key);
        match sealed_with {
            Some(known) if known.fingerprint != fingerprint => {
                return Err(SealingError::Foreign { path });
            }
            Some(_) => {}
            None => store.write(&mut |tx| {
                tx.store(&[SealedWith {
                    fingerprint: fingerprint.clone(),
                }])
            })?,
        }
        Ok(Self::new(&key))
    }

    /// Takes a master key.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "every length is a constant that the algorithms were made for"
    )]
    pub fn new(master: &Secret<[u8; KEY_LENGTH]>) -> Self {
        let root = Salt::new(HKDF_SHA256, b"lockstep").extract(master.expose());
        let derive = |name: &str| {
            let mut bytes = Secret::new([0; KEY_LENGTH]);
            let info = [name.as_bytes()];
            let derived = root
                .expand(&info, Length)
                .expect("a key is shorter than HKDF's longest output");
            derived
                .fill(bytes.expose_mut())
                .expect("the buffer is as long as the key");
            bytes
        };
        let key = |purpose: Purpose| {
            RandomizedNonceKey::new(&AES_256_GCM, derive(purpose.name()).expose())
                .expect("the key is as long as AES-256 needs")
        };
        Self {
            credential: key(Purpose::Credential),
            signing_key: key(Purpose::SigningKey),
            page: key(Purpose::Page),
            pseudonym: hmac::Key::new(hmac::HMAC_SHA256, derive("pseudonym").expose()),
        }
    }

    /// A name for a text that is to be recognised but not told, such as one that may be a password in the
    /// wrong field: in hex, always the same, and of no use without the master key.
    #[must_use]
    pub fn pseudonym(&self, text: &str) -> String {
        hex::encode(hmac::sign(&self.pseudonym, text.as_bytes()))
    }

    /// Seals a text for one place, such as the user whose it is.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "sealing fails only for texts of many gigabytes, or without randomness, without which nothing is safe"
    )]
    pub fn seal(&self, purpose: Purpose, place: &[u8], text: &Secret<Vec<u8>>) -> Vec<u8> {
        let mut sealed =
            Vec::with_capacity(text.expose().len() + AES_256_GCM.tag_len() + NONCE_LEN);
        sealed.extend_from_slice(text.expose());
        let nonce = self
            .key(purpose)
            .seal_in_place_append_tag(Aad::from(place), &mut sealed)
            .expect("a short text can be sealed");
        sealed.extend_from_slice(nonce.as_ref());
        sealed
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`Broken`].
    pub fn open_sealed(
        &self,
        purpose: Purpose,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, Broken> {
        let (text, nonce) = sealed.split_last_chunk::<NONCE_LEN>().ok_or(Broken)?;
        let mut text = Secret::new(text.to_vec());
        let length = self
            .key(purpose)
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place),
                text.expose_mut(),
            )
            .map_err(|_| Broken)?
            .len();
        text.expose_mut().truncate(length);
        Ok(text)
    }

    const fn key(&self, purpose: Purpose) -> &RandomizedNonceKey {
        match purpose {
            Purpose::Credential => &self.credential,
            Purpose::SigningKey => &self.signing_key,
            Purpose::Page => &self.page,
        }
    }
}

/// How long a derived key is.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LENGTH
    }
}

fn read_key(path: &Path) -> Result<Secret<[u8; KEY_LENGTH]>, SealingError> {
    let text = Secret::new(files::read(path)?);
    let mut key = Secret::new([0; KEY_LENGTH]);
    let digits = text.expose().trim_ascii();
    hex::decode_to_slice(digits, key.expose_mut()).map_err(|_| SealingError::Malformed {
        path: path.to_owned(),
    })?;
    Ok(key)
}

fn fingerprint(key: &Secret<[u8; KEY_LENGTH]>) -> String {
    let mut digest = Sha256::new_with_prefix(b"lockstep master key");
    digest.update(key.expose());
    hex::encode(&digest.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_store::{MemoryStore, records};
    use std::os::unix::fs::PermissionsExt as _;

    fn text() -> Secret<Vec<u8>> {
        Secret::new(b"v1;PPH1_MD4,00,1000,00;".to_vec())
    }

    #[test]
    fn a_seal_opens_for_its_purpose_and_place_and_for_nothing_else() {
        let sealer = Sealer::new(&Secret::new([7; 32]));
        let sealed = sealer.seal(Purpose::Credential, b"ada", &text());
        let opened = sealer.open_sealed(Purpose::Credential, b"ada", &sealed);
        assert_eq!(opened.unwrap().expose(), text().expose());
        let mut changed = sealed.clone();
        changed[0] ^= 1;
        for (purpose, place, sealed) in [
            (Purpose::Credential, &b"bob"[..], &sealed[..]),
            (Purpose::Page, b"ada", &sealed),
            (Purpose::Credential, b"ada", &changed),
            (Purpose::Credential, b"ada", &sealed[1..]),
            (Purpose::Credential, b"ada", &sealed[..8]),
        ] {
            assert!(sealer.open_sealed(purpose, place, sealed).is_err());
        }
        let other = Sealer::new(&Secret::new([8; 32]));
        assert!(
            other
                .open_sealed(Purpose::Credential, b"ada", &sealed)
                .is_err()
        );
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        let sealer = Sealer::new(&Secret::new([7; 32]));
        let seal = || sealer.seal(Purpose::Credential, b"ada", &text());
        assert_ne!(seal(), seal());
    }

    #[test]
    fn the_key_is_made_once_kept_private_and_belongs_to_its_database() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("keys");
        let store = MemoryStore::new(&records::tables());
        let sealed = Sealer::open(&dir, &store)
            .unwrap()
            .seal(Purpose::Page, b"", &text());
        let path = dir.join("master.key");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Sealer::open(&dir, &store).unwrap();
        assert!(again.open_sealed(Purpose::Page, b"", &sealed).is_ok());

        let other = "0".repeat(64);
        std::fs::write(&path, other).unwrap();
        let error = Sealer::open(&dir, &store).unwrap_err();
        assert!(matches!(error, SealingError::Foreign { .. }), "{error}");
        std::fs::write(&path, "short").unwrap();
        let error = Sealer::open(&dir, &store).unwrap_err();
        assert!(matches!(error, SealingError::Malformed { .. }), "{error}");
        std::fs::remove_file(&path).unwrap();
        let error = Sealer::open(&dir, &store).unwrap_err();
        assert!(matches!(error, SealingError::File(_)), "{error}");
    }
}
