//! The cloud credential: what is kept in the cloud of a password of Active Directory.
//!
//! Made of the NT hash, written as `v1;PPH1_MD4,SALT,ITERATIONS,HASH;`, with salt and hash in lower-case
//! hexadecimal digits. The hash is PBKDF2 (RFC 8018 5.2) with HMAC-SHA-256 over the NT hash as 32 *upper-case*
//! hexadecimal digits in UTF-16, little-endian. It cannot be used in place of the NT hash, and a password
//! can be checked against it.
//!
//! ```
//! use lockstep_ad_proto::credential::CloudCredential;
//! use lockstep_ad_proto::drsuapi::NtHash;
//!
//! let salt = [0x18, 0x1a, 0x30, 0x24, 0x08, 0x5f, 0xce, 0xe2, 0xf7, 0x0e];
//! let credential = CloudCredential::derive(&NtHash::of_password("Pa$$w0rd"), salt, 1000);
//! assert_eq!(
//!     credential.to_text().expose(),
//!     "v1;PPH1_MD4,181a3024085fcee2f70e,1000,\
//!      b39525c3bc72a1136fcf7c8a338e0c14313d0450d1a4c98ef0a6ddada3bc5b0a;"
//! );
//! assert!(credential.matches(&NtHash::of_password("Pa$$w0rd")));
//! assert!(!credential.matches(&NtHash::of_password("pa$$w0rd")));
//! ```

use crate::drsuapi::NtHash;
use lockstep_model::Secret;
use sha2::Sha256;
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How many bytes a salt has.
pub const SALT: usize = 10;
/// How many bytes the derived hash has.
pub const HASH: usize = 32;
/// How often the original iterates.
pub const ITERATIONS: u32 = 1000;
/// More iterations than this take minutes; whoever asks for them wants something else.
pub const MOST_ITERATIONS: u32 = 10_000_000;

/// A text that is no cloud credential. It is not quoted: it may be one that is damaged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a credential of the form v1;PPH1_MD4,SALT,ITERATIONS,HASH;")]
pub struct CredentialError;

/// A cloud credential. Whoever has it can try passwords against it, so it is kept as a secret.
#[derive(Clone, Debug)]
pub struct CloudCredential {
    salt: [u8; SALT],
    iterations: u32,
    hash: Secret<[u8; HASH]>,
}

impl CloudCredential {
    /// Makes one. The salt comes from a generator of good random numbers, and is used once.
    ///
    /// `iterations` below one count as one.
    #[must_use]
    pub fn derive(nt_hash: &NtHash, salt: [u8; SALT], iterations: u32) -> Self {
        const UPPER: &[u8; 16] = b"0123456789ABCDEF";
        let mut digits = Zeroizing::new([0; 64]);
        let nibbles = nt_hash
            .expose()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15]);
        // Each digit is one unit of UTF-16, its upper byte zero.
        for (unit, nibble) in digits.chunks_exact_mut(2).zip(nibbles) {
            unit[0] = UPPER[usize::from(nibble)];
        }
        let iterations = iterations.max(1);
        let mut hash = Zeroizing::new([0; HASH]);
        pbkdf2::pbkdf2_hmac::<Sha256>(&*digits, &salt, iterations, &mut *hash);
        Self {
            salt,
            iterations,
            hash: Secret::new(*hash),
        }
    }

    /// Whether it was made of this NT hash. Takes as long for a wrong one as for the right one.
    #[must_use]
    pub fn matches(&self, nt_hash: &NtHash) -> bool {
        let other = Self::derive(nt_hash, self.salt, self.iterations);
        self.hash.expose().ct_eq(other.hash.expose()).into()
    }

    /// How often the hash was iterated.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        // Allocated once, so that no half of it is left behind in memory.
        let mut text = String::with_capacity(128);
        text.push_str("v1;PPH1_MD4,");
        write_hex(&mut text, &self.salt);
        // Writing into a string does not fail.
        let _ = write!(text, ",{},", self.iterations);
        write_hex(&mut text, self.hash.expose());
        text.push(';');
        Secret::new(text)
    }

    /// Reads its text.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] for anything that [`CloudCredential::to_text`] would not write.
    pub fn from_text(text: &str) -> Result<Self, CredentialError> {
        let fields = text
            .strip_prefix("v1;PPH1_MD4,")
            .and_then(|text| text.strip_suffix(';'))
            .ok_or(CredentialError)?;
        let mut fields = fields.split(',');
        let mut field = || fields.next().ok_or(CredentialError);
        let salt = read_hex(field()?)?;
        let number = field()?;
        let iterations: u32 = number.parse().map_err(|_| CredentialError)?;
        let hash = read_hex(field()?)?;
        let plain = number.bytes().all(|digit| digit.is_ascii_digit()) && !number.starts_with('0');
        if fields.next().is_some() || !plain || iterations > MOST_ITERATIONS {
            return Err(CredentialError);
        }
        Ok(Self {
            salt,
            iterations,
            hash: Secret::new(hash),
        })
    }
}

