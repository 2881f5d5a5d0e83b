//! Secrets in replies ([MS-DRSR] 4.1.10.2.20 ENCRYPTED_PAYLOAD), and the NT hash in them.

use des::Des;
use des::cipher::{Array, BlockCipherDecrypt as _, KeyInit as _};
use lockstep_model::Secret;
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};
use zeroize::{Zeroize as _, Zeroizing};

/// How many keys are remembered: the present one, and those before it in the same cycle.
const KEPT_KEYS: usize = 4;
const SALT: usize = 16;
const CHECKSUM: usize = 4;
/// How many bytes an NT hash has.
const HASH: usize = 16;

/// Why a value cannot be decrypted. It says nothing of the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretError {
    /// It is no encrypted value.
    #[error("an encrypted value has {length} bytes, which is too little")]
    TooShort {
        /// How many it has.
        length: usize,
    },
    /// The checksum is wrong under every session key: the key is another one, or the value was changed.
    #[error("an encrypted value cannot be opened with the session key")]
    WrongKey,
    /// What was decrypted is no NT hash.
    #[error("a decrypted password hash has {length} bytes instead of 16")]
    NoHash {
        /// How many it has.
        length: usize,
    },
}

/// The session keys of a cycle.
///
/// A value is encrypted with the key of the security context under which the server began its reply. A
/// connection that is made anew in the middle of a cycle has another key; the ones before it are kept, and
/// the checksum tells which one is right.
#[derive(Debug, Default)]
pub struct SessionKeys(Vec<Secret<Vec<u8>>>);

impl SessionKeys {
    /// Adds the key of the present security context: whole, of whatever length it is.
    pub fn add(&mut self, key: Secret<Vec<u8>>) {
        self.0.insert(0, key);
        self.0.truncate(KEPT_KEYS);
    }

    /// Opens an encrypted value.
    ///
    /// # Errors
    ///
    /// [`SecretError::TooShort`] and [`SecretError::WrongKey`].
    pub fn open(&self, value: &[u8]) -> Result<Secret<Vec<u8>>, SecretError> {
        let too_short = SecretError::TooShort {
            length: value.len(),
        };
        let (salt, payload) = value.split_at_checked(SALT).ok_or(too_short)?;
        if payload.len() < CHECKSUM {
            return Err(too_short);
        }
        let opened = self.0.iter().find_map(|key| open(key, salt, payload));
        opened.ok_or(SecretError::WrongKey)
    }

    /// Opens a value of `unicodePwd`: an NT hash. `rid` is the last number of the SID in the object's name.
    ///
    /// Under the session key lies one more layer, DES with keys made of the RID ([MS-SAMR] 2.2.11.1.3).
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub fn open_nt_hash(&self, rid: u32, value: &[u8]) -> Result<Secret<[u8; HASH]>, SecretError> {
        let opened = self.open(value)?;
        let length = opened.expose().len();
        if length != HASH {
            return Err(SecretError::NoHash { length });
        }
        let mut hash = Zeroizing::new([0; HASH]);
        hash.copy_from_slice(opened.expose());
        let (blocks, _) = hash.as_chunks_mut::<8>();
        for (block, key) in blocks.iter_mut().zip(rid_keys(rid)) {
            let cipher = Des::new(&Array(*key));
            cipher.decrypt_block(Array::cast_from_core_mut(block));
        }
        Ok(Secret::new(*hash))
    }
}

/// Opens a value with one key, if it is the right one.
fn open(session_key: &Secret<Vec<u8>>, salt: &[u8], payload: &[u8]) -> Option<Secret<Vec<u8>>> {
    let mut digest = Md5::new();
    digest.update(session_key.expose());
    digest.update(salt);
    let mut key = digest.finalize();
    let mut plain = Zeroizing::new(payload.to_vec());
    let cipher = Rc4::new_from_slice(&key);
    key.as_mut_slice().zeroize();
    cipher.ok()?.apply_keystream(&mut plain);
    let (checksum, contents) = plain.split_first_chunk::<CHECKSUM>()?;
    let right = u32::from_le_bytes(*checksum) == crc32fast::hash(contents);
    right.then(|| Secret::new(contents.to_vec()))
}

