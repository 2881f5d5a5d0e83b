//! Distinguished names, GUIDs, SIDs, anchors.

use lockstep_model::{Dn, Guid, Sid, SourceAnchor};
use std::fmt::Display;
use std::str::FromStr;

/// A name that was read is written so that it is read again, and lies below its parents.
pub(crate) fn dn(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(dn) = again::<Dn>(text) else {
        return;
    };
    let mut above = dn.parent();
    while let Some(parent) = above {
        assert!(dn.is_within(&parent), "{dn} is not within {parent}");
        assert!(parent.steps().len() < dn.steps().len());
        above = parent.parent();
    }
}

/// Identities that were read, from bytes or from text, are written as they were.
pub(crate) fn guid_and_sid(bytes: &[u8]) {
    if let Ok(sid) = Sid::from_wire(bytes) {
        assert_eq!(sid.to_wire(), bytes, "{sid}");
        assert_eq!(again::<Sid>(&sid.to_string()).as_ref(), Some(&sid));
        if let Some(rid) = sid.rid() {
            assert_eq!(sid.domain().with_rid(rid), sid);
        }
    }
    if let Ok(guid) = Guid::from_wire(bytes) {
        assert_eq!(again::<Guid>(&guid.to_string()), Some(guid));
        assert_eq!(SourceAnchor::from_object_guid(guid).guid(), Some(guid));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        again::<Sid>(text);
        again::<Guid>(text);
        again::<SourceAnchor>(text);
    }
}

/// What a text means, which its own text form must mean as well.
fn again<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let written = value.to_string();
    let same = written.parse::<T>().is_ok_and(|read| read == value);
    assert!(
        same,
        "{text:?} became {written:?}, which means something else"
    );
    Some(value)
}
