//! Whether an account may read an attribute of an object, as its security descriptor says.
//!
//! Start at [`SecurityDescriptor::parse`] and [`SecurityDescriptor::may_read`]. Of [MS-DTYP] 2.4.6 and
//! [MS-ADTS] 5.1.3.3.3 this is what reading needs: the list that grants and denies, in its order. Owners,
//! auditing and rights to write are none of a reader's.

use lockstep_model::{Guid, Sid};
use std::collections::BTreeSet;

/// RIGHT_DS_READ_PROPERTY ([MS-ADTS] 5.1.3.2).
const READ_PROPERTY: u32 = 0x10;
/// RIGHT_DS_CONTROL_ACCESS, which confidential attributes ask for as well.
const CONTROL_ACCESS: u32 = 0x100;
/// Rights that stand for all that is read, and for all ([MS-DTYP] 2.4.3).
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_ALL: u32 = 0x1000_0000;

/// Kinds of entries ([MS-DTYP] 2.4.4.1).
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
const ALLOWED_OBJECT: u8 = 5;
const DENIED_OBJECT: u8 = 6;
/// The entry counts for objects below only.
const INHERIT_ONLY: u8 = 0x08;
/// The descriptor has a list.
const DACL_PRESENT: u16 = 0x04;

/// Who may do what with an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityDescriptor {
    /// In the order in which they count; `None`: everybody may do everything.
    entries: Option<Vec<Entry>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    allows: bool,
    rights: u32,
    /// An attribute or a set of attributes; `None`: all.
    object: Option<Guid>,
    who: Sid,
}

/// An attribute, as entries name it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GuardedAttribute {
    /// schemaIDGUID.
    pub id: Guid,
    /// attributeSecurityGUID: the set of attributes that it belongs to.
    pub set: Option<Guid>,
    /// searchFlags has fCONFIDENTIAL.
    pub confidential: bool,
}

/// Bytes that are no security descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("received a security descriptor that is none")]
pub struct NotADescriptor;

impl SecurityDescriptor {
    /// Reads the self-relative form, as `nTSecurityDescriptor` holds it ([MS-DTYP] 2.4.6).
    ///
    /// # Errors
    ///
    /// [`NotADescriptor`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NotADescriptor> {
        let control = u16_at(bytes, 2)?;
        let offset = usize::try_from(u32_at(bytes, 16)?).map_err(|_| NotADescriptor)?;
        if control & DACL_PRESENT == 0 || offset == 0 {
            return Ok(Self { entries: None });
        }
        let list = bytes.get(offset..).ok_or(NotADescriptor)?;
        let count = u16_at(list, 4)?;
        let mut rest = list.get(8..).ok_or(NotADescriptor)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let size = usize::from(u16_at(rest, 2)?);
            let (entry, behind) = rest.split_at_checked(size).ok_or(NotADescriptor)?;
            entries.extend(entry_of(entry)?);
            rest = behind;
        }
        Ok(Self {
            entries: Some(entries),
        })
    }

    /// Whether somebody with these SIDs may read the attribute.
    #[must_use]
    pub fn may_read(&self, token: &BTreeSet<Sid>, attribute: &GuardedAttribute) -> bool {
        self.grants(token, attribute, READ_PROPERTY)
            && (!attribute.confidential || self.grants(token, attribute, CONTROL_ACCESS))
    }

    /// The first entry that says something decides.
    fn grants(&self, token: &BTreeSet<Sid>, attribute: &GuardedAttribute, right: u32) -> bool {
        let Some(entries) = &self.entries else {
            return true;
        };
        let generic = match right {
            READ_PROPERTY => GENERIC_READ | GENERIC_ALL,
            _ => GENERIC_ALL,
        };
        let about = |object: &Option<Guid>| {
            object.is_none_or(|object| object == attribute.id || Some(object) == attribute.set)
        };
        entries
            .iter()
            .find(|entry| {
                entry.rights & (right | generic) != 0
                    && about(&entry.object)
                    && token.contains(&entry.who)
            })
            .is_some_and(|entry| entry.allows)
    }
}

