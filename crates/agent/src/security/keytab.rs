//! Kerberos keytabs, format version 2 of MIT: principals with their keys.

use lockstep_model::Secret;

/// A key of a principal.
#[derive(Debug)]
pub(super) struct KeytabKey {
    /// As `svc@CORP.TEST`.
    pub(super) principal: String,
    /// The encryption type's number (RFC 3961).
    pub(super) encryption: u16,
    version: u32,
    /// The key.
    pub(super) key: Secret<Vec<u8>>,
}

const AES256_SHA1: u16 = 18;
const AES128_SHA1: u16 = 17;

/// The newest AES key in a keytab, of this user if there are several principals.
pub(super) fn best_key(bytes: &[u8], user: &str) -> Result<KeytabKey, &'static str> {
    let keys = read(bytes).ok_or("the keytab is damaged")?;
    let named = |key: &KeytabKey| {
        let own = key.principal.split('@').next().unwrap_or_default();
        own.eq_ignore_ascii_case(user)
    };
    keys.into_iter()
        .filter(|key| matches!(key.encryption, AES256_SHA1 | AES128_SHA1) && named(key))
        .max_by_key(|key| (key.version, key.encryption))
        .ok_or("the keytab has no AES key of the account")
}

fn read(bytes: &[u8]) -> Option<Vec<KeytabKey>> {
    let mut rest = bytes.strip_prefix(&[5, 2])?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let size = i32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let entry = take(&mut rest, usize::try_from(size.unsigned_abs()).ok()?)?;
        // A negative size is a hole where an entry was removed.
        if size > 0 {
            keys.push(read_entry(entry)?);
        }
    }
    Some(keys)
}

fn read_entry(mut entry: &[u8]) -> Option<KeytabKey> {
    let components = short(&mut entry)?;
    let realm = counted_text(&mut entry)?;
    let mut names = Vec::new();
    for _ in 0..components {
        names.push(counted_text(&mut entry)?);
    }
    // The kind of name, and when the key was written.
    take(&mut entry, 8)?;
    let version = u32::from(*take(&mut entry, 1)?.first()?);
    let encryption = short(&mut entry)?;
    let length = short(&mut entry)?;
    let key = take(&mut entry, usize::from(length))?.to_vec();
    // Versions above 255 stand behind the key.
    let wide = take(&mut entry, 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_be_bytes);
    Some(KeytabKey {
        principal: format!("{}@{realm}", names.join("/")),
        encryption,
        version: wide.filter(|wide| *wide != 0).unwrap_or(version),
        key: Secret::new(key),
    })
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

fn short(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(take(rest, 2)?.try_into().ok()?))
}

fn counted_text(rest: &mut &[u8]) -> Option<String> {
    let length = short(rest)?;
    String::from_utf8(take(rest, usize::from(length))?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str, version: u8, encryption: u16, key: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 1, 0, 9];
        body.extend(b"CORP.TEST");
        body.extend([0, u8::try_from(user.len()).unwrap()]);
        body.extend(user.as_bytes());
        body.extend([0, 0, 0, 1, 0, 0, 0, 0, version]);
        body.extend(encryption.to_be_bytes());
        body.extend([0, u8::try_from(key.len()).unwrap()]);
        body.extend(key);
        let mut entry = i32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        entry.extend(body);
        entry
    }

    #[test]
    fn the_newest_aes_key_of_the_account_is_taken() {
        let keytab = [
            vec![5, 2],
            entry("svc", 1, 18, &[1; 32]),
            entry("svc", 2, 23, &[9; 16]),
            vec![0xff, 0xff, 0xff, 0xfe, 0, 0],
            entry("svc", 2, 18, &[2; 32]),
            entry("other", 3, 18, &[3; 32]),
        ]
        .concat();
        let key = best_key(&keytab, "SVC").unwrap();
        assert_eq!(
            (key.encryption, key.key.expose().as_slice()),
            (18, &[2; 32][..])
        );
        assert_eq!(key.principal, "svc@CORP.TEST");
    }

    #[test]
    fn damaged_keytabs_are_refused() {
        let good = [vec![5, 2], entry("svc", 1, 18, &[1; 32])].concat();
        for cut in 0..good.len() {
            assert!(best_key(&good[..cut], "svc").is_err(), "cut at {cut}");
        }
        assert!(best_key(&good, "nobody").is_err());
    }
}
