//! Answers of a domain controller to DCE/RPC and directory replication.

use lockstep_ad_proto::drsuapi::{AttributeId, Bound, Changes, Replication, SessionKeys};
use lockstep_ad_proto::epm;
use lockstep_ad_proto::rpc::{Fragment, Handshake, RpcError, Splitter, Unprotected};
use lockstep_model::credential::SyncedHash;
use lockstep_model::{Guid, Secret};

/// How many bytes arrive at once, in one run after the other.
const PIECES: [usize; 3] = [usize::MAX, 7, 1];
/// A response may not be larger than this here.
const LARGEST_RESPONSE: usize = 1 << 16;
/// The least that an object takes in a reply.
const OBJECT: usize = 32;

/// However the network cuts a stream into pieces, the same fragments come out of it; and each is an answer
/// to a bind or to a call, or is refused.
pub(crate) fn fragments(bytes: &[u8]) {
    let [whole, rest @ ..] = PIECES.map(|size| split(bytes, size));
    for pieces in rest {
        assert_eq!(whole, pieces, "pieces made a difference");
    }
    let Ok((mut handshake, _)) = Handshake::start(epm::INTERFACE, None, &[]) else {
        return;
    };
    let mut fragments = whole.0.into_iter();
    for fragment in fragments.by_ref().take(2) {
        if let Ok(token) = handshake.receive(&fragment) {
            let _ = handshake.alter_context(&token);
        }
    }
    let mut association = handshake.finish(Unprotected, LARGEST_RESPONSE);
    let Ok((mut call, _)) = association.call(epm::MAP, &[]) else {
        return;
    };
    for fragment in fragments {
        if call.receive(&mut association, fragment).is_err() {
            return;
        }
    }
}

fn split(bytes: &[u8], size: usize) -> (Vec<Fragment>, Option<RpcError>) {
    let mut splitter = Splitter::default();
    let mut fragments = Vec::new();
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        splitter.push(piece);
        loop {
            match splitter.next() {
                Ok(Some(fragment)) => fragments.push(fragment),
                Ok(None) => break,
                Err(error) => return (fragments, Some(error)),
            }
        }
    }
    (fragments, None)
}

/// An answer of an endpoint mapper names a port or is refused.
pub(crate) fn endpoint(bytes: &[u8]) {
    if let Ok(port) = epm::port(bytes) {
        assert_ne!(port, 0, "no port");
    }
}

/// An answer to a bind is understood or refused.
pub(crate) fn bind(bytes: &[u8]) {
    if let Ok(bound) = Bound::decode(bytes) {
        assert_eq!(bound.handle.unbind().len(), 20);
    }
}

/// A page of changes says no more than its bytes hold, and whoever receives it can read on in it.
pub(crate) fn changes(bytes: &[u8]) {
    let Ok(changes) = Changes::decode(bytes) else {
        return;
    };
    assert!(
        changes.objects.len() * OBJECT <= bytes.len(),
        "objects from nowhere"
    );
    let mut keys = SessionKeys::default();
    keys.add(Secret::new(vec![7; 16]));
    for object in &changes.objects {
        let _ = (object.deleted(), object.name.dn());
        for attribute in &object.attributes {
            let size: usize = attribute.values.iter().map(|value| value.len()).sum();
            assert!(size <= bytes.len(), "values from nowhere");
            let _ = attribute.stamp.map(|stamp| stamp.time());
        }
        if let Some(value) = object.value(AttributeId::UNICODE_PWD) {
            let _ = keys.open_nt_hash(500, value);
        }
    }
    let mut cycle = Replication::new("DC=x", None, Guid::NIL);
    // The same page for ever is the end of it.
    for _ in 0..2 {
        let _ = cycle.page(&changes);
    }
}

/// A hash that was understood is written so that it is understood again.
pub(crate) fn synced_hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(hash) = text.parse::<SyncedHash>() {
        assert!(hash.to_text().expose() == text, "a hash changed on its way");
    }
}