/// One entry; `None` for kinds that say nothing about reading this object.
fn entry_of(bytes: &[u8]) -> Result<Option<Entry>, NotADescriptor> {
    let [kind, flags, ..] = bytes else {
        return Err(NotADescriptor);
    };
    if flags & INHERIT_ONLY != 0 {
        return Ok(None);
    }
    let (allows, has_objects) = match *kind {
        ALLOWED => (true, false),
        DENIED => (false, false),
        ALLOWED_OBJECT => (true, true),
        DENIED_OBJECT => (false, true),
        _ => return Ok(None),
    };
    let rights = u32_at(bytes, 4)?;
    let (mut at, mut object) = (8, None);
    if has_objects {
        let present = u32_at(bytes, 8)?;
        at = 12;
        if present & 1 != 0 {
            let guid = bytes.get(at..at + 16).ok_or(NotADescriptor)?;
            object = Some(Guid::from_wire(guid).map_err(|_| NotADescriptor)?);
            at += 16;
        }
        // The second one names a class, and counts for inheritance only.
        at += if present & 2 != 0 { 16 } else { 0 };
    }
    // Room may be left behind the SID.
    let sub_authorities = *bytes.get(at + 1).ok_or(NotADescriptor)?;
    let end = at + 8 + 4 * usize::from(sub_authorities);
    let who = bytes.get(at..end).ok_or(NotADescriptor)?;
    Ok(Some(Entry {
        allows,
        rights,
        object,
        who: Sid::from_wire(who).map_err(|_| NotADescriptor)?,
    }))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, NotADescriptor> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes
        .map(|bytes| u16::from_le_bytes(*bytes))
        .ok_or(NotADescriptor)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, NotADescriptor> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or(NotADescriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPARTMENT: &str = "bf96794f-0de6-11d0-a285-00aa003049e2";
    const ANOTHER: &str = "bf967950-0de6-11d0-a285-00aa003049e2";
    const PUBLIC: &str = "e48d0154-bcf8-11d1-8702-00c04fb96050";
    const SVC: &str = "S-1-5-21-1-2-3-1103";
    const EVERYONE: &str = "S-1-1-0";

    fn attribute(confidential: bool) -> GuardedAttribute {
        GuardedAttribute {
            id: DEPARTMENT.parse().unwrap(),
            set: Some(PUBLIC.parse().unwrap()),
            confidential,
        }
    }

    fn entry(kind: u8, flags: u8, rights: u32, object: Option<&str>, who: &str) -> Vec<u8> {
        let mut body = rights.to_le_bytes().to_vec();
        if kind >= ALLOWED_OBJECT {
            body.extend(u32::from(object.is_some()).to_le_bytes());
            body.extend(
                object
                    .into_iter()
                    .flat_map(|text| text.parse::<Guid>().unwrap().to_wire()),
            );
        }
        body.extend(who.parse::<Sid>().unwrap().to_wire());
        let size = u16::try_from(body.len() + 4).unwrap();
        [&[kind, flags][..], &size.to_le_bytes(), &body].concat()
    }

    fn descriptor(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 4, 0x80];
        for offset in [0_u32, 0, 0, 20] {
            bytes.extend(offset.to_le_bytes());
        }
        let body = entries.concat();
        bytes.extend([4, 0]);
        bytes.extend(u16::try_from(body.len() + 8).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        [bytes, body].concat()
    }

    fn may_read(entries: &[Vec<u8>], confidential: bool) -> bool {
        let token = [SVC, EVERYONE].map(|sid| sid.parse().unwrap()).into();
        let descriptor = SecurityDescriptor::parse(&descriptor(entries)).unwrap();
        descriptor.may_read(&token, &attribute(confidential))
    }

    #[test]
    fn the_first_entry_that_says_something_decides() {
        let all = entry(ALLOWED, 0, READ_PROPERTY, None, EVERYONE);
        let public = entry(ALLOWED_OBJECT, 0, READ_PROPERTY, Some(PUBLIC), SVC);
        let denied = entry(DENIED_OBJECT, 0, READ_PROPERTY, Some(DEPARTMENT), SVC);
        let other = entry(DENIED_OBJECT, 0, READ_PROPERTY, Some(ANOTHER), SVC);
        let stranger = entry(DENIED, 0, READ_PROPERTY, None, "S-1-5-21-1-2-3-9999");
        let below = entry(DENIED, INHERIT_ONLY, READ_PROPERTY, None, SVC);
        assert!(!may_read(&[], false));
        assert!(may_read(std::slice::from_ref(&all), false));
        assert!(may_read(&[other, stranger, below, public.clone()], false));
        assert!(!may_read(&[denied.clone(), all.clone()], false));
        assert!(may_read(&[all, denied], false));
        assert!(!may_read(std::slice::from_ref(&public), true));
        let control = entry(ALLOWED, 0, CONTROL_ACCESS, None, SVC);
        assert!(may_read(&[public, control], true));
    }

    #[test]
    fn a_descriptor_without_a_list_grants_everything() {
        let mut bytes = descriptor(&[]);
        bytes[2] = 0;
        let descriptor = SecurityDescriptor::parse(&bytes).unwrap();
        assert!(descriptor.may_read(&BTreeSet::new(), &attribute(true)));
    }

    #[test]
    fn cut_descriptors_are_refused() {
        let whole = descriptor(&[entry(ALLOWED_OBJECT, 0, READ_PROPERTY, Some(PUBLIC), SVC)]);
        assert!(SecurityDescriptor::parse(&whole).is_ok());
        for length in 0..whole.len() {
            let cut = SecurityDescriptor::parse(&whole[..length]);
            assert_eq!(cut, Err(NotADescriptor), "{length}");
        }
    }
}