const LOWER: &[u8; 16] = b"0123456789abcdef";

fn write_hex(text: &mut String, bytes: &[u8]) {
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from(LOWER[usize::from(nibble)]));
    }
}

fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], CredentialError> {
    let digit = |byte: u8| {
        let value = LOWER.iter().position(|digit| *digit == byte);
        value.and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(CredentialError);
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(CredentialError);
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Password, salt, hash, as published.
    const VECTORS: [(&str, &str, &str); 2] = [
        (
            "Pa$$w0rd",
            "181a3024085fcee2f70e",
            "b39525c3bc72a1136fcf7c8a338e0c14313d0450d1a4c98ef0a6ddada3bc5b0a",
        ),
        (
            "",
            "01cda06eceb9d9bc2621",
            "9d4fc778add44776555d3fa6ccb4f9637f25e34a62dbc5fa0f782ef8c762c902",
        ),
    ];

    #[test]
    fn the_published_vectors_come_out_byte_for_byte() {
        for (password, salt, hash) in VECTORS {
            let text = format!("v1;PPH1_MD4,{salt},1000,{hash};");
            let hash = NtHash::of_password(password);
            let made = CloudCredential::derive(&hash, read_hex(salt).unwrap(), ITERATIONS);
            assert_eq!(made.to_text().expose(), &text);
            let read = CloudCredential::from_text(&text).unwrap();
            assert!(read.matches(&hash));
            assert!(!read.matches(&NtHash::of_password("pa$$w0rd")));
        }
    }

    #[test]
    fn a_hash_made_of_lower_case_digits_does_not_match() {
        // What comes out when the NT hash is written in lower case, which is wrong.
        let (password, salt, _) = VECTORS[0];
        let digits: Vec<u8> = "92937945b518814341de3f726500d4ff"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let mut hash = [0; HASH];
        let salt: [u8; SALT] = read_hex(salt).unwrap();
        pbkdf2::pbkdf2_hmac::<Sha256>(&digits, &salt, ITERATIONS, &mut hash);
        assert_eq!(hash[..4], [0xdf, 0xd0, 0xa0, 0xd6]);
        let lower = CloudCredential {
            salt,
            iterations: ITERATIONS,
            hash: Secret::new(hash),
        };
        assert!(!lower.matches(&NtHash::of_password(password)));
    }

    #[test]
    fn iterations_count() {
        let hash = NtHash::of_password("x");
        let few = CloudCredential::derive(&hash, [1; SALT], 1);
        let more = CloudCredential::derive(&hash, [1; SALT], 2);
        assert_ne!(few.hash.expose(), more.hash.expose());
        assert!(few.matches(&hash) && more.matches(&hash));
        assert_eq!(CloudCredential::derive(&hash, [1; SALT], 0).iterations(), 1);
    }

    #[test]
    fn texts_of_another_form_are_refused_and_not_quoted() {
        let (_, salt, hash) = VECTORS[0];
        for text in [
            String::new(),
            format!("v1;PPH1_MD4,{salt},1000,{hash}"),
            format!("v2;PPH1_MD4,{salt},1000,{hash};"),
            format!("v1;PPH1_MD4,{},1000,{hash};", salt.to_uppercase()),
            format!("v1;PPH1_MD4,{salt},1000,{};", hash.to_uppercase()),
            format!("v1;PPH1_MD4,{salt},0,{hash};"),
            format!("v1;PPH1_MD4,{salt},+1000,{hash};"),
            format!("v1;PPH1_MD4,{salt},01000,{hash};"),
            format!("v1;PPH1_MD4,{salt},99999999999,{hash};"),
            format!("v1;PPH1_MD4,{salt},4000000000,{hash};"),
            format!("v1;PPH1_MD4,{salt},1000,{hash},;"),
            format!("v1;PPH1_MD4,{salt}a,1000,{hash};"),
            format!("v1;PPH1_MD4,{salt},1000,{hash}00;"),
            format!("v1;PPH1_MD4,{salt},1000,ö{hash};"),
        ] {
            let error = CloudCredential::from_text(&text).unwrap_err();
            assert!(!error.to_string().contains("b39525c3"), "{text}");
        }
        let shown = format!(
            "{:?}",
            CloudCredential::from_text(&format!("v1;PPH1_MD4,{salt},1000,{hash};"))
        );
        assert!(!shown.contains("b395") && !shown.contains("179"), "{shown}");
    }
}