/// The two DES keys of a RID: its four bytes over and over, seven for each ([MS-SAMR] 2.2.11.1.3).
fn rid_keys(rid: u32) -> [Zeroizing<[u8; 8]>; 2] {
    let [a, b, c, d] = rid.to_le_bytes();
    [[a, b, c, d, a, b, c], [d, a, b, c, d, a, b]].map(|key| Zeroizing::new(spread(key)))
}

/// Seven bytes as eight, with seven bits in each and the lowest for parity, which DES ignores
/// ([MS-SAMR] 2.2.11.1.2).
fn spread(key: [u8; 7]) -> [u8; 8] {
    let [a, b, c, d, e, f, g] = key;
    let bits = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    let mut spread = [0; 8];
    for (index, byte) in spread.iter_mut().rev().enumerate() {
        let [.., lowest] = (bits >> (7 * index)).to_be_bytes();
        *byte = lowest << 1;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use des::cipher::BlockCipherEncrypt as _;
    use proptest::prelude::*;

    /// What a server does.
    fn seal(session_key: &[u8], salt: [u8; SALT], contents: &[u8]) -> Vec<u8> {
        let mut digest = Md5::new();
        digest.update(session_key);
        digest.update(salt);
        let mut payload = crc32fast::hash(contents).to_le_bytes().to_vec();
        payload.extend_from_slice(contents);
        let mut cipher = Rc4::new_from_slice(&digest.finalize()).unwrap();
        cipher.apply_keystream(&mut payload);
        [&salt[..], &payload].concat()
    }

    fn seal_hash(session_key: &[u8], rid: u32, hash: [u8; HASH]) -> Vec<u8> {
        let mut inner = hash;
        let (blocks, _) = inner.as_chunks_mut::<8>();
        for (block, key) in blocks.iter_mut().zip(rid_keys(rid)) {
            Des::new(&Array(*key)).encrypt_block(Array::cast_from_core_mut(block));
        }
        seal(session_key, [3; SALT], &inner)
    }

    fn keys(of: &[&[u8]]) -> SessionKeys {
        let mut keys = SessionKeys::default();
        for key in of {
            keys.add(Secret::new(key.to_vec()));
        }
        keys
    }

    proptest! {
        #[test]
        fn what_a_server_encrypts_is_decrypted(
            key in proptest::collection::vec(any::<u8>(), 1..40),
            rid: u32,
            hash: [u8; HASH],
        ) {
            let value = seal_hash(&key, rid, hash);
            let found = keys(&[&key]).open_nt_hash(rid, &value).unwrap();
            prop_assert_eq!(found.expose(), &hash);
        }
    }

    #[test]
    fn the_key_may_change_in_the_middle_of_a_cycle() {
        let mut keys = keys(&[b"first"]);
        let old = seal_hash(b"first", 500, [1; HASH]);
        let new = seal_hash(b"second", 500, [2; HASH]);
        let error = keys.open_nt_hash(500, &new).unwrap_err();
        assert_eq!(error, SecretError::WrongKey);
        keys.add(Secret::new(b"second".to_vec()));
        let decrypted = |value| keys.open_nt_hash(500, value).unwrap();
        assert_eq!(decrypted(&new).expose(), &[2; HASH]);
        assert_eq!(decrypted(&old).expose(), &[1; HASH]);
    }

    #[test]
    fn a_value_that_was_changed_or_cut_is_refused() {
        let keys = keys(&[b"key"]);
        let value = seal_hash(b"key", 1103, [9; HASH]);
        for length in 0..value.len() {
            assert!(keys.open_nt_hash(1103, &value[..length]).is_err());
        }
        for position in 0..value.len() {
            let mut value = value.clone();
            value[position] ^= 1;
            assert!(keys.open_nt_hash(1103, &value).is_err());
        }
        let longer = seal(b"key", [0; SALT], &[1; 20]);
        let error = keys.open_nt_hash(1103, &longer).unwrap_err();
        assert_eq!(error, SecretError::NoHash { length: 20 });
    }
}
